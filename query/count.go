package query

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/search"
)

// countParameters are those of a count.
var countParameters = slices.Concat(filterParameters, []parameter{{name: "budget"}})

// minBudget is the least time that a question can be given.
const minBudget = 10 * time.Millisecond

// budget returns how long a question may take; zero leaves it to the server.
func (p params) budget() (time.Duration, error) {
	value := p.one("budget")
	if value == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d < minBudget {
		return 0, invalid("budget", fmt.Sprintf("budget is %q. Give a time of %s or more with its unit, such as 200ms or 1.5s.", search.Short(value), minBudget))
	}
	return d, nil
}

type countJSON struct {
	Count uint64 `json:"count"`
	Exact bool   `json:"exact"`
	searchedTo
	measured
}

// searchedTo says how far a partial answer reaches; it is absent in others.
type searchedTo struct {
	SearchedTo *timeJSON `json:"searched_to,omitempty"`
}

func searched(reached time.Time) searchedTo { return searchedTo{orNull(reached)} }

func orNull(t time.Time) *timeJSON {
	if t.IsZero() {
		return nil
	}
	return (*timeJSON)(&t)
}

func (s *Server) countActions(w http.ResponseWriter, r *http.Request, p params) error {
	budget, err := p.budget()
	if err != nil {
		return err
	}
	ctx := r.Context()
	if budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, budget)
		defer cancel()
	}
	m := s.measure(r.WithContext(ctx))
	defer m.cancel()
	q, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	count, err := s.store.Count(m.ctx, q.Filter) //nolint:contextcheck // it is r's
	if err != nil {
		return fmt.Errorf("answer with a count: %w", err)
	}
	m.Partial = !count.Reached.IsZero()
	return writeAnswer(w, r, countJSON{Count: count.Count, Exact: !m.Partial, searchedTo: searched(count.Reached), measured: m.end()})
}

func writeAnswer(w http.ResponseWriter, r *http.Request, answer any) error {
	var b bytes.Buffer
	if err := encodeJSON(&b, answer); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	b.WriteByte('\n')
	writeJSON(w, r, b.Bytes())
	return nil
}
