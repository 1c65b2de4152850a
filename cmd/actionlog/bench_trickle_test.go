package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/workload"
)

var (
	trickleFor  = flag.Duration("bench.trickle", 0, "how long TestBenchTrickle emits; 0 skips it")
	trickleRate = flag.Int("bench.rate", 10, "how many events a second it emits")
)

// TestBenchTrickle is no test: make bench-trickle runs it. It measures how long after
// its acknowledgement an event is found at the API, and how many parts the table has,
// while little comes.
func TestBenchTrickle(t *testing.T) {
	if *trickleFor == 0 {
		t.Skip("measures, and tests nothing: make bench-trickle")
	}
	b := &ingestBench{t: t, dir: t.TempDir()}
	b.start()
	events := int(trickleFor.Seconds() * float64(*trickleRate))
	b.workload = &workload.Workload{Seed: 1, From: time.Now().Add(-*trickleFor), Span: *trickleFor, Events: events}
	cmd := b.startIngest("bench", os.Stderr)
	url := b.startQuery()
	emitter, err := emit.New(emit.Config{Brokers: []string{b.broker.Addr}, Topic: "bench"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = emitter.Close() }()
	first := b.workload.Event(0)
	if err := emitter.Emit(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	embeddedtest.Within(t, time.Minute, "the first event", func() bool { return found(t, url, first.Tenant, first.ID) })

	var took []time.Duration
	var most parts
	began := time.Now()
	tick := time.NewTicker(time.Second / time.Duration(*trickleRate))
	defer tick.Stop()
	for i := 1; time.Since(began) < *trickleFor; i++ {
		<-tick.C
		e := b.workload.Event(i)
		if err := emitter.Emit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		// Not each is looked for, or the questions would be what is measured.
		if i%*trickleRate != 0 {
			continue
		}
		acknowledged := time.Now()
		embeddedtest.Within(t, time.Minute, "event "+e.ID, func() bool { return found(t, url, e.Tenant, e.ID) })
		took = append(took, time.Since(acknowledged))
		b.sample(&most)
	}
	stopIngest(t, cmd)
	slices.Sort(took)
	at := func(share float64) int64 { return took[int(share*float64(len(took)-1))].Milliseconds() }
	line, err := json.Marshal(struct {
		Seconds float64 `json:"seconds"`
		Rate    int     `json:"events_per_s"`
		Looked  int     `json:"looked_for"`
		Median  int64   `json:"found_after_ms_median"`
		P99     int64   `json:"found_after_ms_p99"`
		Longest int64   `json:"found_after_ms_max"`
		parts
	}{trickleFor.Seconds(), *trickleRate, len(took), at(0.5), at(0.99), at(1), most})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}

// startQuery runs the query service and returns its address.
func (b *ingestBench) startQuery() string {
	addr := freeAddress(b.t)
	cmd := exec.Command(binary, "query")
	cmd.Env = append(slices.Clone(b.env), "ACTIONLOG_QUERY_ADDR="+addr)
	log, err := os.Create(filepath.Join(b.dir, "query.log"))
	if err != nil {
		b.t.Fatal(err)
	}
	cmd.Stderr = log
	err = cmd.Start()
	_ = log.Close()
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return "http://" + addr
}

// found reports whether the newest events of a tenant hold one.
func found(t *testing.T, url, tenant, id string) bool {
	response, err := http.Get(url + "/v1/actions?limit=50&tenant=" + tenant)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(body), `"`+id+`"`)
}
