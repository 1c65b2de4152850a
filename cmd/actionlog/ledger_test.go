package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

// database is a store of a test's own.
type database struct {
	*store.Store
	dsn string
}

func newDatabase(t *testing.T) database {
	t.Helper()
	dsn := embeddedtest.Database(t)
	if _, err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	opened, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return database{opened, dsn}
}

func (d database) insert(t *testing.T, ranges ...store.Range) {
	t.Helper()
	if err := d.InsertRanges(t.Context(), ranges); err != nil {
		t.Fatal(err)
	}
}

// program runs the binary and returns what it prints and its exit status.
func program(t *testing.T, env []string, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	var out, errs bytes.Buffer
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// decodeLedger reads what ledger --json prints.
func decodeLedger(t *testing.T, text string) ([]ledgerLine, ledgerTotals) {
	t.Helper()
	var lines []ledgerLine
	decoder := json.NewDecoder(strings.NewReader(text))
	for {
		var line struct {
			ledgerLine
			Totals *ledgerTotals `json:"totals"`
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		if line.Totals != nil {
			return lines, *line.Totals
		}
		lines = append(lines, line.ledgerLine)
	}
}

func TestLedgerAccountsForEveryOffset(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	broker := embeddedtest.Broker(t)
	topic := embeddedtest.Topic(t, 3)
	env := []string{"ACTIONLOG_KAFKA_BROKERS=" + broker, "ACTIONLOG_TOPIC=" + topic, "ACTIONLOG_CLICKHOUSE_DSN=" + d.dsn}
	if _, stderr, status := program(t, env, ndjson("l", 30), "emit"); status != 0 {
		t.Fatal(stderr)
	}
	// emit keys by tenant, so all of them are in one partition.
	stdout, stderr, status := program(t, env, "", "ledger", "--json")
	if status != 0 {
		t.Fatalf("an empty ledger: %d %s", status, stderr)
	}
	lines, sum := decodeLedger(t, stdout)
	if len(lines) != 3 || sum.Partitions != 3 || sum.Gaps != 0 || sum.Lag == nil || *sum.Lag != 30 {
		t.Fatalf("an empty ledger: %+v, %+v", lines, sum)
	}
	var full int
	for p, l := range lines {
		if l.Partition != p || l.Topic != topic || l.Settled != 0 || l.Gap || l.Written != nil || l.LogEnd == nil || *l.Lag != *l.LogEnd {
			t.Errorf("a partition that the ledger does not know: %+v", l)
		}
		if *l.LogEnd == 30 {
			full = p
		}
	}

	id := topicID(t, broker, topic)
	r := func(from, to int64) store.Range {
		return store.Range{TopicID: id, Topic: topic, Partition: full, From: from, To: to}
	}
	first, again, beyond := r(0, 10), r(5, 12), r(20, 25)
	first.Accepted, first.Rejected, first.Skipped = 7, 2, 1
	again.Accepted, again.Lost = 4, 3
	beyond.Accepted = 5
	old := store.Range{TopicID: [16]byte{1}, Topic: topic, Partition: 1, From: 2, To: 4, Accepted: 2}
	d.insert(t, first, again, old)
	if _, stderr, status := program(t, env, "", "ledger"); status != 0 {
		t.Errorf("a tail that is not settled, and a gap of a topic that is gone: %d %s", status, stderr)
	}
	d.insert(t, beyond)

	stdout, stderr, status = program(t, env, "", "ledger", "--json", "--topic", topic)
	if status != 1 || !strings.Contains(stderr, "gap in 1 partitions") {
		t.Errorf("a gap: %d %s", status, stderr)
	}
	lines, sum = decodeLedger(t, stdout)
	if len(lines) != 4 || sum.Gaps != 1 || sum.Overlap != 5 || sum.Accepted != 18 || sum.Rejected != 2 || sum.Skipped != 1 || sum.Lost != 3 || *sum.Lag != 18 {
		t.Errorf("a gap: %+v, %+v", lines, sum)
	}
	for _, l := range lines {
		switch {
		case l.TopicID != id.String():
			if l.Note != noteRecreated || !l.Gap || l.Lag != nil {
				t.Errorf("a topic that was created again: %+v", l)
			}
		case l.Partition == full:
			if l.Settled != 12 || l.Highest != 25 || !l.Gap || len(l.Gaps) != 1 || l.Gaps[0] != (store.Span{From: 12, To: 20}) || l.Overlap != 5 ||
				*l.Lag != 18 || *l.LogEnd != 30 || time.Since(*l.Written).Abs() > time.Hour || l.Note != "" {
				t.Errorf("the partition with a gap: %+v", l)
			}
		}
	}
	stdout, _, _ = program(t, env, "", "ledger")
	for _, want := range []string{
		"TOPIC ID", noteRecreated, fmt.Sprintf("gap: %s[%d] lacks the offsets from 12 up to 19\n", topic, full),
		fmt.Sprintf("gap: %s[1] lacks the offsets from 0 up to 1\n", topic),
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table lacks %q:\n%s", want, stdout)
		}
	}
}

// topicID asks Kafka for a topic's id.
func topicID(t *testing.T, broker, topic string) uuid.UUID {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	response, err := request.RequestWith(t.Context(), client)
	if err != nil || len(response.Topics) != 1 {
		t.Fatalf("metadata of %s: %v", topic, err)
	}
	return response.Topics[0].TopicID
}

func TestLedgerWithoutKafkaLeavesTheLagOpen(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.insert(t, store.Range{TopicID: [16]byte{1}, Topic: "a", To: 10, Accepted: 10}, store.Range{TopicID: [16]byte{2}, Topic: "b", To: 1, Accepted: 1})
	env := []string{"ACTIONLOG_KAFKA_BROKERS=" + freeAddress(t), "ACTIONLOG_CLICKHOUSE_DSN=" + d.dsn}
	stdout, stderr, status := program(t, env, "", "ledger")
	if status != 0 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "the lag is not known") || !strings.Contains(stdout, "?") {
		t.Errorf("%d\n%s%s", status, stdout, stderr)
	}
	stdout, _, _ = program(t, env, "", "ledger", "--topic", "a", "--json")
	if lines, sum := decodeLedger(t, stdout); len(lines) != 1 || lines[0].Lag != nil || lines[0].Settled != 10 || sum.Lag != nil {
		t.Errorf("got %s", stdout)
	}
}

