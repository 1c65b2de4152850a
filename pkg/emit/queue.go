package emit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	defaultQueueEvents  = 16 << 10
	defaultQueueBytes   = 32 << 20
	defaultFlushTimeout = 10 * time.Second
	defaultSpoolBytes   = 1 << 30
	defaultSpoolAfter   = 2 * time.Second

	// blockBytes is the most that is under way of what is queued: enough for some
	// partitions to have a full request each.
	blockBytes = 4 << 20
)

// Policy says what happens to an event for which the queue has no room.
type Policy uint8

const (
	// Must waits for room, or returns an error. An event that was taken is never
	// dropped.
	Must Policy = iota
	// BestEffort drops the event at once, and counts it.
	BestEffort
)

// Undelivered is an event that Enqueue took and that will not reach Kafka.
type Undelivered struct {
	// Value is the event as JSON. EmitMessages sends it again.
	Value  []byte
	Policy Policy
	// Err is Kafka's refusal, or [ErrClosed] when Close could not wait any longer.
	Err error
}

// Stats counts the events of Enqueue since the emitter was made.
type Stats struct {
	// Queued events, and their bytes, are in memory now: waiting or under way.
	Queued, QueuedBytes int64
	// Spooled events, and the bytes of their files, are on the disk now, those that
	// an earlier process left included.
	Spooled, SpooledBytes int64
	// Acknowledged by Kafka, straight from memory or by way of the spool.
	Acknowledged int64
	// Dropped are BestEffort events for which there was no room.
	Dropped int64
	// Undelivered events were taken and given up on: refused by Kafka for good, or
	// left over at the end of Close.
	Undelivered int64
}

// Enqueue puts events into the emitter's queue and returns: they are published in
// the background, those of a tenant in the order of the calls. Events are stamped,
// checked and encoded as in Emit before Enqueue returns, and if one fails none is
// queued. Policy decides what happens when the queue is full; see [Must] and
// [BestEffort].
//
// An event that was taken is in memory, and dies with the process, until Kafka
// acknowledges it or the spool has it. While Kafka is away it is tried again until
// Close. What Kafka refuses for good goes to Config.OnUndelivered.
//
// An error with Must says how many leading events were taken before ctx ended. To
// pass the same slice again does no harm: what was taken twice is a repeat.
func (e *Emitter) Enqueue(ctx context.Context, policy Policy, events ...action.Event) error {
	if policy > BestEffort {
		return fmt.Errorf("emit: there is no policy %d: choose Must or BestEffort", policy)
	}
	records, err := e.encodeAll(ctx, events)
	if err != nil {
		return err
	}
	for i := range records {
		records[i].policy = policy
		if err := e.queue.add(ctx, &records[i]); err != nil {
			return fmt.Errorf("emit: %d of %d events queued: %w", i, len(events), err)
		}
	}
	return nil
}

// Stats returns the counters of the queue.
func (e *Emitter) Stats() Stats {
	e.queue.mu.Lock()
	defer e.queue.mu.Unlock()
	return e.queue.stats
}

// queue holds events in memory until they are acknowledged or in the spool. One
// goroutine delivers them, a block at a time: from the spool while it holds
// anything, since that is older, and else from memory.
type queue struct {
	cfg     Config
	log     *slog.Logger
	publish func(context.Context, *block) []error
	spool   *spool // nil without one; only run uses it

	// ctx ends when nothing is to be waited for any more.
	ctx    context.Context //nolint:containedctx // it lives as long as the queue
	cancel context.CancelFunc
	wake   chan struct{} // of one: an event arrived, or the queue was closed
	done   chan struct{} // closed at the end of run

	mu      sync.Mutex
	records []record      // not acknowledged and not spooled, oldest first
	room    chan struct{} // closed, and replaced, when there is some
	started bool
	closed  bool
	stats   Stats

	// Only run uses what follows.
	stalled bool // nothing gets through
	full    bool // the spool, when it was last asked
}

