package ingest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

var (
	modelSeed      = flag.Uint64("model.seed", 0, "the first seed of TestModel; 0 for a random one")
	modelSchedules = flag.Int("model.schedules", 1_000, "how many schedules TestModel runs, one a seed")
)

// TestModel drives the consumer through random schedules: owners crash, stall and
// overlap, requests fail, lose their answers or land late and in part, reads of the
// ledger lag, Kafka deletes records and makes the topic again. The fakes give what
// Kafka and ClickHouse guarantee and nothing more. Time is that of a bubble, so a
// schedule of minutes takes a millisecond.
func TestModel(t *testing.T) {
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	// One for all: what it counts does not matter here.
	metrics := newMetrics()
	t.Logf("seeds from %d: repeat one with -model.seed N -model.schedules 1", seed)
	for n := range uint64(*modelSchedules) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(seed + n)
			w.metrics = metrics
			w.run()
			if err := w.verdict(); err != nil {
				t.Fatalf("seed %d: %v", w.seed, err)
			}
		})
	}
}

// place is where a record stands.
type place struct {
	topic     [16]byte
	partition int
	offset    int64
}

// identity is the key of a row of actions.
type identity struct {
	tenant, id string
	time       int64
	hash       action.ContentHash
}

// fact is a record and what is to become of it.
type fact struct {
	record
	event    identity
	rejected bool
	// gone says that it was deleted before it was stored, so that it may be missing.
	gone bool
}

// world is Kafka, ClickHouse, the owners and the operator of one schedule.
type world struct {
	seed    uint64
	metrics *metrics
	end     context.CancelFunc
	ctx     context.Context
	// late waits for requests that land after their owner gave up on them.
	late sync.WaitGroup

	mu     sync.Mutex
	rng    *rand.Rand
	calm   bool
	topic  [16]byte
	first  map[int]int64
	logs   map[int][]int64 // the offsets that hold something, of the present topic
	ends   map[int]int64
	facts  map[place]*fact
	rows   map[identity]int
	reject map[place]int
	ledger []store.Range
	// checkpoints are ranges from 0 on.
	checkpoints []store.Range
	// complete is through when each partition was last said to be complete.
	complete map[int]time.Time
	// restored is set when the store lost what it had, which its owner has yet to notice:
	// until then it may state too much.
	restored bool
	// produced is when Kafka got the last record.
	produced time.Time
	broken   error
}

const (
	modelTopic      = "actions"
	modelPartitions = 2
)

func newWorld(seed uint64) *world {
	w := &world{
		seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), topic: [16]byte{1},
		facts: map[place]*fact{}, rows: map[identity]int{}, reject: map[place]int{}, complete: map[int]time.Time{},
	}
	w.ctx, w.end = context.WithCancel(context.Background())
	w.reset()
	return w
}

// reset makes the topic empty.
func (w *world) reset() {
	w.first, w.logs, w.ends = map[int]int64{}, map[int][]int64{}, map[int]int64{}
}

// chance is true in so many of a hundred cases.
func (w *world) chance(percent int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(100) < percent
}

