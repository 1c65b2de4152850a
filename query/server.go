package query

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// The server's bounds. There is no WriteTimeout and no ReadTimeout: either would
// cut long exports (net/http cancels the request when a read deadline passes
// while the handler still writes). Exports move their own write deadline.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	// maxHeader bounds a request's line and headers: the longest search line takes twelve
	// bytes a character.
	maxHeader = 256 << 10
	// partialGrace is what an answer that can be partial has beyond Config.QueryTimeout,
	// to say what it found.
	partialGrace = 2 * time.Second
	// writeGrace is how long an answer may take to be sent once it is made.
	writeGrace = 30 * time.Second
	// drainTimeout is how long requests, exports among them, may go on after the
	// service was told to stop; abortTimeout is how long they have to end after that.
	drainTimeout = 20 * time.Second
	abortTimeout = 5 * time.Second
	// readyTimeout bounds the question whether the database is there.
	readyTimeout = 2 * time.Second
)

// Server answers questions about the log over HTTP.
type Server struct {
	store     *store.Store
	site      *web.Site
	catalogue *action.Catalogue
	// now is the clock from which relative times are counted.
	now     func() time.Time
	cfg     Config
	logger  *slog.Logger
	openapi web.Asset
	handler http.Handler
	drain   time.Duration
	// queries, exports and tails are the turns of each kind of work.
	queries, exports, tails *turns

	// stopping ends when requests that are still at work have to give up.
	stopping context.Context //nolint:containedctx // it is the server's own lifetime
	stop     context.CancelFunc
	// draining ends when the service was told to stop: with it end what has no end of its own.
	draining context.Context //nolint:containedctx // it is the server's own lifetime
	endTails context.CancelFunc

	recents
	// polling is how many tails may ask the store at a time.
	polling   chan struct{}
	heartbeat time.Duration
	// moment is how long a page waits for its rows before it shows them as they are found.
	moment time.Duration
}

// New makes a server of the events in a store, which stays the caller's to close
// once Run or Serve has returned.
func New(store *store.Store, cfg Config, logger *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("query configuration: %w", err)
	}
	document, err := openAPI()
	if err != nil {
		return nil, err
	}
	catalogue, err := action.LoadCatalogue(cfg.ActionsFile)
	if err != nil {
		return nil, fmt.Errorf("ACTIONLOG_ACTIONS_FILE: %w", err)
	}
	if err := web.CheckLabels(catalogue); err != nil {
		return nil, fmt.Errorf("ACTIONLOG_ACTIONS_FILE: %w", err)
	}
	site, err := web.New(catalogue)
	if err != nil {
		return nil, fmt.Errorf("make the page: %w", err)
	}
	stopping, stop := context.WithCancel(context.Background())
	draining, endTails := context.WithCancel(stopping)
	s := &Server{
		store: store, site: site, catalogue: catalogue, now: time.Now, cfg: cfg, logger: logger, openapi: document, drain: drainTimeout,
		stopping: stopping, stop: stop, draining: draining, endTails: endTails,
		queries: newTurns(cfg.QueryConcurrency, cfg.QueryTimeout, queryConcurrency+" is how many may be at work"),
		exports: newTurns(cfg.ExportConcurrency, cfg.QueryTimeout, exportConcurrency+" is how many may be at work"),
		tails: newTurns(cfg.ExportConcurrency*tailsPerExport, cfg.QueryTimeout,
			fmt.Sprintf("%d times %s is how many tails may be at work", tailsPerExport, exportConcurrency)),
		recents: newRecents(), polling: make(chan struct{}, tailsPolling), heartbeat: tailHeartbeat, moment: pageMoment,
	}
	s.handler = s.router()
	return s, nil
}

