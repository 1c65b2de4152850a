package embeddedtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/kafka4"
)

// childDirVar and childAddrVar make a test binary the broker that a test kills.
const (
	childDirVar  = "ACTIONLOG_TEST_BROKER_DIR"
	childAddrVar = "ACTIONLOG_TEST_BROKER_ADDR"
)

// RunChild runs a child of the tests, a broker or an engine, when this process was
// started as one, and does not return then. [Main] calls it; a TestMain of another
// kind calls it first. The child ends when its standard input does, so it never
// outlives the test.
func RunChild() {
	embedded.Main()
	dir := os.Getenv(childDirVar)
	if dir == "" {
		return
	}
	broker, err := embedded.StartBroker(embedded.BrokerConfig{Dir: dir, Addr: os.Getenv(childAddrVar)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stdout, "addr %s\n", broker.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// ChildBroker is a broker in a process of its own, which a test may kill.
type ChildBroker struct {
	Addr string
	child
}

// child is the process: of the embedded broker, or of Kafka 4.
type child interface {
	// Pid is the broker's process.
	Pid() int
	// Kill is kill -9, and waits until the process is gone. It may be called again, and
	// from several goroutines.
	Kill()
}

// StartChildBroker starts a broker on a directory and an address, any when empty,
// whatever broker the tests share: Apache Kafka 4 from the libraries in
// ACTIONLOG_TEST_KAFKA_LIBS, or else an embedded one. It is killed when the test ends.
// The package's TestMain must call [Main].
func StartChildBroker(t testing.TB, dir, addr string) *ChildBroker {
	t.Helper()
	if libs := os.Getenv(libsVar); libs != "" {
		broker, err := kafka4.Start(t.Context(), kafka4.Config{Libs: libs, Dir: dir, Addr: addr})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(broker.Kill)
		sayLastWords(t, broker)
		return &ChildBroker{broker.Addr(), broker}
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDirVar+"="+dir, childAddrVar+"="+addr)
	cmd.Stderr = os.Stderr
	_, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &embeddedChild{cmd: cmd}
	t.Cleanup(c.Kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if got, ok := strings.CutPrefix(lines.Text(), "addr "); ok {
			return &ChildBroker{got, c}
		}
	}
	t.Fatalf("the child broker did not start: %v", lines.Err())
	return nil
}

type embeddedChild struct {
	cmd  *exec.Cmd
	kill sync.Once
}

func (c *embeddedChild) Pid() int { return c.cmd.Process.Pid }

func (c *embeddedChild) Kill() {
	c.kill.Do(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
}
