package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query/web"
)

// The parameters of pages. The address of a view of the log has its question in search;
// that of the API's other parameters leads there.
var (
	// keptParameters are those that the pages of the log and their fragments all take.
	keptParameters = []parameter{tenantParameter, {name: "search"}, {name: "tz"}, {name: "limit"}, {name: "order"}, {name: "off"}}
	// logParameters are also those of the form and of what surrounds an event.
	logParameters = slices.Concat(listParameters, []parameter{{name: "off"}, {name: "around"}, {name: "open"}, {name: "run"}, {name: whole}}, formParameters())
)

// keptNames are the parameters that every link of a page hands on, besides the search line.
var keptNames = []string{"tenant", "tz", "limit", "order"}

// formParameters are the fields of the form of filters that are not the API's: which
// button was pressed, whether a menu's values are excluded, what its dates were, and the
// text of a menu.
func formParameters() []parameter {
	return []parameter{{name: "set"}, {name: "actor_is"}, {name: "action_is"}, {name: "from_was"}, {name: "to_was"}, {name: "find"}}
}

// whole is the parameter that has a page wait for its rows: a browser that does not run
// scripts is led there.
const whole = "whole"

// choicesTimeout bounds the wait for menus that a page can do without.
const choicesTimeout = 2 * time.Second

// servePage answers / with the newest actions that match, as people read them.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, p params) error {
	m := s.measure(r)
	defer m.cancel()
	address, err := pageAddress(p, web.ReadPrefs(r))
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(address, r.URL.Query()) {
		// Forms send what they have; what is kept and shared is the clean address.
		redirect(w, r, "/", address)
		return nil
	}
	q := s.pageRequest(r, p)
	q.Prefs.Scripts = q.Prefs.Scripts || forHTMX(r)
	trigger := r.Header.Get("Hx-Trigger")
	if trigger == "more" {
		q.Run = p.one("run")
	}
	waitsIfLed(w, r, p, &q)
	for _, name := range []string{"off", "around", "open", "run", whole} { // they belong to no question
		delete(p.values, name)
	}
	l, err := s.readList(m, p)
	if err != nil {
		return err
	}
	q.Filter, q.Zone = l.Filter, l.Zone
	asked := l.question // the list closes its own while it is read

	found := web.Found{OldestFirst: l.order == store.OldestFirst, Continued: l.from.At != nil}
	slow := false
	group, ctx := errgroup.WithContext(m.ctx)
	beside, without := context.WithCancel(ctx)
	defer without()
	group.Go(func() (err error) {
		if !q.Prefs.Waits && canStream(l) && trigger != "more" && trigger != "live" {
			if slow, err = s.listWithin(ctx, l, s.moment); slow {
				without() // the page has them once its rows are there
			}
			return err
		}
		page, err := s.store.List(ctx, l.search())
		l.fill(page)
		return err //nolint:wrapcheck // the store's errors say enough
	})
	group.Go(func() error {
		found.Menus = s.menus(beside, q)
		return nil
	})
	group.Go(func() error {
		found.Counted = s.chart(beside, m, q, asked)
		return nil
	})
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	take(&found, l)
	if slow || q.Prefs.Scripts {
		found.Whole = wholePage(r)
	}
	if slow {
		return s.renderSlow(w, r, q, &found)
	}
	if len(found.Actions) == 0 && !found.Continued && !found.Partial {
		newest, err := s.store.List(m.ctx, store.Search{Filter: store.Filter{Tenant: l.Tenant}, Limit: 1})
		if err != nil {
			return fmt.Errorf("look whether there is any event: %w", err)
		}
		found.Empty = len(newest.Actions) == 0
	}
	found.Names = s.names(m.ctx, q, found.Actions)
	found.Took = s.now().Sub(m.start)
	page := s.site.View(q).Log(&found)
	switch {
	case trigger == "live":
		return s.render(w, r, http.StatusOK, q.Lang, "live-rows", page)
	case trigger == "more":
		return s.render(w, r, http.StatusOK, q.Lang, "rows-fragment", page.MoreRows())
	case forHTMX(r):
		w.Header().Set("Hx-Push-Url", q.Path)
		return s.render(w, r, http.StatusOK, q.Lang, "results-fragment", page.OutOfBand())
	default:
		return s.render(w, r, http.StatusOK, q.Lang, "page", page)
	}
}

// wholePage is the page that is asked for, where a browser is led that does not run scripts,
// though it once did.
func wholePage(r *http.Request) string {
	query := r.URL.Query()
	query.Set(whole, "1")
	return r.URL.Path + "?" + query.Encode()
}

