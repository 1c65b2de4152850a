// Package ingest carries events from a Kafka topic into the store: nothing lost,
// nothing twice. docs/architecture.md follows one event through it.
package ingest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Config is read from the environment by envconfig.
type Config struct {
	KafkaBrokers  []string `envconfig:"ACTIONLOG_KAFKA_BROKERS" default:"127.0.0.1:9092" desc:"Kafka brokers, host:port, separated by commas. In standalone, where the embedded broker listens"`
	Topic         string   `envconfig:"ACTIONLOG_TOPIC" default:"actions" desc:"the topic that applications publish events to"`
	Group         string   `envconfig:"ACTIONLOG_GROUP" default:"actionlog" desc:"the Kafka consumer group of ingest"`
	ClickHouseDSN string   `envconfig:"ACTIONLOG_CLICKHOUSE_DSN" default:"http://127.0.0.1:8123/actionlog" desc:"ClickHouse, as a clickhouse-go DSN: clickhouse://user:password@host:9000/actionlog, or http:// with port 8123. In standalone, where the embedded engine listens"`
	IngestAddr    string   `envconfig:"ACTIONLOG_INGEST_ADDR" default:"127.0.0.1:8081" desc:"where ingest answers /healthz, /readyz and /metrics; empty for nowhere. Used by standalone only when it is set"`
	HTTPAddr      string   `envconfig:"ACTIONLOG_HTTP_ADDR" desc:"where events are taken by POST, for applications without a Kafka client, such as 127.0.0.1:8082; empty for nowhere. Anyone who reaches it may write"`

	TopicCreate     bool `envconfig:"ACTIONLOG_TOPIC_CREATE" default:"true" desc:"create the topic when it is missing"`
	TopicPartitions int  `envconfig:"ACTIONLOG_TOPIC_PARTITIONS" default:"4" desc:"partitions of a topic that ingest creates, 1 to 1000"`
	TopicReplicas   int  `envconfig:"ACTIONLOG_TOPIC_REPLICAS" default:"-1" desc:"replicas of a topic that ingest creates; -1 for the broker's default"`

	BatchRows     int           `envconfig:"ACTIONLOG_BATCH_ROWS" default:"50000" desc:"an insert is sent when it holds this many events, 1 to 1000000"`
	BatchBytes    Size          `envconfig:"ACTIONLOG_BATCH_BYTES" default:"32MiB" desc:"or this many bytes of messages, 64KiB to 256MiB, but no more than a tenth of (ACTIONLOG_INGEST_MEMORY − 48MiB)"`
	BatchInterval time.Duration `envconfig:"ACTIONLOG_BATCH_INTERVAL" default:"250ms" desc:"or when its first event has waited this long, 1ms to 1m"`

	Memory Size `envconfig:"ACTIONLOG_INGEST_MEMORY" default:"256MiB" desc:"the memory that ingest works in, whatever the backlog, 192MiB to 64GiB; ACTIONLOG_HTTP_ADDR takes up to 128MiB more, and in standalone the other parts come on top"`

	SessionTimeout time.Duration `envconfig:"ACTIONLOG_SESSION_TIMEOUT" default:"10s" desc:"how long after an ingest has died another takes its partitions over, 6s to 5m"`
}

// topicName is what Kafka takes for a topic, from its class
// org.apache.kafka.common.internals.Topic.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// Validate returns every mistake in the configuration, each with the name of its
// variable.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(len(c.KafkaBrokers) > 0 && c.KafkaBrokers[0] != "", "ACTIONLOG_KAFKA_BROKERS is empty: give host:port of one broker at least")
	check(topicName.MatchString(c.Topic) && c.Topic != "." && c.Topic != "..",
		"ACTIONLOG_TOPIC is %q: give 1 to 249 letters, digits, dots, underscores and hyphens, as Kafka asks", c.Topic)
	check(c.Group != "", "ACTIONLOG_GROUP is empty: give the consumer group's name")
	check(c.ClickHouseDSN != "", "ACTIONLOG_CLICKHOUSE_DSN is empty: give a DSN such as clickhouse://user:password@host:9000/actionlog")
	check(c.TopicPartitions >= 1 && c.TopicPartitions <= 1000, "ACTIONLOG_TOPIC_PARTITIONS is %d: give 1 to 1000", c.TopicPartitions)
	check(c.TopicReplicas == -1 || c.TopicReplicas >= 1, "ACTIONLOG_TOPIC_REPLICAS is %d: give 1 or more, or -1 for the broker's default", c.TopicReplicas)
	check(c.BatchRows >= 1 && c.BatchRows <= 1_000_000, "ACTIONLOG_BATCH_ROWS is %d: give 1 to 1000000", c.BatchRows)
	check(c.BatchBytes >= 64<<10 && c.BatchBytes <= 256<<20, "ACTIONLOG_BATCH_BYTES is %s: give 64KiB to 256MiB", c.BatchBytes)
	check(c.Memory >= 192<<20 && c.Memory <= 64<<30, "ACTIONLOG_INGEST_MEMORY is %s: give 192MiB to 64GiB", c.Memory)
	check(c.BatchInterval >= time.Millisecond && c.BatchInterval <= time.Minute, "ACTIONLOG_BATCH_INTERVAL is %s: give 1ms to 1m", c.BatchInterval)
	check(c.SessionTimeout >= 6*time.Second && c.SessionTimeout <= 5*time.Minute, "ACTIONLOG_SESSION_TIMEOUT is %s: give 6s to 5m", c.SessionTimeout)
	return errors.Join(errs...)
}

// Size is a number of bytes. As text it may have a unit: 1048576, 1MiB, 1 MB.
type Size uint64 //nolint:recvcheck // Decode sets it, and %s has to show a value

// Decode implements envconfig.Decoder.
func (s *Size) Decode(text string) error {
	bytes, err := humanize.ParseBytes(text)
	if err != nil {
		return errors.New("give a number of bytes, such as 268435456 or 256MiB")
	}
	*s = Size(bytes)
	return nil
}

// String returns the size with a unit.
func (s Size) String() string { return strings.ReplaceAll(humanize.IBytes(uint64(s)), " ", "") }

// limits divide the memory. In the worst case, which is long texts, an insert holds a
// block four and a half times: as it was gathered, in clickhouse-go's columns, and
// encoded, in a buffer that has just grown to twice its length. Two are under way,
// while the next block is filled.
type limits struct {
	// blockBytes is when a block is full, in bytes of messages.
	blockBytes int
	// fetchBytes is what one fetch asks for. Answers come compressed, as a rule to a
	// fifth.
	fetchBytes int
}

// outside is what the process needs beside what the Go runtime manages: the program
// itself, and stacks.
const outside = 48 << 20

// Heap is how much of the memory the Go runtime may manage, in bytes.
func (c Config) Heap() int64 { return int64(c.Memory) - outside }

// limits returns how much there may be of everything, for a number of partitions.
func (c Config) limits(partitions int) limits {
	memory := int(c.Heap())
	return limits{
		blockBytes: min(int(c.BatchBytes), memory/10),
		fetchBytes: min(max(memory/32/max(partitions, 1), 32<<10), 1<<20),
	}
}
