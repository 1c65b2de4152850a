package query

import (
	"context"
	"errors"
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
