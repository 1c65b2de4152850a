package query

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// filtersView is what the template "filters" shows: the form and its menus.
type filtersView struct {
	// Hidden are the parameters that the form keeps and does not show.
	Hidden []field
	Text   string
	// ClearText is the link without the search text; empty when there is none.
	ClearText string
	// Errors are messages by the parameter that they are about.
	Errors map[string]string

	Date, User, Action   pill
	Dates                datesView
	Users                []userChoice
	UserNote, ActionNote string
	Categories           []categoryChoice
	Chips                []condition
	// ClearAll is the link without filters; empty when none is set.
	ClearAll string
}

type field struct{ Name, Value string }

// pill is a filter that opens a menu.
type pill struct {
	Icon, Label string
	// Value says in words what is set; empty when nothing is.
	Value string
	// Title is all that is set when Value is shortened.
	Title string
	// Quiet is set where the value says enough and the label need not be shown.
	Quiet bool
	Wrong bool
	// Remove is the link without this filter; empty when it is not set.
	Remove, RemoveLabel string
}

type datesView struct {
	Presets            []preset
	From, To           string
	FromError, ToError bool
}

type preset struct {
	Label, Link string
	Active      bool
}

type userChoice struct {
	ID, Name, Second, Initials string
	Checked                    bool
}

type categoryChoice struct {
	Label, Class string
	Types        []typeChoice
}

type typeChoice struct {
	kind
	Checked bool
}

// formNames are the parameters that the form has fields for.
var formNames = []string{"q", "from", "to", "actor", "action"}

func (b *viewBuilder) filters() *filtersView {
	f := &filtersView{Text: b.text, Errors: map[string]string{}}
	for _, name := range sortedKeys(b.query) {
		if slices.Contains(formNames, name) || name == "cursor" {
			continue
		}
		for _, value := range b.query[name] {
			if value != "" {
				f.Hidden = append(f.Hidden, field{name, value})
			}
		}
	}
	wrong := map[string]bool{}
	if b.problem != nil && b.problem.Status < 500 {
		name := b.problem.Parameter
		if !slices.Contains(formNames, name) {
			name = "address" // what no field of the form holds
		}
		f.Errors[name], wrong[name] = b.complaint(), true
	}

	f.Date = pill{Icon: "calendar", Label: "Date range", Value: b.dateWords(), Quiet: true, Wrong: wrong["from"] || wrong["to"], RemoveLabel: "Remove the date range"}
	f.User = pill{Icon: "user-round", Label: "User", Value: names(b.userNames()), Wrong: wrong["actor"], RemoveLabel: "Remove the user filter"}
	f.Action = pill{Icon: "list-filter", Label: "Action type", Value: names(b.actionNames()), Wrong: wrong["action"], RemoveLabel: "Remove the action type filter"}
	if f.Date.Value != "" || f.Date.Wrong {
		f.Date.Remove = b.allHistory()
	}
	if f.User.Value != "" {
		f.User.Remove, f.User.Title = b.link("actor"), joined(", ", b.userNames()...)
	}
	if f.Action.Value != "" {
		f.Action.Remove, f.Action.Title = b.link("action"), joined(", ", b.actionNames()...)
	}
	if f.Text != "" {
		f.ClearText = b.link("q")
		f.Chips = []condition{{"contains", f.Text, b.link("q")}}
	}
	if f.Text != "" || f.Date.Remove != "" || f.User.Remove != "" || f.Action.Remove != "" {
		f.ClearAll = b.clear()
	}

	f.Dates = datesView{From: fieldTime(b.filter.From), To: fieldTime(b.filter.To), FromError: wrong["from"], ToError: wrong["to"], Presets: b.presets()}
	f.Users = b.userChoices()
	f.Categories = b.typeChoices()
	if len(b.choices.Actors) > 0 {
		f.UserNote = "The most active of late"
	}
	f.ActionNote = count(b.countTypes(f.Categories), "type")
	return f
}

// complaint says what is wrong with a parameter. The problem's own words are for
// those who write addresses by hand; for dates the page has fields.
func (b *viewBuilder) complaint() string {
	name := b.problem.Parameter
	value := b.query.Get(name)
	if name != "from" && name != "to" || len(b.query[name]) > 1 {
		return b.problem.Detail
	}
	if _, err := parseTimeOrZero(value, b.now); err != nil {
		return fmt.Sprintf("%s in the date range is “%s”, which is not a date and time (%v). Choose one in the menu, or write it like 2026-11-24T18:00.", capital(name), value, err)
	}
	return fmt.Sprintf("The date range is empty: From (%s) is not before To (%s). Choose a later To or an earlier From.", moment(b.filter.From), moment(b.filter.To))
}

func (b *viewBuilder) countTypes(categories []categoryChoice) (n int) {
	for _, c := range categories {
		n += len(c.Types)
	}
	return n
}

