package query

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// tailParameters are what a tail takes beside the filters.
var tailParameters = slices.Concat(filterParameters, []parameter{{name: "after"}})

const (
	// tailInterval is how often a tail looks for more.
	tailInterval = 500 * time.Millisecond
	// tailHeartbeat is how often a tail says that it is alive.
	tailHeartbeat = 15 * time.Second
	// tailRetry is how long a client is to wait before it connects again.
	tailRetry = 2 * time.Second
	// tailPage is how many events a tail asks for at a time.
	tailPage = 100
	// tailsPolling is how many tails may ask the store at a time. Others wait.
	tailsPolling = 8
)

// lastEventID is the header by which a client that connects again says what it has got.
const lastEventID = "Last-Event-ID"

func (s *Server) tail(w http.ResponseWriter, r *http.Request, p params) error {
	q, err := s.filter(p, s.now())
	if err != nil {
		return err
	}
	after, _, err := p.after()
	if err != nil {
		return err
	}
	if id := r.Header.Get(lastEventID); id != "" {
		// A browser that connects again sends its first URL, and the header beside it.
		if after, err = decodePosition(id); err != nil {
			return invalid(lastEventID, lastEventID+" is not valid: "+err.Error()+".")
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)() //nolint:contextcheck // ends with the server as well as with r
	ends, err := s.beginTail(ctx)
	if err != nil {
		return err
	}
	if after == nil {
		after = ends
	}
	out := newEventWriter(w, eventsType)
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	t := &tail{Server: s, out: out, filter: q.Filter, at: maps.Clone(after)}
	fmt.Fprintf(&t.out.b, "retry: %d\n", tailRetry.Milliseconds())
	if err := t.place(ctx, after.Covers(ends)); err != nil {
		return err
	}
	return t.run(ctx)
}

// beginTail returns where the feed ends, within Config.QueryTimeout.
func (s *Server) beginTail(ctx context.Context) (store.Position, error) {
	bounded, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	ends, err := s.store.FeedEnds(bounded)
	if err != nil {
		err = fmt.Errorf("begin a tail: %w", err)
		if bounded.Err() != nil && ctx.Err() == nil {
			return nil, timedOut(s.cfg.QueryTimeout, err)
		}
		return nil, err
	}
	return ends, nil
}

// tail is a stream of server-sent events at work.
type tail struct {
	*Server
	out    *eventWriter
	filter store.Filter
	at     store.Position
	// told is the position that the client was sent last.
	told string
	// failing says that the store could not be asked the last time.
	failing bool
}

// run sends events until the client goes away or the service is told to stop.
func (t *tail) run(ctx context.Context) error {
	heartbeat := time.NewTicker(t.heartbeat)
	defer heartbeat.Stop()
	poll := time.NewTimer(0)
	defer poll.Stop()
	caughtUp := false
	for {
		select {
		case <-ctx.Done():
			t.allow() // net/http has the end of the answer to write
			return nil
		case <-heartbeat.C:
			t.out.b.WriteString(":\n\n")
			if err := t.place(ctx, caughtUp); err != nil {
				return err
			}
		case <-poll.C:
			page, err := t.poll(ctx)
			if err != nil && ctx.Err() == nil && !t.failing {
				// A browser does not come back after an answer that is an error, so the stream
				// stays, and goes on when the store can be asked again.
				t.logger.WarnContext(ctx, "read the feed for a tail, trying again", "error", err)
			}
			t.failing = err != nil
			if err := t.pass(page); err != nil {
				return err
			}
			caughtUp = page.CaughtUp
			wait := tailInterval
			if err == nil && !caughtUp {
				wait = 0
			}
			poll.Reset(wait)
		}
	}
}

// poll asks for what has come. It asks the store only when the feed has grown.
func (t *tail) poll(ctx context.Context) (page store.FeedPage, err error) {
	page.Position = t.at
	ctx, cancel := context.WithTimeout(ctx, t.cfg.QueryTimeout)
	defer cancel()
	ends, err := t.recentEnds(ctx)
	if err != nil {
		return page, err
	}
	if t.at.Covers(ends) {
		page.CaughtUp = true
		return page, nil
	}
	select {
	case t.polling <- struct{}{}:
		defer func() { <-t.polling }()
	case <-ctx.Done():
		return page, ctx.Err() //nolint:wrapcheck // its own
	}
	next, err := t.store.Feed(ctx, t.filter, t.at, ends, tailPage)
	if err != nil {
		return page, err //nolint:wrapcheck // says what it did
	}
	return next, nil
}

// pass sends a page's events, each with the position behind it.
func (t *tail) pass(page store.FeedPage) error {
	for i := range page.Actions {
		a := &page.Actions[i]
		t.at.Pass(a)
		if i == len(page.Actions)-1 {
			t.at = page.Position
		}
		t.told = encodePosition(t.at)
		if err := t.out.event(t.told, "action", func(b *bytes.Buffer) error { return writeAction(b, a) }); err != nil {
			return err
		}
		if t.out.b.Len() > exportBuffer {
			if err := t.send(); err != nil {
				return err
			}
		}
	}
	t.at = page.Position
	return t.send()
}

// place sends the position when it has moved on since the client was sent it, so that
// the client does not have to pass over the same again when it comes back.
func (t *tail) place(ctx context.Context, caughtUp bool) error {
	if now := encodePosition(t.at); now != t.told {
		t.told = now
		at := struct {
			feedPlace
			CompleteThrough *timeJSON `json:"complete_through"`
		}{feedPlace{now, caughtUp}, (*timeJSON)(t.completeThrough(ctx))}
		if err := t.out.object(now, "position", at); err != nil {
			return err
		}
	}
	return t.send()
}

// send sends what was gathered, to a client that takes it within a while.
func (t *tail) send() error {
	t.allow()
	return t.out.send()
}

// allow gives the client another while to take what is written next.
func (t *tail) allow() {
	_ = http.NewResponseController(t.out.w).SetWriteDeadline(time.Now().Add(exportStall)) // not every connection has deadlines
}
