package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// Retry is that a rejected message was sent again and Kafka has acknowledged it.
type Retry struct {
	// Time is when, to the millisecond.
	Time time.Time
	// Who is who sent it, and Note what they said about it.
	Who, Note string
}

// InsertRetries records one retry of each of the messages that stood at the origins.
// It must be called only when Kafka has acknowledged all of them. After an error the
// same may be recorded again: it counts once.
func (s *Store) InsertRetries(ctx context.Context, origins []action.Origin, retry Retry) error {
	return s.insert(ctx, "retries", "topic_id, topic, partition, offset, time, who, note", len(origins), eachAppended(origins, func(b driver.Batch, o *action.Origin) error {
		return b.Append(uuid.UUID(o.TopicID), o.Topic, uint32(o.Partition), uint64(o.Offset), retry.Time, retry.Who, retry.Note)
	}))
}

// place is where a message stood, without its time.
type place struct {
	topicID   uuid.UUID
	topic     string
	partition int
	offset    int64
}

func placeOf(o *action.Origin) place {
	return place{uuid.UUID(o.TopicID), o.Topic, o.Partition, o.Offset}
}

// retriesAtOnce is of how many messages one question asks the retries: it keeps the
// question, with names of 249 bytes, below the engine's max_query_size of 256 KiB.
const retriesAtOnce = 256

// addRetries fills in how often messages were sent again.
func (s *Store) addRetries(ctx context.Context, rows []Rejected) error {
	for some := range slices.Chunk(rows, retriesAtOnce) {
		byPlace := make(map[place]*Rejected, len(some))
		places := make([]clickhouse.GroupSet, len(some))
		for i := range some {
			p := placeOf(&some[i].Origin)
			byPlace[p] = &some[i]
			places[i] = clickhouse.GroupSet{Value: []any{p.topic, p.partition, p.offset, p.topicID.String()}}
		}
		const query = "SELECT topic_id, topic, partition, offset, count(), max(time) AS last, argMax(who, time), argMax(note, time) FROM retries FINAL " +
			"WHERE (topic, partition, offset, toString(topic_id)) IN (?) GROUP BY topic_id, topic, partition, offset"
		err := eachRow(ctx, s.conn, query, []any{places}, func(scan func(...any) error) error {
			var p place
			var n int64
			var last Retry
			err := scan(&p.topicID, &p.topic, &scanPartition{&p.partition}, &scanOffset{&p.offset}, &scanOffset{&n}, &scanTime{&last.Time}, &last.Who, &last.Note)
			if err != nil {
				return err
			}
			if r := byPlace[p]; r != nil {
				r.Retries, r.Last = int(n), last
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the retries of rejected messages: %w", err)
		}
	}
	return nil
}