func newQueue(cfg Config, publish func(context.Context, *block) []error) (*queue, error) {
	q := &queue{
		cfg: cfg, log: cfg.Logger, publish: publish,
		wake: make(chan struct{}, 1), done: make(chan struct{}), room: make(chan struct{}),
	}
	if cfg.SpoolDir != "" {
		s, err := openSpool(cfg.SpoolDir, cfg.SpoolBytes, cfg.Logger)
		if err != nil {
			return nil, err
		}
		q.spool = s
		q.countSpool()
	}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	if q.stats.Spooled > 0 {
		q.started = true
		go q.run()
	}
	return q, nil
}

// add waits for room, or drops the record, as its policy says.
func (q *queue) add(ctx context.Context, rec *record) error {
	for {
		q.mu.Lock()
		room := q.room
		fits := len(q.records) == 0 || len(q.records) < q.cfg.QueueEvents &&
			q.stats.QueuedBytes+int64(rec.size()) <= q.cfg.QueueBytes
		switch {
		case q.closed:
			q.mu.Unlock()
			return ErrClosed
		case fits:
			q.records = append(q.records, *rec)
			q.stats.Queued++
			q.stats.QueuedBytes += int64(rec.size())
			if !q.started {
				q.started = true
				go q.run()
			}
			q.mu.Unlock()
			q.signal()
			return nil
		case rec.policy == BestEffort:
			q.stats.Dropped++
			q.mu.Unlock()
			return nil
		}
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// close waits until everything is acknowledged, or FlushTimeout is over, or Kafka
// is away and the spool has it all. Nothing is taken afterwards.
func (q *queue) close() error {
	q.mu.Lock()
	q.closed = true
	q.freeRoom()
	started := q.started
	q.mu.Unlock()
	if started {
		timer := time.AfterFunc(q.cfg.FlushTimeout, q.cancel)
		defer timer.Stop()
		q.signal()
		<-q.done
	}
	q.cancel()
	var err error
	if q.stats.Undelivered > 0 {
		err = fmt.Errorf("emit: %d queued events were not acknowledged", q.stats.Undelivered)
	}
	if q.spool != nil {
		err = errors.Join(err, q.spool.close())
	}
	return err
}

func (q *queue) run() {
	defer close(q.done)
	for q.ctx.Err() == nil {
		if q.spool != nil && q.spool.events > 0 {
			q.drain()
			continue
		}
		records, closed := q.oldest()
		switch {
		case len(records) > 0:
			q.deliver(&delivery{records: records})
		case closed:
			return
		default:
			<-q.wake
		}
	}
	q.toSpool()
	// Nothing is added any more: the queue is closed.
	for i := range q.records {
		q.giveUp(&q.records[i], ErrClosed)
	}
	q.forget(len(q.records), nil)
}

// drain delivers a block from the spool.
func (q *queue) drain() {
	records, end, err := q.spool.read()
	switch {
	case err == nil:
		q.deliver(&delivery{records: records, spooled: true, end: end})
		return
	case errors.Is(err, errFrame), errors.Is(err, io.EOF):
		lost := q.spool.abandon()
		q.log.Error("a segment of the spool is damaged and put aside", "events", lost, "error", err)
		q.forget(0, nil)
		return
	}
	q.log.Error("try the spool again", "error", err)
	timer := time.NewTimer(q.cfg.SpoolAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-q.ctx.Done():
	}
}

// delivery is a block under way.
type delivery struct {
	records []record
	spooled bool  // they are the spool's oldest, and end at end
	end     int64 // as in spool.settle
}

// deliver publishes a block and settles it. Meanwhile, when nothing gets through,
// the spool takes over: the block, which stays under way, and all that is behind it.
func (q *queue) deliver(d *delivery) {
	published := make(chan []error, 1)
	go func() { published <- q.publish(q.ctx, &block{records: d.records, independent: true, patient: true}) }()
	var tick <-chan time.Time
	if q.spool != nil {
		ticker := time.NewTicker(q.cfg.SpoolAfter)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		var wake <-chan struct{}
		if d.spooled {
			wake = q.wake
			// Once Kafka is back, what arrives need not pass over the disk while there
			// is room in memory: else the spool would never be empty.
			if q.stalled || q.isHalfFull() {
				q.toSpool()
			}
			if q.stalled && q.isClosedAndEmpty() {
				q.cancel()
			}
		}
		select {
		case errs := <-published:
			q.settle(d, errs)
			return
		case <-tick:
			q.stalled = true
			if !d.spooled {
				q.takeOver(d)
			}
		case <-wake:
		}
	}
}

// takeOver puts a block from memory into the spool, which is empty.
func (q *queue) takeOver(d *delivery) {
	n, err := q.spool.append(d.records)
	if err != nil {
		q.log.Error("spool events", "error", err)
		return
	}
	q.log.Warn("Kafka is away: the spool takes over", "dir", q.spool.dir)
	d.spooled, d.end = true, q.spool.newest().end
	q.forget(n, nil)
}

// toSpool moves what is in memory to the spool, as much as it takes.
func (q *queue) toSpool() {
	for q.spool != nil {
		records, _ := q.oldest()
		n, err := q.spool.append(records)
		if err != nil {
			q.log.Error("spool events", "error", err)
			return
		}
		q.forget(n, nil)
		wasFull := q.full
		if q.full = n < len(records); q.full && !wasFull {
			q.log.Error("the spool is full", "dir", q.spool.dir, "bytes", q.spool.bytes)
		}
		if q.full || n == 0 {
			return
		}
	}
}

// settle counts what became of a block, and lets go of it. When the time to wait is
// over, some of it may have no outcome: it stays where it is.
func (q *queue) settle(d *delivery, errs []error) {
	var left []record
	for i, err := range errs {
		if err != nil && !Refused(err) {
			left = append(left, d.records[i])
		}
	}
	if d.spooled && len(left) > 0 {
		return // the next process sends the block again
	}
	refused := 0
	for i, err := range errs {
		if Refused(err) {
			q.giveUp(&d.records[i], err)
			refused++
		}
	}
	if d.spooled {
		q.spool.settle(len(d.records), d.end)
		q.forget(0, nil)
	} else {
		q.forget(len(d.records), left)
	}
	q.mu.Lock()
	q.stats.Acknowledged += int64(len(d.records) - len(left) - refused)
	q.mu.Unlock()
	q.stalled = false
}

// giveUp tells whoever wants to know that an event is not delivered.
func (q *queue) giveUp(rec *record, err error) {
	q.mu.Lock()
	q.stats.Undelivered++
	q.mu.Unlock()
	if q.cfg.OnUndelivered != nil {
		q.cfg.OnUndelivered(Undelivered{Value: rec.value, Policy: rec.policy, Err: err})
		return
	}
	q.log.Error("an event is not delivered", "event", string(rec.value), "error", err)
}

// oldest returns the next block of what is in memory, which stays there.
func (q *queue) oldest() (records []record, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.records) {
		if size += q.records[n].size(); size > blockBytes {
			break
		}
		n++
	}
	return slices.Clone(q.records[:n]), q.closed
}

// forget lets go of the oldest n records in memory, but for those to keep, and
// counts what is in memory and in the spool.
func (q *queue) forget(n int, keep []record) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.records[:n] {
		q.stats.QueuedBytes -= int64(q.records[i].size())
	}
	for i := range keep {
		q.stats.QueuedBytes += int64(keep[i].size())
	}
	n -= len(keep)
	copy(q.records[n:], keep)
	clear(q.records[:n])
	q.records = q.records[n:]
	q.stats.Queued -= int64(n)
	q.countSpool()
	if n > 0 {
		q.freeRoom()
	}
}

// countSpool and freeRoom are for whoever holds mu.
func (q *queue) countSpool() {
	if q.spool != nil {
		q.stats.Spooled, q.stats.SpooledBytes = int64(q.spool.events), q.spool.bytes
	}
}

func (q *queue) freeRoom() {
	close(q.room)
	q.room = make(chan struct{})
}

func (q *queue) isHalfFull() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.records) > q.cfg.QueueEvents/2 || q.stats.QueuedBytes > q.cfg.QueueBytes/2
}

func (q *queue) isClosedAndEmpty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed && len(q.records) == 0
}
