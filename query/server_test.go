package query

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/mux"

	"github.com/actionlog/actionlog/pkg/store"
)

// deadServer is a server whose database is not there.
func deadServer(t *testing.T) *Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	s, _ := serverOf(t, "http://"+listener.Addr().String()+"/actionlog")
	return s
}

// withRoute adds a route to a server.
func withRoute(s *Server, rt route) {
	router := mux.NewRouter()
	router.Path(rt.path).Handler(s.serve(rt))
	router.NotFoundHandler = s.handler
	s.handler = router
}

// serveAt serves until the returned function is called, which waits for the end.
func serveAt(t testing.TB, s *Server) (address string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(cancel)
	return listener.Addr().String(), cancel, done
}

func TestErrorsAreProblems(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	f := func(method, target string, status int, name string) *httptest.ResponseRecorder {
		t.Helper()
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
		p := decode[Problem](t, w)
		if w.Code != status || p.Status != status || p.Type != problemURN+name || p.Title == "" || p.Detail == "" ||
			w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %d %v %s", method, target, w.Code, w.Header(), w.Body)
		}
		return w
	}
	f("GET", "/v1/nothing?x=1", 404, "not-found")
	f("POST", "/v1/nothing", 404, "not-found")
	f("GET", "/v1/actions/", 404, "not-found")
	f("GET", "/v1/actions/a/b", 404, "not-found")
	if w := f("POST", "/v1/actions?x=1", 405, "method-not-allowed"); w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("Allow: %q", w.Header().Get("Allow"))
	}
	f("DELETE", "/v1/actions/x", 405, "method-not-allowed")
	f("OPTIONS", "/v1/nothing", 404, "not-found")
	f("GET", "/v1/actions?x=1", 400, "invalid-parameter")
	f("GET", "/v1/actions/x?limit=1", 400, "invalid-parameter")
	f("GET", "/v1/rejected?tenant=x", 400, "invalid-parameter")
	f("GET", "/openapi.json?x=1", 400, "invalid-parameter")
	f("GET", "/v1/actions?q=%zz", 400, "malformed-query")
	f("GET", "/v1/actions", 503, "unavailable")
	f("GET", "/v1/actions/x", 503, "unavailable")
	f("GET", "/v1/rejected", 503, "unavailable")
	f("GET", "/readyz", 503, "unavailable")
	if w := f("GET", "/v1/export.csv", 503, "unavailable"); w.Header().Get("Content-Disposition") != "" {
		t.Errorf("an error is offered as a file: %v", w.Header())
	}
	if w := get(t, s, "/healthz"); w.Code != 200 || w.Body.String() != "ok\n" {
		t.Errorf("healthz: %d %s", w.Code, w.Body)
	}
}

