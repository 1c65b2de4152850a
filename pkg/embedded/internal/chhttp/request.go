package chhttp

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
)

// request is what a client asks for.
type request struct {
	query    string // the query parameter
	body     io.Reader
	readOnly bool // by GET
	database string
	settings []setting
	params   chdb.Params
	format   string // when the statement names none
	queryID  string
	revision uint64 // client_protocol_version

	compress     bool // answer in ClickHouse's blocks
	method       string
	encoding     string // Content-Encoding of the answer
	waitForEnd   bool
	bufferSize   int
	isMultipart  bool
	sessionAsked bool
}

// notSettings are the URL parameters that are no settings of the engine.
var notSettings = []string{
	"query", "database", "user", "password", "quota_key", "query_id", "session_id", "session_timeout",
	"session_check", "close_session", "default_format", "compress", "decompress", "stacktrace", "role",
	"buffer_size", "wait_end_of_query", "client_protocol_version", "http_wait_end_of_query", "http_response_buffer_size",
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parse reads a request. The URL's parameters go before the headers.
func parse(r *http.Request) (*request, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, raise(codeBadArguments, "BAD_ARGUMENTS", "Cannot parse the URL's parameters: %s", err)
	}
	either := func(param, header string) string {
		if v := q.Get(param); v != "" {
			return v
		}
		return r.Header.Get(header)
	}
	req := &request{
		query:        q.Get("query"),
		readOnly:     r.Method == http.MethodGet || r.Method == http.MethodHead,
		database:     either("database", "X-ClickHouse-Database"),
		format:       either("default_format", "X-ClickHouse-Format"),
		queryID:      q.Get("query_id"),
		compress:     isTrue(q.Get("compress")),
		method:       q.Get("network_compression_method"),
		waitForEnd:   isTrue(q.Get("wait_end_of_query")) || isTrue(q.Get("http_wait_end_of_query")),
		bufferSize:   bufferSize,
		params:       chdb.Params{},
		sessionAsked: q.Get("session_id") != "",
		isMultipart:  strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data"),
	}
	if req.format == "" {
		req.format = "TabSeparated"
	}
	if req.queryID == "" {
		req.queryID = uuid.NewString()
	}
	for _, name := range []string{"buffer_size", "http_response_buffer_size"} {
		if n, err := strconv.Atoi(q.Get(name)); err == nil && n >= 0 {
			req.bufferSize = min(n, 16<<20)
		}
	}
	if v := q.Get("client_protocol_version"); v != "" {
		if req.revision, err = strconv.ParseUint(v, 10, 32); err != nil {
			return nil, raise(codeBadArguments, "BAD_ARGUMENTS", "client_protocol_version %s is no number", v)
		}
	}
	if isTrue(q.Get("enable_http_compression")) {
		req.encoding = chooseEncoding(r.Header.Get("Accept-Encoding"))
	}
	for name, values := range q {
		value := values[len(values)-1]
		if param, ok := strings.CutPrefix(name, "param_"); ok {
			req.params[param] = value
		} else if !slices.Contains(notSettings, name) {
			if !settingName.MatchString(name) {
				return nil, raise(codeUnknownSetting, "UNKNOWN_SETTING", "Unknown setting '%s'.", name)
			}
			req.settings = append(req.settings, setting{name, value})
		}
	}
	slices.SortFunc(req.settings, func(a, b setting) int { return strings.Compare(a.name, b.name) })
	body, err := decode(r.Body, r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	if isTrue(q.Get("decompress")) {
		body = newBlockReader(body)
	}
	req.body = body
	return req, nil
}

func isTrue(v string) bool { return v == "1" || strings.EqualFold(v, "true") }

// authenticate checks the request's user and password, from basic
// authentication, ClickHouse's headers or the URL.
func authenticate(r *http.Request, password string) error {
	user, key, given := r.BasicAuth()
	if !given {
		if user, key = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key"); user == "" && key == "" {
			q := r.URL.Query()
			user, key = q.Get("user"), q.Get("password")
		}
	}
	if user == "" {
		user = "default"
	}
	if user == "default" && subtle.ConstantTimeCompare([]byte(key), []byte(password)) == 1 {
		return nil
	}
	return raise(codeAuthenticationFailed, "AUTHENTICATION_FAILED", "%s: Authentication failed: password is incorrect, or there is no user with such name.", user)
}

// maxStatement bounds the bytes of a statement; the data of an INSERT is not
// part of it.
const maxStatement = 64 << 20

// statement reads the statement of a request, and for an INSERT with data the
// reader of that data. A statement may come in the URL, in the body or with one
// part in each, between which stands a line feed.
func (req *request) statement() (text string, insert *insertHead, data io.Reader, err error) {
	text = req.query
	if text != "" {
		if head, ok, more := splitInsert(text + "\n"); ok && !more {
			return text, &head, io.MultiReader(strings.NewReader((text + "\n")[head.data:]), req.body), nil
		}
	}
	var b strings.Builder
	b.WriteString(text)
	chunk := make([]byte, 64<<10)
	for {
		n, err := fill(req.body, chunk)
		if n > 0 && b.Len() > 0 && b.Len() == len(req.query) {
			b.WriteByte('\n')
		}
		b.Write(chunk[:n])
		atEnd := err == io.EOF //nolint:errorlint // a wrapped io.EOF is a body that broke off
		if err != nil && !atEnd {
			return "", nil, nil, fmt.Errorf("read the request's body: %w", err)
		}
		head, ok, more := splitInsert(b.String())
		switch {
		case ok && (!more || atEnd):
			return b.String(), &head, io.MultiReader(strings.NewReader(b.String()[head.data:]), req.body), nil
		case atEnd:
			return b.String(), nil, nil, nil
		case b.Len() > maxStatement:
			return "", nil, nil, raise(codeQueryTooLarge, "QUERY_IS_TOO_LARGE", "The statement is longer than %d bytes", maxStatement)
		}
	}
}

// fill reads until p is full. It answers io.EOF only when the body has come to
// its proper end: io.ReadFull says io.ErrUnexpectedEOF both of a body that ends
// within p and of one that was cut off.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
