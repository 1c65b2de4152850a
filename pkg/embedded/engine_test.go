package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// start runs an engine of the test's own.
func start(t testing.TB, dir, addr, password string) (*embedded.Engine, error) {
	t.Helper()
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := embedded.StartEngine(t.Context(), embedded.EngineConfig{
		Library: library, Dir: dir, Addr: addr, Password: password,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err == nil {
		t.Cleanup(func() { e.Close() })
	}
	return e, err
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	const password = "it's a \\ secret:@"
	e, err := start(t, t.TempDir(), "127.0.0.1:0", password)
	if err != nil {
		t.Fatal(err)
	}
	f := func(c call, basic []string, status int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL()+"/?"+c.params, strings.NewReader("SELECT 1"))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			req.Header.Set(k, v)
		}
		if basic != nil {
			req.SetBasicAuth(basic[0], basic[1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		code := map[int]string{http.StatusForbidden: "516"}[status]
		if resp.StatusCode != status || resp.Header.Get("X-ClickHouse-Exception-Code") != code {
			t.Errorf("%+v, %v: %s", c, basic, resp.Status)
		}
	}
	f(call{}, nil, 403)
	f(call{}, []string{"default", password}, 200)
	f(call{}, []string{"default", "wrong"}, 403)
	f(call{}, []string{"other", password}, 403)
	f(call{header: map[string]string{"X-ClickHouse-User": "default", "X-ClickHouse-Key": password}}, nil, 200)
	f(call{header: map[string]string{"X-ClickHouse-Key": "wrong"}}, nil, 403)
	f(call{params: "password=it%27s+a+%5C+secret%3A%40"}, nil, 200)
	f(call{params: "user=default&password=wrong"}, nil, 403)

	conn := dial(t, e, "default")
	if err := conn.Ping(t.Context()); err != nil {
		t.Errorf("with the engine's DSN: %v", err)
	}
	resp, err := http.Get(e.URL() + "/ping")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "Ok.\n" {
		t.Errorf("ping: %q", body)
	}
	// Neither arguments nor environment may show the password.
	for _, file := range []string{"cmdline", "environ"} {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", e.Pid(), file)); err != nil || strings.Contains(string(b), "secret") {
			t.Errorf("%s shows the password, or %v", file, err)
		}
	}
}

func dial(t testing.TB, e *embedded.Engine, database string) clickhouse.Conn {
	t.Helper()
	opt, err := clickhouse.ParseDSN(e.DSN(database))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestKill kills the engine's process again and again while four clients
// insert: every row that was acknowledged must be there.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := start(t, dir, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, e, "default")
	run(t, conn, "CREATE TABLE t (writer UInt8, n UInt64) ENGINE = MergeTree ORDER BY (writer, n)")
	const writers, kills, rows = 4, 3, 1000
	var acknowledged [writers]atomic.Uint64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for batch := uint64(0); ctx.Err() == nil; batch++ {
				sql := fmt.Sprintf("INSERT INTO t SELECT %d, %d * %d + number FROM numbers(%d)", w, batch, rows, rows)
				if err := conn.Exec(ctx, sql); err == nil {
					acknowledged[w].Add(1)
				}
			}
		})
	}
	total := func() (n uint64) {
		for w := range acknowledged {
			n += acknowledged[w].Load()
		}
		return n
	}
	for range kills {
		pid, before := e.Pid(), total()
		embeddedtest.Eventually(t, "inserts are acknowledged", func() bool { return total() > before+20 })
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		embeddedtest.Eventually(t, "the engine is started again", func() bool { return e.Pid() != pid && e.Pid() != 0 })
	}
	before := total()
	embeddedtest.Eventually(t, "inserts are acknowledged again", func() bool { return total() > before+20 })
	addr := e.Addr()
	cancel()
	wg.Wait()

	// The last one by the parent's ordered stop, and a new engine on the same
	// directory and address.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = start(t, dir, addr, ""); err != nil {
		t.Fatal(err)
	}
	conn = dial(t, e, "default")
	for w := range writers {
		// Batches without an answer may be stored or not; those with one must.
		got := scalar[uint64](t, conn, fmt.Sprintf("SELECT uniqExact(intDiv(n, %d)) FROM t WHERE writer = %d", rows, w))
		if want := acknowledged[w].Load(); got < want {
			t.Errorf("writer %d: %d batches, %d were acknowledged", w, got, want)
		}
	}
	if n := scalar[uint64](t, conn, fmt.Sprintf("SELECT countIf(c != %d) FROM (SELECT writer, intDiv(n, %d) AS b, count() AS c FROM t GROUP BY writer, b)", rows, rows)); n != 0 {
		t.Errorf("%d batches are stored in part", n)
	}
}

func TestOneEngineADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := start(t, dir, "127.0.0.1:0", ""); err != nil {
		t.Fatal(err)
	}
	_, err := start(t, dir, "127.0.0.1:0", "")
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("another engine uses %s (process ", dir)) {
		t.Errorf("a second engine: %v", err)
	}
}

func TestBadLibrary(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(file, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := embedded.StartEngine(t.Context(), embedded.EngineConfig{
		Library: file, Dir: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil || !strings.Contains(err.Error(), "load engine library") {
		t.Errorf("got %v", err)
	}
	_, err = embedded.FindLibrary(filepath.Join(t.TempDir(), "missing.so"))
	if !errors.Is(err, embedded.ErrNoLibrary) || !strings.Contains(err.Error(), "ACTIONLOG_ENGINE_LIB") {
		t.Errorf("got %v", err)
	}
}

// parentEnv makes this test binary start an engine on the directory it names,
// for the test that kills a parent.
const parentEnv = "ACTIONLOG_TEST_ENGINE_PARENT"

// runParent is that parent. It writes the child's process id and the address.
func runParent() {
	dir := os.Getenv(parentEnv)
	if dir == "" {
		return
	}
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err == nil {
		var e *embedded.Engine
		if e, err = embedded.StartEngine(context.Background(), embedded.EngineConfig{
			Library: library, Dir: dir, Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
		}); err == nil {
			_ = json.NewEncoder(os.Stdout).Encode([]string{strconv.Itoa(e.Pid()), e.Addr()})
			select {}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKillParent kills a parent: its engine must go with it, and the directory
// be free at once.
func TestKillParent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), parentEnv+"="+dir)
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var at []string
	if err := json.NewDecoder(bufio.NewReader(stdout)).Decode(&at); err != nil {
		t.Fatalf("the parent said nothing: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	begin := time.Now()
	e, err := start(t, dir, at[1], "")
	if err != nil {
		t.Fatalf("after %s: %v", time.Since(begin), err)
	}
	t.Logf("a new engine served %s after the kill", time.Since(begin))
	// Gone, or dead and waiting for its new parent to take note.
	if stat, err := os.ReadFile("/proc/" + at[0] + "/stat"); err == nil && !strings.Contains(string(stat), ") Z ") {
		t.Errorf("the dead parent's engine still runs: %s", stat)
	}
	if e.Addr() != at[1] {
		t.Errorf("address %s, want %s", e.Addr(), at[1])
	}
}

// TestMemory streams 2 M rows in and out: the engine's process must not grow
// with them.
func TestMemory(t *testing.T) {
	t.Parallel()
	e, err := start(t, t.TempDir(), "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for format, rows := range map[string]int{"CSV": 2_000_000, "CSVWithNames": 2_000_000, "JSON": 500_000, "Native": 2_000_000} {
		sql := fmt.Sprintf("SELECT number, repeat('x', 100) FROM numbers(%d) FORMAT %s", rows, format)
		resp, err := http.Post(e.URL()+"/?client_protocol_version=54460", "text/plain", strings.NewReader(sql))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || n < int64(rows)*100 {
			t.Fatalf("%s: %d bytes, %v", format, n, err)
		}
		t.Logf("%s: %d bytes, peak so far %d MB, %s", format, n, peak(t, e.Pid())>>20, time.Since(begin))
	}
	body := io.LimitReader(zeros{}, 128<<20)
	resp, err := http.Post(e.URL()+"/?query=INSERT+INTO+FUNCTION+null('s+String')+FORMAT+CSV", "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("insert: %s", text)
	}
	if p := peak(t, e.Pid()); p > 800<<20 {
		t.Errorf("peak of %d MB", p>>20)
	} else {
		t.Logf("insert of 128 MB: peak so far %d MB", p>>20)
	}
}

// zeros is a body of lines.
type zeros struct{}

var zeroLines = bytes.Repeat([]byte(strings.Repeat("0", 63)+"\n"), 512)

func (zeros) Read(p []byte) (int, error) {
	return copy(p[:len(p)/64*64], zeroLines), nil
}

// peak is the most memory that a process has had, in bytes.
func peak(t testing.TB, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
