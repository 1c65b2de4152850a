// Package emit publishes actions to Kafka, for applications (Emit) and for
// files and pipes of NDJSON (Lines). Whatever is reported as acknowledged is
// durable in Kafka; whatever is not may or may not be there, and can be sent
// again: ingest recognises a repeat by the event's tenant, time, id and bytes.
package emit

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	// maxKafkaMessageBytes is the longest message that a topic with Kafka's
	// default limit takes whatever it contains: max.message.bytes is 1,048,588
	// for a batch, of which a batch of one spends some 250 on framing and key.
	maxKafkaMessageBytes = 1<<20 - 1<<10

	defaultRetryFor = 30 * time.Second
)

// ErrClosed is returned by calls on an emitter that was closed.
var ErrClosed = errors.New("the emitter is closed")

// Config says where events go.
type Config struct {
	// Brokers are Kafka addresses, "host:port", of which one that answers is
	// enough. Required.
	Brokers []string
	// Topic is where events go. Ingest creates it, an emitter never does.
	// Required.
	Topic string
	// TLS and SASL are for clusters that ask for them. Default: neither.
	TLS  *tls.Config
	SASL sasl.Mechanism
	// RetryFor is how long to go on while nothing gets through (broker down,
	// leader moving, topic not there yet) before giving up. Default 30 s.
	RetryFor time.Duration
	// ClientID is the name in the brokers' logs and quotas. Default
	// "actionlog-emit".
	ClientID string
	// Logger is told about retries. Default: nobody is.
	Logger *slog.Logger
}

// Emitter publishes events to one topic. It is safe for concurrent use: what
// several callers emit at the same time travels in the same requests, and a
// caller that is alone waits for nobody.
//
// Messages are keyed by tenant and placed by the same hash as Kafka's own
// clients (murmur2), so that the events of a tenant keep their order, and a
// repeat goes where the first one went. All in-sync replicas must acknowledge.
type Emitter struct {
	cfg       Config
	client    *kafka.Client
	transport *kafka.Transport
	log       *slog.Logger
	topology  topology

	mu      sync.Mutex
	closed  bool
	senders map[int]*sender
	calls   sync.WaitGroup // calls of Emit and Lines under way
	running sync.WaitGroup // senders
}

// New returns an emitter. It connects when it is first used, so it does not
// fail because Kafka is away. Close it to let go of its connections.
func New(cfg Config) (*Emitter, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("emit: no Kafka brokers given")
	}
	for _, b := range cfg.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return nil, fmt.Errorf("emit: broker %q is not host:port: %w", b, err)
		}
	}
	if cfg.Topic == "" {
		return nil, errors.New("emit: no topic given")
	}
	if cfg.RetryFor <= 0 {
		cfg.RetryFor = defaultRetryFor
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "actionlog-emit"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	transport := &kafka.Transport{
		ClientID: cfg.ClientID, TLS: cfg.TLS, SASL: cfg.SASL,
		MetadataTopics: []string{cfg.Topic}, // not every topic of the cluster
	}
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: transport}
	return &Emitter{
		cfg: cfg, client: client, transport: transport, log: cfg.Logger,
		topology: topology{client: client, transport: transport, topic: cfg.Topic},
		senders:  make(map[int]*sender),
	}, nil
}

// Stamp gives an event what makes a repeat of it recognisable, where absent: a
// UUIDv7 as id, and the present as time (UTC, to the millisecond). It also
// spells out the defaults, since the JSON of [action.Event] would otherwise say
// that they are empty: tenant default, outcome success, actor type user.
func Stamp(ev *action.Event) error {
	if ev.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("make an event id: %w", err)
		}
		ev.ID = id.String()
	}
	if ev.Time.IsZero() {
		ev.Time = time.Now().UTC().Truncate(time.Millisecond)
	}
	if ev.Tenant == "" {
		ev.Tenant = action.DefaultTenant
	}
	if ev.Outcome == "" {
		ev.Outcome = action.DefaultOutcome
	}
	if ev.Actor.Type == "" {
		ev.Actor.Type = action.DefaultActorType
	}
	if ev.OnBehalfOf != (action.Actor{}) && ev.OnBehalfOf.Type == "" {
		ev.OnBehalfOf.Type = action.DefaultActorType
	}
	return nil
}

// Emit publishes events and returns when all of them are acknowledged. It
// checks only that they can be written as JSON of at most
// [action.MaxMessageBytes]: what a valid event is, ingest decides, and it keeps
// what it rejects.
//
// Events are completed from ctx (see [Fill]) and stamped (see [Stamp]) in the slice
// that is passed, so that another Emit with the same slice is a repeat and not a second event. A caller that
// passes a single value and wants to try again after an error stamps it first.
//
// Errors are of type [*Error] once sending has begun. When ctx ends, events
// that are under way may still arrive.
func (e *Emitter) Emit(ctx context.Context, events ...action.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.calls.Done()

	now := time.Now()
	records := make([]record, len(events))
	for i := range events {
		Fill(ctx, &events[i])
		if err := Stamp(&events[i]); err != nil {
			return fmt.Errorf("emit event %d of %d: %w", i+1, len(events), err)
		}
		value, err := encode(&events[i])
		if err != nil {
			return fmt.Errorf("emit event %d of %d: %w", i+1, len(events), err)
		}
		records[i] = record{key: key(events[i].Tenant), value: value, time: now}
	}
	block := newBlock(records)
	if err := e.send(ctx, block); err != nil {
		return &Error{Acknowledged: 0, Total: len(events), Err: err}
	}
	block.wait(ctx)
	acked, err := block.outcome(ctx)
	if err != nil {
		return &Error{Acknowledged: acked, Total: len(events), Err: err}
	}
	return nil
}

// Close waits until the calls under way have their answer, and closes the
// connections. Calls after it fail with [ErrClosed].
func (e *Emitter) Close() error {
	e.mu.Lock()
	already := e.closed
	e.closed = true
	e.mu.Unlock()
	e.calls.Wait()
	e.mu.Lock()
	if !already {
		for _, s := range e.senders {
			close(s.queue) // no call is left that could send on it
		}
	}
	e.mu.Unlock()
	e.running.Wait()
	e.transport.CloseIdleConnections()
	return nil
}

// enter registers a call that Close has to wait for.
func (e *Emitter) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.calls.Add(1)
	return nil
}

// Error says how far Emit came.
type Error struct {
	// Acknowledged is how many leading events are acknowledged: event number
	// Acknowledged is the first that is not. Later ones may be.
	Acknowledged int
	// Total is how many events there were.
	Total int
	// Err is why the first that is not acknowledged is not.
	Err error
}

// Error implements the error interface.
func (e *Error) Error() string {
	return fmt.Sprintf("emit: %d of %d events acknowledged: %v", e.Acknowledged, e.Total, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// encode writes an event as one JSON object. Unlike json.Marshal it leaves <, >
// and & as they are: people read these bytes.
func encode(ev *action.Event) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(ev); err != nil {
		return nil, fmt.Errorf("encode as JSON: %w", err)
	}
	value := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if len(value) > action.MaxMessageBytes {
		return nil, fmt.Errorf("its JSON has %d bytes: ingest takes at most %d", len(value), action.MaxMessageBytes)
	}
	return value, nil
}

// explain spells out the one error whose remedy is not obvious.
func (e *Emitter) explain(err error) error {
	if errors.Is(err, kafka.UnknownTopicOrPartition) {
		return fmt.Errorf("topic %q does not exist on %s: create it, or start actionlog ingest, which does: %w",
			e.cfg.Topic, strings.Join(e.cfg.Brokers, ","), err)
	}
	return err
}
