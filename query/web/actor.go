package web

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// Actor is what is known of somebody who acts.
type Actor struct {
	ID, Type string
	// Show is the list that is shown whole; empty where none is.
	Show string
	// Names are all that were given, the latest first.
	Names               []string
	FirstSeen, LastSeen time.Time
	Count, ActiveDays   uint64
	Actions, Outcomes   store.Facet
	Addresses, Behalf   store.Facet
	Sessions            []ActorSession
	// SessionCount is how many there are.
	SessionCount uint64
	// Week is of the days from WeekFrom on.
	Week     [7][24]uint64
	WeekFrom time.Time
	// Reached is up to where all was counted; zero where that is everything.
	Reached time.Time
	Latest  []store.Action
}

// partial reports whether the time did not suffice to count all.
func (a *Actor) partial() bool { return !a.Reached.IsZero() }

// uncounted reports whether it did not suffice to count anything: zeros are no numbers then.
func (a *Actor) uncounted() bool { return a.partial() && a.Count == 0 }

// ActorSession is a session of an actor.
type ActorSession struct {
	ID          string
	First, Last time.Time
	Count       uint64
	IP, Agent   string
	// Addresses are how many it came from.
	Addresses uint64
}

// ActorPage is who somebody is.
type ActorPage struct {
	Frame
	Crumbs         []Crumb
	Initials, Name string
	// Second is who they are besides their name.
	Second string
	// Log is what they have done.
	Log string
	// Download is that as a file.
	Download *Download
	// AllColumns is how many columns a file may have.
	AllColumns int
	Partial    string
	Stats      []Stat
	Heat       HeatView
	Sessions   []SessionRow
	// AllSessions and AllAddresses are of lists that have more than is shown.
	AllSessions, AllAddresses *WholeList
	Actions                   []Tally
	Addresses                 []AddressEntry
	Behalf                    []BehalfEntry
	Table                     *Table
	AllEvents                 string
}

// The lists that the page of an actor can show whole.
const (
	ShowSessions  = "sessions"
	ShowAddresses = "addresses"
)

// IsActorShow reports whether the page of an actor can show a list whole, or none.
func IsActorShow(show string) bool {
	return show == "" || show == ShowSessions || show == ShowAddresses
}

// WholeList says how much there is besides what a list shows, and leads to all of it or
// back.
type WholeList struct {
	// Note is empty where all is shown, and Link where there is nowhere to go.
	Note, Label, Link string
}

// Stat is a number on the page of an actor.
type Stat struct{ Label, Value, Title, Link string }

// HeatView is the map of the hours of a week.
type HeatView struct {
	Note string
	// Uncounted is set where nothing is known of any hour.
	Uncounted bool
	Hours     []HeatHead
	Days      []HeatDay
}

// HeatHead is the head of a column; every third is shown.
type HeatHead struct {
	Text  string
	Shown bool
}

// HeatDay is a row.
type HeatDay struct {
	Label string
	Cells []HeatHour
}

// HeatHour is an hour of the week.
type HeatHour struct {
	Count, Title string
	// Level is the class of the style sheet; empty where nothing happened.
	Level string
}

// SessionRow is a session.
type SessionRow struct {
	Started, Lasted, Agent, IP string
	// Warning is set where a session came from several addresses.
	Warning string
	Count   string
	Link    string
}

// AddressEntry is an address, and since when it is used.
type AddressEntry struct {
	Value, Note, Link string
	New               bool
}

// BehalfEntry is somebody for whom an actor has acted.
type BehalfEntry struct{ Name, Note, Link string }

// What is new of an actor, and who is not new altogether.
const (
	newAddress = 7 * 24 * time.Hour
	oldActor   = 30 * 24 * time.Hour
	// activeNow is how long ago the last event of a session may be that goes on.
	activeNow = 15 * time.Minute
)

