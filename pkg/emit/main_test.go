package emit_test

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// spoolVar makes the test binary a process that spools into a directory, or with
// spoolAddrVar one that drains it to a broker.
const (
	spoolVar     = "ACTIONLOG_TEST_SPOOL_DIR"
	spoolAddrVar = "ACTIONLOG_TEST_SPOOL_ADDR"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(spoolVar); dir != "" {
		if err := runSpool(dir, os.Getenv(spoolAddrVar)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	embeddedtest.Main(m)
}

// runSpool queues numbered events without end when there is no broker's address.
// It writes a line each time that the number of events in the spool changes.
func runSpool(dir, addr string) error {
	cfg := spoolConfig(cmp.Or(addr, nobody), dir)
	cfg.SpoolAfter = time.Millisecond
	e, err := emit.New(cfg)
	if err != nil {
		return err
	}
	go func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for told := int64(-1); ; <-tick.C {
			if now := e.Stats().Spooled; now != told {
				told = now
				fmt.Fprintln(os.Stdout, told)
			}
		}
	}()
	for n := int(e.Stats().Spooled); addr == ""; n++ {
		if err := e.Enqueue(context.Background(), emit.Must, event(n)); err != nil {
			return err
		}
	}
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test, whatever becomes of it
	os.Exit(0)
	return nil
}

// killSpool runs runSpool in a process of its own, kills it once the number of events
// in the spool is enough, and returns the last number that it wrote. While it runs,
// nobody else gets the directory.
func killSpool(t *testing.T, dir, addr string, enough func(spooled int) bool) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), spoolVar+"="+dir, spoolAddrVar+"="+addr)
	cmd.Stderr = os.Stderr
	_, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	spooled, killed := 0, false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &spooled); err != nil {
			t.Error(err)
		}
		if enough(spooled) && !killed {
			killed = true
			if _, err := emit.New(spoolConfig(nobody, dir)); err == nil || !strings.Contains(err.Error(), "another emitter uses the spool") {
				t.Errorf("a second process: %v", err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed
	if !killed {
		t.Fatalf("the process ended by itself, with %d events in the spool", spooled)
	}
	return spooled
}
