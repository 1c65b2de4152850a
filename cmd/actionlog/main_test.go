package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	embeddedtest.RunChild()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "actionlog-cmd-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "actionlog")
		// As it is shipped: without the race detector, and without cgo.
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build actionlog: %v\n%s", err, out)
			return 1
		}
		return embeddedtest.Run(m)
	}())
}

// addresses is what standalone prints.
type addresses struct{ Query, Kafka, ClickHouse, HTTP string }

// standalone is a running actionlog standalone.
type standalone struct {
	addresses
	t      *testing.T
	cmd    *exec.Cmd
	exited chan struct{}
	log    bytes.Buffer
}

// environment is what a process of a test is told: a data directory, free ports
// and where the engine is.
func environment(t *testing.T, dataDir string, more ...string) []string {
	t.Helper()
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	return append(append(os.Environ(), "ACTIONLOG_DATA_DIR="+dataDir, "ACTIONLOG_ENGINE_LIB="+library, "ACTIONLOG_QUERY_ADDR=127.0.0.1:0",
		"ACTIONLOG_KAFKA_BROKERS=127.0.0.1:0", "ACTIONLOG_CLICKHOUSE_DSN=http://127.0.0.1:0/actionlog", "ACTIONLOG_INGEST_ADDR="), more...)
}

// start runs standalone and waits for its line.
func start(t *testing.T, env []string, args ...string) *standalone {
	t.Helper()
	s := &standalone{t: t, cmd: exec.Command(binary, append([]string{"standalone"}, args...)...), exited: make(chan struct{})}
	s.cmd.Env = env
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(stdout).ReadBytes('\n')
	go func() {
		_, _ = io.Copy(io.Discard, stdout)
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("log of standalone:\n%s", s.log.String())
		}
	})
	if readErr != nil {
		<-s.exited
		t.Fatalf("standalone printed no line: %v\n%s", readErr, s.log.String())
	}
	if err := json.Unmarshal(line, &s.addresses); err != nil {
		t.Fatalf("standalone printed %q: %v", line, err)
	}
	return s
}

// kill ends the process as a power cut would.
func (s *standalone) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// interrupt is Ctrl-C.
func (s *standalone) interrupt() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second):
		s.t.Fatal("standalone does not stop")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Fatalf("standalone exits with %d after Ctrl-C:\n%s", code, s.log.String())
	}
}

// emit publishes lines and returns how many were acknowledged.
func (s *standalone) emit(lines io.Reader) int {
	s.t.Helper()
	n, err := emitTo(s.Kafka, lines)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func emitTo(broker string, lines io.Reader) (int, error) {
	cmd := exec.Command(binary, "emit")
	cmd.Env = append(os.Environ(), "ACTIONLOG_KAFKA_BROKERS="+broker)
	cmd.Stdin = lines
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var summary struct{ Acknowledged int }
	if jsonErr := json.Unmarshal(out, &summary); jsonErr != nil {
		return 0, fmt.Errorf("emit prints %q: %w, %w\n%s", out, jsonErr, err, stderr.String())
	}
	if err != nil {
		return summary.Acknowledged, fmt.Errorf("emit: %w\n%s", err, stderr.String())
	}
	return summary.Acknowledged, nil
}

// get asks the query service and decodes its JSON.
func get(t *testing.T, url string, into any) {
	t.Helper()
	body := fetch(t, url)
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s answers %q: %v", url, body, err)
	}
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s: %s", url, response.Status, body)
	}
	return body
}

// exported returns how often each id is in the CSV of a tenant.
func (s *standalone) exported(tenant string) map[string]int {
	s.t.Helper()
	return exported(s.t, s.Query, tenant)
}

func exported(t *testing.T, query, tenant string) map[string]int {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(fetch(t, query+"/v1/export.csv?tenant="+tenant))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, row := range rows[1:] {
		ids[row[1]]++
	}
	return ids
}

// startService runs a service until the test ends; it has to end well.
func startService(t *testing.T, env []string, name string) {
	t.Helper()
	cmd := exec.Command(binary, name)
	cmd.Env = env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ends with %v", name, err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, out.String())
		}
	})
}