// waitsIfLed has all pages wait for what they show where a browser was led to such a page.
func waitsIfLed(w http.ResponseWriter, r *http.Request, p params, q *web.Request) {
	if p.one(whole) == "" || forHTMX(r) {
		return
	}
	q.Prefs.Waits, q.Prefs.Scripts = true, false
	http.SetCookie(w, web.Waits(true))
}

// forHTMX reports whether a script asks for a part of a page.
func forHTMX(r *http.Request) bool {
	return r.Header.Get("Hx-Request") != "" && r.Header.Get("Hx-History-Restore-Request") == ""
}

// pageAddress returns the parameters of the page for what was asked: the question in the
// search line, the time zone where its days depend on that, and nothing that is empty or
// the default.
func pageAddress(p params, prefs web.Prefs) (url.Values, error) {
	address := url.Values{}
	for _, name := range append([]string{"cursor", "off", "around", "open", "run", whole}, keptNames...) {
		if value := p.one(name); value != "" {
			address.Set(name, value)
		}
	}
	if address.Get("tenant") == action.DefaultTenant {
		address.Del("tenant")
	}
	text := strings.TrimSpace(p.one("search"))
	menu := p.one("set")
	asked := url.Values{}
	for name, values := range p.values {
		if _, ok := store.LookupField(name); ok || slices.Contains([]string{"q", "from", "to"}, name) {
			asked[name] = values
		}
	}
	line, err := search.Parse(text, searchFields)
	switch {
	case err != nil || menu == "" && len(asked) == 0 || menu == "line":
		// The line stays as it was written; what is wrong with it is said at the line.
	case menu != "":
		for _, name := range []string{"actor_is", "action_is", "from_was", "to_was"} {
			asked[name] = p.values[name]
		}
		text = web.Set(line, menu, asked).String()
	default:
		also, err := search.FromValues(asked, searchFields)
		if err != nil {
			return nil, invalid("search", sentence(err.Error())).because(err)
		}
		also.Texts, also.Terms = append(line.Texts, also.Texts...), append(line.Terms, also.Terms...)
		if line.From != "" {
			also.From = line.From
		}
		if line.To != "" {
			also.To = line.To
		}
		also.Zone = line.Zone
		text = also.String()
		address.Del("cursor") // it belonged to the other form of the question
	}
	if text != "" {
		address.Set("search", text)
	}
	zone := prefs.OwnZone()
	if menu == "date" { // its days are those of the page, whether or not that is one's own
		zone = prefs.ZoneName()
	}
	if zone != "" && !address.Has("tz") && web.NeedsZone(text, address.Get("off")) {
		address.Set("tz", zone)
	}
	return address, nil
}

// pageRequest reads what every page of the log has in common. What is wrong with the
// question is found by who asks it. It sets tz where the address has none, so that days
// are those of the zone that is shown.
func (s *Server) pageRequest(r *http.Request, p params) web.Request {
	q := web.Request{Prefs: web.ReadPrefs(r), Now: s.now(), Zone: time.UTC, Text: p.one("search"), Off: p.one("off"), Around: p.one("around"), Cursor: p.one("cursor"), Open: p.one("open"), Kept: url.Values{}}
	q.Lang = s.site.Language(q.Prefs.Lang, r.Header.Get("Accept-Language"))
	q.Path = r.URL.RequestURI()
	for _, name := range keptNames {
		if value := p.one(name); value != "" {
			q.Kept.Set(name, value)
		}
	}
	if q.Kept.Get("tz") == q.Prefs.OwnZone() { // it is named only for others
		q.Kept.Del("tz")
	}
	q.Filter.Tenant, _ = p.tenant()
	q.Line, _ = search.Parse(q.Text, searchFields)
	if p.one("tz") == "" && q.Line.Zone == "" && p.values != nil {
		p.values["tz"] = []string{q.Prefs.ZoneName()}
	}
	if zone, err := p.zone(q.Line); err == nil {
		q.Zone = zone
	}
	return q
}

// menus returns what the menus offer to a browser that does not run scripts, and nil to
// one that asks when they are opened. Without them the menus hold less.
func (s *Server) menus(ctx context.Context, q web.Request) *web.Menus {
	if q.Prefs.Scripts {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, choicesTimeout)
	defer cancel()
	found, err := s.store.Facets(ctx, store.FacetQuestion{Filter: q.Filter, Others: true, Fields: []string{"actor", "action"}, Limit: maxFacet})
	if err != nil || len(found.Facets) != 2 {
		return &web.Menus{}
	}
	return &web.Menus{Users: found.Facets[0], Actions: found.Facets[1]}
}

