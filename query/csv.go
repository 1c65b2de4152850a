package query

import (
	"bytes"
	"io"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/store"
)

// csvWriter writes RFC 4180. encoding/csv ends lines in CRLF only together with
// changing the line ends inside the cells, and a log's cells are to be exact.
type csvWriter struct {
	to io.Writer
	// size is how much is gathered before it is written.
	size int
	// defuse puts an apostrophe before what a spreadsheet would run.
	defuse bool

	lines []byte
	first bool   // of its line
	cell  []byte // one that is to be quoted

	// chosen are the columns of the lines, by their places in store.Columns.
	chosen  []int
	columns []csvColumn
}

func newCSVWriter(to io.Writer, size int, defuse bool, chosen []int) *csvWriter {
	return &csvWriter{to: to, size: size, defuse: defuse, first: true, chosen: chosen}
}

// add adds a cell to the line.
func (w *csvWriter) add(text string) {
	w.lines = append(w.separated(w.lines), text...)
	w.lines = w.ended(w.lines, len(w.lines)-len(text))
}

// separated adds the comma before a cell.
func (w *csvWriter) separated(line []byte) []byte {
	if !w.first {
		line = append(line, ',')
	}
	w.first = false
	return line
}

// ended makes a cell of the text that begins at a place of a line and ends with it.
func (w *csvWriter) ended(line []byte, begin int) []byte {
	text := line[begin:]
	marked := w.defuse && runs(text)
	inQuotes := quoted(text)
	if !marked && !inQuotes {
		return line
	}
	w.cell = append(w.cell[:0], text...)
	text, line = w.cell, line[:begin]
	if inQuotes {
		line = append(line, '"')
	}
	if marked {
		line = append(line, '\'')
	}
	for inQuotes {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		line = append(append(line, text[:i+1]...), '"')
		text = text[i+1:]
	}
	line = append(line, text...)
	if inQuotes {
		line = append(line, '"')
	}
	return line
}

// endLine ends the line, and writes when enough is gathered.
func (w *csvWriter) endLine() error {
	w.first = true
	w.lines = append(w.lines, "\r\n"...)
	if len(w.lines) >= w.size {
		return w.flush()
	}
	return nil
}

func (w *csvWriter) flush() error {
	if len(w.lines) == 0 {
		return nil
	}
	_, err := w.to.Write(w.lines)
	w.lines = w.lines[:0]
	return err //nolint:wrapcheck // of the underlying writer, which the caller owns
}

// csvColumn is a column of a batch: its texts, and the cells of those that stand in
// many rows, each with its comma.
type csvColumn struct {
	store.Texts
	cells []byte
	ends  []uint32
}

// begin takes the batch whose rows are to be added.
func (w *csvWriter) begin(b *store.Batch) {
	w.columns = slices.Grow(w.columns[:0], len(w.chosen))[:len(w.chosen)]
	for i := range w.columns {
		c := &w.columns[i]
		c.Texts = b.Texts(w.chosen[i])
		c.cells, c.ends = c.cells[:0], c.ends[:0]
		for key := range c.Different {
			w.first = i == 0
			c.cells = w.separated(c.cells)
			begin := len(c.cells)
			c.cells = w.ended(c.Append(c.cells, key), begin)
			c.ends = append(c.ends, uint32(len(c.cells)))
		}
	}
	w.first = true
}

// row adds a line: a row of the batch.
func (w *csvWriter) row(i int) error {
	line := len(w.lines)
	for n := range w.columns {
		c := &w.columns[n]
		if c.Keys == nil {
			w.lines = w.separated(w.lines)
			begin := len(w.lines)
			w.lines = w.ended(c.Append(w.lines, i), begin)
			continue
		}
		w.first = false
		key := c.Keys[i]
		begin := uint32(0)
		if key > 0 {
			begin = c.ends[key-1]
		}
		w.lines = append(w.lines, c.cells[begin:c.ends[key]]...)
	}
	if len(w.columns) == 1 && len(w.lines) == line { // readers pass over an empty line
		w.lines = append(w.lines, `""`...)
	}
	return w.endLine()
}

// quoted reports whether a cell needs quotes. Spaces at the ends need none by the
// RFC, but some readers trim them otherwise.
func quoted(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	for _, c := range text {
		if c <= ',' && (c == ',' || c == '"' || c == '\r' || c == '\n') { // the comma is the last of them
			return true
		}
	}
	return text[0] <= ' ' || text[len(text)-1] <= ' '
}

// runs reports whether a spreadsheet might take a cell for a formula. The
// characters are those that OWASP lists for CSV injection, with the full-width
// forms that some locales take for them; white space and invisible characters
// before them are passed over, since importers trim them.
func runs(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	switch text[0] {
	case '\t', '\r', '\n':
		return true
	}
	for i := 0; i < len(text); {
		c, n := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRune(text[i:])
		}
		switch c {
		case '=', '+', '-', '@', '＝', '＋', '－', '＠':
			return true
		}
		if c > ' ' && c < unicode.MaxASCII { // what most cells begin with
			return false
		}
		if !unicode.IsSpace(c) && !unicode.In(c, unicode.Cc, unicode.Cf) {
			return false
		}
		i += n
	}
	return false
}
