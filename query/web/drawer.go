package web

import (
	"cmp"
	"net/url"
	"strings"
	"unicode"

	"github.com/mileusna/useragent"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// Event is one event, in the drawer or on a page of its own.
type Event struct {
	Frame
	ID     string
	Action Kind
	// Say tells what happened in one sentence.
	Say string
	// Outcome stands behind it where that is not success.
	Outcome           string
	OutcomeClass      string
	Time, Exact, Ago  string
	Description       []Fragment
	Conflicting       bool
	Facts, More       []Fact
	Details           DiffView
	JSON, Link, Close string
	// Around is the list in which the event stands, without filters.
	Around string
	// Timeline is the page of the record; empty where the event has none.
	Timeline string
	// Newer and Older are the events beside this one in the list that it was opened from;
	// empty where that is not known.
	Newer, Older string
	// Alone is set on a page of its own.
	Alone bool
}

// Fact is a field of an event.
type Fact struct {
	Label, Value string
	// Second stands below the value, as code where SecondCode is set, and Raw behind a
	// switch.
	Second, Raw string
	Link        string
	Code        bool
	SecondCode  bool
	// Records stand in the place of the value.
	Records []RelatedRecord
	// Icon stands before the value, in the colour of a class.
	Icon, Class string
	// Only and Exclude are links to the log with the value asked for, or not.
	Only, Exclude string
	// OnlyLabel and ExcludeLabel are what they are called.
	OnlyLabel, ExcludeLabel string
}

// Event shows the first of some events that share an id. Newer and older are those beside it
// in the list; nil where there is none or it is not known.
func (v *View) Event(sharing []store.Action, newer, older *store.Action) *Event {
	a := &sharing[0]
	at := a.Time.In(v.Zone)
	kind := v.kind(a.Action)
	say := v.sentence(a, kind)
	e := &Event{
		Frame: v.frame(say, partLog), ID: a.ID, Action: kind, Say: say,
		Time: a.Time.Format(store.TimeLayout), Exact: v.Lang.time("full", at) + " " + zoneWords(at), Ago: v.Lang.ago(v.Now, at),
		Description: mark(a.Description, v.Filter.Text), Conflicting: a.Conflicting,
		Facts: v.facts(a, kind), More: v.moreFacts(a, sharing[1:]), Details: newDiffView(ReadDiff(a.Details)),
		JSON: v.eventJSON(a), Link: v.eventLink(a), Close: v.address("/", v.Text),
		Around: v.address("/events/"+url.PathEscape(a.ID)+"/around", v.Text, "content", contentOf(a)), Timeline: v.recordLink(a.Subject),
	}
	if a.Outcome != "success" {
		e.Outcome, e.OutcomeClass = v.Lang.say("outcome."+a.Outcome), outcomeClass(a.Outcome)
	}
	if newer != nil {
		e.Newer = v.eventLink(newer)
	}
	if older != nil {
		e.Older = v.eventLink(older)
	}
	return e
}

// FailedEvent is the drawer of an event that cannot be shown.
type FailedEvent struct {
	State *State
	Close string
}

// FailedEvent says why an event cannot be shown.
func (v *View) FailedEvent(f Failure) *FailedEvent {
	return &FailedEvent{v.failed(f), v.address("/", v.Text)}
}

// commented ends the types of comments, which say better than their labels what was done.
const commented = ".commented"

// sentence tells what happened. English labels are of the form "Invoice deleted" or
// "Posted to Xero", of which a sentence can be made; other languages have the label
// behind a colon. Its direction is that of the language, whatever those of the names are.
func (v *View) sentence(a *store.Action, kind Kind) string {
	who, what := isolated(actorName(a.Actor)), lower(kind.Label)
	record := isolated(joined(" ", v.recordWord(a.Subject.Type), a.Subject.ID))
	words := strings.Fields(kind.Label)
	first, last := words[0], words[len(words)-1]
	switch {
	case v.Lang.Tag != "en" || kind.Label == kind.Type:
		return v.Lang.say("sentence", "Who", who, "What", kind.Label, "Record", record)
	case len(words) > 1 && strings.HasSuffix(kind.Type, "."+lower(last)):
		noun := lower(strings.Join(words[:len(words)-1], " "))
		if record != "" && (noun == a.Subject.Type || noun == "record") {
			return joined(" ", who, lower(last), record)
		}
		return joined(", ", joined(" ", who, lower(last), noun), record)
	case strings.HasSuffix(kind.Type, commented) && record != "":
		return who + " commented on " + record
	case strings.HasSuffix(kind.Type, commented):
		return who + " commented"
	case strings.HasSuffix(first, "ed"):
		return joined(", ", who+" "+what, record)
	default:
		return v.Lang.say("sentence", "Who", who, "What", what, "Record", record)
	}
}

// lower writes the first letter of a label small, unless the word is an abbreviation.
func lower(label string) string {
	runes := []rune(label)
	if len(runes) < 2 || unicode.IsUpper(runes[1]) {
		return label
	}
	return string(unicode.ToLower(runes[0])) + string(runes[1:])
}

// facts are the fields that people look for.
func (v *View) facts(a *store.Action, kind Kind) []Fact {
	ip := ""
	if a.IP.IsValid() {
		ip = a.IP.String()
	}
	outcome := v.fact("outcome", v.Lang.say("outcome."+a.Outcome), a.Outcome)
	outcome.Icon, outcome.Class = map[string]string{"success": "circle-check", "failure": "circle-x", "denied": "ban"}[a.Outcome], outcomeClass(a.Outcome)
	record := v.fact("subject_id", v.recordName(a.Subject), a.Subject.ID)
	record.Label, record.Second, record.Link = v.Lang.say("drawer.record"), joined(" · ", v.recordType(a.Subject.Type), a.Subject.ID), v.recordLink(a.Subject)
	if record.Second == record.Value {
		record.Second = ""
	}
	if a.Subject.Type != "" && a.Subject.ID != "" {
		record.Only = v.logLink(only(only(v.Line, "subject_type", a.Subject.Type), "subject_id", a.Subject.ID))
		record.Exclude = v.logLink(excludeRecord(v.Line, a.Subject.Type, a.Subject.ID))
	}
	what := v.fact("action", kind.Label, a.Action)
	what.Second, what.SecondCode = a.Action, true
	agent := v.fact("user_agent", v.agent(a.UserAgent), a.UserAgent)
	if agent.Value != a.UserAgent {
		agent.Raw = a.UserAgent
	}
	address, session := v.fact("ip", ip, ip), v.fact("session_id", a.SessionID, a.SessionID)
	address.Code, session.Code = true, true
	return present(outcome, v.actorFact("actor", a.Actor), v.actorFact("on_behalf_of", a.OnBehalfOf), what, record,
		Fact{Label: v.Lang.say("drawer.reason"), Value: a.Reason}, Fact{Label: v.Lang.say("drawer.related"), Records: v.related(a.Related)},
		address, session, agent)
}

// moreFacts are the fields by which machines know an event, and the others of its id.
func (v *View) moreFacts(a *store.Action, others []store.Action) []Fact {
	request := v.fact("request_id", a.RequestID, a.RequestID)
	request.Code = true
	origin := ""
	if a.Origin.Topic != "" {
		origin = store.AddressOf(a.Origin, false).String()
	}
	same := Fact{Label: v.Lang.say("drawer.same_id")}
	for i := range others {
		same.Records = append(same.Records, RelatedRecord{
			Name: v.Lang.time("second", others[i].Time.In(v.Zone)), Kind: v.kind(others[i].Action).Label, Link: v.eventLink(&others[i]),
		})
	}
	return present(
		Fact{Label: v.Lang.say("drawer.event_id"), Value: a.ID, Code: true},
		same,
		request,
		Fact{Label: v.Lang.say("drawer.kafka"), Value: origin, Code: true},
	)
}

func (v *View) actorFact(field string, a action.Actor) Fact {
	f := v.fact(field, actorName(a), a.ID)
	if a.ID != "" {
		f.Link = v.userLink(a.ID)
	}
	if f.Second = joined(" · ", v.actorKind(a.Type), a.ID); f.Second == f.Value {
		f.Second = ""
	}
	return f
}

// fact is a field with the links that ask for its value.
func (v *View) fact(field, shown, value string) Fact {
	f := Fact{Label: v.fieldLabel(field), Value: shown}
	if value != "" {
		f.Only, f.OnlyLabel = v.logLink(only(v.Line, field, value)), v.Lang.say("drawer.only_label", "Field", f.Label, "Value", shown)
		f.Exclude, f.ExcludeLabel = v.logLink(exclude(v.Line, field, value)), v.Lang.say("drawer.exclude_label", "Field", f.Label, "Value", shown)
	}
	return f
}

// present leaves out the facts that have no value.
func present(all ...Fact) []Fact {
	var kept []Fact
	for _, f := range all {
		if f.Value != "" || len(f.Records) > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

func (v *View) recordName(r action.Record) string { return cmp.Or(r.Name, r.ID, v.recordType(r.Type)) }

func (v *View) related(records []action.Record) []RelatedRecord {
	all := make([]RelatedRecord, len(records))
	for i, r := range records {
		all[i] = v.relatedRecord(r)
	}
	return all
}

// agent says which browser and system a user agent is; the text itself where it is
// neither.
func (v *View) agent(text string) string {
	if text == "" {
		return ""
	}
	ua := useragent.Parse(text)
	name, system := ua.Name, joined(" ", ua.OS, ua.OSVersion)
	if ua.OS == useragent.Windows && ua.OSVersion == "10.0" {
		system = "Windows 10/11" // browsers do not tell one from the other
	}
	if major, _, _ := strings.Cut(ua.Version, "."); major != "" {
		name += " " + major
	}
	switch {
	case ua.Name == "" || ua.Name == text:
		return text
	case ua.OS == "":
		return name
	default:
		return v.Lang.say("agent", "Browser", name, "System", system)
	}
}
