package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/pkg/workload"
)

var (
	benchEvents = flag.Int("bench.events", 0, "how many events TestBenchIngest carries; 0 skips it")
	benchMonths = flag.Int("bench.months", 6, "over how many months they are spread, 1 to 1200")
	benchMixed  = flag.Bool("bench.mixed", false, "spread them without order, so that each block holds all months")
)

// ingestBench is the parts of the measurement, each in a process of its own.
type ingestBench struct {
	t        *testing.T
	dir      string
	workload *workload.Workload
	engine   *embedded.Engine
	broker   *embeddedtest.ChildBroker
	store    *store.Store
	env      []string
	// bytes is the size of all messages.
	bytes int
}

// TestBenchIngest is no test: make bench-ingest runs it. It measures how fast ingest
// carries a backlog into ClickHouse, and how fast the engine takes the same rows from
// a file in its own format: the limit.
func TestBenchIngest(t *testing.T) {
	if *benchEvents == 0 {
		t.Skip("measures, and tests nothing: make bench-ingest")
	}
	b := &ingestBench{t: t, dir: t.TempDir()}
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, -*benchMonths, 0)
	b.workload = &workload.Workload{
		Seed: 1, From: from, Span: from.AddDate(0, *benchMonths, 0).Sub(from), Events: *benchEvents, Shuffled: *benchMixed,
	}
	b.start()
	b.preload()

	before := b.cpu()
	end, ingest, peak, most := b.ingest()
	after := b.cpu()
	b.settle("actions")
	diskBytes := b.count("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table = 'actions'")

	rows := *benchEvents / b.count("SELECT uniqExact(`written`) FROM ledger") // of a block
	limit, limitCPU := b.limit(rows)
	alone := b.alone()

	n := float64(*benchEvents)
	perEvent := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / n }
	report := struct {
		Events       int     `json:"events"`
		EventBytes   float64 `json:"event_bytes"`
		RowsPerS     float64 `json:"rows_per_s"`
		MBPerS       float64 `json:"mb_per_s"`
		LimitRowsPer float64 `json:"limit_rows_per_s"`
		Ratio        float64 `json:"ratio"`
		BlockRows    int     `json:"block_rows"`
		IngestCPU    float64 `json:"ingest_cpu_us_per_event"`
		AloneCPU     float64 `json:"ingest_alone_cpu_us_per_event"`
		EngineCPU    float64 `json:"engine_cpu_us_per_event"`
		LimitCPU     float64 `json:"limit_engine_cpu_us_per_event"`
		BrokerCPU    float64 `json:"broker_cpu_us_per_event"`
		IngestPeak   float64 `json:"ingest_peak_rss_mib"`
		EnginePeak   float64 `json:"engine_peak_rss_mib"`
		DiskBytes    float64 `json:"disk_bytes_per_event"`
		parts
	}{
		Events: *benchEvents, EventBytes: float64(b.bytes) / n,
		RowsPerS: n / end.Seconds(), MBPerS: float64(b.bytes) / 1e6 / end.Seconds(),
		LimitRowsPer: n / limit.Seconds(), Ratio: limit.Seconds() / end.Seconds(), BlockRows: rows,
		IngestCPU: perEvent(ingest), AloneCPU: perEvent(alone), EngineCPU: perEvent(after.engine - before.engine), LimitCPU: perEvent(limitCPU), BrokerCPU: perEvent(after.broker - before.broker),
		IngestPeak: float64(peak) / 1024, EnginePeak: float64(peakKiB(t, b.engine.Pid())) / 1024,
		DiskBytes: float64(diskBytes) / n, parts: most,
	}
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}

