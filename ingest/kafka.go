package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// fetchWait is how long a fetch waits for the next record.
const fetchWait = 500 * time.Millisecond

// requestTimeout bounds a request to a broker that takes it and does not answer. It
// is far above what a loaded cluster takes.
const requestTimeout = 30 * time.Second

// clientID names ingest in the broker's log.
const clientID = "actionlog-ingest"

// kafkaSource is a topic of a Kafka cluster.
type kafkaSource struct {
	topic  string
	client *kafka.Client
	// transport is the client's, for requests that the client has no method for.
	transport *kafka.Transport
}

var _ source = (*kafkaSource)(nil)

func newKafkaSource(cfg Config) *kafkaSource {
	transport := &kafka.Transport{ClientID: clientID, DialTimeout: 5 * time.Second, MetadataTTL: 5 * time.Second}
	return &kafkaSource{topic: cfg.Topic, client: &kafka.Client{Addr: kafka.TCP(cfg.KafkaBrokers...), Timeout: requestTimeout, Transport: transport}, transport: transport}
}

func (k *kafkaSource) roundTrip(ctx context.Context, request kafka.Request) (kafka.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return k.transport.RoundTrip(ctx, k.client.Addr, request)
}

// ensureTopic creates the topic when it is missing and that is allowed.
func (k *kafkaSource) ensureTopic(ctx context.Context, cfg Config, logger *slog.Logger) error {
	_, err := k.topicID(ctx)
	if !errors.Is(err, kafka.UnknownTopicOrPartition) {
		return err
	}
	if !cfg.TopicCreate {
		return fmt.Errorf("topic %s does not exist: create it, or set ACTIONLOG_TOPIC_CREATE=true: %w", k.topic, err)
	}
	response, err := k.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic:             k.topic,
		NumPartitions:     cfg.TopicPartitions,
		ReplicationFactor: cfg.TopicReplicas,
	}}})
	if err == nil {
		err = response.Errors[k.topic]
	}
	switch {
	case errors.Is(err, kafka.TopicAlreadyExists):
		return nil
	case errors.Is(err, kafka.InvalidTopic):
		return haltf("create topic %s: Kafka refuses this name, give another in ACTIONLOG_TOPIC: %w", k.topic, err)
	case err != nil:
		return fmt.Errorf("create topic %s: %w", k.topic, err)
	}
	logger.InfoContext(ctx, "topic created", "topic", k.topic, "partitions", cfg.TopicPartitions)
	return nil
}

// describe returns the topic's id and its partitions.
func (k *kafkaSource) describe(ctx context.Context) ([16]byte, []int, error) {
	response, err := k.roundTrip(ctx, &topicRequest{name: k.topic})
	if err != nil {
		return [16]byte{}, nil, fmt.Errorf("describe topic %s: %w", k.topic, err)
	}
	answer, ok := response.(*topicResponse)
	if !ok {
		return [16]byte{}, nil, fmt.Errorf("describe topic %s: the broker's answer is a %T", k.topic, response)
	}
	return answer.id, answer.partitions, nil
}

func (k *kafkaSource) topicID(ctx context.Context) ([16]byte, error) {
	id, _, err := k.describe(ctx)
	return id, err
}

func (k *kafkaSource) bounds(ctx context.Context, partitions []int) (map[int]bounds, error) {
	return k.listBounds(ctx, partitions, kafka.ReadUncommitted)
}

// readable returns where what can be read of each partition begins and ends: what
// follows an open transaction cannot.
func (k *kafkaSource) readable(ctx context.Context, partitions []int) (map[int]bounds, error) {
	return k.listBounds(ctx, partitions, kafka.ReadCommitted)
}

// find returns the offset of a place in each partition; −1 where nothing is there yet.
func (k *kafkaSource) find(ctx context.Context, partitions []int, at Place) (map[int]int64, error) {
	found := map[int]int64{}
	if at.Time.IsZero() {
		for _, p := range partitions {
			found[p] = at.Offset
		}
		return found, nil
	}
	var requests []kafka.OffsetRequest
	for _, p := range partitions {
		found[p] = -1
		requests = append(requests, kafka.TimeOffsetOf(p, at.Time))
	}
	response, err := k.listOffsets(ctx, requests, kafka.ReadCommitted)
	if err != nil {
		return nil, err
	}
	for _, p := range response {
		for offset := range p.Offsets {
			found[p.Partition] = offset
		}
	}
	return found, nil
}

func (k *kafkaSource) listBounds(ctx context.Context, partitions []int, isolation kafka.IsolationLevel) (map[int]bounds, error) {
	if len(partitions) == 0 {
		return nil, nil
	}
	var requests []kafka.OffsetRequest
	for _, p := range partitions {
		requests = append(requests, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	response, err := k.listOffsets(ctx, requests, isolation)
	if err != nil {
		return nil, err
	}
	all := map[int]bounds{}
	for _, p := range response {
		all[p.Partition] = bounds{first: p.FirstOffset, end: p.LastOffset}
	}
	return all, nil
}

// listOffsets returns an answer for every partition that is asked for.
func (k *kafkaSource) listOffsets(ctx context.Context, requests []kafka.OffsetRequest, isolation kafka.IsolationLevel) ([]kafka.PartitionOffsets, error) {
	response, err := k.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{k.topic: requests}, IsolationLevel: isolation,
	})
	if err != nil {
		return nil, fmt.Errorf("list offsets of topic %s: %w", k.topic, err)
	}
	answers := response.Topics[k.topic]
	for _, p := range answers {
		if p.Error != nil {
			return nil, fmt.Errorf("list offsets of topic %s partition %d: %w", k.topic, p.Partition, p.Error)
		}
	}
	for _, r := range requests {
		if !slices.ContainsFunc(answers, func(p kafka.PartitionOffsets) bool { return p.Partition == r.Partition }) {
			return nil, fmt.Errorf("list offsets of topic %s: no answer for partition %d", k.topic, r.Partition)
		}
	}
	return answers, nil
}

// fetch is not sent by the client's Fetch, which withholds what the answer says of
// aborted transactions.
func (k *kafkaSource) fetch(ctx context.Context, partition int, offset int64, bytes int) (fetched, error) {
	message, err := k.roundTrip(ctx, &fetchapi.Request{
		ReplicaID:      -1,
		MaxWaitTime:    int32(fetchWait.Milliseconds()),
		MinBytes:       1,
		MaxBytes:       int32(bytes),
		IsolationLevel: int8(kafka.ReadCommitted),
		SessionID:      -1,
		SessionEpoch:   -1,
		Topics: []fetchapi.RequestTopic{{
			Topic: k.topic,
			Partitions: []fetchapi.RequestPartition{{
				Partition:          int32(partition),
				CurrentLeaderEpoch: -1,
				FetchOffset:        offset,
				LogStartOffset:     -1,
				PartitionMaxBytes:  int32(bytes),
			}},
		}},
	})
	if err != nil {
		return nil, err
	}
	response, ok := message.(*fetchapi.Response)
	if !ok {
		return nil, fmt.Errorf("the broker's answer to a fetch is a %T", message)
	}
	if response.ErrorCode != 0 {
		return nil, kafka.Error(response.ErrorCode)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errors.New("the broker's answer does not hold the partition that was asked for")
	}
	switch answer := response.Topics[0].Partitions[0]; kafka.Error(answer.ErrorCode) {
	case 0:
		return newRecords(answer), nil
	case kafka.OffsetOutOfRange:
		return nil, errOutOfRange
	default:
		return nil, kafka.Error(answer.ErrorCode)
	}
}
