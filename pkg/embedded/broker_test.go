package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/actionlog/actionlog/pkg/embedded"
)

func TestBrokerKeepsRecordsOverRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startBroker(t, embedded.BrokerConfig{Dir: dir})
	addr := broker.Addr()
	c := newClient(t, addr)
	c.createTopic("events", 2)
	for i := range 10 {
		if got := c.produce("events", 1, fmt.Sprintf("v%d", i)); got != int64(i) {
			t.Fatalf("record %d acknowledged at offset %d", i, got)
		}
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}

	startBroker(t, embedded.BrokerConfig{Dir: dir, Addr: addr})
	c = newClient(t, addr)
	if got := c.read("events", 1, 0, 10); strings.Join(got, " ") != "v0 v1 v2 v3 v4 v5 v6 v7 v8 v9" {
		t.Fatalf("after the restart: %q", got)
	}
	if got := c.produce("events", 1, "v10"); got != 10 {
		t.Fatalf("the first record after the restart is at offset %d", got)
	}
}

func TestBrokerDefaults(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	broker := startBroker(t, embedded.BrokerConfig{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if host, port, _ := net.SplitHostPort(broker.Addr()); host != "127.0.0.1" || port == "0" {
		t.Errorf("listens on %s", broker.Addr())
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "Apache Kafka") {
		t.Errorf("no word about production in the log: %s", &log)
	}

	c := newClient(t, broker.Addr())
	c.createTopic("by-default", -1)
	if got := c.partitions("by-default"); got != 4 {
		t.Errorf("a topic has %d partitions by default", got)
	}

	// A topic that is only mentioned must not come into being.
	w := &kafka.Writer{
		Addr: c.Addr, Topic: "mentioned", AllowAutoTopicCreation: true, MaxAttempts: 1,
		BatchTimeout: time.Millisecond, Transport: c.Transport, RequiredAcks: kafka.RequireAll,
	}
	err := w.WriteMessages(t.Context(), kafka.Message{Value: []byte("v")})
	if !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Errorf("writing to a topic that was never created: %v", err)
	}
}

func TestBrokerRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken := startBroker(t, embedded.BrokerConfig{Dir: dir})
	refused := func(cfg embedded.BrokerConfig, want ...string) {
		t.Helper()
		broker, err := embedded.StartBroker(cfg)
		if err == nil {
			broker.Close()
			t.Fatalf("started with %+v", cfg)
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("error %q does not say %q", err, w)
			}
		}
	}
	refused(embedded.BrokerConfig{}, "needs a directory")
	refused(embedded.BrokerConfig{Dir: dir}, fmt.Sprintf("another broker uses %s (process %d)", dir, os.Getpid()))
	refused(embedded.BrokerConfig{Dir: t.TempDir(), Addr: taken.Addr()}, taken.Addr(), "address already in use")
	refused(embedded.BrokerConfig{Dir: t.TempDir(), Addr: "0.0.0.0:0"}, "0.0.0.0:0", "cannot be told to clients")
	refused(embedded.BrokerConfig{Dir: t.TempDir(), Addr: "9092"}, "9092", "not host:port")

	// Both the directory and the address are free again after Close.
	if err := errors.Join(taken.Close(), taken.Close()); err != nil {
		t.Fatal(err)
	}
	startBroker(t, embedded.BrokerConfig{Dir: dir, Addr: taken.Addr()})
}

