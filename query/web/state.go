package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// State is what stands in the place of the table.
type State struct {
	Icon, Title, Text string
	Alert             bool
	Conditions        []Chip
	Steps             []Step
	Examples          []Example
	Links             []StateLink
	// Syntax is set where the language of the search line is a help.
	Syntax bool
	Note   string
}

// Step is one of what to do first.
type Step struct{ Title, Command, Text string }

// Example is a search line, and what it asks.
type Example struct{ Line, Link, Text string }

// StateLink is a way out of a state.
type StateLink struct {
	Label, Link, Icon string
	Main              bool
}

// nothing says that no event matches, and which conditions could go.
func (v *View) nothing() *State {
	l := v.Lang
	s := &State{Icon: "search", Title: l.say("nothing.title"), Text: l.say("nothing.text"), Conditions: v.conditions()}
	if len(s.Conditions) == 1 {
		s.Title, s.Text = l.say("nothing.one_title"), l.say("nothing.one_text")
	}
	if v.Line.From != "" || v.Line.To != "" {
		s.Links = append(s.Links, StateLink{Label: l.say("nothing.all_history"), Link: v.logLink(withoutDates(v.Line))})
	}
	s.Links = append(s.Links, StateLink{Label: l.say("clear_all"), Link: v.inOwnZone().clear()})
	if hasStar(v.Line) {
		s.Note = l.say("nothing.star")
	}
	return s
}

// hasStar reports whether a line has a star that stands for itself, where who wrote it may
// have meant anything.
func hasStar(line search.Line) bool {
	return slices.ContainsFunc(line.Texts, func(t search.Text) bool { return strings.Contains(t.Needle, "*") }) ||
		slices.ContainsFunc(line.Terms, func(t search.Term) bool { return t.Field != "action" && strings.Contains(t.Value, "*") })
}

// ended says that a list has no more pages.
func (v *View) ended() *State {
	return &State{
		Icon: "corner-down-left", Title: v.Lang.say("ended.title"), Text: v.Lang.say("ended.text"),
		Links: []StateLink{{Label: v.Lang.say("ended.newest"), Link: v.link(v.Text), Icon: "arrow-left", Main: true}},
	}
}

// firstRun says how the first event gets here.
func (v *View) firstRun() *State {
	event, text := `{"actor":{"id":"alice"},"action":"record.viewed"}`, v.Lang.say("first.text")
	if v.Filter.Tenant != action.DefaultTenant {
		if tenant, err := json.Marshal(v.Filter.Tenant); err == nil {
			event = `{"tenant":` + string(tenant) + `,` + event[1:]
		}
		text = v.Lang.say("first.text_tenant")
	}
	return &State{
		Icon: "terminal", Title: v.Lang.say("first.title"), Text: text,
		Steps: []Step{
			{Title: v.Lang.say("first.emit"), Command: "echo " + shellQuote(event) + " | bin/actionlog emit"},
			{Title: v.Lang.say("first.see"), Text: v.Lang.say("first.see_text")},
			{Title: v.Lang.say("first.connect"), Text: v.Lang.say("first.connect_text")},
		},
		Links: []StateLink{{Label: v.Lang.say("load_again"), Link: v.Path, Icon: "rotate-cw", Main: true}},
	}
}

// shellQuote makes one word of a text for a POSIX shell.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Failure is why a page shows no list.
type Failure struct {
	Status int
	// Parameter is the one at fault, when one is.
	Parameter string
	// Said is what is wrong and what to do, and Wrong what is wrong with a text; nil where
	// that is not the reason.
	Said  Said
	Wrong *search.Error
	// Column is where in the search line the problem is, in characters from 1; 0 where that
	// is not known.
	Column int
	// Missing is what there is not; nil where it is the page itself, or something else.
	Missing *Missing
	// Back is the page whose settings were not saved; empty where it is about no settings.
	Back string
}

// Said is a message of the catalogue, problem.<ID>, and what it says of this request: pairs
// of a name and a value.
type Said struct {
	ID     string
	Values []any
}

// atLine reports whether the search line is at fault, where what is wrong with it then
// stands.
func (f *Failure) atLine() bool { return f.Status == http.StatusBadRequest && f.Parameter == "search" }

// atZone reports whether the time zone of the address is at fault, whose chip then is marked.
func (f *Failure) atZone() bool { return f.Status == http.StatusBadRequest && f.Parameter == "tz" }

