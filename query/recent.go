package query

import (
	"context"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

const (
	// completeAge is how old the moment may be that an answer says it is complete through.
	completeAge = time.Second
	// endsAge is how old the end of the feed may be that a tail goes by.
	endsAge = 400 * time.Millisecond
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
}

func newRecents() recents { return recents{newRecent[*time.Time](), newRecent[store.Position]()} }

// get returns what was read less than an age ago, and reads it otherwise.
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
// are. It is nil when that cannot be known.
func (s *Server) completeThrough(ctx context.Context) *time.Time {
	through, err := s.complete.get(ctx, completeAge, func(ctx context.Context) (*time.Time, error) {
		return s.store.CompleteThrough(ctx, s.cfg.Topic)
	})
	if err != nil && ctx.Err() == nil {
		s.logger.WarnContext(ctx, "find how far the log is complete", "error", err)
	}
	return through
}

// recentEnds returns where the feed ended a moment ago.
func (s *Server) recentEnds(ctx context.Context) (store.Position, error) {
	return s.ends.get(ctx, endsAge, s.store.FeedEnds)
}
