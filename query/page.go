package query

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

//go:embed web/*.html web/*.css web/*.svg
var webFiles embed.FS

// pagePolicy is the Content-Security-Policy of the page: its own style sheet and
// icons, forms to itself, and no script at all.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// choicesTimeout bounds the wait for menus on a page that shows an error anyway.
const choicesTimeout = 2 * time.Second

// page renders the web page. It holds what never changes between requests.
type page struct {
	templates *template.Template
	assets    assets
	catalogue *action.Catalogue
	icons     map[string]bool
}

func newPage(catalogue *action.Catalogue) (*page, error) {
	p := &page{catalogue: catalogue}
	var err error
	if p.assets, err = loadAssets(webFiles, "web"); err != nil {
		return nil, err
	}
	p.icons = p.assets.icons("icons.svg")
	p.templates, err = template.New("").Funcs(template.FuncMap{"asset": p.assets.path, "icon": p.icon}).ParseFS(webFiles, "web/*.html")
	if err != nil {
		return nil, fmt.Errorf("parse the page's templates: %w", err)
	}
	return p, nil
}

// icon returns the markup of an icon. Its label stands beside it, so it is hidden
// from screen readers. Classes are those of the style sheet.
func (p *page) icon(name string, classes ...string) (template.HTML, error) {
	if !p.icons[name] {
		return "", fmt.Errorf("there is no icon %q", name)
	}
	class := strings.Join(append([]string{"i"}, classes...), " ")
	//nolint:gosec // the name is one of the shipped icons; path and class are escaped
	return template.HTML(`<svg class="` + template.HTMLEscapeString(class) + `" aria-hidden="true"><use href="` +
		template.HTMLEscapeString(p.assets.path("icons.svg")) + "#i-" + name + `"/></svg>`), nil
}

// servePage answers / with the newest actions that match, as people read them.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	l, err := s.readList(m, p)
	if err != nil {
		return err
	}
	filter := l.Filter
	if clean := canonicalQuery(p, filter); !reflect.DeepEqual(clean, r.URL.Query()) {
		// Forms send empty fields; what is kept and shared is the clean address.
		http.Redirect(w, r, pageURL("/", clean.Encode()), http.StatusSeeOther)
		return nil
	}

	var choices store.Choices
	group, ctx := errgroup.WithContext(m.ctx)
	group.Go(func() error {
		page, err := s.store.List(ctx, l.search())
		l.fill(page)
		return err //nolint:wrapcheck // the store's errors say enough
	})
	group.Go(func() (err error) {
		choices, err = s.store.Choices(ctx, filter.Tenant)
		return err //nolint:wrapcheck // the store's errors say enough
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	b := viewBuilder{page: s.page, path: "/", now: s.now().UTC(), query: r.URL.Query(), filter: filter, text: p.one("q"), choices: choices, settable: true}
	return s.page.render(w, r, http.StatusOK, "page", b.list(l))
}

// failPage answers an error with a page: the form stays usable, and what is wrong
// stands at the filter that it is about.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, problem *Problem) {
	b := viewBuilder{page: s.page, path: "/", now: s.now().UTC(), query: r.URL.Query(), problem: problem, settable: problem.Status != http.StatusNotFound}
	b.filter = readableFilter(b.query, b.now)
	b.text = strings.ToValidUTF8(b.query.Get("q"), "\uFFFD")
	if problem.Status == http.StatusBadRequest {
		ctx, cancel := context.WithTimeout(r.Context(), choicesTimeout)
		defer cancel()
		// Without choices the menus hold less, and the page says what it has to say.
		b.choices, _ = s.store.Choices(ctx, b.filter.Tenant)
	}
	if err := s.page.render(w, r, problem.Status, "page", b.failure()); err != nil {
		problem.cause = errors.Join(problem.cause, err)
		writeProblem(w, r, problem)
	}
}

// failNotFound answers what is not there: with a page to a browser, and with
// problem details to programs and beneath /v1/.
func (s *Server) failNotFound(w http.ResponseWriter, r *http.Request, problem *Problem) {
	w.Header().Add("Vary", "Accept")
	if strings.HasPrefix(r.URL.Path, "/v1/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeProblem(w, r, problem)
		return
	}
	s.failPage(w, r, problem)
}

// canonicalQuery returns the parameters of the page for what was asked: without
// empty and repeated values, with times in UTC.
func canonicalQuery(p params, f store.Filter) url.Values {
	values := url.Values{}
	for name, given := range p.values {
		for _, v := range given {
			if !slices.Contains(values[name], v) {
				values.Add(name, v)
			}
		}
	}
	if f.Tenant == action.DefaultTenant {
		values.Del("tenant")
	}
	if text := strings.TrimSpace(p.one("q")); text != "" {
		values.Set("q", text)
	} else {
		values.Del("q")
	}
	for name, t := range map[string]time.Time{"from": f.From, "to": f.To} {
		if values.Has(name) {
			values.Set(name, t.Format(time.RFC3339Nano))
		}
	}
	return values
}

func pageURL(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// readableFilter returns what can be read of a query string that was refused, so
// that the form shows again what was entered. Relative times are counted from now.
func readableFilter(query url.Values, now time.Time) store.Filter {
	f := store.Filter{Tenant: strings.ToValidUTF8(query.Get("tenant"), "\uFFFD")}
	if f.Tenant == "" {
		f.Tenant = action.DefaultTenant
	}
	keep := func(values []string) (kept []string) {
		for _, v := range values {
			if v != "" && !slices.Contains(kept, v) {
				kept = append(kept, strings.ToValidUTF8(v, "\uFFFD"))
			}
		}
		return kept
	}
	for _, name := range []string{"actor", "action"} {
		if values := keep(query[name]); values != nil {
			f.Conditions = append(f.Conditions, store.Condition{Field: name, Values: values})
		}
	}
	f.From, _ = parseTimeOrZero(query.Get("from"), now)
	f.To, _ = parseTimeOrZero(query.Get("to"), now)
	return f
}

func parseTimeOrZero(value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	return search.ParseTime(value, search.From, now, time.UTC) //nolint:wrapcheck // it is shown as it is
}

// render answers with a page. Nothing is written before the whole page is made, so
// that half a page is never taken for a whole one.
func (p *page) render(w http.ResponseWriter, r *http.Request, status int, template string, v any) error {
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, template, v); err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Add("Vary", "Accept-Encoding")
	content := body.Bytes()
	if acceptsGzip(r) {
		content = compress(content)
		h.Set("Content-Encoding", "gzip")
	}
	writeBody(w, status, content)
	return nil
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	// A buffer takes everything, so neither call can fail.
	_, _ = z.Write(content)
	_ = z.Close()
	return b.Bytes()
}

// acceptsGzip reports whether the client takes a gzip answer.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, weighted := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if name == "gzip" {
			q, err := strconv.ParseFloat(weight, 64)
			return !weighted || err == nil && q > 0
		}
	}
	return false
}
