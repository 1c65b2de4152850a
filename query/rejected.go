package query

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
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

// rejectedParameters are those by which rejected messages are chosen.
var rejectedParameters = []parameter{{name: "reason", repeatable: true}, {name: "from"}, {name: "to"}, {name: "pending"}}

// rejectedFilter returns which rejected messages are asked about. Days begin in a zone.
func (p params) rejectedFilter(now time.Time, zone *time.Location) (f store.RejectedFilter, err error) {
	for _, name := range p.values["reason"] {
		reason, err := action.ParseReason(name)
		if err != nil {
			return f, invalid("reason", "reason: "+err.Error()+".").saying("reason", "Value", search.Short(name), "Guess", search.Nearest(name, reasonNames()), "Known", strings.Join(reasonNames(), ", "))
		}
		f.Reasons = append(f.Reasons, reason)
	}
	if f.From, err = p.time("from", search.From, now, zone); err != nil {
		return f, err
	}
	if f.To, err = p.time("to", search.To, now, zone); err != nil {
		return f, err
	}
	if err := checkSpan("from", f.From, f.To, p.one("from"), p.one("to"), "A message"); err != nil {
		return f, err
	}
	f.Pending, err = p.flag("pending")
	return f, err
}

// reasonNames are the reasons why a message is rejected.
func reasonNames() []string {
	var names []string
	for _, reason := range action.Reasons() {
		names = append(names, string(reason))
	}
	return names
}

func (s *Server) listRejected(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	filter, err := p.rejectedFilter(m.start, time.UTC)
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
	page, err := s.store.ListRejected(m.ctx, filter, cursor, limit)
	if err != nil {
		return fmt.Errorf("answer with a list: %w", err)
	}
	messages := make([]RejectedMessage, len(page.Rejected))
	for i := range page.Rejected {
		messages[i] = NewRejectedMessage(&page.Rejected[i])
	}
	var next struct {
		Cursor *string `json:"next_cursor"`
	}
	if page.Next != nil {
		cursor := encodeRejectedCursor(page.Next)
		next.Cursor = &cursor
	}
	var b bytes.Buffer
	b.WriteString(`{"rejected":`)
	if err := encodeJSON(&b, messages); err != nil {
		return fmt.Errorf("encode rejected messages: %w", err)
	}
	if err := m.writeRest(&b, next); err != nil {
		return err
	}
	writeJSON(w, r, b.Bytes())
	return nil
}
