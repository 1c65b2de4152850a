package action_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
)

var (
	seed   = flag.Uint64("action.seed", 0, "seed of the random events; 0 takes one from the clock")
	events = flag.Int("action.events", 2000, "how many random events to decode, each whole and damaged")
)

// checkAgree holds the three ways to decode to the slowest, which is the authority.
func checkAgree(t *testing.T, value []byte) {
	t.Helper()
	sent := bytes.Clone(value)
	want, wantRejected := action.DecodeTokens(value, origin())
	got, rejected := action.Decode(value, origin())
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(rejected, wantRejected) {
		t.Errorf("%q: Decode makes\n%+v, %v, its tokens\n%+v, %v", sent, got, rejected, want, wantRejected)
	}
	if wantRejected != nil && action.Scans(value) && wantRejected.Reason != action.ReasonOutOfRange {
		t.Errorf("%q passes the scanner, but: %v", sent, wantRejected)
	}
	used := action.Event{
		ID: "old", Time: time.Unix(1, 0), OnBehalfOf: action.Actor{ID: "old"}, Related: make([]action.Record, 2, 3),
		Description: "old", Details: []byte(`{"old":1}`),
	}
	rejected = action.DecodeInto(&used, value, origin())
	if len(used.Related) == 0 {
		used.Related = nil // instead of the array that it may fill
	}
	if !reflect.DeepEqual(used, want) || !reflect.DeepEqual(rejected, wantRejected) {
		t.Errorf("%q: DecodeInto makes\n%+v, %v, its tokens\n%+v, %v", sent, used, rejected, want, wantRejected)
	}
	if !bytes.Equal(value, sent) {
		t.Errorf("%q has become %q", sent, value)
	}
}

func TestScannerAgreesOnCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(actiontest.Valid(), actiontest.Broken()) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			checkAgree(t, c.Value)
		})
	}
}

// TestScannerAgreesOnCuts cuts an event with every field after each byte, and puts
// another byte in the place of each.
func TestScannerAgreesOnCuts(t *testing.T) {
	t.Parallel()
	value := []byte(`{"id":"é1","time":"2026-03-01T09:30:00.2+01:00","actor":{"id":"u","type":"user"},"ip":"::7","action":"a.b",` +
		`"related":[{"name":"\u00e9"}, { }],"details":{"a":[1,-2.5e+3,true,null,"\\"],"b":{}} }`)
	for i := range value {
		checkAgree(t, value[:i])
		for _, c := range []byte("\x00 \"\\{}[]:,0-.eau\xe9\xff") {
			changed := bytes.Clone(value)
			changed[i] = c
			checkAgree(t, changed)
		}
	}
}

// TestScannerAgreesOnNumbers tries every word of up to four of the characters that
// numbers have, and TestScannerAgreesOnStrings of up to three parts of strings.
func TestScannerAgreesOnNumbers(t *testing.T) {
	t.Parallel()
	words(4, strings.Split("-+01.eE", ""), func(word string) {
		checkAgree(t, []byte(`{"actor":{"id":"u1"},"action":"a.b","details":{"a":`+word+`}}`))
	})
}

