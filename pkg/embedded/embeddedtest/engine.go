// Package embeddedtest gives tests the real parts: an embedded Kafka broker and
// an embedded ClickHouse engine, one of each for a test process, started when the
// first test asks for it, and a topic or a database of its own for each test.
package embeddedtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded"
)

// shared is the engine of this test process. It lives as long as the process,
// which is why it is kept in a variable of the package.
var shared struct {
	once   sync.Once
	dir    string
	engine *embedded.Engine
	err    error
}

// Main runs the tests and then stops what they started. TestMain of a package
// that uses the engine or a [ChildBroker] is nothing but a call of it.
func Main(m *testing.M) {
	RunChild()
	os.Exit(Run(m))
}

// Run runs the tests, stops what they started, and returns the exit code. It is for a
// TestMain that has something to clean up itself; that one calls [RunChild] first.
func Run(m *testing.M) int {
	code := m.Run()
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop what the tests shared:", err)
		code = max(code, 1)
	}
	return code
}

func stop() error {
	shared.once.Do(func() { shared.err = errors.New("the tests are over") })
	var errs []error
	if shared.engine != nil {
		errs = append(errs, shared.engine.Close())
	}
	if sharedKafka.broker != nil {
		sharedKafka.broker.Kill()
	}
	for _, dir := range []string{shared.dir, sharedKafka.dir} {
		if dir != "" {
			errs = append(errs, os.RemoveAll(dir))
		}
	}
	return errors.Join(errs...)
}

// Engine returns the engine that the tests of this process share. It is never
// to be closed or killed by a test.
func Engine(t testing.TB) *embedded.Engine {
	t.Helper()
	shared.once.Do(func() {
		library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
		if err != nil {
			shared.err = err
			return
		}
		if shared.dir, shared.err = scratch("actionlog-engine-*"); shared.err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		shared.engine, shared.err = embedded.StartEngine(ctx, embedded.EngineConfig{
			Library: library, Dir: shared.dir, Addr: "127.0.0.1:0",
			Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		})
	})
	if shared.err != nil {
		t.Fatalf("the ClickHouse engine for tests: %v", shared.err)
	}
	return shared.engine
}

// Database makes an empty database on the shared engine and returns its DSN for
// clickhouse-go. It is dropped when the test ends. Without the engine's library
// the test fails.
func Database(t testing.TB) string {
	t.Helper()
	e := Engine(t)
	name := "test_" + strings.ToLower(rand.Text()[:12])
	execute(t, e, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, e, "DROP DATABASE IF EXISTS "+name+" SYNC") })
	return e.DSN(name)
}

// executeTimeout is much longer than a statement of execute takes on a loaded machine.
const executeTimeout = time.Minute

// execute runs a statement. It has a time limit of its own, since the test's context
// has ended when the database is dropped, and says what a statement that does not
// end waits for: a DROP … SYNC waits for every statement that uses the database.
func execute(t testing.TB, e *embedded.Engine, sql string) {
	t.Helper()
	client := http.Client{Timeout: executeTimeout}
	resp, err := client.Post(e.URL(), "text/plain", strings.NewReader(sql))
	if err != nil && os.IsTimeout(err) {
		t.Fatalf("%s: the engine gave no answer within %s; it runs:\n%s", sql, executeTimeout, processes(e))
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", sql, resp.Status, body, err)
	}
}

// processes lists what the engine runs, for an error message.
func processes(e *embedded.Engine) string {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Post(e.URL(), "text/plain", strings.NewReader("SELECT elapsed, is_cancelled, query FROM system.processes FORMAT Vertical"))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
