package store

import (
	"context"
	"fmt"

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
	rows, err := s.conn.Query(ctx, settledQuery, topic)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of topic %s: %w", topic, err)
	}
	defer func() { _ = rows.Close() }()
	settled := map[[16]byte]map[int]Settled{}
	for rows.Next() {
		var id uuid.UUID
		var partition uint32
		var offset, highest uint64
		if err := rows.Scan(&id, &partition, &offset, &highest); err != nil {
			return nil, fmt.Errorf("read the ledger of topic %s: %w", topic, err)
		}
		if settled[id] == nil {
			settled[id] = map[int]Settled{}
		}
		settled[id][int(partition)] = Settled{Offset: int64(offset), Highest: int64(highest)}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the ledger of topic %s: %w", topic, err)
	}
	return settled, nil
}
