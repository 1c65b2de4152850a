package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

const (
	// perDay is how many opportunities come in on a working day.
	perDay = 3
	// storyDays is how long an opportunity's story goes on at most, in days,
	// with every weekend that something waits for.
	storyDays = 70
)

// story is an opportunity from the first call to the payment: what happened to
// it, by whom and when, follows from its number alone.
type story struct {
	draw
	number   int
	day      int // it came in
	owner    person
	customer customer
	subject  action.Record
	invoice  action.Record
	total    int // cents
	events   []action.Event
}

// newStory returns opportunity number n before anything happened.
func newStory(n int) *story {
	d := drawFor("opportunity", n)
	s := &story{draw: d, number: n, day: n / perDay, owner: pick(d, staff()), customer: pick(d, customers())}
	name := fmt.Sprintf("%s (%d)", pick(d, s.customer.events), dayStart(s.day+30).Year())
	s.subject = action.Record{Type: "opportunity", ID: fmt.Sprintf("OPP-%d", n), Name: name}
	s.invoice = action.Record{Type: "invoice", ID: fmt.Sprintf("INV-%d", n+10_000), Name: name}
	s.total = d.between(40_000, 3_500_000)
	return s
}

// tell returns the events of opportunity number n, in no order.
func tell(n int) []action.Event {
	s := newStory(n)
	d := s.draw
	s.opened(s.day)
	day := s.day
	for range d.between(1, 3) {
		s.edited(workday(day))
		day += d.between(0, 3)
	}
	for range d.between(0, 2) {
		s.commented(workday(day), s.subject)
	}
	if d.chance(12) {
		s.lost(workday(day + 4))
		return s.events
	}
	day = workday(day + d.between(1, 4))
	s.ordered(day)
	day = workday(day + d.between(2, 8))
	s.billed(day)
	if d.chance(35) {
		s.commented(workday(day+1), s.invoice)
	}
	if d.chance(25) {
		s.corrected(workday(day + 1))
	}
	if d.chance(4) {
		s.withdrawn(workday(day + 2))
		return s.events
	}
	if d.chance(30) {
		day = workday(day + 14)
		s.reminded(day)
	}
	s.paid(workday(day + d.between(2, 12)))
	return s.events
}

func (s *story) add(ev action.Event) { s.events = append(s.events, ev) }

// byOwner begins a request of the opportunity's owner on a day.
func (s *story) byOwner(day int) action.Event {
	return s.request(s.officeTime(day, s.owner), s.owner)
}

func (s *story) record() []action.Record {
	return []action.Record{{Type: "customer", ID: s.customer.id, Name: s.customer.name}}
}

func (s *story) opened(day int) {
	ev := s.byOwner(day)
	ev.Action, ev.Subject, ev.Related = "opportunity.created", s.subject, s.record()
	ev.Description = fmt.Sprintf("Created opportunity %s for %s, contact %s", s.subject.ID, s.customer.name, s.customer.contact)
	s.add(ev)
	if s.chance(30) {
		// The assistant fills in a first draft for the owner.
		first := s.request(ev.Time.Add(time.Duration(s.between(20, 90))*time.Second), assistant)
		first.OnBehalfOf = s.owner.Actor
		s.addItems(first, s.between(1, 2))
	}
}

// edited is one or two requests that add or change items.
func (s *story) edited(day int) {
	s.addItems(s.byOwner(day), s.between(1, 4))
	if s.chance(55) {
		s.changeItem(s.byOwner(day))
	}
	if s.chance(15) {
		it := pick(s.draw, items())
		ev := s.byOwner(day)
		ev.Action, ev.Subject, ev.Related = "opportunity.item.removed", s.subject, related(it)
		ev.Description = fmt.Sprintf("Removed “%s” from %s", it.name, s.subject.Name)
		s.add(ev)
	}
}

func related(it item) []action.Record {
	return []action.Record{{Type: "item", ID: it.id, Name: it.name}}
}

