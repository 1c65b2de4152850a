package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// operator calls actionlog rejected beside ingest and query.
type operator struct {
	t        *testing.T
	env      []string
	topic    string
	database string // its name
	query    string // the query service's URL
}

func newOperator(t *testing.T) *operator {
	t.Helper()
	dsn, addr := newDatabase(t).dsn, freeAddress(t)
	o := &operator{t: t, topic: embeddedtest.Topic(t, 4), database: path.Base(dsn), query: "http://" + addr}
	o.env = append(os.Environ(), "ACTIONLOG_KAFKA_BROKERS="+embeddedtest.Broker(t), "ACTIONLOG_TOPIC="+o.topic, "ACTIONLOG_GROUP="+o.topic,
		"ACTIONLOG_INGEST_ADDR=", "ACTIONLOG_QUERY_ADDR="+addr, "ACTIONLOG_CLICKHOUSE_DSN="+dsn)
	startService(t, o.env, "ingest")
	startService(t, o.env, "query")
	waitReady(t, o.query)
	return o
}

// emit publishes lines.
func (o *operator) emit(lines string) {
	o.t.Helper()
	if _, stderr, status := program(o.t, o.env, lines, "emit"); status != 0 {
		o.t.Fatal(stderr)
	}
}

// run returns what a command prints, and fails the test when it ends otherwise than
// with this code.
func (o *operator) run(code int, args ...string) (stdout, stderr string) {
	o.t.Helper()
	stdout, stderr, status := program(o.t, o.env, "", append([]string{"rejected"}, args...)...)
	if status != code {
		o.t.Fatalf("rejected %s exits with %d, want %d:\n%s%s", strings.Join(args, " "), status, code, stdout, stderr)
	}
	return stdout, stderr
}

// listed is a line of list --json.
type listed struct {
	Topic     string
	TopicID   string `json:"topic_id"`
	Partition int
	Offset    int64
	Time      string
	Reason    string
	Raw       []byte
	Headers   []struct {
		Key   string
		Value []byte
	}
	Retries   int
	LastRetry *struct{ Time, Who, Note string } `json:"last_retry"`
}

func (l listed) address() string { return fmt.Sprintf("%s/%d/%d", l.Topic, l.Partition, l.Offset) }

func (o *operator) list(args ...string) []listed {
	o.t.Helper()
	out, _ := o.run(0, append([]string{"list", "--json", "--limit", "100000"}, args...)...)
	var all []listed
	for decoder := json.NewDecoder(strings.NewReader(out)); decoder.More(); {
		var l listed
		if err := decoder.Decode(&l); err != nil {
			o.t.Fatalf("%v in %s", err, out)
		}
		all = append(all, l)
	}
	return all
}

// waitRejected waits until so many messages are rejected.
func (o *operator) waitRejected(n int, args ...string) []listed {
	o.t.Helper()
	var all []listed
	embeddedtest.Eventually(o.t, fmt.Sprintf("%d rejected messages", n), func() bool { all = o.list(args...); return len(all) == n })
	return all
}

// insert puts messages among the rejected, as a version left them there that was
// stricter than the present one. In the values, TOPIC stands for the topic's name.
func (o *operator) insert(values string) {
	o.t.Helper()
	sql := "INSERT INTO rejected (topic_id, topic, partition, offset, time, reason, field, message, raw, headers) " + strings.ReplaceAll(values, "TOPIC", "'"+o.topic+"'")
	response, err := http.Post(embeddedtest.Engine(o.t).URL()+"/?database="+o.database, "text/plain", strings.NewReader(sql))
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		o.t.Fatalf("insert: %s", response.Status)
	}
}

// events returns the ids of a tenant's events and how often each is listed.
func (o *operator) events(tenant string) map[string]int { return exported(o.t, o.query, tenant) }

// settle waits until everything that is in Kafka is dealt with: a marker that is
// sent last to each partition is shown.
func (o *operator) settle(marker string) {
	o.t.Helper()
	// Keys spread tenants over the partitions; a marker of many tenants is in each.
	const tenants = 64
	var lines strings.Builder
	for i := range tenants {
		fmt.Fprintf(&lines, `{"id":%q,"time":"2026-01-01T00:00:00Z","tenant":"t%d","actor":{"id":"a"},"action":"record.viewed"}`+"\n", marker, i)
	}
	o.emit(lines.String())
	for i := range tenants {
		tenant := fmt.Sprintf("t%d", i)
		embeddedtest.Eventually(o.t, "the marker of "+tenant, func() bool { return o.events(tenant)[marker] == 1 })
	}
}

