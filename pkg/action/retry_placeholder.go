package action

import (
	"encoding/json"
	"time"
)

// retryHeader is the key of [RetryHeader].
const retryHeader = "actionlog-retry-of"

// retryOf is the value of a retry's header.
type retryOf struct {
	TopicID   [16]byte  `json:"topic_id"`
	Topic     string    `json:"topic"`
	Partition int       `json:"partition"`
	Offset    int64     `json:"offset"`
	Time      time.Time `json:"time"`
}

// RetryHeader is the header of a message that is sent again: where it stood at
// first. An id and a time that the message lacks are then those of that place, so
// that the message gives one event however often it is sent.
func RetryHeader(origin Origin) Header {
	value, err := json.Marshal(retryOf(origin))
	if err != nil { // a time beyond the years that JSON's form has
		return Header{Key: retryHeader}
	}
	return Header{Key: retryHeader, Value: value}
}

// retried is where the message stood at first.
func (m Message) retried(origin Origin) Origin {
	for _, h := range m.Headers {
		var of retryOf
		if h.Key == retryHeader && json.Unmarshal(h.Value, &of) == nil {
			return Origin(of)
		}
	}
	return origin
}
