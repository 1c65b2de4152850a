package web

import (
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// Day is the moments of a day.
type Day struct {
	Label   string
	Moments []Moment
}

// Moment is an event in a timeline, or a run of views.
type Moment struct {
	Time, Clock, Link      string
	Action                 Kind
	Who, WhoLink, Did, For string
	// About is the record that the event is about, where that is another one.
	About, AboutLink string
	Description      []Fragment
	// Long is set where the description takes more room than others leave it.
	Long bool
	// Quote is set where the description is what someone said.
	Quote                 bool
	Outcome, OutcomeClass string
	Changed               []Change
	MoreChanges           int
	// Run are the views that the moment stands for, where there was more than one in a row.
	Run []Moment
}

// maxChanges is how many changed values a timeline shows of an event.
const maxChanges = 6

// maxMoment is how many characters a timeline shows of a description at once.
const maxMoment = 400

// days are the events of a record by the days of the page's zone.
func (v *View) days(r *Record) []Day {
	var all []Day
	for i := 0; i < len(r.Actions); {
		at := r.Actions[i].Time.In(v.Zone)
		label := v.Lang.time("weekday", at)
		if sameDay(at, v.Now) {
			label = v.Lang.say("record.today", "Day", label)
		}
		if len(all) == 0 || all[len(all)-1].Label != label {
			all = append(all, Day{Label: label})
		}
		day := &all[len(all)-1]
		if n := v.viewsOfADay(r.Actions[i:]); n > 1 {
			cut := i == 0 && r.Previous != "" || i+n == len(r.Actions) && r.Next != ""
			day.Moments = append(day.Moments, v.viewed(r, r.Actions[i:i+n], cut))
			i += n
			continue
		}
		day.Moments = append(day.Moments, v.happened(r, &r.Actions[i]))
		i++
	}
	return all
}

// viewsOfADay is how many events, from the first on, fold into one line: as in the log, but
// for the heads of days, between which they stand.
func (v *View) viewsOfADay(actions []store.Action) int {
	if v.Prefs.NoFolds {
		return 0
	}
	today := func(a *store.Action) bool { return sameDay(a.Time.In(v.Zone), actions[0].Time.In(v.Zone)) }
	return length(actions[:views(actions)], today)
}

// viewed is a run of views, which may be cut where a page begins or ends.
func (v *View) viewed(r *Record, run []store.Action, cut bool) Moment {
	m := v.happened(r, &run[0])
	for i := range run {
		m.Run = append(m.Run, v.happened(r, &run[i]))
	}
	id := "fold.viewed"
	if cut {
		id += "_here"
	}
	said := v.Lang.sayN(id, len(run), "Time", v.Lang.time("hour", run[len(run)-1].Time.In(v.Zone)))
	m.Did = v.Lang.say("record.viewed", "Viewed", said)
	return m
}

// happened is an event in the timeline of a record.
func (v *View) happened(r *Record, a *store.Action) Moment {
	kind := v.kind(a.Action)
	at := a.Time.In(v.Zone)
	m := Moment{
		Time: a.Time.Format(store.TimeLayout), Clock: v.Lang.time("clock", at), Link: v.eventLink(a), Action: kind,
		Who: actorName(a.Actor), WhoLink: v.userLink(a.Actor.ID), Did: v.did(a, kind),
		Description: mark(a.Description, nil), Long: len(cutEnd(a.Description, maxMoment)) < len(a.Description) || strings.Count(a.Description, "\n") > 5, Quote: kind.Category == action.CategoryComment,
	}
	if name := actorName(a.OnBehalfOf); name != "" {
		m.For = v.Lang.say("user.for", "Name", name)
	}
	if a.Subject.Type != r.Type || a.Subject.ID != r.ID {
		m.About, m.AboutLink = v.recordName(a.Subject), v.recordLink(a.Subject)
	}
	if a.Outcome != "success" {
		m.Outcome, m.OutcomeClass = v.Lang.say("outcome."+a.Outcome), outcomeClass(a.Outcome)
	}
	d := newDiffView(ReadDiff(a.Details))
	m.Changed = d.Changed[:min(len(d.Changed), maxChanges)]
	m.MoreChanges = d.Differing - len(m.Changed)
	return m
}
