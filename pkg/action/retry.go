package action

import (
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// retryHeader is the key of a [RetryHeader].
const retryHeader = "actionlog-retry-of"

// RetryHeader returns the header of a message that is sent again after it was
// rejected, which names the place where it first stood. An event without an id or a
// time of its own gets those of that place, so a message makes one event however
// often it is sent again. A message that has the header already keeps it.
//
// Its value is topic/partition/offset/time/topic id, the time in milliseconds since
// 1970 in UTC.
func RetryHeader(first Origin) Header {
	value := first.Topic + "/" + strconv.Itoa(first.Partition) + "/" + strconv.FormatInt(first.Offset, 10) + "/" +
		strconv.FormatInt(first.Time.UnixMilli(), 10) + "/" + uuid.UUID(first.TopicID).String()
	return Header{Key: retryHeader, Value: []byte(value)}
}

// place returns where the message first stood: what its first retry header of the
// right form names, or else origin.
func (m Message) place(origin Origin) Origin {
	for i := range m.Headers {
		if h := &m.Headers[i]; h.Key == retryHeader {
			if first, ok := parsePlace(string(h.Value)); ok {
				return first
			}
		}
	}
	return origin
}

// parsePlace reads the value of a retry header. Anything that RetryHeader does not
// write, for a topic that Kafka can have, is not taken.
func parsePlace(value string) (Origin, bool) {
	parts := strings.Split(value, "/")
	if len(parts) != 5 || !isTopic(parts[0]) {
		return Origin{}, false
	}
	partition, wrongPartition := strconv.ParseInt(parts[1], 10, 32)
	offset, wrongOffset := strconv.ParseInt(parts[2], 10, 64)
	milli, wrongTime := strconv.ParseInt(parts[3], 10, 64)
	id, wrongID := uuid.Parse(parts[4])
	if wrongPartition != nil || wrongOffset != nil || wrongTime != nil || wrongID != nil || partition < 0 || offset < 0 {
		return Origin{}, false
	}
	origin := Origin{TopicID: id, Topic: parts[0], Partition: int(partition), Offset: offset, Time: time.UnixMilli(milli).UTC()}
	return origin, string(RetryHeader(origin).Value) == value
}

// isTopic reports whether Kafka allows the name of a topic.
func isTopic(name string) bool {
	if name == "" || len(name) > 249 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isWordByte(c) && c != '.' {
			return false
		}
	}
	return true
}
