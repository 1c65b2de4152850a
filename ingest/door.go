package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/emit"
)

const (
	// DoorPath is where events are posted.
	DoorPath = "/v1/actions"

	// maxBatchBytes and maxBatchLines bound a batch, inflated. Its lines and their
	// verdicts are held at once, since the status that goes first depends on all.
	maxBatchBytes = 8 << 20
	maxBatchLines = 10_000

	// DoorMemory is about what a door works in, in bytes: four of the longest batches
	// with what is made of them.
	DoorMemory = 4 * doorBudget
	// doorBudget bounds the bodies that are held at a time; beyond it requests are
	// turned away. leastCost is what the smallest counts, which makes that 512 requests.
	doorBudget = 4 * maxBatchBytes
	leastCost  = 64 << 10

	// publishTimeout bounds the wait for Kafka. The emitter gives up before, with the
	// cause, unless others were first in line.
	publishTimeout = 10 * time.Second
	emitRetryFor   = 8 * time.Second

	doorHeaderTimeout = 5 * time.Second
	doorReadTimeout   = 30 * time.Second // of a body
	doorWriteTimeout  = 10 * time.Second
	doorIdleTimeout   = 2 * time.Minute
	// doorDrainTimeout is what requests under way have when the door closes: as long as
	// Kafka may take and some more.
	doorDrainTimeout = publishTimeout + 5*time.Second
	// maxDoorHeader keeps an event in headers within a Kafka message.
	maxDoorHeader = 32 << 10
)

// Door takes events over HTTP and publishes them to the topic, for applications
// without a Kafka client: POST /v1/actions, as docs/http.md says. What it has
// answered with 202, Kafka has acknowledged.
//
// Bytes are published as they came, valid or not: ingest rejects what is not valid,
// and keeps it. The verdict in the answer is that of the same decoder.
type Door struct {
	emitter *emit.Emitter
	logger  *slog.Logger
	budget  *semaphore.Weighted // of bytes of bodies
	// noID is the id of events that have none, for the origin that verdict uses.
	noID string
}

// NewDoor returns a door to the topic of a configuration. It connects to Kafka with
// the first request. Serve closes it.
func NewDoor(cfg Config, logger *slog.Logger) (*Door, error) {
	emitter, err := emit.New(emit.Config{
		Brokers: cfg.KafkaBrokers, Topic: cfg.Topic, RetryFor: emitRetryFor, ClientID: "actionlog-http", Logger: logger,
	})
	if err != nil {
		return nil, fmt.Errorf("open the HTTP door: %w", err)
	}
	d := &Door{emitter: emitter, logger: logger, budget: semaphore.NewWeighted(doorBudget)}
	d.noID = d.verdict(action.Message{Value: []byte(`{"actor":{"id":"a"},"action":"a.b"}`)}).ID
	return d, nil
}

// Serve answers at a listener until ctx ends. Then it takes no new requests, and
// returns when those under way have their answer, or after 15 s. It closes the
// listener and the door.
func (d *Door) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: d, ReadHeaderTimeout: doorHeaderTimeout, IdleTimeout: doorIdleTimeout, MaxHeaderBytes: maxDoorHeader,
		ErrorLog: slog.NewLogLogger(d.logger.Handler(), slog.LevelWarn),
	}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doorDrainTimeout)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			d.logger.WarnContext(ctx, "requests are still at work and are cut off", "after", doorDrainTimeout)
			_ = server.Close()
		}
	})
	err := server.Serve(listener)
	if stop() {
		return errors.Join(fmt.Errorf("serve HTTP at %s: %w", listener.Addr(), err), server.Close(), d.emitter.Close())
	}
	<-drained
	return d.emitter.Close()
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	answer := d.answer(w, r)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(doorWriteTimeout))
	status := answer.write(w)

	level, attributes := slog.LevelDebug, []any{"method", r.Method, "path", r.URL.Path, "status", status, "took", time.Since(start), "remote", r.RemoteAddr}
	if p, ok := answer.(*problem); ok && p.cause != nil {
		level, attributes = slog.LevelWarn, append(attributes, "error", p.cause)
	}
	d.logger.Log(r.Context(), level, "request", attributes...)
}

