package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

// completeThrough is nil while it is not known.
func (b *bundle) completeThrough() *time.Time {
	b.t.Helper()
	through, err := b.store.CompleteThrough(b.t.Context(), b.cfg.Topic)
	if err != nil {
		b.t.Fatal(err)
	}
	return through
}

func TestItIsStatedHowFarTheLogIsComplete(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 3)
	if through := b.completeThrough(); through != nil {
		t.Errorf("complete through %s before ingest runs", through)
	}
	first := b.start(b.store)
	for n := range 3 {
		b.produce(kafka.Message{Partition: n % 2, Value: []byte(event(fmt.Sprint(n), ""))}) // partition 2 stays empty
		acknowledged := time.Now()
		embeddedtest.Eventually(t, "the log to be complete", func() bool {
			through := b.completeThrough()
			return through != nil && through.After(acknowledged)
		})
		if got := len(b.shown("default")); got != n+1 {
			t.Errorf("the log is complete through the %d events that Kafka has, and %d are shown", n+1, got)
		}
	}
	// Nobody knows what has come since, and the moment stands still.
	if err := first.wait(); err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	b.produce(kafka.Message{Partition: 0, Value: []byte(event("late", ""))})
	if through := b.completeThrough(); through == nil || through.After(before) {
		t.Errorf("complete through %v, and ingest has ended at %s", through, before)
	}
	b.start(b.store)
	embeddedtest.Eventually(t, "the log to be complete again", func() bool { return b.completeThrough().After(before) })
	if got := len(b.shown("default")); got != 4 {
		t.Errorf("%d events are shown, want 4", got)
	}
}

// flaky is a store that takes what is stated only when it is well.
type flaky struct {
	*store.Store
	well   atomic.Bool
	faults atomic.Int64
}

func (f *flaky) InsertCompleteness(ctx context.Context, facts []store.Completeness) error {
	if !f.well.Load() {
		f.faults.Add(1)
		return errors.New("a planted fault")
	}
	return f.Store.InsertCompleteness(ctx, facts)
}

// logged is a log that a test reads while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func TestTheLogTellsWhyStatementsStandStill(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	events := &flaky{Store: b.store}
	var log logged
	i, err := ingest.New(b.cfg, events, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	b.run(i)
	embeddedtest.Eventually(t, "two failures", func() bool { return events.faults.Load() > 1 })
	events.well.Store(true)
	embeddedtest.Eventually(t, "the end of the failures", func() bool { return log.count("stated again") > 0 })
	if n := log.count("a planted fault"); n != 1 {
		t.Errorf("the fault is told %d times", n)
	}
}

// mute is a store that does not take what is stated.
type mute struct{ *store.Store }

func (mute) InsertCompleteness(context.Context, []store.Completeness) error {
	return errors.New("a planted fault")
}

func TestIngestDoesNotWaitForStatements(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	b.start(mute{b.store})
	b.produce(kafka.Message{Value: []byte(event("1", ""))})
	b.waitSettled(1)
	if through := b.completeThrough(); through != nil {
		t.Errorf("complete through %s", through)
	}
}
