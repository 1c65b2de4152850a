package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// settledQuery finds for each partition the end of the contiguous union of its
// ranges, anchored at offset 0: where the first range begins that no earlier one
// reaches, or else the highest end. Anchoring at the first range seen would pass
// over records whose own range is not written yet.
const settledQuery = `
SELECT topic_id, partition,
       if(countIf(start > reach) = 0, max(stop), minIf(reach, start > reach)) AS settled,
       max(stop) AS highest
FROM (
    SELECT topic_id, partition, ` + "`from` AS start, `to`" + ` AS stop,
           max(stop) OVER (PARTITION BY topic_id, partition ORDER BY start, stop
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach
    FROM ledger
    WHERE topic = ?
)
GROUP BY topic_id, partition`

// Settled is how far a topic's partition has been dealt with.
type Settled struct {
	// Offset is the first one that is not known to be stored or rejected: where
	// ingest resumes.
	Offset int64
	// Highest is the end of the highest range. It exceeds Offset while ranges in
	// between are not finished.
	Highest int64
}

// Settled returns how far each partition of a topic has been dealt with, by the
// topic's id and partition. A partition that is not in it is at offset 0.
func (s *Store) Settled(ctx context.Context, topic string) (map[[16]byte]map[int]Settled, error) {
	settled := map[[16]byte]map[int]Settled{}
	err := eachRow(ctx, s.conn, settledQuery, []any{topic}, func(scan func(...any) error) error {
		var id uuid.UUID
		var partition int
		var at Settled
		if err := scan(&id, &scanPartition{&partition}, &scanOffset{&at.Offset}, &scanOffset{&at.Highest}); err != nil {
			return err
		}
		if settled[id] == nil {
			settled[id] = map[int]Settled{}
		}
		settled[id][partition] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger of topic %s: %w", topic, err)
	}
	return settled, nil
}

// Partition is what the ledger says of one partition of a topic.
type Partition struct {
	Topic     string
	TopicID   uuid.UUID
	Partition int
	Settled   Settled
	// Lost counts the records that the operator gave up.
	Lost int64
	// Written is when the ledger was last added to.
	Written time.Time
}

// Ledger returns what the ledger says of every partition, by topic and partition.
func (s *Store) Ledger(ctx context.Context) ([]Partition, error) {
	partitions, err := collect(ctx, s.conn, "SELECT topic, topic_id, partition, sum(lost), max(written) FROM ledger FINAL GROUP BY topic, topic_id, partition ORDER BY topic, topic_id, partition", nil,
		func(p *Partition) []any {
			return []any{&p.Topic, &p.TopicID, &scanPartition{&p.Partition}, &scanOffset{&p.Lost}, &scanTime{&p.Written}}
		})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	settled := map[string]map[[16]byte]map[int]Settled{}
	for i := range partitions {
		p := &partitions[i]
		if settled[p.Topic] == nil {
			if settled[p.Topic], err = s.Settled(ctx, p.Topic); err != nil {
				return nil, err
			}
		}
		p.Settled = settled[p.Topic][p.TopicID][p.Partition]
	}
	return partitions, nil
}
