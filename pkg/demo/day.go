package demo

import (
	"fmt"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// routine returns what happens on a day besides the opportunities' stories, in
// no order: people sign in and look at things, systems do their rounds, and now
// and then something is exported, refused or erased.
func routine(day int) []action.Event {
	r := &rounds{draw: drawFor("day", day), day: day}
	r.backup()
	for _, p := range staff() {
		present := 88
		if weekend(day) {
			present = 12
		}
		if r.chance(present) {
			r.session(p)
		}
	}
	r.website(r.between(2, 5))
	r.strangers()
	if weekend(day) {
		return r.events
	}
	for range r.between(1, 3) {
		r.export()
	}
	if r.chance(20) {
		r.role()
	}
	if r.chance(30) {
		r.deletion()
	}
	if day%14 == 5 {
		r.erasure()
	}
	return r.events
}

type rounds struct {
	draw
	day    int
	events []action.Event
}

func (r *rounds) add(ev action.Event) { r.events = append(r.events, ev) }

// session is somebody's working day in front of the screen.
func (r *rounds) session(p person) {
	in := dayStart(r.day).Add(time.Duration(p.start-p.zone)*time.Hour - time.Duration(r.between(0, 25*60_000))*time.Millisecond)
	if r.chance(7) {
		ev := r.signIn(in.Add(-time.Duration(r.between(8, 60))*time.Second), p)
		ev.Action, ev.Outcome = "user.sign_in_failed", "failure"
		ev.Description = "Sign-in failed: wrong password"
		r.add(ev)
	}
	ev := r.signIn(in, p)
	ev.Action = "user.signed_in"
	ev.Description = "Signed in with password and authenticator app"
	r.add(ev)
	for range r.between(2, 5) {
		r.view(r.request(r.officeTime(r.day, p), p))
	}
}

func (r *rounds) signIn(at time.Time, p person) action.Event {
	ev := r.request(at, p)
	ev.Subject = action.Record{Type: "user", ID: p.ID, Name: p.Name}
	return ev
}

// view looks at an opportunity of the last weeks, its invoice or its customer.
func (r *rounds) view(ev action.Event) {
	s := newStory((dayOf(ev.Time)-r.between(1, 28))*perDay + r.IntN(perDay))
	ev.Action = "record.viewed"
	switch r.IntN(4) {
	case 0:
		ev.Subject, ev.Related = s.invoice, []action.Record{s.subject}
		ev.Description = fmt.Sprintf("Viewed invoice %s, %s", s.invoice.ID, s.customer.name)
	case 1:
		ev.Subject = s.record()[0]
		ev.Description = fmt.Sprintf("Viewed customer %s, contact %s", s.customer.name, s.customer.contact)
	default:
		ev.Subject, ev.Related = s.subject, s.record()
		ev.Description = fmt.Sprintf("Viewed opportunity %s", s.subject.ID)
	}
	r.add(ev)
}

func (r *rounds) backup() {
	ev := r.request(dayStart(r.day).Add(2*time.Hour+time.Duration(r.between(0, 600_000))*time.Millisecond), backup)
	ev.Action, ev.Subject = "data.exported", action.Record{Type: "database", ID: "northlight", Name: "All records"}
	rows := 1_200_000 + r.day*40 + r.between(0, 30)
	ev.Description = fmt.Sprintf("Nightly backup: %s rows to the archive", group(rows))
	ev.Details = object{"rows": rows, "format": "parquet"}.raw()
	if r.chance(4) {
		ev.Outcome, ev.Details = "failure", nil
		ev.Description = "Nightly backup failed: the archive did not answer within 30 s"
	}
	r.add(ev)
}

// website is the public availability page asking about an item.
func (r *rounds) website(n int) {
	for range n {
		ev := r.request(dayStart(r.day).Add(time.Duration(r.IntN(86_400_000))*time.Millisecond), website)
		r.askStock(ev)
	}
}

func (r *rounds) askStock(ev action.Event) {
	it := pick(r.draw, items())
	ev.Action, ev.Subject = "record.viewed", action.Record{Type: "item", ID: it.id, Name: it.name}
	ev.Description = fmt.Sprintf("Availability of “%s” asked for by the website: %d in stock", it.name, r.between(0, 40))
	r.add(ev)
}

// strangers try the door.
func (r *rounds) strangers() {
	if !r.chance(35) {
		return
	}
	name := pick(r.draw, []string{"mmueller", "admin", "info@northlight.example", "root"})
	p := person{action.Actor{ID: name, Name: name + " (unknown user)", Type: "user"}, 0, 0, []string{pick(r.draw, []string{"203.0.113.66", "198.51.100.213", "2001:db8:bad:1::9"})}, pythonRequests}
	ev := r.request(dayStart(r.day).Add(time.Duration(r.IntN(86_400_000))*time.Millisecond), p)
	ev.SessionID = ""
	for i := range r.between(1, 4) {
		if i > 0 {
			at := ev.Time.Add(time.Duration(r.between(900, 4000)) * time.Millisecond)
			ev.ID, ev.Time, ev.RequestID = r.id(at), at, "req-"+r.hex()
		}
		ev.Action, ev.Outcome = "user.sign_in_failed", "denied"
		ev.Subject = action.Record{Type: "user", ID: name, Name: name}
		ev.Description = "Sign-in refused: no such user"
		r.add(ev)
	}
}

func (r *rounds) export() {
	p := pick(r.draw, staff())
	ev := r.request(r.officeTime(r.day, p), p)
	list, rows := pick(r.draw, lists()), r.between(40, 24_000)
	ev.Action, ev.Subject = "data.exported", list
	ev.Details = object{"rows": rows, "format": pick(r.draw, []string{"csv", "xlsx"})}.raw()
	ev.Description = fmt.Sprintf("Exported “%s”: %s rows", list.Name, group(rows))
	if r.chance(8) {
		ev.Outcome, ev.Details = "denied", nil
		ev.Description = fmt.Sprintf("Export of “%s” refused: the account may not export", list.Name)
	}
	r.add(ev)
}

func (r *rounds) role() {
	people := staff()
	boss, who := people[1], pick(r.draw, people)
	ev := r.request(r.officeTime(r.day, boss), boss)
	role := pick(r.draw, []string{"Invoice approver", "Stock editor", "Exporter"})
	ev.Action, ev.Subject = "role.changed", action.Record{Type: "user", ID: who.ID, Name: who.Name}
	ev.Description = fmt.Sprintf("Gave the role “%s” to %s", role, who.Name)
	ev.Details = change("roles", []string{"Editor"}, []string{"Editor", role}).raw()
	r.add(ev)
}

func (r *rounds) deletion() {
	p := pick(r.draw, staff())
	ev := r.request(r.officeTime(r.day, p), p)
	s := newStory((r.day-r.between(30, 300))*perDay + r.IntN(perDay))
	ev.Action, ev.Subject, ev.Related = "record.deleted", action.Record{Type: "document", ID: "D-" + r.hex()[:6], Name: "Draft quotation " + s.subject.ID + ".pdf"}, []action.Record{s.subject}
	ev.Description = fmt.Sprintf("Deleted “%s”, never sent", ev.Subject.Name)
	r.add(ev)
}

// erasure is a person's data going for good, because they asked.
func (r *rounds) erasure() {
	ev := r.request(r.officeTime(workday(r.day), support), support)
	who := fmt.Sprintf("P-%d", r.between(2000, 9999))
	ev.Action, ev.Subject = "data.erased", action.Record{Type: "person", ID: who, Name: "Erased person " + who}
	ev.Reason = fmt.Sprintf("GDPR request %d/%d", dayStart(r.day).Year(), r.between(10, 99))
	ev.Description = fmt.Sprintf("Erased the personal data of %s: 1 contact, %d notes", who, r.between(0, 12))
	r.add(ev)
}

// slot returns the events of one slot of the trickle.
func slot(n int) []action.Event {
	r := &rounds{draw: drawFor("trickle", n)}
	start := time.Unix(0, 0).UTC().Add(time.Duration(n) * trickleSlot)
	at := start.Add(time.Duration(r.Int64N(trickleSlot.Milliseconds())) * time.Millisecond)
	r.day = dayOf(at)
	hour := at.Hour()
	var awake []person
	for _, p := range staff() {
		if local := (hour + p.zone + 24) % 24; local >= p.start && local < p.start+10 {
			awake = append(awake, p)
		}
	}
	if len(awake) == 0 || weekend(r.day) && !r.chance(15) || r.chance(25) {
		r.askStock(r.request(at, website))
	} else {
		r.view(r.request(at, pick(r.draw, awake)))
	}
	return r.events
}
