// Package chhttp serves ClickHouse's HTTP interface over libchdb, so that any
// ClickHouse client can use the engine.
//
// What it does not have: sessions (session_id), users but "default", roles and
// quotas. A query_id is only echoed to the client: system.processes shows ids of
// the engine's own, so that KILL QUERY has to find a statement by its text.
//
// Answers of any size take constant memory. Their bytes are as the engine formats
// them; only Native is written anew, for clients that name a
// client_protocol_version.
package chhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
)

// Config says what to serve.
type Config struct {
	// Dir is the engine's data directory.
	Dir string
	// TempDir holds answers that are held back until their end.
	TempDir string
	// Password is the password of the user "default"; empty means none.
	Password string
	// Logger gets what no client is told.
	Logger *slog.Logger
}

// Server is the handler. Close it when no request runs any more.
type Server struct {
	cfg      Config
	pool     *pool
	name     string // displayName()
	version  string
	timezone string
}

// New starts the engine.
func New(lib *chdb.Library, cfg Config) (*Server, error) {
	p, err := newPool(lib, "--path="+cfg.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, pool: p}
	r, err := p.admin.Query("SELECT displayName(), version(), timezone()", "TabSeparatedRaw", nil)
	if err != nil {
		p.close()
		return nil, fmt.Errorf("ask the engine for its version: %w", err)
	}
	defer r.Close()
	fields := strings.Split(strings.TrimRight(string(r.Bytes()), "\n"), "\t")
	if len(fields) != 3 {
		p.close()
		return nil, fmt.Errorf("ask the engine for its version: unexpected answer %q", r.Bytes())
	}
	s.name, s.version, s.timezone = fields[0], fields[1], fields[2]
	return s, nil
}

// Close closes the engine.
func (s *Server) Close() { s.pool.close() }

// Version is the engine's version.
func (s *Server) Version() string { return s.version }

const exposed = "X-ClickHouse-Query-Id,X-ClickHouse-Summary,X-ClickHouse-Server-Display-Name,X-ClickHouse-Format,X-ClickHouse-Timezone,X-ClickHouse-Exception-Code,X-ClickHouse-Exception-Tag"

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-ClickHouse-Server-Display-Name", s.name)
	switch {
	case r.URL.Path == "/ping" || r.URL.Path == "/replicas_status",
		r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) && !r.URL.Query().Has("query"):
		h.Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = io.WriteString(w, "Ok.\n")
		return
	case r.URL.Path != "/" && r.URL.Path != "/query":
		http.Error(w, "There is no handle "+r.URL.Path+"\n\nUse / or /ping for health checks.\nSend queries by POST method to / or by GET with the parameter query.", http.StatusNotFound)
		return
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut}, r.Method):
		http.Error(w, "Method not allowed: use GET or POST.", http.StatusMethodNotAllowed)
		return
	}
	out := &output{
		w: w, rc: http.NewResponseController(w), compress: func(w io.Writer) io.WriteCloser { return nopCloser{w} },
		limit: bufferSize, dir: s.cfg.TempDir, tag: exceptionTag(), version: s.version, started: time.Now(),
	}
	defer out.close()
	if err := s.serve(out, r); err != nil {
		if r.Context().Err() != nil && !errors.As(err, new(*exception)) {
			s.cfg.Logger.Debug("request given up by its client", slog.Any("error", err))
		}
		out.fail(err)
	}
}

