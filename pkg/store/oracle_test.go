package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

var (
	oracleCases = flag.Int("oracle.cases", 240, "how many random questions TestOracle asks")
	oracleSeed  = flag.Uint64("oracle.seed", 1, "what the random questions and events of TestOracle are made from")
)

// TestOracle asks random questions and compares what the store finds with what a plain
// filter in Go does: the same events in the same order.
func TestOracle(t *testing.T) {
	t.Parallel()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range oracleTimes {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := testStore(t)
			// Merges are stopped for half of the questions, so that repeats are there.
			execute(t, s, "SYSTEM STOP MERGES actions")
			all := oracleEvents(rand.New(rand.NewPCG(*oracleSeed, uint64(i))), 500, at)
			insertWithRepeats(t, s, all)
			cases := *oracleCases / len(oracleTimes)
			for n := range cases {
				if n == cases/2 {
					execute(t, s, "SYSTEM START MERGES actions")
					execute(t, s, "OPTIMIZE TABLE actions FINAL")
				}
				r := rand.New(rand.NewPCG(*oracleSeed, uint64(n*len(oracleTimes)+i)))
				askOracle(t, s, r, all, randomFilter(r, all, catalogue))
				if t.Failed() {
					t.Fatalf("-oracle.seed %d: question %d of data set %d", *oracleSeed, n, i)
				}
			}
		})
	}
}

// insertWithRepeats inserts events in blocks, some of them again and again.
func insertWithRepeats(t testing.TB, s *Store, all []Action) {
	t.Helper()
	again := func(from, to, by int) []Action {
		var some []Action
		for i := from; i < to; i += by {
			a := all[i]
			a.Origin.Offset += int64(len(all))
			a.Origin.Partition += by
			some = append(some, a)
		}
		return some
	}
	third := len(all) / 3
	insert(t, s, all[:third], all[third:], again(0, len(all), 2), again(third/2, len(all), 3), again(0, third, 1))
}

// askOracle compares a list that is read in pages of random sizes from a random place
// on, and an export.
func askOracle(t *testing.T, s *Store, r *rand.Rand, all []Action, f Filter) {
	t.Helper()
	q := Search{Filter: f, Order: oneOf(r, NewestFirst, OldestFirst)}
	want := oracle(all, &f, q.Order)
	if q.Order == NewestFirst {
		var got []string
		err := s.Each(t.Context(), f, func(a *Action) error { got = append(got, nameOf(a)); return nil })
		wantPlaces(t, "export", f, got, want, err)
	}
	if r.IntN(3) == 0 {
		from := oneOf(r, all...)
		if r.IntN(3) == 0 { // a place where nothing is
			from.ID, from.ContentHash = nastyID(r, "a"), action.ContentHash{byte(r.IntN(256))}
		}
		q.After = from.Cursor()
		want = slices.DeleteFunc(want, func(a *Action) bool { return compare(a, &from, q.Order) <= 0 })
	}
	var told []string
	if r.IntN(2) == 0 {
		q.Progress = func(found []Action, _ time.Time) error {
			for i := range found {
				told = append(told, nameOf(&found[i]))
			}
			return nil
		}
	}
	var got []string
	for {
		q.Limit = min(1000, 1+r.IntN(10)+len(want)/8+r.IntN(len(want)+1))
		page, err := s.List(t.Context(), q)
		if err != nil || page.Partial || len(page.Actions) > q.Limit || page.Next != nil && len(page.Actions) < q.Limit && len(page.Actions) < 250 {
			t.Fatalf("a page of %d of %+v has %d events and is partial: %v; %v", q.Limit, q, len(page.Actions), page.Partial, err)
		}
		for i := range page.Actions {
			got = append(got, nameOf(&page.Actions[i]))
		}
		if page.Next == nil || len(got) > len(want)+1 {
			break
		}
		q.After = page.Next
	}
	wantPlaces(t, fmt.Sprintf("list in order %d", q.Order), f, got, want, nil)
	if q.Progress != nil {
		wantPlaces(t, "progress", f, told, want, nil)
	}
}

// nameOf is what tells an event from every other.
func nameOf(a *Action) string {
	return fmt.Sprintf("%s %q %x", a.Time.Format(TimeLayout), a.ID, a.ContentHash[:4])
}

func wantPlaces(t *testing.T, what string, f Filter, got []string, want []*Action, err error) {
	t.Helper()
	wanted := make([]string, len(want))
	for i, a := range want {
		wanted[i] = nameOf(a)
	}
	if err == nil && slices.Equal(got, wanted) {
		return
	}
	f.Catalogue = nil
	at := 0
	for at < len(got) && at < len(wanted) && got[at] == wanted[at] {
		at++
	}
	next := func(all []string) string {
		if at < len(all) {
			return all[at]
		}
		return "the end"
	}
	var event string
	if at < len(want) {
		event = fmt.Sprintf("%+q; details %s", fmt.Sprintf("%+v", want[at].Event), want[at].Details)
	}
	t.Errorf("%s of %+q: %d events, want %d; %v\nthe first difference, at %d: got %s, want %s\n%s", what, fmt.Sprintf("%+v", f), len(got), len(wanted), err, at, next(got), next(wanted), event)
}

