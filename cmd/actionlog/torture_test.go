package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/store"
)

var (
	tortureRounds = flag.Int("torture.rounds", 8, "how many blows TestTorture deals; the first ones are one of each kind")
	tortureKills  = flag.Int("torture.kills", 0, "how many kill -9 there are to be among them, instead")
	tortureSeed   = flag.Uint64("torture.seed", 0, "the seed of TestTorture's blows; 0 for a random one")
)

// torture is the real parts, each in a process of its own, and what is done to them.
type torture struct {
	t   *testing.T
	rng *rand.Rand
	dir string

	engine *embedded.Engine
	// trouble is what the proxy before the engine does to inserts.
	trouble atomic.Int32
	// inserted counts the rows of events that the engine says it has written, those
	// whose answer got lost included.
	inserted atomic.Int64
	env      []string
	dsn      string
	query    string // where the query service answers

	broker  *embeddedtest.ChildBroker
	ingests []*exec.Cmd
	kills   int // kill -9, of whatever process

	acknowledged sync.Map                       // of the events: id to description
	rounds       [tortureProducers]atomic.Int64 // that each producer has acknowledged
}

const (
	tortureProducers = 3
	// tortureTenants are enough for events in each partition. A producer has those that
	// leave its number when divided by the number of producers.
	tortureTenants    = 12
	torturePartitions = 4
)

// tortureYears are when events say that they happened: those of one message to the next
// lie as far apart as can be.
var tortureYears = []int{2026, 1970, 2100}

// What the proxy does to inserts.
const (
	calm int32 = iota
	slow
	refuse
	loseAnswers
)

