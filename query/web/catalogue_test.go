package web

import (
	"bytes"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// messages are those of a language, each with its forms.
func messages(t *testing.T, tag string) map[string]any {
	t.Helper()
	content, err := files.ReadFile("locales/" + tag + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

// placeholders are what a message says of its values, in order.
func placeholders(message any) []string {
	text, ok := message.(string)
	if forms, is := message.(map[string]any); is {
		text, ok = forms["other"].(string)
	}
	if !ok {
		return []string{"no text"}
	}
	return slices.Sorted(slices.Values(placeholder.FindAllString(text, -1)))
}

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	english := messages(t, "en")
	for _, l := range languageNames[1:] {
		other := messages(t, l.tag)
		for _, id := range slices.Sorted(maps.Keys(english)) {
			if _, ok := other[id]; !ok {
				t.Errorf("%s lacks %s", l.tag, id)
			} else if got, want := placeholders(other[id]), placeholders(english[id]); !slices.Equal(got, want) {
				t.Errorf("%s of %s says %q, want %q", id, l.tag, got, want)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(other)) {
			if _, ok := english[id]; !ok {
				t.Errorf("%s has %s, which is not there in English", l.tag, id)
			}
		}
	}
}

var (
	tags     = regexp.MustCompile(`(?s)<!--.*?-->|\{\{/\*.*?\*/\}\}|\{\{.*?\}\}`)
	markup   = regexp.MustCompile(`(?s)<[^>]*>`)
	spoken   = regexp.MustCompile(`(?:aria-label|title|placeholder|alt)="([^"]*)"`)
	letters  = regexp.MustCompile(`\pL{2,}`)
	keyNames = regexp.MustCompile(`<kbd[^>]*>[^<]*</kbd>`)
)

// Every text that a person sees is in the catalogue, but for the product's name and the
// names of keys.
func TestTemplatesHaveNoTextOfTheirOwn(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := keyNames.ReplaceAllString(tags.ReplaceAllString(string(content), ""), "")
		for _, match := range spoken.FindAllStringSubmatch(text, -1) {
			if own := strings.ReplaceAll(strings.ReplaceAll(match[1], "Actionlog", ""), "Esc", ""); letters.MatchString(own) {
				t.Errorf("%s says %q", name, match[1])
			}
		}
		for line := range strings.Lines(markup.ReplaceAllString(text, "\n")) {
			if own := strings.ReplaceAll(line, "Actionlog", ""); letters.MatchString(own) {
				t.Errorf("%s says %q", name, strings.TrimSpace(line))
			}
		}
	}
}

var used = regexp.MustCompile(`(?:\bt|\bn|say|sayN|Text|count)[ (]"([a-z_.0-9]+)"`)

// A message that a template or the code names is there.
func TestMessagesAreThere(t *testing.T) {
	t.Parallel()
	known := messages(t, "en")
	names, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".html") && (!strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go")) {
			continue
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range used.FindAllSubmatch(content, -1) {
			if id := string(match[1]); known[id] == nil && !strings.HasSuffix(id, ".") {
				t.Errorf("%s says %s, which no language has", name, id)
			}
		}
	}
	var more []string
	for _, c := range columns {
		more = append(more, "column."+c.Name)
	}
	for _, p := range presets {
		more = append(more, p.id)
	}
	for _, name := range lineFields.Names {
		if !strings.HasSuffix(name, ".") {
			more = append(more, "field."+name)
		}
	}
	for _, fault := range search.Faults() {
		more = append(more, "fault."+fault)
	}
	for _, name := range lineNames {
		more = append(more, "hint."+strings.TrimSuffix(name, "."))
	}
	for _, part := range syntax {
		more = append(more, part.title)
		for _, row := range part.rows {
			more = append(more, row[1])
		}
	}
	for _, id := range more {
		if known[id] == nil {
			t.Errorf("no language has %s", id)
		}
	}
}

// What the help of the search line shows can be written there, and every field is in it.
func TestSyntaxCanBeWritten(t *testing.T) {
	t.Parallel()
	var shown []string
	for _, part := range syntax {
		for _, row := range part.rows {
			for code := range strings.SplitSeq(row[0], " | ") {
				if !readable(code) {
					t.Errorf("%s is no line: it says %q", code, row[1])
				}
				shown = append(shown, code)
			}
		}
	}
	for _, name := range lineNames {
		if !slices.ContainsFunc(shown, func(code string) bool { return strings.HasPrefix(code, name) }) {
			t.Errorf("the help lacks %s", name)
		}
	}
}

// Every label of the built-in catalogue is there in every language but its own, and none
// that it does not have.
func TestLabelsAreTranslated(t *testing.T) {
	t.Parallel()
	s, err := New(catalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.languages[1:] {
		left := maps.Clone(l.labels)
		for _, k := range catalogue(t).Types() {
			if l.labels[k.Label] == "" {
				t.Errorf("%s has no label for %q", l.Tag, k.Label)
			}
			delete(left, k.Label)
			if got := s.View(Request{Lang: l, Zone: time.UTC}).kind(k.Type).Label; got != l.labels[k.Label] {
				t.Errorf("%s shows %s as %q", l.Tag, k.Type, got)
			}
		}
		for label := range left {
			t.Errorf("%s translates %q, which no type has", l.Tag, label)
		}
		if got := l.label(action.Kind{Label: "Our own"}); got != "Our own" {
			t.Errorf("a configured label becomes %q", got)
		}
		if got := l.label(action.Kind{Label: "Invoice posted", Labels: map[string]string{l.Tag: "Ours"}}); got != "Ours" {
			t.Errorf("a label that is configured for the language becomes %q", got)
		}
	}
}

// The committed copy of htmx is the one that the lock file names, where that is fetched.
func TestHTMXIsTheLockedOne(t *testing.T) {
	t.Parallel()
	const fetched = "node_modules/htmx.org/dist/htmx.min.js"
	vendored, err := files.ReadFile("vendor/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum384(vendored)
	recorded, err := os.ReadFile("vendor/htmx.sha384")
	if err != nil {
		t.Fatal(err)
	}
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != strings.TrimSpace(string(recorded)) {
		t.Errorf("vendor/htmx.min.js has the hash %s, recorded is %s: make web-vendor refreshes both", got, recorded)
	}
	if locked, err := os.ReadFile(fetched); err == nil && !bytes.Equal(locked, vendored) {
		t.Errorf("vendor/htmx.min.js is not %s: make web-vendor refreshes it", fetched)
	}
}

func TestEveryIconIsThere(t *testing.T) {
	t.Parallel()
	s, err := New(catalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range catalogue(t).Types() {
		if !s.icons[k.Icon] {
			t.Errorf("%s: there is no icon %q", k.Type, k.Icon)
		}
	}
	for category, icon := range categoryIcons {
		if !s.icons[icon] {
			t.Errorf("category %s has no icon", category)
		}
	}
	if _, err := s.icon("no-such"); err == nil {
		t.Error("an icon that is not there is no error")
	}
}

// classes are those that a style sheet speaks of.
var classes = regexp.MustCompile(`\.([a-z][a-z0-9-]*)`)

// The style sheet speaks of no class that neither a template nor a script has.
func TestNoStyleIsDead(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, pattern := range []string{"*.html", "*.js", "*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(content)
		}
	}
	style, err := concatenate("*.css", firstStyles, lastStyles)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range classes.FindAllStringSubmatch(string(style), -1) {
		class := match[1]
		if generated := strings.HasPrefix(class, "t-") || strings.HasPrefix(class, "w-") || strings.HasPrefix(class, "h-") || strings.HasPrefix(class, "pill-") || strings.HasPrefix(class, "htmx-"); generated {
			continue
		}
		if !strings.Contains(all.String(), class) {
			t.Errorf("nothing has the class %s", class)
		}
	}
}
