package web

import (
	"slices"
	"strings"

	"github.com/actionlog/actionlog/pkg/search"
)

// Chip is a condition in plain words and the link that removes it.
type Chip struct {
	Label, Value, Remove string
	// Count is where the number of events without it comes from.
	Count string
	// Wrong is set where the condition cannot be read, as is said at the line.
	Wrong bool
}

// pillFields are the fields that have a menu, which says what is set.
var pillFields = []string{"actor", "action", "category"}

// chips are the conditions that no pill says.
func (v *View) chips() []Chip {
	var all []Chip
	for i, t := range v.Line.Texts {
		rest := v.Line
		rest.Texts = slices.Delete(slices.Clone(rest.Texts), i, i+1)
		id := "chip.contains"
		if t.Not {
			id = "chip.without"
		}
		all = append(all, v.chip(v.Lang.say(id), t.Needle, rest))
	}
	type group struct {
		field string
		not   bool
	}
	var done []group
	for _, t := range v.Line.Terms {
		g := group{t.Field, t.Not}
		if slices.Contains(pillFields, t.Field) || slices.Contains(done, g) {
			continue
		}
		done = append(done, g)
		all = append(all, v.termChip(t.Field, t.Not))
	}
	switch {
	case v.Line.Zone != "":
		rest := v.Line
		rest.Zone = ""
		all = append(all, v.chip(v.Lang.say("chip.zone"), v.Zone.String(), rest))
	case v.Kept.Get("tz") != "":
		all = append(all, v.inOwnZone().chip(v.Lang.say("chip.zone"), v.Zone.String(), v.Line))
	}
	return all
}

// termChip says what a field must hold, or must not.
func (v *View) termChip(field string, not bool) Chip {
	id := "chip.is"
	if not {
		id = "chip.is_not"
	}
	held := values(v.Line, field, not)
	for i, value := range held {
		switch field {
		case "outcome":
			held[i] = v.Lang.say("outcome." + value)
		case "on_behalf_of":
			held[i] = v.userName(value)
		}
	}
	return v.chip(v.Lang.say(id, "Field", v.fieldLabel(field)), v.either(held),
		without(v.Line, func(t search.Term) bool { return t.Field == field && t.Not == not }))
}

// chip is a condition, without which the rest of the line is left.
func (v *View) chip(label, value string, rest search.Line) Chip {
	return Chip{Label: label, Value: value, Remove: v.logLink(rest), Count: v.address("/fragments/count", rest.String())}
}

// fieldLabel is a field's name for people.
func (v *View) fieldLabel(field string) string {
	if strings.HasPrefix(field, "details.") {
		return field
	}
	return v.Lang.say("field." + field)
}

// either says that one of some values holds.
func (v *View) either(all []string) string {
	switch len(all) {
	case 0:
		return ""
	case 1, 2:
		return strings.Join(all, v.Lang.say("or"))
	default:
		return v.Lang.sayN("more", len(all)-1, "First", all[0])
	}
}

// conditions are all that narrows the question, for where nothing was found.
func (v *View) conditions() []Chip {
	all := v.chips()
	add := func(label, value string, rest search.Line) {
		if value != "" {
			all = append(all, v.chip(label, value, rest))
		}
	}
	add(v.Lang.say("date"), v.dateWords(), withoutDates(v.Line))
	add(v.Lang.say("user.is"), v.userWords(), withoutFields(v.Line, "actor"))
	add(v.Lang.say("action.is"), v.actionWords(), withoutFields(v.Line, "action", "category"))
	return all
}
