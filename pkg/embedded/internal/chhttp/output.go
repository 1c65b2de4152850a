package chhttp

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
)

// bufferSize is how many bytes of an answer are held back, in the hope that it
// ends (or breaks) before the status line has to be sent.
const bufferSize = 64 << 10

// output is the way of an answer to the client: compression, then a buffer
// that holds the beginning back, then the connection.
type output struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	compress func(io.Writer) io.WriteCloser
	enc      io.WriteCloser

	buf       bytes.Buffer
	limit     int      // bytes held back
	spool     bool     // hold everything back (wait_end_of_query)
	file      *os.File // what a held back answer has over limit
	dir       string   // for that file
	committed bool
	tag       string // marks an exception in the body
	version   string
	started   time.Time
	counts    chdb.Counts
}

// exceptionTag makes the random word that marks a true exception in a body.
func exceptionTag() string { return strings.ToLower(rand.Text()[:16]) }

// raw is the end of the compression.
type raw struct{ *output }

func (r raw) Write(p []byte) (int, error) {
	o := r.output
	switch {
	case o.committed:
		return o.w.Write(p)
	case o.file != nil:
		return o.file.Write(p)
	case o.buf.Len()+len(p) <= o.limit:
		return o.buf.Write(p)
	case o.spool:
		f, err := os.CreateTemp(o.dir, "answer-*")
		if err != nil {
			return 0, fmt.Errorf("make a file for a held back answer: %w", err)
		}
		o.file = f
		return f.Write(p)
	}
	if err := o.commit(); err != nil {
		return 0, err
	}
	return o.w.Write(p)
}

func (o *output) Write(p []byte) (int, error) {
	if o.enc == nil {
		o.enc = o.compress(raw{o})
	}
	return o.enc.Write(p)
}

// flush sends what is written so far, once anything was sent at all.
func (o *output) flush() error {
	if !o.committed {
		return nil
	}
	return o.rc.Flush()
}

// commit sends the status line, the headers and what was held back.
func (o *output) commit() error {
	o.summary()
	o.w.WriteHeader(http.StatusOK)
	o.committed = true
	_, err := o.w.Write(o.buf.Bytes())
	o.buf = bytes.Buffer{}
	return err
}

// finish ends a complete answer.
func (o *output) finish() error {
	if o.enc != nil {
		if err := o.enc.Close(); err != nil {
			return err
		}
	}
	if o.committed {
		return nil
	}
	if o.file == nil {
		o.w.Header().Set("Content-Length", strconv.Itoa(o.buf.Len()))
		return o.commit()
	}
	if _, err := o.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read a held back answer: %w", err)
	}
	if err := o.commit(); err != nil {
		return err
	}
	_, err := io.Copy(o.w, o.file)
	return err
}

// close removes the file of a held back answer.
func (o *output) close() {
	if o.file != nil {
		o.file.Close()
		os.Remove(o.file.Name())
	}
}

// fail tells the client of an error: as an HTTP status while nothing was sent,
// else in the body, after which the connection is broken off so that the body
// never looks whole.
func (o *output) fail(err error) {
	e := asException(err, o.version)
	text := e.text + "\n"
	if !o.committed {
		o.buf.Reset()
		if o.file != nil {
			o.close()
			o.file = nil
		}
		o.spool, o.limit = false, 1<<30
		o.enc = o.compress(raw{o})
		_, _ = io.WriteString(o.enc, text)
		_ = o.enc.Close()
		h := o.w.Header()
		h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.code))
		h.Set("Content-Type", "text/plain; charset=UTF-8")
		h.Set("Content-Length", strconv.Itoa(o.buf.Len()))
		o.summary()
		o.w.WriteHeader(status(e.code))
		_, _ = o.w.Write(o.buf.Bytes())
		return
	}
	// The framing of ClickHouse since 25.11.
	fmt.Fprintf(o, "\r\n__exception__\r\n%s\r\n%s%d %s\r\n__exception__\r\n", o.tag, text, len(text), o.tag)
	_ = o.enc.Close()
	_ = o.rc.Flush()
	panic(http.ErrAbortHandler)
}

// summary sets X-ClickHouse-Summary to the figures known so far.
func (o *output) summary() {
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	c := o.counts
	text, _ := json.Marshal(struct { //nolint:errchkjson // strings alone always encode
		ReadRows     string `json:"read_rows"`
		ReadBytes    string `json:"read_bytes"`
		WrittenRows  string `json:"written_rows"`
		WrittenBytes string `json:"written_bytes"`
		TotalRows    string `json:"total_rows_to_read"`
		ResultRows   string `json:"result_rows"`
		ResultBytes  string `json:"result_bytes"`
		ElapsedNS    string `json:"elapsed_ns"`
	}{
		n(c.ReadRows), n(c.ReadBytes), n(c.WrittenRows), n(c.WrittenBytes), "0", n(c.ResultRows), n(c.ResultBytes),
		strconv.FormatInt(time.Since(o.started).Nanoseconds(), 10),
	})
	o.w.Header().Set("X-ClickHouse-Summary", string(text))
}

// add takes in the figures of one piece of an answer.
func (o *output) add(c chdb.Counts) {
	o.counts.ReadRows = max(o.counts.ReadRows, c.ReadRows)
	o.counts.ReadBytes = max(o.counts.ReadBytes, c.ReadBytes)
	o.counts.WrittenRows = max(o.counts.WrittenRows, c.WrittenRows)
	o.counts.WrittenBytes = max(o.counts.WrittenBytes, c.WrittenBytes)
	o.counts.ResultRows += c.ResultRows
	o.counts.ResultBytes += c.ResultBytes
}
