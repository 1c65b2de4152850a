package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	// segmentBytes is the size at which the broker starts a new segment file.
	// Trim deletes whole segments, so it is also how closely a partition can be
	// bounded.
	segmentBytes = 16 << 20

	// defaultKeepBytes bounds what a start has to read: kfake reads every
	// segment that it has, and its resident memory is then about that much.
	defaultKeepBytes = 16 << 20

	// defaultPartitions is enough for the bulk load of one tenant not to hold up
	// the others, and few enough for KeepBytes of each to stay small.
	defaultPartitions = 4

	// never is the pause before the broker's log cleaner runs, in milliseconds:
	// 285 years, close to the longest time.Duration. The cleaner applies
	// retention and compaction to every topic as soon as one topic has a setting
	// for either. Only Trim may delete records here.
	never = 9_000_000_000_000
)

// BrokerConfig says where the broker keeps its data and where it listens.
type BrokerConfig struct {
	// Dir is the broker's own directory, created when missing. Only one process
	// can use it at a time. Required.
	Dir string
	// Addr is the "host:port" to listen on, which is also what clients are told
	// to connect to: an address of this machine, not 0.0.0.0. Without a host it
	// is 127.0.0.1; port 0 is any free port; empty is "127.0.0.1:0".
	Addr string
	// Partitions is how many partitions a topic gets when its creator does not
	// say. Default 4.
	Partitions int
	// KeepBytes is how much of the newest data Trim leaves in each partition,
	// settled or not, so that the recent past can be read again. Default 16 MiB,
	// which with whole segments is 16 to 32 MiB a partition.
	KeepBytes int64
	// Sync makes the broker fsync every batch before it acknowledges it, as
	// surviving a power cut needs. Without it acknowledged records survive the
	// death of the process, kill -9 included, but not that of the machine.
	Sync bool
	// Logger receives the broker's log. Default: nothing is logged.
	Logger *slog.Logger
}

// Broker is a Kafka broker inside this process, for one machine and for
// development: it has no replicas and runs every request on one goroutine.
// Production wants Apache Kafka.
//
// Topics are created by an explicit request only, never by being mentioned: a
// misspelt topic is an error, not a place where events vanish. No setting makes
// the broker delete records by itself; see [Broker.Trim].
type Broker struct {
	dir  string
	keep int64
	addr string
	lock *DirLock

	// mu guards closed; cluster must not be called once it is set, since the
	// call would never return.
	mu      sync.Mutex
	closed  bool
	cluster *kfake.Cluster
}

// StartBroker starts a broker on cfg.Dir and returns when it answers clients.
// Everything that was acknowledged before the last stop is there, however the
// broker stopped (see [BrokerConfig.Sync] for power cuts). It fails when the
// directory is used by another process or when the address is taken.
func StartBroker(cfg BrokerConfig) (*Broker, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	lock, err := LockDir(cfg.Dir, "broker", 0)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for Kafka clients on %s: %w", cfg.Addr, err), lock.Close())
	}
	cluster, err := kfake.NewCluster(cfg.options(ln)...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the Kafka broker on %s: %w", cfg.Dir, err), ignoreClosed(ln.Close()), lock.Close())
	}
	b := &Broker{dir: cfg.Dir, keep: cfg.KeepBytes, addr: ln.Addr().String(), lock: lock, cluster: cluster}
	refuseDeleteRecords(cluster)
	refuseBadTopics(cluster)
	cfg.Logger.Warn("embedded Kafka broker started: for one machine and for development, in production run Apache Kafka",
		"addr", b.addr, "dir", b.dir)
	return b, nil
}

func (cfg BrokerConfig) withDefaults() (BrokerConfig, error) {
	if cfg.Dir == "" {
		return cfg, errors.New("the broker needs a directory")
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if cfg.Addr == "" {
		host, port, err = "", "0", nil
	}
	if err != nil {
		return cfg, fmt.Errorf("the broker's address %q is not host:port: %w", cfg.Addr, err)
	}
	if host == "" {
		// Not "localhost": it may be ::1 for the broker and 127.0.0.1 for a client.
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		return cfg, fmt.Errorf("the broker's address %q cannot be told to clients: give an address of this machine", cfg.Addr)
	}
	cfg.Addr = net.JoinHostPort(host, port)
	if cfg.Partitions <= 0 {
		cfg.Partitions = defaultPartitions
	}
	if cfg.KeepBytes <= 0 {
		cfg.KeepBytes = defaultKeepBytes
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg, nil
}

func (cfg BrokerConfig) options(ln net.Listener) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.DataDir(cfg.Dir),
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(cfg.Partitions),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return ln, nil }),
		kfake.WithLogger(brokerLog{cfg.Logger}),
		kfake.BrokerConfigs(map[string]string{
			"log.segment.bytes":      strconv.Itoa(segmentBytes),
			"log.retention.ms":       "-1",
			"log.retention.bytes":    "-1",
			"log.cleaner.backoff.ms": strconv.Itoa(never),
		}),
	}
	if cfg.Sync {
		opts = append(opts, kfake.SyncWrites())
	}
	return opts
}

// Addr returns the host:port where the broker listens, which is what it tells
// clients to connect to.
func (b *Broker) Addr() string { return b.addr }

// Close stops the broker, writes what makes the next start quick, and lets go
// of the directory. Connections are cut. Calling it again does nothing.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	b.cluster.Close()
	return b.lock.Close()
}

// Trim deletes old records of a partition: those below the offset before, less
// the newest KeepBytes, and in whole segments of 16 MiB. Call it with the
// position up to which ingest has settled everything; nothing at or above it is
// ever deleted. What goes is gone at once and stays gone after a restart.
//
// The last segment always stays, settled or not: a partition without any record
// would start again at offset 0 after a restart, and its new records would look
// as if ingest had them already.
func (b *Broker) Trim(ctx context.Context, topic string, partition int, before int64) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("trim %s/%d: %w", topic, partition, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return fmt.Errorf("trim %s/%d: the broker is closed", topic, partition)
	}
	info := b.cluster.PartitionInfo(topic, int32(partition))
	if info == nil {
		return fmt.Errorf("trim %s/%d: no such topic or partition", topic, partition)
	}
	if before > info.HighWatermark {
		return fmt.Errorf("trim %s/%d: position %d is beyond the end of the log, %d", topic, partition, before, info.HighWatermark)
	}
	segments, err := listSegments(b.dir, topic, partition)
	if err != nil {
		return fmt.Errorf("trim %s/%d: list segments: %w", topic, partition, err)
	}
	start := trimTo(segments, before, b.keep)
	// A record must stand at start, or the partition could end up empty: a
	// segment whose only write failed has a name and a size but no record.
	if start <= info.LogStartOffset || start >= info.HighWatermark {
		return nil
	}
	if err := b.cluster.DeleteRecords(topic, int32(partition), start); err != nil {
		return fmt.Errorf("trim %s/%d to %d: %w", topic, partition, start, err)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
