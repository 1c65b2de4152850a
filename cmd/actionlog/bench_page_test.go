package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/query/webtest"
)

var pageLoads = flag.Int("bench.page", 0, "how many times TestBenchPage opens the page; 0 skips it")

// measuredPage is what it takes to show the page in one window.
type measuredPage struct {
	Window string `json:"window"`
	// FirstBytes are those of the first view, without any file or cookie.
	FirstBytes int     `json:"first_view_bytes"`
	MedianMS   float64 `json:"table_median_ms"`
	P95MS      float64 `json:"table_p95_ms"`
	// Shift is the largest cumulative layout shift of all times.
	Shift float64 `json:"cls"`
}

// TestBenchPage opens the page over a large log in a browser with an empty cache.
func TestBenchPage(t *testing.T) {
	if *pageLoads == 0 || *searchEvents == 0 {
		t.Skip("measures, and tests nothing: make bench-page")
	}
	d := openSearchData(t, *searchEvents, *searchDir)
	service := d.serve(d.engine.DSN("bench"))
	report := struct {
		Events int            `json:"events"`
		Loads  int            `json:"loads"`
		Pages  []measuredPage `json:"pages"`
	}{Events: *searchEvents, Loads: *pageLoads}
	fmt.Printf("%d events, %d loads each, no file in the cache\n\n", report.Events, report.Loads)
	fmt.Printf("| %-18s | %10s | %12s | %12s | %5s |\n|---|---:|---:|---:|---:|\n", "window", "first view", "table median", "table p95", "CLS")
	for _, w := range []struct {
		name          string
		width, height int64
	}{{"desktop 1440 × 900", 1440, 900}, {"phone 390 × 844", 390, 844}} {
		loads := webtest.MeasureLoads(t, service.url, w.width, w.height, *pageLoads)
		m := measuredPage{Window: w.name, FirstBytes: loads[0].Bytes}
		times := make([]float64, len(loads))
		for i, l := range loads {
			times[i] = float64(l.Table) / float64(time.Millisecond)
			m.Shift = max(m.Shift, l.Shift)
		}
		slices.Sort(times)
		round := func(ms float64) float64 { return math.Round(ms*10) / 10 }
		m.MedianMS, m.P95MS = round(times[len(times)/2]), round(times[min(len(times)-1, len(times)*95/100)])
		report.Pages = append(report.Pages, m)
		fmt.Printf("| %-18s | %7.1f kB | %9.1f ms | %9.1f ms | %5.3f |\n", m.Window, float64(m.FirstBytes)/1000, m.MedianMS, m.P95MS, m.Shift)
	}
	fmt.Println()
	line, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", line)
}
