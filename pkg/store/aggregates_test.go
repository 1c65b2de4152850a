package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// world is a store and the events that it holds, each once.
type world struct {
	*Store
	catalogue *action.Catalogue
	events    []Action
	random    *rand.Rand
}

// The events of a world lie in three quarters.
var worldBegin = time.Date(2025, 12, 10, 0, 0, 0, 0, time.UTC)

const worldDays = 130

// quarterOf is the partition that a time lies in, as SQL.
func quarterOf(t time.Time) string {
	return time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC).Format("'2006-01-02'")
}

// newWorld fills a store: a quarter whose rows are one merged part, one that is a merged
// part and others, and one of parts that are not merged, with repeats within and across
// parts, ids that are used again with other content, and two tenants.
func newWorld(t testing.TB, seed uint64, n int) *world {
	t.Helper()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Store: testStore(t), catalogue: catalogue, random: rand.New(rand.NewPCG(seed, 6+*oracleSeed))}
	r := w.random
	actions := []string{"invoice.posted", "invoice.viewed", "data.erased", "user.login", "unknown.thing"}
	for i := range n {
		w.events = append(w.events, event(i, func(a *Action) {
			a.Time = worldBegin.Add(time.Duration(r.Int64N(int64(worldDays * 24 * time.Hour)))).Truncate(time.Millisecond)
			if r.IntN(4) == 0 { // on edges, too
				a.Time = a.Time.Truncate(15 * time.Minute).Add(time.Duration(r.IntN(3)-1) * time.Millisecond)
			}
			if r.IntN(5) == 0 {
				a.Tenant = "other"
			}
			a.Actor.ID = fmt.Sprintf("u-%d", min(r.IntN(12), r.IntN(12)))
			a.Actor.Name = []string{"", "Ann", "Àlex " + a.Actor.ID, "Straße"}[r.IntN(4)]
			a.Action = actions[r.IntN(len(actions))]
			a.Outcome = action.Outcomes()[r.IntN(len(action.Outcomes()))]
			a.Subject.Type = []string{"", "invoice", "Project"}[r.IntN(3)]
			a.Subject.ID = fmt.Sprint(r.IntN(5))
			a.Subject.Name = []string{"", "Fair", "Summer Fair"}[i%3]
			a.UserAgent = []string{"", "Firefox", "curl"}[i/2%3]
			if i%7 < 2 {
				a.OnBehalfOf = action.Actor{ID: fmt.Sprintf("u-%d", len(a.Action)%5), Name: []string{"", "Bea", "Bo"}[i%3]}
			}
			a.Description = []string{"Added LED panel", "Late fee of STRASSE", "x"}[r.IntN(3)]
			if r.IntN(3) > 0 {
				a.IP = []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("2001:db8::7"), netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(9))})}[r.IntN(3)]
			}
			if r.IntN(3) == 0 {
				a.SessionID = fmt.Sprintf("s-%d", r.IntN(4))
			}
			if i > 0 && r.IntN(20) == 0 { // an identity is used again
				other := w.events[r.IntN(i)]
				a.ID, a.Time, a.Tenant = other.ID, other.Time, other.Tenant
			}
		}))
	}
	some := func(of []Action, n int) []Action {
		var picked []Action
		for range n {
			a := of[r.IntN(len(of))]
			a.Origin.Offset += int64(1 + r.IntN(1_000_000))
			picked = append(picked, a)
		}
		return picked
	}
	quarters := map[string][]Action{}
	for _, a := range w.events {
		quarters[quarterOf(a.Time)] = append(quarters[quarterOf(a.Time)], a)
	}
	keys := slices.Sorted(maps.Keys(quarters))
	for i, key := range keys {
		events := quarters[key]
		half := len(events) / 2
		if i == 1 { // the events of the first half of the quarter are merged
			slices.SortFunc(events, func(a, b Action) int { return a.Time.Compare(b.Time) })
		}
		insert(t, w.Store, events[:half], some(events[:half], half/2))
		execute(t, w.Store, "OPTIMIZE TABLE actions PARTITION "+key+" FINAL")
		if i == 2 { // two merged parts that hold the same
			execute(t, w.Store, "ALTER TABLE actions DETACH PARTITION "+key)
			insert(t, w.Store, some(events[:half], half/2))
			execute(t, w.Store, "OPTIMIZE TABLE actions PARTITION "+key+" FINAL")
			execute(t, w.Store, "ALTER TABLE actions ATTACH PARTITION "+key)
		}
		insert(t, w.Store, slices.Concat(events[half:], some(events[half:], 9)), some(events, 5), some(events[half:], half/3))
		if i == 0 {
			execute(t, w.Store, "OPTIMIZE TABLE actions PARTITION "+key+" FINAL")
		}
	}
	execute(t, w.Store, "SYSTEM STOP MERGES actions")
	if rows := count(t, w.Store, "SELECT count() FROM actions"); rows <= uint64(n) {
		t.Fatalf("%d rows: the engine holds no repeats", rows)
	}
	parts, err := w.parts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if merged, rest := quarterHours.split(allEvents, parts); len(merged) == 0 || len(rest) == 0 {
		t.Fatalf("merged are %v, and are not %v: %+v", merged, rest, parts)
	}
	return w
}