// route is a path and what answers there.
type route struct {
	// path is gorilla/mux's template, in OpenAPI's form too.
	path string
	// handle answers, or returns an error: one that comes after it has written something
	// cuts the connection.
	handle func(http.ResponseWriter, *http.Request, params) error
	// methods are those that are answered, besides OPTIONS; nil is GET and HEAD.
	methods []string
	// parameters are the query parameters that are accepted; others are refused.
	parameters []parameter
	// fail answers an error; nil is writeProblem.
	fail func(http.ResponseWriter, *http.Request, *Problem)
	// turns bounds how many requests of a tenant are answered at a time; nil where an
	// answer costs next to nothing.
	turns *turns
	// unbounded is set where an answer may take longer than Config.QueryTimeout.
	unbounded bool
	// quiet keeps what watches the service every few seconds out of the log.
	quiet bool
	// prefix is set where path is the beginning of many paths.
	prefix bool
	// page is set where people look, not programs: OpenAPI leaves it out.
	page bool
}

// ofTenant reports whether the answers are about one tenant.
func (rt route) ofTenant() bool { return slices.Contains(rt.parameters, tenantParameter) }

// routes is the one table of what is served.
func (s *Server) routes() []route {
	return []route{
		{path: "/v1/actions", handle: s.listActions, parameters: listParameters, turns: s.queries},
		{path: "/v1/actions/{id}", handle: s.getAction, parameters: []parameter{tenantParameter, contentParameter}, turns: s.queries},
		{path: "/v1/count", handle: s.countActions, parameters: countParameters, turns: s.queries},
		{path: "/v1/histogram", handle: s.histogram, parameters: histogramParameters, turns: s.queries},
		{path: "/v1/facets", handle: s.facets, parameters: facetParameters, turns: s.queries},
		{path: "/v1/compare", handle: s.compareActions, parameters: compareParameters, turns: s.queries},
		{path: "/v1/subjects/{type}/{id}/timeline", handle: s.timeline, parameters: listParameters, turns: s.queries},
		{path: "/v1/actors/{id}", handle: s.getActor, parameters: actorParameters, turns: s.queries},
		{path: "/v1/actors/{id}/week", handle: s.getWeek, parameters: filterParameters, turns: s.queries},
		{path: "/v1/export.csv", handle: s.exportCSV, parameters: exportParameters, turns: s.exports, unbounded: true, fail: s.failLink},
		{path: "/v1/feed", handle: s.readFeed, parameters: feedParameters, turns: s.queries},
		{path: "/v1/tail", handle: s.tail, parameters: tailParameters, turns: s.tails, unbounded: true},
		{path: "/v1/rejected", handle: s.listRejected, parameters: slices.Concat(rejectedParameters, pageParameters), turns: s.queries},
		{path: "/openapi.json", handle: s.getOpenAPI},
		{path: "/", handle: s.servePage, parameters: logParameters, turns: s.queries, fail: s.failPage, page: true},
		{path: "/events/{id}", handle: s.serveEvent, parameters: eventParameters, turns: s.queries, fail: s.failEvent, page: true},
		{path: "/events/{id}/around", handle: s.serveAround, parameters: eventParameters, turns: s.queries, fail: s.failPage, page: true},
		{path: "/records/{type}/{id}", handle: s.serveRecord, parameters: recordPageParameters, turns: s.queries, fail: s.failPage, page: true},
		{path: "/users/{id}", handle: s.serveUser, parameters: actorPageParameters, turns: s.queries, fail: s.failPage, page: true},
		{path: "/compare", handle: s.serveCompare, parameters: comparePageParameters, turns: s.queries, fail: s.failPage, page: true},
		{path: "/menus/user", handle: s.serveUsers, parameters: menuParameters, turns: s.queries, fail: s.failFragment, page: true},
		{path: "/menus/action", handle: s.serveActions, parameters: menuParameters, turns: s.queries, fail: s.failFragment, page: true},
		{path: "/fragments/rows", handle: s.streamRows, parameters: slices.Concat(keptParameters, []parameter{{name: "cursor"}}), turns: s.queries, fail: s.failFragment, page: true},
		{path: "/fragments/count", handle: s.serveCount, parameters: keptParameters, turns: s.queries, fail: s.failFragment, page: true},
		{path: "/fragments/histogram", handle: s.serveHistogram, parameters: keptParameters, turns: s.queries, fail: s.failHistogram, page: true},
		{path: "/fragments/complete", handle: s.serveCompletions, parameters: completeParameters, turns: s.queries, fail: s.failFragment, page: true},
		{path: "/preferences", handle: s.savePreferences, methods: []string{http.MethodPost}, fail: s.failPreferences, page: true},
		{path: web.RejectedPath, handle: s.serveRejected, parameters: slices.Concat(rejectedParameters, []parameter{{name: "tz"}, {name: "cursor"}, {name: "set"}, {name: "from_was"}, {name: "to_was"}}), turns: s.queries, fail: s.failRejected, page: true},
		{path: web.AssetPrefix, handle: s.serveAsset, fail: s.failNotFound, prefix: true, page: true},
		{path: "/healthz", handle: s.healthz, quiet: true},
		{path: "/readyz", handle: s.readyz, quiet: true},
	}
}