func (s *story) addItems(ev action.Event, n int) {
	for i := range n {
		if i > 0 {
			ev = s.next(ev)
		}
		it, quantity := pick(s.draw, items()), s.between(1, 24)
		ev.Action, ev.Subject, ev.Related = "opportunity.item.added", s.subject, related(it)
		ev.Description = fmt.Sprintf("Added %d × “%s” at %s a day to %s", quantity, it.name, money(s.customer.currency, it.rate), s.subject.Name)
		ev.Details = object{"item": object{"id": it.id, "quantity": quantity, "day_rate": it.rate, "days": s.between(1, 14)}}.raw()
		s.add(ev)
	}
}

func (s *story) changeItem(ev action.Event) {
	it, before := pick(s.draw, items()), s.between(2, 16)
	after := before + s.between(1, 8)
	ev.Action, ev.Subject, ev.Related = "opportunity.item.updated", s.subject, related(it)
	ev.Description = fmt.Sprintf("Changed “%s”: quantity %d → %d", it.name, before, after)
	changes := object{"quantity": object{"before": before, "after": after}}
	if s.chance(40) {
		discount := s.between(1, 3) * 4
		ev.Description += fmt.Sprintf(", discount 0 %% → %d %% (agreed with %s)", discount, s.customer.contact)
		changes["discount"] = object{"before": 0, "after": discount}
	}
	ev.Details = object{"changes": changes}.raw()
	s.add(ev)
}

func (s *story) commented(day int, about action.Record) {
	author := pick(s.draw, staff())
	ev := s.request(s.officeTime(day, author), author)
	ev.Action, ev.Subject = "discussion.commented", about
	ev.Description = pick(s.draw, comments())
	if about.Type == "invoice" {
		ev.Related = []action.Record{s.subject}
	}
	ev.Details = object{"comment": object{"id": "c-" + s.hex()[:8], "length": len(ev.Description)}}.raw()
	s.add(ev)
}

func (s *story) lost(day int) {
	ev := s.byOwner(day)
	ev.Action, ev.Subject, ev.Related = "opportunity.status.changed", s.subject, s.record()
	ev.Description = fmt.Sprintf("Changed the status of %s from “Quotation” to “Lost”", s.subject.ID)
	ev.Reason = pick(s.draw, []string{"Too expensive", "Event cancelled", "Went with their house supplier"})
	ev.Details = change("status", "quotation", "lost").raw()
	s.add(ev)
}

func (s *story) ordered(day int) {
	ev := s.byOwner(day)
	ev.Action, ev.Subject, ev.Related = "opportunity.status.changed", s.subject, s.record()
	ev.Description = fmt.Sprintf("Changed the status of %s from “Quotation” to “Order”", s.subject.ID)
	ev.Details = change("status", "quotation", "order").raw()
	s.add(ev)

	sent := s.next(ev)
	sent.Action, sent.Subject, sent.Related = "document.sent", action.Record{Type: "document", ID: "D-" + s.hex()[:6], Name: "Order confirmation " + s.subject.ID + ".pdf"}, []action.Record{s.subject}
	sent.Description = fmt.Sprintf("Sent “%s” to %s", sent.Subject.Name, s.customer.contact)
	s.add(sent)

	if s.chance(70) {
		tomas := staff()[5]
		printed := s.request(s.officeTime(workday(day+1), tomas), tomas)
		printed.Action, printed.Related = "document.printed", []action.Record{s.subject}
		printed.Subject = action.Record{Type: "document", ID: "D-" + s.hex()[:6], Name: "Picking list " + s.subject.ID}
		printed.Description = fmt.Sprintf("Printed “%s” (%d pages) on “Warehouse – Brother HL-L6400DW”", printed.Subject.Name, s.between(1, 9))
		s.add(printed)
	}
}

