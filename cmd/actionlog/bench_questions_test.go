package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kelseyhightower/envconfig"
	"golang.org/x/sys/unix"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/pkg/workload"
	"github.com/actionlog/actionlog/query"
)

// benchQuestion is a question that is measured.
type benchQuestion struct {
	name, path string
	// slow is asked fewer times.
	slow bool
}

// questions are those of the benchmark: about values that are in the data, each as
// frequent as its name says.
func (d *searchData) questions(page10000 string) []benchQuestion {
	n := d.workload.Events
	rare := d.find(func(a workload.Place) bool { return a.User > 4950 })
	record := d.find(func(a workload.Place) bool { return a.Record > 350_000 })
	number := record.Subject.ID[len("opp-"):]
	ip := rare.IP.String()
	network := ip[:strings.LastIndexByte(ip, '.')] + ".0/24"
	actions := func(query ...string) string {
		values := url.Values{}
		for i := 0; i < len(query); i += 2 {
			values.Add(query[i], query[i+1])
		}
		return "/v1/actions?" + values.Encode()
	}
	month := []string{"from", "2025-03-01", "to", "2025-04-01"}
	return []benchQuestion{
		{name: "newest 50", path: actions()},
		{name: "a rare actor", path: actions("actor", rare.Actor.ID)},
		{name: "an action in a month", path: actions(append(month, "action", "user.sign_in_failed")...)},
		{name: "a record", path: actions("subject_type", record.Subject.Type, "subject_id", record.Subject.ID)},
		{name: "timeline of a record", path: "/v1/subjects/" + record.Subject.Type + "/" + record.Subject.ID + "/timeline"},
		{name: "a session", path: actions("session_id", d.workload.Event(n/3).SessionID)},
		{name: "an address", path: actions("ip", ip)},
		{name: "CIDR /24", path: actions("ip", network)},
		{name: "rare substring", path: actions("q", strings.ToLower(workload.Remark[1:7]))},
		{name: "number, whole", path: actions("q", number)},
		{name: "number, part", path: actions("q", number[1:])},
		{name: "common word", path: actions("q", "gala")},
		{name: "two words", path: actions("q", "gala hazer")},
		{name: "rare phrase", path: actions("q", `"kVA to Book Fair 2026"`)},
		{name: "substring, actor, month", path: actions(append(month, "q", "gal", "actor", "u-10040")...)},
		{name: "a miss", path: actions("q", "zeppelin")},
		{name: "a miss, digits", path: actions("q", "990099")},
		{name: "page 10,000", path: page10000},
		{name: "count of a common word", path: "/v1/count?q=gala", slow: true},
		{name: "count, at least, in 200 ms", path: "/v1/count?q=gala&budget=200ms"},
		{name: "histogram of everything", path: "/v1/histogram"},
		{name: "facets of everything", path: "/v1/facets"},
	}
}

// find returns an event of the middle of the history that is about such things.
func (d *searchData) find(want func(workload.Place) bool) (found store.Action) {
	for i := d.workload.Events / 2; ; i++ {
		if want(d.workload.Place(i)) {
			found.Event = d.workload.Event(i)
			return found
		}
	}
}

// api is a query service on a port of its own.
type api struct{ url string }

func (d *searchData) serve(dsn string) api {
	t := d.t
	events, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var cfg query.Config
	if err := envconfig.Process("", &cfg); err != nil {
		t.Fatal(err)
	}
	server, err := query.New(events, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { served <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		_ = events.Close()
	})
	return api{"http://" + listener.Addr().String()}
}

// ask returns an answer and how long it took.
func ask(t *testing.T, url string) (took time.Duration, body []byte) {
	began := time.Now()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err = io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", url, response.Status, body, err)
	}
	return time.Since(began), body
}

// recording stands before the engine and keeps what it is asked.
type recording struct {
	lock  sync.Mutex
	asked []recorded
}

type recorded struct {
	query string // of the URL
	body  []byte
}

func (d *searchData) record() (*recording, string) {
	t := d.t
	target, err := url.Parse(d.engine.URL())
	if err != nil {
		t.Fatal(err)
	}
	r := &recording{}
	proxy := httputil.NewSingleHostReverseProxy(target)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		request.Body = io.NopCloser(bytes.NewReader(body))
		r.lock.Lock()
		r.asked = append(r.asked, recorded{request.URL.RawQuery, body})
		r.lock.Unlock()
		proxy.ServeHTTP(w, request)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	dsn, err := url.Parse(d.engine.DSN("bench"))
	if err != nil {
		t.Fatal(err)
	}
	dsn.Host = listener.Addr().String()
	return r, dsn.String()
}

// replay asks the engine what the service asked, and returns how long that took and
// what the engine read.
func (d *searchData) replay(asked []recorded) (took time.Duration, rows, size int64) {
	for _, q := range asked {
		began := time.Now()
		response, err := http.Post(d.engine.URL()+"/?"+q.query, "text/plain", bytes.NewReader(q.body))
		if err != nil {
			d.t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			d.t.Fatal(err)
		}
		_ = response.Body.Close()
		took += time.Since(began)
		var summary struct {
			Rows  string `json:"read_rows"`
			Bytes string `json:"read_bytes"`
		}
		_ = json.Unmarshal([]byte(response.Header.Get("X-ClickHouse-Summary")), &summary)
		read, _ := strconv.ParseInt(summary.Rows, 10, 64)
		bytesRead, _ := strconv.ParseInt(summary.Bytes, 10, 64)
		rows, size = rows+read, size+bytesRead
	}
	return took, rows, size
}

