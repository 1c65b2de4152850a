package store

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Cost is what the questions of one context cost the database.
type Cost struct{ rows atomic.Uint64 }

// RowsRead is how many rows were read. A question that is still answered counts once
// its first rows are there, and then with what was read by that time.
func (c *Cost) RowsRead() uint64 { return c.rows.Load() }

type costKey struct{}

// WithCost returns a context whose questions are counted.
func WithCost(ctx context.Context) (context.Context, *Cost) {
	c := &Cost{}
	return context.WithValue(ctx, costKey{}, c), c
}

// counted tells clickhouse-go to count what a query reads, where it speaks the native
// protocol.
func counted(ctx context.Context) context.Context {
	c, ok := ctx.Value(costKey{}).(*Cost)
	if !ok {
		return ctx
	}
	return clickhouse.Context(ctx, clickhouse.WithProgress(func(p *clickhouse.Progress) { c.rows.Add(p.Rows) }))
}

// counting counts over HTTP, where clickhouse-go passes on no progress.
func counting(transport *http.Transport) (http.RoundTripper, error) {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := transport.RoundTrip(r)
		if c, ok := r.Context().Value(costKey{}).(*Cost); ok && err == nil {
			var summary struct {
				ReadRows string `json:"read_rows"`
			}
			if json.Unmarshal([]byte(response.Header.Get("X-ClickHouse-Summary")), &summary) == nil {
				rows, _ := strconv.ParseUint(summary.ReadRows, 10, 64)
				c.rows.Add(rows)
			}
		}
		return response, err
	}), nil
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip calls the function.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
