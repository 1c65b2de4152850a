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

// ChildBroker is an embedded broker in a process of its own, which a test may kill.
type ChildBroker struct {
	Addr string
	cmd  *exec.Cmd
	kill sync.Once
}

// StartChildBroker starts a broker on a directory and an address, any when empty,
// whatever broker the tests share. It is killed when the test ends. The package's
// TestMain must call [Main].
func StartChildBroker(t testing.TB, dir, addr string) *ChildBroker {
	t.Helper()
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
	c := &ChildBroker{cmd: cmd}
	t.Cleanup(c.Kill)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if got, ok := strings.CutPrefix(lines.Text(), "addr "); ok {
			c.Addr = got
			return c
		}
	}
	t.Fatalf("the child broker did not start: %v", lines.Err())
	return nil
}

// Pid is the broker's process.
func (c *ChildBroker) Pid() int { return c.cmd.Process.Pid }

// Kill is kill -9, and waits until the process is gone. It may be called again, and
// from several goroutines.
func (c *ChildBroker) Kill() {
	c.kill.Do(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
}