func TestScannerAgreesOnStrings(t *testing.T) {
	t.Parallel()
	parts := []string{`\`, `u`, `n`, `\u0041`, `\ud83d`, `\ude00`, `é`, "\xa9", "\t", `"`, "12345678"}
	words(3, parts, func(word string) {
		checkAgree(t, []byte(`{"actor":{"id":"u1"},"action":"a.b","reason":"`+word+`"}`))
		checkAgree(t, []byte(`{"actor":{"id":"u1"},"action":"a.b","details":{"a":"`+word+`"}}`))
		checkAgree(t, []byte(`{"actor":{"id":"u1"},"action":"a.b","details":{"`+word+`":0,"n":1}}`))
	})
}

// words calls f with every sequence of up to n parts.
func words(n int, parts []string, f func(string)) {
	f("")
	if n == 0 {
		return
	}
	for _, part := range parts {
		words(n-1, parts, func(rest string) { f(part + rest) })
	}
}

// TestScannerAgreesOnRandomEvents also holds the scanner to read all of them that are
// whole and valid: whatever it gives up on takes three times as long.
func TestScannerAgreesOnRandomEvents(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("repeat with -action.seed=%d", *seed)
	g := generator{rand.New(rand.NewPCG(*seed, 0))}
	accepted := 0
	for range *events {
		value := g.event()
		checkAgree(t, value)
		if _, rejected := action.DecodeTokens(value, origin()); rejected == nil {
			accepted++
			if !action.Scans(value) {
				t.Errorf("the scanner gives up on %q", value)
			}
		}
		checkAgree(t, g.damage(value))
		if t.Failed() {
			return
		}
	}
	if accepted < *events/2 {
		t.Errorf("only %d of %d random events are accepted", accepted, *events)
	}
}

func TestScannerReadsTheUsual(t *testing.T) {
	t.Parallel()
	unusual := []string{"escaped names", "details with any names"} // escapes in names
	for _, c := range actiontest.Valid() {
		if got, want := action.Scans(c.Value), !slices.Contains(unusual, c.Name); got != want {
			t.Errorf("the scanner reads %q: %t, want %t", c.Name, got, want)
		}
	}
}

// TestScannerLeavesNothing: what the scanner has read when it gives up is not in the
// event that is read by tokens.
func TestScannerLeavesNothing(t *testing.T) {
	t.Parallel()
	value := []byte(`{"related":[{"id":"r1"}],"id":"e1","actor":{"id":"u1"},"\u0061ction":"a.b"}`)
	if action.Scans(value) {
		t.Error("the scanner reads escaped names: take another event")
	}
	checkAgree(t, value)
}

// TestScannerComparesNames: names of details that share their first and last bytes,
// and more than the scanner compares.
func TestScannerComparesNames(t *testing.T) {
	t.Parallel()
	f := func(scans bool, names ...string) {
		t.Helper()
		value := []byte(`{"actor":{"id":"u1"},"action":"a.b","details":{"in":{"` + strings.Join(names, `":{},"`) + `":0}}}`)
		checkAgree(t, value)
		if got := action.Scans(value); got != scans {
			t.Errorf("the scanner reads %q: %t, want %t", names, got, scans)
		}
	}
	many := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf("x%04dx", i))
		}
		return names
	}
	f(true, "")
	f(false, "", "")
	f(true, "", "a", "in", "details")
	f(true, "abc", "acc", "ABC")
	f(false, "abc", "acc", "abc")
	f(true, many(64)...)
	f(false, append(many(63), "x0007x")...)
	f(false, many(65)...)
}

// TestScannerStopsAtBounds: the levels of details, of arrays and of objects, and their
// bytes, white space included.
func TestScannerStopsAtBounds(t *testing.T) {
	t.Parallel()
	f := func(scans bool, details string) {
		t.Helper()
		value := []byte(`{"actor":{"id":"u1"},"action":"a.b","details":` + details + `}`)
		checkAgree(t, value)
		if got := action.Scans(value); got != scans {
			t.Errorf("the scanner reads %.300q: %t, want %t", details, got, scans)
		}
	}
	objects := func(n int) string { return strings.Repeat(`{"a":`, n-1) + "{}" + strings.Repeat("}", n-1) }
	arrays := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "}" }
	bytes := func(n int) string { return "{" + strings.Repeat(" ", n-2) + "}" }
	f(true, objects(action.MaxDetailsDepth))
	f(false, objects(action.MaxDetailsDepth+1))
	f(true, arrays(action.MaxDetailsDepth))
	f(false, arrays(action.MaxDetailsDepth+1))
	f(true, bytes(action.MaxDetailsBytes))
	f(false, bytes(action.MaxDetailsBytes+1))
}

