package demo_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/demo"
	"github.com/actionlog/actionlog/pkg/emit"
)

var _ demo.Emitter = (*emit.Emitter)(nil)

// recorder is an emitter that remembers, and fails the given number of times.
type recorder struct {
	mu     sync.Mutex
	fail   int
	events []action.Event
	late   time.Duration // the longest that an event of the present waited
	early  int           // events before their time
}

func (r *recorder) Emit(_ context.Context, events ...action.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail > 0 {
		r.fail--
		return errors.New("the broker is away")
	}
	for _, ev := range events {
		if ev.Time.After(time.Now()) {
			r.early++
		}
	}
	r.late = max(r.late, time.Since(events[len(events)-1].Time))
	r.events = append(r.events, events...)
	return nil
}

// runFor runs the demo for a while of the bubble's time.
func runFor(t *testing.T, r *recorder, path string, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := demo.Run(ctx, demo.RunConfig{Emitter: r, StatePath: path}); err != nil {
		t.Fatal(err)
	}
}

func TestRunPublishesEverythingInItsTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.json")
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		r := &recorder{fail: 3}
		runFor(t, r, path, 26*time.Hour+17*time.Minute)
		<-time.After(50 * time.Hour) // nobody runs it
		runFor(t, r, path, 90*time.Minute)
		ended := time.Now()

		if r.early > 0 {
			t.Errorf("%d events were published before their time", r.early)
		}
		want := make(map[string]bool)
		for ev := range demo.Events(started.AddDate(0, 0, -90), ended) {
			want[encode(t, ev)] = true
		}
		for ev := range demo.Trickle(started, ended) {
			want[encode(t, ev)] = true
		}
		got := make(map[string]bool)
		for _, s := range encodeAll(t, r.events) {
			got[s] = true
		}
		for s := range want {
			if !got[s] {
				t.Fatalf("never published: %s", s)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d different events were published, want %d", len(got), len(want))
		}
		if repeats := len(r.events) - len(got); repeats > 10 {
			t.Errorf("%d events were published again", repeats)
		}
	})
}

func TestRunPublishesThePresentAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.json")
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		runFor(t, r, path, 10*time.Minute) // the past, and a little of the trickle
		r.late = 0
		before := len(r.events)
		runFor(t, r, path, 3*time.Hour)
		if r.late > 6*time.Minute || len(r.events) < before+60 {
			t.Errorf("%d events, the latest %s after its time", len(r.events)-before, r.late)
		}
	})
}

func TestRunWithABadState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		runFor(t, r, path, time.Minute)
		from := time.Now().Add(-time.Minute).AddDate(0, 0, -90)
		if n := len(slices.Collect(demo.Events(from, time.Now()))); len(r.events) < n {
			t.Errorf("%d events were published, want %d", len(r.events), n)
		}
	})
}

func TestRunGoesOnWhenItsStateCannotBeWritten(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		started := time.Now()
		r := &recorder{}
		var log bytes.Buffer
		err := demo.Run(ctx, demo.RunConfig{
			Emitter: r, StatePath: filepath.Join(file, "demo.json"), Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Errorf("run: %v", err)
		}
		if !strings.Contains(log.String(), "write the demo's state") {
			t.Errorf("the log says nothing of the state: %.300q", log.String())
		}
		var after int
		for _, ev := range r.events {
			if ev.Time.After(started) {
				after++
			}
		}
		if after < 50 {
			t.Errorf("%d events of the present were published, want the trickle of 3 hours", after)
		}
	})
}