// Actor shows who somebody is. The view is of what they have done.
func (v *View) Actor(a *Actor) *ActorPage {
	name := a.ID
	if len(a.Names) > 0 {
		name = a.Names[0]
	}
	v.names[a.ID] = name
	p := &ActorPage{
		Frame: v.frame(name, partLog), Crumbs: []Crumb{{v.Lang.say("log.title"), v.clear()}, {v.Lang.say("actor.users"), ""}},
		Initials: initials(name), Name: name, Log: v.link(v.Text), Download: v.download(v.Text), AllColumns: allColumns(),
		Stats: v.stats(a), Heat: v.heat(a), AllEvents: v.Lang.say("actor.all", "Count", v.Lang.number(a.Count)),
	}
	id := ""
	if name != a.ID {
		id = a.ID
	}
	also := ""
	if len(a.Names) > 1 {
		also = v.Lang.say("actor.also", "Names", v.either(a.Names[1:]))
	}
	p.Second = joined(" · ", v.actorKind(a.Type), id, also)
	switch {
	case a.uncounted():
		p.Partial = v.Lang.say("actor.uncounted")
	case a.partial():
		p.Partial = v.Lang.say("actor.since", "From", v.moment(v.in(a.Reached)))
	}
	if a.partial() {
		p.AllEvents = v.Lang.say("actor.log")
	}
	for i := range a.Sessions {
		p.Sessions = append(p.Sessions, v.session(&a.Sessions[i]))
	}
	p.AllSessions = v.wholeList(a, ShowSessions, uint64(len(a.Sessions)), a.SessionCount)
	p.Actions = v.kindTallies(a.Actions, func(kind string) string { return v.logLink(only(v.Line, "action", kind)) })
	v.addresses(p, a)
	for _, b := range a.Behalf.Values {
		p.Behalf = append(p.Behalf, BehalfEntry{
			cmp.Or(b.Name, b.Value), v.Lang.sayN("actor.behalf_note", b.Count, "Last", v.Lang.time("day", b.Last.In(v.Zone))),
			v.logLink(only(v.Line, "on_behalf_of", b.Value)),
		})
	}
	if len(a.Latest) > 0 {
		p.Table = v.table(&Found{Actions: a.Latest, Cut: a.Count > uint64(len(a.Latest))})
		p.Table.Pager = Pager{}
	}
	return p
}

// OfActor is the question of what somebody has done.
func OfActor(id string) search.Line {
	return search.Line{Terms: []search.Term{{Field: "actor", Value: id}}}
}

func (v *View) stats(a *Actor) []Stat {
	l := v.Lang
	seen := func(id string, t time.Time, ago bool) Stat {
		if t.IsZero() && a.partial() {
			return Stat{Label: l.say(id), Value: l.say("actor.not_known")}
		} else if t.IsZero() {
			return Stat{Label: l.say(id), Value: l.say("none")}
		}
		s := Stat{Label: l.say(id), Value: l.time("day", t.In(v.Zone)), Title: l.time("second", t.In(v.Zone))}
		if ago {
			s.Value = l.ago(v.Now, t)
		}
		return s
	}
	number := func(id string, n uint64) Stat {
		// Whoever has done anything has done so on a day.
		if n == 0 && (a.uncounted() || a.partial() && id == "actor.days") {
			return Stat{Label: l.say(id), Value: l.say("actor.not_counted")}
		}
		return Stat{Label: l.say(id), Value: l.number(n)}
	}
	events := number("chart.events", a.Count)
	if a.partial() && !a.uncounted() {
		events.Value = "≥ " + events.Value
	}
	failed := uint64(0)
	line := v.Line
	for _, o := range a.Outcomes.Values {
		if o.Value != action.DefaultOutcome {
			failed += o.Count
			line.Terms = append(slices.Clone(line.Terms), search.Term{Field: "outcome", Value: o.Value})
		}
	}
	bad := number("actor.failed", failed)
	if failed > 0 {
		bad.Link = v.logLink(line)
	}
	return []Stat{
		seen("actor.last_seen", a.LastSeen, true), seen("actor.first_seen", a.FirstSeen, false), events, number("actor.days", a.ActiveDays),
		number("actor.sessions", a.SessionCount), number("actor.addresses", a.Addresses.Distinct), bad,
	}
}

