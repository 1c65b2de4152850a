package ingest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A store that is restored from a copy lacks what came after it. That has to be done
// again, though records keep coming.
func TestABusyOwnerNoticesThatTheStoreWasRestored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.metrics, w.calm = newMetrics(), true
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			w.own(ctx)
		}()
		produce := func(d time.Duration) {
			for range d / (100 * time.Millisecond) {
				w.produce()
				_ = wait(t.Context(), 100*time.Millisecond)
			}
		}
		produce(20 * time.Second)
		w.mu.Lock()
		w.ledger, w.checkpoints, w.restored = nil, nil, true
		clear(w.rows)
		clear(w.reject)
		w.mu.Unlock()
		produce(2 * ledgerCheck)
		w.mu.Lock()
		for p := range modelPartitions {
			if got, want := w.settled(w.ledger)[w.topic][p].Offset, w.ends[p]-5; got < want {
				t.Errorf("partition %d is settled up to %d, want %d at least", p, got, want)
			}
		}
		w.mu.Unlock()
		// What is complete is looked at once, and stated when it is settled, at the next look.
		_ = wait(t.Context(), 3*completenessInterval)
		stop()
		<-ended
		if err := w.verdict(); err != nil {
			t.Error(err)
		}
	})
}
