package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	briefColumns    = "topic_id, topic, partition, offset, time, reason, field, message"
	rejectedColumns = briefColumns + ", raw"
)

// RejectedCursor is the place of a rejected message in their list.
type RejectedCursor struct {
	Time      time.Time
	Topic     string
	Partition int
	Offset    int64
	TopicID   [16]byte
}

func (r *Rejected) cursor() RejectedCursor {
	return RejectedCursor{r.Origin.Time, r.Origin.Topic, r.Origin.Partition, r.Origin.Offset, r.Origin.TopicID}
}

// RejectedPage is a stretch of the rejected messages, newest first.
type RejectedPage struct {
	Rejected []Rejected
	// Next is where the following page begins; nil when this one is the last.
	Next *RejectedCursor
}

// ListRejected returns the newest rejected messages, at most limit of them, that
// come after the cursor in newest-first order (from the newest when it is nil). A
// page ends early when it holds about 8 MiB.
func (s *Store) ListRejected(ctx context.Context, after *RejectedCursor, limit int) (RejectedPage, error) {
	return s.listRejected(ctx, after, limit, rejectedColumns, fetchRaw)
}

// ListRejections is ListRejected without the messages' values: Raw is nil.
func (s *Store) ListRejections(ctx context.Context, after *RejectedCursor, limit int) (RejectedPage, error) {
	return s.listRejected(ctx, after, limit, briefColumns, fetchBrief)
}

func (s *Store) listRejected(ctx context.Context, after *RejectedCursor, limit int, columns string, fetch int) (RejectedPage, error) {
	rejected := list[Rejected, RejectedCursor]{
		read: func(after *RejectedCursor, fetch int, each func(*Rejected) error) error {
			return s.readRejected(ctx, columns, after, fetch, each)
		},
		place: (*Rejected).cursor,
		size:  func(r *Rejected) int { return len(r.Raw) + len(r.Field) + len(r.Message) },
		fetch: fetch,
	}
	rows, next, err := rejected.page(after, limit)
	if err != nil {
		return RejectedPage{}, fmt.Errorf("read rejected messages: %w", err)
	}
	return RejectedPage{Rejected: rows, Next: next}, nil
}

// readRejected calls each with the rows after a place, repeats included: without
// FINAL, which would read the table from its beginning, the engine stops early.
func (s *Store) readRejected(ctx context.Context, columns string, after *RejectedCursor, fetch int, each func(*Rejected) error) error {
	var c condition
	c.and("true")
	if after != nil {
		c.and("time <= "+milliseconds, after.Time.UnixMilli())
		c.and("(time, topic, partition, offset, topic_id) < ("+milliseconds+", ?, ?, ?, toUUID(?))",
			after.Time.UnixMilli(), after.Topic, after.Partition, after.Offset, uuid.UUID(after.TopicID).String())
	}
	query := "SELECT " + columns + " FROM rejected WHERE " + c.sql() +
		" ORDER BY time DESC, topic DESC, partition DESC, offset DESC, topic_id DESC LIMIT ?"
	return eachRow(ctx, s.conn, query, append(c.args, fetch), func(scan func(...any) error) error {
		var r Rejected
		var reason, raw string
		to := []any{
			(*uuid.UUID)(&r.Origin.TopicID), &r.Origin.Topic, &scanPartition{&r.Origin.Partition}, &scanOffset{&r.Origin.Offset},
			&scanTime{&r.Origin.Time}, &reason, &r.Field, &r.Message,
		}
		if columns == rejectedColumns {
			to = append(to, &raw)
		}
		if err := scan(to...); err != nil {
			return err
		}
		r.Reason = action.Reason(reason)
		if columns == rejectedColumns {
			r.Raw = []byte(raw)
		}
		return each(&r)
	})
}
