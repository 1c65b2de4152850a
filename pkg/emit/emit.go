// Package emit publishes actions to Kafka. Which call to choose:
//
//   - [Emitter.Emit] returns when Kafka has acknowledged the events: for what must
//     not happen unless it is on record, and for whoever can wait some milliseconds.
//   - [Emitter.Enqueue] with [Must] returns when the events are in a bounded queue,
//     and waits only while that is full: for what must be on record, soon.
//   - Enqueue with [BestEffort] never waits: it drops what the queue has no room
//     for, and counts it. With Config.SpoolDir the queue moves to the disk while
//     Kafka is away, and outlives the process.
//   - [Lines] publishes files and pipes of NDJSON, [Emitter.EmitMessages] bytes that
//     are messages already.
//
// Whatever is reported as acknowledged is durable in Kafka; whatever is not may or
// may not be there, and can be sent again: ingest recognises a repeat by the
// event's tenant, time, id and bytes. Close the emitter to flush the queue.
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
	"slices"
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
	// Logger is told about retries, and about the spool. Default: nobody is.
	Logger *slog.Logger

	// QueueEvents and QueueBytes bound what Enqueue holds in memory, what is under
	// way included. An empty queue takes any event. Defaults: 16,384 and 32 MiB.
	QueueEvents int
	QueueBytes  int64
	// FlushTimeout is how long Close waits for what is queued. Default 10 s.
	FlushTimeout time.Duration
	// OnUndelivered is called, by one goroutine, for each event that Enqueue took
	// and that will not reach Kafka. The queue stands still until it returns, so it
	// must not call Enqueue or Close. Default: such events are logged as errors, whole.
	OnUndelivered func(Undelivered)

	// SpoolDir is a directory in which the queue goes on while Kafka is away. What is
	// there is synced to the disk, and published in order when Kafka is back, also by
	// the next emitter that is given the directory. It is for one topic and for one
	// process at a time. Default: no spool.
	SpoolDir string
	// SpoolBytes bounds the files in SpoolDir. When they have no room, the queue in
	// memory fills up. At least 24 MiB. Default 1 GiB.
	SpoolBytes int64
	// SpoolAfter is how long nothing gets through before the spool takes over.
	// Default 2 s.
	SpoolAfter time.Duration
}

// Emitter publishes events to one topic. It is safe for concurrent use: what
// several callers emit at the same time travels in the same requests, and a
// caller that is alone waits for nobody.
//
// Messages are keyed by tenant and placed by the same hash as Kafka's own
// clients (murmur2), so that the events of a tenant keep their order, and a
// repeat goes where the first one went. All in-sync replicas must acknowledge.
// There is no order between what is queued and what is not.
type Emitter struct {
	cfg       Config
	client    *kafka.Client
	transport *kafka.Transport
	log       *slog.Logger
	topology  topology
	queue     *queue
	encoders  sync.Pool
	shutdown  func() error // once

	mu      sync.Mutex
	closed  bool
	senders map[lane]*sender
	calls   sync.WaitGroup // calls of Emit, EmitMessages and Lines under way
	running sync.WaitGroup // senders
}

// New returns an emitter. It connects when it is first used, or when there is
// something in the spool, so it does not fail because Kafka is away. Close it to
// flush the queue and to let go of its connections and of the spool.
func New(cfg Config) (*Emitter, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("emit: %w", err)
	}
	transport := &kafka.Transport{
		ClientID: cfg.ClientID, TLS: cfg.TLS, SASL: cfg.SASL,
		MetadataTopics: []string{cfg.Topic}, // not every topic of the cluster
	}
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: transport}
	e := &Emitter{
		cfg: cfg, client: client, transport: transport, log: cfg.Logger,
		topology: topology{client: client, transport: transport, topic: cfg.Topic},
		senders:  make(map[lane]*sender),
	}
	e.shutdown = sync.OnceValue(e.close)
	var err error
	if e.queue, err = newQueue(cfg, e.publish); err != nil {
		return nil, fmt.Errorf("emit: %w", err)
	}
	return e, nil
}