// waitReady waits until the service with this URL is ready.
func waitReady(t *testing.T, url string) {
	t.Helper()
	embeddedtest.Eventually(t, url+" is ready", func() bool {
		response, err := http.Get(url + "/readyz")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// ndjson returns n events with ids from prefix-0 on.
func ndjson(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id":"%s-%d","time":"2026-03-01T09:30:00.%03dZ","tenant":"kill","actor":{"id":"u-%d"},"action":"record.viewed","description":"event %d"}`+"\n",
			prefix, i, i%1000, i%7, i)
	}
	return b.String()
}

// password is that of the engine of a standalone on a data directory.
func password(t *testing.T, dir string) string {
	t.Helper()
	kept, err := os.ReadFile(filepath.Join(dir, "clickhouse.password"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(kept))
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

func TestEverythingIsThereAfterCtrlCAndRestart(t *testing.T) {
	t.Parallel()
	env := environment(t, t.TempDir())
	s := start(t, env)
	if got := s.emit(strings.NewReader(ndjson("a", 1000) + "not an event\n")); got != 1001 {
		t.Fatalf("acknowledged: got %d, want 1001", got)
	}
	s.interrupt()

	s = start(t, env)
	embeddedtest.Eventually(t, "1000 events after a restart", func() bool { return len(s.exported("kill")) == 1000 })
	var rejected struct {
		Rejected []struct {
			Topic, Reason, Message string
			Offset                 int
			Raw                    []byte
		}
	}
	embeddedtest.Eventually(t, "the rejected message", func() bool {
		get(t, s.Query+"/v1/rejected", &rejected)
		return len(rejected.Rejected) == 1
	})
	if r := rejected.Rejected[0]; string(r.Raw) != "not an event" || r.Topic != "actions" || r.Reason != "invalid_json" {
		t.Errorf("rejected: got %+v", r)
	}
}

func TestKillDuringEmitLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	env := environment(t, t.TempDir(), "ACTIONLOG_KAFKA_BROKERS="+freeAddress(t))
	s := start(t, env)
	const events = 30_000
	reader, writer := io.Pipe()
	type result struct {
		n   int
		err error
	}
	emitted := make(chan result, 1)
	go func() {
		n, err := emitTo(s.Kafka, reader)
		emitted <- result{n, err}
	}()
	lines := strings.SplitAfter(ndjson("k", events), "\n")
	for round := range 3 {
		for _, line := range lines[round*events/3 : (round+1)*events/3] {
			if _, err := io.WriteString(writer, line); err != nil {
				t.Fatal(err)
			}
		}
		if round < 2 {
			s.kill()
			s = start(t, env)
		}
	}
	_ = writer.Close()
	r := <-emitted
	if r.err != nil || r.n != events {
		t.Fatalf("emit: %d acknowledged, %v; want %d", r.n, r.err, events)
	}
	var ids map[string]int
	embeddedtest.Eventually(t, "all acknowledged events", func() bool { ids = s.exported("kill"); return len(ids) >= events })
	for i := range events {
		if n := ids[fmt.Sprintf("k-%d", i)]; n != 1 {
			t.Fatalf("event k-%d is shown %d times", i, n)
		}
	}
}

func TestSecondStandaloneOnTheSameDataIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := environment(t, dir)
	s := start(t, env)
	cmd := exec.Command(binary, "standalone")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	want := fmt.Sprintf("ACTIONLOG_DATA_DIR: another actionlog standalone uses %s (process %d)", dir, s.cmd.Process.Pid)
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("got %v: %s", err, out)
	}
}

func TestAnyClickHouseClientGetsInWithThePassword(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, environment(t, dir))
	ask := func(secret string) (int, string) {
		request, err := http.NewRequest(http.MethodPost, s.ClickHouse, strings.NewReader("SELECT version()"))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("default", secret)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	if code, body := ask(password(t, dir)); code != 200 || !strings.HasPrefix(body, "2") {
		t.Errorf("with the password: %d %s", code, body)
	}
	if code, body := ask("wrong"); code/100 != 4 {
		t.Errorf("with a wrong password: %d %s", code, body)
	}
}