// names returns what those people are called whom the question names and no event that
// was found does. Without them the page shows ids.
func (s *Server) names(ctx context.Context, q web.Request, found []store.Action) map[string]string {
	var unknown []string
	for _, t := range q.Line.Terms {
		known := func(a store.Action) bool { return a.Actor.ID == t.Value || a.OnBehalfOf.ID == t.Value }
		if (t.Field == "actor" || t.Field == "on_behalf_of") && !slices.ContainsFunc(found, known) {
			unknown = append(unknown, t.Value)
		}
	}
	if unknown == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, choicesTimeout)
	defer cancel()
	filter := store.Filter{Tenant: q.Filter.Tenant, Conditions: []store.Condition{{Field: "actor", Values: unknown}}}
	answer, err := s.store.Facets(ctx, store.FacetQuestion{Filter: filter, Fields: []string{"actor"}, Limit: len(unknown)})
	if err != nil {
		return nil
	}
	names := map[string]string{}
	for _, v := range answer.Facets[0].Values {
		names[v.Value] = v.Name
	}
	return names
}

// failPage answers an error with a page: the form stays usable, and what is wrong with
// the search line stands at the line.
func (s *Server) failPage(w http.ResponseWriter, r *http.Request, problem *Problem) {
	p := params{values: map[string][]string{}}
	query := r.URL.Query()
	for _, name := range append([]string{"search", "off"}, keptNames...) {
		if value := strings.ToValidUTF8(query.Get(name), "\uFFFD"); value != "" {
			p.values[name] = []string{value}
		}
	}
	if slices.Contains(keptNames, problem.Parameter) { // its links would fail again
		delete(p.values, problem.Parameter)
	}
	s.showFailure(w, r, problem, s.pageRequest(r, p), failure(problem))
}

// showFailure answers with the page of a failure.
func (s *Server) showFailure(w http.ResponseWriter, r *http.Request, problem *Problem, q web.Request, f web.Failure) {
	template, page := "page", s.site.View(q).Fail(f, &web.Menus{})
	if forHTMX(r) {
		template, page = "results-fragment", page.OutOfBand()
	}
	if err := s.render(w, r, problem.Status, q.Lang, template, page); err != nil {
		problem.cause = errors.Join(problem.cause, err)
		writeProblem(w, r, problem)
	}
}

// failFragment answers an error to a script that asked for a part of a page, which then
// stays as it is.
func (s *Server) failFragment(w http.ResponseWriter, r *http.Request, problem *Problem) {
	w.Header().Set("Hx-Reswap", "none")
	writeProblem(w, r, problem)
}

// failure is a problem as a page says it.
func failure(p *Problem) web.Failure {
	return web.Failure{Status: p.Status, Parameter: p.Parameter, Said: p.said, Wrong: p.wrong, Column: p.column, Missing: p.missing}
}

// failNotFound answers what is not there: with a page to a browser, and with problem
// details to programs and beneath /v1/.
func (s *Server) failNotFound(w http.ResponseWriter, r *http.Request, problem *Problem) {
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		w.Header().Add("Vary", "Accept")
		writeProblem(w, r, problem)
		return
	}
	s.failLink(w, r, problem)
}

// failLink answers an error where both people and programs come by a link: with a page to
// a browser, and with problem details to programs and for what the page never asks.
func (s *Server) failLink(w http.ResponseWriter, r *http.Request, problem *Problem) {
	w.Header().Add("Vary", "Accept")
	unasked := problem.Status == http.StatusBadRequest && problem.said.ID == "" && problem.wrong == nil
	if unasked || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeProblem(w, r, problem)
		return
	}
	s.failPage(w, r, problem)
}

// redirect leads to a page. Its address is one of ours.
func redirect(w http.ResponseWriter, r *http.Request, path string, query url.Values) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// render answers with a page. Nothing is written before the whole page is made, so that
// half a page is never taken for a whole one.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, l *web.Language, template string, v any) error {
	var body bytes.Buffer
	if err := s.site.Render(&body, l, template, v); err != nil {
		return err //nolint:wrapcheck // it says enough
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.site.Policy())
	h.Add("Vary", "Accept-Encoding, Accept-Language, Cookie, HX-Request")
	writeBody(w, status, compressed(w, r, body.Bytes()))
	return nil
}

// serveAsset answers beneath /assets/.
func (s *Server) serveAsset(w http.ResponseWriter, r *http.Request, _ params) error {
	a, ok := s.site.Asset(r.URL.Path)
	if !ok {
		return notFound(r.URL.Path)
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	writeAsset(w, r, a)
	return nil
}
