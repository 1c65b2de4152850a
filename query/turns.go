package query

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// tailsPerExport is how many tails a tenant may have for each export: while nothing comes
// they cost next to nothing.
const tailsPerExport = 8

// queue is how many requests may wait for each that is at work.
const queue = 32

// turns lets so many requests of a tenant be at work at a time. The others wait, first
// come first served, so that a burst costs time rather than errors. Tenants do not wait
// for each other.
type turns struct {
	limit int
	// wait is how long a request waits at most.
	wait time.Duration
	// remedy says what decides on the limit.
	remedy string

	lock sync.Mutex
	// lines are those of the tenants that have requests at work or waiting: a name that
	// nobody uses any more takes no room.
	lines map[string]*line
}

// line is the requests of one tenant.
type line struct {
	work     *semaphore.Weighted
	requests int
}

// errNoTurn says that a request got no turn.
var errNoTurn = errors.New("no turn")

func newTurns(limit int, wait time.Duration, remedy string) *turns {
	return &turns{limit: limit, wait: wait, remedy: remedy, lines: map[string]*line{}}
}

// take waits for a turn of the tenant. It returns what ends the turn, errNoTurn when
// none came in time or too many wait already, or the context's error.
func (t *turns) take(ctx context.Context, tenant string) (done func(), err error) {
	l, err := t.join(tenant)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, t.wait)
	defer cancel()
	if l.work.Acquire(waiting, 1) != nil {
		t.leave(tenant, l)
		if err := ctx.Err(); err != nil {
			return nil, err //nolint:wrapcheck // it is the caller's context
		}
		return nil, errNoTurn
	}
	return func() {
		l.work.Release(1)
		t.leave(tenant, l)
	}, nil
}

// join puts a request into the line of its tenant.
func (t *turns) join(tenant string) (*line, error) {
	t.lock.Lock()
	defer t.lock.Unlock()
	l := t.lines[tenant]
	if l == nil {
		l = &line{work: semaphore.NewWeighted(int64(t.limit))}
		t.lines[tenant] = l
	}
	if l.requests >= t.limit*(1+queue) {
		return nil, errNoTurn
	}
	l.requests++
	return l, nil
}

func (t *turns) leave(tenant string, l *line) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if l.requests--; l.requests == 0 {
		delete(t.lines, tenant)
	}
}

// takeTurn waits until a request may be answered, and returns what to call when it was.
func takeTurn(ctx context.Context, rt route, p params) (done func(), err error) {
	if rt.turns == nil {
		return func() {}, nil
	}
	// What belongs to no tenant has a line of its own.
	line, whose := "", "The list of what was rejected"
	if rt.ofTenant() {
		if line, err = p.tenant(); err != nil {
			return nil, err
		}
		whose = "Tenant " + strconv.Quote(line)
	}
	done, err = rt.turns.take(ctx, line)
	if errors.Is(err, errNoTurn) {
		return nil, tooManyRequests(whose, rt.turns)
	}
	return done, err
}