func (w *world) pick(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

func (w *world) isCalm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

func (w *world) failf(format string, args ...any) {
	if w.broken == nil {
		w.broken = fmt.Errorf(format, args...)
	}
}

// wait passes time.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// run is the schedule: trouble for a while, then calm until all is settled.
func (w *world) run() {
	defer w.end()
	var owners sync.WaitGroup
	for range 30 + w.pick(30) {
		switch w.pick(14) {
		case 0, 1, 2:
			ctx, cancel := context.WithCancel(w.ctx)
			owners.Go(func() { w.own(ctx) })
			owners.Go(func() {
				defer cancel() // the owner crashes, or loses its partitions
				_ = wait(w.ctx, time.Duration(w.pick(3000))*time.Millisecond)
			})
		case 3, 4, 5:
			w.expire()
		case 6:
			if w.chance(5) {
				w.recreate()
			}
		default:
			w.produce()
		}
		_ = wait(w.ctx, time.Duration(w.pick(400))*time.Millisecond)
	}
	owners.Wait()
	w.late.Wait()

	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(w.ctx)
	owners.Go(func() { w.own(ctx) })
	for range 1000 {
		if w.done() {
			break
		}
		_ = wait(w.ctx, 100*time.Millisecond)
	}
	cancel()
	owners.Wait()
}

// own runs a consumer as an ingester does, with the operator beside it.
func (w *world) own(ctx context.Context) {
	var partitions []int
	for p := range modelPartitions {
		if w.isCalm() || w.chance(75) {
			partitions = append(partitions, p)
		}
	}
	c := &consumer{
		cfg:    Config{Topic: modelTopic, BatchRows: 1 + w.pick(4), BatchBytes: 1 << 20, Memory: 192 << 20, BatchInterval: time.Duration(1+w.pick(100)) * time.Millisecond},
		source: modelSource{w}, store: modelStore{w}, logger: slog.New(slog.DiscardHandler),
		metrics: w.metrics, jitter: func(d time.Duration) time.Duration { return time.Duration(w.pick(int(d))) },
	}
	for ctx.Err() == nil {
		err := c.run(ctx, partitions, func([]store.Range) {})
		if h := (halt{}); errors.As(err, &h) {
			w.operate(ctx, c, h.Error())
		}
		_ = wait(ctx, 10*time.Millisecond)
	}
}

// operate does what a halt asks for.
func (w *world) operate(ctx context.Context, c *consumer, text string) {
	for _, command := range strings.Split(text, "actionlog ledger give-up")[1:] {
		var partition int
		var to int64
		if _, err := fmt.Sscanf(strings.TrimSpace(command), "--topic "+modelTopic+" --partition %d --to %d", &partition, &to); err != nil {
			w.mu.Lock()
			w.failf("a halt names a command that cannot be run: %q", text)
			w.mu.Unlock()
			return
		}
		_, _ = c.giveUp(ctx, partition, to, "model")
	}
}

// produce appends a record, or leaves a hole.
func (w *world) produce() {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.rng.IntN(modelPartitions)
	offset := w.ends[p]
	w.ends[p]++
	w.produced = time.Now()
	if w.rng.IntN(10) == 0 {
		return // compaction, or a marker that is not returned
	}
	f := &fact{record: record{offset: offset, time: time.Now(), event: w.rng.IntN(10) > 0}}
	switch w.rng.IntN(5) {
	case 0:
		f.message.Value = fmt.Appendf(nil, "not an event %d", w.rng.IntN(3))
	case 1: // a repeat, or an event without an id of its own
		f.message.Value = []byte(`{"actor":{"id":"a"},"action":"x.y"}`)
	default: // few ids and few contents, so that some repeat and some conflict
		f.message.Value = fmt.Appendf(nil, `{"id":"%d","time":"2026-01-01T00:00:00Z","actor":{"id":"a"},"action":"x.y","description":"%d"}`, w.rng.IntN(4), w.rng.IntN(2))
	}
	at := place{w.topic, p, offset}
	event, rejection := action.Decode(f.message.Value, action.Origin{Topic: modelTopic, Partition: p, Offset: offset, Time: f.time.UTC()})
	f.rejected = rejection != nil
	f.event = identity{event.Tenant, event.ID, event.Time.UnixMilli(), action.HashContent(f.message.Value)}
	w.facts[at] = f
	w.logs[p] = append(w.logs[p], offset)
}

// stored reports whether a record is where it belongs.
func (w *world) stored(at place, f *fact) bool {
	switch {
	case !f.record.event:
		return true
	case f.rejected:
		return w.reject[at] > 0
	default:
		return w.rows[f.event] > 0
	}
}

// expire deletes the oldest records of a partition, as retention does.
func (w *world) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.rng.IntN(modelPartitions)
	to := w.settled(w.ledger)[w.topic][p].Offset
	if w.rng.IntN(10) == 0 {
		to = w.ends[p] // before ingest has read them
	}
	for offset := w.first[p]; offset < to; offset++ {
		if f := w.facts[place{w.topic, p, offset}]; f != nil && !w.stored(place{w.topic, p, offset}, f) {
			f.gone = true
		}
	}
	w.first[p] = max(w.first[p], to)
}

// recreate deletes the topic and makes it again.
func (w *world) recreate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for at, f := range w.facts {
		if !w.stored(at, f) {
			f.gone = true
		}
	}
	w.topic[0]++
	w.reset()
}

// settled is the ledger's answer, computed as the definition says it.
func (w *world) settled(ledger []store.Range) map[[16]byte]map[int]store.Settled {
	all := map[[16]byte]map[int]store.Settled{}
	for _, r := range ledger {
		if all[r.TopicID] == nil {
			all[r.TopicID] = map[int]store.Settled{}
		}
		s := all[r.TopicID][r.Partition]
		s.Highest = max(s.Highest, r.To)
		all[r.TopicID][r.Partition] = s
	}
	for id, partitions := range all {
		for p, s := range partitions {
			for grown := true; grown; {
				grown = false
				for _, r := range ledger {
					if r.TopicID == id && r.Partition == p && r.From <= s.Offset && r.To > s.Offset {
						s.Offset, grown = r.To, true
					}
				}
			}
			partitions[p] = s
		}
	}
	return all
}

// done reports whether everything is settled, and said to be.
func (w *world) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range modelPartitions {
		if w.settled(w.ledger)[w.topic][p].Offset < w.ends[p] || !w.complete[p].After(w.produced) {
			return w.broken != nil
		}
	}
	return true
}

