package query

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// feedParameters are what the feed takes beside the filters.
var feedParameters = slices.Concat(filterParameters, []parameter{{name: "after"}, {name: "limit"}})

// fromNow is the position that stands for the end of the feed.
const fromNow = "now"

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
	began := time.Now()
	q, err := p.filter(s.page.now(), s.page.catalogue)
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
	through := s.completeThrough(r.Context()) // before the ends, and these before the rows
	ends, err := s.store.FeedEnds(r.Context())
	if err != nil {
		return fmt.Errorf("answer with the feed: %w", err)
	}
	page := store.FeedPage{Position: ends, CaughtUp: true}
	if !now {
		page, err = s.store.Feed(r.Context(), q.Filter, after, ends, limit)
		if err != nil {
			return fmt.Errorf("answer with the feed: %w", err)
		}
	}
	var b bytes.Buffer
	b.WriteString(`{"actions":`)
	if err := writeActions(&b, page.Actions); err != nil {
		return err
	}
	b.WriteByte(',')
	writePlace(&b, page.Position, page.CaughtUp, through)
	fmt.Fprintf(&b, `,"took_ms":%d,"rows_read":0}`+"\n", time.Since(began).Milliseconds())
	writeJSON(w, b.Bytes())
	return nil
}

// writePlace writes the members of an object that say where a reader of the feed is.
func writePlace(b *bytes.Buffer, position store.Position, caughtUp bool, through *time.Time) {
	complete := "null"
	if through != nil {
		complete = `"` + through.UTC().Format(store.TimeLayout) + `"`
	}
	fmt.Fprintf(b, `"position":"%s","caught_up":%t,"complete_through":%s`, encodePosition(position), caughtUp, complete)
}
