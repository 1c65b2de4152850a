package web

import (
	"slices"
	"strconv"

	"golang.org/x/text/number"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// ComparePage says what some events have more often than the rest.
type ComparePage struct {
	Frame
	Crumbs []Crumb
	// Selected and Rest are the two sides.
	Selected, Rest ComparedSide
	// Load is where what differs comes from, once the page is there; empty when it is here.
	Load string
	// Bones stand there until then.
	Bones  []int
	Fields []DifferentField
	// Alike are the fields in which nothing differs; empty where there are none.
	Alike string
	// Partial says what was not compared; empty where all was.
	Partial string
	State   *State
}

// ComparedSide is which events are on one side, in plain words, and how many they are.
type ComparedSide struct {
	Conditions []Chip
	// All is said where nothing narrows them.
	All   string
	Count string
}

// DifferentField is a field with the values that are more frequent among what is selected.
type DifferentField struct {
	Label, Note string
	Values      []DifferentValue
}

// DifferentValue is a value and how much of each side has it.
type DifferentValue struct {
	Name, Second string
	// Icon stands before the name, in the colour of a class.
	Icon, Class            string
	Code                   bool
	Selected, Rest         ComparedShare
	Only, Exclude          string
	OnlyLabel, ExcludeName string
}

// ComparedShare is a part of a side. Width is that of its bar, in percent of the longest
// one of the field.
type ComparedShare struct{ Width, Share, Count string }

// Crumb is a step on the way to a page; the last has no link.
type Crumb struct{ Label, Link string }

// Comparing is the page before what differs is known: it says what is compared.
func (v *View) Comparing(against *View) *ComparePage {
	title := v.Lang.say("compare.title")
	p := &ComparePage{Frame: v.frame(title, partLog), Crumbs: []Crumb{{v.Lang.say("log.title"), v.link(v.Text)}, {title, ""}}}
	p.Selected = ComparedSide{Conditions: v.conditions(), All: v.Lang.say("compare.all")}
	p.Rest = ComparedSide{Conditions: against.conditions(), All: v.Lang.say("compare.others")}
	p.Load, p.Bones = v.address("/compare", v.Text, "against", against.Text), make([]int, 4)
	return p
}

// Compared is the page with what differs.
func (v *View) Compared(against *View, d *store.Difference) *ComparePage {
	p := v.Comparing(against)
	p.Load = ""
	p.Selected.Count, p.Rest.Count = v.Lang.sayN("events", d.Count), v.Lang.sayN("events", d.Rest)
	switch {
	case !d.Reached.IsZero() && !d.Until.IsZero():
		p.Partial = v.Lang.say("compare.between", "From", v.moment(v.in(d.Reached)), "To", v.moment(v.in(d.Until)))
	case !d.Reached.IsZero():
		p.Partial = v.Lang.say("compare.since", "From", v.moment(v.in(d.Reached)))
	case !d.Until.IsZero():
		p.Partial = v.Lang.say("compare.until", "To", v.moment(v.in(d.Until)))
	}
	var alike []string
	for i := range d.Fields {
		switch f := &d.Fields[i]; {
		case v.told(f, d):
		case len(f.Values) > 0:
			p.Fields = append(p.Fields, v.differentField(f, d))
		default:
			alike = append(alike, v.comparedLabel(f.Field))
		}
	}
	back := []StateLink{{Label: v.Lang.say("go_to_log"), Link: v.link(v.Text), Main: true}}
	again := []StateLink{{Label: v.Lang.say("try_again"), Link: v.address("/compare", v.Text, "against", against.Text), Icon: "rotate-cw", Main: true}}
	switch {
	case p.Partial != "" && (d.Count == 0 || d.Rest == 0):
		p.State = &State{Icon: "clock", Title: v.Lang.say("partial.nothing"), Text: v.Lang.say("partial.none_yet"), Links: again}
	case d.Count == 0:
		p.State = &State{Icon: "search", Title: v.Lang.say("compare.nothing"), Text: v.Lang.say("compare.nothing_text"), Links: back}
	case d.Rest == 0:
		p.State = &State{Icon: "search", Title: v.Lang.say("compare.no_rest"), Text: v.Lang.say("compare.no_rest_text"), Links: back}
	case len(p.Fields) == 0:
		p.State = &State{Icon: "arrow-left-right", Title: v.Lang.say("compare.alike"), Text: v.Lang.say("compare.alike_text"), Links: back}
	default:
		p.Alike = v.listed(alike)
	}
	return p
}

// told reports whether a field only says again what the selection asks for.
func (v *View) told(f *store.ComparedField, d *store.Difference) bool {
	name := f.Field
	if name == "subject" {
		name = "subject_id"
	}
	return len(f.Values) == 1 && f.Values[0].Count == d.Count && slices.Equal(values(v.Line, name, false), []string{f.Values[0].Value})
}

// listed joins words by commas.
func (v *View) listed(words []string) string { return joined(", ", words...) }

func (v *View) comparedLabel(field string) string {
	if field == "subject" {
		return v.Lang.say("drawer.record")
	}
	return v.fieldLabel(field)
}

func (v *View) differentField(f *store.ComparedField, d *store.Difference) DifferentField {
	field := DifferentField{Label: v.comparedLabel(f.Field)}
	if n := uint64(len(f.Values)); n < f.Distinct {
		field.Note = v.Lang.say("compare.shown", "Shown", v.Lang.number(n), "Count", v.Lang.number(f.Distinct))
	}
	longest := 0.0
	for i := range f.Values {
		longest = max(longest, part(f.Values[i].Count, d.Count), part(f.Values[i].Rest, d.Rest))
	}
	side := func(n, all uint64) ComparedShare {
		share := part(n, all)
		return ComparedShare{strconv.FormatFloat(100*share/longest, 'f', 1, 64), v.Lang.percent(share), v.Lang.number(n)}
	}
	for i := range f.Values {
		value := v.differentValue(f.Field, &f.Values[i])
		value.Selected, value.Rest = side(f.Values[i].Count, d.Count), side(f.Values[i].Rest, d.Rest)
		value.OnlyLabel = v.Lang.say("drawer.only_label", "Field", field.Label, "Value", value.Name)
		value.ExcludeName = v.Lang.say("drawer.exclude_label", "Field", field.Label, "Value", value.Name)
		field.Values = append(field.Values, value)
	}
	return field
}

// differentValue is how a value is shown, and how it is asked for.
func (v *View) differentValue(field string, c *store.ComparedValue) DifferentValue {
	value := DifferentValue{Name: c.Value}
	line := only(v.Line, field, c.Value)
	without := exclude(v.Line, field, c.Value)
	switch field {
	case "actor", "on_behalf_of":
		if c.Name != "" && c.Name != c.Value {
			value.Name, value.Second = c.Name, c.Value
		}
	case "action":
		kind := v.kind(c.Value)
		value.Name, value.Icon, value.Class = kind.Label, kind.Icon, kind.Class
	case "outcome":
		value.Name = v.Lang.say("outcome." + c.Value)
	case "subject":
		kind := v.recordType(c.Type)
		value.Second = kind
		if c.Name != "" && c.Name != c.Value {
			value.Name, value.Second = c.Name, joined(" · ", kind, c.Value)
		}
		line = only(v.Line, "subject_id", c.Value)
		if c.Type != "" {
			line = only(line, "subject_type", c.Type)
		}
		without = excludeRecord(v.Line, c.Type, c.Value)
	default:
		value.Code = true
	}
	value.Only, value.Exclude = v.logLink(line), v.logLink(without)
	return value
}

func part(n, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return float64(n) / float64(all)
}

// percent writes a share, from 0 to 1: small ones with a decimal.
func (l *Language) percent(share float64) string {
	digits := 0
	if share < 0.1 {
		digits = 1
	}
	if share > 0 && share < 0.001 {
		return "< " + l.printer.Sprint(number.Percent(0.001, number.MaxFractionDigits(1)))
	}
	return l.printer.Sprint(number.Percent(share, number.MaxFractionDigits(digits)))
}

// Against is the view of what a selection is compared with, by a line and its filter.
// Without a line the filter has the selection's time or none, and the view says the same.
func (v *View) Against(line string, read search.Line, filter store.Filter) *View {
	r := v.Request
	r.Text, r.Line, r.Filter = line, read, filter
	if line == "" && (!filter.From.IsZero() || !filter.To.IsZero()) {
		r.Line.From, r.Line.To = v.Line.From, v.Line.To
	}
	other := v.site.View(r)
	other.names = v.names
	return other
}
