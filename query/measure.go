package query

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// measure is what an answer says of itself, and the time that it has.
type measure struct {
	// ctx ends when the time is up.
	ctx    context.Context //nolint:containedctx // it is this answer's
	cancel context.CancelFunc
	// graced has partialGrace more, for the little without which there is no partial answer.
	graced context.Context //nolint:containedctx // it is this answer's
	start  time.Time
	now    func() time.Time
	cost   *store.Cost
	// through is what was complete before anything was read.
	through *time.Time
	// Partial is set when the time was up before all was searched.
	Partial bool
}

// measure begins an answer. Call its cancel at the end.
func (s *Server) measure(r *http.Request) *measure {
	m := &measure{start: s.now(), now: s.now}
	m.graced, m.cost = store.WithCost(r.Context())
	m.ctx, m.cancel = context.WithTimeout(m.graced, s.cfg.QueryTimeout)
	m.through = s.completeThrough(m.ctx) //nolint:contextcheck // it is r's; this comes ahead of every read
	return m
}

// measured is how an answer ends.
type measured struct {
	// Partial is set when the time was up before all was searched.
	Partial bool `json:"partial"`
	// TookMS is the time until the answer was made, in milliseconds.
	TookMS int64 `json:"took_ms"`
	// RowsRead is how many rows the database read for it.
	RowsRead uint64 `json:"rows_read"`
	// CompleteThrough is a moment: all that Kafka had acknowledged by then is in the
	// answer. Null when that cannot be known.
	CompleteThrough *timeJSON `json:"complete_through"`
}

func (m *measure) end() measured {
	return measured{
		Partial: m.Partial, TookMS: m.now().Sub(m.start).Milliseconds(), RowsRead: m.cost.RowsRead(), CompleteThrough: (*timeJSON)(m.through),
	}
}

// writeRest ends a JSON object whose first members are written, without its brace: with
// those of other objects, which have some, and with those that every answer has.
func (m *measure) writeRest(b *bytes.Buffer, others ...any) error {
	for _, object := range append(others, m.end()) {
		at := b.Len()
		if err := encodeJSON(b, object); err != nil {
			return fmt.Errorf("encode the end of an answer: %w", err)
		}
		b.Bytes()[at] = ',' // for the brace
		b.Truncate(b.Len() - len("}"))
	}
	b.WriteString("}\n")
	return nil
}