func TestRejectedMessagesAreListedAndShown(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.emit("not an event\n{\"actor\":{\"id\":\"a\"},\"actoin\":\"record.viewed\"}\n{\"actor\":\"\xff\x1b[31m\"}\n")
	all := o.waitRejected(3)
	byReason := map[string]listed{}
	for _, l := range all {
		byReason[l.Reason] = l
	}
	wrong := byReason["invalid_json"]
	for _, args := range [][]string{{"list"}, {}, {"--limit", "10"}} {
		out, _ := o.run(0, args...)
		if !strings.HasPrefix(out, "TIME ") || strings.Count(out, "\n") != 4 || !strings.Contains(out, "  "+wrong.address()+"  ") {
			t.Errorf("rejected %v:\n%s", args, out)
		}
	}
	if out, hint := o.run(0, "list", "--limit", "2"); strings.Count(out, "\n") != 3 || !strings.Contains(hint, "more than these 2") {
		t.Errorf("two of three:\n%s%s", out, hint)
	}
	o.waitRejected(2, "--reason", "unknown_field", "--reason", "invalid_json")
	o.waitRejected(0, "--to", "2026-01-01")
	o.waitRejected(3, "--from", "2026-01-01T00:00:00+01:00", "--topic", o.topic, "--pending")
	o.waitRejected(0, "--topic", "other")

	out, _ := o.run(0, "show", byReason["unknown_field"].address())
	for _, want := range []string{"unknown_field", "actoin", "did you mean action?", "never", "still rejected", `{"actor":{"id":"a"},"actoin"`, byReason["unknown_field"].TopicID} {
		if !strings.Contains(out, want) {
			t.Errorf("show lacks %q:\n%s", want, out)
		}
	}
	// What a sender made up does nothing to the terminal, and --raw is exact.
	binaryAddress := byReason["wrong_type"].address()
	if byReason["wrong_type"].Raw == nil {
		binaryAddress = byReason["invalid_utf8"].address()
	}
	if out, _ := o.run(0, "show", binaryAddress); !strings.Contains(out, `\xff\x1b[31m`) || strings.Contains(out, "\x1b") {
		t.Errorf("show: %q", out)
	}
	if out, _ := o.run(0, "show", binaryAddress, "--raw"); out != "{\"actor\":\"\xff\x1b[31m\"}" {
		t.Errorf("show --raw: %q", out)
	}
}

