package webtest

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// answer is what a browser gets.
type answer struct {
	status int
	header http.Header
	body   string
	// size is that of the body as it was sent.
	size int
}

// get asks as a browser does, without following redirects.
func get(t *testing.T, address string) answer {
	t.Helper()
	return request(t, http.MethodGet, address, "text/html,application/xhtml+xml,*/*;q=0.8")
}

func request(t *testing.T, method, address, accept string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	sent, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(sent), size: len(sent)}
	if resp.Header.Get("Content-Encoding") == "gzip" && len(sent) > 0 {
		z, err := gzip.NewReader(strings.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		a.body = string(plain)
	}
	return a
}

var (
	assetLinks = regexp.MustCompile(`"(/assets/[^"#]+)[#"]`)
	olderLink  = regexp.MustCompile(`href="([^"]+)" rel="next"`)
	described  = regexp.MustCompile(`<span class="clamp" dir="auto">([^<]*)</span></summary>`)
)

func TestFirstViewIsSmallAndHasNoScript(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	s.add(oddEvents(time.Now())...)
	page := get(t, s.url+"/")
	if page.status != http.StatusOK || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET /: %d %s", page.status, page.header.Get("Content-Type"))
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
		t.Errorf("Content-Security-Policy: %s", policy)
	}
	if i := regexp.MustCompile(`(?i)<script|\sstyle=|\son[a-z]+=|javascript:`).FindString(page.body); i != "" {
		t.Errorf("the page contains %q", i)
	}
	total := page.size
	for _, path := range uniqueAssets(page.body) {
		a := get(t, s.url+path)
		if a.status != http.StatusOK || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %d, Cache-Control %q", path, a.status, a.header.Get("Cache-Control"))
		}
		total += a.size
		if old := get(t, s.url+strings.Replace(path, ".", ".0", 1)); old.status != http.StatusNotFound {
			t.Errorf("an asset of another hash: %d, want 404", old.status)
		}
	}
	t.Logf("first view: %d bytes compressed, of which %d are the page (%d plain)", total, page.size, len(page.body))
	if total > 100_000 {
		t.Errorf("the first view is %d bytes", total)
	}
}

func uniqueAssets(body string) []string {
	var paths []string
	for _, match := range assetLinks.FindAllStringSubmatch(body, -1) {
		if !slices.Contains(paths, match[1]) {
			paths = append(paths, match[1])
		}
	}
	return paths
}

func TestPagesHoldEveryEventOnce(t *testing.T) {
	t.Parallel()
	const n = 127
	s := serve(t, numbered(n)...)
	s.add(action.Event{Time: time.Now(), Tenant: "another", Actor: action.Actor{ID: "eve"}, Action: "record.viewed", Description: "not of this log"})
	var seen []string
	next := "/"
	for pages := 0; next != ""; pages++ {
		page := get(t, s.url+next)
		if page.status != http.StatusOK || pages > n {
			t.Fatalf("GET %s: %d", next, page.status)
		}
		for _, match := range described.FindAllStringSubmatch(page.body, -1) {
			seen = append(seen, match[1])
		}
		next = ""
		if match := olderLink.FindStringSubmatch(page.body); match != nil {
			next = strings.ReplaceAll(match[1], "&amp;", "&")
		}
	}
	want := make([]string, n)
	for i, e := range numbered(n) {
		want[i] = e.Description
	}
	if !slices.Equal(seen, want) {
		t.Errorf("%d events in order, want %d: %q", len(seen), n, seen)
	}
}

func TestFormsLeadToCleanAddresses(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(1)...)
	f := func(query, want string) {
		t.Helper()
		a := get(t, s.url+"/?"+query)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != want {
			t.Errorf("/?%s: %d, Location %q, want %q", query, a.status, a.header.Get("Location"), want)
			return
		}
		if again := get(t, s.url+want); again.status != http.StatusOK {
			t.Errorf("%s: %d", want, again.status)
		}
	}
	f("q=&from=&to=&actor=&action=", "/")
	f("q=+invoice+&from=&to=&actor=&action=", "/?q=invoice")
	f("q=&from=2026-11-01T08%3A30&to=2026-11-02&actor=", "/?from=2026-11-01T08%3A30%3A00Z&to=2026-11-02T00%3A00%3A00Z")
	f("actor=b&actor=a&actor=b&actor=", "/?actor=b&actor=a")
	f("tenant=default&action=invoice.posted", "/?action=invoice.posted")
	f("from=2026-11-01T08%3A30%3A00%2B02%3A00", "/?from=2026-11-01T06%3A30%3A00Z")
}