// check names what is wrong, and fills in the defaults.
func (cfg *Config) check() error {
	if len(cfg.Brokers) == 0 {
		return errors.New("no Kafka brokers given")
	}
	for _, b := range cfg.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			return fmt.Errorf("broker %q is not host:port: %w", b, err)
		}
	}
	if cfg.Topic == "" {
		return errors.New("no topic given")
	}
	if cfg.SpoolBytes > 0 && cfg.SpoolBytes < minSpoolBytes {
		return fmt.Errorf("SpoolBytes is %d: give it %d or more, or 0 for %d", cfg.SpoolBytes, minSpoolBytes, defaultSpoolBytes)
	}
	setDefault(&cfg.RetryFor, defaultRetryFor)
	setDefault(&cfg.QueueEvents, defaultQueueEvents)
	setDefault(&cfg.QueueBytes, defaultQueueBytes)
	setDefault(&cfg.FlushTimeout, defaultFlushTimeout)
	setDefault(&cfg.SpoolBytes, defaultSpoolBytes)
	setDefault(&cfg.SpoolAfter, defaultSpoolAfter)
	if cfg.ClientID == "" {
		cfg.ClientID = "actionlog-emit"
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func setDefault[T int | int64 | time.Duration](to *T, value T) {
	if *to <= 0 {
		*to = value
	}
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
// that is passed, so that another Emit with the same slice is a repeat and not a
// second event. A caller that passes a single value and wants to try again after an
// error stamps it first.
//
// Errors are of type [*Error] once sending has begun. When ctx ends, events
// that are under way may still arrive. Emit knows no spool: an acknowledgement is
// always Kafka's.
func (e *Emitter) Emit(ctx context.Context, events ...action.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := e.enter(); err != nil {
		return err
	}
	defer e.calls.Done()

	records, err := e.encodeAll(ctx, events)
	if err != nil {
		return err
	}
	for i, err := range e.publish(ctx, &block{records: records}) {
		if err != nil {
			return &Error{Acknowledged: i, Total: len(events), Err: err}
		}
	}
	return nil
}

// EmitMessages publishes messages as they are, at most 1,047,552 bytes each with its
// headers, and returns when each has its outcome. The result says for each why it is
// not acknowledged, and is nil when all are. A message that Kafka refuses does not
// stop the others. Messages are keyed as in [Lines]; their bytes must not change any
// more when ctx ends before they are acknowledged.
func (e *Emitter) EmitMessages(ctx context.Context, messages ...action.Message) []error {
	if len(messages) == 0 {
		return nil
	}
	if err := e.enter(); err != nil {
		return slices.Repeat([]error{err}, len(messages))
	}
	defer e.calls.Done()

	now := time.Now()
	errs := make([]error, len(messages))
	var records []record
	var from []int // which message a record is
	for i, m := range messages {
		rec := record{key: tenantKey(m.Value), value: m.Value, headers: kafkaHeaders(m.Headers), time: now}
		if n := rec.size() - len(rec.key) - recordOverhead; n > maxKafkaMessageBytes {
			errs[i] = fmt.Errorf("emit: message %d of %d has %d bytes: at most %d fit a Kafka message: %w",
				i+1, len(messages), n, maxKafkaMessageBytes, kafka.MessageSizeTooLarge)
			continue
		}
		records = append(records, rec)
		from = append(from, i)
	}
	for i, err := range e.publish(ctx, &block{records: records, independent: true}) {
		errs[from[i]] = err
	}
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		return errs
	}
	return nil
}

func kafkaHeaders(from []action.Header) []kafka.Header {
	var to []kafka.Header
	for _, h := range from {
		to = append(to, kafka.Header(h))
	}
	return to
}

// Close waits until the calls under way have their answer, and as long as
// FlushTimeout until everything that is queued is acknowledged. With a spool, what
// remains goes there, at once when Kafka is away; without one it is given up. The
// error says how many queued events were taken and not delivered since the emitter
// was made: given up on now, or refused by Kafka before. Calls after Close fail with
// [ErrClosed]; another Close returns the same.
func (e *Emitter) Close() error { return e.shutdown() }

func (e *Emitter) close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	err := e.queue.close()
	e.calls.Wait()
	e.mu.Lock()
	for _, s := range e.senders {
		close(s.queue) // no call is left that could send on it
	}
	e.mu.Unlock()
	e.running.Wait()
	e.transport.CloseIdleConnections()
	return err
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

// encodeAll completes and encodes events.
func (e *Emitter) encodeAll(ctx context.Context, events []action.Event) ([]record, error) {
	enc, ok := e.encoders.Get().(*encoder)
	if !ok {
		enc = newEncoder()
	}
	defer e.encoders.Put(enc)
	now := time.Now()
	records := make([]record, len(events))
	for i := range events {
		Fill(ctx, &events[i])
		if err := Stamp(&events[i]); err != nil {
			return nil, fmt.Errorf("emit event %d of %d: %w", i+1, len(events), err)
		}
		value, err := enc.encode(&events[i])
		if err != nil {
			return nil, fmt.Errorf("emit event %d of %d: %w", i+1, len(events), err)
		}
		records[i] = record{key: key(events[i].Tenant), value: value, time: now}
	}
	return records, nil
}

// encoder writes events as JSON objects. Unlike json.Marshal it leaves <, > and &
// as they are: people read these bytes.
type encoder struct {
	buf  bytes.Buffer
	json *json.Encoder
}

func newEncoder() *encoder {
	enc := new(encoder)
	enc.json = json.NewEncoder(&enc.buf)
	enc.json.SetEscapeHTML(false)
	return enc
}

func (enc *encoder) encode(ev *action.Event) ([]byte, error) {
	enc.buf.Reset()
	if err := enc.json.Encode(ev); err != nil {
		return nil, fmt.Errorf("encode as JSON: %w", err)
	}
	value := bytes.TrimSuffix(enc.buf.Bytes(), []byte("\n"))
	if len(value) > action.MaxMessageBytes {
		return nil, fmt.Errorf("its JSON has %d bytes: ingest takes at most %d", len(value), action.MaxMessageBytes)
	}
	return bytes.Clone(value), nil
}

// explain spells out the one error whose remedy is not obvious.
func (e *Emitter) explain(err error) error {
	if errors.Is(err, kafka.UnknownTopicOrPartition) {
		return fmt.Errorf("topic %q does not exist on %s: create it, or start actionlog ingest, which does: %w",
			e.cfg.Topic, strings.Join(e.cfg.Brokers, ","), err)
	}
	return err
}