func (b *ingestBench) start() {
	t := b.t
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	b.engine, err = embedded.StartEngine(t.Context(), embedded.EngineConfig{
		Library: library, Dir: filepath.Join(b.dir, "clickhouse"), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.engine.Close() })
	dsn := b.engine.DSN("bench")
	if _, err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if b.store, err = store.Open(dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	b.broker = embeddedtest.StartChildBroker(t, filepath.Join(b.dir, "kafka"), "")
	b.env = append(os.Environ(), "ACTIONLOG_KAFKA_BROKERS="+b.broker.Addr, "ACTIONLOG_TOPIC=bench", "ACTIONLOG_INGEST_ADDR=", "ACTIONLOG_CLICKHOUSE_DSN="+dsn)
}

// preload publishes the events, as applications do.
func (b *ingestBench) preload() {
	t := b.t
	// The topic is made by ingest.
	cmd := b.startIngest("bench", io.Discard)
	emitter, err := emit.New(emit.Config{Brokers: []string{b.broker.Addr}, Topic: "bench"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = emitter.Close() }()
	embeddedtest.Eventually(t, "the topic", func() bool {
		_, err := emit.Lines(t.Context(), strings.NewReader("no event, to see that the topic is there\n"), emitter)
		return err == nil
	})
	stopIngest(t, cmd)

	read, write := io.Pipe()
	var group errgroup.Group
	group.Go(func() error {
		w := bytes.Buffer{}
		for i := range *benchEvents {
			line, err := json.Marshal(b.workload.Event(i))
			if err != nil {
				return err
			}
			b.bytes += len(line)
			w.Write(line)
			w.WriteByte('\n')
			if w.Len() > 1<<20 || i == *benchEvents-1 {
				if _, err := w.WriteTo(write); err != nil {
					return err
				}
			}
		}
		return write.Close()
	})
	group.Go(func() error {
		n, err := emit.Lines(t.Context(), read, emitter)
		if err == nil && n != int64(*benchEvents) {
			err = fmt.Errorf("%d of %d events acknowledged", n, *benchEvents)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// startIngest runs ingest into a database.
func (b *ingestBench) startIngest(database string, log io.Writer) *exec.Cmd {
	cmd := exec.Command(binary, "ingest")
	cmd.Env, cmd.Stderr = append(slices.Clone(b.env), "ACTIONLOG_CLICKHOUSE_DSN="+b.engine.DSN(database)), log
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

func stopIngest(t *testing.T, cmd *exec.Cmd) {
	if err := errors.Join(cmd.Process.Signal(os.Interrupt), cmd.Wait()); err != nil {
		t.Fatalf("ingest: %v", err)
	}
}

// ingest carries the backlog over. It returns how long that took, from the start of
// the process to the last row of the ledger, and what the process used: processor
// time, and at most how much memory in KiB.
func (b *ingestBench) ingest() (took, cpu time.Duration, peak int64, most parts) {
	t := b.t
	began := time.Now()
	cpu, peak = b.carry("bench", &most)
	took = time.UnixMilli(int64(b.count("SELECT toUnixTimestamp64Milli(max(written)) FROM ledger"))).Sub(began)
	if n := b.count("SELECT count() FROM actions FINAL"); n != *benchEvents {
		t.Fatalf("%d events are there, want %d", n, *benchEvents)
	}
	return took, cpu, peak, most
}

// alone returns the processor time that ingest uses when the engine throws the rows
// away: what it costs where the database is on another machine.
func (b *ingestBench) alone() time.Duration {
	if _, err := store.Migrate(b.t.Context(), b.engine.DSN("alone")); err != nil {
		b.t.Fatal(err)
	}
	b.execute("DROP TABLE alone.actions")
	b.execute("CREATE TABLE alone.actions AS bench.actions ENGINE = Null")
	cpu, _ := b.carry("alone", &parts{})
	return cpu
}

// carry runs ingest until it has settled all events.
func (b *ingestBench) carry(database string, most *parts) (cpu time.Duration, peak int64) {
	cmd := b.startIngest(database, os.Stderr)
	tick := time.NewTicker(500 * time.Millisecond) // seldom: it is not to be measured
	defer tick.Stop()
	for b.count("SELECT sum(accepted) FROM "+database+".ledger") < *benchEvents {
		<-tick.C
		b.sample(most)
	}
	peak = peakKiB(b.t, cmd.Process.Pid)
	stopIngest(b.t, cmd)
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak
}

// limit returns how long the engine takes to insert the same rows by itself, from a
// file in its own format, in blocks of the same size.
func (b *ingestBench) limit(blockRows int) (took, cpu time.Duration) {
	columns, rows := store.InsertColumns(), strconv.Itoa(blockRows)
	file := filepath.Join(b.dir, "prepared.native")
	b.execute("INSERT INTO FUNCTION file('" + file + "', Native) SELECT " + columns + " FROM actions ORDER BY offset, partition SETTINGS max_block_size = " + rows)
	b.execute("CREATE TABLE limit_actions AS actions")
	before := b.cpu()
	began := time.Now()
	b.execute("INSERT INTO limit_actions (" + columns + ") SELECT " + columns + " FROM file('" + file + "', Native) SETTINGS max_partitions_per_insert_block = 0, " +
		"max_block_size = " + rows + ", min_insert_block_size_rows = " + rows + ", min_insert_block_size_bytes = 0, optimize_on_insert = 0")
	took, cpu = time.Since(began), b.cpu().engine-before.engine
	if n := b.count("SELECT count() FROM limit_actions"); n != *benchEvents {
		b.t.Fatalf("the engine inserted %d rows, want %d", n, *benchEvents)
	}
	return took, cpu
}

// parts says how many parts the table got, and at most had at a time.
type parts struct {
	Months  int `json:"months"`
	Written int `json:"parts_written"`
	Active  int `json:"most_active_parts"`
	OfMonth int `json:"most_active_parts_of_a_month"`
}

func (b *ingestBench) sample(p *parts) {
	answer := b.execute("SELECT count(), max(last), sum(n), max(n) FROM (SELECT max(max_block_number) AS last, count() AS n FROM system.parts " +
		"WHERE active AND database = 'bench' AND table = 'actions' GROUP BY partition)")
	var now parts
	if _, err := fmt.Sscan(answer, &now.Months, &now.Written, &now.Active, &now.OfMonth); err != nil {
		b.t.Fatalf("%q: %v", answer, err)
	}
	*p = parts{max(p.Months, now.Months), max(p.Written, now.Written), max(p.Active, now.Active), max(p.OfMonth, now.OfMonth)}
}

// settle waits until the engine has merged what it wants to merge in a table.
func (b *ingestBench) settle(table string) {
	embeddedtest.Within(b.t, 10*time.Minute, "merges to end", func() bool {
		return b.count("SELECT count() FROM system.merges WHERE table = '"+table+"'") == 0
	})
}

func (b *ingestBench) execute(sql string) string { return executeSQL(b.t, b.engine, sql) }

// executeSQL runs a statement in the database bench and returns its answer.
func executeSQL(t *testing.T, engine *embedded.Engine, sql string) string {
	response, err := http.Post(engine.URL()+"/?database=bench", "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", sql, response.Status, body, err)
	}
	return strings.TrimSpace(string(body))
}

func (b *ingestBench) count(sql string) int {
	n, err := strconv.Atoi(b.execute(sql))
	if err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

type cpuTimes struct{ engine, broker time.Duration }

func (b *ingestBench) cpu() cpuTimes {
	return cpuTimes{engine: cpuTime(b.t, b.engine.Pid()), broker: cpuTime(b.t, b.broker.Pid())}
}

// clockTicks is USER_HZ, in which proc(5) counts processor time: 100 a second on all
// architectures that Go and the engine run on.
const clockTicks = 100

// cpuTime is what a running process has used, from fields 14 and 15 of its stat file.
func cpuTime(t *testing.T, pid int) time.Duration {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var ticks int
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// peakKiB is the most memory that a running process has had.
func peakKiB(t *testing.T, pid int) int64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib int64
			if _, err := fmt.Sscan(value, &kib); err != nil {
				t.Fatal(err)
			}
			return kib
		}
	}
	return 0
}
