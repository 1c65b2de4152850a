package web

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// Record is what is known of a record.
type Record struct {
	Type, ID string
	// Actions are a page of its events, newest first, and Next and Previous the cursors of
	// the pages around it; empty where there is none.
	Actions        []store.Action
	Next, Previous string
	// Partial is set where the time was up before the page was full.
	Partial bool
	// Newest, Oldest, Created and Deleted are those events of it; nil where there is none.
	Newest, Oldest, Created, Deleted *store.Action
	Count                            store.Count
	// Users and Kinds are who has done something to it, and what.
	Users, Kinds store.Facet
	// Show is one of RecordShows; empty shows everything.
	Show string
}

// recordShow is a choice of what a timeline shows.
type recordShow struct {
	name, id   string
	categories []action.Category
}

var recordShows = []recordShow{
	{"", "record.all", nil},
	{"changes", "record.changes", []action.Category{action.CategoryCreate, action.CategoryChange, action.CategoryDelete}},
	{"comments", "record.comments", []action.Category{action.CategoryComment}},
	{"money", "record.money", []action.Category{action.CategoryFinance}},
}

// RecordCategories are the categories of action that a choice of a timeline shows, none
// for everything, and false where there is no such choice.
func RecordCategories(show string) ([]string, bool) {
	i := slices.IndexFunc(recordShows, func(s recordShow) bool { return s.name == show })
	if i < 0 {
		return nil, false
	}
	var all []string
	for _, c := range recordShows[i].categories {
		all = append(all, string(c))
	}
	return all, true
}

// RecordPage tells what happened to a record.
type RecordPage struct {
	Frame
	Type, ID, Name string
	// Summary says how much happened to it, by how many, and when.
	Summary string
	Answers []Answer
	Shows   []Preset
	Days    []Day
	Users   []Tally
	Kinds   []Tally
	// Related are other records, and MoreRelated those behind a switch.
	Related, MoreRelated []RelatedRecord
	// Log is the log of what is about it.
	Log      string
	Download *Download
	// AllColumns is how many columns a file may have.
	AllColumns   int
	Newer, Older string
	Partial      bool
}

// Answer says who created or deleted a record.
type Answer struct {
	Action                              Kind
	Word, Who, WhoLink, For, When, Said string
	Link                                string
	Deleted                             bool
}

// RelatedRecord is another record that the events name. Link is empty where it has no page.
type RelatedRecord struct{ Name, Link, Kind string }

func (v *View) relatedRecord(r action.Record) RelatedRecord {
	name, kind := v.recordName(r), joined(" · ", v.recordType(r.Type), r.ID)
	if name == r.ID {
		kind = v.recordType(r.Type)
	}
	if name == kind {
		kind = ""
	}
	return RelatedRecord{name, v.recordLink(r), kind}
}

// recordType is what records of a type are called; those of which the page knows no name by
// their type.
func (v *View) recordType(kind string) string {
	if id := "record_type." + kind; v.Lang.knownMessages[id] {
		return v.Lang.say(id)
	}
	return capital(kind)
}

// recordWord is that within a sentence: in English, where names of types are words as any
// other, the type itself.
func (v *View) recordWord(kind string) string {
	if v.Lang.Tag == "en" || !v.Lang.knownMessages["record_type."+kind] {
		return kind
	}
	return v.recordType(kind)
}

// Record shows what happened to a record.
func (v *View) Record(r *Record) *RecordPage {
	p := &RecordPage{
		Type: v.recordType(r.Type), ID: r.ID, Partial: r.Partial, Days: v.days(r),
		Users: v.userTallies(r.Users), Kinds: v.kindTallies(r.Kinds, nil),
	}
	p.Name = r.name()
	p.Related = v.relatedRecords(r)
	if len(p.Related) > maxRelated {
		p.Related, p.MoreRelated = p.Related[:maxRelated], p.Related[maxRelated:]
	}
	p.Frame = v.frame(p.Name, partLog)
	p.Summary = v.recordSummary(r)
	about := []search.Term{{Field: "subject_type", Value: r.Type}, {Field: "subject_id", Value: r.ID}}
	line := search.Line{Terms: about}
	p.Log, p.Download, p.AllColumns = v.logLink(line), v.download(line.String()), allColumns()
	this := action.Record{Type: r.Type, ID: r.ID}
	for _, s := range recordShows {
		p.Shows = append(p.Shows, Preset{v.Lang.say(s.id), v.recordLink(this, "show", s.name), s.name == r.Show})
	}
	// The last word is the answer: what was created again is there.
	if d := r.Deleted; d != nil && (r.Created == nil || !r.Created.Time.After(d.Time)) {
		p.Answers = append(p.Answers, v.answer(d, "record.deleted", true))
	}
	if r.Created != nil {
		p.Answers = append(p.Answers, v.answer(r.Created, "record.created", false))
	}
	if r.Next != "" {
		p.Older = v.recordLink(this, "show", r.Show, "cursor", r.Next, "tz", v.Zone.String())
	}
	if r.Previous != "" {
		p.Newer = v.recordLink(this, "show", r.Show, "cursor", r.Previous, "tz", v.Zone.String())
	}
	return p
}

