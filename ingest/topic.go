package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/actionlog/actionlog/pkg/store"
)

// topic is the topic that an ingester consumes. The id tells it from a later one
// of the same name.
type topic struct {
	name string
	id   [16]byte
}

// ensureTopic creates the topic when it is missing and that is allowed.
func (i *Ingester) ensureTopic(ctx context.Context) error {
	_, err := i.describeTopic(ctx)
	if !errors.Is(err, kafka.UnknownTopicOrPartition) {
		return err
	}
	if !i.cfg.TopicCreate {
		return fmt.Errorf("topic %s does not exist: create it, or set ACTIONLOG_TOPIC_CREATE=true: %w", i.cfg.Topic, err)
	}
	response, err := i.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic:             i.cfg.Topic,
		NumPartitions:     i.cfg.TopicPartitions,
		ReplicationFactor: i.cfg.TopicReplicas,
	}}})
	if err == nil {
		err = response.Errors[i.cfg.Topic]
	}
	switch {
	case errors.Is(err, kafka.TopicAlreadyExists):
		return nil
	case errors.Is(err, kafka.InvalidTopic):
		return haltf("create topic %s: Kafka refuses this name, give another in ACTIONLOG_TOPIC: %w", i.cfg.Topic, err)
	case err != nil:
		return fmt.Errorf("create topic %s: %w", i.cfg.Topic, err)
	}
	i.logger.InfoContext(ctx, "topic created", "topic", i.cfg.Topic, "partitions", i.cfg.TopicPartitions)
	return nil
}

// checkTopic halts when the topic is no longer the one that records were read from.
func (i *Ingester) checkTopic(ctx context.Context, t topic) error {
	now, err := i.describeTopic(ctx)
	if err != nil {
		return err
	}
	if now.id != t.id {
		return haltf("topic %s was deleted and created again while it was consumed: restart ingest to consume the new one", t.name)
	}
	return nil
}

// describeTopic asks a broker for the topic's id.
func (i *Ingester) describeTopic(ctx context.Context) (topic, error) {
	response, err := i.transport.RoundTrip(ctx, i.client.Addr, &topicRequest{name: i.cfg.Topic})
	if err != nil {
		return topic{}, fmt.Errorf("describe topic %s: %w", i.cfg.Topic, err)
	}
	answer, ok := response.(*topicResponse)
	if !ok {
		return topic{}, fmt.Errorf("describe topic %s: the broker's answer is a %T", i.cfg.Topic, response)
	}
	return topic{name: i.cfg.Topic, id: answer.id}, nil
}

// topicRequest is a Metadata request of version 12, the first that brokers answer
// with topic ids by name; kafka-go knows the versions up to 8.
type topicRequest struct{ name string }

type topicResponse struct{ id [16]byte }

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
	formatter := kmsg.NewRequestFormatter(kmsg.FormatterClientID("actionlog-ingest"))
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
			return &topicResponse{id: t.TopicID}, nil
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

// positions returns where to resume each assigned partition: at the end of what
// the ledger says is settled. It halts where records would be passed over.
func (i *Ingester) positions(ctx context.Context, t topic, assigned []kafka.PartitionAssignment) (map[int]int64, error) {
	bounds, err := i.bounds(ctx, assigned)
	if err != nil {
		return nil, err
	}
	// The ledger is read after the bounds: another ingester may have gone on since.
	ledger, err := i.store.Settled(ctx, t.name)
	if err != nil {
		return nil, err
	}
	settled := ledger[t.id]
	positions := make(map[int]int64, len(assigned))
	for _, p := range assigned {
		position, bound := settled[p.ID], bounds[p.ID]
		switch {
		case len(ledger) > 0 && settled == nil:
			return nil, haltf("topic %s has been deleted and created again since it was last consumed (its id is now %s): what the old one still held is gone; "+
				"to go on with the new one run: actionlog ledger give-up --topic %s --partition %d --to 0 --reason TEXT",
				t.name, uuid.UUID(t.id), t.name, p.ID)
		case bound.FirstOffset > position.Offset:
			return nil, haltf("topic %s partition %d begins at offset %d, but records from offset %d on are not settled: Kafka has deleted them; "+
				"to go on without them run: actionlog ledger give-up --topic %s --partition %d --to %d --reason TEXT",
				t.name, p.ID, bound.FirstOffset, position.Offset, t.name, p.ID, bound.FirstOffset)
		case position.Highest > bound.LastOffset:
			return nil, haltf("topic %s partition %d ends at offset %d, but the ledger knows records up to %d: "+
				"the broker has lost acknowledged records, or ACTIONLOG_CLICKHOUSE_DSN and ACTIONLOG_KAFKA_BROKERS do not belong together",
				t.name, p.ID, bound.LastOffset, position.Highest)
		}
		positions[p.ID] = position.Offset
	}
	return positions, nil
}

// bounds returns the first offset and the end of each assigned partition's log.
func (i *Ingester) bounds(ctx context.Context, assigned []kafka.PartitionAssignment) (map[int]kafka.PartitionOffsets, error) {
	if len(assigned) == 0 {
		return nil, nil
	}
	var requests []kafka.OffsetRequest
	for _, p := range assigned {
		requests = append(requests, kafka.FirstOffsetOf(p.ID), kafka.LastOffsetOf(p.ID))
	}
	response, err := i.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{i.cfg.Topic: requests},
	})
	if err != nil {
		return nil, fmt.Errorf("list offsets of topic %s: %w", i.cfg.Topic, err)
	}
	bounds := map[int]kafka.PartitionOffsets{}
	for _, p := range response.Topics[i.cfg.Topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("list offsets of topic %s partition %d: %w", i.cfg.Topic, p.Partition, p.Error)
		}
		bounds[p.Partition] = p
	}
	for _, p := range assigned {
		if _, ok := bounds[p.ID]; !ok {
			return nil, fmt.Errorf("list offsets of topic %s: no answer for partition %d", i.cfg.Topic, p.ID)
		}
	}
	return bounds, nil
}

var _ Store = (*store.Store)(nil)
