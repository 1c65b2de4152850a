package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
)

// Log is what Kafka holds of a partition: offsets from Start on; End is the one that it
// gives next.
type Log struct{ Start, End int64 }

// Logs returns the topic's id and what Kafka holds of each of its partitions. Its error
// is ErrNoTopic when there is no such topic.
func (i *Ingester) Logs(ctx context.Context) ([16]byte, map[int]Log, error) {
	defer i.source.transport.CloseIdleConnections()
	id, partitions, err := i.source.describe(ctx)
	if errors.Is(err, kafka.UnknownTopicOrPartition) {
		return id, nil, fmt.Errorf("%w: %s", ErrNoTopic, i.cfg.Topic)
	}
	if err != nil {
		return id, nil, err
	}
	all, err := i.source.bounds(ctx, partitions)
	if err != nil {
		return id, nil, err
	}
	logs := map[int]Log{}
	for p, b := range all {
		logs[p] = Log{b.first, b.end}
	}
	return id, logs, nil
}

// ErrNoTopic says that Kafka has no topic of the name.
var ErrNoTopic = errors.New("there is no such topic")

// Place is where a stretch of a partition begins or ends: at an offset or, when Time is
// given, at the first record that Kafka got then or later.
type Place struct {
	Offset int64
	Time   time.Time
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