// reading are the methods of routes that change nothing.
var reading = []string{http.MethodGet, http.MethodHead}

// Handler returns the service as an http.Handler.
func (s *Server) Handler() http.Handler { return s.handler }

func (s *Server) router() http.Handler {
	// Paths are matched as they were sent, so that an id may hold an encoded slash,
	// and are not cleaned, so that no id is redirected to another.
	router := mux.NewRouter().UseEncodedPath().SkipClean(true)
	for _, rt := range s.routes() {
		if rt.prefix {
			router.PathPrefix(rt.path).Handler(s.serve(rt))
		} else {
			router.Path(rt.path).Handler(s.serve(rt))
		}
	}
	router.NotFoundHandler = s.serve(route{fail: s.failNotFound, handle: func(_ http.ResponseWriter, r *http.Request, _ params) error {
		return notFound(r.URL.Path)
	}})
	return router
}

// serve is the one path that every request takes: it bounds its time, lets the
// route answer, turns errors and panics into answers, and logs.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder := &recorder{ResponseWriter: w}
		setSecurityHeaders(w.Header())
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(s.stopping, cancel)() //nolint:contextcheck // ends with the server as well as with r
		r = r.WithContext(ctx)

		p := s.answer(rt, recorder, r)
		if p != nil && !recorder.wrote {
			s.fail(rt, recorder, r, p)
		}
		s.log(rt, recorder, r, time.Since(start), p)
		if recorder.cut {
			abort(r)
		}
	})
}

// abort ends a connection in the middle of an answer, so that what was sent does
// not look whole. It does not return.
func abort(r *http.Request) {
	// HTTP/1.0, which proxies still speak, ends an answer by closing the connection;
	// only a reset tells the two ends apart.
	if conn, ok := r.Context().Value(connKey{}).(*net.TCPConn); ok && !r.ProtoAtLeast(1, 1) {
		_ = conn.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}

// connKey is where a request's context holds its connection.
type connKey struct{}

// answer lets the route's handler answer, and returns what went wrong, panics too, as a
// problem; nil when nothing did.
func (s *Server) answer(rt route, w *recorder, r *http.Request) (p *Problem) {
	asked := r // its context does not end before this function does
	defer func() {
		if v := recover(); v != nil {
			p = s.asProblem(asked, &panicError{value: v, stack: stack()})
			w.cut = w.wrote
		}
	}()
	var accepted params
	if rt.path != "" { // where nothing is, no method or parameter is to blame
		methods := rt.methods
		if methods == nil {
			methods = reading
		}
		allow := strings.Join(append(slices.Clone(methods), http.MethodOptions), ", ")
		switch {
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
			return nil
		case !slices.Contains(methods, r.Method):
			return methodNotAllowed(r.Method, allow)
		}
		var err error
		if accepted, err = parseParams(r.URL.RawQuery, rt.parameters); err != nil {
			return s.asProblem(r, err)
		}
	}
	done, err := takeTurn(r.Context(), rt, accepted)
	if err != nil {
		return s.asProblem(r, err)
	}
	defer done()
	if !rt.unbounded {
		limit := s.cfg.QueryTimeout + partialGrace
		bounded, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		r = r.WithContext(bounded)
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + writeGrace))
	}
	if err := rt.handle(w, r, accepted); err != nil {
		w.cut = w.wrote
		return s.asProblem(r, err)
	}
	return nil
}

