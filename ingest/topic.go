package ingest

import (
	"fmt"
	"io"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicRequest is a Metadata request of version 12, the first that brokers answer
// with topic ids by name; kafka-go knows the versions up to 8.
type topicRequest struct{ name string }

type topicResponse struct {
	id         [16]byte
	partitions []int
}

const metadataVersion = 12

// ApiKey implements protocol.Message.
func (*topicRequest) ApiKey() protocol.ApiKey { return protocol.Metadata }

// ApiKey implements protocol.Message.
func (*topicResponse) ApiKey() protocol.ApiKey { return protocol.Metadata }

// Required implements protocol.RawExchanger: kafka-go hands over the connection.
func (*topicRequest) Required(map[protocol.ApiKey]int16) bool { return true }

// RawExchange implements protocol.RawExchanger.
func (r *topicRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.SetVersion(metadataVersion)
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = &r.name
	request.Topics = append(request.Topics, wanted)
	const correlationID = 1
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID))
	if _, err := rw.Write(formatter.AppendRequest(nil, request, correlationID)); err != nil {
		return nil, fmt.Errorf("write a metadata request: %w", err)
	}
	frame, err := readFrame(rw)
	if err != nil {
		return nil, fmt.Errorf("read a metadata response: %w", err)
	}
	response := kmsg.NewPtrMetadataResponse()
	response.SetVersion(metadataVersion)
	// The header of a flexible response: the correlation id and an empty list of tags.
	if err := response.ReadFrom(frame[5:]); err != nil {
		return nil, fmt.Errorf("read a metadata response: %w", err)
	}
	for _, t := range response.Topics {
		if t.Topic != nil && *t.Topic == r.name {
			if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
				return nil, kafka.Error(t.ErrorCode)
			}
			answer := &topicResponse{id: t.TopicID}
			for _, p := range t.Partitions {
				answer.partitions = append(answer.partitions, int(p.Partition))
			}
			slices.Sort(answer.partitions)
			return answer, nil
		}
	}
	return nil, kafka.UnknownTopicOrPartition
}

// maxMetadata bounds a metadata response, which lists every broker of the cluster.
const maxMetadata = 16 << 20

func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	size := int(int32(head[0])<<24 | int32(head[1])<<16 | int32(head[2])<<8 | int32(head[3]))
	if size < 5 || size > maxMetadata {
		return nil, fmt.Errorf("a frame of %d bytes", size)
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	return frame, nil
}
