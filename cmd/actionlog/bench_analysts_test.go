package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/workload"
)

var (
	analystsFor  = flag.Duration("bench.analysts", 0, "for how long TestBenchAnalysts lets analysts ask; 0 skips it")
	analystCount = flag.Int("bench.clients", 64, "how many analysts ask at once")
	analystPause = flag.Duration("bench.pause", 5*time.Second, "how long an analyst looks at an answer")
	liveRate     = flag.Int("bench.live", 20_000, "how many events a second arrive meanwhile")
)

// TestBenchAnalysts is no test: make bench-analysts runs it. Analysts ask mixed
// questions of a long history at once while ingest adds to it.
func TestBenchAnalysts(t *testing.T) {
	if *analystsFor == 0 {
		t.Skip("measures, and tests nothing: make bench-analysts")
	}
	d := openSearchData(t, *searchEvents, *searchDir)
	service := d.serve(d.engine.DSN("bench"))
	// An exact count of a common word takes both cores for seconds; people ask with a budget.
	questions := slices.DeleteFunc(d.questions(d.page10000(service)), func(q benchQuestion) bool { return q.slow })
	// What arrives meanwhile lies behind the history, and goes again at the end.
	defer func() {
		d.execute("ALTER TABLE actions DELETE WHERE time >= " + searchEnd.Format("'2006-01-02 15:04:05'") + " SETTINGS mutations_sync = 2")
		d.merge("actions")
	}()

	b := &ingestBench{t: t, dir: t.TempDir(), engine: d.engine, store: d.store}
	b.broker = embeddedtest.StartChildBroker(t, filepath.Join(b.dir, "kafka"), "")
	// A topic of its own each time, so that the ledger knows nothing of it.
	topic := fmt.Sprintf("bench-%d", time.Now().Unix())
	b.env = append(os.Environ(), "ACTIONLOG_KAFKA_BROKERS="+b.broker.Addr, "ACTIONLOG_TOPIC="+topic, "ACTIONLOG_INGEST_ADDR=", "ACTIONLOG_HTTP_ADDR=")
	ingest := b.startIngest("bench", io.Discard)
	emitter, err := emit.New(emit.Config{Brokers: []string{b.broker.Addr}, Topic: topic})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = emitter.Close() }()
	live := &workload.Workload{Seed: 2, From: time.Now(), Span: time.Hour, Events: *liveRate * 3600, Tenant: d.workload.Tenant}
	embeddedtest.Eventually(t, "the topic", func() bool { return emitter.Emit(t.Context(), live.Event(0)) == nil })

	ctx, stop := context.WithTimeout(t.Context(), *analystsFor)
	defer stop()
	var sent atomic.Int64
	var group errgroup.Group
	group.Go(func() error { return emitAt(ctx, emitter, live, *liveRate, &sent) })
	var lock sync.Mutex
	var took []time.Duration
	failed := map[string]int{}
	for range *analystCount {
		group.Go(func() error {
			for wait(ctx, time.Duration(rand.Int64N(int64(2**analystPause)+1))) {
				q := questions[rand.IntN(len(questions))]
				began := time.Now()
				problem := askOnce(service.url + q.path)
				lock.Lock()
				if problem != "" {
					failed[problem]++
				} else {
					took = append(took, time.Since(began))
				}
				lock.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	stored := b.count("SELECT sum(accepted) FROM ledger WHERE topic = '" + topic + "'")
	stopIngest(t, ingest)
	line, err := json.Marshal(map[string]any{
		"events": *searchEvents, "analysts": *analystCount, "pause_ms": ms(*analystPause), "seconds": analystsFor.Seconds(), "answers": len(took), "answers_per_s": float64(len(took)) / analystsFor.Seconds(),
		"median_ms": ms(quantile(took, 0.5)), "p95_ms": ms(quantile(took, 0.95)), "p99_ms": ms(quantile(took, 0.99)), "errors": failed,
		"emitted_per_s": float64(sent.Load()) / analystsFor.Seconds(), "stored_per_s": float64(stored) / analystsFor.Seconds(),
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}

// emitAt emits events at a steady rate.
func emitAt(ctx context.Context, emitter *emit.Emitter, from *workload.Workload, rate int, sent *atomic.Int64) error {
	began := time.Now()
	for n := 1; wait(ctx, 20*time.Millisecond); {
		for due := int(time.Since(began).Seconds() * float64(rate)); n < due; n++ {
			if err := emitter.Enqueue(ctx, emit.BestEffort, from.Event(n)); err != nil && ctx.Err() == nil {
				return fmt.Errorf("emit: %w", err)
			}
			sent.Add(1)
		}
	}
	return nil
}

// wait waits, and reports false when the context has ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// askOnce asks a question and returns what went wrong.
func askOnce(url string) string {
	response, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}
