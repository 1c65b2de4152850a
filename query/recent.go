package query

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

const (
	// completeTimeout bounds how long an answer waits to know how far the log is complete.
	completeTimeout = time.Second
	// completeAge is how old the moment may be that an answer says it is complete through.
	completeAge = time.Second
	// endsAge is how old the end of the feed may be that a tail goes by.
	endsAge = 400 * time.Millisecond
	// keysAge is how old the keys of cursors may be: another is only added when two
	// machines set up the database at once.
	keysAge = time.Minute
)

// recent is a value that many ask for at a time, and one reads.
type recent[T any] struct {
	// lock holds one entry while value is in use: unlike a mutex it can be given up on.
	lock  chan struct{}
	value T
	read  time.Time
}

func newRecent[T any]() *recent[T] { return &recent[T]{lock: make(chan struct{}, 1)} }

// recents are what answers have in common.
type recents struct {
	complete *recent[*time.Time]
	ends     *recent[store.Position]
	keys     *recent[[][]byte]
}

func newRecents() recents {
	return recents{newRecent[*time.Time](), newRecent[store.Position](), newRecent[[][]byte]()}
}

// get returns what was read less than an age ago, and reads it otherwise. The context
// needs a deadline: while one reads, the others wait.
func (r *recent[T]) get(ctx context.Context, age time.Duration, read func(context.Context) (T, error)) (T, error) {
	var none T
	select {
	case r.lock <- struct{}{}:
		defer func() { <-r.lock }()
	case <-ctx.Done():
		return none, ctx.Err() //nolint:wrapcheck // the caller's own
	}
	if !r.read.IsZero() && time.Since(r.read) < age {
		return r.value, nil
	}
	value, err := read(ctx)
	if err != nil {
		return none, err
	}
	r.value, r.read = value, time.Now()
	return value, nil
}

// completeThrough returns the moment up to which everything that Kafka had acknowledged
// is in whatever is read of the store from now on: it has to be asked before the rows
// are. It is nil when that cannot be known within completeTimeout, or within half of the
// time that the context has: the rest is for the answer.
func (s *Server) completeThrough(ctx context.Context) *time.Time {
	limit := completeTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/2)
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	through, err := s.complete.get(bounded, completeAge, func(ctx context.Context) (*time.Time, error) {
		return s.store.CompleteThrough(ctx, s.cfg.Topic)
	})
	hurried := limit < completeTimeout && bounded.Err() != nil // a short budget is no fault
	if err != nil && ctx.Err() == nil && !hurried {
		s.logger.WarnContext(ctx, "find how far the log is complete", "error", err)
	}
	return through
}

// recentEnds returns where the feed ended a moment ago. The context needs a deadline.
func (s *Server) recentEnds(ctx context.Context) (store.Position, error) {
	return s.ends.get(ctx, endsAge, s.store.FeedEnds)
}

// cursorKeys returns the keys that cursors are signed with, the one to sign with first.
// The context needs a deadline.
func (s *Server) cursorKeys(ctx context.Context) ([][]byte, error) {
	return s.keys.get(ctx, keysAge, func(ctx context.Context) ([][]byte, error) {
		keys, err := s.store.CursorKeys(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the keys of cursors: %w", err)
		}
		if len(keys) == 0 { // and that is not kept
			return nil, errors.New("the database has no key for cursors: run actionlog migrate")
		}
		return keys, nil
	})
}
