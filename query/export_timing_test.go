package query

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/pkg/workload"
)

// Everything of a tenant, by turns as the export of this service and as the engine's own
// CSV of the same columns in the same order, which is the limit.
func BenchmarkExportCSV(b *testing.B) {
	const rows = 300_000
	dsn := embeddedtest.Database(b)
	if _, err := store.Migrate(b.Context(), dsn); err != nil {
		b.Fatal(err)
	}
	s, events := serverOf(b, dsn)
	s.logger = slog.New(slog.DiscardHandler)
	w := workload.Workload{Seed: 1, From: received, Span: 180 * 24 * time.Hour, Events: rows, Tenant: "default"}
	var batch store.Batch
	for i := range rows {
		a := store.Action{Event: w.Event(i)}
		copy(a.ContentHash[:], fmt.Sprintf("%016d", i))
		batch.Append(&a)
	}
	if err := events.InsertActions(b.Context(), &batch); err != nil {
		b.Fatal(err)
	}
	address, stop, ended := serveAt(b, s)
	defer func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()

	read := func(send func() (*http.Response, error)) (bytes int64, took time.Duration) {
		b.Helper()
		start := time.Now()
		response, err := send()
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		n, err := io.Copy(io.Discard, response.Body)
		if err != nil || response.StatusCode != http.StatusOK || n < rows*100 {
			b.Fatal(n, response.Status, err)
		}
		return n, time.Since(start)
	}
	engine := embeddedtest.Engine(b).URL() + "/?database=" + path.Base(dsn)
	var names []string
	for _, c := range store.Columns() {
		names = append(names, c.Name)
	}
	query := "SELECT " + strings.Join(names, ", ") + " FROM actions WHERE tenant = 'default' " +
		"ORDER BY time DESC, id_high DESC, id_low DESC, id_text DESC, content_hash DESC FORMAT CSV"
	var exports, limits time.Duration
	for b.Loop() {
		n, took := read(func() (*http.Response, error) { return http.Get("http://" + address + "/v1/export.csv") })
		b.SetBytes(n)
		exports += took
		b.StopTimer()
		_, took = read(func() (*http.Response, error) { return http.Post(engine, "text/plain", strings.NewReader(query)) })
		limits += took
		b.StartTimer()
	}
	b.ReportMetric(rows*float64(b.N)/exports.Seconds(), "rows/s")
	b.ReportMetric(rows*float64(b.N)/limits.Seconds(), "limit-rows/s")
	b.ReportMetric(limits.Seconds()/exports.Seconds(), "ratio")
}
