package query

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// RejectedMessage is the JSON form of a message that ingest could not accept.
type RejectedMessage struct {
	Topic     string        `json:"topic"`
	TopicID   uuid.UUID     `json:"topic_id"`
	Partition int           `json:"partition"`
	Offset    int64         `json:"offset"`
	Time      timeJSON      `json:"time"`
	Reason    action.Reason `json:"reason"`
	Field     string        `json:"field"`
	Message   string        `json:"message"`
	// Raw is the message's bytes; encoding/json writes them in base64.
	Raw     []byte           `json:"raw"`
	Headers []rejectedHeader `json:"headers"`
	Retries int              `json:"retries"`
	// LastRetry is nil when there was none.
	LastRetry *lastRetry `json:"last_retry"`
}

type rejectedHeader struct {
	Key   string `json:"key"`
	Value []byte `json:"value"`
}

type lastRetry struct {
	Time timeJSON `json:"time"`
	Who  string   `json:"who"`
	Note string   `json:"note"`
}

// NewRejectedMessage returns the JSON form of a rejected message.
func NewRejectedMessage(r *store.Rejected) RejectedMessage {
	m := RejectedMessage{
		Topic: r.Origin.Topic, TopicID: r.Origin.TopicID, Partition: r.Origin.Partition, Offset: r.Origin.Offset, Time: timeJSON(r.Origin.Time),
		Reason: r.Reason, Field: r.Field, Message: r.Message, Raw: r.Raw, Headers: make([]rejectedHeader, len(r.Headers)), Retries: r.Retries,
	}
	for i, h := range r.Headers {
		m.Headers[i] = rejectedHeader(h)
	}
	if r.Retries > 0 {
		m.LastRetry = &lastRetry{timeJSON(r.Last.Time), r.Last.Who, r.Last.Note}
	}
	return m
}

// rejectedPage is the answer of GET /v1/rejected.
type rejectedPage struct {
	Rejected   []RejectedMessage `json:"rejected"`
	NextCursor *string           `json:"next_cursor"`
}

// rejectedParameters are those by which rejected messages are chosen.
var rejectedParameters = []parameter{{name: "reason", repeatable: true}, {name: "from"}, {name: "to"}, {name: "pending"}}

// rejectedFilter returns which rejected messages are asked about.
func (p params) rejectedFilter() (f store.RejectedFilter, err error) {
	for _, name := range p.values["reason"] {
		reason, err := action.ParseReason(name)
		if err != nil {
			return f, invalid("reason", "reason: "+err.Error()+".")
		}
		f.Reasons = append(f.Reasons, reason)
	}
	now := time.Now()
	if f.From, err = p.time("from", search.From, now, time.UTC); err != nil {
		return f, err
	}
	if f.To, err = p.time("to", search.To, now, time.UTC); err != nil {
		return f, err
	}
	if err := p.checkSpan(f.From, f.To, "A message"); err != nil {
		return f, err
	}
	f.Pending, err = p.flag("pending")
	return f, err
}

func (s *Server) listRejected(w http.ResponseWriter, r *http.Request, p params) error {
	filter, err := p.rejectedFilter()
	if err != nil {
		return err
	}
	limit, err := p.limit()
	if err != nil {
		return err
	}
	cursor, err := p.rejectedCursor()
	if err != nil {
		return err
	}
	page, err := s.store.ListRejected(r.Context(), filter, cursor, limit)
	if err != nil {
		return fmt.Errorf("answer with a list: %w", err)
	}
	answer := rejectedPage{Rejected: make([]RejectedMessage, len(page.Rejected))}
	for i := range page.Rejected {
		answer.Rejected[i] = NewRejectedMessage(&page.Rejected[i])
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
