package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// reach is, for each range, the highest end of those that begin before it in the
// same partition: where a range begins beyond it, there is a gap.
const reach = `max(stop) OVER (PARTITION BY topic, topic_id, partition ORDER BY start, stop
                               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reach`

// settledOffset is the end of the contiguous union of a partition's ranges, anchored
// at offset 0: what is reached where the first gap begins, or else the highest end.
// Anchoring at the first range seen would pass over records whose own range is not
// written yet.
const settledOffset = `if(countIf(start > reach) = 0, max(stop), minIf(reach, start > reach))`

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
// topic's id and partition. A partition that is not in it is at offset 0. It reads the
// ranges that reach beyond the last checkpoint.
func (s *Store) Settled(ctx context.Context, topic string) (map[[16]byte]map[int]Settled, error) {
	settled := map[[16]byte]map[int]Settled{}
	err := s.eachSettled(ctx, topic, func(log Log, at Settled) {
		if settled[log.TopicID] == nil {
			settled[log.TopicID] = map[int]Settled{}
		}
		settled[log.TopicID][log.Partition] = at
	})
	if err != nil {
		return nil, fmt.Errorf("read the ledger of topic %s: %w", topic, err)
	}
	return settled, nil
}

// eachSettled calls each for every partition of a topic, or of every topic when it is
// empty.
func (s *Store) eachSettled(ctx context.Context, topic string, each func(Log, Settled)) error {
	query, args, err := s.settledQuery(ctx, topic)
	if err != nil {
		return err
	}
	return eachRow(ctx, s.conn, query, args, func(scan func(...any) error) error {
		var topic string
		var log Log
		var at Settled
		if err := scan(&topic, (*uuid.UUID)(&log.TopicID), &scanPartition{&log.Partition}, &scanOffset{&at.Offset}, &scanOffset{&at.Highest}); err != nil {
			return err
		}
		each(log, at)
		return nil
	})
}

// Checkpoint writes down how far each partition of a topic is settled, so that
// Settled need not read the ranges below again. It may be called at any time: what is
// settled stays so.
func (s *Store) Checkpoint(ctx context.Context, topic string) error {
	query, args, err := s.settledQuery(ctx, topic)
	if err != nil {
		return err
	}
	insert := "INSERT INTO checkpoints (topic, topic_id, partition, offset) SELECT topic, topic_id, partition, settled FROM (" + query + ")"
	if err := s.conn.Exec(ctx, insert, args...); err != nil {
		return fmt.Errorf("write a checkpoint of topic %s: %w", topic, err)
	}
	return nil
}

