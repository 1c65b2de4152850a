package query

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// view is what the template "page" shows.
type view struct {
	Title  string
	Tenant string
	// Home is this tenant's log without filters.
	Home string
	// Export is this view as CSV; empty when there is nothing to download.
	Export string
	// Filters is nil where there is nothing to filter.
	Filters *filtersView
	// Table and State take the same place: one of them is set.
	Table *tableView
	State *stateView
}

// tableView is what the template "table" shows.
type tableView struct {
	Count, Span string
	Rows        []rowView
	// Newest and Older are links; empty at that end of the list.
	Newest, Older string
}

// rowView is an event as the template "row" shows it.
type rowView struct {
	Ago, Exact, Time    string
	User, Subject       twoLines
	IP                  []string // broken where a line may end
	Action, Icon, Class string
	Type                string
	Outcome             string
	Conflicting         bool
	Description         []fragment
	Facts               []fact
	JSON                string
}

// twoLines is a cell with a main line and a smaller one below it.
type twoLines struct {
	First  []fragment
	Second string
}

// fact is a field that has no column, or none on a narrow screen.
type fact struct{ Label, Value, Class string }

// stateView is what the template "state" shows.
type stateView struct {
	Icon, Title, Text string
	Alert             bool
	Conditions        []condition
	Steps             []step
	Links             []stateLink
	Note              string
}

// condition is a filter in plain words and the link that removes it.
type condition struct{ Label, Value, Remove string }

type step struct{ Title, Command, Text string }

type stateLink struct {
	Label, Link, Icon string
	Main              bool
}

// viewBuilder makes the view of one request.
type viewBuilder struct {
	page *page
	// path is where the page is.
	path    string
	now     time.Time
	query   url.Values
	filter  store.Filter
	text    string // q, as it was given
	choices store.Choices
	// problem is why there is no list, nil when there is one.
	problem *Problem
	// settable is whether filters make sense on this page.
	settable bool
}

// link returns the address of the page with a parameter replaced; without values
// it is removed. The list begins anew, so the cursor goes.
func (b *viewBuilder) link(name string, values ...string) string {
	query := url.Values{}
	for key, given := range b.query {
		for _, v := range given {
			if v != "" {
				query.Add(key, v)
			}
		}
	}
	if name != "cursor" {
		query.Del("cursor")
	}
	query.Del(name)
	for _, v := range values {
		if v != "" {
			query.Add(name, v)
		}
	}
	return pageURL(b.path, query.Encode())
}

// only returns the query string with nothing but the given parameters.
func (b *viewBuilder) only(keep ...string) string {
	query := url.Values{}
	for _, name := range keep {
		for _, v := range b.query[name] {
			if v != "" {
				query.Add(name, v)
			}
		}
	}
	return query.Encode()
}

func (b *viewBuilder) base(title string) *view {
	v := &view{Title: title + " · Actionlog", Tenant: b.filter.Tenant, Home: pageURL("/", b.only("tenant"))}
	if b.settable {
		v.Filters = b.filters()
	}
	return v
}

// list shows what was found.
func (b *viewBuilder) list(l *list) *view {
	continued := l.from.At != nil
	v := b.base("Action Log")
	v.Export = "/v1/export.csv"
	names := slices.DeleteFunc(sortedKeys(b.query), func(name string) bool { return name == "cursor" || name == "limit" || name == "order" })
	if query := b.only(names...); query != "" {
		v.Export += "?" + query
	}
	switch {
	case len(l.page.Actions) > 0:
		v.Table = b.table(l, continued)
	case continued:
		v.State = &stateView{
			Icon: "corner-down-left", Title: "There is nothing older", Text: "The list ends here.",
			Links: []stateLink{{Label: "Newest events", Link: b.link("cursor"), Icon: "arrow-left", Main: true}},
		}
	case len(b.choices.Actors) == 0:
		v.State = b.firstRun()
	default:
		v.State = b.nothing()
	}
	return v
}