func TestRetryOfAMendedMessageGivesOneEvent(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	// It has neither id nor time.
	o.emit(`{"actor":{"id":"alice"},"actoin":"record.viewed"}` + "\n")
	rejected := o.waitRejected(1)[0]

	out, stderr := o.run(1, "retry", rejected.address())
	if !strings.Contains(out, rejected.address()+"  still rejected: unknown_field") || !strings.Contains(out, "0 sent, 1 would be rejected again") || !strings.Contains(stderr, "1 of 1 messages were not sent") {
		t.Errorf("retry of what is still wrong:\n%s%s", out, stderr)
	}
	file := filepath.Join(t.TempDir(), "mended.json")
	raw, _ := o.run(0, "show", "--raw", rejected.address())
	if err := os.WriteFile(file, []byte(strings.Replace(raw, "actoin", "action", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		out, _ := o.run(0, "retry", rejected.address(), "--with", file, "--note", fmt.Sprint("try ", n))
		if out != rejected.address()+"  sent\n1 sent, 0 would be rejected again, 0 not sent\n" {
			t.Errorf("retry: %q", out)
		}
	}
	o.settle("after")
	var page struct{ Actions []struct{ Time, ID string } }
	get(t, o.query+"/v1/actions", &page)
	if len(page.Actions) != 1 || page.Actions[0].Time != rejected.Time {
		t.Errorf("%+v: want one event of the time %s", page.Actions, rejected.Time)
	}
	now := o.list()
	if len(now) != 1 || now[0].Retries != 3 || now[0].LastRetry == nil || !strings.HasPrefix(now[0].LastRetry.Note, "try 2 (mended, SHA-256 ") {
		t.Fatalf("recorded: %+v", now)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, now[0].LastRetry.Time)
	if err != nil || time.Since(at).Abs() > time.Hour || now[0].LastRetry.Who != me.Username {
		t.Errorf("recorded: %+v, %v", now[0].LastRetry, err)
	}
	if out, _ := o.run(0, "show", rejected.address()); !strings.Contains(out, "3×, the last at ") || !strings.Contains(out, "by "+me.Username+": try 2") {
		t.Errorf("show:\n%s", out)
	}
	if out, _ := o.run(0, "list"); !strings.Contains(out, "3×, "+at.Format(time.RFC3339)+" by "+me.Username) {
		t.Errorf("list:\n%s", out)
	}
	if pending := o.list("--pending"); len(pending) != 0 {
		t.Errorf("pending: %+v", pending)
	}
}

func TestRetryByFilterSendsEachPendingMessageOnce(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	// Valid for this version, with and without id, with headers; a third is not.
	o.insert(`SELECT generateUUIDv4(), TOPIC, 0, 1000000 + number, toDateTime64('2026-05-01 10:00:00', 3, 'UTC') + number, ['unknown_field', 'too_long'][number % 2 + 1], '', 'wrong',
		['{"actor":{"id":"a"},"action":"record.viewed","description":"' || toString(number) || '"}',
		 '{"id":"given-' || toString(number) || '","time":"2026-02-01T00:00:00Z","actor":{"id":"a"},"action":"record.viewed"}',
		 'nothing'][number % 3 + 1], [('trace', 'x' || char(255) || toString(number))] FROM numbers(300)`)
	out, _ := o.run(1, "retry", "--reason", "unknown_field", "--from", "2026-05-01", "--to", "2026-05-02")
	if !strings.HasSuffix(out, "100 sent, 50 would be rejected again, 0 not sent\n") || strings.Count(out, "\n") != 151 {
		t.Errorf("retry by reason and time:\n%s", out)
	}
	// Of all that are left, those that are sent already are not sent again.
	out, _ = o.run(1, "retry", "--all")
	if !strings.HasSuffix(out, "100 sent, 100 would be rejected again, 0 not sent\n") {
		t.Errorf("retry of all:\n%s", out)
	}
	if out, _ = o.run(1, "retry", "--again", "--to", "2026-05-02"); !strings.HasSuffix(out, "200 sent, 100 would be rejected again, 0 not sent\n") {
		t.Errorf("retry once more:\n%s", out)
	}
	o.settle("after")
	events := o.events("default")
	if len(events) != 200 {
		t.Errorf("%d events, want 200", len(events))
	}
	for id, n := range events {
		if n != 1 {
			t.Errorf("event %s is shown %d times", id, n)
		}
	}
	// The one way to send what is still wrong.
	wrong := o.list("--pending")[0]
	if out, _ := o.run(0, "retry", "--force", wrong.address()); !strings.Contains(out, "1 sent") {
		t.Errorf("retry --force:\n%s", out)
	}
	copied := o.waitRejected(1, "--from", time.Now().Add(-time.Hour).Format(time.RFC3339))[0]
	if string(copied.Raw) != "nothing" || len(copied.Headers) != 2 || string(copied.Headers[0].Value) != string(wrong.Headers[0].Value) || copied.Headers[1].Key != "actionlog-retry-of" {
		t.Errorf("what arrived of %+v is %+v", wrong, copied)
	}
	// A retry of the retry names the first place too, so it is the same event.
	file := filepath.Join(t.TempDir(), "mended.json")
	if err := os.WriteFile(file, []byte(`{"tenant":"mended","actor":{"id":"a"},"action":"record.viewed"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	o.run(0, "retry", "--with", file, copied.address())
	o.run(0, "retry", "--with", file, wrong.address())
	o.settle("later")
	if events := o.events("mended"); len(events) != 1 {
		t.Errorf("%v: want one event", events)
	}
}

func TestAnInterruptedRetryIsRecordedAsFarAsItCame(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	const messages = 5000
	o.insert(fmt.Sprintf(`SELECT toUUID('00000000-0000-0000-0000-000000000001'), TOPIC, 0, 1000000 + number, toDateTime64('2026-05-01 10:00:00', 3, 'UTC') + number, 'empty', '', 'wrong',
		'{"tenant":"cut","id":"given-' || toString(number) || '","time":"2026-02-01T00:00:00Z","actor":{"id":"a"},"action":"record.viewed"}', [] FROM numbers(%d)`, messages))
	cmd := exec.Command(binary, "rejected", "retry", "--all")
	cmd.Env = o.env
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if !strings.HasSuffix(lines.Text(), "  sent") {
			continue
		}
		if said++; said == 1 {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	err = cmd.Wait()
	o.settle("after")
	recorded := 0
	for _, l := range o.list() {
		recorded += l.Retries
	}
	if events := len(o.events("cut")); events != said || recorded != said || said == 0 || said < messages && err == nil {
		t.Errorf("%d said to be sent, %d recorded, %d arrived, of %d; %v", said, recorded, events, messages, err)
	}
	// Going on sends the rest.
	if out, _ := o.run(0, "retry", "--all"); !strings.HasSuffix(out, fmt.Sprintf("%d sent, 0 would be rejected again, 0 not sent\n", messages-said)) {
		t.Errorf("going on: %s", out[max(0, len(out)-200):])
	}
	o.settle("later")
	if events := len(o.events("cut")); events != messages {
		t.Errorf("%d events, want %d", events, messages)
	}
}

func TestMistakesAboutRejectedMessagesAreNamed(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	o.insert(`VALUES ('00000000-0000-0000-0000-000000000001', 'actions', 3, 17, '2026-05-01 10:00:00.000', 'empty', '', 'wrong', 'old', []),
		('00000000-0000-0000-0000-000000000002', 'actions', 3, 17, '2026-05-02 10:00:00.000', 'empty', '', 'wrong', 'new', [])`)
	f := func(code int, want string, args ...string) {
		t.Helper()
		if _, stderr := o.run(code, args...); !strings.Contains(stderr, want) {
			t.Errorf("rejected %s: %s\nlacks %q", strings.Join(args, " "), stderr, want)
		}
	}
	f(2, `there is no command "rejected replay"`, "replay")
	f(2, "did you mean invalid_json?", "list", "--reason", "invalid-json")
	f(2, "give one of empty, too_large", "retry", "--reason", "nonsense")
	f(2, `--from is "soon", which is not a time`, "list", "--from", "soon")
	f(2, "--from (2026-05-02) is not before --to (2026-05-01)", "--from", "2026-05-02", "--to", "2026-05-01")
	f(2, "--limit is 0", "--limit", "0")
	f(2, "takes one address", "show")
	f(2, "takes one address", "show", "actions/0/1", "actions/0/2")
	f(2, "as actions/0/17", "show", "17")
	f(1, "no message that stood at actions/0/1 was rejected", "show", "actions/0/1")
	f(1, "no message that stood at actions/0/1 was rejected", "retry", "actions/0/1")
	f(2, "needs addresses", "retry")
	f(2, "needs addresses", "retry", "--force")
	f(2, "takes either addresses or", "retry", "actions/0/1", "--reason", "empty")
	f(2, "--all is for all there are", "retry", "--all", "--reason", "empty")
	f(2, "--with is for one address", "retry", "--all", "--with", "file")
	f(1, "--with: open ", "retry", "actions/0/1", "--with", filepath.Join(t.TempDir(), "missing"))

	// An address of a topic that was created again needs its id.
	f(1, "actions@00000000-0000-0000-0000-000000000001/3/17", "show", "actions/3/17")
	if out, _ := o.run(0, "show", "--raw", "actions@00000000-0000-0000-0000-000000000001/3/17"); out != "old" {
		t.Errorf("show of the old topic: %q", out)
	}
	// Nothing is recorded that Kafka has not acknowledged.
	o.env = append(o.env, "ACTIONLOG_KAFKA_BROKERS=127.0.0.1:1", "ACTIONLOG_EMIT_TIMEOUT=1s")
	f(1, "ACTIONLOG_KAFKA_BROKERS", "retry", "--all", "--force")
	for _, l := range o.list() {
		if l.Retries != 0 {
			t.Errorf("recorded: %+v", l)
		}
	}
}
