package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// tableColumn is a column of the table: its head is the message column.<Name>, its cell
// the template cell-<Name>, and the style sheet has its width as w-<Name>.
type tableColumn struct {
	Name string
	// Usual is set where it is shown when nobody chose any.
	Usual bool
	// Always is set where it cannot be left out: it links a row to its event.
	Always bool
	// CSV are the columns of a file that hold what it shows.
	CSV []string
}

// columns are those of the table, in their order.
var columns = []tableColumn{
	{"date", true, true, []string{"time"}},
	{"user", true, false, []string{"actor_id", "actor_name", "on_behalf_of_id", "on_behalf_of_name"}},
	{"ip", true, false, []string{"ip"}},
	{"action", true, false, []string{"action", "outcome"}},
	{"subject", true, false, []string{"subject_type", "subject_id", "subject_name"}},
	{"description", true, false, []string{"description"}},
	{"outcome", false, false, []string{"outcome"}},
	{"session", false, false, []string{"session_id"}},
	{"agent", false, false, []string{"user_agent"}},
	{"request", false, false, []string{"request_id"}},
	{"subject_id", false, false, []string{"subject_id"}},
}

// wideTable is how many columns fit wherever there is a table; more may scroll sideways.
const wideTable = 6

// Column is a column that can be chosen.
type Column struct {
	Name, Label   string
	Shown, Always bool
}

// columnChoices are all columns, and whether they are shown.
func (v *View) columnChoices() []Column {
	all := make([]Column, len(columns))
	for i, c := range columns {
		shown := c.Usual
		if v.Prefs.Columns != nil {
			shown = c.Always || slices.Contains(v.Prefs.Columns, c.Name)
		}
		all[i] = Column{c.Name, v.Lang.say("column." + c.Name), shown, c.Always}
	}
	return all
}

// Table is the events of a page.
type Table struct {
	Columns []Column
	Wide    bool
	Compact bool
	// Oldest is set where the oldest event is the first.
	Oldest bool
	Zone   string
	Rows   []*Row
	// Bones are rows that stand where events will.
	Bones []int
	Pager Pager
	// Joins is what the line of the run above says now that the rows are known which may join
	// it; nil where there is none.
	Joins *Fold
}

// Row is an event as the template "row" shows it.
type Row struct {
	Columns []Column
	// ID is the event's, with what names its content behind it where an event above has the
	// same.
	ID string
	// Link is the page of the event.
	Link             string
	Ago, Exact, Time string
	User, UserLink   string
	// UserKind is what a user is who is no person, and Behalf for whom they acted.
	UserKind, Behalf        string
	IP                      []string // broken where a line may end
	IPLink                  string
	Action                  Kind
	Outcome, OutcomeClass   string
	OutcomeWord             string
	Conflicting             bool
	Subject                 []Fragment
	SubjectLink, Record     string
	Description             []Fragment
	Session, Agent, Request string
	SubjectID               string
	// Around is set for the event whose surroundings are shown.
	Around bool
	// Fold is set for the first event of a run, FoldedIn for the others: the id of the
	// first. Folded is set for those that are not shown.
	Fold     *Fold
	FoldedIn string
	Folded   bool
}

func (v *View) table(f *Found) *Table {
	t := &Table{Bones: make([]int, bones), Compact: v.Prefs.Compact, Oldest: f.OldestFirst, Zone: v.zoneShort(), Pager: v.pager(f)}
	for _, c := range v.columnChoices() {
		if c.Shown {
			t.Columns = append(t.Columns, c)
		}
	}
	t.Wide = len(t.Columns) > wideTable
	used := map[string]bool{}
	for i := range f.Actions {
		row := v.row(&f.Actions[i])
		row.Columns = t.Columns
		if used[row.ID] {
			row.ID += "." + contentOf(&f.Actions[i])
		}
		used[row.ID] = true
		t.Rows = append(t.Rows, row)
	}
	v.fold(t, f)
	return t
}

// zoneShort is the zone as the head of the column of dates says it.
func (v *View) zoneShort() string {
	name := v.Zone.String()
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	return strings.ReplaceAll(name, "_", " ")
}

