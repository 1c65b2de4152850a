package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// Address is where a message stands in Kafka, as people write it.
type Address struct {
	Topic     string
	Partition int
	Offset    int64
	// TopicID tells topics apart that had the same name one after the other; nil
	// means whichever there is.
	TopicID *uuid.UUID
}

// AddressOf returns the address of a place; full says whether it names the topic's
// id.
func AddressOf(o action.Origin, full bool) Address {
	a := Address{Topic: o.Topic, Partition: o.Partition, Offset: o.Offset}
	if full {
		id := uuid.UUID(o.TopicID)
		a.TopicID = &id
	}
	return a
}

// String writes the address as topic/partition/offset or, with the topic's id, as
// topic@id/partition/offset. Kafka allows neither / nor @ in a topic's name.
func (a Address) String() string {
	topic := a.Topic
	if a.TopicID != nil {
		topic += "@" + a.TopicID.String()
	}
	return fmt.Sprintf("%s/%d/%d", topic, a.Partition, a.Offset)
}

// ParseAddress reads what String writes.
func ParseAddress(text string) (Address, error) {
	wrong := func() (Address, error) {
		return Address{}, fmt.Errorf("%q is not the address of a message: give topic/partition/offset, as actions/0/17", text)
	}
	parts := strings.Split(text, "/")
	if len(parts) != 3 {
		return wrong()
	}
	var a Address
	topic, id, named := strings.Cut(parts[0], "@")
	partition, partitionErr := strconv.ParseUint(parts[1], 10, 31)
	offset, offsetErr := strconv.ParseUint(parts[2], 10, 63)
	if topic == "" || partitionErr != nil || offsetErr != nil {
		return wrong()
	}
	a.Topic, a.Partition, a.Offset = topic, int(partition), int64(offset)
	if named {
		topicID, err := uuid.Parse(id)
		if err != nil {
			return Address{}, fmt.Errorf("%q names the topic id %q, which is not a UUID: give topic@id/partition/offset, or leave @ and the id out", text, id)
		}
		a.TopicID = &topicID
	}
	return a, nil
}