// verdict is what is wrong at the end.
func (w *world) verdict() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	for p := range modelPartitions {
		if got := w.settled(w.ledger)[w.topic][p].Offset; got != w.ends[p] {
			return fmt.Errorf("partition %d is settled up to %d of %d", p, got, w.ends[p])
		}
		if !w.complete[p].After(w.produced) {
			return fmt.Errorf("partition %d is said to be complete through %s, and the last record came at %s", p, w.complete[p], w.produced)
		}
	}
	known := map[identity]bool{}
	for at, f := range w.facts {
		known[f.event] = known[f.event] || (!f.rejected && f.record.event)
		if !f.gone && !w.stored(at, f) {
			return fmt.Errorf("the record at %v is lost: %s", at, f.message.Value)
		}
		if n := w.reject[at]; n > 0 && (!f.rejected || !f.record.event) {
			return fmt.Errorf("the record at %v is rejected: %s", at, f.message.Value)
		}
	}
	for row := range w.rows {
		if !known[row] {
			return fmt.Errorf("nobody sent the event %v", row)
		}
	}
	return nil
}

// ask is a request that only reads.
func (w *world) ask(ctx context.Context, do func()) error { return w.request(ctx, do, func() {}) }

// request is one request to Kafka or ClickHouse. It takes its time, and may be
// refused, answered without being heard, or land when nobody waits any more.
func (w *world) request(ctx context.Context, do, late func()) error {
	locked := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		do()
	}
	if w.isCalm() {
		locked()
		return ctx.Err()
	}
	takes := time.Duration(w.pick(20)) * time.Millisecond
	if w.chance(4) {
		takes = time.Duration(w.pick(5000)) * time.Millisecond // a stall
	}
	later := func() {
		delay := time.Duration(w.pick(4000)) * time.Millisecond
		w.late.Go(func() {
			_ = wait(w.ctx, delay)
			w.mu.Lock()
			defer w.mu.Unlock()
			late()
		})
	}
	if wait(ctx, takes) != nil {
		if w.chance(50) {
			later()
		}
		return ctx.Err()
	}
	switch fate := w.pick(100); {
	case fate < 80:
		locked()
		return nil
	case fate < 88:
		locked()
		return errors.New("the answer is lost")
	case fate < 94:
		later()
		return errors.New("timed out, and lands later")
	default:
		return errors.New("refused")
	}
}

// modelSource is Kafka.
type modelSource struct{ w *world }

func (s modelSource) topicID(ctx context.Context) (id [16]byte, err error) {
	err = s.w.ask(ctx, func() { id = s.w.topic })
	return id, err
}

func (s modelSource) describe(ctx context.Context) (id [16]byte, partitions []int, err error) {
	err = s.w.ask(ctx, func() { id = s.w.topic })
	return id, make([]int, modelPartitions), err
}

func (s modelSource) bounds(ctx context.Context, partitions []int) (map[int]bounds, error) {
	all := map[int]bounds{}
	err := s.w.ask(ctx, func() {
		for _, p := range partitions {
			all[p] = bounds{first: s.w.first[p], end: s.w.ends[p]}
		}
	})
	return all, err
}

func (s modelSource) fetch(ctx context.Context, partition int, offset int64, _ int) (fetched, error) {
	var got modelStretch
	outOfRange := false
	size := 1 + s.w.pick(5)
	err := s.w.ask(ctx, func() {
		if outOfRange = offset < s.w.first[partition] || offset > s.w.ends[partition]; outOfRange {
			return
		}
		for _, at := range s.w.logs[partition] {
			// A batch begins before the offset that was asked for.
			if at >= s.w.first[partition] && at >= offset-1 && len(got) < size {
				got = append(got, s.w.facts[place{s.w.topic, partition, at}].record)
			}
		}
		// What is left at the end holds no record: the broker says so by a marker.
		if end := s.w.ends[partition]; len(got) < size && end > offset && (len(got) == 0 || got[len(got)-1].offset < end-1) {
			got = append(got, record{offset: end - 1})
		}
	})
	switch {
	case err != nil:
		return nil, err
	case outOfRange:
		return nil, errOutOfRange
	case len(got) == 0 || got[len(got)-1].offset < offset:
		return &modelStretch{}, wait(ctx, 50*time.Millisecond)
	}
	return &got, nil
}

// modelStretch is the answer to a fetch.
type modelStretch []record

func (s *modelStretch) empty() bool { return len(*s) == 0 }

func (s *modelStretch) next() (record, error) {
	if len(*s) == 0 {
		return record{}, io.EOF
	}
	r := (*s)[0]
	*s = (*s)[1:]
	return r, nil
}