// billed is the invoice and, seconds later, its posting by the accounting
// system, which may fail at first.
func (s *story) billed(day int) {
	ev := s.byOwner(day)
	ev.Action, ev.Subject, ev.Related = "invoice.created", s.invoice, []action.Record{s.subject, s.record()[0]}
	ev.Description = fmt.Sprintf("Created invoice %s from opportunity %s: %d lines, %s", s.invoice.ID, s.subject.ID, s.between(4, 60), money(s.customer.currency, s.total))
	ev.Details = object{"total": s.total, "currency": s.customer.currency}.raw()
	s.add(ev)

	poster, label := xero, "Xero"
	if s.customer.system == "quickbooks" {
		poster, label = quickbooks, "QuickBooks Online"
	}
	post := s.request(ev.Time.Add(time.Duration(s.between(3_000, 40_000))*time.Millisecond), poster)
	post.RequestID, post.OnBehalfOf = ev.RequestID, ev.Actor
	post.Action, post.Subject, post.Related = "invoice.posted", s.invoice, []action.Record{s.subject}
	if s.chance(9) {
		failed := post
		failed.Outcome = "failure"
		failed.Description = fmt.Sprintf("Posting invoice %s to %s failed: the tax code “%s” is not mapped", s.invoice.ID, label, pick(s.draw, []string{"IE-23", "FR-20", "JP-10"}))
		failed.Details = object{"accounting": object{"system": s.customer.system, "error": "tax_code_not_mapped"}}.raw()
		s.add(failed)
		again := s.next(failed)
		again.Time = failed.Time.Add(time.Duration(s.between(5, 40)) * time.Minute)
		again.ID, again.RequestID = s.id(again.Time), "req-"+s.hex()
		again.Action, again.Subject, again.Related = post.Action, post.Subject, post.Related
		post = again
	}
	document := fmt.Sprintf("%d-%d", s.between(10, 12), s.number%10_000)
	post.Description = fmt.Sprintf("Posted invoice %s to %s as document %s, %s incl. VAT", s.invoice.ID, label, document, money(s.customer.currency, s.total))
	post.Details = object{"accounting": object{"system": s.customer.system, "document": document, "invoice": s.invoice.ID, "link": "https://" + s.customer.system + ".example/documents/" + document}}.raw()
	s.add(post)
}

// corrected is support changing an invoice for a user, on a ticket.
func (s *story) corrected(day int) {
	ev := s.byOwner(day)
	if s.chance(40) {
		ev = s.request(s.officeTime(day, support), support)
		ev.OnBehalfOf = s.owner.Actor
		ev.Reason = fmt.Sprintf("Ticket #%d: %s asked by phone", s.between(40_000, 49_999), strings.Fields(s.owner.Name)[0])
	}
	due := dayStart(day + 14)
	after := due.AddDate(0, 0, s.between(7, 28))
	ev.Action, ev.Subject, ev.Related = "invoice.updated", s.invoice, []action.Record{s.subject}
	ev.Description = fmt.Sprintf("Changed invoice %s: due date %s → %s", s.invoice.ID, due.Format("2 Jan"), after.Format("2 Jan 2006"))
	ev.Details = change("due", due.Format(time.DateOnly), after.Format(time.DateOnly)).raw()
	s.add(ev)
}

func (s *story) withdrawn(day int) {
	ev := s.request(s.officeTime(day, support), support)
	ev.OnBehalfOf = s.owner.Actor
	ev.Reason = fmt.Sprintf("Ticket #%d", s.between(40_000, 49_999))
	ev.Action, ev.Subject, ev.Related = "invoice.deleted", s.invoice, []action.Record{s.subject}
	ev.Description = fmt.Sprintf("Deleted invoice %s (%s): “Duplicate of INV-%d, client agreed by phone 📞”", s.invoice.ID, money(s.customer.currency, s.total), s.number+9_998)
	s.add(ev)
}

func (s *story) reminded(day int) {
	ev := s.byOwner(day)
	ev.Action, ev.Subject, ev.Related = "invoice.reminder.sent", s.invoice, s.record()
	ev.Description = fmt.Sprintf("Sent a reminder for invoice %s (%s) to %s", s.invoice.ID, money(s.customer.currency, s.total), s.customer.contact)
	s.add(ev)
}

func (s *story) paid(day int) {
	ev := s.byOwner(day)
	ev.Action, ev.Subject, ev.Related = "payment.recorded", s.invoice, []action.Record{s.subject, s.record()[0]}
	ev.Description = fmt.Sprintf("Recorded payment of %s against invoice %s (bank transfer)", money(s.customer.currency, s.total), s.invoice.ID)
	ev.Details = object{"payment": object{"amount": s.total, "currency": s.customer.currency, "method": "bank_transfer"}, "accounting": object{"system": s.customer.system, "invoice": s.invoice.ID}}.raw()
	s.add(ev)
}