// settledQuery asks how far each partition of a topic is settled, or of every topic when
// it is empty. A checkpoint stands for the range from 0 up to it. The checkpoints are part
// of the query, rather than read by it: the engine needs constants to leave out what lies
// below them.
func (s *Store) settledQuery(ctx context.Context, topic string) (string, []any, error) {
	type checkpoint struct {
		topic     string
		id        uuid.UUID
		partition int
		offset    int64
	}
	wanted, args := "topic = ?", []any{topic}
	if topic == "" {
		wanted, args = "true", nil
	}
	checkpoints, err := collect(ctx, s.conn, "SELECT topic, topic_id, partition, max(offset) FROM checkpoints WHERE "+wanted+" GROUP BY topic, topic_id, partition", args,
		func(c *checkpoint) []any {
			return []any{&c.topic, &c.id, &scanPartition{&c.partition}, &scanOffset{&c.offset}}
		})
	if err != nil {
		return "", nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	beyond := "true"
	var rows []string
	if len(checkpoints) > 0 {
		var terms, known []string
		for _, c := range checkpoints {
			terms = append(terms, fmt.Sprintf("(topic_id = toUUID('%s') AND partition = %d AND `to` > %d)", c.id, c.partition, c.offset))
			known = append(known, fmt.Sprintf("(toUUID('%s'), %d)", c.id, c.partition))
			rows = append(rows, fmt.Sprintf("(%s, '%s', %d, %d)", quote(c.topic), c.id, c.partition, c.offset))
		}
		beyond = "(topic_id, partition) NOT IN (" + strings.Join(known, ", ") + ") OR " + strings.Join(terms, " OR ")
	}
	return `
SELECT topic, topic_id, partition, ` + settledOffset + ` AS settled, max(stop) AS highest
FROM (
    SELECT *, ` + reach + `
    FROM (
        SELECT topic, topic_id, partition, ` + "`from` AS start, `to` AS stop" + ` FROM ledger WHERE ` + wanted + ` AND (` + beyond + `)
        UNION ALL
        SELECT c.1 AS topic, c.2 AS topic_id, c.3 AS partition, toUInt64(0) AS start, c.4 AS stop
        FROM (SELECT arrayJoin(CAST(?, 'Array(Tuple(String, UUID, UInt32, UInt64))')) AS c)
    )
)
GROUP BY topic, topic_id, partition`, append(args, "["+strings.Join(rows, ", ")+"]"), nil
}

// Partition is what the ledger says of one partition of a topic. Accepted + Rejected +
// Skipped + Lost − Overlap are the offsets that its ranges cover.
type Partition struct {
	Topic     string
	TopicID   uuid.UUID
	Partition int
	// Settled is computed from the ranges alone, without regard to checkpoints.
	Settled Settled
	// Accepted, Rejected, Skipped and Lost are the sums of all ranges.
	Accepted, Rejected, Skipped, Lost int64
	// Overlap counts the offsets that were covered already by an earlier range, as
	// after a replay: each as often as it was.
	Overlap int64
	// GapCount is how many stretches below the highest end no range covers; Gaps are the
	// first 100 of them.
	GapCount int64
	Gaps     []Span
	// Written is when the ledger was last added to.
	Written time.Time
}

// Span is a stretch of offsets: From is in it, To is not.
type Span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// Ledger returns what the ledger says of every partition of a topic, or of every
// topic when it is empty, in the order of topic, id and partition. It reads all
// ranges there are; the sums are the engine's.
func (s *Store) Ledger(ctx context.Context, topic string) ([]Partition, error) {
	ranges := "SELECT *, `from` AS start, `to` AS stop, " + reach + " FROM ledger FINAL WHERE topic = ? OR ? = ''"
	args := []any{topic, topic}
	partitions, err := collect(ctx, s.conn, `SELECT topic, topic_id, partition, `+settledOffset+`, max(stop),
       sum(accepted), sum(rejected), sum(skipped), sum(lost), toUInt64(sum(greatest(least(stop, reach), start) - start)), countIf(start > reach), max(written)
FROM (`+ranges+`) GROUP BY topic, topic_id, partition ORDER BY topic, topic_id, partition`, args,
		func(p *Partition) []any {
			return []any{
				&p.Topic, &p.TopicID, &scanPartition{&p.Partition}, &scanOffset{&p.Settled.Offset}, &scanOffset{&p.Settled.Highest},
				&scanOffset{&p.Accepted}, &scanOffset{&p.Rejected}, &scanOffset{&p.Skipped}, &scanOffset{&p.Lost}, &scanOffset{&p.Overlap},
				&scanOffset{&p.GapCount}, &scanTime{&p.Written},
			}
		})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	for i := range partitions {
		p := &partitions[i]
		if p.GapCount == 0 {
			continue
		}
		p.Gaps, err = collect(ctx, s.conn, "SELECT reach, start FROM ("+ranges+") WHERE start > reach AND topic_id = toUUID(?) AND partition = ? ORDER BY start LIMIT 100",
			append(args, p.TopicID.String(), p.Partition), func(g *Span) []any { return []any{&scanOffset{&g.From}, &scanOffset{&g.To}} })
		if err != nil {
			return nil, fmt.Errorf("read the gaps of %s[%d] in the ledger: %w", p.Topic, p.Partition, err)
		}
	}
	return partitions, nil
}
