package emit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// newEmitter returns an emitter to a topic of its own, and that topic.
func newEmitter(t testing.TB, partitions int) (*emit.Emitter, string) {
	t.Helper()
	topic := embeddedtest.Topic(t, partitions)
	return openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic}), topic
}

func openEmitter(t testing.TB, cfg emit.Config) *emit.Emitter {
	t.Helper()
	e, err := emit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close the emitter: %v", err)
		}
	})
	return e
}

func newClient(t testing.TB, addr string) *kafka.Client {
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: 30 * time.Second}
}

func createTopic(t testing.TB, topic string) {
	t.Helper()
	res, err := newClient(t, embeddedtest.Broker(t)).CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: 1, ReplicationFactor: 1}},
	})
	if err := errors.Join(err, res.Errors[topic]); err != nil {
		t.Fatal(err)
	}
}

func setMaxMessageBytes(t testing.TB, topic string, n int) {
	t.Helper()
	res, err := newClient(t, embeddedtest.Broker(t)).IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
				Name: "max.message.bytes", Value: strconv.Itoa(n), ConfigOperation: kafka.ConfigOperationSet,
			}},
		}},
	})
	if err != nil || res.Resources[0].Error != nil {
		t.Fatal(err, res)
	}
}

// noise is hexadecimal: it compresses to half at best.
func noise(n int) string {
	rnd := rand.New(rand.NewPCG(1, 2))
	var s strings.Builder
	for s.Len() < n {
		fmt.Fprintf(&s, "%016x", rnd.Uint64())
	}
	return s.String()
}

// message is what a reader of the topic sees; the key "-" stands for none.
type message struct {
	key, value string
	headers    string // "key=value;"
	time       time.Time
}

// readTopic waits until the topic of the shared broker has n messages, and
// returns them by partition and offset. More than n end the test.
func readTopic(t testing.TB, topic string, n int) []message {
	t.Helper()
	return readTopicAt(t, embeddedtest.Broker(t), topic, n)
}

func readTopicAt(t testing.TB, addr, topic string, n int) []message {
	t.Helper()
	messages, err := tryReadTopic(t, addr, topic, func(got int) bool { return got >= n })
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != n {
		t.Fatalf("the topic has %d messages, want %d", len(messages), n)
	}
	return messages
}

// tryReadTopic waits until the topic has as many messages as are enough, and
// reads them all.
func tryReadTopic(t testing.TB, addr, topic string, enough func(int) bool) ([]message, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client := newClient(t, addr)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ends, total, err := logEnds(ctx, client, topic)
		if err == nil && enough(total) {
			var messages []message
			for p, end := range ends {
				read, err := readPartition(ctx, client, topic, p, end)
				if err != nil {
					return nil, err
				}
				messages = append(messages, read...)
			}
			return messages, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, errors.Join(err, errors.New("the topic has only "+strconv.Itoa(total)+" messages"))
		}
	}
}

func logEnds(ctx context.Context, client *kafka.Client, topic string) (ends []int64, total int, err error) {
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, 0, err
	}
	if err := meta.Topics[0].Error; err != nil {
		return nil, 0, err
	}
	ends = make([]int64, len(meta.Topics[0].Partitions))
	ask := make([]kafka.OffsetRequest, len(ends))
	for p := range ask {
		ask[p] = kafka.LastOffsetOf(p)
	}
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		return nil, 0, err
	}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, 0, p.Error
		}
		ends[p.Partition] = p.LastOffset
		total += int(p.LastOffset)
	}
	return ends, total, nil
}

func readPartition(ctx context.Context, client *kafka.Client, topic string, partition int, end int64) ([]message, error) {
	var messages []message
	for int64(len(messages)) < end {
		res, err := client.Fetch(ctx, &kafka.FetchRequest{
			Topic: topic, Partition: partition, Offset: int64(len(messages)), MinBytes: 1, MaxBytes: 4 << 20, MaxWait: time.Second,
		})
		if err != nil {
			return nil, err
		}
		if res.Error != nil {
			return nil, res.Error
		}
		for {
			rec, err := res.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			if rec.Offset < int64(len(messages)) {
				continue // the head of a batch that starts earlier
			}
			m := message{key: "-", time: rec.Time}
			if rec.Key != nil {
				key, err := kafka.ReadAll(rec.Key)
				if err != nil {
					return nil, err
				}
				m.key = string(key)
			}
			value, err := kafka.ReadAll(rec.Value)
			if err != nil {
				return nil, err
			}
			m.value = string(value)
			for _, h := range rec.Headers {
				m.headers += fmt.Sprintf("%s=%s;", h.Key, h.Value)
			}
			messages = append(messages, m)
		}
	}
	return messages, nil
}

// testLog keeps what is logged.
type testLog struct {
	*slog.Logger

	mu   sync.Mutex
	text strings.Builder
}

func newLog() *testLog {
	l := &testLog{}
	l.Logger = slog.New(slog.NewTextHandler(l, nil))
	return l
}

// Write implements [io.Writer].
func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *testLog) waitFor(t *testing.T, words string) {
	t.Helper()
	embeddedtest.Eventually(t, words+" is logged", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return strings.Contains(l.text.String(), words)
	})
}