// TestDecodeIntoSharesMemory: texts are parts of the message, which is what saves the
// copy, and an event's memory is used again.
//
// It is not parallel: allocations are counted.
func TestDecodeIntoSharesMemory(t *testing.T) {
	value := []byte(`{"id":"e1","time":"2026-03-01T09:30:00Z","actor":{"id":"u1"},"action":"a.b","related":[{"id":"r1"}],"details":{"a":"b\n"}}`)
	var e action.Event
	if rejected := action.DecodeInto(&e, value, origin()); rejected != nil {
		t.Fatal(rejected)
	}
	for i := range value {
		value[i] ^= 'a' ^ 'A' // the case of letters
	}
	if e.Action != "A\x0eB" {
		t.Errorf("the action is %q, no part of the message", e.Action)
	}
	for i := range value {
		value[i] ^= 'a' ^ 'A'
	}
	if len(e.Details) != cap(e.Details) {
		t.Errorf("whoever appends to details writes over the message: length %d, capacity %d", len(e.Details), cap(e.Details))
	}
	// There is none, but that the race detector takes things out of pools.
	if n := testing.AllocsPerRun(100, func() {
		if rejected := action.DecodeInto(&e, value, origin()); rejected != nil {
			t.Fatal(rejected)
		}
	}); n > 2 {
		t.Errorf("%v allocations an event", n)
	}
}

func TestFirstStop(t *testing.T) {
	t.Parallel()
	stops := func(c byte) bool { return c < ' ' || c == '"' || c == '\\' }
	for a := range 256 {
		for b := range 256 {
			word := [8]byte{'a', ' ', byte(a), byte(b), '!', 0xff, '#', '\\'}
			want := slices.IndexFunc(word[:], stops)
			if got := action.FirstStop(word); got != want {
				t.Fatalf("the first stop of %q is %d, want %d", word, got, want)
			}
		}
	}
	if got := action.FirstStop([8]byte([]byte("12345678"))); got != 8 {
		t.Errorf("a word without a stop has one at %d", got)
	}
}

func TestDaysIn(t *testing.T) {
	t.Parallel()
	for year := range 10_000 {
		for month := 1; month <= 12; month++ {
			if got, want := action.DaysIn(year, month), time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); got != want {
				t.Fatalf("month %d of %d has %d days, want %d", month, year, got, want)
			}
		}
	}
}

// generator writes random messages.
type generator struct{ *rand.Rand }

