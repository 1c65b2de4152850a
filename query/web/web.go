// Package web turns what the log holds into HTML. It neither reads the store nor, but for
// its cookies, speaks HTTP: package query hands data to it and sends what it makes.
//
// One component is one set of files that are named alike: drawer.go makes the view,
// drawer.html is its template, drawer.css its style, drawer.js what it does in the browser.
package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
)

//go:embed *.html *.css *.js *.svg locales/*.json vendor/*.js
var files embed.FS

// Site is what all pages are made of. It does not change, so requests share it.
type Site struct {
	// catalogues are the catalogue in each language.
	catalogues map[*Language]*action.Catalogue
	assets     assets
	policy     string
	icons      map[string]bool
	languages  []*Language
	templates  map[*Language]*template.Template
}

// New makes a site whose action types are shown as a catalogue says.
func New(catalogue *action.Catalogue) (*Site, error) {
	s := &Site{catalogues: map[*Language]*action.Catalogue{}, templates: map[*Language]*template.Template{}}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	boot, err := files.ReadFile(bootScript)
	if err != nil {
		return nil, fmt.Errorf("load the page's files: %w", err)
	}
	s.policy = policy(boot)
	s.icons = s.assets.icons()
	if s.languages, err = loadLanguages(); err != nil {
		return nil, err
	}
	for _, l := range s.languages {
		s.catalogues[l] = catalogue.Relabelled(l.label)
		t := template.New("")
		t.Funcs(template.FuncMap{
			"asset": s.assets.path,
			"boot":  func() template.JS { return template.JS(boot) }, //nolint:gosec // a file of ours
			"icon":  s.icon,
			"t":     l.Text,
			"n":     l.count,
			"cell":  func(name string, r *Row) (template.HTML, error) { return include(t, "cell-"+name, r) },
		})
		if _, err := t.ParseFS(files, "*.html"); err != nil {
			return nil, fmt.Errorf("parse the page's templates: %w", err)
		}
		s.templates[l] = t
	}
	return s, nil
}

// Policy is the Content-Security-Policy of every page: its own style sheets, scripts and
// icons, requests and forms to itself, and inline nothing but the few lines that run before
// the first paint, which are known by their hash.
func (s *Site) Policy() string { return s.policy }

func policy(boot []byte) string {
	sum := sha256.Sum256(boot)
	return "default-src 'none'; script-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; style-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}

// include is a template by a name that is only known when it is used.
func include(t *template.Template, name string, data any) (template.HTML, error) {
	var b strings.Builder
	if err := t.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("make %s: %w", name, err)
	}
	return template.HTML(b.String()), nil //nolint:gosec // html/template has escaped it
}

// Render writes a template in a language.
func (s *Site) Render(w io.Writer, l *Language, name string, data any) error {
	var page bytes.Buffer
	err := s.templates[l].ExecuteTemplate(&page, name, data)
	if err == nil {
		_, err = w.Write(calmHTML(page.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("render the page: %w", err)
	}
	return nil
}

// icon returns the markup of an icon. Its label stands beside it, so it is hidden from
// screen readers. Classes are those of the style sheet.
func (s *Site) icon(name string, classes ...string) (template.HTML, error) {
	if !s.icons[name] {
		return "", fmt.Errorf("there is no icon %q", name)
	}
	class := strings.Join(append([]string{"i"}, classes...), " ")
	//nolint:gosec // the name is one of the shipped icons; path and class are escaped
	return template.HTML(`<svg class="` + template.HTMLEscapeString(class) + `" aria-hidden="true"><use href="` +
		template.HTMLEscapeString(s.assets["icons.svg"].Path) + "#i-" + name + `"/></svg>`), nil
}
