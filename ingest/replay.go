package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/store"
)

// Replay is a stretch of the topic that is to be read and stored again.
type Replay struct {
	From Place
	// To is where it ends; nil for what can be read when it begins.
	To *Place
	// Partition is the one to read; below 0 for all.
	Partition int
}

// Place is where a stretch of a partition begins or ends: at an offset or, when Time is
// given, at the first record that Kafka got then or later.
type Place struct {
	Offset int64
	Time   time.Time
}

// Replayed is what a replay has stored: Records = Accepted + Rejected.
type Replayed struct {
	Records  int64 `json:"records"`
	Accepted int64 `json:"accepted"`
	Rejected int64 `json:"rejected"`
}

// Replay reads a stretch of the topic and stores it again, and adds it to the ledger.
// What is there already stays as it is, what is missing is there afterwards. It takes
// no part in the consumer group and commits nothing, so it may run beside other
// ingesters. It waits for Kafka and ClickHouse as Run does. When it returns an error,
// what it has counted is stored all the same.
func (i *Ingester) Replay(ctx context.Context, r Replay) (Replayed, error) {
	defer i.source.transport.CloseIdleConnections()
	var t topic
	var from, to map[int]int64
	err := i.consumer.retry(ctx, stepReplay, func(ctx context.Context) error {
		id, partitions, err := i.replayable(ctx, r.Partition)
		if err != nil {
			return err
		}
		t = topic{i.cfg.Topic, id}
		from, to, err = i.stretch(ctx, partitions, r)
		return err
	})
	if err != nil {
		return Replayed{}, err
	}
	i.logger.InfoContext(ctx, "replay begins", "topic", t.name, "from", from, "to", to)
	p := &replay{Store: i.consumer.store, source: i.source, topic: t, at: from, to: to, logger: i.logger, told: time.Now()}
	if p.left() == 0 {
		return Replayed{}, nil
	}
	running, done := context.WithCancel(ctx)
	defer done()
	c := &consumer{cfg: i.cfg, source: p, store: p, logger: i.logger, metrics: i.metrics, jitter: rand.N[time.Duration]}
	err = c.run(running, slices.Collect(maps.Keys(from)), func(ranges []store.Range) {
		if p.written(ctx, ranges); p.left() == 0 {
			done()
		}
	})
	if p.left() == 0 {
		return p.done, nil
	}
	return p.done, fmt.Errorf("the replay is not complete, %d offsets are left: %w", p.left(), err)
}

// replayable returns the topic's id and which of its partitions are wanted. It halts
// where the ledger is about other records than the topic's.
func (i *Ingester) replayable(ctx context.Context, wanted int) ([16]byte, []int, error) {
	id, partitions, err := i.source.describe(ctx)
	if errors.Is(err, kafka.UnknownTopicOrPartition) {
		return id, nil, haltf("topic %s does not exist: there is nothing to replay", i.cfg.Topic)
	}
	if err != nil {
		return id, nil, err
	}
	if wanted >= 0 {
		if !slices.Contains(partitions, wanted) {
			return id, nil, haltf("topic %s has no partition %d: it has %d, from 0 on", i.cfg.Topic, wanted, len(partitions))
		}
		partitions = []int{wanted}
	}
	logs, err := i.source.bounds(ctx, partitions)
	if err != nil {
		return id, nil, err
	}
	ledger, err := i.consumer.store.Settled(ctx, i.cfg.Topic)
	if err != nil {
		return id, nil, err
	}
	if len(ledger) > 0 && ledger[id] == nil {
		return id, nil, haltf("topic %s has been deleted and created again since it was last consumed: start ingest, which says how to go on with the new one", i.cfg.Topic)
	}
	for _, p := range partitions {
		if highest := ledger[id][p].Highest; highest > logs[p].end && i.consumer.endsBefore(ctx, p, highest) {
			return id, nil, haltf("topic %s partition %d ends at offset %d, but the ledger knows records up to %d: start ingest, which says what to do", i.cfg.Topic, p, logs[p].end, highest)
		}
	}
	return id, partitions, nil
}

