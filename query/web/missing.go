package web

import "github.com/actionlog/actionlog/pkg/search"

// Missing is what a page was to be about, of which the log knows nothing.
type Missing struct {
	// Kind is one of the constants, and Type the type of a record.
	Kind, Type, ID string
}

// The kinds of what may be missing.
const (
	MissingUser   = "user"
	MissingRecord = "record"
	MissingEvent  = "event"
)

// missingFields are those of the search line that may hold the id of what is missing. Each
// has a message, missing.<field>.
var missingFields = map[string][]string{
	MissingUser:   {"on_behalf_of", "subject_id"},
	MissingRecord: {"subject_id"},
	MissingEvent:  {"request_id"},
}

// missing says that there is nothing, and where else its id may lead.
func (v *View) missing(m *Missing) *State {
	id := "missing." + m.Kind
	s := &State{
		Icon: "search", Title: v.Lang.say(id, "ID", search.Short(m.ID), "Type", v.recordWord(search.Short(m.Type))), Text: v.Lang.say(id + "_text"),
		Links: []StateLink{{Label: v.Lang.say("go_to_log"), Link: v.clear(), Main: true}, {Label: v.Lang.say("load_again"), Link: v.Path, Icon: "rotate-cw"}},
	}
	add := func(line search.Line, id string) {
		s.Examples = append(s.Examples, Example{line.String(), v.logLink(line), v.Lang.say(id)})
	}
	for _, field := range missingFields[m.Kind] {
		add(search.Line{Terms: []search.Term{{Field: field, Value: m.ID}}}, "missing."+field)
	}
	add(search.Line{Texts: []search.Text{{Needle: m.ID}}}, "missing.words")
	return s
}