func TestReadyzWithADatabase(t *testing.T) {
	t.Parallel()
	s, _ := testServer(t)
	if w := get(t, s, "/readyz"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPanicsAndSlowAnswersAreProblems(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	withRoute(s, route{path: "/panic", handle: func(http.ResponseWriter, *http.Request, params) error { panic("oh") }})
	w := get(t, s, "/panic")
	if p := decode[Problem](t, w); w.Code != 500 || p.Type != problemURN+"internal" || strings.Contains(w.Body.String(), "oh") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	s.cfg.QueryTimeout = time.Millisecond
	withRoute(s, route{path: "/slow", handle: func(_ http.ResponseWriter, r *http.Request, _ params) error {
		<-r.Context().Done()
		return errors.New("the driver's own words")
	}})
	w = get(t, s, "/slow")
	if p := decode[Problem](t, w); w.Code != 504 || p.Type != problemURN+"timeout" || !strings.Contains(p.Detail, "ACTIONLOG_QUERY_TIMEOUT") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOPTIONSSaysWhichMethodsThereAre(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	for target, allow := range map[string]string{
		"/v1/actions?x=1": "GET, HEAD, OPTIONS", "/v1/export.csv": "GET, HEAD, OPTIONS", "/v1/tail": "GET, HEAD, OPTIONS",
		"/v1/actions/a%2Fb": "GET, HEAD, OPTIONS", "/healthz": "GET, HEAD, OPTIONS", "/preferences": "POST, OPTIONS",
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodOptions, target, nil))
		if w.Code != 204 || w.Header().Get("Allow") != allow || w.Body.Len() > 0 || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
}

func TestHEADHasTheHeadersAndNoBody(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, nil))
	address, stop, ended := serveAt(t, s)
	for _, path := range []string{
		"/v1/actions", "/v1/export.csv", "/openapi.json", "/healthz", "/readyz", "/v1/actions/" + event(1, nil).ID,
		"/v1/count", "/v1/histogram", "/v1/facets?field=actor", "/v1/compare?actor=x", "/v1/subjects/a/b/timeline", "/v1/actors/u-1", "/v1/actors/u-1/week", "/v1/feed", "/v1/tail", "/v1/rejected",
	} {
		resp, err := http.Head("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// endless is an export that sends a line and then fails when told to.
func endless(failing <-chan struct{}) func(http.ResponseWriter, *http.Request, params) error {
	return func(w http.ResponseWriter, r *http.Request, _ params) error {
		_, _ = io.WriteString(w, "a,b\r\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-failing:
			return errors.New("the database went away")
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

func TestABrokenStreamDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	failing := make(chan struct{}, 2)
	withRoute(s, route{path: "/export", handle: endless(failing), unbounded: true})
	address, stop, ended := serveAt(t, s)
	for _, version := range []string{"1.1", "1.0"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET /export HTTP/%s\r\nHost: x\r\n\r\n", version)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "a,b\r\n" {
			t.Fatalf("HTTP/%s: %q, %v", version, first, err)
		}
		failing <- struct{}{}
		rest, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			t.Errorf("HTTP/%s: a cut answer looks whole: %q", version, rest)
		}
		_ = conn.Close()
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A scan may find its last row long before its end. By then the deadline of that
// row's write has passed, and the end of the answer needs one of its own.
func TestAnExportMayBeSilentForLongerThanAClientMayStall(t *testing.T) {
	t.Parallel()
	const stall = 50 * time.Millisecond
	f := func(rows int) {
		t.Helper()
		s := deadServer(t)
		withRoute(s, route{path: "/export", unbounded: true, handle: func(w http.ResponseWriter, r *http.Request, _ params) error {
			e := newExport(w, true, stall, []int{0})
			for n := range rows {
				var b store.Batch
				a := event(n, nil)
				b.Append(&a)
				if err := e.rows(&b, []int{0}); err != nil {
					return err
				}
			}
			silence, cancel := context.WithTimeout(r.Context(), 4*stall)
			defer cancel()
			<-silence.Done()
			return e.finish()
		}})
		address, stop, ended := serveAt(t, s)
		resp, err := http.Get("http://" + address + "/export")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || strings.Count(string(body), "\r\n") != rows {
			t.Errorf("%d rows: got %q, %v", rows, body, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	f(0)
	f(1)   // sent at once: nothing is left for the end
	f(100) // gathered: the end has something to send
}

func TestAClientThatGoesAwayEndsItsExport(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	gone := make(chan struct{})
	withRoute(s, route{path: "/export", unbounded: true, handle: func(w http.ResponseWriter, r *http.Request, p params) error {
		defer close(gone)
		return endless(nil)(w, r, p)
	}})
	address, stop, ended := serveAt(t, s)
	resp, err := http.Get("http://" + address + "/export")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	<-gone
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestStoppingLetsRequestsFinishAndAbortsThoseThatDoNot(t *testing.T) {
	t.Parallel()
	f := func(drain time.Duration, finishes bool) {
		t.Helper()
		s := deadServer(t)
		s.drain = drain
		at := make(chan struct{})
		finish := make(chan struct{})
		withRoute(s, route{path: "/work", unbounded: true, handle: func(w http.ResponseWriter, r *http.Request, _ params) error {
			_, _ = io.WriteString(w, "begin ")
			_ = http.NewResponseController(w).Flush()
			close(at)
			select {
			case <-finish:
				_, err := io.WriteString(w, "end")
				return err
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}})
		address, stop, ended := serveAt(t, s)
		resp, err := http.Get("http://" + address + "/work")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		<-at
		stop()
		if finishes {
			close(finish)
		}
		body, err := io.ReadAll(resp.Body)
		if finishes != (err == nil && string(body) == "begin end") {
			t.Errorf("drain %s: got %q, %v", drain, body, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			t.Error("it still listens")
		}
	}
	f(time.Minute, true)
	f(time.Millisecond, false)
}

func TestRunSaysWhatIsWrongWithItsAddress(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	s.cfg.QueryAddr = "192.0.2.1:1"
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "ACTIONLOG_QUERY_ADDR") {
		t.Error(err)
	}
}
