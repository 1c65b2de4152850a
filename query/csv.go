package query

import (
	"bufio"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// csvWriter writes RFC 4180. encoding/csv ends lines in CRLF only together with
// changing the line ends inside the cells, and a log's cells are to be exact.
type csvWriter struct {
	to *bufio.Writer
	// defuse puts an apostrophe before what a spreadsheet would run.
	defuse bool
	first  bool
}

func newCSVWriter(to io.Writer, size int, defuse bool) *csvWriter {
	return &csvWriter{to: bufio.NewWriterSize(to, size), defuse: defuse, first: true}
}

// cell adds a cell to the line. Errors are bufio.Writer's: they stay until
// endLine or flush returns them.
func (w *csvWriter) cell(text string) {
	if !w.first {
		_ = w.to.WriteByte(',')
	}
	w.first = false
	marked := w.defuse && runs(text)
	if !quoted(text) {
		if marked {
			_ = w.to.WriteByte('\'')
		}
		_, _ = w.to.WriteString(text)
		return
	}
	_ = w.to.WriteByte('"')
	if marked {
		_ = w.to.WriteByte('\'')
	}
	for {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			break
		}
		_, _ = w.to.WriteString(text[:i+1])
		_ = w.to.WriteByte('"')
		text = text[i+1:]
	}
	_, _ = w.to.WriteString(text)
	_ = w.to.WriteByte('"')
}

func (w *csvWriter) endLine() error {
	w.first = true
	_, err := w.to.WriteString("\r\n")
	return err //nolint:wrapcheck // of the underlying writer, which the caller owns
}

func (w *csvWriter) flush() error { return w.to.Flush() } //nolint:wrapcheck // as above

// quoted reports whether a cell needs quotes. Spaces at the ends need none by the
// RFC, but some readers trim them otherwise.
func quoted(text string) bool {
	if text == "" {
		return false
	}
	return strings.ContainsAny(text, ",\"\r\n") || text[0] <= ' ' || text[len(text)-1] <= ' '
}

// runs reports whether a spreadsheet might take a cell for a formula. The
// characters are those that OWASP lists for CSV injection, with the full-width
// forms that some locales take for them; white space and invisible characters
// before them are passed over, since importers trim them.
func runs(text string) bool {
	if text == "" {
		return false
	}
	switch text[0] {
	case '\t', '\r', '\n':
		return true
	}
	for i := 0; i < len(text); {
		c, n := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRuneInString(text[i:])
		}
		switch c {
		case '=', '+', '-', '@', '＝', '＋', '－', '＠':
			return true
		}
		if !unicode.IsSpace(c) && !unicode.In(c, unicode.Cc, unicode.Cf) {
			return false
		}
		i += n
	}
	return false
}
