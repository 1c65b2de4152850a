package query

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/actionlog/actionlog/pkg/action"
)

// rejectedJSON is a message that ingest could not accept.
type rejectedJSON struct {
	Topic     string        `json:"topic"`
	Partition int           `json:"partition"`
	Offset    int64         `json:"offset"`
	Time      timeJSON      `json:"time"`
	Reason    action.Reason `json:"reason"`
	Field     string        `json:"field"`
	Message   string        `json:"message"`
	// Raw is the message's bytes; encoding/json writes them in base64.
	Raw []byte `json:"raw"`
}

// rejectedPage is the answer of GET /v1/rejected.
type rejectedPage struct {
	Rejected   []rejectedJSON `json:"rejected"`
	NextCursor *string        `json:"next_cursor"`
}

func (s *Server) listRejected(w http.ResponseWriter, r *http.Request, p params) error {
	limit, err := p.limit()
	if err != nil {
		return err
	}
	cursor, err := p.rejectedCursor()
	if err != nil {
		return err
	}
	page, err := s.store.ListRejected(r.Context(), cursor, limit)
	if err != nil {
		return fmt.Errorf("answer with a list: %w", err)
	}
	answer := rejectedPage{Rejected: make([]rejectedJSON, len(page.Rejected))}
	for i, m := range page.Rejected {
		answer.Rejected[i] = rejectedJSON{
			Topic: m.Origin.Topic, Partition: m.Origin.Partition, Offset: m.Origin.Offset, Time: timeJSON(m.Origin.Time),
			Reason: m.Reason, Field: m.Field, Message: m.Message, Raw: m.Raw,
		}
	}
	if page.Next != nil {
		next := encodeRejectedCursor(page.Next)
		answer.NextCursor = &next
	}
	var b bytes.Buffer
	if err := encodeJSON(&b, answer); err != nil {
		return fmt.Errorf("encode rejected messages: %w", err)
	}
	b.WriteByte('\n')
	writeJSON(w, b.Bytes())
	return nil
}