// fail answers an error before anything else was written.
func (s *Server) fail(rt route, w *recorder, r *http.Request, p *Problem) {
	for _, name := range []string{"Content-Disposition", "Content-Length", "ETag", "Last-Modified"} {
		w.Header().Del(name)
	}
	w.Header().Set("Cache-Control", "no-store")
	if p.allow != "" {
		w.Header().Set("Allow", p.allow)
	}
	if p.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.retryAfter.Seconds())))
	}
	if p.Status == statusClientClosed {
		w.status = p.Status
		return
	}
	if rt.fail != nil {
		rt.fail(w, r, p)
		return
	}
	writeProblem(w, r, p)
}

// log writes the request to the log, with what went wrong if it did. The query
// string stays out: it tells whom an analyst looks for.
func (s *Server) log(rt route, w *recorder, r *http.Request, took time.Duration, p *Problem) {
	level, attributes := slog.LevelInfo, []slog.Attr{
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes), slog.Duration("took", took), slog.String("remote", r.RemoteAddr),
	}
	if rt.quiet {
		level = slog.LevelDebug
	}
	if w.cut {
		attributes = append(attributes, slog.Bool("cut", true))
	}
	if p != nil && p.cause != nil {
		attributes = append(attributes, slog.String("error", p.cause.Error()))
		if panicked := (*panicError)(nil); errors.As(p.cause, &panicked) {
			attributes = append(attributes, slog.String("stack", panicked.stack))
		}
		if p.Status >= http.StatusInternalServerError {
			level = slog.LevelError
		}
	}
	s.logger.LogAttrs(context.WithoutCancel(r.Context()), level, "request", attributes...)
}

// setSecurityHeaders sets what is right for answers that are data. The page sets
// a wider Content-Security-Policy of its own.
func setSecurityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

func (s *Server) healthz(w http.ResponseWriter, _ *http.Request, _ params) error {
	writeText(w, "ok\n")
	return nil
}

// readyz reports whether questions can be answered: the database is there and has
// the schema.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request, _ params) error {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.store.Ping(ctx); err != nil {
		p := newProblem("unavailable", "The service is not available", http.StatusServiceUnavailable,
			"The database cannot be asked. The service's log says why.")
		p.cause = err
		return p
	}
	writeText(w, "ready\n")
	return nil
}

func writeText(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	writeBody(w, http.StatusOK, []byte(text))
}

// Run serves at Config.QueryAddr until the context ends, as Serve does.
func (s *Server) Run(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.QueryAddr)
	if err != nil {
		return fmt.Errorf("listen at ACTIONLOG_QUERY_ADDR %s: %w", s.cfg.QueryAddr, err)
	}
	return s.Serve(ctx, listener)
}

// Serve answers at a listener until the context ends. Then it takes no new
// connections, lets the requests at work go on for 20 s, aborts those that are
// left, and returns nil when no handler runs any more. It closes the listener. A
// server serves once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, c)
		},
		ErrorLog: slog.NewLogLogger(s.logger.Handler(), slog.LevelWarn),
	}
	defer s.stop()
	defer s.endTails()
	server.RegisterOnShutdown(s.endTails)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	s.logger.InfoContext(ctx, "query is listening", slog.String("address", listener.Addr().String()))

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve HTTP at %s: %w", listener.Addr(), err)
	}
	// The context has ended, but the requests have not: they get their own time.
	rest := context.WithoutCancel(ctx)
	drain, cancel := context.WithTimeout(rest, s.drain)
	defer cancel()
	if server.Shutdown(drain) == nil {
		return err
	}
	s.logger.WarnContext(rest, "requests are still at work and are aborted", slog.Duration("after", s.drain))
	s.stop()
	abort, cancel := context.WithTimeout(rest, abortTimeout)
	defer cancel()
	if shutdown := server.Shutdown(abort); shutdown != nil {
		return errors.Join(err, fmt.Errorf("stop HTTP: %w", errors.Join(shutdown, server.Close())))
	}
	return err
}
