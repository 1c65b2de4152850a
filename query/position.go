package query

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/actionlog/actionlog/pkg/store"
)

// feedPosition names a position in the feed, as the kinds of cursors do. Between it and
// the checksum stands, for each topic: its id, how many of its partitions follow, and
// for each of them its number, less the one before, and the offset.
const feedPosition = 0x31

// maxPosition bounds what is decoded: some 4,000 partitions. A URL of more does not pass
// maxHeader.
const maxPosition = 48 << 10

var errPosition = errors.New(`this is not a position of the feed: pass the position of an earlier answer, or the id of an earlier event of the tail, as it was, or leave it out`)

func encodePosition(p store.Position) string {
	b := []byte{feedPosition}
	logs := p.Logs()
	for len(logs) > 0 {
		n := 1
		for n < len(logs) && logs[n].TopicID == logs[0].TopicID {
			n++
		}
		b = append(b, logs[0].TopicID[:]...)
		b = binary.AppendUvarint(b, uint64(n))
		before := 0
		for _, log := range logs[:n] {
			b = binary.AppendUvarint(b, uint64(log.Partition-before))
			b = binary.AppendUvarint(b, uint64(p[log]))
			before = log.Partition
		}
		logs = logs[n:]
	}
	return seal(b)
}

func decodePosition(text string) (store.Position, error) {
	if len(text) > maxPosition {
		return nil, errPosition
	}
	b, err := unsealed(feedPosition, text)
	if err != nil {
		return nil, errPosition
	}
	p := store.Position{}
	number := func(most uint64) uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > most {
			err = errPosition
			return 0
		}
		b = b[n:]
		return v
	}
	for len(b) > 0 {
		var log store.Log
		if len(b) < len(log.TopicID) {
			return nil, errPosition
		}
		b = b[copy(log.TopicID[:], b):]
		for n := number(maxPosition); n > 0 && err == nil; n-- {
			log.Partition += int(number(math.MaxInt32))
			p[log] = int64(number(math.MaxInt64))
		}
		if err != nil || log.Partition > math.MaxInt32 {
			return nil, errPosition
		}
	}
	return p, nil
}