func TestWhatKafkaDeletedBeforeItWasSettledIsAGap(t *testing.T) {
	t.Parallel()
	f := func(l ledgerLine, log ingest.Log, wantLag int64, want ...store.Span) {
		t.Helper()
		l.add(log)
		if *l.Lag != wantLag || l.Gap != (len(want) > 0) || !slices.Equal(l.Gaps, want) {
			t.Errorf("%+v: got lag %d and gaps %v, want %d and %v", log, *l.Lag, l.Gaps, wantLag, want)
		}
	}
	f(ledgerLine{}, ingest.Log{Start: 0, End: 9}, 9)
	f(ledgerLine{}, ingest.Log{Start: 5, End: 9}, 9, store.Span{From: 0, To: 5})
	f(ledgerLine{Settled: 5, Highest: 5}, ingest.Log{Start: 5, End: 9}, 4)
	f(ledgerLine{Settled: 4, Highest: 4}, ingest.Log{Start: 5, End: 9}, 5, store.Span{From: 4, To: 5})
	f(ledgerLine{Settled: 9, Highest: 9}, ingest.Log{Start: 5, End: 8}, 0) // settled since the log was looked at
}

func TestReplayFromTheCommandLine(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	topic := embeddedtest.Topic(t, 2)
	env := []string{"ACTIONLOG_KAFKA_BROKERS=" + embeddedtest.Broker(t), "ACTIONLOG_TOPIC=" + topic, "ACTIONLOG_GROUP=" + topic, "ACTIONLOG_CLICKHOUSE_DSN=" + d.dsn}
	if _, stderr, status := program(t, env, ndjson("r", 100)+"not an event\n", "emit"); status != 0 {
		t.Fatal(stderr)
	}
	f := func(want string, args ...string) {
		t.Helper()
		stdout, stderr, status := program(t, env, "", append([]string{"ingest"}, args...)...)
		if status != 0 || stdout != want+"\n" {
			t.Errorf("%v: %d %s%s", args, status, stdout, stderr)
		}
		shown := map[string]int{}
		if err := d.Each(t.Context(), store.Filter{Tenant: "kill"}, func(a *store.Action) error { shown[a.ID]++; return nil }); err != nil {
			t.Fatal(err)
		}
		for id, n := range shown {
			if n != 1 {
				t.Errorf("%v: %s is shown %d times", args, id, n)
			}
		}
	}
	all := `{"records":101,"accepted":100,"rejected":1}`
	f(all, "--from", "0")
	f(all, "--from", time.Now().Add(-time.Hour).UTC().Format(time.RFC3339))
	f(all, "--from", "2020-01-01T00:00")
	f(all, "--from", "2020-01-01", "--to", time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	f(`{"records":0,"accepted":0,"rejected":0}`, "--from", "2020-01-01", "--to", "2020-02-01")
	f(`{"records":0,"accepted":0,"rejected":0}`, "--from", "5000", "--partition", "1")
	if stdout, stderr, status := program(t, env, "", "ledger"); status != 0 {
		t.Errorf("the ledger afterwards: %s%s", stdout, stderr)
	}
}

func TestStandaloneServesMetricsWhereItIsTold(t *testing.T) {
	t.Parallel()
	addr := freeAddress(t)
	s := start(t, environment(t, t.TempDir(), "ACTIONLOG_INGEST_ADDR="+addr))
	s.emit(strings.NewReader(ndjson("m", 10) + "not an event\n"))
	var text string
	embeddedtest.Eventually(t, "the metrics of 10 events and a rejected message", func() bool {
		response, err := http.Get("http://" + addr + "/metrics")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		text = string(body)
		return strings.Contains(text, "actionlog_ingest_events_accepted_total 10\n") &&
			strings.Contains(text, `actionlog_ingest_events_rejected_total{reason="invalid_json"} 1`+"\n")
	})
}

func TestMistakesInAReplayAreNamed(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		if err := run(t.Context(), append([]string{"ingest"}, args...)); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want a usage error with %q", args, err, want)
		}
	}
	f(`--from is "the day before"`, "--from", "the day before")
	f(`--from is "-1"`, "--from=-1")
	f(`--from is "2026-01-31 09:30"`, "--from", "2026-01-31 09:30")
	f(`--from is "1969-12-31"`, "--from", "1969-12-31")
	f(`--to is "2026-02-30"`, "--from", "0", "--to", "2026-02-30")
	f("say where it begins with --from", "--partition", "1")
	f("say where it begins with --from", "--to", "10")
}
