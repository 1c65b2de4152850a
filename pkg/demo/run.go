package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	// historyDays is how far back a new demo begins.
	historyDays = 90
	// batchEvents is how many events are published at once.
	batchEvents = 500
	// lookAhead is how much of the future is made at a time.
	lookAhead = time.Hour
	// retryPause is the wait after events could not be published; the emitter has
	// already tried for a while by then.
	retryPause = 2 * time.Second
)

// Emitter publishes events and returns when they are acknowledged. Publishing
// the same events again must be harmless. [emit.Emitter] is one.
type Emitter interface {
	Emit(ctx context.Context, events ...action.Event) error
}

// RunConfig is what Run needs.
type RunConfig struct {
	// Emitter publishes the events. Required.
	Emitter Emitter
	// StatePath is the file that remembers how far the demo has come. Required;
	// its directory must exist. Without the file the demo begins 90 days ago, which
	// repeats events and is harmless.
	StatePath string
	// Logger is told what happens. Default: nobody is.
	Logger *slog.Logger
}

// state is how far the demo has come.
type state struct {
	// Started is when the demo first ran. From then on there is a trickle.
	Started time.Time `json:"started"`
	// Done is up to where (exclusive) everything is acknowledged.
	Done time.Time `json:"done"`
}

// Run publishes the demo's past, as far as it has not been published yet, and
// then each event when its time has come, until ctx ends. It goes on when events
// cannot be published or its state cannot be written, and says so in the log:
// nothing of the demo is worth ending what runs beside it. It returns nil once ctx
// has ended.
func Run(ctx context.Context, cfg RunConfig) error {
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	st, err := loadState(cfg.StatePath)
	if err != nil {
		// To begin again is harmless: the events are the same.
		log.Warn("the demo begins anew", "error", err)
	}
	now := time.Now()
	if st.Started.IsZero() {
		st = state{Started: now.UTC(), Done: now.UTC().AddDate(0, 0, -historyDays)}
	}
	log.Info("demo events", "from", st.Done, "trickle_since", st.Started)
	for ctx.Err() == nil {
		until := now.Add(lookAhead)
		if until.Before(st.Done) {
			until = st.Done.Add(lookAhead) // the clock was set back: wait
		}
		st.publish(ctx, cfg, log, until)
		now = time.Now()
	}
	return nil
}

// publish publishes the events of [st.Done, until), each not before its time,
// and moves st.Done along.
func (st *state) publish(ctx context.Context, cfg RunConfig, log *slog.Logger, until time.Time) {
	var due []action.Event
	move := func(done time.Time) {
		st.Done = done
		if err := st.save(cfg.StatePath); err != nil {
			log.Warn("the demo's next run will publish these events again", "error", err)
		}
	}
	flush := func(done time.Time) {
		if !emitAll(ctx, cfg.Emitter, log, due) {
			return // ctx has ended
		}
		due = due[:0]
		move(done)
	}
	for ev := range merged(st.Done, until, st.Started) {
		if len(due) == batchEvents || len(due) > 0 && ev.Time.After(time.Now()) {
			// Events of the same millisecond may follow, so it is not done yet.
			flush(due[len(due)-1].Time)
		}
		if !waitUntil(ctx, ev.Time) {
			return
		}
		due = append(due, ev)
	}
	if len(due) > 0 {
		flush(due[len(due)-1].Time)
	}
	if !waitUntil(ctx, until) {
		return
	}
	move(until.UTC())
}

// merged returns the events of [from, to) with the trickle, oldest first; the
// trickle is from the demo's first day on.
func merged(from, to, started time.Time) iter.Seq[action.Event] {
	if from.Before(started) {
		if !started.Before(to) {
			return Events(from, to)
		}
		return func(yield func(action.Event) bool) {
			for ev := range Events(from, started) {
				if !yield(ev) {
					return
				}
			}
			merged(started, to, started)(yield)
		}
	}
	return func(yield func(action.Event) bool) {
		for start := from; start.Before(to); start = start.AddDate(0, 0, 1) {
			end := start.AddDate(0, 0, 1)
			if end.After(to) {
				end = to
			}
			day := slices.AppendSeq(window(start, end), Trickle(start, end))
			sortEvents(day)
			for _, ev := range day {
				if !yield(ev) {
					return
				}
			}
		}
	}
}

// emitAll publishes events until they are acknowledged; false means that ctx
// ended before.
func emitAll(ctx context.Context, e Emitter, log *slog.Logger, events []action.Event) bool {
	for {
		err := e.Emit(ctx, events...)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		log.Warn("publish demo events", "events", len(events), "error", err)
		if !waitUntil(ctx, time.Now().Add(retryPause)) {
			return false
		}
	}
}

// waitUntil waits for a moment; false means that ctx ended before.
func waitUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func loadState(path string) (state, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("read the demo's state: %w", err)
	}
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return state{}, fmt.Errorf("read the demo's state %s: %w", path, err)
	}
	return st, nil
}

// save replaces the file as a whole: what is there is the old state or the new.
func (st *state) save(path string) error {
	data, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("write the demo's state: %w", err)
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".tmp")
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the demo's state: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("write the demo's state: %w", err)
	}
	return nil
}
