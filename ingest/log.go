package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// Log is what Kafka holds of a partition: offsets from Start on; End is the one that it
// gives next.
type Log struct{ Start, End int64 }

// Logs returns the topic's id and what Kafka holds of each of its partitions. Its error
// is ErrNoTopic when there is no such topic.
func (i *Ingester) Logs(ctx context.Context) ([16]byte, map[int]Log, error) {
	defer i.source.transport.CloseIdleConnections()
	id, partitions, err := i.source.describe(ctx)
	if errors.Is(err, kafka.UnknownTopicOrPartition) {
		return id, nil, fmt.Errorf("%w: %s", ErrNoTopic, i.cfg.Topic)
	}
	if err != nil {
		return id, nil, err
	}
	all, err := i.source.bounds(ctx, partitions)
	if err != nil {
		return id, nil, err
	}
	logs := map[int]Log{}
	for p, b := range all {
		logs[p] = Log{b.first, b.end}
	}
	return id, logs, nil
}

// ErrNoTopic says that Kafka has no topic of the name.
var ErrNoTopic = errors.New("there is no such topic")
