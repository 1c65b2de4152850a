package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/actionlog/actionlog/pkg/action"
)

// Log is one partition of one topic: what has offsets of its own. A topic that is made
// again has another id, and so another log.
type Log struct {
	TopicID   [16]byte
	Partition int
}

// Compare orders logs by topic id, then by partition.
func (l Log) Compare(other Log) int {
	return cmp.Or(bytes.Compare(l.TopicID[:], other.TopicID[:]), cmp.Compare(l.Partition, other.Partition))
}

// Position is a place in the feed: for each log the first offset that is not behind it.
// A log that is not in it is at offset 0. A log whose topic has been deleted stays in it,
// so that nothing of it is given out again.
type Position map[Log]int64

// Pass moves the position behind an event.
func (p Position) Pass(a *Action) {
	p[logOf(&a.Origin)] = a.Origin.Offset + 1
}

// Covers reports whether nothing lies between the position and the ends.
func (p Position) Covers(ends Position) bool {
	for log, end := range ends {
		if p[log] < end {
			return false
		}
	}
	return true
}

// Logs are those that the position knows, in order.
func (p Position) Logs() []Log { return slices.SortedFunc(maps.Keys(p), Log.Compare) }

// unread are the logs in which something lies between the position and the ends, in the
// order in which a page reads them. It begins at another log for another position, so
// that one with much to read does not keep the others waiting; for the same position and
// ends it is the same.
func (p Position) unread(ends Position) []Log {
	var logs []Log
	var sum uint32
	for _, log := range ends.Logs() {
		if p[log] < ends[log] {
			logs = append(logs, log)
		}
		place := binary.BigEndian.AppendUint64(log.TopicID[:], uint64(log.Partition))
		sum = crc32.Update(sum, crc32.IEEETable, binary.BigEndian.AppendUint64(place, uint64(p[log])))
	}
	if len(logs) == 0 {
		return nil
	}
	first := int(sum % uint32(len(logs)))
	return slices.Concat(logs[first:], logs[:first])
}

func logOf(o *action.Origin) Log { return Log{o.TopicID, o.Partition} }

// FeedEnds returns where the feed ends now: up to where every log is settled. It is read
// before the rows, so that they are at least as fresh.
func (s *Store) FeedEnds(ctx context.Context) (Position, error) {
	ends := Position{}
	if err := s.eachSettled(ctx, "", func(log Log, at Settled) { ends[log] = at.Offset }); err != nil {
		return nil, fmt.Errorf("read how far the feed goes: %w", err)
	}
	return ends, nil
}