// serve runs one request up to its end or its error.
func (s *Server) serve(out *output, r *http.Request) (err error) {
	h := out.w.Header()
	if err := authenticate(r, s.cfg.Password); err != nil {
		return err
	}
	req, err := parse(r)
	if err != nil {
		return err
	}
	h.Set("Access-Control-Expose-Headers", exposed)
	h.Set("X-ClickHouse-Query-Id", req.queryID)
	h.Set("X-ClickHouse-Timezone", s.timezone)
	h.Set("X-ClickHouse-Exception-Tag", out.tag)
	out.limit, out.spool = req.bufferSize, req.waitForEnd
	switch {
	case req.compress:
		out.compress = func(w io.Writer) io.WriteCloser { return newBlockWriter(w, req.method) }
	case req.encoding != "":
		h.Set("Content-Encoding", req.encoding)
		out.compress = func(w io.Writer) io.WriteCloser { return encode(w, req.encoding) }
	}
	if req.sessionAsked {
		return raise(codeNotImplemented, "NOT_IMPLEMENTED", "Sessions (session_id) are not supported by the embedded engine: every request stands alone.")
	}
	if req.isMultipart {
		return raise(codeNotImplemented, "NOT_IMPLEMENTED", "External tables (multipart/form-data) are not supported by the embedded engine.")
	}
	text, insert, data, err := req.statement()
	if err != nil {
		return err
	}
	c, err := s.pool.get(req.database, req.settings)
	if err != nil {
		return err
	}
	clean := false
	defer func() { s.pool.put(c, clean, err != nil) }()
	if insert != nil {
		clean = true
		return s.insert(r.Context(), out, req, c, insert, data)
	}
	class, statements := c.Classify(text)
	if statements > 1 {
		clean = true
		return raise(codeSyntaxError, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
	}
	if req.readOnly && class != chdb.ReadOnly && class != chdb.Unknown {
		clean = true
		return raise(codeReadOnly, "READONLY", "default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.")
	}
	keyword := firstKeyword(text)
	switch {
	case keyword == "":
		clean = true
		return raise(codeSyntaxError, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): Empty query")
	case keyword == "INSERT" && readsInput(text):
		clean = true
		return raise(codeNotImplemented, "NOT_IMPLEMENTED", "INSERT … SELECT … FROM input() is not supported by the embedded engine: insert into a table and select from that.")
	case class == chdb.Control && slices.Contains(selects, keyword):
		clean = true
		return raise(codeOutfile, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
	}
	// SET, USE and temporary tables are of the class Control and change the
	// connection, so it is not used again.
	clean = class != chdb.Control
	return s.query(r.Context(), out, req, c, text, class)
}

// selects are the keywords that begin a statement whose answer can be streamed.
var selects = []string{"SELECT", "WITH", "FROM"}

// query runs a statement that brings no data.
func (s *Server) query(ctx context.Context, out *output, req *request, c *conn, text string, class chdb.Class) error {
	format := formatClause(text)
	if format == "" {
		format = req.format
	}
	h := out.w.Header()
	h.Set("X-ClickHouse-Format", format)
	h.Set("Content-Type", contentType(format))
	isSelect := class == chdb.ReadOnly && slices.Contains(selects, firstKeyword(text))
	if isSelect && req.document(text, format) {
		return s.writeDocument(ctx, out, req, c, text, format)
	}
	var w io.Writer = out
	if format == "Native" && req.revision > 0 {
		w = &nativeWriter{out: out, revision: req.revision}
	}
	done := s.pool.guard(ctx, c)
	defer done()

	if isSelect {
		return s.stream(out, w, req, c, text)
	}
	r, err := c.Query(text, req.format, req.params)
	if err != nil {
		return err
	}
	defer r.Close()
	out.add(r.Counts())
	if b := r.Bytes(); len(b) > 0 {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return out.finish()
}

// stream sends a SELECT's answer as it comes.
func (s *Server) stream(out *output, w io.Writer, req *request, c *conn, text string) error {
	st, err := c.Stream(text, req.format, req.params)
	if err != nil {
		return err
	}
	defer st.Close()
	for {
		piece, err := st.Next()
		if err != nil {
			return err
		}
		if piece == nil {
			return out.finish()
		}
		out.add(piece.Counts())
		_, err = w.Write(piece.Bytes())
		piece.Close()
		if err != nil {
			return err
		}
		if err := out.flush(); err != nil {
			return err
		}
	}
}

// insert runs an INSERT with its data, as it arrives.
func (s *Server) insert(ctx context.Context, out *output, req *request, c *conn, head *insertHead, data io.Reader) error {
	if req.readOnly {
		return raise(codeReadOnly, "READONLY", "default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries.")
	}
	out.w.Header().Set("X-ClickHouse-Format", head.format)
	out.w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	done := s.pool.guard(ctx, c)
	defer done()
	ins, err := c.Insert(head.sql, head.format, req.params)
	if err != nil {
		return err
	}
	defer ins.Close()
	if err := copyData(ins, data); err != nil {
		return err
	}
	out.counts, err = ins.Finish()
	if err != nil {
		return err
	}
	return out.finish()
}

// copyData hands the body over in pieces that make the call into the library
// cheap against the copying.
func copyData(ins *chdb.Insert, data io.Reader) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := fill(data, buf)
		if n > 0 {
			if _, err := ins.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF { //nolint:errorlint // a wrapped io.EOF is a body that broke off
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the data of an INSERT: %w", err)
		}
	}
}
