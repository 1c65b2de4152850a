package ingest

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// The statuses of an event that was sent over HTTP.
const (
	eventAccepted = "accepted" // Kafka has it, and it is valid
	eventRejected = "rejected" // Kafka has it, and it is not: it is kept with its reason
	eventFailed   = "failed"   // Kafka has not acknowledged it
)

// statusClientClosed is nginx's status for a client that went away before its
// answer. It is only ever logged.
const statusClientClosed = 499

// answer is what the door says to a request.
type answer interface {
	// write sends it and returns its HTTP status.
	write(w http.ResponseWriter) int
}

// verdict is what became of one event.
type verdict struct {
	Line   int    `json:"line,omitempty"` // in a batch, from 1
	Status string `json:"status"`
	// ID is that of an accepted event, when it has one.
	ID string `json:"id,omitempty"`
	// Reason and Field are set when the event is rejected.
	Reason  action.Reason `json:"reason,omitempty"`
	Field   string        `json:"field,omitempty"`
	Message string        `json:"message,omitempty"`
}

func (v verdict) write(w http.ResponseWriter) int {
	return writeJSON(w, http.StatusAccepted, "application/json", v)
}

// verdicts are what became of the lines of a batch.
type verdicts struct {
	Accepted int       `json:"accepted"`
	Rejected int       `json:"rejected"`
	Failed   int       `json:"failed"`
	Lines    []verdict `json:"lines"`
}

func (b *verdicts) add(v verdict) {
	switch v.Status {
	case eventAccepted:
		b.Accepted++
	case eventRejected:
		b.Rejected++
	default:
		b.Failed++
	}
	b.Lines = append(b.Lines, v)
}

func (b *verdicts) write(w http.ResponseWriter) int {
	return writeJSON(w, http.StatusAccepted, "application/json", b)
}

// problem is an error as RFC 9457 problem details.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Detail says what is wrong with this request and what to do.
	Detail string `json:"detail"`
	// Reason, Field and Message say why an event is rejected.
	Reason  action.Reason `json:"reason,omitempty"`
	Field   string        `json:"field,omitempty"`
	Message string        `json:"message,omitempty"`
	// verdicts are set when some lines of a batch failed.
	*verdicts

	header http.Header // what the answer has beside
	cause  error       // for the log; clients never see it
}

func (p *problem) write(w http.ResponseWriter) int {
	maps.Copy(w.Header(), p.header)
	return writeJSON(w, p.Status, "application/problem+json", p)
}

func newProblem(name string, status int, detail string) *problem {
	return &problem{Type: "urn:actionlog:problem:" + name, Title: http.StatusText(status), Status: status, Detail: detail}
}

func rejectedEvent(v verdict) *problem {
	p := newProblem("rejected", http.StatusUnprocessableEntity, "The event is not valid, and is kept among the rejected messages: "+v.Message)
	p.Reason, p.Field, p.Message = v.Reason, v.Field, v.Message
	return p
}

func notAcknowledged(detail string, cause error) *problem {
	p := unavailable(detail, 5*time.Second)
	p.cause = cause
	return p
}

func unavailable(detail string, after time.Duration) *problem {
	p := newProblem("unavailable", http.StatusServiceUnavailable, detail)
	p.header = http.Header{"Retry-After": {strconv.Itoa(int(after.Seconds()))}}
	return p
}

func methodNotAllowed() *problem {
	p := newProblem("method-not-allowed", http.StatusMethodNotAllowed, "This path takes POST alone. The log is read from query, not from here.")
	p.header = http.Header{"Allow": {http.MethodPost}}
	return p
}

func tooLarge(detail string) *problem {
	return newProblem("too-large", http.StatusRequestEntityTooLarge, detail)
}

func unsupported(detail string) *problem {
	return newProblem("unsupported-media-type", http.StatusUnsupportedMediaType, detail)
}

func emptyBody() *problem {
	return newProblem("empty", http.StatusBadRequest, "The body is empty. Send an event, or lines of events.")
}

func writeJSON(w http.ResponseWriter, status int, contentType string, v any) int {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return statusClientClosed
	}
	return status
}