func (v *View) row(a *store.Action) *Row {
	at := a.Time.In(v.Zone)
	r := &Row{
		ID: a.ID, Link: v.eventLink(a), Around: a.ID == v.Around,
		Ago: v.Lang.ago(v.Now, at), Exact: v.Lang.time("second", at), Time: a.Time.Format(store.TimeLayout),
		User: cmp.Or(a.Actor.Name, a.Actor.ID), UserLink: v.userLink(a.Actor.ID), UserKind: v.actorKind(a.Actor.Type), Behalf: actorName(a.OnBehalfOf),
		Action: v.kind(a.Action), Conflicting: a.Conflicting,
		Outcome: a.Outcome, OutcomeWord: v.Lang.say("outcome." + a.Outcome), OutcomeClass: outcomeClass(a.Outcome),
		Description: mark(a.Description, v.Filter.Text),
		SubjectLink: v.recordLink(a.Subject),
		Session:     a.SessionID, Agent: v.agent(a.UserAgent), Request: a.RequestID, SubjectID: a.Subject.ID,
	}
	if a.IP.IsValid() {
		r.IP = strings.SplitAfter(a.IP.String(), ":")
		r.IPLink = v.logLink(only(v.Line, "ip", a.IP.String()))
	}
	record := v.recordType(a.Subject.Type)
	switch {
	case a.Subject.Name != "":
		r.Subject, r.Record = mark(a.Subject.Name, v.Filter.Text), joined(" · ", record, a.Subject.ID)
	case a.Subject.ID != "":
		r.Subject, r.Record = []Fragment{{Text: a.Subject.ID}}, record
	case record != "":
		r.Subject = []Fragment{{Text: record}}
	}
	return r
}

// outcomeClass is the style sheet's class for an outcome.
func outcomeClass(outcome string) string {
	switch outcome {
	case "failure":
		return "warn"
	case "denied":
		return "bad"
	default:
		return "good"
	}
}

func actorName(a action.Actor) string { return cmp.Or(a.Name, a.ID) }

// joined puts a separator between the parts that are not empty.
func joined(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(parts), func(p string) bool { return p == "" }), separator)
}

// Pager are the ways from one page to the next.
type Pager struct {
	// Newer and Older are links; empty at that end of the list.
	Newer, Older string
	// Span says how many events there are and from when to when they reach.
	Count, Span string
	// More is where an answer goes on, for a list that grows while someone scrolls.
	More string
	// OutOfBand is set in an answer to htmx, which puts the pager into its place.
	OutOfBand bool
}

func (v *View) pager(f *Found) Pager {
	p := Pager{Newer: v.pageLink(f.Previous), Older: v.pageLink(f.Next), Count: v.Lang.sayN("events", len(f.Actions))}
	if f.OldestFirst {
		p.Newer, p.Older = p.Older, p.Newer
	}
	if n := len(f.Actions); n > 0 {
		p.Span = v.stretch(f.Actions[0].Time, f.Actions[n-1].Time)
		p.More = v.pageLink(f.Next)
	}
	return p
}

// stretch says from when to when the rows of a table reach: the day once where both are of
// the same, and the year of both where one is not of this one.
func (v *View) stretch(first, last time.Time) string {
	layout := v.briefLayout(first, last)
	first, last = first.In(v.Zone), last.In(v.Zone)
	from, to := v.Lang.time(layout, first), v.Lang.time(layout, last)
	if from == to {
		return from
	}
	if sameDay(first, last) {
		to = v.Lang.time("hour", last)
	}
	return from + " – " + to
}

// brief says when something was, with its year where that is not this one.
func (v *View) brief(t time.Time) string { return v.Lang.time(v.briefLayout(t), t.In(v.Zone)) }

// briefLayout has the year where one of some times is not of this one.
func (v *View) briefLayout(times ...time.Time) string {
	if slices.ContainsFunc(times, func(t time.Time) bool { return t.In(v.Zone).Year() != v.Now.Year() }) {
		return "minute"
	}
	return "short"
}
