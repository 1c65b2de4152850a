package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
)

// startTimeout bounds each step of Kafka's start, which takes three seconds on two
// idle cores.
const startTimeout = 3 * time.Minute

// One process is broker and controller. A single replica and partition of each
// internal topic, and no wait for more members before a group's first generation,
// make it quick; all else is as Kafka has it.
const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]d
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=%[3]s
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
`

// broker is a running Kafka.
type broker struct {
	addr, version string

	cmd  *exec.Cmd
	log  string
	done chan struct{} // closed when the process has ended
}

// startBroker starts Kafka and returns when it answers. Its files are kept in dir.
func startBroker(ctx context.Context, libs, dir string) (*broker, error) {
	jars, err := filepath.Glob(filepath.Join(libs, "kafka_*.jar"))
	if err != nil || len(jars) != 1 {
		return nil, fmt.Errorf("find Kafka in %s: %d files match kafka_*.jar, %w", libs, len(jars), err)
	}
	client, err := freePort()
	if err != nil {
		return nil, err
	}
	controller, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(properties, client, controller, filepath.Join(dir, "data"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write Kafka's configuration: %w", err)
	}
	java := func(ctx context.Context, args ...string) *exec.Cmd {
		args = append([]string{"-Xmx512m", "-XX:+UseSerialGC", "-cp", filepath.Join(libs, "*")}, args...)
		cmd := exec.CommandContext(ctx, "java", args...) //nolint:gosec // the arguments are those of this function
		cmd.Dir = dir
		cmd.SysProcAttr = attributes()
		return cmd
	}

	formatCtx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	format := java(formatCtx, "kafka.tools.StorageTool", "format", "-t", uuid.NewString(), "-c", config)
	if out, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format Kafka's storage: %w\n%s", err, out)
	}

	b := &broker{
		addr:    fmt.Sprintf("127.0.0.1:%d", client),
		version: strings.TrimSuffix(filepath.Base(jars[0]), ".jar"),
		log:     filepath.Join(dir, "kafka.log"),
		done:    make(chan struct{}),
	}
	log, err := os.Create(b.log)
	if err != nil {
		return nil, fmt.Errorf("make Kafka's log: %w", err)
	}
	defer log.Close()
	// Not ended by ctx: whoever uses Kafka stops before it does.
	b.cmd = java(context.WithoutCancel(ctx), "kafka.Kafka", config)
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Kafka: %w", err)
	}
	go func() {
		_ = b.cmd.Wait()
		close(b.done)
	}()
	if err := b.await(ctx); err != nil {
		b.stop()
		return nil, fmt.Errorf("wait for Kafka on %s: %w\n%s", b.addr, err, b.lastWords())
	}
	return b, nil
}

// await returns when the broker answers: it does so only once it has registered with
// its controller.
func (b *broker) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := b.answers(ctx)
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

func (b *broker) answers(ctx context.Context) error {
	conn, err := kafka.DialContext(ctx, "tcp", b.addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	brokers, err := conn.Brokers()
	if err == nil && len(brokers) == 0 {
		err = errors.New("the cluster has no broker yet")
	}
	return err
}

// ended reports whether Kafka has ended by itself.
func (b *broker) ended() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// stop kills Kafka, whose data nobody needs any more, and waits until it is gone.
func (b *broker) stop() {
	_ = b.cmd.Process.Kill()
	<-b.done
}

// lastWords is the end of Kafka's log.
func (b *broker) lastWords() string {
	text, err := os.ReadFile(b.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-40):], nil))
}

// freePort returns a port on which nobody listens, below those that systems give to
// outgoing connections: one of those may be taken again before Kafka listens.
func freePort() (int, error) {
	var err error
	for range 100 {
		port := 20_000 + rand.N(10_000)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}