func TestDemoEventsAreThereOnlyWhenAskedFor(t *testing.T) {
	t.Parallel()
	env := environment(t, t.TempDir())
	s := start(t, env)
	if got := len(s.exported("default")); got != 0 {
		t.Errorf("without --demo there are %d events", got)
	}
	s.interrupt()

	s = start(t, env, "--demo")
	embeddedtest.Eventually(t, "90 days of demo events", func() bool { return len(s.exported("default")) > 3000 })
	s.kill()
	s = start(t, env, "--demo")
	for id, n := range s.exported("default") {
		if n != 1 {
			t.Fatalf("demo event %s is shown %d times after a restart", id, n)
		}
	}
}

func TestServicesRunApartAgainstBrokerAndDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, environment(t, dir))
	queryAddr, httpAddr := freeAddress(t), freeAddress(t)
	topic := embeddedtest.Topic(t, 2) // on another broker than standalone's
	env := append(os.Environ(), "ACTIONLOG_KAFKA_BROKERS="+embeddedtest.Broker(t), "ACTIONLOG_TOPIC="+topic, "ACTIONLOG_GROUP="+topic,
		"ACTIONLOG_INGEST_ADDR="+freeAddress(t), "ACTIONLOG_QUERY_ADDR="+queryAddr, "ACTIONLOG_HTTP_ADDR="+httpAddr,
		"ACTIONLOG_CLICKHOUSE_DSN="+strings.Replace(s.ClickHouse, "http://", "http://default:"+password(t, dir)+"@", 1)+"/apart")
	for range 2 {
		if _, stderr, status := program(t, env, "", "migrate"); status != 0 {
			t.Fatalf("migrate: %s", stderr)
		}
	}
	startService(t, env, "ingest")
	startService(t, env, "query")
	if _, stderr, status := program(t, env, ndjson("apart", 10), "emit"); status != 0 {
		t.Fatalf("emit: %s", stderr)
	}
	embeddedtest.Eventually(t, "ingest over HTTP", func() bool {
		conn, err := net.Dial("tcp", httpAddr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	if code, answer := post(t, "http://"+httpAddr, "application/x-ndjson", ndjson("posted", 5)); code != http.StatusAccepted {
		t.Fatalf("POST to ingest: %d %s", code, answer)
	}
	embeddedtest.Eventually(t, "the events in the other database", func() bool {
		response, err := http.Get("http://" + queryAddr + "/v1/actions?tenant=kill")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		var page struct{ Actions []struct{ ID string } }
		return json.NewDecoder(response.Body).Decode(&page) == nil && len(page.Actions) == 15
	})
	if n := len(s.exported("kill")); n != 0 {
		t.Errorf("the standalone's own database has %d of the events", n)
	}
}

func TestHelpNamesEveryCommandAndVariable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := printConfig(&out); err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{
		"ACTIONLOG_DATA_DIR", "ACTIONLOG_KAFKA_BROKERS", "ACTIONLOG_TOPIC", "ACTIONLOG_CLICKHOUSE_DSN", "ACTIONLOG_QUERY_ADDR", "ACTIONLOG_ENGINE_LIB",
	} {
		if !strings.Contains(out.String(), variable+" ") {
			t.Errorf("help config lacks %s", variable)
		}
	}
	for _, c := range commands() {
		if !strings.Contains(help(), "  "+c.name) {
			t.Errorf("help lacks %s", c.name)
		}
	}
}

func TestMistakesInTheCallAreNamed(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		if err := run(context.Background(), args); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("actionlog %s: got %v, want a usage error with %q", strings.Join(args, " "), err, want)
		}
	}
	f("say what to do")
	f(`there is no command "serve"`, "serve")
	f(`takes no argument "now"`, "migrate", "now")
	f("needs --topic", "ledger", "give-up")
}