// cool makes the engine and the system forget what they hold of the data in memory.
func (d *searchData) cool() {
	for _, cache := range []string{"MARK", "UNCOMPRESSED", "INDEX MARK", "INDEX UNCOMPRESSED", "PRIMARY INDEX", "QUERY CONDITION", "TEXT INDEX CACHES"} {
		name := cache + " CACHE"
		if strings.HasSuffix(cache, "CACHES") {
			name = cache
		}
		d.execute("SYSTEM DROP " + name)
	}
	err := filepath.WalkDir(d.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return nil // it was merged away meanwhile
		}
		defer func() { _ = file.Close() }()
		return unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// measured is a row of the table.
type measured struct {
	Name      string  `json:"question"`
	ColdMS    float64 `json:"cold_ms"`
	MedianMS  float64 `json:"median_ms"`
	P95MS     float64 `json:"p95_ms"`
	EngineMS  float64 `json:"engine_median_ms"`
	Queries   int     `json:"queries"`
	RowsRead  int64   `json:"rows_read"`
	BytesRead int64   `json:"bytes_read"`
}

// measure asks a question cold, then warm many times, and then its SQL at the engine.
func (d *searchData) measure(q benchQuestion, service, observed api, r *recording) measured {
	t := d.t
	times := 40
	if q.slow {
		times = 5
	}
	r.asked = nil
	ask(t, observed.url+q.path)
	// What is only asked once in a while is left out: it is not part of the question.
	asked := slices.Clone(r.asked)
	r.asked = nil
	ask(t, observed.url+q.path)
	if len(r.asked) < len(asked) {
		asked = slices.Clone(r.asked)
	}
	d.cool()
	cold, _ := ask(t, service.url+q.path)
	m := measured{Name: q.name, ColdMS: ms(cold), Queries: len(asked)}
	var warm, engine []time.Duration
	for range times {
		took, _ := ask(t, service.url+q.path)
		warm = append(warm, took)
		took, m.RowsRead, m.BytesRead = d.replay(asked)
		engine = append(engine, took)
	}
	m.MedianMS, m.P95MS, m.EngineMS = ms(quantile(warm, 0.5)), ms(quantile(warm, 0.95)), ms(quantile(engine, 0.5))
	return m
}

func ms(d time.Duration) float64 { return math.Round(float64(d.Microseconds())/100) / 10 }

func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return all[min(int(float64(len(all))*q), len(all)-1)]
}

// page10000 returns the address of that page: cursors do not depend on how long the
// pages before were.
func (d *searchData) page10000(service api) string {
	cursor := ""
	for range 10_000 * 50 / 1000 {
		_, body := ask(d.t, service.url+"/v1/actions?limit=1000&cursor="+cursor)
		var page struct {
			Next string `json:"next_cursor"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			d.t.Fatal(err)
		}
		cursor = page.Next
	}
	return "/v1/actions?cursor=" + cursor
}

// TestBenchSearch is no test: make bench-search runs it. It measures questions at the
// HTTP API, and the same SQL at the engine.
func TestBenchSearch(t *testing.T) {
	if *searchEvents == 0 {
		t.Skip("measures, and tests nothing: make bench-search")
	}
	d := openSearchData(t, *searchEvents, *searchDir)
	recording, dsn := d.record()
	service, observed := d.serve(d.engine.DSN("bench")), d.serve(dsn)
	report := struct {
		Events    int        `json:"events"`
		BuiltS    float64    `json:"built_s"`
		Bytes     float64    `json:"disk_bytes_per_event"`
		Questions []measured `json:"questions"`
	}{
		Events: *searchEvents, BuiltS: math.Round(d.built.Seconds()), Bytes: d.number("SELECT round(sum(bytes_on_disk) / sum(rows), 1) FROM system.parts WHERE active AND database = 'bench' AND table = 'actions'"),
	}
	fmt.Printf("%d events, %.1f bytes an event on disk\n\n", report.Events, report.Bytes)
	fmt.Printf("| %-26s | %8s | %8s | %8s | %8s | %7s | %11s | %13s |\n", "question", "cold ms", "median", "p95", "engine", "queries", "rows read", "bytes read")
	fmt.Println("|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, q := range d.questions(d.page10000(service)) {
		m := d.measure(q, service, observed, recording)
		report.Questions = append(report.Questions, m)
		fmt.Printf("| %-26s | %8.1f | %8.1f | %8.1f | %8.1f | %7d | %11d | %13d |\n", m.Name, m.ColdMS, m.MedianMS, m.P95MS, m.EngineMS, m.Queries, m.RowsRead, m.BytesRead)
	}
	fmt.Println()
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}

func (d *searchData) number(sql string) float64 {
	n, err := strconv.ParseFloat(d.execute(sql), 64)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return n
}
