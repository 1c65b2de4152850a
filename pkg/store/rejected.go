package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// Rejected is a message that could not be accepted.
type Rejected struct {
	action.Rejection
	Origin action.Origin
	// Raw is the message's value, as it was sent. A preview holds its beginning.
	Raw []byte
	// Size is the length of the value in bytes, of which Raw may hold fewer. It is
	// what the store answers, and not read by InsertRejected.
	Size int
	// Headers are the message's. A preview holds the first of them, each cut.
	Headers []action.Header
	// Retries is how often the message was sent again, and Last the latest time that
	// it was: zero when it never was. InsertRejected reads neither.
	Retries int
	Last    Retry
}

// RejectedFilter says which rejected messages a question is about. Conditions are
// joined by and.
type RejectedFilter struct {
	// Reasons are those that match; none means all.
	Reasons []action.Reason
	// From and To bound the Kafka timestamp, half-open: from ≤ time < to. The zero
	// time leaves that side open.
	From, To time.Time
	// Topic is the topic's name; empty means all.
	Topic string
	// Pending leaves out what was sent again.
	Pending bool
}

func (f RejectedFilter) condition() *condition {
	c := &condition{}
	c.and("true")
	if !f.From.IsZero() {
		c.and("time >= "+milliseconds, ceilMilli(f.From))
	}
	if !f.To.IsZero() {
		c.and("time < "+milliseconds, ceilMilli(f.To))
	}
	if len(f.Reasons) > 0 {
		names := make([]string, len(f.Reasons))
		for i, r := range f.Reasons {
			names[i] = string(r)
		}
		c.and("reason IN (?)", names)
	}
	if f.Topic != "" {
		c.and("topic = ?", f.Topic)
	}
	if f.Pending {
		c.and("(topic, partition, offset, topic_id) NOT IN (SELECT topic, partition, offset, topic_id FROM retries)")
	}
	return c
}

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

func (r *Rejected) size() int {
	return action.Message{Value: r.Raw, Headers: r.Headers}.Size() + len(r.Field) + len(r.Message)
}

// RejectedPage is a stretch of the rejected messages, newest first.
type RejectedPage struct {
	Rejected []Rejected
	// Next is where the following page begins; nil when this one is the last.
	Next *RejectedCursor
}

// PreviewHeaders is how many headers a preview of a message holds at most.
const PreviewHeaders = 32

// ListRejected returns the newest rejected messages that match, at most limit of
// them, that come after the cursor in newest-first order (from the newest when it is
// nil). A page ends early when it holds about 8 MiB.
func (s *Store) ListRejected(ctx context.Context, f RejectedFilter, after *RejectedCursor, limit int) (RejectedPage, error) {
	return s.listRejected(ctx, f, after, limit, "raw, headers", fetchRaw)
}

// PreviewRejected is ListRejected with the first so many bytes of each value, and of
// the key and the value of each of the first [PreviewHeaders] headers. With 0 there
// are neither bytes nor headers.
func (s *Store) PreviewRejected(ctx context.Context, f RejectedFilter, after *RejectedCursor, limit, most int) (RejectedPage, error) {
	bytes, headers, fetch := strconv.Itoa(most), strconv.Itoa(PreviewHeaders), fetchPreview
	if most == 0 {
		headers, fetch = "0", fetchBrief
	}
	content := "substring(raw, 1, " + bytes + "), CAST(arrayMap(h -> (substring(h.1, 1, " + bytes + "), substring(h.2, 1, " + bytes + ")), " +
		"arraySlice(headers, 1, " + headers + ")), 'Array(Tuple(key String, value String))')"
	return s.listRejected(ctx, f, after, limit, content, fetch)
}

func (s *Store) listRejected(ctx context.Context, f RejectedFilter, after *RejectedCursor, limit int, content string, fetch int) (RejectedPage, error) {
	rejected := list[Rejected, RejectedCursor]{
		read: func(after *RejectedCursor, fetch int, each func(*Rejected) error) error {
			c := f.condition()
			if after != nil {
				c.and("time <= "+milliseconds, after.Time.UnixMilli())
				c.and("(time, topic, partition, offset, topic_id) < ("+milliseconds+", ?, ?, ?, toUUID(?))",
					after.Time.UnixMilli(), after.Topic, after.Partition, after.Offset, uuid.UUID(after.TopicID).String())
			}
			return s.readRejected(ctx, content, c, "LIMIT ?", fetch, each)
		},
		place: (*Rejected).cursor,
		size:  (*Rejected).size,
		fetch: fetch,
	}
	rows, next, err := rejected.page(after, limit)
	if err != nil {
		return RejectedPage{}, fmt.Errorf("read rejected messages: %w", err)
	}
	if err := s.addRetries(ctx, rows); err != nil {
		return RejectedPage{}, err
	}
	return RejectedPage{Rejected: rows, Next: next}, nil
}

// maxSameAddress bounds how many messages of one address are returned: as many as a
// topic of one name was created anew and had a message rejected at one offset.
const maxSameAddress = 8

// RejectedAt returns the rejected messages at an address, newest first: none when
// there is no such message, one as a rule, and several when the address names no
// topic id and the topic was created again.
func (s *Store) RejectedAt(ctx context.Context, at Address) ([]Rejected, error) {
	c := &condition{}
	c.and("topic = ?", at.Topic)
	c.and("partition = ?", at.Partition)
	c.and("offset = ?", at.Offset)
	if at.TopicID != nil {
		c.and("topic_id = toUUID(?)", at.TopicID.String())
	}
	var rows []Rejected
	err := s.readRejected(ctx, "raw, headers", c, "LIMIT 1 BY time, topic_id LIMIT ?", maxSameAddress, func(r *Rejected) error {
		rows = append(rows, *r)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the rejected message at %s: %w", at, err)
	}
	return rows, s.addRetries(ctx, rows)
}

// headerRow is a header as the database holds it.
type headerRow struct {
	Key   string `ch:"key"`
	Value string `ch:"value"`
}

// readRejected calls each with the rows that match, newest first, repeats included:
// without FINAL, which would read the table from its beginning, the engine stops
// early. Content is the expressions for the value and the headers, limit the clause
// that takes most.
func (s *Store) readRejected(ctx context.Context, content string, c *condition, limit string, most int, each func(*Rejected) error) error {
	query := "SELECT topic_id, topic, partition, offset, time, reason, field, message, length(raw), " + content + " FROM rejected WHERE " + c.sql() +
		" ORDER BY time DESC, topic DESC, partition DESC, offset DESC, topic_id DESC " + limit
	return eachRow(ctx, s.conn, query, append(c.args, most), func(scan func(...any) error) error {
		var r Rejected
		var reason, raw string
		var headers []headerRow
		var size int64
		err := scan((*uuid.UUID)(&r.Origin.TopicID), &r.Origin.Topic, &scanPartition{&r.Origin.Partition}, &scanOffset{&r.Origin.Offset},
			&scanTime{&r.Origin.Time}, &reason, &r.Field, &r.Message, &scanOffset{&size}, &raw, &headers)
		if err != nil {
			return err
		}
		r.Reason, r.Raw, r.Size = action.Reason(reason), []byte(raw), int(size)
		for _, h := range headers {
			r.Headers = append(r.Headers, action.Header{Key: h.Key, Value: []byte(h.Value)})
		}
		return each(&r)
	})
}
