package query

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// exportParameters are what an export takes beside the filters.
var exportParameters = slices.Concat(filterParameters, []parameter{{name: "columns"}, {name: "raw"}, {name: "bom"}})

const (
	// exportBuffer is how much is gathered before it is sent.
	exportBuffer = 64 << 10
	// exportHeadStart is how long the first row may take before the header is sent
	// without it. Until then an error is answered as one; after it, by cutting the
	// connection.
	exportHeadStart = time.Second
	// exportFlush is how long after the last sending a row is sent, with all that are
	// gathered, when it comes. Nothing is sent between two rows: what is gathered
	// waits for the next one, or for the end.
	exportFlush = time.Second
	// exportStall is how long a client may take nothing before it is given up.
	exportStall = time.Minute
)

// byteOrderMark tells Excel, when a file is opened by double click, that it is
// UTF-8. Other readers take it for a part of the first column's name.
const byteOrderMark = "\uFEFF"

func (s *Server) exportCSV(w http.ResponseWriter, r *http.Request, p params) error {
	now := s.now()
	q, err := s.filter(p, now)
	if err != nil {
		return err
	}
	columns, err := p.columns()
	if err != nil {
		return err
	}
	raw, err := p.flag("raw")
	if err != nil {
		return err
	}
	bom, err := p.flag("bom")
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", attachment("actions-"+q.Tenant+"-"+now.UTC().Format("20060102T150405Z"), ".csv"))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}

	e := newExport(w, !raw, exportStall, columns)
	if bom {
		e.csv.lines = append(e.csv.lines, byteOrderMark...)
	}
	for _, i := range columns {
		e.csv.add(store.Columns()[i].Name)
	}
	if err := e.csv.endLine(); err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	stop := e.sendHeadAfter(r.Context(), exportHeadStart)
	defer stop()
	if err := s.store.EachBatch(r.Context(), q.Filter, e.rows); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return e.finish()
}

// export is one export at work. Two goroutines may send its first bytes, hence
// the lock.
type export struct {
	control *http.ResponseController
	stall   time.Duration

	mu      sync.Mutex
	csv     *csvWriter
	sent    bool
	flushed time.Time
}

func newExport(w http.ResponseWriter, defuse bool, stall time.Duration, columns []int) *export {
	e := &export{control: http.NewResponseController(w), stall: stall}
	e.csv = newCSVWriter(&stalling{w, e}, exportBuffer, defuse, columns)
	return e
}

// sendHeadAfter sends the header of the table when no row came by then. The
// function that it returns stops this and waits until it has.
func (e *export) sendHeadAfter(ctx context.Context, wait time.Duration) (stop func()) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-ctx.Done()
		e.mu.Lock()
		defer e.mu.Unlock()
		if !e.sent && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			_ = e.send() // a client that is gone is met again at the next row
		}
	}()
	return func() { cancel(); <-done }
}

// rows adds events. The first one is sent at once, the others when there are enough of
// them or when nothing was sent for exportFlush.
func (e *export) rows(b *store.Batch, rows []int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.csv.begin(b)
	for _, i := range rows {
		if err := e.csv.row(i); err != nil {
			return fmt.Errorf("write a row: %w", err)
		}
		if !e.sent {
			if err := e.send(); err != nil {
				return err
			}
		}
	}
	if time.Since(e.flushed) >= exportFlush {
		return e.send()
	}
	return nil
}

func (e *export) finish() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.send()
}

// send sends what was gathered. The lock is held. The deadline is moved whether or
// not anything was gathered: the one before may have passed while the scan found
// nothing, and net/http has the end of the answer to write after the last row.
func (e *export) send() error {
	e.sent, e.flushed = true, time.Now()
	e.allow()
	defer e.allow()
	if err := e.csv.flush(); err != nil {
		return fmt.Errorf("send rows: %w", err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("send rows: %w", err)
	}
	return nil
}

// allow gives the client another while to take what is written next.
func (e *export) allow() {
	_ = e.control.SetWriteDeadline(time.Now().Add(e.stall)) // not every connection has deadlines
}

// stalling moves the connection's deadline ahead of every write.
type stalling struct {
	w http.ResponseWriter
	e *export
}

// Write writes, for as long as the export may stall at most.
func (s *stalling) Write(b []byte) (int, error) {
	s.e.allow()
	return s.w.Write(b) //nolint:wrapcheck // io.Writer's errors pass through unchanged
}

// attachment is a Content-Disposition by RFC 6266: a name in ASCII for old
// readers and, where that is not the whole name, the name itself. Neither holds
// what has a meaning in a path.
func attachment(name, extension string) string {
	plain := strings.Map(func(c rune) rune {
		if c < 0x80 && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("-_.", c)) {
			return c
		}
		return '_'
	}, name)
	value := `attachment; filename="` + plain + extension + `"`
	full := strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7F || strings.ContainsRune(`/\:*?"<>|`, c) {
			return '_'
		}
		return c
	}, name)
	if full != plain {
		value += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(full+extension), "+", "%20")
	}
	return value
}
