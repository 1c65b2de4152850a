package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// histogramParameters are those of a histogram.
var histogramParameters = slices.Concat(filterParameters, []parameter{{name: "bucket"}})

type histogramJSON struct {
	Bucket string `json:"bucket"`
	TZ     string `json:"tz"`
	// From and To are null where nothing is, or was counted in time, and no bounds were given.
	From    *timeJSON    `json:"from"`
	To      *timeJSON    `json:"to"`
	Total   uint64       `json:"total"`
	Buckets []bucketJSON `json:"buckets"`
	measured
}

type bucketJSON struct {
	From  timeJSON `json:"from"`
	To    timeJSON `json:"to"`
	Count uint64   `json:"count"`
	// Categories are those that are not empty.
	Categories map[string]uint64 `json:"categories"`
}

func (s *Server) histogram(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.filter(p, m.start)
	if err != nil {
		return err
	}
	asked, err := p.bucket()
	if err != nil {
		return err
	}
	h, err := s.readHistogram(m, &q, asked)
	if err != nil {
		return err
	}
	return writeAnswer(w, r, h)
}

func (s *Server) readHistogram(m *measure, q *question, asked bucket) (*histogramJSON, error) {
	found, err := s.findHistogram(m, q, asked)
	if err != nil {
		return nil, fmt.Errorf("answer with a histogram: %w", err)
	}
	if found.edges != nil {
		return s.histogramJSON(m, q, found), nil
	}
	h := &histogramJSON{Bucket: cmp.Or(asked.name, buckets[0].name), TZ: q.Zone.String(), From: orNull(q.From), To: orNull(q.To), Buckets: []bucketJSON{}}
	if m.Partial { // from tells how far back was counted: nothing was
		h.From, h.To = orNull(q.To), orNull(q.To)
	}
	h.measured = m.end()
	return h, nil
}

// histogram is what was counted between edges. Edges are nil where nothing is, or where
// the time was up before it was known what there is to divide.
type histogram struct {
	store.Histogram
	bucket bucket
	edges  []time.Time
}

// findHistogram counts what matches.
func (s *Server) findHistogram(m *measure, q *question, asked bucket) (histogram, error) {
	from, to, err := s.store.Reach(m.ctx, q.Filter)
	if err != nil && errors.Is(m.ctx.Err(), context.DeadlineExceeded) {
		m.Partial = true
		return histogram{}, nil
	}
	if err != nil {
		return histogram{}, err //nolint:wrapcheck // the caller says what it is for
	}
	if !from.Before(to) {
		return histogram{}, nil
	}
	for {
		b, edges, err := divide(asked, from, to, q.Zone)
		if err != nil {
			return histogram{}, err
		}
		if !q.From.IsZero() {
			edges[0] = from
		}
		if !q.To.IsZero() {
			edges[len(edges)-1] = to
		}
		found, err := s.store.Histogram(m.ctx, q.Filter, edges)
		if err != nil {
			return histogram{}, err //nolint:wrapcheck // the caller says what it is for
		}
		m.Partial = !found.Reached.IsZero()
		if asked.name == "" && !m.Partial {
			nearFrom, nearTo := occupied(found.Counts, edges)
			if !q.From.IsZero() {
				nearFrom = from
			}
			if !q.To.IsZero() {
				nearTo = to
			}
			// Where an end is open, the histogram is of the time that holds something.
			if nearFrom.Before(nearTo) && nearTo.Sub(nearFrom) < edges[len(edges)-1].Sub(edges[0])/2 && b.name != buckets[0].name {
				from, to = nearFrom, nearTo
				continue
			}
		}
		return histogram{found, b, edges}, nil
	}
}

// occupied returns the edges between which there is something.
func occupied(counts []map[string]uint64, edges []time.Time) (from, to time.Time) {
	for i, c := range counts {
		if len(c) > 0 {
			if from.IsZero() {
				from = edges[i]
			}
			to = edges[i+1]
		}
	}
	return from, to
}

// histogramJSON leaves out what is older than what was counted, and cuts the bucket in
// which that ended.
func (s *Server) histogramJSON(m *measure, q *question, found histogram) *histogramJSON {
	h := &histogramJSON{Bucket: found.bucket.name, TZ: q.Zone.String(), Buckets: []bucketJSON{}}
	edges := found.edges
	from, to := edges[0], edges[len(edges)-1]
	if found.Reached.After(from) {
		from = found.Reached
	}
	h.From, h.To = orNull(from), orNull(to)
	for i, counts := range found.Counts {
		if !edges[i+1].After(from) {
			continue
		}
		begin := edges[i]
		if begin.Before(from) {
			begin = from
		}
		bar := bucketJSON{From: timeJSON(begin), To: timeJSON(edges[i+1]), Categories: map[string]uint64{}}
		for name, n := range counts {
			bar.Count += n
			bar.Categories[string(s.catalogue.Lookup(name).Category)] += n
		}
		h.Total += bar.Count
		h.Buckets = append(h.Buckets, bar)
	}
	h.measured = m.end()
	return h
}