// answer reads a request, publishes what it holds and says what became of it.
func (d *Door) answer(w http.ResponseWriter, r *http.Request) answer {
	switch {
	case r.URL.Path != DoorPath:
		return newProblem("not-found", http.StatusNotFound, "There is nothing at this path. Events are posted to "+DoorPath+".")
	case r.Method != http.MethodPost:
		return methodNotAllowed()
	// Programs send neither header, browsers one of them with each POST. No page has a
	// reason to write here, so one that is elsewhere is not let in by whoever opens it.
	case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
		return newProblem("browser", http.StatusForbidden, "The request comes from a web page: let the page's server send the event.")
	}
	f, p := formatOf(r.Header)
	if p != nil {
		return p
	}
	cost := f.limit
	if n := r.ContentLength; n >= 0 && r.Header.Get("Content-Encoding") == "" {
		cost = min(n, cost)
	}
	cost = max(cost, leastCost)
	if !d.budget.TryAcquire(cost) {
		return unavailable("The service has too many requests at work. Send it again in a moment.", time.Second)
	}
	defer d.budget.Release(cost)

	body, p := readBody(w, r, f.limit)
	if p != nil {
		return p
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), publishTimeout, fmt.Errorf("not acknowledged within %s", publishTimeout))
	defer cancel()
	if f.batch {
		return d.takeBatch(ctx, body)
	}
	return d.takeEvent(ctx, action.Message{Value: body, Headers: f.headers})
}

// takeEvent publishes one event.
func (d *Door) takeEvent(ctx context.Context, m action.Message) answer {
	switch size := m.Size(); {
	case size > action.MaxMessageBytes:
		return tooLarge(fmt.Sprintf("The event has %d bytes. Send at most %d.", size, action.MaxMessageBytes))
	case size == 0:
		return emptyBody()
	}
	if errs := d.emitter.EmitMessages(ctx, m); errs != nil {
		return notAcknowledged("Kafka has not acknowledged the event, which may be there or not: "+
			reasonOf(errs[0])+". Send it again: with an id and a time of its own it is shown once.", errs[0])
	}
	v := d.verdict(m)
	if v.Status == eventRejected {
		return rejectedEvent(v)
	}
	return v
}

// takeBatch publishes the lines of a batch, each as an event of its own.
func (d *Door) takeBatch(ctx context.Context, body []byte) answer {
	lines, p := splitLines(body)
	if p != nil {
		return p
	}
	messages := make([]action.Message, len(lines))
	for i, l := range lines {
		messages[i].Value = l.value
	}
	errs := d.emitter.EmitMessages(ctx, messages...)
	b := &verdicts{}
	var cause error
	for i, l := range lines {
		v := verdict{Status: eventFailed}
		if errs == nil || errs[i] == nil {
			v = d.verdict(action.Message{Value: l.value})
		} else {
			v.Message, cause = reasonOf(errs[i]), errs[i]
		}
		v.Line = l.number
		b.add(v)
	}
	if b.Failed > 0 {
		p := notAcknowledged(fmt.Sprintf("Kafka has not acknowledged %d of %d lines, which may be there or not. Send those again whose status is %s: "+
			"with an id and a time of their own they are shown once.", b.Failed, len(lines), eventFailed), cause)
		p.verdicts = b
		return p
	}
	return b
}

// verdict returns what ingest will find. The origin, where the message stands in
// Kafka, is not known: it gives an event its id and time where they are absent, and
// has no part in the verdict but that the time must be of this age.
func (d *Door) verdict(m action.Message) verdict {
	e, r := m.Decode(action.Origin{Time: time.Now()})
	if r != nil {
		return verdict{Status: eventRejected, Reason: r.Reason, Field: r.Field, Message: r.Message}
	}
	if e.ID == d.noID {
		e.ID = ""
	}
	return verdict{Status: eventAccepted, ID: e.ID}
}

// reasonOf tells a client why something is not acknowledged. What is not Kafka's own
// answer holds addresses, and is for the log.
func reasonOf(err error) string {
	if code, ok := errors.AsType[kafka.Error](err); ok {
		return "Kafka answers " + code.Error()
	}
	return "Kafka does not answer"
}

// format is what a request's headers say of its body.
type format struct {
	batch bool
	limit int64 // of the body, in bytes
	// headers go into the message of a CloudEvent.
	headers []action.Header
}

