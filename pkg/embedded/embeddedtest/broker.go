package embeddedtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/embedded"
)

// brokersVar names a Kafka cluster to test against ("host:port", several with
// commas) instead of the embedded broker.
const brokersVar = "ACTIONLOG_TEST_KAFKA_BROKERS"

// topicTimeout bounds how long a fresh topic may take to be usable.
const topicTimeout = 20 * time.Second

// broker is the embedded broker of this test process. It is process-wide because
// test functions share nothing else.
var broker struct {
	mu    sync.Mutex
	users int // tests that use it and have not ended
	run   *embedded.Broker
	dir   string
}

// Broker returns the address of the Kafka broker that the tests of this process
// share: the first of ACTIONLOG_TEST_KAFKA_BROKERS, or else Apache Kafka 4 from the
// libraries in ACTIONLOG_TEST_KAFKA_LIBS, or else an embedded one, which starts with
// the first test that asks for it and stops, with all its data, when no test uses it
// any more. Isolate tests by [Topic].
func Broker(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(brokersVar); given != "" {
		first, _, _ := strings.Cut(given, ",")
		return strings.TrimSpace(first)
	}
	if libs := os.Getenv(libsVar); libs != "" {
		return kafka4Broker(t, libs)
	}
	broker.mu.Lock()
	defer broker.mu.Unlock()
	if broker.run == nil {
		dir, err := scratch("actionlog-broker-*")
		if err != nil {
			t.Fatalf("create the test broker's directory: %v", err)
		}
		run, err := embedded.StartBroker(embedded.BrokerConfig{Dir: dir})
		if err != nil {
			t.Fatalf("start the test broker: %v", errors.Join(err, os.RemoveAll(dir)))
		}
		broker.run, broker.dir = run, dir
	}
	broker.users++
	t.Cleanup(func() {
		broker.mu.Lock()
		defer broker.mu.Unlock()
		if broker.users--; broker.users > 0 {
			return
		}
		if err := closeBroker(); err != nil {
			t.Errorf("stop the test broker: %v", err)
		}
	})
	return broker.run.Addr()
}

// closeBroker stops the shared broker and removes its data. broker.mu is held.
func closeBroker() error {
	err := errors.Join(broker.run.Close(), os.RemoveAll(broker.dir))
	broker.run, broker.dir = nil, ""
	return err
}

// Topic creates a topic of its own for the test on the shared broker, with so
// many partitions, and returns its name once every partition can be written and
// read. The topic is deleted at the end of the test, unless it failed.
func Topic(t testing.TB, partitions int) string {
	t.Helper()
	transport := &kafka.Transport{}
	client := &kafka.Client{Addr: kafka.TCP(Broker(t)), Transport: transport}
	name := topicName(t.Name())
	ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
	defer cancel()
	if err := createTopic(ctx, client, name, partitions); err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	t.Cleanup(func() {
		defer transport.CloseIdleConnections()
		if t.Failed() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), topicTimeout)
		defer cancel()
		if _, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{name}}); err != nil {
			t.Logf("delete topic %s: %v", name, err)
		}
	})
	return name
}

// topicName makes a name that Kafka allows from a test's: at most 249 of
// [a-zA-Z0-9._-]. Dots and underscores collide with each other, so neither.
func topicName(test string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '-'
		}
	}, test)
	return name[:min(len(name), 200)] + "-" + rand.Text()[:10]
}

func createTopic(ctx context.Context, client *kafka.Client, name string, partitions int) error {
	res, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err != nil {
		return err
	}
	if err := res.Errors[name]; err != nil {
		return err
	}
	// A broker answers before its leaders are ready, so ask until they are.
	ask := make([]kafka.OffsetRequest, partitions)
	for p := range ask {
		ask[p] = kafka.LastOffsetOf(p)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := leadersReady(ctx, client, name, ask)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for its leaders: %w", err)
		}
	}
}

func leadersReady(ctx context.Context, client *kafka.Client, name string, ask []kafka.OffsetRequest) error {
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{name: ask}})
	if err != nil {
		return err
	}
	if got := len(res.Topics[name]); got != len(ask) {
		return fmt.Errorf("%d of %d partitions answered", got, len(ask))
	}
	for _, p := range res.Topics[name] {
		if p.Error != nil {
			return p.Error
		}
	}
	return nil
}
