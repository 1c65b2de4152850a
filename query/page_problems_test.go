package query

import (
	"encoding/json"
	"errors"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/store"
)

// phrases are what each message of a language says beside its values, where that is long
// enough to be told from anything else.
func phrases(t *testing.T, tag string) map[string][]string {
	t.Helper()
	content, err := os.ReadFile("web/locales/" + tag + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]any
	if err := json.Unmarshal(content, &messages); err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	add := func(id string, message any) {
		text, _ := message.(string)
		for _, part := range regexp.MustCompile(`\{\{.*?\}\}`).Split(text, -1) {
			if part = strings.TrimSpace(part); utf8.RuneCountInString(part) > 9 && strings.Contains(part, " ") {
				all[id] = append(all[id], part)
			}
		}
	}
	for id, message := range messages {
		forms, plural := message.(map[string]any)
		if !plural {
			add(id, message)
		}
		for _, form := range forms {
			add(id, form)
		}
	}
	return all
}

// german holds what pages say to who reads German to the messages of the languages: english
// are those that say something else in German, german what no other message says.
type german struct {
	t               *testing.T
	english, german map[string][]string
	// said are the messages that any answer had.
	said map[string]bool
}

// shown is the text of a page that people see.
func shown(page string) string {
	var b strings.Builder
	for {
		text, rest, _ := strings.Cut(page, "<")
		b.WriteString(html.UnescapeString(text))
		b.WriteByte('\n')
		tag, rest, more := strings.Cut(rest, ">")
		if !more {
			return b.String()
		}
		for _, name := range []string{"script", "template"} {
			if strings.HasPrefix(tag, name) {
				_, rest, _ = strings.Cut(rest, "</"+name+">")
			}
		}
		page = rest
	}
}

func newGerman(t *testing.T) *german {
	t.Helper()
	g := &german{t: t, english: phrases(t, "en"), german: phrases(t, "de"), said: map[string]bool{}}
	of := map[string]int{}
	for _, parts := range g.german {
		for _, part := range parts {
			of[part]++
		}
	}
	for id, parts := range g.english {
		g.english[id] = slices.DeleteFunc(parts, func(part string) bool { return of[part] > 0 })
	}
	for id, parts := range g.german {
		g.german[id] = slices.DeleteFunc(parts, func(part string) bool { return of[part] > 1 })
	}
	return g
}

// check says what of an answer is English, or nothing that anybody can do something about.
func (g *german) check(asked string, w *httptest.ResponseRecorder) {
	g.t.Helper()
	if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		g.t.Errorf("%s: %d %s, want a page", asked, w.Code, kind)
		return
	}
	text := shown(w.Body.String())
	for id, parts := range g.english {
		for _, part := range parts {
			if strings.Contains(text, part) {
				g.t.Errorf("%s: %d says in English %q (%s)", asked, w.Code, part, id)
			}
		}
	}
	for id, parts := range g.german {
		if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) }) {
			g.said[id] = true
		}
	}
	if g.said["problem.other"] {
		g.t.Errorf("%s: %d does not say what is wrong", asked, w.Code)
		delete(g.said, "problem.other")
	}
}