// modelStore is ClickHouse.
type modelStore struct{ w *world }

func rows(n int, row func(int)) func() {
	return func() {
		for i := range n {
			row(i)
		}
	}
}

// insert is not atomic. What it stores in part it does not acknowledge.
func (s modelStore) insert(ctx context.Context, n int, row func(int)) error {
	if n == 0 {
		return nil
	}
	if !s.w.isCalm() && s.w.chance(10) {
		n = s.w.pick(n)
		_ = s.w.request(ctx, rows(n, row), rows(n, row))
		return errors.New("the insert broke off")
	}
	return s.w.request(ctx, rows(n, row), rows(n, row))
}

func (s modelStore) InsertActions(ctx context.Context, actions *store.Batch) error {
	// A request that lands late is of what the batch held when it was sent.
	sent := make([]identity, actions.Rows())
	for i := range sent {
		a := actions.Row(i)
		sent[i] = identity{a.Tenant, a.ID, a.Time.UnixMilli(), a.ContentHash}
	}
	return s.insert(ctx, len(sent), func(i int) { s.w.rows[sent[i]]++ })
}

func (s modelStore) InsertRejected(ctx context.Context, rejected []store.Rejected) error {
	return s.insert(ctx, len(rejected), func(i int) {
		o := rejected[i].Origin
		s.w.reject[place{o.TopicID, o.Partition, o.Offset}]++
	})
}

// InsertRanges checks that what the ledger is told is true.
func (s modelStore) InsertRanges(ctx context.Context, ranges []store.Range) error {
	return s.insert(ctx, len(ranges), func(i int) {
		r := ranges[i]
		s.w.ledger = append(s.w.ledger, r)
		if r.Lost > 0 {
			return
		}
		var accepted, rejected int64
		for offset := r.From; offset < r.To; offset++ {
			at := place{r.TopicID, r.Partition, offset}
			f := s.w.facts[at]
			switch {
			case f == nil || !f.record.event:
			case !s.w.stored(at, f):
				s.w.failf("the ledger is told %+v, but the record at %v is not stored", r, at)
			case f.rejected:
				rejected++
			default:
				accepted++
			}
		}
		if accepted != r.Accepted || rejected != r.Rejected || accepted+rejected+r.Skipped != r.To-r.From {
			s.w.failf("the ledger is told %+v, but there are %d accepted and %d rejected", r, accepted, rejected)
		}
	})
}

// Checkpoint checks that what it writes down is true. Like every read it may see an
// old ledger, and what it writes may land late.
func (s modelStore) Checkpoint(ctx context.Context, topic string) error {
	ledger, err := s.Settled(ctx, topic)
	if err != nil {
		return err
	}
	var checkpoints []store.Range
	for id, partitions := range ledger {
		for p, settled := range partitions {
			checkpoints = append(checkpoints, store.Range{TopicID: id, Partition: p, To: settled.Offset})
		}
	}
	return s.insert(ctx, len(checkpoints), func(i int) {
		c := checkpoints[i]
		s.w.checkpoints = append(s.w.checkpoints, c)
		if to := s.w.settled(s.w.ledger)[c.TopicID][c.Partition].Offset; to < c.To {
			s.w.failf("a checkpoint says that %d[%d] is settled up to %d, and it is up to %d", c.TopicID[0], c.Partition, c.To, to)
		}
	})
}

// InsertCompleteness checks that what it states is true.
func (s modelStore) InsertCompleteness(ctx context.Context, facts []store.Completeness) error {
	return s.insert(ctx, len(facts), func(i int) {
		c := facts[i]
		settled := s.w.settled(s.w.ledger)[c.TopicID][c.Partition].Offset
		for at, f := range s.w.facts {
			if !s.w.restored && at.topic == c.TopicID && at.partition == c.Partition && at.offset >= settled && f.time.Before(c.Through) {
				s.w.failf("%d[%d] is said to be complete through %s, but it is settled up to %d and the record at %d is older", c.TopicID[0], c.Partition, c.Through, settled, at.offset)
			}
		}
		s.w.complete[c.Partition] = c.Through
	})
}

// Abandon has no part in what becomes of the present topic.
func (modelStore) Abandon(context.Context, string, [16]byte, string) error { return nil }

// Settled may lag, as a replica does.
func (s modelStore) Settled(ctx context.Context, _ string) (settled map[[16]byte]map[int]store.Settled, err error) {
	err = s.w.ask(ctx, func() {
		ledger := s.w.ledger
		if !s.w.calm && s.w.rng.IntN(4) == 0 && len(ledger) > 0 {
			ledger = ledger[:s.w.rng.IntN(len(ledger))]
		}
		settled = s.w.settled(slices.Concat(ledger, s.w.checkpoints))
	})
	return settled, err
}