func (v *View) heat(a *Actor) HeatView {
	days := int(v.Now.Sub(a.WeekFrom).Round(24*time.Hour).Hours() / 24)
	h := HeatView{Note: v.Lang.sayN("actor.week_note", days, "Zone", v.Zone.String())}
	for hour := range 24 {
		h.Hours = append(h.Hours, HeatHead{clockHour(hour), hour%3 == 0})
	}
	if h.Uncounted = a.uncounted() && a.Week == [7][24]uint64{}; h.Uncounted {
		return h
	}
	cells := NewHeat(a.Week)
	for d, day := range cells.Days {
		row := HeatDay{Label: v.Lang.days[(d+1)%7]} // those of the catalogue begin with Sunday
		for hour, cell := range day {
			c := HeatHour{Count: v.Lang.number(cell.Count), Title: row.Label + " " + clockHour(hour) + ":00: " + v.Lang.sayN("events", cell.Count)}
			if cell.Level > 0 {
				c.Level = "h" + strconv.Itoa(cell.Level)
			}
			row.Cells = append(row.Cells, c)
		}
		h.Days = append(h.Days, row)
	}
	return h
}

func clockHour(hour int) string {
	return time.Date(2000, 1, 1, hour, 0, 0, 0, time.UTC).Format("15")
}

func (v *View) session(s *ActorSession) SessionRow {
	row := SessionRow{
		Started: v.brief(s.First), Lasted: v.lasted(s.Last.Sub(s.First)), Agent: v.agent(s.Agent), IP: s.IP,
		Count: v.Lang.number(s.Count), Link: v.logLink(only(v.Line, "session_id", s.ID)),
	}
	if v.Now.Sub(s.Last) < activeNow {
		row.Lasted = v.Lang.say("actor.active", "Time", row.Lasted)
	}
	if s.Addresses > 1 {
		row.Warning = v.Lang.sayN("actor.several", s.Addresses)
	}
	return row
}

// lasted says how long something took.
func (v *View) lasted(d time.Duration) string {
	if d < time.Minute {
		return v.Lang.say("lasted.moment")
	}
	hours, minutes := int(d.Hours()), int(d.Minutes())%60
	if hours == 0 {
		return v.Lang.say("lasted.minutes", "Minutes", v.Lang.number(minutes))
	}
	return v.Lang.say("lasted.hours", "Hours", v.Lang.number(hours), "Minutes", strconv.Itoa(minutes/10)+strconv.Itoa(minutes%10))
}

func (v *View) addresses(p *ActorPage, a *Actor) {
	for _, ip := range a.Addresses.Values {
		e := AddressEntry{Value: ip.Value, Link: v.logLink(only(v.Line, "ip", ip.Value))}
		e.New = v.Now.Sub(ip.First) < newAddress && ip.First.Sub(a.FirstSeen) > oldActor
		e.Note = v.Lang.sayN("actor.address_note", ip.Count, "First", v.Lang.time("day", ip.First.In(v.Zone)))
		p.Addresses = append(p.Addresses, e)
	}
	p.AllAddresses = v.wholeList(a, ShowAddresses, uint64(len(a.Addresses.Values)), a.Addresses.Distinct)
}

// wholeList is of a list that shows so many of all; nil where there is nothing to say.
func (v *View) wholeList(a *Actor, list string, shown, all uint64) *WholeList {
	w := &WholeList{}
	if shown < all {
		w.Note = v.Lang.sayN("actor.more."+list, all, "Shown", v.Lang.number(shown))
		w.Label, w.Link = v.Lang.say("actor.all."+list), v.userLink(a.ID, "show", list)+"#"+list
	}
	if a.Show == list {
		w.Label, w.Link = v.Lang.say("actor.fewer."+list), v.userLink(a.ID)+"#"+list
	}
	if *w == (WholeList{}) {
		return nil
	}
	return w
}
