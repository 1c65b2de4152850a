package chhttp

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
)

// piecewise are the formats whose answer may be cut anywhere between two rows.
// The library formats each piece of a stream by itself, so that any other
// format would have its header and footer in every piece.
var piecewise = map[string]bool{
	"Native": true, "TabSeparated": true, "TSV": true, "TabSeparatedRaw": true, "TSVRaw": true, "CSV": true,
	"JSONEachRow": true, "JSONLines": true, "NDJSON": true, "JSONCompactEachRow": true,
	"JSONStringsEachRow": true, "JSONCompactStringsEachRow": true, "RowBinary": true,
	"LineAsString": true, "RawBLOB": true, "TSKV": true, "MsgPack": true, "Null": true,
}

// arrayOfRows is the setting that makes one document of JSONEachRow.
const arrayOfRows = "output_format_json_array_of_rows"

// document says whether an answer has to be formatted as a whole.
func (req *request) document(text, format string) bool {
	return !piecewise[format] || strings.Contains(text, arrayOfRows) || req.has(arrayOfRows)
}

// has says whether the request sets a setting.
func (req *request) has(name string) bool {
	for _, s := range req.settings {
		if s.name == name {
			return true
		}
	}
	return false
}

// intoOutfile adds an INTO OUTFILE clause to a SELECT, and the FORMAT clause
// where it has none.
func intoOutfile(text, path, format string) string {
	clause := " INTO OUTFILE " + literal(path) + " TRUNCATE "
	if at := formatAt(text); at >= 0 {
		return text[:at] + clause + text[at:]
	}
	s := scanner{text: text}
	last := 0
	for {
		t := s.next()
		if t.kind == end || t.kind == torn {
			return text[:last] + clause + "FORMAT " + format
		}
		if s.punctuation(t) != ';' {
			last = t.to
		}
	}
}

// writeDocument sends a SELECT's answer in a format that has to be written by
// one writer from beginning to end. The engine writes it into a pipe, as if it
// were a file, so that it never has to be in memory as a whole.
func (s *Server) writeDocument(ctx context.Context, out *output, req *request, c *conn, text, format string) error {
	if !settingName.MatchString(format) {
		return raise(codeUnknownFormat, "UNKNOWN_FORMAT", "Unknown format %s", format)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("open a pipe for an answer: %w", err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := s.pool.guard(ctx, c)

	var counts chdb.Counts
	finished := make(chan error, 1)
	go func() {
		// The engine opens the pipe anew; this end keeps it from looking
		// closed until then.
		defer w.Close()
		result, err := c.Query(intoOutfile(text, fmt.Sprintf("/proc/self/fd/%d", w.Fd()), format), format, req.params)
		if err == nil {
			counts = result.Counts()
			result.Close()
		}
		finished <- err
	}()
	_, copyErr := io.Copy(flushing{out}, r)
	if copyErr != nil {
		// The engine does not mind a broken pipe: it has to be killed, and
		// what it has still to write has to go somewhere.
		cancel()
		_, _ = io.Copy(io.Discard, r)
	}
	err = <-finished
	done()
	if copyErr != nil {
		return copyErr
	}
	if err != nil {
		return err
	}
	out.add(counts)
	return out.finish()
}

// flushing sends each piece on at once.
type flushing struct{ *output }

func (f flushing) Write(p []byte) (int, error) {
	n, err := f.output.Write(p)
	if err == nil {
		err = f.flush()
	}
	return n, err
}

// contentType is the Content-Type of a format (getContentType of the formats in
// ClickHouse).
func contentType(format string) string {
	switch {
	case strings.HasPrefix(format, "JSONEachRow"), strings.HasPrefix(format, "JSONCompactEachRow"), strings.HasPrefix(format, "JSONStringsEachRow"), format == "JSONLines", format == "NDJSON":
		return "application/x-ndjson; charset=UTF-8"
	case strings.HasPrefix(format, "JSON"):
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(format, "CSV"):
		return "text/csv; charset=UTF-8; header=" + map[bool]string{true: "present", false: "absent"}[strings.HasPrefix(format, "CSVWithNames")]
	case strings.HasPrefix(format, "TabSeparated"), strings.HasPrefix(format, "TSV"):
		return "text/tab-separated-values; charset=UTF-8"
	case format == "XML":
		return "application/xml; charset=UTF-8"
	case format == "Native", format == "Parquet", format == "Arrow", format == "ArrowStream", format == "ORC", format == "Avro", strings.HasPrefix(format, "RowBinary"), format == "MsgPack":
		return "application/octet-stream"
	}
	return "text/plain; charset=UTF-8"
}