func (g generator) oneIn(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// event returns an event, valid but for one in some, with fields in any order and
// written in any way, but for names, which have no escapes.
func (g generator) event() []byte {
	members := []string{
		g.member("actor", g.actor()),
		g.member("action", g.quote(pick(g, "a.b", "record.viewed", "opportunity.item.added", "a-1._.z"))),
	}
	maybe := func(name string, value func() string) {
		if g.oneIn(2) {
			members = append(members, g.member(name, value()))
		}
	}
	text := func() string { return g.text(0, 40) }
	maybe("id", func() string {
		return g.quote(pick(g, "0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d", "e 1", "é", "😀", strings.Repeat("😀", 128)))
	})
	maybe("time", func() string { return g.quote(g.time()) })
	maybe("tenant", func() string { return g.text(1, 30) })
	maybe("on_behalf_of", g.actor)
	maybe("ip", func() string {
		return g.quote(pick(g, "192.0.2.7", "0.0.0.0", "::1", "2001:DB8::7", "::ffff:192.0.2.7", "2001:db8:1111:2222:3333:4444:5555:6666"))
	})
	maybe("outcome", func() string { return g.quote(pick(g, action.Outcomes()...)) })
	maybe("subject", g.record)
	maybe("related", func() string { return g.list(g.IntN(action.MaxRelated+1), g.record) })
	maybe("description", func() string { return g.text(0, 400) })
	maybe("reason", text)
	maybe("session_id", text)
	maybe("request_id", text)
	maybe("user_agent", text)
	maybe("details", func() string { return g.details(1) })
	if g.oneIn(20) {
		members = append(members, pick(g, members[0], `"colour":1`, `"id":7`, `"ip":null`, `"time":"2026-02-30T00:00:00Z"`, `"details":[]`,
			`"reason":"`+strings.Repeat("é", 1025)+`"`, `"reason":"\ud800"`, `"tenant":""`, `"related":[`+strings.Repeat("{},", 16)+`{}]`))
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return []byte(g.object(members))
}

func (g generator) actor() string {
	members := []string{g.member("id", g.text(1, 20))}
	if g.oneIn(2) {
		members = append(members, g.member("name", g.text(0, 30)))
	}
	if g.oneIn(2) {
		members = append(members, g.member("type", g.quote(pick(g, action.ActorTypes()...))))
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return g.object(members)
}

func (g generator) record() string {
	var members []string
	for _, name := range []string{"type", "id", "name"} {
		if g.oneIn(2) {
			members = append(members, g.member(name, g.text(0, 20)))
		}
	}
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return g.object(members)
}

func (g generator) time() string {
	at := time.Unix(g.Int64N(4_000_000_000), g.Int64N(1e9)).In(time.FixedZone("", (g.IntN(48*60-1)-24*60+1)*60))
	return at.Format(pick(g, time.RFC3339, time.RFC3339Nano, "2006-01-02t15:04:05.000Z07:00", "2006-01-02T15:04:05.0Z07:00"))
}

// details returns an object that has levels around it.
func (g generator) details(levels int) string {
	var members []string
	for i := range g.IntN(6) {
		name := pick(g, "", "a", "id", "größe", "two words", "😀") + strconv.Itoa(i)
		if g.oneIn(100) {
			name = "id0"
		}
		members = append(members, `"`+name+`"`+g.space()+":"+g.any(levels))
	}
	return g.object(members)
}

func (g generator) any(levels int) string {
	if levels > 8 {
		return pick(g, "{}", "[]", "0")
	}
	switch g.IntN(6) {
	case 0:
		return g.details(levels + 1)
	case 1:
		return g.list(g.IntN(4), func() string { return g.any(levels + 1) })
	case 2, 3:
		return g.text(0, 30)
	default:
		return g.space() + pick(g, "true", "false", "null", "0", "-0", "7", "-12.50", "1e400", "9007199254740993", "1E+2", "0.1e-7",
			"123456789012345678901234567890")
	}
}

func (g generator) member(name, value string) string {
	return g.space() + `"` + name + `"` + g.space() + ":" + value
}

func (g generator) object(members []string) string {
	return g.space() + "{" + strings.Join(members, g.space()+",") + g.space() + "}" + g.space()
}

func (g generator) list(n int, item func() string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = item()
	}
	return g.space() + "[" + strings.Join(items, ",") + g.space() + "]" + g.space()
}

// space returns white space, mostly none.
func (g generator) space() string {
	if !g.oneIn(8) {
		return ""
	}
	return pick(g, " ", "\n", "\r\n", "\t", "        ")
}

// text returns a string of random characters.
func (g generator) text(least, most int) string {
	s := make([]rune, least+g.IntN(most-least+1))
	beyond := g.oneIn(3)
	for i := range s {
		switch {
		case !beyond || g.oneIn(2):
			s[i] = rune(' ' + g.IntN(95))
		case g.oneIn(10):
			s[i] = rune(g.IntN(' '))
		default:
			s[i] = pick(g, 'é', 'ß', '€', '漢', '\u2028', '\ufeff', '\ufffd', '\U0001F600', '\U0010FFFF')
		}
	}
	return g.quote(string(s))
}

// quote writes a string, with escapes where JSON needs them and, in some, elsewhere.
func (g generator) quote(s string) string {
	var b strings.Builder
	escapes := g.oneIn(6)
	b.WriteByte('"')
	for _, r := range s {
		short := strings.IndexRune("\"\\/\b\f\n\r\t", r)
		switch needed := r < ' ' || r == '"' || r == '\\'; {
		case !needed && (!escapes || g.oneIn(2)):
			b.WriteRune(r)
		case short >= 0 && g.oneIn(2):
			b.WriteString(`\` + `"\/bfnrt`[short:short+1])
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, pick(g, `\u%04x`, `\u%04X`), unit)
			}
		}
	}
	b.WriteByte('"')
	return b.String() + g.space()
}

// damage returns value with a byte or a few changed, left out, added or moved.
func (g generator) damage(value []byte) []byte {
	at := g.IntN(len(value))
	end := min(len(value), at+1+g.IntN(4))
	changed := bytes.Clone(value)
	switch g.IntN(5) {
	case 0:
		changed[at] = byte(g.IntN(256))
	case 1:
		changed[at] = pick(g, []byte("\"\\{}[]:,ue0-. \n\x00\x80\xff")...)
	case 2:
		changed = slices.Delete(changed, at, end)
	case 3:
		changed = slices.Insert(changed, g.IntN(len(value)), value[at:end]...)
	default:
		changed = changed[:at]
	}
	return changed
}