// Fail shows an error where the table would be. The form stays usable, and what is wrong
// with the search line or the time zone stands at the line.
func (v *View) Fail(f Failure, menus *Menus) *LogPage {
	s := v.failed(f)
	p := v.logPage(s.Title, menus)
	p.Results.State = s
	if f.atLine() {
		p.Line.Wrong = v.wrongLine(&f)
	}
	if f.atZone() {
		var chip Chip
		p.Line.Wrong, chip = v.wrongZone(&f)
		p.Filters.Chips = append(p.Filters.Chips, chip)
	}
	return p
}

// says tells what is wrong and what to do, in the language of the page.
func (v *View) says(f *Failure) string {
	var said string
	if f.Wrong != nil {
		said = sentence(v.fault(f.Wrong))
	} else {
		said = v.Lang.say("problem."+cmp.Or(f.Said.ID, "other"), v.readable(f.Said.Values)...)
	}
	if f.Parameter == "against" {
		said = v.Lang.say("problem.against", "Problem", said)
	}
	return said
}

// readable are values as the page writes them.
func (v *View) readable(values []any) []any {
	all := slices.Clone(values)
	for i, value := range all {
		if n, ok := value.(int); ok {
			all[i] = v.Lang.number(n)
		}
	}
	return all
}

// sentence begins and ends a text as one.
func sentence(text string) string { return capital(ended(text)) }

// ended ends a text as a sentence.
func ended(text string) string {
	if last, _ := utf8.DecodeLastRuneInString(text); last != '.' && last != '?' {
		text += "."
	}
	return text
}

// failed says what went wrong and what to do.
func (v *View) failed(f Failure) *State {
	l := v.Lang
	again := StateLink{Label: l.say("try_again"), Link: v.Path, Icon: "rotate-cw", Main: true}
	home := StateLink{Label: l.say("go_to_log"), Link: v.clear(), Main: true}
	s := &State{Title: l.say("failed.title"), Text: v.says(&f), Icon: "server-off", Alert: f.Status >= http.StatusInternalServerError}
	switch f.Status {
	case http.StatusBadRequest:
		s.Icon, s.Title = "corner-down-left", l.say("wrong.title")
		s.Links = []StateLink{{Label: l.say("clear_all"), Link: v.clear()}}
		if f.Parameter == "cursor" {
			s.Links = append([]StateLink{{Label: l.say("ended.newest"), Link: v.link(v.Text), Icon: "arrow-left", Main: true}}, s.Links...)
		}
		if f.atLine() {
			s.Text, s.Examples, s.Syntax = l.say("wrong.text"), v.examples(), true
		}
		if f.atZone() {
			s.Text = l.say("wrong.zone")
			s.Links = append([]StateLink{{Label: l.say("wrong.own_zone"), Link: v.inZone(""), Main: true}}, s.Links...)
		}
		if f.Parameter == "tenant" {
			s.Links = []StateLink{{Label: l.say("wrong.default_log"), Link: "/", Main: true}}
		}
	case http.StatusNotFound:
		if f.Missing != nil {
			return v.missing(f.Missing)
		}
		s.Icon, s.Title, s.Text, s.Links = "search", l.say("missing.title"), l.say("missing.text"), []StateLink{home}
	case http.StatusServiceUnavailable:
		s.Title, s.Links = l.say("down.title"), []StateLink{again}
		if f.Said.ID == "" { // it is the database
			s.Text, s.Note = l.say("down.text"), l.say("down.note")
		}
	case http.StatusGatewayTimeout:
		s.Title, s.Text, s.Links = l.say("slow.title"), l.say("slow.text"), []StateLink{again}
	case http.StatusTooManyRequests:
		s.Title, s.Text, s.Links = l.say("busy.title"), l.say("busy.text"), []StateLink{again}
	default:
		s.Links = []StateLink{home}
	}
	if f.Back != "" {
		s.Title, s.Links = l.say("preferences.failed"), []StateLink{{Label: l.say("preferences.back"), Link: f.Back, Icon: "arrow-left", Main: true}}
	}
	return s
}

// examples are search lines to begin with.
func (v *View) examples() []Example {
	var all []Example
	for _, e := range []struct{ line, id string }{
		{"after:-30d", "example.dates"}, {"action:invoice.* -xero", "example.words"}, {`"late fee" outcome:denied`, "example.phrase"},
	} {
		all = append(all, Example{e.line, v.link(e.line), v.Lang.say(e.id)})
	}
	return all
}