// requestInGerman is what a browser asks.
func requestInGerman(method, target string, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	r.Header.Set("Accept-Language", "de-DE,de;q=0.9,en;q=0.5")
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

var saying = regexp.MustCompile(`(?:saying\(|said := |said = err\w*, )"([a-z_]+)"`)

// Whatever a person does wrong on the page, and whatever goes wrong behind it, somebody who
// reads German is told in German: on every page, for every parameter, and for each problem
// that the code has words for.
func TestEveryProblemIsSaidInTheLanguageOfThePage(t *testing.T) {
	t.Parallel()
	s := deadServer(t) // so that what is not refused fails at once
	g := newGerman(t)
	ask := func(r *http.Request) {
		t.Helper()
		asked := r.Method + " " + r.URL.String()
		for hops := 0; ; hops++ {
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if location := w.Header().Get("Location"); w.Code == http.StatusSeeOther && hops < 3 {
				r = requestInGerman(http.MethodGet, location, "")
				continue
			}
			if w.Code >= http.StatusBadRequest {
				g.check(asked, w)
			}
			return
		}
	}
	visit := func(target string) {
		t.Helper()
		ask(requestInGerman(http.MethodGet, target, ""))
	}
	values := []string{"x", "-1", "1001", "!", "a*b", "10.0.0.0/99", "Mars/Olympus", "%FF", strings.Repeat("x", 20_000), "3d&from=2026-01-02&to=2026-01-01"}
	lines := []string{
		strings.Repeat("a+", 101), url.QueryEscape(`"open`), "actr:x", "from:someday", "a+OR+b", "a+AND+b", "NOT+a", "(a+b)", "-from:today", "-tz:UTC", "from:today+from:today",
		"from:2026-02-02+to:2026-02-01", "details.:x", "details.a:", "q:x", "actor:", "actor:(a", "actor:()", "actor:(a+OR+b)", "actor:(a)b", url.QueryEscape(`actor:"a"b`), "outcome:fine",
		"ip:x", "action:a*b", "action:invoice.", "outcome:deny", "user=x+actr=y", "details.a>5", "tz:Mars", "subject_id:" + strings.Repeat("y", 1025), "details." + strings.Repeat("z", 1025) + ":x", strings.Repeat("actor:a+", 101), "tz:Europe/Berlin&tz=UTC",
	}
	tried := map[string]bool{} // parameters that pages share are read by the same code
	for _, rt := range s.routes() {
		path := strings.NewReplacer("{id}", "id-00001", "{type}", "invoice").Replace(rt.path)
		unread := !rt.page || rt.prefix || strings.HasPrefix(path, "/menus/") || strings.HasPrefix(path, "/fragments/")
		if unread { // what a script asks for
			continue
		}
		if rt.methods == nil {
			ask(requestInGerman(http.MethodPut, path, ""))
			visit(path + "?colour=red")
			visit(path + "?search=%zz")
		} else {
			visit(path)
		}
		for _, p := range rt.parameters {
			name, wrong := strings.TrimSuffix(p.name, "."), values
			switch {
			case tried[p.name]:
				wrong = values[:3]
			case name == "search" || name == "against":
				wrong = slices.Concat(values, lines)
			}
			tried[p.name] = true
			for _, value := range wrong {
				visit(path + "?" + name + "=" + value)
			}
			visit(path + "?" + name + "=a&" + name + "=b")
			visit(path + "?" + strings.Repeat(name+"=a&", 101))
		}
	}
	visit("/nowhere")
	visit("/events/%FF")
	visit("/v1/export.csv?search=actr:x")
	for _, form := range []string{"names=zone&zone=Mars/Olympus", "names=theme&theme=pink", "names=session&session=1", "%zz"} {
		ask(requestInGerman(http.MethodPost, "/preferences", form))
	}
	cross := requestInGerman(http.MethodPost, "/preferences", "names=theme&theme=dark")
	cross.Header.Set("Sec-Fetch-Site", "cross-site")
	ask(cross)

	// What goes wrong behind the page.
	behind := func(err error) {
		t.Helper()
		for _, fail := range []func(http.ResponseWriter, *http.Request, *Problem){s.failPage, s.failRejected, s.failEvent, s.failPreferences, s.failLink} {
			w, r := httptest.NewRecorder(), requestInGerman(http.MethodGet, "/", "")
			fail(w, r, s.asProblem(r, err))
			g.check(err.Error(), w)
		}
	}
	behind(errors.New("the driver's own words"))
	behind(timedOut(time.Second, errors.New("slow")))
	behind(tooManyRequests("Tenant", s.queries))
	behind(newProblem("unavailable", "Not there", http.StatusServiceUnavailable, "The database"))
	s.stop()
	visit("/")
	var events *store.Store
	s, events = testServer(t)
	insert(t, events, event(1, nil), event(2, nil))
	visit("/?cursor=xyz")
	visit("/?tz=Pacific/Apia&search=from:2011-12-30+to:2011-12-31")
	visit("/?cursor=" + *decode[listAnswer](t, get(t, s, "/v1/actions?limit=1&from=2026")).NextCursor)
	visit("/rejected?cursor=xyz")
	visit("/events/unknown")
	visit("/records/invoice/unknown")
	visit("/users/unknown")

	// Nothing that the code can say was left out.
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range saying.FindAllStringSubmatch(string(content), -1) {
			if id := "problem." + match[1]; !strings.HasSuffix(name, "_test.go") && !g.said[id] {
				t.Errorf("%s: nothing was answered by %s", name, id)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(g.german)) {
		unreached := []string{"problem.other", "fault.zone_file", "fault.utf8"} // what nobody can do by the page
		if (strings.HasPrefix(id, "problem.") || strings.HasPrefix(id, "fault.")) && !g.said[id] && !slices.Contains(unreached, id) {
			t.Errorf("nothing was answered by %s", id)
		}
	}
}
