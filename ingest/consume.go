package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/store"
)

// topic is the topic that a consumer reads. The id tells it from a later one of the
// same name.
type topic struct {
	name string
	id   [16]byte
}

// Store is where events go. Inserts may be repeated: a row that is inserted again
// is the same row. Settled must see every row of the ledger whose insert has
// returned.
type Store interface {
	InsertActions(ctx context.Context, actions *store.Batch) error
	InsertRejected(ctx context.Context, rejected []store.Rejected) error
	InsertRanges(ctx context.Context, ranges []store.Range) error
	Settled(ctx context.Context, topic string) (map[[16]byte]map[int]store.Settled, error)
	// Checkpoint writes down what Settled answers, so that it is quick to find again.
	Checkpoint(ctx context.Context, topic string) error
	// Abandon settles what is stored of those topics that had the name before this one.
	Abandon(ctx context.Context, topic string, id [16]byte, note string) error
	// InsertCompleteness states what is complete. What fails is stated again later.
	InsertCompleteness(ctx context.Context, facts []store.Completeness) error
}

// consumer carries partitions of a topic into the store. It is the protocol of
// docs/exactly-once.md, and knows neither Kafka nor ClickHouse.
type consumer struct {
	cfg    Config
	source source
	store  Store
	logger *slog.Logger
	// failing counts what is being tried again at the moment.
	failing atomic.Int64
	metrics *metrics
	// jitter returns a random duration below the one given.
	jitter func(time.Duration) time.Duration
}

// run works on the partitions until ctx ends. After each block it calls written.
func (c *consumer) run(ctx context.Context, partitions []int, written func([]store.Range)) error {
	var t topic
	var positions map[int]int64
	err := c.retry(ctx, stepResume, func(ctx context.Context) error {
		id, err := c.source.topicID(ctx)
		if err != nil {
			return err
		}
		t = topic{name: c.cfg.Topic, id: id}
		positions, err = c.positions(ctx, t, partitions)
		return err
	})
	if err != nil {
		return err
	}
	c.metrics.take(positions)
	c.logger.InfoContext(ctx, "partitions taken", "topic", t.name, "positions", positions)

	limits := c.cfg.limits(len(positions))
	group, ctx := errgroup.WithContext(ctx)
	turns, added := make(chan *block), make(chan *block)
	full, due := make(chan *block), make(chan *block)
	free := make(chan *block, inFlight+1) // one is filled meanwhile
	for range cap(free) {
		free <- &block{}
	}
	for partition, position := range positions {
		group.Go(func() error {
			f := fetcher{consumer: c, topic: t, partition: partition, position: position, fetchBytes: limits.fetchBytes, turns: turns, added: added}
			return f.run(ctx)
		})
	}
	group.Go(func() error {
		return c.gather(ctx, limits.blockBytes, turns, added, full, due, free)
	})
	group.Go(func() error { return c.checkpoint(ctx, t) })
	complete := newCompleteness(positions)
	group.Go(func() error { return c.stateCompleteness(ctx, t, complete) })
	group.Go(func() error {
		return c.writeAll(ctx, group, t, positions, full, due, func(b *block) {
			c.metrics.wrote(b)
			complete.wrote(b.ranges)
			written(b.ranges)
			free <- b
		})
	})
	return group.Wait()
}

// gather has fetchers fill blocks, one at a time. While blocks are being written the
// next one is filled, and no more than that: when the store is slow, fetching waits. A
// block that is not full goes out when it is due and nothing else is being written.
func (c *consumer) gather(ctx context.Context, blockBytes int, turns chan<- *block, added <-chan *block, full, due chan<- *block, free <-chan *block) error {
	timer := time.NewTimer(c.cfg.BatchInterval)
	timer.Stop()
	b, late := <-free, false
	for {
		turns, full, due, wasEmpty := turns, full, due, b.empty()
		if b.rows() >= c.cfg.BatchRows || b.bytes >= blockBytes {
			turns, due = nil, nil
		} else {
			full = nil
		}
		if !late {
			due = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			late = true
			continue
		case turns <- b:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case b = <-added:
			}
			if wasEmpty && !b.empty() {
				timer.Reset(c.cfg.BatchInterval)
			}
			continue
		case full <- b:
		case due <- b:
		}
		timer.Stop()
		late = false
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b = <-free:
			b.reset()
		}
	}
}

// ledgerCheck is how often the ledger is read again.
const ledgerCheck = 30 * time.Second

// errBehind ends a consumer whose ledger does not hold what it wrote there.
var errBehind = errors.New("the ledger is behind what was written to it, as after a restore: the rest is done again")

// inFlight is how many blocks are written at a time. While the rows of one are being
// inserted, the other is encoded, sent, and told to the ledger.
const inFlight = 2

// writing is a block that is being written; done is closed when it has been.
type writing struct {
	*block
	done chan struct{}
}

