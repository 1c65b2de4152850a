package demo

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// seed makes the demo company what it is.
const seed = 0x61_63_74_69_6f_6e

// draw is a source of choices for one thing of the demo (a day, an opportunity),
// which come out the same whenever that thing is looked at.
type draw struct{ *rand.Rand }

// drawFor returns the choices of the thing that is called kind, number n.
func drawFor(kind string, n int) draw {
	h := fnv.New64a()
	h.Write([]byte(kind))
	return draw{rand.New(rand.NewPCG(seed, h.Sum64()^uint64(n)*0x9e3779b97f4a7c15))}
}

// chance is true in percent of 100 cases.
func (d draw) chance(percent int) bool { return d.IntN(100) < percent }

// between returns one of lo … hi.
func (d draw) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func pick[T any](d draw, from []T) T { return from[d.IntN(len(from))] }

// hex returns a name of 64 bits, as sessions and requests have.
func (d draw) hex() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], d.Uint64())
	return hex.EncodeToString(b[:])
}

// id returns a UUIDv7 (RFC 9562, section 5.7) of an event at that time.
func (d draw) id(at time.Time) string {
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:8], uint64(at.UnixMilli())<<16|0x7000|d.Uint64()&0x0fff)
	binary.BigEndian.PutUint64(u[8:], 1<<63|d.Uint64()>>2)
	return u.String()
}

// officeHours weighs the hours of a working day from its first: busy before
// noon and in the middle of the afternoon.
var officeHours = []int{3, 6, 8, 7, 3, 5, 8, 7, 4, 1}

// officeTime returns a moment of somebody's working day, to the millisecond.
// day counts from 1970-01-01.
func (d draw) officeTime(day int, p person) time.Time {
	total := 0
	for _, w := range officeHours {
		total += w
	}
	at, hour := d.IntN(total), 0
	for at >= officeHours[hour] {
		at -= officeHours[hour]
		hour++
	}
	return dayStart(day).
		Add(time.Duration(p.start+hour-p.zone) * time.Hour).
		Add(time.Duration(d.IntN(3_600_000)) * time.Millisecond)
}

func dayStart(day int) time.Time { return time.Unix(int64(day)*86400, 0).UTC() }

func dayOf(t time.Time) int {
	day := t.Unix() / 86400
	if t.Unix()%86400 < 0 {
		day--
	}
	return int(day)
}

// weekend says whether a day is a Saturday or a Sunday; day 0 was a Thursday.
func weekend(day int) bool {
	w := ((day+4)%7 + 7) % 7 // 0 is Sunday
	return w == 0 || w == 6
}

// workday returns the day itself or the Monday after it.
func workday(day int) int {
	for weekend(day) {
		day++
	}
	return day
}

// request begins an event by somebody at a time: their session of that day,
// their address and their program. What a request does more than once is copied
// from it with [draw.next].
func (d draw) request(at time.Time, p person) action.Event {
	who := drawFor("session "+p.ID, dayOf(at))
	ev := action.Event{
		ID: d.id(at), Time: at, Tenant: action.DefaultTenant, Outcome: action.DefaultOutcome, Actor: p.Actor,
		IP: netip.MustParseAddr(pick(who, p.ips)), UserAgent: p.agent, RequestID: "req-" + d.hex(),
	}
	if p.Type == action.DefaultActorType {
		ev.SessionID = who.hex()
	}
	return ev
}

// next begins another event of the same request, a little later.
func (d draw) next(ev action.Event) action.Event {
	at := ev.Time.Add(time.Duration(d.between(2, 90)) * time.Millisecond)
	return action.Event{
		ID: d.id(at), Time: at, Tenant: ev.Tenant, Outcome: action.DefaultOutcome, Actor: ev.Actor, OnBehalfOf: ev.OnBehalfOf,
		IP: ev.IP, UserAgent: ev.UserAgent, RequestID: ev.RequestID, SessionID: ev.SessionID, Reason: ev.Reason,
	}
}

// object is a JSON object; its keys come out in the order of the alphabet.
type object map[string]any

func (o object) raw() json.RawMessage {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil // nothing that the demo puts in cannot be written
	}
	return raw
}

// change is what details say about fields that got another value.
func change(field string, before, after any) object {
	return object{"changes": object{field: object{"before": before, "after": after}}}
}

// money writes an amount of cents: €1,234.50, and yen without cents.
func money(currency string, cents int) string {
	whole := group(cents / 100)
	if currency == "¥" {
		return currency + whole
	}
	return fmt.Sprintf("%s%s.%02d", currency, whole, cents%100)
}

// group writes a number with commas between its thousands.
func group(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
