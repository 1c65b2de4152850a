package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/store"
)

// Ingester is one member of the consumer group.
type Ingester struct {
	cfg      Config
	source   *kafkaSource
	consumer *consumer
	logger   *slog.Logger
	metrics  *metrics
	joined   atomic.Bool
}

// New returns an ingester. It connects when it runs.
func New(cfg Config, s Store, logger *slog.Logger) (*Ingester, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	i := &Ingester{cfg: cfg, source: newKafkaSource(cfg), logger: logger, metrics: newMetrics()}
	i.consumer = &consumer{cfg: cfg, source: i.source, store: s, logger: logger, metrics: i.metrics, jitter: rand.N[time.Duration]}
	i.metrics.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "actionlog", Subsystem: "ingest", Name: "retrying", Help: "What is being tried again now after it failed; above 0 /readyz says no.",
	}, func() float64 { return float64(i.consumer.failing.Load()) }))
	return i, nil
}

// Ready reports whether the ingester has joined its group and nothing that it does,
// such as a fetch or an insert, is being tried again after it failed.
func (i *Ingester) Ready() bool { return i.joined.Load() && i.consumer.failing.Load() == 0 }

// Run consumes the topic until ctx ends, then lets go of its partitions and
// returns nil. It waits for Kafka and ClickHouse as long as they are away. It
// returns an error when going on would pass over records: the error says what to
// do.
func (i *Ingester) Run(ctx context.Context) error {
	defer i.source.transport.CloseIdleConnections()
	err := i.consumer.retry(ctx, stepPrepare, func(ctx context.Context) error {
		return i.source.ensureTopic(ctx, i.cfg, i.logger)
	})
	if err != nil {
		return ignoreEnd(ctx, err)
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID:                     i.cfg.Group,
		Brokers:                i.cfg.KafkaBrokers,
		Topics:                 []string{i.cfg.Topic},
		Dialer:                 &kafka.Dialer{ClientID: clientID, Timeout: 5 * time.Second},
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

	for failed := false; ; {
		generation, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			if !failed {
				failed = true
				i.consumer.failing.Add(1)
			}
			// The group tries again by itself, after JoinGroupBackoff.
			i.metrics.retries.WithLabelValues(stepJoin).Inc()
			i.logger.WarnContext(ctx, stepJoin+", trying again", "group", i.cfg.Group, "error", err)
			continue
		case failed:
			failed = false
			i.consumer.failing.Add(-1)
		}
		done := make(chan error, 1)
		generation.Start(func(ended context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(ended, cancel)()
			i.joined.Store(true)
			done <- ignoreEnd(ctx, i.consume(ctx, generation))
		})
		err = <-done
		i.joined.Store(false)
		if err != nil {
			return err
		}
	}
}

// consume works on the partitions of one generation until ctx ends.
func (i *Ingester) consume(ctx context.Context, generation *kafka.Generation) error {
	var partitions []int
	for _, p := range generation.Assignments[i.cfg.Topic] {
		partitions = append(partitions, p.ID)
	}
	watching, stop := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { i.watch(watching, partitions) })
	err := i.consumer.run(ctx, partitions, func(ranges []store.Range) { i.commit(ctx, generation, ranges) })
	stop()
	watch.Wait()
	if errors.Is(err, errBehind) {
		i.logger.WarnContext(ctx, err.Error())
		return nil
	}
	return err
}

// commitTimeout keeps a coordinator that does not answer from holding up the work.
const commitTimeout = time.Second

// commit tells Kafka how far the group has come, for the tools that show lag. It
// is never read by ingest, so an error is only logged.
func (i *Ingester) commit(ctx context.Context, generation *kafka.Generation, ranges []store.Range) {
	var offsets []kafka.OffsetCommit
	for _, r := range ranges {
		offsets = append(offsets, kafka.OffsetCommit{Partition: r.Partition, Offset: r.To})
	}
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	response, err := i.source.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
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