// writeAll writes blocks and calls written for each, in the order in which they come.
// Now and then it looks whether the ledger still holds what was written: a store that
// was restored from a copy would otherwise lack it for ever.
func (c *consumer) writeAll(ctx context.Context, group *errgroup.Group, t topic, positions map[int]int64, full, due <-chan *block, written func(*block)) error {
	reached := maps.Clone(positions)
	check := time.NewTicker(ledgerCheck)
	defer check.Stop()
	var pending []writing // the oldest first
	for {
		full, due := full, due
		if len(pending) == inFlight {
			full = nil
		}
		var oldest chan struct{}
		if len(pending) > 0 {
			due, oldest = nil, pending[0].done
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-full:
			pending = append(pending, c.begin(ctx, group, t, b))
		case b := <-due:
			pending = append(pending, c.begin(ctx, group, t, b))
		case <-oldest:
			b := pending[0].block
			pending = pending[1:]
			for _, r := range b.ranges {
				reached[r.Partition] = r.To
			}
			written(b)
		case <-check.C:
			ledger, err := c.store.Settled(ctx, t.name)
			if err != nil {
				c.logger.WarnContext(ctx, "read the ledger again", "error", err)
				continue
			}
			for partition, offset := range reached {
				if ledger[t.id][partition].Offset < offset {
					return errBehind
				}
			}
		}
	}
}

// begin starts to write a block.
func (c *consumer) begin(ctx context.Context, group *errgroup.Group, t topic, b *block) writing {
	w := writing{b, make(chan struct{})}
	group.Go(func() error {
		err := c.write(ctx, t, b)
		if err == nil {
			close(w.done)
		}
		return err
	})
	return w
}

// write makes a block durable: its events and its rejected messages, and only then
// its rows of the ledger. Each step is repeated until it is acknowledged.
func (c *consumer) write(ctx context.Context, t topic, b *block) error {
	// The topic's id is asked for after the fetch: had the topic been deleted and
	// made again in between, these would be another topic's records.
	err := c.retry(ctx, stepTopic, func(ctx context.Context) error { return c.checkTopic(ctx, t) })
	if err != nil {
		return err
	}
	err = c.retry(ctx, stepEvents, func(ctx context.Context) error { return c.store.InsertActions(ctx, &b.actions) })
	if err != nil {
		return err
	}
	err = c.retry(ctx, stepRejected, func(ctx context.Context) error { return c.store.InsertRejected(ctx, b.rejected) })
	if err != nil {
		return err
	}
	err = c.retry(ctx, stepLedger, func(ctx context.Context) error { return c.store.InsertRanges(ctx, b.ranges) })
	if err != nil {
		return err
	}
	c.logger.DebugContext(ctx, "block written", "events", b.actions.Rows(), "rejected", len(b.rejected), "ranges", len(b.ranges))
	return nil
}

// checkTopic halts when the topic is no longer the one that records were read from.
func (c *consumer) checkTopic(ctx context.Context, t topic) error {
	id, err := c.source.topicID(ctx)
	if err != nil {
		return err
	}
	if id != t.id {
		return haltf("topic %s was deleted and created again while it was consumed: restart ingest to consume the new one", t.name)
	}
	return nil
}

// positions returns where to resume each assigned partition: at the end of what
// the ledger says is settled. It halts where records would be passed over.
func (c *consumer) positions(ctx context.Context, t topic, partitions []int) (map[int]int64, error) {
	bounds, err := c.source.bounds(ctx, partitions)
	if err != nil {
		return nil, err
	}
	// The ledger is read after the bounds: another ingester may have gone on since.
	ledger, err := c.store.Settled(ctx, t.name)
	if err != nil {
		return nil, err
	}
	settled := ledger[t.id]
	positions := make(map[int]int64, len(partitions))
	for _, p := range partitions {
		position, bound := settled[p], bounds[p]
		switch {
		case len(ledger) > 0 && settled == nil:
			return nil, haltf("topic %s has been deleted and created again since it was last consumed (its id is now %s): what the old one still held is gone; "+
				"to go on with the new one run: actionlog ledger give-up --topic %s --partition %d --to 0 --reason TEXT",
				t.name, uuid.UUID(t.id), t.name, p)
		case bound.first > position.Offset:
			return nil, haltf("topic %s partition %d begins at offset %d, but records from offset %d on are not settled: Kafka has deleted them; "+
				"to go on without them run: actionlog ledger give-up --topic %s --partition %d --to %d --reason TEXT",
				t.name, p, bound.first, position.Offset, t.name, p, bound.first)
		case position.Highest > bound.end && c.endsBefore(ctx, p, position.Highest):
			return nil, haltf("topic %s partition %d ends at offset %d, but the ledger knows records up to %d: "+
				"the broker has lost acknowledged records, or ACTIONLOG_CLICKHOUSE_DSN and ACTIONLOG_KAFKA_BROKERS do not belong together; "+
				"in the first case delete the topic and start ingest again: it makes a new one and says how to go on",
				t.name, p, bound.end, position.Highest)
		}
		positions[p] = position.Offset
	}
	return positions, nil
}

// endsBefore asks once more where a log ends: records may have been appended, and
// settled by another ingester, since it was asked first.
func (c *consumer) endsBefore(ctx context.Context, partition int, offset int64) bool {
	again, err := c.source.bounds(ctx, []int{partition})
	return err == nil && again[partition].end < offset
}

// halt is an error after which trying again would pass over records.
type halt struct{ error }

func haltf(format string, args ...any) error { return halt{fmt.Errorf(format, args...)} }

// ignoreEnd turns the error of a context that has ended into nil.
func ignoreEnd(ctx context.Context, err error) error {
	var h halt
	if ctx.Err() != nil && !errors.As(err, &h) {
		return nil
	}
	return err
}
