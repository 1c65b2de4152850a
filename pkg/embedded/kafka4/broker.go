// Package kafka4 runs Apache Kafka 4 with Java, for tests.
package kafka4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
)

// startTimeout bounds each step of Kafka's start, which takes three seconds on two
// idle cores.
const startTimeout = 3 * time.Minute

// One process is broker and controller. A single replica and partition of each
// internal topic, and no wait for more members before a group's first generation,
// make it quick. One that was killed may register again only when its session is over,
// so that is short. All else is as Kafka has it.
const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%PORT
listeners=PLAINTEXT://%ADDR,CONTROLLER://127.0.0.1:%PORT
advertised.listeners=PLAINTEXT://%ADDR
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=%DATA
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`

// Config says how to run Kafka.
type Config struct {
	// Libs is the folder that Maven has filled as pom.xml says.
	Libs string
	// Dir keeps Kafka's data, configuration and log. A broker that was killed goes on
	// with what is there.
	Dir string
	// Addr is where it listens ("127.0.0.1:port"); empty for a free port.
	Addr string
}

// Broker is a running Kafka.
type Broker struct {
	addr string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	kill sync.Once
}

// Start starts Kafka and returns when each of its partitions can be written and read.
// When ctx ends before that, Kafka is killed; later ctx has no meaning.
func Start(ctx context.Context, cfg Config) (*Broker, error) {
	if jars, err := filepath.Glob(filepath.Join(cfg.Libs, "kafka_*.jar")); err != nil || len(jars) != 1 {
		return nil, fmt.Errorf("find Kafka in %s: %d files match kafka_*.jar, want 1", cfg.Libs, len(jars))
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	config, addr, err := configure(ctx, cfg)
	if err != nil {
		return nil, err
	}
	b := &Broker{addr: addr, log: filepath.Join(cfg.Dir, "kafka.log"), done: make(chan struct{})}
	log, err := os.OpenFile(b.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open Kafka's log: %w", err)
	}
	defer log.Close()
	b.cmd = java(context.WithoutCancel(ctx), cfg, "kafka.Kafka", config)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	go func() {
		_ = b.cmd.Wait()
		close(b.done)
	}()
	if err := b.await(ctx); err != nil {
		b.Kill()
		return nil, fmt.Errorf("wait for Kafka on %s: %w\n%s", b.addr, err, b.LastWords())
	}
	return b, nil
}

// configure writes the configuration. A new directory is formatted as well.
func configure(ctx context.Context, cfg Config) (config, addr string, err error) {
	addr = cfg.Addr
	if addr == "" {
		if addr, err = freeAddress(); err != nil {
			return "", "", err
		}
	}
	controller, err := freeAddress()
	if err != nil {
		return "", "", err
	}
	_, port, err := net.SplitHostPort(controller)
	if err != nil {
		return "", "", err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return "", "", fmt.Errorf("make Kafka's directory: %w", err)
	}
	config, data := filepath.Join(cfg.Dir, "server.properties"), filepath.Join(cfg.Dir, "data")
	text := strings.NewReplacer("%ADDR", addr, "%PORT", port, "%DATA", data).Replace(properties)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", "", fmt.Errorf("write Kafka's configuration: %w", err)
	}
	if _, err := os.Stat(filepath.Join(data, "meta.properties")); !errors.Is(err, fs.ErrNotExist) {
		return config, addr, err
	}
	if out, err := java(ctx, cfg, "kafka.tools.StorageTool", "format", "-t", uuid.NewString(), "-c", config).CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}
	return config, addr, nil
}

// java runs one of Kafka's programs. Such a short life is better spent without the
// second compiler.
func java(ctx context.Context, cfg Config, args ...string) *exec.Cmd {
	args = append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(cfg.Libs, "*")}, args...)
	cmd := exec.CommandContext(ctx, "java", args...)
	cmd.Dir = cfg.Dir
	cmd.SysProcAttr = attributes()
	return cmd
}

// await returns when Kafka is ready.
func (b *Broker) await(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := b.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-b.done:
			return errors.New("it has ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// ready asks for the ends of all partitions. The cluster has no broker until this one
// has registered with its controller, and its partitions no leader for a moment more.
func (b *Broker) ready(ctx context.Context) error {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(b.addr), Transport: transport, Timeout: 10 * time.Second}
	cluster, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return err
	}
	if len(cluster.Brokers) == 0 {
		return errors.New("the cluster has no broker yet")
	}
	ask := map[string][]kafka.OffsetRequest{}
	for _, topic := range cluster.Topics {
		for _, p := range topic.Partitions {
			ask[topic.Name] = append(ask[topic.Name], kafka.LastOffsetOf(p.ID))
		}
	}
	if len(ask) == 0 {
		return nil
	}
	ends, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: ask})
	if err != nil {
		return err
	}
	for name, partitions := range ask {
		if len(ends.Topics[name]) != len(partitions) {
			return fmt.Errorf("%d of %d partitions of topic %s answer", len(ends.Topics[name]), len(partitions), name)
		}
		for _, p := range ends.Topics[name] {
			if p.Error != nil {
				return fmt.Errorf("topic %s partition %d: %w", name, p.Partition, p.Error)
			}
		}
	}
	return nil
}

// Addr is where the broker listens.
func (b *Broker) Addr() string { return b.addr }

// Pid is the broker's process.
func (b *Broker) Pid() int { return b.cmd.Process.Pid }

// Kill is kill -9, and waits until the process is gone. It may be called again, and
// from several goroutines.
func (b *Broker) Kill() {
	b.kill.Do(func() { _ = b.cmd.Process.Kill() })
	<-b.done
}

// LastWords is the end of Kafka's log.
func (b *Broker) LastWords() string {
	text, err := os.ReadFile(b.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-40):], nil))
}

// freeAddress returns a port on which nobody listens, below those that systems give to
// outgoing connections: one of those may be taken again before Kafka listens.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.N(10_000))
		var l net.Listener
		if l, err = net.Listen("tcp", addr); err == nil {
			return addr, l.Close()
		}
	}
	return "", fmt.Errorf("find a free port: %w", err)
}
