package ingest

import (
	"context"
	"errors"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// source is the topic as the protocol sees it. What the protocol relies on is that
// a record, once it is returned for an offset of a topic id, is the one that every
// later fetch returns for it, until it is deleted.
type source interface {
	// topicID asks which topic the name stands for now.
	topicID(ctx context.Context) ([16]byte, error)
	// describe asks that, and which partitions the topic has.
	describe(ctx context.Context) (id [16]byte, partitions []int, err error)
	// bounds returns where the log of each partition begins and ends.
	bounds(ctx context.Context, partitions []int) (map[int]bounds, error)
	// fetch returns records of a partition from an offset on, about so many bytes of
	// them. There are none when none came for a while. errOutOfRange says that the log
	// does not hold the offset.
	fetch(ctx context.Context, partition int, offset int64, bytes int) (fetched, error)
}

// bounds are the first offset that a log holds and the one that it gives next.
type bounds struct{ first, end int64 }

// fetched is the answer to a fetch, read once from its beginning.
type fetched interface {
	// empty reports whether the answer held nothing at all, not even a marker.
	empty() bool
	// next returns the next record, in the order of offsets; at the end io.EOF. It may
	// begin before the offset that was asked for. Its value may be overwritten by the
	// next call.
	next() (record, error)
}

// record is what stands at an offset.
type record struct {
	offset int64
	// time is the record's Kafka timestamp.
	time time.Time
	// event says that it is an application's message. Markers of transactions and the
	// records of aborted ones only take up an offset.
	event   bool
	message action.Message
}

var errOutOfRange = errors.New("the broker does not have this offset")