func (b *viewBuilder) table(l *list, continued bool) *tableView {
	t := &tableView{}
	actions := l.page.Actions
	n := len(actions)
	newest, oldest := actions[0].Time, actions[n-1].Time
	if newest.Before(oldest) {
		newest, oldest = oldest, newest
	}
	t.Count = count(n, "event")
	if l.next != "" {
		t.Older = b.link("cursor", l.next)
		if !continued {
			t.Count = "Newest " + t.Count
		}
	}
	if continued {
		t.Newest = b.link("cursor")
	}
	t.Span = stretch(oldest, newest)
	for i := range actions {
		t.Rows = append(t.Rows, b.row(&actions[i]))
	}
	return t
}

// stretch says from when to when the rows of a table reach.
func stretch(oldest, newest time.Time) string {
	switch from, to := oldest.Format(minuteWords), newest.Format(minuteWords); {
	case from == to:
		return to + " UTC"
	case oldest.Format(dayWords) == newest.Format(dayWords):
		return from + " – " + newest.Format("15:04") + " UTC"
	default:
		return from + " – " + to + " UTC"
	}
}

func (b *viewBuilder) row(a *store.Action) rowView {
	kind := b.page.kind(a.Action)
	r := rowView{
		Ago: ago(b.now, a.Time), Exact: a.Time.Format(secondWords), Time: a.Time.Format(store.TimeLayout),
		User:   twoLines{First: []fragment{{Text: cmp.Or(a.Actor.Name, a.Actor.ID)}}, Second: userNote(a)},
		Action: kind.Label, Icon: kind.Icon, Class: kind.Class, Type: a.Action,
		Conflicting: a.Conflicting,
		Description: mark(a.Description, b.filter.Text),
		JSON:        "/v1/actions/" + url.PathEscape(a.ID),
	}
	if tenant := b.only("tenant"); tenant != "" {
		r.JSON += "?" + tenant
	}
	if a.IP.IsValid() {
		r.IP = strings.SplitAfter(a.IP.String(), ":")
	}
	switch a.Outcome {
	case "failure":
		r.Outcome = "Failed"
	case "denied":
		r.Outcome = "Denied"
	}
	record := capital(a.Subject.Type)
	switch {
	case a.Subject.Name != "":
		r.Subject = twoLines{First: mark(a.Subject.Name, b.filter.Text), Second: joined(" · ", record, a.Subject.ID)}
	case a.Subject.ID != "":
		r.Subject = twoLines{First: []fragment{{Text: a.Subject.ID}}, Second: record}
	case record != "":
		r.Subject = twoLines{First: []fragment{{Text: record}}}
	}
	r.Facts = facts(a, r.Exact)
	return r
}

// userNote is what stands below a user's name: who they are if no person, and for
// whom they acted.
func userNote(a *store.Action) string {
	kind := map[string]string{"service": "Service", "api_key": "API key", "agent": "Agent", "system": "System"}[a.Actor.Type]
	behalf := ""
	if name := cmp.Or(a.OnBehalfOf.Name, a.OnBehalfOf.ID); name != "" {
		behalf = "for " + name
	}
	return joined(" · ", kind, behalf)
}

// facts are the fields of an event that have no column of their own.
func facts(a *store.Action, exact string) []fact {
	ip := ""
	if a.IP.IsValid() {
		ip = a.IP.String()
	}
	related := make([]string, len(a.Related))
	for i, r := range a.Related {
		related[i] = joined(" ", capital(r.Type), cmp.Or(r.Name, r.ID))
	}
	all := []fact{
		{Label: "Date", Value: exact + " UTC", Class: "only-phone"},
		{Label: "IP address", Value: ip, Class: "only-medium"},
		{Label: "User ID", Value: a.Actor.ID},
		{Label: "On behalf of", Value: a.OnBehalfOf.ID},
		{Label: "Action", Value: a.Action},
		{Label: "Reason", Value: a.Reason},
		{Label: "Also touched", Value: strings.Join(related, ", ")},
		{Label: "Session", Value: a.SessionID},
		{Label: "Request", Value: a.RequestID},
		{Label: "User agent", Value: a.UserAgent},
		{Label: "Event ID", Value: a.ID},
	}
	return slices.DeleteFunc(all, func(f fact) bool { return f.Value == "" })
}

// userName is the name by which an actor is known here.
func (b *viewBuilder) userName(id string) string {
	for _, a := range b.choices.Actors {
		if a.ID == id {
			return cmp.Or(a.Name, a.ID)
		}
	}
	return id
}

func joined(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), separator)
}