// hurry has questions asked in one window, or in several.
func (w *world) hurry() { w.rate = []float64{guessedRate, 500, 50}[w.random.IntN(3)] }

// filter is any one, and those of the events that match.
func (w *world) filter(t testing.TB) (Filter, []Action) {
	t.Helper()
	r := w.random
	f := Filter{Tenant: []string{"default", "default", "other", "nobody"}[r.IntN(4)], Catalogue: w.catalogue}
	bound := func() time.Time {
		at := worldBegin.Add(time.Duration(r.Int64N(int64((worldDays+2)*24*time.Hour))) - 24*time.Hour)
		return at.Truncate([]time.Duration{1, time.Millisecond, time.Minute, 15 * time.Minute, 24 * time.Hour}[r.IntN(5)])
	}
	if r.IntN(2) == 0 {
		f.From = bound()
	}
	if r.IntN(2) == 0 {
		f.To = bound()
	}
	values := map[string][]string{
		"actor": {"u-0", "u-3", "u-7", "nobody"}, "action": {"invoice.*", "data.erased", "unknown.thing"}, "category": categoryNames(),
		"outcome": action.Outcomes(), "subject_type": {"invoice", "Project"}, "ip": {"10.0.0.0/29", "10.0.0.7", "2001:db8::7"},
		"subject_id": {"1", "2"}, "session_id": {"s-1"},
	}
	for _, field := range slices.Sorted(maps.Keys(values)) {
		if r.IntN(6) > 0 {
			continue
		}
		c := Condition{Field: field, Not: r.IntN(3) == 0}
		for range 1 + r.IntN(2) {
			c.Values = append(c.Values, values[field][r.IntN(len(values[field]))])
		}
		f.Conditions = append(f.Conditions, c)
	}
	if r.IntN(5) == 0 {
		f.Text = []search.Text{{Needle: []string{"led", "straße", "fee", "a"}[r.IntN(4)], Not: r.IntN(3) == 0}}
	}
	return f, w.matching(&f)
}

// matching are the events that a filter is about, by plain Go.
func (w *world) matching(f *Filter) []Action {
	var found []Action
	for i := range w.events {
		if matches(&w.events[i], f) {
			found = append(found, w.events[i])
		}
	}
	return found
}

func (w *world) valueOf(a *Action, field string) string {
	switch field {
	case "actor":
		return a.Actor.ID
	case "action":
		return a.Action
	case "category":
		return string(w.catalogue.Lookup(a.Action).Category)
	case "outcome":
		return a.Outcome
	case "subject_type":
		return a.Subject.Type
	case "session_id":
		return a.SessionID
	case "on_behalf_of":
		return a.OnBehalfOf.ID
	case "ip":
		if !a.IP.IsValid() {
			return ""
		}
		return a.IP.String()
	}
	panic(field)
}