// oracle is what a question finds, in order.
func oracle(all []Action, f *Filter, order Order) []*Action {
	var found []*Action
	for i := range all {
		if matches(&all[i], f) {
			found = append(found, &all[i])
		}
	}
	slices.SortFunc(found, func(a, b *Action) int { return compare(a, b, order) })
	return found
}

var usualUUID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// compare orders events by time, by id, those that are UUIDs after all others, and by
// content.
func compare(a, b *Action, order Order) int {
	isUUID := func(id string) int {
		if usualUUID.MatchString(id) && strings.Trim(id, "0-") != "" {
			return 1
		}
		return 0
	}
	c := cmp.Or(a.Time.Compare(b.Time), isUUID(a.ID)-isUUID(b.ID), cmp.Compare(a.ID, b.ID), bytes.Compare(a.ContentHash[:], b.ContentHash[:]))
	if order == NewestFirst {
		return -c
	}
	return c
}

// matches is the filter.
func matches(a *Action, f *Filter) bool {
	if a.Tenant != f.Tenant || a.Time.Before(f.From) || !f.To.IsZero() && !a.Time.Before(f.To) {
		return false
	}
	for _, text := range f.Text {
		needle := search.Fold(text.Needle)
		if found := strings.Contains(search.Fold(a.Description), needle) || strings.Contains(search.Fold(a.Subject.Name), needle); found == text.Not {
			return false
		}
	}
	for _, c := range f.Conditions {
		if has(a, f, &c) == c.Not {
			return false
		}
	}
	return true
}

// has reports whether an event has one of the values of a condition.
func has(a *Action, f *Filter, c *Condition) bool {
	return slices.ContainsFunc(c.Values, func(v string) bool {
		switch c.Field {
		case "actor":
			return a.Actor.ID == v
		case "on_behalf_of":
			return a.OnBehalfOf.ID == v
		case "action":
			group, any := strings.CutSuffix(v, "*")
			return a.Action == v || any && strings.HasPrefix(a.Action, group)
		case "category":
			return string(f.Catalogue.Lookup(a.Action).Category) == v
		case "outcome":
			return a.Outcome == v
		case "subject_type":
			// Together with subject_id it is about the same record.
			if ids := f.Values("subject_id"); len(ids) > 0 && !c.Not {
				return slices.ContainsFunc(append(a.Related, a.Subject), func(r action.Record) bool { return r.Type == v && slices.Contains(ids, r.ID) })
			}
			return a.Subject.Type == v
		case "subject_id":
			return slices.ContainsFunc(append(a.Related, a.Subject), func(r action.Record) bool { return r.ID == v })
		case "ip":
			return hasAddress(a.IP, v)
		case "session_id":
			return a.SessionID == v
		case "request_id":
			return a.RequestID == v
		case "user_agent":
			return strings.Contains(search.Fold(a.UserAgent), search.Fold(v))
		default:
			return hasDetail(decodeDetails(a.Details), strings.TrimPrefix(c.Field, DetailsField), v)
		}
	})
}

// hasAddress: a network of IPv6 holds no address of IPv4, unless it is one of those
// that are mapped.
func hasAddress(ip netip.Addr, v string) bool {
	if !strings.Contains(v, "/") {
		addr, err := netip.ParseAddr(v)
		return err == nil && ip == addr.Unmap()
	}
	p, err := netip.ParsePrefix(v)
	if err != nil {
		return false
	}
	if p.Addr().Is4In6() {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Contains(ip)
}

// hasDetail reports whether what stands at a path is written so.
func hasDetail(at any, path, v string) bool {
	for _, part := range regexp.MustCompile(`(?s)(?:\\[.\\]|[^.])*`).FindAllString(path, -1) {
		key := regexp.MustCompile(`\\([.\\])`).ReplaceAllString(part, "$1")
		switch inner := at.(type) {
		case map[string]any:
			var ok bool
			if at, ok = inner[key]; !ok {
				return false
			}
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || strconv.Itoa(i) != key || i < 0 || i >= len(inner) {
				return false
			}
			at = inner[i]
		default:
			return false
		}
	}
	switch value := at.(type) {
	case string:
		return value == v
	case bool:
		return strconv.FormatBool(value) == v
	case json.Number:
		return sameNumber(string(value), v)
	case nil:
		return v == "null"
	default:
		return false
	}
}

// sameNumber compares whole numbers of 64 bits exactly, all others as numbers of double
// precision, and what is beyond those as text.
func sameNumber(stored, v string) bool {
	if stored == v {
		return true
	}
	number, err := strconv.ParseFloat(v, 64)
	float, storedErr := strconv.ParseFloat(stored, 64)
	if err != nil || storedErr != nil || strings.Trim(v, "0123456789.eE+-") != "" || v[0] == '+' {
		return false
	}
	if n := wholeNumber(stored); n != nil {
		m := wholeNumber(v)
		if m == nil && number == math.Trunc(number) {
			m, _ = big.NewFloat(number).Int(nil)
		}
		return m != nil && m.Cmp(n) == 0
	}
	return number == float
}

// wholeNumber reads a number of 64 bits that is written without a point or an exponent.
func wholeNumber(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || !n.IsInt64() && !n.IsUint64() {
		return nil
	}
	return n
}
