package ingest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// bundle is what a test of ingest works with: a topic and a database of its own.
type bundle struct {
	t     *testing.T
	cfg   ingest.Config
	store *store.Store
	dsn   string
}

func newBundle(t *testing.T, partitions int) *bundle {
	t.Helper()
	b := &bundle{t: t, dsn: embeddedtest.Database(t)}
	if _, err := store.Migrate(t.Context(), b.dsn); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(b.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b.store = s
	b.cfg = ingest.Config{
		KafkaBrokers: []string{embeddedtest.Broker(t)}, Topic: "missing-" + rand.Text()[:10],
		ClickHouseDSN: b.dsn, TopicCreate: true, TopicPartitions: partitions, TopicReplicas: 1,
		BatchRows: 1000, BatchBytes: 1 << 20, Memory: 192 << 20, BatchInterval: 20 * time.Millisecond, SessionTimeout: 6 * time.Second,
	}
	if partitions > 0 {
		b.cfg.Topic = embeddedtest.Topic(t, partitions)
	} else {
		t.Cleanup(b.deleteTopic) // the one that ingest makes
	}
	b.cfg.Group = b.cfg.Topic
	return b
}

// deleteTopic deletes the topic and waits until it is gone: a cluster goes on
// showing it for a moment.
func (b *bundle) deleteTopic() {
	b.t.Helper()
	ctx := context.Background() // the test's has ended when this is its cleanup
	client := &kafka.Client{Addr: kafka.TCP(b.cfg.KafkaBrokers...), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	if _, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{b.cfg.Topic}}); err != nil {
		b.t.Fatal(err)
	}
	embeddedtest.Eventually(b.t, "the end of the topic", func() bool { return !b.hasPartition(ctx, client, 0) })
}

func (b *bundle) hasPartition(ctx context.Context, client *kafka.Client, partition int) bool {
	response, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{b.cfg.Topic: {kafka.LastOffsetOf(partition)}},
	})
	return err == nil && len(response.Topics[b.cfg.Topic]) == 1 && response.Topics[b.cfg.Topic][0].Error == nil
}

// running is an ingester that a test has started.
type running struct {
	stop  context.CancelFunc
	ended chan struct{}
	err   error
}

// start runs an ingester until the test ends, or stop is called.
func (b *bundle) start(s ingest.Store) *running {
	b.t.Helper()
	return b.run(b.ingester(s))
}

