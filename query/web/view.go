package web

import (
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// Request is what a page is made for.
type Request struct {
	Prefs Prefs
	Lang  *Language
	// Now is the time, and Zone where days begin and in which times are shown.
	Now  time.Time
	Zone *time.Location
	// Text is the search line as it was written, and Line what it says.
	Text string
	Line search.Line
	// Filter is what is asked, with its times resolved.
	Filter store.Filter
	// Kept are the parameters that links of the page keep, besides the search line: tenant,
	// limit and order, where the address has them, and a tz that is not one's own.
	Kept url.Values
	// Off is a search line that is switched off, to look at what surrounds an event.
	Off string
	// Around is the event whose surroundings are looked at.
	Around string
	// Cursor is where the page begins, and Open the first event of a run that is open.
	Cursor, Open string
	// Run is the run that goes on in rows which are appended to another page.
	Run string
	// Path is that of the page, with its query string.
	Path string
}

// View makes the parts of one page.
type View struct {
	Request
	site *Site
	// catalogue is in the language of the page.
	catalogue *action.Catalogue
	// names are those of actors that are known from what was found, by their ids.
	names map[string]string
}

// View begins a page.
func (s *Site) View(r Request) *View {
	r.Now = r.Now.In(r.Zone)
	return &View{Request: r, site: s, catalogue: s.catalogues[r.Lang], names: map[string]string{}}
}

// Know tells the names of actors, by their ids.
func (v *View) Know(names map[string]string) { maps.Copy(v.names, names) }

// address is a path with the parameters that the page keeps, the search line and others,
// as pairs of a name and a value. Those that are empty are left out. Where the days of a
// line are those of one's own zone it names that, so that they are the same days for
// whoever is given the address.
func (v *View) address(path, line string, pairs ...string) string {
	query := url.Values{}
	maps.Copy(query, v.Kept)
	pairs = append(pairs, "search", line)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			query.Set(pairs[i], pairs[i+1])
		}
	}
	if own := v.Prefs.OwnZone(); own != "" && query.Get("tz") == "" && NeedsZone(query.Get("search"), query.Get("against"), query.Get("off")) {
		query.Set("tz", own)
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// NeedsZone reports whether what any of some search lines asks depends on the time zone, and
// none says which is meant.
func NeedsZone(lines ...string) bool {
	needs := false
	for _, text := range lines {
		line, err := search.Parse(text, lineFields)
		if err == nil && line.Zone != "" {
			return false
		}
		needs = needs || err == nil && (search.IsZoned(line.From) || search.IsZoned(line.To))
	}
	return needs
}

// apiAddress is an address of the API that asks what the page does. It names the zone, in
// which the days of the question are.
func (v *View) apiAddress(path, line string) string {
	query := url.Values{}
	if tenant := v.Kept.Get("tenant"); tenant != "" {
		query.Set("tenant", tenant)
	}
	if v.Line.Zone == "" {
		query.Set("tz", v.Zone.String())
	}
	if line != "" {
		query.Set("search", line)
	}
	return path + "?" + query.Encode()
}

// logLink is the log with another search line.
func (v *View) logLink(line search.Line) string { return v.address("/", line.String()) }

// link is the log by a search line as it is written.
func (v *View) link(line string) string { return v.address("/", line) }

// clear is the log without a search line.
func (v *View) clear() string { return v.address("/", "") }

// inOwnZone is the page in the time zone that somebody has.
func (v *View) inOwnZone() *View {
	own := *v
	own.Kept = maps.Clone(v.Kept)
	own.Kept.Del("tz")
	return &own
}

// asked is the address of this page: its path and its parameters.
func (v *View) asked() (path string, query url.Values) {
	path, rawQuery, _ := strings.Cut(v.Path, "?")
	query, _ = url.ParseQuery(rawQuery) // what can be read of it
	return path, query
}

// askedZone is the time zone that the address names.
func (v *View) askedZone() string {
	_, query := v.asked()
	return query.Get("tz")
}

// inZone is this page in another time zone, in one's own where none is named.
func (v *View) inZone(zone string) string {
	path, query := v.asked()
	query.Del("tz")
	if zone != "" {
		query.Set("tz", zone)
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// pageLink is another page of the list, with other parameters, as pairs of a name and a
// value. It names the zone, since the cursor belongs to a question with its days.
func (v *View) pageLink(cursor string, pairs ...string) string {
	if cursor == "" {
		return ""
	}
	return v.address("/", v.Text, append(pairs, "cursor", cursor, "tz", v.Zone.String(), "off", v.Off, "around", v.Around)...)
}

// eventLink is the page of an event, which knows the question it was found by. It names the
// content, since an id may have been used again.
func (v *View) eventLink(a *store.Action) string {
	return v.address("/events/"+url.PathEscape(a.ID), v.Text, "off", v.Off, "content", contentOf(a))
}

// contentOf is how addresses name what an event says among those of its id: the first digits
// of its hash, which are enough for the few that there may be.
func contentOf(a *store.Action) string { return hex.EncodeToString(a.ContentHash[:4]) }

// eventJSON is an event in the API.
func (v *View) eventJSON(a *store.Action) string {
	query := url.Values{"content": {contentOf(a)}}
	if tenant := v.Kept.Get("tenant"); tenant != "" {
		query.Set("tenant", tenant)
	}
	return "/v1/actions/" + url.PathEscape(a.ID) + "?" + query.Encode()
}

// recordLink is the page of a record, with other parameters, as pairs of a name and a
// value; empty where the record has no name of its own.
func (v *View) recordLink(r action.Record, pairs ...string) string {
	if r.Type == "" || r.ID == "" {
		return ""
	}
	return v.address("/records/"+url.PathEscape(r.Type)+"/"+url.PathEscape(r.ID), "", pairs...)
}

// userLink is the page of an actor, with other parameters, as pairs of a name and a value.
func (v *View) userLink(id string, pairs ...string) string {
	return v.address("/users/"+url.PathEscape(id), "", pairs...)
}

// without is the line without the terms that a condition takes out.
func without(l search.Line, out func(search.Term) bool) search.Line {
	l.Terms = slices.DeleteFunc(slices.Clone(l.Terms), out)
	return l
}

// withoutFields is the line without any terms of some fields.
func withoutFields(l search.Line, fields ...string) search.Line {
	return without(l, func(t search.Term) bool { return slices.Contains(fields, t.Field) })
}

// only is the line with one value of a field instead of any others.
func only(l search.Line, field, value string) search.Line {
	l = withoutFields(l, field)
	l.Terms = append(l.Terms, search.Term{Field: field, Value: value})
	return l
}

// exclude is the line without the events that have a value of a field.
func exclude(l search.Line, field, value string) search.Line {
	l = without(l, func(t search.Term) bool { return t.Field == field && t.Value == value })
	l.Terms = append(l.Terms, search.Term{Field: field, Value: value, Not: true})
	return l
}

// excludeRecord is the line without the events of a record: of one whose type cannot be
// named, without those of any record of its id.
func excludeRecord(l search.Line, kind, id string) search.Line {
	if kind == "" || strings.Contains(kind, "/") {
		return exclude(l, "subject_id", id)
	}
	return exclude(l, "subject", kind+"/"+id)
}

// values are the values of a field in the line, those that are asked for or those that are
// excluded.
func values(l search.Line, field string, not bool) []string {
	var all []string
	for _, t := range l.Terms {
		if t.Field == field && t.Not == not {
			all = append(all, t.Value)
		}
	}
	return all
}

// Set is the line with what a menu's form says in the place of what the menu showed. The
// form's fields are those of the API; name_is says whether its values are excluded, and
// name_was what a field of dates held before. What the menu did not show stays.
func Set(l search.Line, menu string, form url.Values) search.Line {
	switch menu {
	case "date":
		for name, t := range map[string]*string{"from": &l.From, "to": &l.To} {
			given := strings.TrimSpace(form.Get(name))
			if was := form[name+"_was"]; len(was) == 0 || given != was[0] {
				*t = strings.TrimSuffix(given, "T00:00")
			}
		}
		return l
	case "actor":
		return setTerms(l, form, menu, menu)
	case "action":
		return setTerms(l, form, menu, menu, "category")
	default:
		return l
	}
}

// setTerms is the line with the values of a menu's form in the place of those that the menu
// showed, which are the excluded ones where all are.
func setTerms(l search.Line, form url.Values, menu string, fields ...string) search.Line {
	shown, not := shownExcluded(l, fields...), form.Get(menu+"_is") == "not"
	var given []search.Term
	changed := shown != not
	for _, field := range fields {
		before := values(l, field, shown)
		for _, value := range form[field] {
			t := search.Term{Field: field, Value: strings.TrimSpace(value), Not: not}
			if t.Value != "" && !slices.Contains(given, t) {
				given = append(given, t)
				changed = changed || !slices.Contains(before, t.Value)
			}
		}
		for _, value := range before {
			changed = changed || !slices.Contains(given, search.Term{Field: field, Value: value, Not: not})
		}
	}
	if !changed {
		return l
	}
	l = without(l, func(t search.Term) bool {
		return slices.Contains(fields, t.Field) && t.Not == shown || slices.Contains(given, t)
	})
	l.Terms = append(l.Terms, given...)
	return l
}

// shownExcluded reports whether the menu of some fields shows what the line excludes: it
// does where the line excludes values and asks for none.
func shownExcluded(l search.Line, fields ...string) bool {
	excluded := false
	for _, field := range fields {
		if len(values(l, field, false)) > 0 {
			return false
		}
		excluded = excluded || len(values(l, field, true)) > 0
	}
	return excluded
}

// userName is the name by which an actor is known here.
func (v *View) userName(id string) string {
	if name := v.names[id]; name != "" {
		return name
	}
	return id
}