// name is the latest that events give the record: those that are about it, or else those
// that name it beside another.
func (r *Record) name() string {
	events := []*store.Action{r.Newest}
	for i := range r.Actions {
		events = append(events, &r.Actions[i])
	}
	var about, beside string
	for _, a := range append(events, r.Oldest) {
		if a == nil {
			continue
		}
		if a.Subject.Type == r.Type && a.Subject.ID == r.ID {
			about = cmp.Or(about, a.Subject.Name)
		}
		for _, named := range a.Related {
			if named.Type == r.Type && named.ID == r.ID {
				beside = cmp.Or(beside, named.Name)
			}
		}
	}
	return cmp.Or(about, beside, r.ID)
}

func (v *View) recordSummary(r *Record) string {
	id := "events"
	if !r.Count.Reached.IsZero() {
		id = "events.at_least"
	}
	said := v.Lang.sayN(id, r.Count.Count)
	if n := r.Users.Distinct; n > 0 {
		said += " " + v.Lang.sayN("record.people", n)
	}
	if r.Oldest != nil && r.Newest != nil {
		from, to := v.Lang.time("day", r.Oldest.Time.In(v.Zone)), v.Lang.time("day", r.Newest.Time.In(v.Zone))
		if from != to {
			to = from + " – " + to
		}
		said += ", " + to
	}
	return joined(" · ", isolated(joined(" ", v.recordType(r.Type), r.ID)), said)
}

func (v *View) answer(a *store.Action, word string, deleted bool) Answer {
	at := a.Time.In(v.Zone)
	when := v.Lang.time("minute", at)
	if sameDay(at, v.Now) {
		when = v.Lang.say("record.today_at", "Time", v.Lang.time("hour", at))
	}
	said := a.Reason
	if deleted {
		said = cmp.Or(a.Reason, a.Description)
	}
	answer := Answer{
		Action: v.kind(a.Action), Word: v.Lang.say(word), Who: actorName(a.Actor), WhoLink: v.userLink(a.Actor.ID),
		When: when, Said: said, Link: v.eventLink(a), Deleted: deleted,
	}
	if name := actorName(a.OnBehalfOf); name != "" {
		answer.For = v.Lang.say("user.for", "Name", name)
	}
	return answer
}

func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// maxRelated is how many related records are seen at once.
const maxRelated = 8

// relatedRecords are those that the events of the page name beside the record.
func (v *View) relatedRecords(r *Record) []RelatedRecord {
	var all []RelatedRecord
	add := func(other action.Record) {
		another := v.relatedRecord(other)
		if another.Link == "" || other.Type == r.Type && other.ID == r.ID ||
			slices.ContainsFunc(all, func(known RelatedRecord) bool { return known.Link == another.Link }) {
			return
		}
		all = append(all, another)
	}
	for i := range r.Actions {
		add(r.Actions[i].Subject)
		for _, other := range r.Actions[i].Related {
			add(other)
		}
	}
	return all
}

// did says what happened without who did it, after whose name it stands.
func (v *View) did(a *store.Action, kind Kind) string {
	words := strings.Fields(kind.Label)
	last := words[len(words)-1]
	switch noun := lower(strings.Join(words[:len(words)-1], " ")); {
	case v.Lang.Tag != "en" || kind.Label == kind.Type:
		return ": " + kind.Label
	case noun != "" && strings.HasSuffix(kind.Type, "."+lower(last)):
		if noun == a.Subject.Type || noun == "record" {
			noun = "the " + cmp.Or(a.Subject.Type, noun)
		}
		return " " + lower(last) + " " + noun
	case strings.HasSuffix(kind.Type, commented):
		return " commented"
	case strings.HasSuffix(words[0], "ed"):
		return " " + lower(kind.Label)
	default:
		return ": " + lower(kind.Label)
	}
}
