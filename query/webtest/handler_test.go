package webtest

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"html"
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

// text is the body as a browser reads the values of its attributes.
func (a answer) text() string { return html.UnescapeString(a.body) }

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
	olderLink  = regexp.MustCompile(`href="([^"]+)" data-key="n" rel="next"`)
	described  = regexp.MustCompile(`c-desc"><span class="clamp" dir="auto">([^<]*)</span>`)
)

func TestFirstViewIsSmallAndStrict(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(60)...)
	s.add(oddEvents(time.Now())...)
	page := get(t, s.url+"/")
	if page.status != http.StatusOK || page.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET /: %d %s", page.status, page.header.Get("Content-Type"))
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "script-src 'self'") {
		t.Errorf("Content-Security-Policy: %s", policy)
	}
	if i := regexp.MustCompile(`(?i)<script>|<style|\sstyle=|\son[a-z]+=|javascript:|hx-on`).FindString(page.body); i != "" {
		t.Errorf("the page contains %q", i)
	}
	for _, script := range regexp.MustCompile(`(?s)<script([^>]*)>(.*?)</script>`).FindAllStringSubmatch(page.body, -1) {
		sum := sha256.Sum256([]byte(script[2]))
		if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("%s does not allow <script%s>%s", policy, script[1], script[2])
		}
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
	f("search=&q=&from=&to=&actor=&action=", "/")
	f("q=+invoice+&from=&to=&actor=&action=", "/?search=invoice")
	f("q=&from=2026-11-01T08%3A30&to=2026-11-02&actor=", "/?search=from%3A2026-11-01T08%3A30+to%3A2026-11-02")
	f("actor=b&actor=!a", "/?search=actor%3Ab+-actor%3Aa")
	f("search=late+-xero&actor=b&ip=10.0.0.0/8", "/?search=late+-xero+actor%3Ab+ip%3A10.0.0.0%2F8")
	f("tenant=default&action=invoice.posted", "/?search=action%3Ainvoice.posted")
	// The form: the button says which part of the line is written anew.
	f("search=late+actor:b&set=line&actor=z&from=2026-01-01T00:00", "/?search=late+actor%3Ab")
	f("search=late+actor:b&set=actor&actor_is=not&actor=z&actor=y", "/?search=late+-actor%3Az+-actor%3Ay")
	f("search=actor:a+-actor:b&set=actor&actor_is=is&actor=a", "/?search=actor%3Aa+-actor%3Ab")
	f("search=actor:a+-actor:b&set=actor&actor_is=is&actor=a&actor=c", "/?search=-actor%3Ab+actor%3Aa+actor%3Ac")
	f("search=actor:a+-actor:b&set=actor&actor_is=not&actor=a", "/?search=-actor%3Ab+-actor%3Aa")
	f("search=action:invoice.*+-action:invoice.deleted+late&set=action&action_is=is&action=invoice.*", "/?search=late+action%3Ainvoice.%2A+-action%3Ainvoice.deleted")
	f("search=from:-7d&set=date&from=2026-11-20T10:00&from_was=2026-11-20T10:00&to=&to_was=", "/?search=from%3A-7d")
	f("search=from:-7d&set=date&from=2026-11-20T10:00&from_was=2026-11-20T10:00&to=2099-11-21T00:00&to_was=", "/?search=from%3A-7d+to%3A2099-11-21&tz=UTC")
	f("search=late+actor:b&set=actor&actor_is=is", "/?search=late+actor%3Ab"[:len("/?search=late")])
	f("search=late&set=date&from=2026-01-01T00:00&to=2026-02-01T13:00", "/?search=late+from%3A2026-01-01+to%3A2026-02-01T13%3A00&tz=UTC")
	f("search=late&set=action&category=delete&action=invoice.posted", "/?search=late+action%3Ainvoice.posted+category%3Adelete")
}

