package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/store"
)

// Store is where events go. Inserts may be repeated: a row that is inserted again
// is the same row. Settled must see every row of the ledger whose insert has
// returned.
type Store interface {
	InsertActions(ctx context.Context, actions []store.Action) error
	InsertRejected(ctx context.Context, rejected []store.Rejected) error
	InsertRanges(ctx context.Context, ranges []store.Range) error
	Settled(ctx context.Context, topic string) (map[[16]byte]map[int]store.Settled, error)
}

// Ingester is one member of the consumer group.
type Ingester struct {
	cfg    Config
	store  Store
	client *kafka.Client
	// transport is the client's, for requests that the client has no method for.
	transport *kafka.Transport
	logger    *slog.Logger
	ready     atomic.Bool
}

// New returns an ingester. It connects when it runs.
func New(cfg Config, s Store, logger *slog.Logger) (*Ingester, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	transport := &kafka.Transport{ClientID: "actionlog-ingest", DialTimeout: 5 * time.Second, MetadataTTL: 5 * time.Second}
	client := &kafka.Client{Addr: kafka.TCP(cfg.KafkaBrokers...), Transport: transport}
	return &Ingester{cfg: cfg, store: s, client: client, transport: transport, logger: logger}, nil
}

// Ready reports whether the ingester has partitions, or has joined a group that
// has none left for it, and its latest insert was not refused.
func (i *Ingester) Ready() bool { return i.ready.Load() }

// Run consumes the topic until ctx ends, then lets go of its partitions and
// returns nil. It waits for Kafka and ClickHouse as long as they are away. It
// returns an error when going on would pass over records: the error says what to
// do.
func (i *Ingester) Run(ctx context.Context) error {
	defer i.transport.CloseIdleConnections()
	if err := i.retry(ctx, "prepare the topic", i.ensureTopic); err != nil {
		return ignoreEnd(ctx, err)
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                     i.cfg.Group,
		Brokers:                i.cfg.KafkaBrokers,
		Topics:                 []string{i.cfg.Topic},
		Dialer:                 &kafka.Dialer{ClientID: "actionlog-ingest", Timeout: 5 * time.Second},
		SessionTimeout:         i.cfg.SessionTimeout,
		HeartbeatInterval:      i.cfg.SessionTimeout / 5,
		RebalanceTimeout:       i.cfg.SessionTimeout,
		JoinGroupBackoff:       time.Second,
		WatchPartitionChanges:  true,
		PartitionWatchInterval: 5 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("join consumer group %s: %w", i.cfg.Group, err)
	}
	defer func() { _ = group.Close() }()

	for {
		generation, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// The group tries again by itself, after JoinGroupBackoff.
			i.logger.WarnContext(ctx, "join the consumer group, trying again", "group", i.cfg.Group, "error", err)
			continue
		}
		done := make(chan error, 1)
		generation.Start(func(ended context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(ended, cancel)()
			done <- ignoreEnd(ctx, i.consume(ctx, generation))
		})
		err = <-done
		i.ready.Store(false)
		if err != nil {
			return err
		}
	}
}

// consume works on the partitions of one generation until ctx ends.
func (i *Ingester) consume(ctx context.Context, generation *kafka.Generation) error {
	assigned := generation.Assignments[i.cfg.Topic]
	var t topic
	var positions map[int]int64
	err := i.retry(ctx, "find where to resume", func(ctx context.Context) error {
		var err error
		if t, err = i.describeTopic(ctx); err != nil {
			return err
		}
		positions, err = i.positions(ctx, t, assigned)
		return err
	})
	if err != nil {
		return err
	}
	i.logger.InfoContext(ctx, "partitions taken", "topic", i.cfg.Topic, "generation", generation.ID, "positions", positions)
	i.ready.Store(true)

	group, ctx := errgroup.WithContext(ctx)
	chunks := make(chan chunk)
	blocks := make(chan *block)
	for partition, position := range positions {
		group.Go(func() error {
			f := fetcher{Ingester: i, topic: t, partition: partition, position: position}
			return f.run(ctx, chunks)
		})
	}
	group.Go(func() error { return i.batch(ctx, chunks, blocks) })
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case b := <-blocks:
				if err := i.write(ctx, t, b); err != nil {
					return err
				}
				i.commit(ctx, generation, b)
			}
		}
	})
	return group.Wait()
}

// batch gathers chunks into blocks. While one block is being written the next one
// is filled, and no more than that: when the store is slow, fetching waits.
func (i *Ingester) batch(ctx context.Context, chunks <-chan chunk, blocks chan<- *block) error {
	b := newBlock()
	timer := time.NewTimer(i.cfg.BatchInterval)
	timer.Stop()
	due := false
	for {
		in, out := chunks, blocks
		full := b.rows() >= i.cfg.BatchRows || b.bytes >= i.cfg.BatchBytes
		if full {
			in = nil
		}
		if !full && !due {
			out = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-in:
			if b.empty() {
				timer.Reset(i.cfg.BatchInterval)
			}
			b.add(c)
		case <-timer.C:
			due = true
		case out <- b:
			b, due = newBlock(), false
			timer.Stop()
		}
	}
}

// write makes a block durable: its events and its rejected messages, and only then
// its rows of the ledger. Each step is repeated until it is acknowledged.
func (i *Ingester) write(ctx context.Context, t topic, b *block) error {
	// The topic's id is asked for after the fetch: had the topic been deleted and
	// made again in between, these would be another topic's records.
	err := i.retry(ctx, "check the topic", func(ctx context.Context) error { return i.checkTopic(ctx, t) })
	if err != nil {
		return err
	}
	err = i.retry(ctx, "insert events", func(ctx context.Context) error { return i.store.InsertActions(ctx, b.actions) })
	if err != nil {
		return err
	}
	err = i.retry(ctx, "insert rejected messages", func(ctx context.Context) error { return i.store.InsertRejected(ctx, b.rejected) })
	if err != nil {
		return err
	}
	err = i.retry(ctx, "add to the ledger", func(ctx context.Context) error { return i.store.InsertRanges(ctx, b.ranges()) })
	if err != nil {
		return err
	}
	i.logger.DebugContext(ctx, "block written", "events", len(b.actions), "rejected", len(b.rejected), "ranges", len(b.parts))
	return nil
}

// commit tells Kafka how far the group has come, for the tools that show lag. It
// is never read by ingest, so an error is only logged.
func (i *Ingester) commit(ctx context.Context, generation *kafka.Generation, b *block) {
	var offsets []kafka.OffsetCommit
	for _, r := range b.ranges() {
		offsets = append(offsets, kafka.OffsetCommit{Partition: r.Partition, Offset: r.To})
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	response, err := i.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
		GroupID:      generation.GroupID,
		GenerationID: int(generation.ID),
		MemberID:     generation.MemberID,
		Topics:       map[string][]kafka.OffsetCommit{i.cfg.Topic: offsets},
	})
	if err == nil {
		for _, p := range response.Topics[i.cfg.Topic] {
			err = errors.Join(err, p.Error)
		}
	}
	if err != nil {
		i.logger.DebugContext(ctx, "commit offsets", "error", err)
	}
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