// formatOf tells an event, a CloudEvent and a batch apart.
func formatOf(h http.Header) (format, *problem) {
	contentType := h.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(contentType)
	event := format{limit: action.MaxMessageBytes}
	if h.Get("Ce-Specversion") != "" {
		event.headers = cloudEventHeaders(h)
		return event, nil
	}
	switch {
	case contentType == "":
		return event, nil
	case err != nil:
	case mediaType == "application/json":
		return event, nil
	case mediaType == "application/cloudevents+json":
		event.headers = []action.Header{{Key: "content-type", Value: []byte(contentType)}}
		return event, nil
	case mediaType == "application/x-ndjson", mediaType == "application/ndjson", mediaType == "application/jsonl":
		return format{batch: true, limit: maxBatchBytes}, nil
	}
	return format{}, unsupported(fmt.Sprintf("The Content-Type is %q. Send an event as application/json, a CloudEvent as application/cloudevents+json, "+
		"or a batch with one event a line as application/x-ndjson.", contentType))
}

// cloudEventHeaders turns the attributes of a CloudEvent in binary mode from HTTP's
// form into Kafka's: ce-type is ce_type, and what HTTP escapes is itself.
func cloudEventHeaders(h http.Header) []action.Header {
	var headers []action.Header
	for _, name := range slices.Sorted(maps.Keys(h)) {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok {
			continue
		}
		for _, value := range h[name] {
			headers = append(headers, action.Header{Key: "ce_" + attribute, Value: []byte(unescape(value))})
		}
	}
	if contentType := h.Get("Content-Type"); contentType != "" {
		headers = append(headers, action.Header{Key: "content-type", Value: []byte(contentType)})
	}
	return headers
}

// unescape decodes a header as section 3.1.3.2 of CloudEvents' HTTP binding asks: a
// quoted string first, then what is percent-encoded. What is not well-formed stays.
func unescape(value string) string {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		var b strings.Builder
		for i := 1; i < n-1; i++ {
			if value[i] == '\\' && i < n-2 {
				i++
			}
			b.WriteByte(value[i])
		}
		value = b.String()
	}
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

// readBody returns the body of a request, inflated, of at most limit bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *problem) {
	tooLong := tooLarge(fmt.Sprintf("The body is longer than %d bytes, inflated. Send several shorter ones; nothing of this one was taken.", limit))
	if r.ContentLength > limit {
		return nil, tooLong
	}
	connection := http.NewResponseController(w)
	_ = connection.SetReadDeadline(time.Now().Add(doorReadTimeout))
	defer func() { _ = connection.SetReadDeadline(time.Time{}) }() // it would end the request while Kafka is waited for

	var body io.Reader = http.MaxBytesReader(w, r.Body, limit)
	var err error
	switch encoding := strings.ToLower(r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		body, err = gzip.NewReader(body)
	default:
		p := unsupported(fmt.Sprintf("The Content-Encoding is %q. Send gzip or none.", encoding))
		p.header = http.Header{"Accept-Encoding": {"gzip"}}
		return nil, p
	}
	var data bytes.Buffer
	if err == nil {
		data.Grow(int(max(r.ContentLength, 0)) + bytes.MinRead)
		_, err = data.ReadFrom(io.LimitReader(body, limit+1))
	}
	var tooMany *http.MaxBytesError
	switch {
	case errors.As(err, &tooMany), int64(data.Len()) > limit:
		return nil, tooLong
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, newProblem("timeout", http.StatusRequestTimeout, fmt.Sprintf("The body did not arrive within %s. Send it faster, or in parts.", doorReadTimeout))
	case err != nil:
		return nil, newProblem("unreadable-body", http.StatusBadRequest, fmt.Sprintf("The body cannot be read: %v. Send it whole; nothing of it was taken.", err))
	}
	return data.Bytes(), nil
}

// line is a line of a batch and where it stands, from 1.
type line struct {
	number int
	value  []byte
}

// splitLines returns the lines of a batch that are not empty, as emit.Lines tells them
// apart. A line that is too long is found before any is published.
func splitLines(body []byte) ([]line, *problem) {
	var lines []line
	for number := 1; len(body) > 0; number++ {
		value, rest, ended := bytes.Cut(body, []byte("\n"))
		body = rest
		if ended {
			value = bytes.TrimSuffix(value, []byte("\r"))
		}
		switch {
		case len(value) == 0:
			continue
		case len(value) > action.MaxMessageBytes:
			return nil, tooLarge(fmt.Sprintf("Line %d has %d bytes. Send at most %d a line; no line was taken.", number, len(value), action.MaxMessageBytes))
		case len(lines) == maxBatchLines:
			return nil, tooLarge(fmt.Sprintf("The batch has more than %d events. Send several smaller ones; no line was taken.", maxBatchLines))
		}
		lines = append(lines, line{number, value})
	}
	if len(lines) == 0 {
		return nil, emptyBody()
	}
	return lines, nil
}