func TestErrorsAreShownAtTheirFilter(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	f := func(query string, texts ...string) {
		t.Helper()
		a := get(t, s.url+"/?"+query)
		if a.status != http.StatusBadRequest {
			t.Errorf("/?%s: %d, want 400", query, a.status)
		}
		for _, text := range append(texts, `<form`, `role="alert"`, "Nothing was searched", "Alice Okonkwo") {
			if !strings.Contains(a.body, text) {
				t.Errorf("/?%s: the page lacks %q", query, text)
			}
		}
	}
	f("from=2026-13-01&q=crane", `id="error-from"`, "“2026-13-01”", `value="crane"`, "is-wrong", `aria-describedby="error-from"`)
	f("to=someday&actor=alice", `id="error-to"`, "“someday”", `value="alice" checked`)
	f("from=2026-11-02&to=2026-11-01", `id="error-from"`, "not before To", `value="2026-11-02T00:00"`)
	f("q="+strings.Repeat("x", 8193), `id="error-q"`, "8193 characters")
	f("actor="+strings.Repeat("x", 257), `id="error-actor"`)
	f("limit=many", "limit is", `id="error-address"`)
	f("cursor=xyz", "cursor is not valid")
	f("colour=red", "no parameter")
	f("q=a&q=b", `id="error-q"`, "2 times")
	f("q=%ff", `id="error-q"`, "UTF-8")
	f("q=%zz", "cannot be read")
}

func TestNothingIsThere(t *testing.T) {
	t.Parallel()
	s := serve(t)
	f := func(method, path, accept string, status int, kind string) {
		t.Helper()
		a := request(t, method, s.url+path, accept)
		if a.status != status || !strings.HasPrefix(a.header.Get("Content-Type"), kind) {
			t.Errorf("%s %s: %d %s, want %d %s", method, path, a.status, a.header.Get("Content-Type"), status, kind)
		}
		if method == http.MethodHead && a.size > 0 {
			t.Errorf("HEAD %s has a body", path)
		}
	}
	f("GET", "/nowhere", "text/html", 404, "text/html")
	f("GET", "/assets/", "text/html", 404, "text/html")
	f("GET", "/nowhere", "*/*", 404, "application/problem+json")
	f("GET", "/v1/nowhere", "text/html", 404, "application/problem+json")
	f("HEAD", "/", "text/html", 200, "text/html")
	f("HEAD", "/nowhere", "text/html", 404, "text/html")
	f("POST", "/", "text/html", 405, "text/html")
}

func TestFirstRunAndNothingFound(t *testing.T) {
	t.Parallel()
	s := serve(t)
	first := get(t, s.url+"/")
	if first.status != http.StatusOK || !strings.Contains(first.body, `echo &#39;{&#34;actor&#34;:{&#34;id&#34;:&#34;alice&#34;},&#34;action&#34;:&#34;record.viewed&#34;}&#39; | bin/actionlog emit`) {
		t.Errorf("first run: %d, want the command that emits an event", first.status)
	}
	other := get(t, s.url+"/?tenant="+url.QueryEscape(`it's "us"`))
	if !strings.Contains(other.body, `&#39;{&#34;tenant&#34;:&#34;it&#39;\&#39;&#39;s \&#34;us\&#34;&#34;,&#34;actor&#34;`) {
		t.Error("first run of a tenant: the command does not name the tenant")
	}
	s.add(numbered(2)...)
	nothing := get(t, s.url+"/?q=crane&actor=bob&from=2026-01-01T00%3A00%3A00Z")
	if nothing.status != http.StatusOK {
		t.Errorf("nothing found: %d", nothing.status)
	}
	for _, text := range []string{"No event matches all of these", `href="/?actor=bob&amp;q=crane"`, `href="/?actor=bob&amp;from=2026-01-01T00%3A00%3A00Z"`, "Search all history", "Clear all"} {
		if !strings.Contains(nothing.body, text) {
			t.Errorf("nothing found: the page lacks %q", text)
		}
	}
}

func TestStoreIsGone(t *testing.T) {
	t.Parallel()
	// Port 1 answers nothing.
	cfg := query.Config{ClickHouseDSN: "http://127.0.0.1:1/actionlog", QueryAddr: "127.0.0.1:0", QueryTimeout: 10 * time.Second, QueryConcurrency: 8, ExportConcurrency: 8}
	st, err := store.Open(cfg.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	a := get(t, serveStore(t, st, cfg)+"/?q=crane&action=invoice.posted")
	if a.status != http.StatusServiceUnavailable || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s, want a page with 503", a.status, a.header.Get("Content-Type"))
	}
	for _, text := range []string{"cannot be searched right now", "Try again", `href="/?action=invoice.posted&amp;q=crane"`, "ACTIONLOG_CLICKHOUSE_DSN", `value="crane"`} {
		if !strings.Contains(a.body, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if strings.Contains(a.body, "127.0.0.1:1") {
		t.Error("the page tells where the database is")
	}
}

func TestExportLinkKeepsTheFilters(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	a := get(t, s.url+"/?action=invoice.posted&actor=alice&limit=1&q=invoice")
	link := `href="/v1/export.csv?action=invoice.posted&amp;actor=alice&amp;q=invoice" aria-label="Download this view as CSV"`
	if !strings.Contains(a.body, link) {
		t.Errorf("%d: the page lacks %s", a.status, link)
	}
}
