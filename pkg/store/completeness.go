package store

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
)

// Completeness states that every record of a topic's partition that Kafka had
// acknowledged before Through is settled.
type Completeness struct {
	TopicID   [16]byte
	Topic     string
	Partition int
	// Partitions is how many the topic had at Through.
	Partitions int
	// Through is by the clock of the ingest that says so, in milliseconds.
	Through time.Time
}

// InsertCompleteness states what is complete. It may be called at any time, and what
// fails need not be tried again: a later statement holds all that an earlier one does.
func (s *Store) InsertCompleteness(ctx context.Context, facts []Completeness) error {
	const columns = "topic, topic_id, partition, partitions, through"
	return s.insert(ctx, "completeness", columns, len(facts), eachAppended(facts, func(b driver.Batch, c *Completeness) error {
		return b.Append(c.Topic, uuid.UUID(c.TopicID), uint32(c.Partition), uint32(c.Partitions), c.Through)
	}))
}

// CompleteThrough returns the moment up to which everything that Kafka had acknowledged
// in a topic is settled, so that whoever asks the store after this has it in the answer.
// It is nil when that is not known of each of the topic's partitions. The moment is by
// ingest's clock, or clocks: those of two machines may differ.
func (s *Store) CompleteThrough(ctx context.Context, topic string) (*time.Time, error) {
	type answer struct {
		known, partitions uint64
		through           time.Time
	}
	// Of topics that had the same name the latest counts.
	answers, err := collect(ctx, s.conn, `
SELECT count(), toUInt64(max(partitions)), min(through)
FROM (SELECT topic_id, partition, max(partitions) AS partitions, max(through) AS through FROM completeness WHERE topic = ? GROUP BY topic_id, partition)
GROUP BY topic_id ORDER BY max(through) DESC LIMIT 1`, []any{topic},
		func(a *answer) []any { return []any{&a.known, &a.partitions, &scanTime{&a.through}} })
	if err != nil {
		return nil, fmt.Errorf("read how far topic %s is complete: %w", topic, err)
	}
	if len(answers) == 0 || answers[0].known < answers[0].partitions {
		return nil, nil //nolint:nilnil // it is not known, which is not an error
	}
	return &answers[0].through, nil
}
