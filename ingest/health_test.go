package ingest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

// observed is a running ingester and the address where it answers.
type observed struct {
	*running
	t   *testing.T
	url string
}

func (b *bundle) observe(s ingest.Store) observed {
	b.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	i := b.ingester(s)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- i.ServeHealth(ctx, listener) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			b.t.Error(err)
		}
	})
	return observed{b.run(i), b.t, "http://" + listener.Addr().String()}
}

// get returns the status and the body of a page.
func (o observed) get(path string) (int, string) {
	o.t.Helper()
	response, err := http.Get(o.url + path)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// metrics returns the value of each series by its name and labels, as they are written.
func (o observed) metrics() map[string]float64 {
	o.t.Helper()
	_, text := o.get("/metrics")
	all := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if line := lines.Text(); !strings.HasPrefix(line, "#") {
			at := strings.LastIndexByte(line, ' ')
			value, err := strconv.ParseFloat(line[at+1:], 64)
			if err != nil {
				o.t.Fatalf("%q: %v", line, err)
			}
			all[line[:at]] = value
		}
	}
	return all
}

func TestMetricsCountWhatIsDone(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 2)
	o := b.observe(b.store)
	for _, reason := range action.Reasons() {
		if n, ok := o.metrics()[fmt.Sprintf("actionlog_ingest_events_rejected_total{reason=%q}", reason)]; !ok || n != 0 {
			t.Errorf("reason %s is not there from the start, with 0", reason)
		}
	}
	var messages []kafka.Message
	for n := range 20 {
		messages = append(messages, kafka.Message{Partition: 1, Value: []byte(event(fmt.Sprint(n), ""))})
	}
	b.produce(append(messages, kafka.Message{Partition: 1, Value: []byte("broken")}, kafka.Message{Partition: 1})...)
	b.waitSettled(22)
	p := b.transactional("-1")
	p.begin()
	p.write(event("aborted", ""))
	p.end(kgo.TryAbort)
	b.waitSettled(24)
	want := map[string]float64{
		"actionlog_ingest_records_read_total":                           22,
		"actionlog_ingest_events_accepted_total":                        20,
		`actionlog_ingest_events_rejected_total{reason="invalid_json"}`: 1,
		`actionlog_ingest_events_rejected_total{reason="empty"}`:        1,
		`actionlog_ingest_events_rejected_total{reason="too_long"}`:     0,
		"actionlog_ingest_offsets_skipped_total":                        2,
		"actionlog_ingest_block_rows_sum":                               22,
		`actionlog_ingest_retries_total{step="insert events"}`:          0,
		"actionlog_ingest_retrying":                                     0,
		`actionlog_ingest_position{partition="1"}`:                      22,
		`actionlog_ingest_settled{partition="1"}`:                       22,
		`actionlog_ingest_settled{partition="0"}`:                       2,
		`actionlog_ingest_log_start{partition="1"}`:                     0,
		`actionlog_ingest_log_end{partition="1"}`:                       22,
		`actionlog_ingest_lag_records{partition="1"}`:                   0,
		`actionlog_ingest_lag_seconds{partition="1"}`:                   0,
		`actionlog_ingest_retention_margin_records{partition="1"}`:      22,
	}
	var wrong []string
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(wrong, "\n"))
		}
	}()
	embeddedtest.Eventually(t, "the metrics", func() bool {
		got := o.metrics()
		wrong = nil
		for series, value := range want {
			if n, ok := got[series]; !ok || n != value {
				wrong = append(wrong, fmt.Sprintf("%s is %v (%t), want %v", series, n, ok, value))
			}
		}
		return wrong == nil
	})
	got := o.metrics()
	if got[`actionlog_ingest_insert_seconds_count{step="insert events"}`] < 1 || got["go_goroutines"] < 1 || got["process_resident_memory_bytes"] < 1 {
		t.Error("the times of inserts, or what Go and the system tell of the process, are missing")
	}
	if status, _ := o.get("/readyz"); status != http.StatusOK {
		t.Errorf("/readyz: %d", status)
	}
	_ = o.wait()
	if _, ok := o.metrics()[`actionlog_ingest_settled{partition="1"}`]; !ok {
		t.Error("what is known of a partition went with its generation, though nobody has taken it since")
	}
}

// away is a store that is out of reach while down is set.
type away struct {
	*store.Store
	down atomic.Bool
}

func (s *away) InsertActions(ctx context.Context, actions *store.Batch) error {
	if s.down.Load() {
		return errFault
	}
	return s.Store.InsertActions(ctx, actions)
}

func TestMetricsShowLagWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	b.cfg.BatchRows = 1 // so that no fetch is left to tell where the log ends
	s := &away{Store: b.store}
	s.down.Store(true)
	o := b.observe(s)
	send := func(n int) {
		for range n {
			b.produce(kafka.Message{Value: []byte(event("a", ""))})
		}
	}
	shows := func(what string, holds func(lag, seconds, retrying, retries float64) bool) {
		t.Helper()
		embeddedtest.Eventually(t, what, func() bool {
			m := o.metrics()
			lag, known := m[`actionlog_ingest_lag_records{partition="0"}`]
			return known && holds(lag, m[`actionlog_ingest_lag_seconds{partition="0"}`], m["actionlog_ingest_retrying"], m[`actionlog_ingest_retries_total{step="insert events"}`])
		})
	}
	send(5)
	shows("a lag of 5", func(lag, _, retrying, retries float64) bool { return lag == 5 && retrying >= 1 && retries >= 1 })
	send(5)
	shows("a lag that grows while nothing is fetched", func(lag, seconds, _, _ float64) bool { return lag == 10 && seconds > 1 })
	if status, _ := o.get("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", status)
	}
	s.down.Store(false)
	shows("no lag", func(lag, seconds, retrying, _ float64) bool { return lag == 0 && seconds == 0 && retrying == 0 })
}