// stretch returns where the replay of each partition begins and ends. A partition with
// nothing to replay is not among them.
func (i *Ingester) stretch(ctx context.Context, partitions []int, r Replay) (from, to map[int]int64, err error) {
	logs, err := i.source.readable(ctx, partitions)
	if err != nil {
		return nil, nil, err
	}
	if from, err = i.source.find(ctx, partitions, r.From); err != nil {
		return nil, nil, err
	}
	to = map[int]int64{}
	if r.To != nil {
		if to, err = i.source.find(ctx, partitions, *r.To); err != nil {
			return nil, nil, err
		}
	}
	for _, p := range partitions {
		log := logs[p]
		if end, ok := to[p]; !ok || end < 0 || end > log.end {
			to[p] = log.end
		}
		switch {
		case from[p] < 0:
			from[p] = log.end
		case from[p] < log.first:
			i.logger.WarnContext(ctx, "Kafka no longer has the beginning of what is to be replayed", "partition", p, "from", from[p], "first", log.first)
			from[p] = log.first
		case !r.From.Time.IsZero() && from[p] == log.first && log.first > 0:
			i.logger.WarnContext(ctx, "Kafka has deleted records before the first that it has, which may belong to what is to be replayed", "partition", p, "first", log.first)
		}
		if from[p] >= to[p] {
			delete(from, p)
			delete(to, p)
		}
	}
	return from, to, nil
}

// replay is what a consumer works with in a replay: the topic up to a certain end, and
// a ledger of its own in which everything before the beginning is settled. All else is
// done as ever. Its fields are used by one goroutine at a time: that which takes the
// partitions, and then that which writes.
type replay struct {
	Store
	source
	topic  topic
	at, to map[int]int64
	logger *slog.Logger
	done   Replayed
	// told is when progress was last logged.
	told time.Time
}

// Settled answers how far the replay has come.
func (r *replay) Settled(context.Context, string) (map[[16]byte]map[int]store.Settled, error) {
	own := map[int]store.Settled{}
	for p, offset := range r.at {
		own[p] = store.Settled{Offset: offset, Highest: offset}
	}
	return map[[16]byte]map[int]store.Settled{r.topic.id: own}, nil
}

// progressInterval is how often a replay tells how far it has come.
const progressInterval = 10 * time.Second

func (r *replay) written(ctx context.Context, ranges []store.Range) {
	for _, part := range ranges {
		r.at[part.Partition] = part.To
		r.done.Accepted += part.Accepted
		r.done.Rejected += part.Rejected
		r.done.Records += part.Accepted + part.Rejected
	}
	if time.Since(r.told) >= progressInterval {
		r.told = time.Now()
		r.logger.InfoContext(ctx, "replay goes on", "records", r.done.Records, "offsets_left", r.left())
	}
}

// left returns how many offsets there are still to do.
func (r *replay) left() int64 {
	var sum int64
	for p, offset := range r.at {
		sum += r.to[p] - offset
	}
	return sum
}

// bounds allows any position: what the logs hold was looked at when the replay began.
// No log is ever complete up to there, and so a replay, which knows nothing of what lies
// before its beginning, does not say that one is.
func (r *replay) bounds(_ context.Context, partitions []int) (map[int]bounds, error) {
	all := map[int]bounds{}
	for _, p := range partitions {
		all[p] = bounds{end: math.MaxInt64}
	}
	return all, nil
}

// fetch returns records before the end only, and then nothing more.
func (r *replay) fetch(ctx context.Context, partition int, offset int64, bytes int) (fetched, error) {
	end := r.to[partition]
	if offset >= end {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	got, err := r.source.fetch(ctx, partition, offset, bytes)
	if errors.Is(err, errOutOfRange) {
		return nil, haltf("topic %s partition %d has no offset %d any more: Kafka has deleted it while it was replayed", r.topic.name, partition, offset)
	}
	if err != nil {
		return nil, err
	}
	return &cut{got, end}, nil
}

// cut is an answer to a fetch up to an offset.
type cut struct {
	fetched
	end int64
}

// next returns a marker in place of what lies beyond the end: between it and the
// record before there is nothing.
func (c *cut) next() (record, error) {
	got, err := c.fetched.next()
	if err != nil || got.offset < c.end {
		return got, err
	}
	c.fetched = nothing{}
	return record{offset: c.end - 1}, nil
}

// nothing is an answer without records.
type nothing struct{}

func (nothing) empty() bool           { return true }
func (nothing) next() (record, error) { return record{}, io.EOF }
