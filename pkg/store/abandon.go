package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Abandon settles what is stored of the logs that a topic had before it was made again
// with the id that is given: nobody will settle it otherwise, and the feed would never
// give it out. Offsets below that hold no event count as lost. It reads all of the topic's
// rows, and does nothing when it is done again.
func (s *Store) Abandon(ctx context.Context, topic string, id [16]byte, note string) error {
	settled, err := s.Settled(ctx, topic)
	if err != nil {
		return err
	}
	type left struct {
		log Log
		end int64
	}
	logs, err := collect(ctx, s.conn, "SELECT topic_id, partition, max(offset) + 1 FROM actions WHERE topic = ? AND topic_id != toUUID(?) GROUP BY topic_id, partition",
		[]any{topic, uuid.UUID(id).String()}, func(l *left) []any {
			return []any{(*uuid.UUID)(&l.log.TopicID), &scanPartition{&l.log.Partition}, &scanOffset{&l.end}}
		})
	if err != nil {
		return fmt.Errorf("find what the deleted topic %s has left: %w", topic, err)
	}
	var ranges []Range
	for _, l := range logs {
		from := settled[l.log.TopicID][l.log.Partition].Offset
		if from >= l.end {
			continue
		}
		stored, err := collectOne(ctx, s.conn, "SELECT uniqExact(offset) FROM actions WHERE topic_id = toUUID(?) AND partition = ? AND offset >= ? AND offset < ?",
			[]any{uuid.UUID(l.log.TopicID).String(), l.log.Partition, from, l.end}, func(n *int64) []any { return []any{&scanOffset{n}} })
		if err != nil {
			return fmt.Errorf("count what the deleted topic %s has left in partition %d: %w", topic, l.log.Partition, err)
		}
		ranges = append(ranges, Range{
			TopicID: l.log.TopicID, Topic: topic, Partition: l.log.Partition, From: from, To: l.end,
			Accepted: stored, Lost: l.end - from - stored, Note: note,
		})
	}
	return s.InsertRanges(ctx, ranges)
}