func (b *bundle) ingester(s ingest.Store) *ingest.Ingester {
	b.t.Helper()
	i, err := ingest.New(b.cfg, s, slog.New(slog.NewTextHandler(logTo{b.t}, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		b.t.Fatal(err)
	}
	return i
}

func (b *bundle) run(i *ingest.Ingester) *running {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{stop: cancel, ended: make(chan struct{})}
	go func() {
		if r.err = i.Run(ctx); r.err != nil {
			b.t.Logf("ingest ended by itself: %v", r.err)
		}
		close(r.ended)
	}()
	b.t.Cleanup(func() { _ = r.wait() })
	return r
}

// wait stops the ingester and returns what it ended with.
func (r *running) wait() error {
	r.stop()
	return r.result()
}

// result waits until the ingester ends by itself and returns what it ended with.
func (r *running) result() error {
	<-r.ended
	return r.err
}

// logTo writes a program's log to the test's.
type logTo struct{ t *testing.T }

func (l logTo) Write(p []byte) (int, error) {
	l.t.Helper()
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// produce writes messages, each to the partition that it names.
func (b *bundle) produce(messages ...kafka.Message) {
	b.t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{
		Transport: transport, Addr: kafka.TCP(b.cfg.KafkaBrokers...), Topic: b.cfg.Topic, RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond,
		Balancer: kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.Partition }),
	}
	defer func() { _ = w.Close() }()
	if err := w.WriteMessages(b.t.Context(), messages...); err != nil {
		b.t.Fatal(err)
	}
}

func event(id, description string) string {
	return fmt.Sprintf(`{"id":%q,"time":"2026-03-01T09:30:00Z","actor":{"id":"alice"},"action":"record.viewed","description":%q}`, id, description)
}

// settled returns how many offsets of the topic are settled, over all partitions.
func (b *bundle) settled() int64 {
	b.t.Helper()
	ledger, err := b.store.Settled(b.t.Context(), b.cfg.Topic)
	if err != nil {
		b.t.Fatal(err)
	}
	var sum int64
	for _, partitions := range ledger {
		for _, p := range partitions {
			sum += p.Offset
		}
	}
	return sum
}

func (b *bundle) waitSettled(n int64) {
	b.t.Helper()
	embeddedtest.Eventually(b.t, fmt.Sprintf("%d settled offsets", n), func() bool { return b.settled() >= n })
	if got := b.settled(); got != n {
		b.t.Fatalf("settled: got %d offsets, want %d", got, n)
	}
}

// shown returns how often each id of a tenant is shown.
func (b *bundle) shown(tenant string) map[string]int {
	b.t.Helper()
	ids := map[string]int{}
	err := b.store.Each(b.t.Context(), store.Filter{Tenant: tenant}, func(a *store.Action) error {
		ids[a.ID]++
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return ids
}

func (b *bundle) rejected() []store.Rejected {
	b.t.Helper()
	page, err := b.store.ListRejected(b.t.Context(), store.RejectedFilter{}, nil, 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	return page.Rejected
}

func TestBrokenMessagesAreRejectedOnceAndTheirNeighboursArrive(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	var messages []kafka.Message
	broken := actiontest.Broken()
	for i, c := range broken {
		if len(c.Value) > 900_000 {
			continue // more than a broker takes by default
		}
		messages = append(messages, kafka.Message{Value: c.Value}, kafka.Message{Value: []byte(event(fmt.Sprint("neighbour-", i), c.Name))})
	}
	b.produce(messages...)
	b.start(b.store)
	b.waitSettled(int64(len(messages)))

	rejected := b.rejected()
	if got, want := len(rejected), len(messages)/2; got != want {
		t.Fatalf("rejected: got %d, want %d", got, want)
	}
	byOffset := map[int64]store.Rejected{}
	for _, r := range rejected {
		byOffset[r.Origin.Offset] = r
	}
	offset := int64(0)
	for _, c := range broken {
		if len(c.Value) > 900_000 {
			continue
		}
		r, ok := byOffset[offset]
		if !ok || r.Reason != c.Reason || r.Field != c.Field || !bytes.Equal(r.Raw, c.Value) || r.Message == "" {
			t.Errorf("%s: got %q in field %q, raw %.60q, message %q; want %q in %q, raw %.60q", c.Name, r.Reason, r.Field, r.Raw, r.Message, c.Reason, c.Field, c.Value)
		}
		offset += 2
	}
	shown := b.shown("default")
	for id, n := range shown {
		if n != 1 {
			t.Errorf("%s is shown %d times", id, n)
		}
	}
	if got, want := len(shown), len(messages)/2; got != want {
		t.Errorf("neighbours: got %d, want %d", got, want)
	}
}

func TestRepeatedEventIsShownOnceAndConflictingOneBesideIt(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 2)
	b.produce(
		kafka.Message{Partition: 0, Value: []byte(event("a", "the first"))},
		kafka.Message{Partition: 0, Value: []byte(event("a", "the first"))},
		kafka.Message{Partition: 1, Value: []byte(event("a", "the first"))},
		kafka.Message{Partition: 1, Value: []byte(event("b", "the original"))},
	)
	b.start(b.store)
	b.waitSettled(4)
	b.produce(kafka.Message{Partition: 0, Value: []byte(event("b", "a forgery"))}, kafka.Message{Partition: 1, Value: []byte(event("a", "the first"))})
	b.waitSettled(6)

	if got, want := b.shown("default"), (map[string]int{"a": 1, "b": 2}); !maps.Equal(got, want) {
		t.Fatalf("shown: got %v, want %v", got, want)
	}
	both, err := b.store.Get(t.Context(), "default", "b")
	if err != nil {
		t.Fatal(err)
	}
	var descriptions []string
	for _, a := range both {
		descriptions = append(descriptions, a.Description)
		if !a.Conflicting {
			t.Errorf("%q is not marked as conflicting", a.Description)
		}
	}
	slices.Sort(descriptions)
	if want := []string{"a forgery", "the original"}; !slices.Equal(descriptions, want) {
		t.Errorf("got %q, want %q", descriptions, want)
	}
}

func TestRestartResumesWithoutRepeating(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 3)
	const rounds, perRound = 4, 30
	for round := range rounds {
		r := b.start(b.store)
		var messages []kafka.Message
		for n := range perRound {
			messages = append(messages, kafka.Message{Partition: n % 3, Value: []byte(event(fmt.Sprintf("%d-%d", round, n), ""))})
		}
		b.produce(messages...)
		b.waitSettled(int64((round + 1) * perRound))
		if err := r.wait(); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(b.shown("default")); got != rounds*perRound {
		t.Errorf("shown: got %d events, want %d", got, rounds*perRound)
	}
	if got := b.physicalRows(); got != rounds*perRound {
		t.Errorf("got %d rows in the table, want %d: what was settled was inserted again", got, rounds*perRound)
	}
}

// connect opens a connection for SQL that the store itself has no need of.
func (b *bundle) connect() clickhouse.Conn {
	b.t.Helper()
	options, err := clickhouse.ParseDSN(b.dsn)
	if err != nil {
		b.t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		b.t.Fatal(err)
	}
	return conn
}

func (b *bundle) execute(sql string) {
	b.t.Helper()
	conn := b.connect()
	defer func() { _ = conn.Close() }()
	if err := conn.Exec(b.t.Context(), sql); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

func (b *bundle) physicalRows() int {
	b.t.Helper()
	conn := b.connect()
	defer func() { _ = conn.Close() }()
	var n uint64
	if err := conn.QueryRow(b.t.Context(), "SELECT count() FROM actions").Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return int(n)
}

// faulty is a store that refuses every other insert, before or after it did it.
type faulty struct {
	*store.Store
	calls atomic.Int64
}

var errFault = errors.New("a planted fault")

func (f *faulty) fault(do func() error) error {
	switch f.calls.Add(1) % 4 {
	case 0:
		return errFault
	case 2:
		return errors.Join(do(), errFault)
	}
	return do()
}

func (f *faulty) InsertActions(ctx context.Context, actions *store.Batch) error {
	return f.fault(func() error { return f.Store.InsertActions(ctx, actions) })
}

func (f *faulty) InsertRejected(ctx context.Context, rejected []store.Rejected) error {
	return f.fault(func() error { return f.Store.InsertRejected(ctx, rejected) })
}

func (f *faulty) InsertRanges(ctx context.Context, ranges []store.Range) error {
	return f.fault(func() error { return f.Store.InsertRanges(ctx, ranges) })
}

func TestRefusedInsertsAndLostAnswersLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 2)
	b.start(&faulty{Store: b.store})
	const events = 100
	for n := range events {
		b.produce(kafka.Message{Partition: n % 2, Value: []byte(event(fmt.Sprint(n), ""))})
		if n%20 == 0 {
			b.produce(kafka.Message{Partition: n % 2, Value: []byte("not an event")})
		}
	}
	b.waitSettled(events + events/20)
	shown := b.shown("default")
	for id, n := range shown {
		if n != 1 {
			t.Errorf("event %s is shown %d times", id, n)
		}
	}
	if len(shown) != events {
		t.Errorf("shown: got %d events, want %d", len(shown), events)
	}
	if got := len(b.rejected()); got != events/20 {
		t.Errorf("rejected: got %d, want %d", got, events/20)
	}
}

func TestAnotherIngesterTakesOver(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 4)
	first := b.start(b.store)
	var sent atomic.Int64
	send := func(n int) {
		var messages []kafka.Message
		for range n {
			id := sent.Add(1)
			messages = append(messages, kafka.Message{Partition: int(id % 4), Value: []byte(event(fmt.Sprint(id), ""))})
		}
		b.produce(messages...)
	}
	send(40)
	b.waitSettled(40)
	b.start(b.store)
	send(40)
	b.waitSettled(80)
	if err := first.wait(); err != nil {
		t.Fatal(err)
	}
	send(40)
	b.waitSettled(120)
	if got := len(b.shown("default")); got != 120 {
		t.Errorf("shown: got %d events, want 120", got)
	}
}

func TestBatchOverManyMonthsArrives(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	var messages []kafka.Message
	for month := range 120 {
		when := time.Date(2005, time.Month(1+month), 3, 0, 0, 0, 0, time.UTC)
		messages = append(messages, kafka.Message{Value: fmt.Appendf(nil, `{"id":"%d","time":%q,"actor":{"id":"a"},"action":"file.added"}`, month, when.Format(time.RFC3339))})
	}
	b.produce(messages...)
	b.start(b.store)
	b.waitSettled(120)
	if got := len(b.shown("default")); got != 120 {
		t.Errorf("shown: got %d events, want 120", got)
	}
}

func TestMissingTopicIsCreated(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 0)
	b.cfg.TopicPartitions = 2
	b.start(b.store)
	client := &kafka.Client{Addr: kafka.TCP(b.cfg.KafkaBrokers...), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	embeddedtest.Eventually(t, "the topic", func() bool { return b.hasPartition(t.Context(), client, 1) })
	b.produce(kafka.Message{Partition: 1, Value: []byte(event("a", ""))})
	b.waitSettled(1)
}

func TestTopicCreatedAgainHaltsUntilGivenUp(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	r := b.start(b.store)
	b.produce(kafka.Message{Value: []byte(event("old", ""))})
	b.waitSettled(1)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	b.deleteTopic()
	halted := b.start(b.store)
	err := halted.result()
	if err == nil || !strings.Contains(err.Error(), "actionlog ledger give-up") {
		t.Fatalf("got %v, want an error that names the remedy", err)
	}
	i, err := ingest.New(b.cfg, b.store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.GiveUp(t.Context(), 0, 0, "test: the topic was made again"); err != nil {
		t.Fatal(err)
	}
	b.start(b.store)
	b.produce(kafka.Message{Value: []byte(event("new", ""))})
	b.waitSettled(2) // of both topics
	if got, want := b.shown("default"), (map[string]int{"old": 1, "new": 1}); !maps.Equal(got, want) {
		t.Errorf("shown: got %v, want %v", got, want)
	}
}

// stale is a store whose ledger answers as if nothing had been settled, or as if
// more had.
type stale struct {
	*store.Store
	settled func(map[[16]byte]map[int]store.Settled) map[[16]byte]map[int]store.Settled
}

func (s *stale) Settled(ctx context.Context, topic string) (map[[16]byte]map[int]store.Settled, error) {
	ledger, err := s.Store.Settled(ctx, topic)
	return s.settled(ledger), err
}

func TestStaleLedgerOnlyRepeatsWork(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	r := b.start(b.store)
	b.produce(kafka.Message{Value: []byte(event("a", ""))}, kafka.Message{Value: []byte("broken")})
	b.waitSettled(2)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	none := func(map[[16]byte]map[int]store.Settled) map[[16]byte]map[int]store.Settled { return nil }
	b.start(&stale{Store: b.store, settled: none})
	b.produce(kafka.Message{Value: []byte(event("b", ""))})
	b.waitSettled(3)
	if got, want := b.shown("default"), (map[string]int{"a": 1, "b": 1}); !maps.Equal(got, want) {
		t.Errorf("shown: got %v, want %v", got, want)
	}
	if got := len(b.rejected()); got != 1 {
		t.Errorf("rejected: got %d, want 1", got)
	}
}

func TestLedgerBeyondTheLogHalts(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	ahead := func(ledger map[[16]byte]map[int]store.Settled) map[[16]byte]map[int]store.Settled {
		for _, partitions := range ledger {
			partitions[0] = store.Settled{Offset: 1, Highest: 7}
		}
		return ledger
	}
	r := b.start(b.store)
	b.produce(kafka.Message{Value: []byte(event("a", ""))})
	b.waitSettled(1)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	err := b.start(&stale{Store: b.store, settled: ahead}).result()
	if err == nil || !strings.Contains(err.Error(), "ends at offset 1, but the ledger knows records up to 7") {
		t.Errorf("got %v, want an error that names both offsets", err)
	}
}

func TestRunLeavesNoGoroutine(t *testing.T) {
	b := newBundle(t, 2)
	b.produce(kafka.Message{Value: []byte(event("a", ""))})
	before := goleak.IgnoreCurrent()
	r := b.start(b.store)
	b.waitSettled(1)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before,
		// The store's connections are kept, and the broker lives in this process.
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read.func1"),
		goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).write"))
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	err := ingest.Config{TopicPartitions: -1, TopicReplicas: 0}.Validate()
	for _, variable := range []string{
		"ACTIONLOG_KAFKA_BROKERS", "ACTIONLOG_TOPIC ", "ACTIONLOG_GROUP", "ACTIONLOG_CLICKHOUSE_DSN", "ACTIONLOG_TOPIC_PARTITIONS",
		"ACTIONLOG_TOPIC_REPLICAS", "ACTIONLOG_BATCH_ROWS", "ACTIONLOG_BATCH_BYTES", "ACTIONLOG_BATCH_INTERVAL", "ACTIONLOG_INGEST_MEMORY", "ACTIONLOG_SESSION_TIMEOUT",
	} {
		if err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s is not named in: %v", variable, err)
		}
	}
}
