package query

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actionlog/actionlog/query/web"
)

func TestTurnsAreTakenOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2, time.Minute, "")
		var working, most atomic.Int64
		var all sync.WaitGroup
		for range 2 * (1 + queue) { // all that may wait
			all.Go(func() {
				done, err := turns.take(t.Context(), "a")
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), working.Add(1)))
				<-time.After(time.Second)
				working.Add(-1)
				done()
			})
		}
		synctest.Wait()
		// One more is too many, at once; another tenant does not wait.
		began := time.Now()
		if _, err := turns.take(t.Context(), "a"); !errors.Is(err, errNoTurn) {
			t.Errorf("one more than may wait: %v", err)
		}
		done, err := turns.take(t.Context(), "b")
		if err != nil || time.Since(began) > 0 {
			t.Errorf("another tenant waits %s: %v", time.Since(began), err)
		}
		done()
		all.Wait()
		if most.Load() != 2 || len(turns.lines) != 0 {
			t.Errorf("%d at a time, %d lines are left", most.Load(), len(turns.lines))
		}
	})
}

func TestNobodyWaitsForATurnForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 10*time.Second, "")
		done, err := turns.take(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := turns.take(t.Context(), "a"); !errors.Is(err, errNoTurn) || time.Since(began) != 10*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		if _, err := turns.take(gone, "a"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, errNoTurn) {
			t.Errorf("of a client that went away: %v", err)
		}
		done()
		if len(turns.lines) != 0 {
			t.Errorf("%d lines are left", len(turns.lines))
		}
		// Names that are made up leave nothing behind.
		for n := range 1000 {
			done, err := turns.take(t.Context(), fmt.Sprint(n))
			if err != nil {
				t.Fatal(err)
			}
			done()
		}
		if len(turns.lines) != 0 {
			t.Errorf("%d lines are left", len(turns.lines))
		}
	})
}

func TestTooManyRequestsOfOneTenant(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	s.queries = newTurns(1, 50*time.Millisecond, s.queries.remedy)
	working, finish := make(chan struct{}), make(chan struct{})
	withRoute(s, route{path: "/work", turns: s.queries, parameters: []parameter{tenantParameter, {name: "wait"}}, handle: func(w http.ResponseWriter, _ *http.Request, p params) error {
		if p.one("wait") != "" {
			close(working)
			<-finish
		}
		writeText(w, "done")
		return nil
	}})
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- get(t, s, "/work?wait=1") }()
	<-working
	w := get(t, s, "/work")
	if p := decode[Problem](t, w); w.Code != 429 || p.Type != problemURN+"too-many-requests" || w.Header().Get("Retry-After") != "5" ||
		!strings.Contains(p.Detail, `Tenant "default" has 1 requests at work`) || !strings.Contains(p.Detail, "ACTIONLOG_QUERY_CONCURRENCY") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	// Other tenants, what belongs to none and what costs nothing are served.
	if w := get(t, s, "/work?tenant=other"); w.Code != 200 {
		t.Errorf("another tenant: %d %s", w.Code, w.Body)
	}
	if w := get(t, s, "/healthz"); w.Code != 200 {
		t.Errorf("healthz: %d %s", w.Code, w.Body)
	}
	if w := get(t, s, "/work?tenant="+strings.Repeat("x", 129)); w.Code != 400 {
		t.Errorf("a tenant that cannot be: %d %s", w.Code, w.Body)
	}
	close(finish)
	if w := <-first; w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(t, s, "/work"); w.Code != 200 {
		t.Errorf("afterwards: %d %s", w.Code, w.Body)
	}
}

func TestATailThatGetsNoTurnIsToldHowManyThereMayBe(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	s.tails = newTurns(0, time.Minute, s.tails.remedy)
	s.handler = s.router()
	w := get(t, s, "/v1/tail")
	if p := decode[Problem](t, w); w.Code != 429 || !strings.Contains(p.Detail, "8 times ACTIONLOG_EXPORT_CONCURRENCY is how many tails may be at work.") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What costs the database something is bounded, and only that.
func TestRoutesThatAskTheDatabaseTakeTurns(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	free := map[string]bool{"/openapi.json": true, web.AssetPrefix: true, "/preferences": true, "/healthz": true, "/readyz": true}
	for _, rt := range s.routes() {
		if (rt.turns == nil) != free[rt.path] {
			t.Errorf("%s: takes turns: %v", rt.path, rt.turns != nil)
		}
		if rt.unbounded && rt.turns == s.queries {
			t.Errorf("%s may last, and takes the turns of what does not", rt.path)
		}
	}
}
