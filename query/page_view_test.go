package query

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// builder makes views of a query string at a quarter past two in November.
func builder(t *testing.T, query string) *viewBuilder {
	t.Helper()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPage(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 24, 14, 15, 0, 0, time.UTC)
	return &viewBuilder{
		page: p, path: "/", now: now, query: values, filter: readableFilter(values, now), text: values.Get("q"), settable: true,
		choices: store.Choices{
			Actors:  []action.Actor{{ID: "alice", Name: "Alice Okonkwo", Type: "user"}, {ID: "bob", Type: "user"}},
			Actions: []string{"forklift.inspected", "invoice.posted"},
		},
	}
}

func TestPillsSayWhatIsSet(t *testing.T) {
	t.Parallel()
	f := func(query, date, user, kind, all string) {
		t.Helper()
		got := builder(t, query).filters()
		if got.Date.Value != date || got.User.Value != user || got.Action.Value != kind || got.ClearAll != all {
			t.Errorf("%s: date %q, user %q, action type %q, clear all %q", query, got.Date.Value, got.User.Value, got.Action.Value, got.ClearAll)
		}
	}
	f("", "", "", "", "")
	f("tenant=x", "", "", "", "")
	f("q=a&tenant=x", "", "", "", "/?tenant=x")
	f("from=2026-11-24T00:00:00Z", "Today", "", "", "/")
	f("from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z", "Yesterday", "", "", "/")
	f("from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z", "Last month", "", "", "/")
	f("from=2026-11-24T13:15:00Z", "Last hour", "", "", "/")
	f("to=2026-11-01T00:00:00Z", "before 1 Nov 2026", "", "", "/")
	f("actor=alice&actor=nobody", "", "Alice Okonkwo, nobody", "", "/")
	f("actor=alice&actor=bob&actor=x&actor=y", "", "Alice Okonkwo and 3 more", "", "/")
	f("action=invoice.posted&action=forklift.inspected", "", "", "Invoice posted, forklift.inspected", "/")
}

func TestMenusOfferWhatThereIs(t *testing.T) {
	t.Parallel()
	f := builder(t, "actor=nobody&action=crane.hired&from=2026-11-01T00:00:00Z").filters()
	var users []string
	for _, u := range f.Users {
		if u.Checked {
			u.ID += " (chosen)"
		}
		users = append(users, u.ID)
	}
	if want := []string{"nobody (chosen)", "alice", "bob"}; !slices.Equal(users, want) {
		t.Errorf("users %q, want %q", users, want)
	}
	var groups, others []string
	for _, c := range f.Categories {
		groups = append(groups, c.Label)
	}
	for _, k := range f.Categories[len(f.Categories)-1].Types {
		others = append(others, k.Label)
	}
	if want := []string{"View", "Create", "Change", "Comment", "Finance", "Access", "Export", "Delete", "Other"}; !slices.Equal(groups, want) {
		t.Errorf("groups %q, want %q", groups, want)
	}
	if want := []string{"forklift.inspected", "crane.hired"}; !slices.Equal(others, want) {
		t.Errorf("types that the catalogue lacks: %q, want %q", others, want)
	}
	var active []string
	for _, p := range f.Dates.Presets {
		if p.Active {
			active = append(active, p.Label)
		}
	}
	if want := []string{"This month"}; !slices.Equal(active, want) {
		t.Errorf("active presets %q, want %q", active, want)
	}
}

func TestLinksDropTheCursor(t *testing.T) {
	t.Parallel()
	f := builder(t, "q=a&actor=alice&from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z&cursor=abc&limit=10&tenant=x").filters()
	for name, link := range map[string]string{"date": f.Date.Remove, "user": f.User.Remove, "text": f.ClearText} {
		if strings.Contains(link, "cursor") || !strings.Contains(link, "tenant=x") || !strings.Contains(link, "limit=10") {
			t.Errorf("without %s: %s", name, link)
		}
	}
	if want := "/?actor=alice&limit=10&q=a&tenant=x"; f.Date.Remove != want {
		t.Errorf("without date: %s, want %s", f.Date.Remove, want)
	}
}

func TestEveryIconIsThere(t *testing.T) {
	t.Parallel()
	p := builder(t, "").page
	for _, k := range p.catalogue.Types() {
		if !p.icons[k.Icon] {
			t.Errorf("%s: there is no icon %q", k.Type, k.Icon)
		}
	}
	for _, c := range action.Categories() {
		if k := p.shown(action.Kind{Type: "x.y", Icon: "not-shipped", Category: c}); !p.icons[k.Icon] {
			t.Errorf("category %s has no icon", c)
		}
	}
	if k := p.kind("un.known"); !p.icons[k.Icon] || k.Label != "un.known" {
		t.Errorf("an unknown type is shown as %+v", k)
	}
	if _, err := p.icon("no-such"); err == nil {
		t.Error("an icon that is not there is no error")
	}
}

// The style sheet, the icons and the templates hold what is used and no more.
func TestNothingIsDead(t *testing.T) {
	t.Parallel()
	p := builder(t, "").page
	var templates strings.Builder
	entries, err := webFiles.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".html") {
			content, err := webFiles.ReadFile("web/" + e.Name())
			if err != nil {
				t.Fatal(err)
			}
			templates.Write(content)
		}
	}
	used := templates.String()
	for _, class := range classes(string(p.assets["app.css"].plain)) {
		if strings.HasPrefix(class, "t-") && used != "" { // categories come from the catalogue
			continue
		}
		if slices.Contains([]string{"only-phone", "only-medium", "is-code"}, class) { // classes of facts
			continue
		}
		if !strings.Contains(used, class) {
			t.Errorf("no template uses the class %s", class)
		}
	}
}

// classes returns the classes that a style sheet speaks of.
func classes(css string) []string {
	var all []string
	for i := range len(css) - 1 {
		if css[i] != '.' || css[i+1] < 'a' || css[i+1] > 'z' {
			continue
		}
		end := i + 1
		for end < len(css) && (css[end] == '-' || css[end] >= 'a' && css[end] <= 'z' || css[end] >= '0' && css[end] <= '9') {
			end++
		}
		if class := css[i+1 : end]; !slices.Contains(all, class) {
			all = append(all, class)
		}
	}
	return all
}
