package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

const rejectedColumns = "topic_id, topic, partition, offset, time, reason, field, message, raw"

// RejectedCursor is the place of a rejected message in their list.
type RejectedCursor struct {
	Time      time.Time
	Topic     string
	Partition int
	Offset    int64
	TopicID   [16]byte
}

// RejectedPage is a stretch of the rejected messages, newest first.
type RejectedPage struct {
	Rejected []Rejected
	// Next is where the following page begins; nil when this one is the last.
	Next *RejectedCursor
}

// ListRejected returns the newest rejected messages, at most limit of them, that
// come after the cursor in newest-first order (from the newest when it is nil).
func (s *Store) ListRejected(ctx context.Context, after *RejectedCursor, limit int) (RejectedPage, error) {
	var c condition
	c.and("true")
	if after != nil {
		c.and("time <= "+milliseconds, after.Time.UnixMilli())
		c.and("(time, topic, partition, offset, topic_id) < ("+milliseconds+", ?, ?, ?, toUUID(?))",
			after.Time.UnixMilli(), after.Topic, after.Partition, after.Offset, uuid.UUID(after.TopicID).String())
	}
	query := "SELECT " + rejectedColumns + " FROM rejected FINAL WHERE " + c.sql() +
		" ORDER BY time DESC, topic DESC, partition DESC, offset DESC, topic_id DESC LIMIT ?"
	rows, err := s.conn.Query(ctx, query, append(c.args, limit+1)...)
	if err != nil {
		return RejectedPage{}, fmt.Errorf("list rejected messages: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var page RejectedPage
	for rows.Next() {
		if len(page.Rejected) == limit {
			last := page.Rejected[limit-1].Origin
			page.Next = &RejectedCursor{last.Time, last.Topic, last.Partition, last.Offset, last.TopicID}
			break
		}
		var r Rejected
		var reason, raw string
		err := rows.Scan((*uuid.UUID)(&r.Origin.TopicID), &r.Origin.Topic, &partition{&r.Origin.Partition}, &offset{&r.Origin.Offset},
			&utcTime{&r.Origin.Time}, &reason, &r.Field, &r.Message, &raw)
		if err != nil {
			return RejectedPage{}, fmt.Errorf("list rejected messages: %w", err)
		}
		r.Reason, r.Raw = action.Reason(reason), []byte(raw)
		page.Rejected = append(page.Rejected, r)
	}
	if err := rows.Err(); err != nil {
		return RejectedPage{}, fmt.Errorf("list rejected messages: %w", err)
	}
	return page, nil
}
