package query

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// serveHistogram answers with the chart above the table, and with the count, which is
// its sum.
func (s *Server) serveHistogram(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	q, err := s.askedBy(r, p, m)
	if err != nil {
		return err
	}
	counted, err := s.counted(m, question{q.Filter, q.Zone}, q.Text != "")
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, q.Lang, "histogram-fragment", s.site.View(q).Histogram(counted))
}

// failHistogram answers an error with a chart that says so: the rows stay.
func (s *Server) failHistogram(w http.ResponseWriter, r *http.Request, problem *Problem) {
	p, err := parseParams(r.URL.RawQuery, keptParameters)
	if err != nil {
		s.failFragment(w, r, problem)
		return
	}
	q := s.pageRequest(r, p)
	if err := s.render(w, r, problem.Status, q.Lang, "histogram", s.site.View(q).FailedHistogram()); err != nil {
		writeProblem(w, r, problem)
	}
}

// counted is the histogram of a question and, where it does not ask for all, how many
// events there are.
func (s *Server) counted(m *measure, q question, total bool) (*web.Counted, error) {
	var found histogram
	var all *store.Count
	var group errgroup.Group
	group.Go(func() (err error) {
		found, err = s.findHistogram(m, &q, bucket{})
		return err
	})
	if total {
		group.Go(func() error {
			n, err := s.store.Count(m.ctx, store.Filter{Tenant: q.Tenant})
			if err == nil { // the page can do without
				all = &n
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("count for the chart: %w", err)
	}
	c := &web.Counted{Edges: found.edges, Daily: found.bucket.step == 0, Reached: found.Reached, Total: all}
	for _, types := range found.Counts {
		categories := map[string]uint64{}
		for name, n := range types {
			categories[string(s.catalogue.Lookup(name).Category)] += n
		}
		c.Counts = append(c.Counts, categories)
	}
	return c, nil
}

// chart is the histogram for a browser that does not run scripts, and nil for one that
// asks once the rows are there. The page can do without.
func (s *Server) chart(ctx context.Context, m *measure, q web.Request, asked question) *web.Counted {
	if q.Prefs.Scripts {
		return nil
	}
	within := *m
	var cancel context.CancelFunc
	within.ctx, cancel = context.WithTimeout(ctx, choicesTimeout)
	defer cancel()
	counted, err := s.counted(&within, asked, q.Text != "")
	if err != nil {
		return nil
	}
	return counted
}