func TestTorture(t *testing.T) {
	seed := *tortureSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -torture.seed %d -torture.rounds %d -torture.kills %d", seed, *tortureRounds, *tortureKills)
	w := &torture{t: t, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
	w.start()
	s, err := store.Open(w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })

	ctx, stop := context.WithCancel(t.Context())
	var producers, poller sync.WaitGroup
	for n := range tortureProducers {
		producers.Go(func() { w.produce(ctx, n) })
	}
	polled := &polled{url: w.query, rng: rand.New(rand.NewPCG(seed, 2)), position: map[string]string{}, read: map[string][]string{}}
	pollCtx, stopPolling := context.WithCancel(t.Context())
	defer stopPolling()
	poller.Go(func() { polled.run(pollCtx) })

	var longest time.Duration
	rounds := 0
	for strike := range blows(w.rng) {
		if *tortureKills > 0 && w.kills >= *tortureKills || *tortureKills == 0 && rounds == *tortureRounds {
			break
		}
		rounds++
		<-time.After(time.Duration(w.rng.Int64N(int64(time.Second))))
		w.trouble.Store(calm)
		began := time.Now()
		what := strike(w)
		last := w.recover(s, what)
		took := time.Since(began)
		longest = max(longest, took)
		t.Logf("blow %d: %s; recovered in %s, partition %d last", rounds, what, took.Round(time.Millisecond), last)
	}
	w.trouble.Store(calm)
	stop()
	producers.Wait()

	log := w.readLog()
	t.Logf("the log ends at %v", log.ends)
	embeddedtest.Within(t, 6*time.Minute, "all of the log settled", func() bool { return w.settledAll(s, log) })
	stopPolling()
	poller.Wait()
	for tenant := range tortureTenants {
		embeddedtest.Eventually(t, "the poller at the end", func() bool { return polled.poll(t.Context(), fmt.Sprintf("t%d", tenant)) })
	}
	if len(log.ends) != torturePartitions {
		t.Errorf("the log has records in %d of %d partitions", len(log.ends), torturePartitions)
	}
	w.check(s, log, polled)
	events := w.count("SELECT count() FROM actions FINAL")
	report, err := json.Marshal(map[string]any{
		"rounds": rounds, "events": events, "kills": w.kills, "records": len(log.records), "physical_repeats": w.inserted.Load() - int64(events),
		"longest_recovery_s": longest.Seconds(), "seed": seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", report)
}

func (w *torture) start() {
	t := w.t
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	w.engine, err = embedded.StartEngine(t.Context(), embedded.EngineConfig{
		Library: library, Dir: filepath.Join(w.dir, "clickhouse"), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.engine.Close() })
	w.dsn = w.engine.DSN("torture")
	if _, err := store.Migrate(t.Context(), w.dsn); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(w.engine.URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.HasPrefix(r.Request.URL.Query().Get("query"), "INSERT INTO actions") || r.StatusCode != http.StatusOK {
			return nil
		}
		var summary struct {
			Rows int64 `json:"written_rows,string"`
		}
		if err := json.Unmarshal([]byte(r.Header.Get("X-ClickHouse-Summary")), &summary); err != nil {
			return fmt.Errorf("summary of an insert: %w", err)
		}
		w.inserted.Add(summary.Rows)
		return nil
	}
	proxy.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		insert := strings.HasPrefix(r.URL.Query().Get("query"), "INSERT")
		switch trouble := w.trouble.Load(); {
		case insert && trouble == refuse:
			http.Error(rw, "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)", http.StatusInternalServerError)
			return
		case insert && trouble == loseAnswers:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case trouble == slow:
			select {
			case <-time.After(500 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(server.Close)
	w.broker = embeddedtest.StartChildBroker(t, filepath.Join(w.dir, "kafka"), "")
	w.env = append(os.Environ(), "ACTIONLOG_KAFKA_BROKERS="+w.broker.Addr, "ACTIONLOG_TOPIC=torture", "ACTIONLOG_INGEST_ADDR=", "ACTIONLOG_SESSION_TIMEOUT=6s",
		"ACTIONLOG_BATCH_ROWS=500", "ACTIONLOG_CLICKHOUSE_DSN="+strings.Replace(w.dsn, target.Host, strings.TrimPrefix(server.URL, "http://"), 1))
	t.Cleanup(func() {
		for len(w.ingests) > 0 {
			w.killIngest(0)
		}
	})
	w.startIngest()
	addr := freeAddress(t)
	startService(t, append(slices.Clone(w.env), "ACTIONLOG_QUERY_ADDR="+addr), "query")
	w.query = "http://" + addr
	waitReady(t, w.query)
	t.Cleanup(func() {
		if text, err := os.ReadFile(filepath.Join(w.dir, "ingest.log")); err == nil && t.Failed() {
			t.Logf("the end of ingest's log:\n%s", text[max(0, len(text)-8000):])
		}
	})
}

func (w *torture) startIngest() {
	cmd := exec.Command(binary, "ingest")
	cmd.Env = w.env
	log, err := os.OpenFile(filepath.Join(w.dir, "ingest.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	err = cmd.Start()
	_ = log.Close()
	if err != nil {
		w.t.Fatal(err)
	}
	w.ingests = append(w.ingests, cmd)
}

func (w *torture) killIngest(i int) {
	_ = w.ingests[i].Process.Kill()
	_ = w.ingests[i].Wait()
	w.ingests = append(w.ingests[:i], w.ingests[i+1:]...)
}

// blows are dealt without end: each does something bad, and says what. At first one of
// each kind comes, the most important ones ahead, and then each in any order, kills
// twice as often as the others.
func blows(rng *rand.Rand) iter.Seq[func(*torture) string] {
	first := []func(*torture) string{(*torture).killBroker, (*torture).replaceIngest, (*torture).stall, (*torture).killEngine, (*torture).losesAnswers}
	then := []func(*torture) string{(*torture).joinOrLeave, (*torture).refuses, (*torture).slowsDown}
	again := slices.Concat(first, then, []func(*torture) string{(*torture).killBroker, (*torture).replaceIngest, (*torture).killEngine})
	return func(yield func(func(*torture) string) bool) {
		for _, deck := range [][]func(*torture) string{first, then} {
			if !deal(rng, deck, yield) {
				return
			}
		}
		for deal(rng, again, yield) {
		}
	}
}

// deal yields a deck, shuffled.
func deal(rng *rand.Rand, deck []func(*torture) string, yield func(func(*torture) string) bool) bool {
	rng.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	for _, blow := range deck {
		if !yield(blow) {
			return false
		}
	}
	return true
}

func (w *torture) killBroker() string {
	w.kills++
	w.broker.Kill()
	w.broker = embeddedtest.StartChildBroker(w.t, filepath.Join(w.dir, "kafka"), w.broker.Addr)
	return "the broker is killed and started again"
}

func (w *torture) replaceIngest() string {
	w.kills++
	w.killIngest(w.rng.IntN(len(w.ingests)))
	w.startIngest()
	return "an ingest is killed, another one starts"
}

// stall makes a zombie, which wakes before or after its partitions have moved.
func (w *torture) stall() string {
	zombie := w.ingests[w.rng.IntN(len(w.ingests))].Process
	_ = zombie.Signal(syscall.SIGSTOP)
	w.startIngest()
	wake := 1 + w.rng.IntN(9)
	time.AfterFunc(time.Duration(wake)*time.Second, func() { _ = zombie.Signal(syscall.SIGCONT) })
	return fmt.Sprintf("an ingest stalls for %d s, another one joins", wake)
}

func (w *torture) killEngine() string {
	if pid := w.engine.Pid(); pid > 0 {
		w.kills++
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return "the engine is killed"
}

func (w *torture) losesAnswers() string {
	w.trouble.Store(loseAnswers)
	time.AfterFunc(3*time.Second, func() { w.trouble.CompareAndSwap(loseAnswers, calm) })
	return "the answers of inserts are lost for 3 s"
}

// joinOrLeave keeps one to three ingests.
func (w *torture) joinOrLeave() string {
	if n := len(w.ingests); n < 2 || n < 3 && w.rng.IntN(2) == 0 {
		w.startIngest()
		return "an ingest joins"
	}
	i := w.rng.IntN(len(w.ingests))
	_ = w.ingests[i].Process.Signal(syscall.SIGTERM)
	_ = w.ingests[i].Wait()
	w.ingests = slices.Delete(w.ingests, i, i+1)
	return "an ingest leaves"
}

func (w *torture) refuses() string {
	w.trouble.Store(refuse)
	time.AfterFunc(3*time.Second, func() { w.trouble.CompareAndSwap(refuse, calm) })
	return "ClickHouse refuses inserts for 3 s"
}

func (w *torture) slowsDown() string {
	w.trouble.Store(slow)
	return "ClickHouse answers slowly"
}

// recover waits until each partition has settled something that was sent after the
// blow, so that one without an owner is seen though the others go on. It returns the
// partition that was last.
func (w *torture) recover(s *store.Store, what string) (last int) {
	var sent [tortureProducers]int64
	for n := range w.rounds {
		sent[n] = w.rounds[n].Load()
	}
	embeddedtest.Within(w.t, recovery, "events sent after: "+what, func() bool {
		for n := range w.rounds {
			// The next one may have been under way before.
			if w.rounds[n].Load() < sent[n]+2 {
				return false
			}
		}
		return true
	})
	var ends map[int]int64
	embeddedtest.Within(w.t, recovery, "the ends of the log after: "+what, func() (ok bool) {
		ends, ok = w.logEnds()
		return ok
	})
	embeddedtest.Within(w.t, recovery, fmt.Sprintf("%v settled after: %s", ends, what), func() bool {
		settled := w.settled(s)
		for partition, end := range ends {
			if settled[partition] < end {
				last = partition
				return false
			}
		}
		return true
	})
	return last
}

// recovery is as long as any step of it may take, on a busy machine and with a Kafka that
// needs half a minute to start there.
const recovery = 3 * time.Minute

// logEnds are those of the topic's partitions; not ok when Kafka does not say all.
func (w *torture) logEnds() (ends map[int]int64, ok bool) {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.broker.Addr), Transport: transport, Timeout: 10 * time.Second}
	ask := make([]kafka.OffsetRequest, torturePartitions)
	for partition := range ask {
		ask[partition] = kafka.LastOffsetOf(partition)
	}
	response, err := client.ListOffsets(w.t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{"torture": ask}})
	if err != nil {
		return nil, false
	}
	ends = map[int]int64{}
	for _, p := range response.Topics["torture"] {
		if p.Error == nil {
			ends[p.Partition] = p.LastOffset
		}
	}
	return ends, len(ends) == torturePartitions
}

// settled returns how far each partition is settled, nothing while the engine is away.
func (w *torture) settled(s *store.Store) map[int]int64 {
	ledger, err := s.Settled(w.t.Context(), "torture")
	if err != nil {
		return nil
	}
	offsets := map[int]int64{}
	for _, partitions := range ledger {
		for partition, settled := range partitions {
			offsets[partition] = settled.Offset
		}
	}
	return offsets
}

// produce emits events, and now and then what is none, until ctx ends.
func (w *torture) produce(ctx context.Context, n int) {
	emitter, err := emit.New(emit.Config{Brokers: []string{w.broker.Addr}, Topic: "torture", RetryFor: recovery})
	if err != nil {
		w.t.Error(err)
		return
	}
	defer func() { _ = emitter.Close() }()
	// Little enough for a loaded machine, so that recovery is no matter of its speed.
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var lines bytes.Buffer
		ids := map[string]string{}
		for j := range 12 {
			id := fmt.Sprintf("%d-%d-%d", n, i, j)
			ids[id] = "event " + id
			fmt.Fprintf(&lines, `{"id":%q,"time":"%d-%02d-01T00:00:00Z","tenant":"t%d","actor":{"id":"a"},"action":"record.viewed","description":%q}`+"\n",
				id, tortureYears[j%len(tortureYears)], 1+i%12, n+j*tortureProducers%tortureTenants, ids[id])
		}
		if i%20 == 0 {
			fmt.Fprintf(&lines, "poison %d %d\n", n, i)
		}
		if _, err := emit.Lines(context.WithoutCancel(ctx), &lines, emitter); err != nil {
			w.t.Errorf("emit: %v", err)
			return
		}
		for id, description := range ids {
			w.acknowledged.Store(id, description)
		}
		w.rounds[n].Add(1)
	}
}

// log is the topic as Kafka has it in the end.
type log struct {
	records []record
	ends    map[int]int64
}

type record struct {
	partition int
	offset    int64
	value     []byte
	event     action.Event
	rejected  bool
}

func (w *torture) readLog() log {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.broker.Addr), Transport: transport}
	all := log{ends: map[int]int64{}}
	for partition := range torturePartitions {
		for {
			response, err := client.Fetch(w.t.Context(), &kafka.FetchRequest{
				Topic: "torture", Partition: partition, Offset: all.ends[partition], MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond,
			})
			if err == nil {
				err = response.Error
			}
			if err != nil {
				w.t.Fatal(err)
			}
			before := all.ends[partition]
			for {
				r, err := response.Records.ReadRecord()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					w.t.Fatal(err)
				}
				value, err := protocol.ReadAll(r.Value)
				if err != nil {
					w.t.Fatal(err)
				}
				if r.Offset < all.ends[partition] {
					continue
				}
				event, rejection := action.Decode(value, action.Origin{Topic: "torture", Partition: partition, Offset: r.Offset, Time: r.Time})
				all.records = append(all.records, record{partition, r.Offset, value, event, rejection != nil})
				all.ends[partition] = r.Offset + 1
			}
			if all.ends[partition] == before {
				break
			}
		}
	}
	return all
}

func (w *torture) settledAll(s *store.Store, log log) bool {
	return maps.Equal(w.settled(s), log.ends)
}

func (w *torture) count(query string) int {
	response, err := http.Post(w.engine.URL()+"/?database=torture", "text/plain", strings.NewReader(query))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var n int
	if _, err := fmt.Fscan(response.Body, &n); err != nil {
		w.t.Fatalf("%s: %s: %v", query, response.Status, err)
	}
	return n
}

// check compares what is shown with what Kafka holds.
func (w *torture) check(s *store.Store, log log, polled *polled) {
	t := w.t
	want := map[string]string{}
	rejected := map[string]int{}
	for _, r := range log.records {
		if r.rejected {
			rejected[fmt.Sprintf("%d/%d/%s", r.partition, r.offset, r.value)]++
		} else {
			want[r.event.ID] = r.event.Description
		}
	}
	w.acknowledged.Range(func(id, description any) bool {
		if want[id.(string)] != description.(string) {
			t.Errorf("Kafka does not have the acknowledged event %s", id)
		}
		return true
	})
	lists, files := map[string]int{}, w.exported()
	for tenant := range tortureTenants {
		filter := store.Filter{Tenant: fmt.Sprintf("t%d", tenant)}
		var cursor *store.Cursor
		for {
			page, err := s.List(t.Context(), store.Search{Filter: filter, After: cursor, Limit: 1000})
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Actions {
				lists[a.ID]++
				if a.Conflicting || a.Description != want[a.ID] {
					t.Errorf("event %s is shown as %q", a.ID, a.Description)
				}
			}
			if cursor = page.Next; cursor == nil {
				break
			}
		}
	}
	for name, shown := range map[string]map[string]int{"lists": lists, "CSV": files} {
		if len(shown) != len(want) {
			t.Errorf("%s show %d events, Kafka has %d", name, len(shown), len(want))
		}
		for id := range want {
			if shown[id] != 1 {
				t.Errorf("%s show event %s %d times", name, id, shown[id])
			}
		}
	}
	if n := w.count("SELECT count() FROM actions FINAL"); n != len(want) {
		t.Errorf("count: %d events, Kafka has %d", n, len(want))
	}
	// A histogram's input: what a month has of each tenant.
	months, counted := map[string]int{}, map[string]bool{}
	for _, r := range log.records {
		if !r.rejected && !counted[r.event.ID] {
			months[fmt.Sprintf("%s %d", r.event.Tenant, r.event.Time.Month())]++
			counted[r.event.ID] = true
		}
	}
	for month, n := range months {
		tenant, number, _ := strings.Cut(month, " ")
		if got := w.count(fmt.Sprintf("SELECT count() FROM actions FINAL WHERE tenant = '%s' AND toMonth(time) = %s", tenant, number)); got != n {
			t.Errorf("month %s of tenant %s has %d events, Kafka has %d", number, tenant, got, n)
		}
	}
	// emit keys messages by tenant, so all of one are in one partition.
	order, known := map[string][]string{}, map[string]bool{}
	for _, r := range log.records {
		if !r.rejected && !known[r.event.ID] {
			known[r.event.ID] = true
			order[r.event.Tenant] = append(order[r.event.Tenant], r.event.ID)
		}
	}
	for tenant, ids := range order {
		if got := polled.read[tenant]; !slices.Equal(got, ids) {
			t.Errorf("the poller reads %d events of tenant %s, Kafka has %d: got %v, want %v", len(got), tenant, len(ids), got, ids)
		}
	}
	var after *store.RejectedCursor
	for {
		page, err := s.ListRejected(t.Context(), store.RejectedFilter{}, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Rejected {
			rejected[fmt.Sprintf("%d/%d/%s", r.Origin.Partition, r.Origin.Offset, r.Raw)]--
		}
		if after = page.Next; after == nil {
			break
		}
	}
	for message, n := range rejected {
		if n != 0 {
			t.Errorf("message %s is rejected %d times", message, 1-n)
		}
	}
	partitions, err := s.Ledger(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range partitions {
		if p.Settled.Offset != p.Settled.Highest || p.Lost != 0 {
			t.Errorf("the ledger has a gap: %+v", p)
		}
	}
}

// exported returns how often each event is in the files that the query service makes.
func (w *torture) exported() map[string]int {
	ids := map[string]int{}
	for tenant := range tortureTenants {
		for id, n := range exported(w.t, w.query, fmt.Sprintf("t%d", tenant)) {
			ids[id] += n
		}
	}
	return ids
}

// polled is what a poller of the feed has read of each tenant, and the position, which is
// all that it knows of where it is.
type polled struct {
	url      string
	rng      *rand.Rand
	position map[string]string
	read     map[string][]string
}

func (p *polled) run(ctx context.Context) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.poll(ctx, fmt.Sprintf("t%d", p.rng.IntN(tortureTenants)))
		}
	}
}

// poll reads a page, and reports whether there was no more. Now and then the poller dies
// before it has written down what it got: that is as if it had not asked.
func (p *polled) poll(ctx context.Context, tenant string) (caughtUp bool) {
	query := url.Values{"tenant": {tenant}, "after": {p.position[tenant]}, "limit": {fmt.Sprint(1 + p.rng.IntN(1000))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/v1/feed?"+query.Encode(), nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Actions  []struct{ ID string }
		Position string
		CaughtUp bool `json:"caught_up"`
	}
	if response.StatusCode != http.StatusOK || json.NewDecoder(response.Body).Decode(&answer) != nil || p.rng.IntN(10) == 0 {
		return false
	}
	for _, a := range answer.Actions {
		p.read[tenant] = append(p.read[tenant], a.ID)
	}
	p.position[tenant] = answer.Position
	return answer.CaughtUp
}
