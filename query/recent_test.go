package query

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestManyAskAndOneReads(t *testing.T) {
	t.Parallel()
	r := newRecent[int64]()
	var reads atomic.Int64
	read := func(context.Context) (int64, error) { return reads.Add(1), nil }
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			if v, err := r.get(t.Context(), time.Hour, read); v != 1 || err != nil {
				t.Errorf("got %d, %v", v, err)
			}
		})
	}
	asking.Wait()
	if v, err := r.get(t.Context(), 0, read); v != 2 || err != nil {
		t.Errorf("what is too old: got %d, %v", v, err)
	}
	failed := errors.New("failed")
	if _, err := r.get(t.Context(), 0, func(context.Context) (int64, error) { return 0, failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if v, err := r.get(t.Context(), time.Hour, read); v != 2 || err != nil {
		t.Errorf("after a failure: got %d, %v", v, err)
	}
	// One who asks meanwhile may go away.
	_, err := r.get(t.Context(), 0, func(context.Context) (int64, error) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.get(gone, 0, read)
		return 0, err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// hungServer is one whose database takes connections and never answers.
func hungServer(t *testing.T) *Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() }) // the system takes connections, and nobody reads them
	s, _ := serverOf(t, "http://"+listener.Addr().String()+"/actionlog")
	return s
}

func TestNoAnswerWaitsLongForHowFarTheLogIsComplete(t *testing.T) {
	t.Parallel()
	s := hungServer(t)
	f := func(limit, most time.Duration) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		began := time.Now()
		if through := s.completeThrough(ctx); through != nil || ctx.Err() != nil || time.Since(began) > most {
			t.Errorf("got %v after %s, and the answer has %v", through, time.Since(began), ctx.Err())
		}
	}
	f(time.Hour, 30*time.Second)
	f(2*time.Second, 2*time.Second)
	// Who has no deadline, as a tail, waits no longer.
	if through := s.completeThrough(t.Context()); through != nil {
		t.Errorf("got %v", through)
	}
}

func TestATailOfADatabaseThatHangsIsAnswered(t *testing.T) {
	t.Parallel()
	s := hungServer(t)
	s.cfg.QueryTimeout = 200 * time.Millisecond
	if w := get(t, s, "/v1/tail"); w.Code != http.StatusGatewayTimeout {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestABudgetIsNotSpentOnHowFarTheLogIsComplete(t *testing.T) {
	t.Parallel()
	s := hungServer(t)
	began := time.Now()
	w := get(t, s, "/v1/count?budget=100ms")
	if took := time.Since(began); w.Code != http.StatusOK || !decode[struct{ Partial bool }](t, w).Partial || took > s.cfg.QueryTimeout/2 {
		t.Errorf("%d %s after %s", w.Code, w.Body, took)
	}
}
