package demo_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/demo"
)

func date(y int, m time.Month, d, h, minute int) time.Time {
	return time.Date(y, m, d, h, minute, 0, 0, time.UTC)
}

func TestEventsAreTheSameInEveryWindow(t *testing.T) {
	t.Parallel()
	from, to := date(2026, 11, 4, 11, 7), date(2026, 11, 24, 17, 30)
	want := encodeAll(t, slices.Collect(demo.Events(from, to)))
	for _, step := range []time.Duration{29 * time.Hour, 7 * 24 * time.Hour, 15 * 24 * time.Hour} {
		var got []string
		for at := from; at.Before(to); at = at.Add(step) {
			end := at.Add(step)
			if end.After(to) {
				end = to
			}
			// Whatever the zone that it is asked in.
			zone := time.FixedZone("", 7*3600)
			got = append(got, encodeAll(t, slices.Collect(demo.Events(at.In(zone), end.In(zone))))...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("windows of %s: %d events, want the same %d", step, len(got), len(want))
		}
	}
	for range demo.Events(from, to) {
		break // a reader may stop
	}
	if n := len(slices.Collect(demo.Events(to, from))); n != 0 {
		t.Errorf("an empty window has %d events", n)
	}
}

func TestTrickleNeverStops(t *testing.T) {
	t.Parallel()
	from, to := date(2026, 11, 20, 0, 0), date(2026, 11, 24, 0, 0)
	events := slices.Collect(demo.Trickle(from, to))
	last := from
	for _, ev := range events {
		if ev.Time.Before(last) || ev.Time.Sub(last) > 6*time.Minute {
			t.Fatalf("an event at %s follows one at %s", ev.Time, last)
		}
		last = ev.Time
	}
	middle := date(2026, 11, 22, 3, 1)
	halves := append(slices.Collect(demo.Trickle(from, middle)), slices.Collect(demo.Trickle(middle, to))...)
	if !slices.Equal(encodeAll(t, halves), encodeAll(t, events)) {
		t.Error("two halves are not the whole")
	}
	checkEvents(t, events)
}

func TestEventsAreBelievable(t *testing.T) {
	t.Parallel()
	to := date(2026, 11, 24, 0, 0)
	from := to.AddDate(0, 0, -90)
	events := slices.Collect(demo.Events(from, to))
	if len(events) < 6000 || len(events) > 9000 {
		t.Errorf("%d events in 90 days", len(events))
	}
	checkEvents(t, events)

	days := make(map[string]int)
	hours := make(map[int]int)
	actions := make(map[string]int)
	outcomes := make(map[string]int)
	requests := make(map[string]int)
	behalf, ipv4, ipv6 := 0, 0, 0
	for _, ev := range events {
		days[ev.Time.Format(time.DateOnly)]++
		hours[ev.Time.Hour()]++
		actions[ev.Action]++
		outcomes[ev.Outcome]++
		requests[ev.RequestID]++
		if ev.OnBehalfOf.ID != "" {
			behalf++
		}
		if ev.IP.Is4() {
			ipv4++
		} else {
			ipv6++
		}
	}
	for day, n := range days {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := 55, 165
		if w := at.Weekday(); w == time.Saturday || w == time.Sunday {
			lo, hi = 1, 40
		}
		if n < lo || n > hi {
			t.Errorf("%s %s has %d events", day, at.Weekday(), n)
		}
	}
	if hours[10] < 5*hours[22] || hours[3] == 0 {
		t.Errorf("no office hours: %v", hours)
	}
	shared := 0
	for _, n := range requests {
		if n > 1 {
			shared++
		}
	}
	if behalf < 50 || ipv4 < 500 || ipv6 < 500 || shared < 300 || outcomes["denied"] < 10 || outcomes["failure"] < 10 {
		t.Errorf("on behalf %d, IPv4 %d, IPv6 %d, shared requests %d, outcomes %v", behalf, ipv4, ipv6, shared, outcomes)
	}
	for _, name := range []string{
		"opportunity.created", "opportunity.item.added", "opportunity.item.updated", "opportunity.item.removed",
		"opportunity.status.changed", "discussion.commented", "data.exported", "data.erased", "record.deleted", "record.viewed",
		"invoice.created", "invoice.posted", "invoice.updated", "invoice.deleted", "invoice.reminder.sent", "payment.recorded",
		"user.signed_in", "user.sign_in_failed", "role.changed", "document.printed", "document.sent",
	} {
		if actions[name] == 0 {
			t.Errorf("no %s in 90 days", name)
		}
	}
	t.Logf("%d events, %v", len(events), actions)
}

var (
	actionName = regexp.MustCompile(`^[a-z][a-z_]*(\.[a-z][a-z_]*)+$`)
	uuid7      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

// checkEvents holds events to the bounds of the event's definition, to order,
// and to having an identity each.
func checkEvents(t *testing.T, events []action.Event) {
	t.Helper()
	type identity struct {
		tenant, id string
		time       int64
	}
	seen := make(map[identity]bool)
	var last time.Time
	for _, ev := range events {
		bad := func(what string) { t.Fatalf("%s: %s", what, encode(t, ev)) }
		within := func(name, s string, lo, hi int) {
			if n := utf8.RuneCountInString(s); n < lo || n > hi || !utf8.ValidString(s) {
				bad(name)
			}
		}
		key := identity{ev.Tenant, ev.ID, ev.Time.UnixMilli()}
		if seen[key] {
			bad("twice")
		}
		seen[key] = true
		if ev.Time.Before(last) {
			bad("out of order")
		}
		last = ev.Time
		if !uuid7.MatchString(ev.ID) || ev.Time.Location() != time.UTC || ev.Time.Nanosecond()%1e6 != 0 || ev.Tenant != "default" {
			bad("identity")
		}
		for _, a := range []action.Actor{ev.Actor, ev.OnBehalfOf} {
			if a == (action.Actor{}) {
				continue
			}
			within("actor id", a.ID, 1, 256)
			within("actor name", a.Name, 0, 256)
			if !slices.Contains([]string{"user", "service", "api_key", "agent", "system"}, a.Type) {
				bad("actor type")
			}
		}
		if ev.Actor.ID == "" || !ev.IP.IsValid() || !actionName.MatchString(ev.Action) ||
			!slices.Contains([]string{"success", "failure", "denied"}, ev.Outcome) {
			bad("invalid")
		}
		for _, rec := range append([]action.Record{ev.Subject}, ev.Related...) {
			if rec.Type == "" || rec.ID == "" || rec.Name == "" {
				bad("incomplete record")
			}
			within("record", rec.Type+rec.ID+rec.Name, 3, 1024)
		}
		if len(ev.Related) > 16 || len(ev.Details) > 64<<10 || ev.Details != nil && !json.Valid(ev.Details) {
			bad("related or details")
		}
		within("description", ev.Description, 5, 8<<10)
		within("reason", ev.Reason, 0, 1024)
		within("session", ev.SessionID, 0, 256)
		within("request", ev.RequestID, 1, 256)
		within("user agent", ev.UserAgent, 1, 1024)
	}
}

func encode(t *testing.T, ev action.Event) string {
	t.Helper()
	data, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func encodeAll(t *testing.T, events []action.Event) []string {
	t.Helper()
	encoded := make([]string, len(events))
	for i, ev := range events {
		encoded[i] = encode(t, ev)
	}
	return encoded
}