// ranges are the date ranges that have names. Days are those of UTC.
func ranges(now time.Time) []struct {
	label    string
	from, to time.Time
} {
	today := now.UTC().Truncate(24 * time.Hour)
	month := time.Date(today.Year(), today.Month(), 1, 0, 0, 0, 0, time.UTC)
	var open time.Time
	return []struct {
		label    string
		from, to time.Time
	}{
		{"Last hour", now.UTC().Add(-time.Hour).Truncate(time.Minute), open},
		{"Today", today, open},
		{"Yesterday", today.AddDate(0, 0, -1), today},
		{"Last 7 days", today.AddDate(0, 0, -6), open},
		{"Last 30 days", today.AddDate(0, 0, -29), open},
		{"This month", month, open},
		{"Last month", month.AddDate(0, -1, 0), month},
		{"This year", time.Date(today.Year(), 1, 1, 0, 0, 0, 0, time.UTC), open},
		{"All history", open, open},
	}
}

// presets are links to the named ranges. One is active at most: on the first of a
// month, for instance, today and this month are the same.
func (b *viewBuilder) presets() []preset {
	var all []preset
	active := ""
	if b.problem == nil || b.problem.Status != 400 {
		active = b.activePreset()
	}
	for _, r := range ranges(b.now) {
		all = append(all, preset{Label: r.label, Link: b.dateLink(r.from, r.to), Active: r.label == active})
	}
	return all
}

func (b *viewBuilder) activePreset() string {
	for _, r := range ranges(b.now) {
		if r.from.Equal(b.filter.From) && r.to.Equal(b.filter.To) {
			return r.label
		}
	}
	return ""
}

// dateWords says which dates are chosen, by their range's name if it has one.
func (b *viewBuilder) dateWords() string {
	if b.filter.From.IsZero() && b.filter.To.IsZero() {
		return ""
	}
	return cmp.Or(b.activePreset(), span(b.filter.From, b.filter.To))
}

func (b *viewBuilder) allHistory() string { return b.dateLink(time.Time{}, time.Time{}) }

func (b *viewBuilder) dateLink(from, to time.Time) string {
	text := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339Nano)
	}
	without := *b
	without.query = url.Values{}
	for name, values := range b.query {
		if name != "from" && name != "to" {
			without.query[name] = values
		}
	}
	without.query.Set("from", text(from))
	return without.link("to", text(to))
}

func (b *viewBuilder) userNames() []string {
	all := make([]string, len(b.filter.Values("actor")))
	for i, id := range b.filter.Values("actor") {
		all[i] = b.userName(id)
	}
	return all
}

func (b *viewBuilder) actionNames() []string {
	all := make([]string, len(b.filter.Values("action")))
	for i, t := range b.filter.Values("action") {
		all[i] = b.page.kind(t).Label
	}
	return all
}

// userChoices are the users to choose from: those that are chosen first, then the
// most active.
func (b *viewBuilder) userChoices() []userChoice {
	var chosen, others []userChoice
	listed := map[string]bool{}
	for _, a := range b.choices.Actors {
		c := userChoice{ID: a.ID, Name: cmp.Or(a.Name, a.ID), Checked: slices.Contains(b.filter.Values("actor"), a.ID)}
		c.Initials = initials(c.Name)
		if a.Name != "" {
			c.Second = a.ID
		}
		listed[a.ID] = true
		if c.Checked {
			chosen = append(chosen, c)
		} else {
			others = append(others, c)
		}
	}
	for _, id := range b.filter.Values("actor") {
		if !listed[id] {
			chosen = append(chosen, userChoice{ID: id, Name: id, Initials: initials(id), Checked: true})
		}
	}
	return append(chosen, others...)
}

// typeChoices are the action types to choose from: the catalogue's by category,
// then what else the log holds or is asked for.
func (b *viewBuilder) typeChoices() []categoryChoice {
	var all []categoryChoice
	listed := map[string]bool{}
	choose := func(k kind) typeChoice {
		listed[k.Type] = true
		return typeChoice{k, slices.Contains(b.filter.Values("action"), k.Type)}
	}
	for _, k := range b.page.catalogue.Types() {
		// The catalogue gives its types by category.
		if n := len(all); n == 0 || all[n-1].Class != categoryClass(k.Category) {
			all = append(all, categoryChoice{Label: capital(string(k.Category)), Class: categoryClass(k.Category)})
		}
		last := &all[len(all)-1]
		last.Types = append(last.Types, choose(b.page.shown(k)))
	}
	other := categoryChoice{Label: "Other", Class: "t-other"}
	for _, t := range slices.Concat(b.choices.Actions, b.filter.Values("action")) {
		if !listed[t] {
			other.Types = append(other.Types, choose(b.page.kind(t)))
		}
	}
	if len(other.Types) > 0 {
		all = append(all, other)
	}
	return all
}