func TestErrorsAreShownAtTheLine(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	f := func(query string, texts ...string) {
		t.Helper()
		a := get(t, s.url+"/?"+query)
		if a.status != http.StatusBadRequest {
			t.Errorf("/?%s: %d, want 400", query, a.status)
		}
		for _, text := range append(texts, `<form`, "Nothing was searched") {
			if !strings.Contains(a.text(), text) {
				t.Errorf("/?%s: the page lacks %q", query, text)
			}
		}
	}
	f("search=crane+actr:bob", `aria-invalid="true"`, `data-column="7"`, `role="alert"`, "<bdi>actr:bob</bdi>", "did you mean actor?", `href="/?search=crane+actor%3Abob"`)
	f("search=from:someday", `data-column="6"`, "someday", `value="from:someday"`)
	f("search=outcome:fine", `data-column="9"`, "no such value", `href="/"`)
	f("search=ip:10.0.0.300", "no IP address")
	f(`search=%22late`, `<bdi>"late"</bdi>`)
	f("search=from:2026-11-02+to:2026-11-01", `data-column="20"`, "<bdi>to:2026-11-01</bdi>", "is not before the end", `href="/?search=from%3A2026-11-02`)
	f("search="+strings.Repeat("x", 20000), "20,000 characters")
	f("limit=many", "no number of rows")
	f("search=late&cursor=xyz", "does not lead to a page", "Newest events", `href="/?search=late"`)
	f("colour=red", "no parameter")
	f("search=a&search=b", "2 times")
	f("search=%ff", "UTF-8")
	f("search=%zz", "cannot be read")
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
	nothing := get(t, s.url+"/?search=crane+actor%3Abob+from%3A2026-01-01")
	if nothing.status != http.StatusOK {
		t.Errorf("nothing found: %d", nothing.status)
	}
	for _, text := range []string{"No event matches all of these", `href="/?search=crane+actor%3Abob"`, `href="/?search=actor%3Abob+from%3A2026-01-01"`, "Search all history", "Clear all"} {
		if !strings.Contains(nothing.text(), text) {
			t.Errorf("nothing found: the page lacks %q", text)
		}
	}
	for search, want := range map[string]bool{"actor:b*": true, "nowher*": true, "nowhere": false, "action:nowhere.*": false} {
		if got := strings.Contains(get(t, s.url+"/?search="+url.QueryEscape(search)).text(), "A * stands for itself"); got != want {
			t.Errorf("%s: what a star means is said: %t, want %t", search, got, want)
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
	a := get(t, serveStore(t, st, cfg)+"/?search=crane+action%3Ainvoice.posted")
	if a.status != http.StatusServiceUnavailable || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%d %s, want a page with 503", a.status, a.header.Get("Content-Type"))
	}
	for _, text := range []string{"cannot be searched right now", "Try again", `href="/?search=crane+action%3Ainvoice.posted"`, "ACTIONLOG_CLICKHOUSE_DSN", `value="crane action:invoice.posted"`} {
		if !strings.Contains(a.text(), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
	if strings.Contains(a.body, "127.0.0.1:1") {
		t.Error("the page tells where the database is")
	}
}

func TestExportLinkKeepsTheQuestion(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	a := get(t, s.url+"/?limit=1&search=invoice+actor%3Aalice+from%3Ayesterday")
	for _, text := range []string{`/v1/export.csv?`, `search=invoice+actor%3Aalice+from%3Ayesterday&tz=UTC`} {
		if !strings.Contains(a.text(), text) {
			t.Errorf("%d: the page lacks %s", a.status, text)
		}
	}
}

// Preferences are set from the page only, and lead back to it only.
// What completes the line is asked for by a script alone, and says what it cannot read.
func TestCompletionsAreAFragment(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	if page := get(t, s.url+"/"); strings.Contains(page.body, "combobox") {
		t.Error("without scripts the line claims to complete")
	}
	list := get(t, s.url+"/fragments/complete?at=14&wait=1&search="+url.QueryEscape("crane -actor:b"))
	if !strings.Contains(list.body, `data-insert="bob " data-begin="13" data-end="14"`) || strings.Contains(list.body, "alice") {
		t.Errorf("%d %s", list.status, list.body)
	}
	for _, at := range []string{"", "-1", "x"} {
		if a := get(t, s.url+"/fragments/complete?search=a&at="+at); a.status != http.StatusBadRequest {
			t.Errorf("at=%q: %d", at, a.status)
		}
	}
}

func TestPreferencesAreGuarded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	f := func(form, site string, status int, location string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/preferences", strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", site)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != status || resp.Header.Get("Location") != location {
			t.Errorf("%s from %s: %d to %q, want %d to %q", form, site, resp.StatusCode, resp.Header.Get("Location"), status, location)
		}
	}
	f("names=theme&theme=dark&back=/?search=x", "same-origin", 303, "/?search=x")
	f("names=theme&theme=dark&back=//evil.example", "same-origin", 303, "/")
	f("names=theme&theme=dark&back=https://evil.example", "same-origin", 303, "/")
	f("names=theme&theme=dark", "cross-site", 403, "")
	f("names=theme&theme=pink", "same-origin", 400, "")
	f("names=session&session=1", "same-origin", 400, "")
	f("names=zone&zone=Mars/Olympus", "same-origin", 400, "")
}
