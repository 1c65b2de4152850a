package query

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"

	"github.com/actionlog/actionlog/pkg/store"
)

// feedParameters are what the feed takes beside the filters.
var feedParameters = slices.Concat(filterParameters, []parameter{{name: "after"}, {name: "limit"}})

// fromNow is the position that stands for the end of the feed.
const fromNow = "now"

// feedPlace says where a reader of the feed is.
type feedPlace struct {
	Position string `json:"position"`
	CaughtUp bool   `json:"caught_up"`
}

// after returns the position where reading goes on: nil for the beginning; now is set
// for the end of the feed.
func (p params) after() (position store.Position, now bool, err error) {
	value := p.one("after")
	if value == "" || value == fromNow {
		return nil, value == fromNow, nil
	}
	position, err = decodePosition(value)
	if err != nil {
		return nil, false, invalid("after", "after is not valid: "+err.Error()+".")
	}
	return position, false, nil
}

func (s *Server) readFeed(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	limit, err := p.limit()
	if err != nil {
		return err
	}
	after, now, err := p.after()
	if err != nil {
		return err
	}
	ends, err := s.store.FeedEnds(m.graced) // before the rows
	if err != nil {
		return fmt.Errorf("answer with the feed: %w", err)
	}
	page := store.FeedPage{Position: ends, CaughtUp: true}
	if !now {
		page, err = s.store.Feed(m.ctx, q.Filter, after, ends, limit)
		if err != nil {
			return fmt.Errorf("answer with the feed: %w", err)
		}
		m.Partial = page.Partial
	}
	var b bytes.Buffer
	b.WriteString(`{"actions":`)
	if err := writeActions(&b, page.Actions); err != nil {
		return err
	}
	if err := m.writeRest(&b, feedPlace{encodePosition(page.Position), page.CaughtUp}); err != nil {
		return err
	}
	writeJSON(w, r, b.Bytes())
	return nil
}
