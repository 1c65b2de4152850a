package chhttp

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
)

// marker is the setting that carries a connection's mark, by which its query
// is found in system.processes and killed: libchdb has no call that interrupts
// a statement. It names which of the server's log lines a client wants, which
// means nothing here.
const marker = "send_logs_source_regexp"

// maxIdle is how many connections are kept for reuse. One costs a few kB; a
// new one costs 0.2 ms and about 1 kB that the library never gives back, which
// is why they are kept at all.
const maxIdle = 32

// pool keeps the connections that have served a request for the next one with
// the same database and settings.
type pool struct {
	lib  *chdb.Library
	args []string

	control sync.Mutex // guards admin's use
	admin   *chdb.Conn // keeps the engine running and kills queries

	mu     sync.Mutex
	serial int
	idle   []*conn // the longest unused first
}

// conn is a connection with a known database and known settings.
type conn struct {
	*chdb.Conn
	state string // canonical form of database and settings
	mark  string
}

func newPool(lib *chdb.Library, args ...string) (*pool, error) {
	admin, err := lib.Connect(args...)
	if err != nil {
		return nil, err
	}
	return &pool{lib: lib, args: args, admin: admin}, nil
}

// close closes every idle connection and the one that kept the engine running.
func (p *pool) close() {
	p.mu.Lock()
	for _, c := range p.idle {
		c.Close()
	}
	p.idle = nil
	p.mu.Unlock()
	p.control.Lock()
	defer p.control.Unlock()
	p.admin.Close()
}

// setting is one engine setting of a request.
type setting struct{ name, value string }

// get returns a connection in the given database with the given settings.
func (p *pool) get(database string, settings []setting) (*conn, error) {
	var b strings.Builder
	b.WriteString(database)
	for _, s := range settings {
		fmt.Fprintf(&b, "\x00%s\x00%s", s.name, s.value)
	}
	state := b.String()
	p.mu.Lock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if c := p.idle[i]; c.state == state {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			p.mu.Unlock()
			return c, nil
		}
	}
	p.serial++
	mark := fmt.Sprintf("actionlog-%d", p.serial)
	p.mu.Unlock()

	db, err := p.lib.Connect(p.args...)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: db, state: state, mark: mark}
	b.Reset()
	for _, s := range settings {
		fmt.Fprintf(&b, "%s = %s, ", s.name, literal(s.value))
	}
	// The mark comes last, so that a request cannot take it away.
	fmt.Fprintf(&b, "%s = %s", marker, literal(mark))
	if err := c.Exec("SET " + b.String()); err != nil {
		c.Close()
		return nil, err
	}
	if database != "" && database != "default" {
		if err := c.Exec("USE " + identifier(database)); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// put takes a connection back, or closes it when it is not as it was. The
// engine keeps a statement that failed, with its locks, until the connection's
// next statement or its end: a DROP of its table would wait for that.
func (p *pool) put(c *conn, clean, failed bool) {
	if failed && clean {
		clean = c.Exec("SELECT 1") == nil
	}
	if !clean {
		c.Close()
		return
	}
	p.mu.Lock()
	p.idle = append(p.idle, c)
	var old *conn
	if len(p.idle) > maxIdle {
		old = p.idle[0]
		p.idle = append(p.idle[:0], p.idle[1:]...)
	}
	p.mu.Unlock()
	if old != nil {
		old.Close()
	}
}

// guard kills the connection's statement when ctx ends. The caller calls the
// function it returns when the statement is over, before the connection is
// used for anything else; that waits for a kill under way.
func (p *pool) guard(ctx context.Context, c *conn) (done func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		select {
		case <-over:
			return
		case <-ctx.Done():
		}
		// The statement may not have reached system.processes yet, so the
		// kill is repeated until the statement is over.
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			p.kill(c.mark)
			select {
			case <-over:
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(over)
		wg.Wait()
	}
}

func (p *pool) kill(mark string) {
	p.control.Lock()
	defer p.control.Unlock()
	// An error leaves the statement running; the next round tries again.
	_ = p.admin.Exec("KILL QUERY WHERE Settings[" + literal(marker) + "] = " + literal(mark) + " ASYNC")
}

// literal writes a string literal.
func literal(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// identifier writes a quoted identifier.
func identifier(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}