func TestBrokerRefusesTopicsThatKafkaRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := embedded.StartBroker(embedded.BrokerConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(b.Addr()), Transport: transport}
	for _, name := range []string{strings.Repeat("x", 250), strings.Repeat("ü", 100), "a b", "..", "a/b"} {
		res, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: 1, ReplicationFactor: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(res.Errors[name], kafka.InvalidTopic) {
			t.Errorf("topic %.20q: got %v, want that it is refused", name, res.Errors[name])
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := embedded.StartBroker(embedded.BrokerConfig{Dir: dir})
	if err != nil {
		t.Fatalf("start again: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBrokerRefusesDeleteRecordsFromClients(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, embedded.BrokerConfig{Dir: t.TempDir()})
	c := newClient(t, broker.Addr())
	c.createTopic("events", 1)
	c.produce("events", 0, "v")

	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 2 {
		req := kmsg.NewDeleteRecordsRequest()
		req.TimeoutMillis = 1000
		topic := kmsg.NewDeleteRecordsRequestTopic()
		topic.Topic = "events"
		topic.Partitions = []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 0, Offset: -1}}
		req.Topics = append(req.Topics, topic)
		res, err := req.RequestWith(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		if code := res.Topics[0].Partitions[0].ErrorCode; code != kerr.PolicyViolation.Code {
			t.Fatalf("DeleteRecords answered code %d", code)
		}
	}
	if got := c.read("events", 0, 0, 1); got[0] != "v" {
		t.Fatalf("read %q", got)
	}
}

// startBroker starts a broker that the end of the test stops.
func startBroker(t *testing.T, cfg embedded.BrokerConfig) *embedded.Broker {
	t.Helper()
	broker, err := embedded.StartBroker(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Close(); err != nil {
			t.Errorf("close the broker: %v", err)
		}
	})
	return broker
}

// client is a kafka-go client whose methods end the test on errors.
type client struct {
	*kafka.Client
	t *testing.T
}

func newClient(t *testing.T, addr string) client {
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return client{&kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: 30 * time.Second}, t}
}

func (c client) createTopic(topic string, partitions int) {
	c.t.Helper()
	res, err := c.CreateTopics(c.t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := res.Errors[topic]; err != nil {
		c.t.Fatal(err)
	}
}

func (c client) partitions(topic string) int {
	c.t.Helper()
	res, err := c.Metadata(c.t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		c.t.Fatal(err)
	}
	return len(res.Topics[0].Partitions)
}

// produce writes one record and returns its offset.
func (c client) produce(topic string, partition int, value string) int64 {
	c.t.Helper()
	offset, err := c.tryProduce(c.t.Context(), topic, partition, value)
	if err != nil {
		c.t.Fatal(err)
	}
	return offset
}

func (c client) tryProduce(ctx context.Context, topic string, partition int, value string) (int64, error) {
	res, err := c.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: partition, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte(value))}),
	})
	if err != nil {
		return 0, err
	}
	return res.BaseOffset, res.Error
}

// read returns the values of n records from an offset on.
func (c client) read(topic string, partition int, from int64, n int) []string {
	c.t.Helper()
	var values []string
	for len(values) < n {
		res, err := c.Fetch(c.t.Context(), &kafka.FetchRequest{
			Topic: topic, Partition: partition, Offset: from + int64(len(values)),
			MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 5 * time.Second,
		})
		if err != nil {
			c.t.Fatal(err)
		}
		if res.Error != nil {
			c.t.Fatal(res.Error)
		}
		before := len(values)
		for len(values) < n {
			rec, err := res.Records.ReadRecord()
			if err != nil {
				break
			}
			if rec.Offset < from+int64(len(values)) {
				continue // the head of a batch that starts earlier
			}
			value, err := kafka.ReadAll(rec.Value)
			if err != nil {
				c.t.Fatal(err)
			}
			if rec.Offset != from+int64(len(values)) {
				c.t.Fatalf("offset %d follows %d", rec.Offset, from+int64(len(values))-1)
			}
			values = append(values, string(value))
		}
		if len(values) == before {
			c.t.Fatalf("%d of %d records from offset %d of %s/%d, then none", len(values), n, from, topic, partition)
		}
	}
	return values
}

// bounds returns the first offset of a partition and the next to be written.
func (c client) bounds(topic string, partition int) (first, next int64) {
	c.t.Helper()
	res, err := c.ListOffsets(c.t.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	p := res.Topics[topic][0]
	if p.Error != nil {
		c.t.Fatal(p.Error)
	}
	return p.FirstOffset, p.LastOffset
}
