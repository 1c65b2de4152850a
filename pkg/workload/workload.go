// Package workload makes events for benchmarks: any number of them, the same at each
// run, and skewed as those of real systems are. A few tenants, users and records make
// most of the traffic, the rest has a long tail.
package workload

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// How much there is of everything.
const (
	tenants = 40
	users   = 5_000
	records = 400_000
	// session is how long one lasts at most: people sign in twice a day.
	session = 4 * time.Hour
	// remarked is how many events have one with a Remark among them.
	remarked = 100_000
)

// Remark is a word that stands in the description of one event in 100,000.
const Remark = "Quarantined"

// Workload is a sequence of events. It is safe for concurrent use.
type Workload struct {
	// Seed tells one sequence from another.
	Seed uint64
	// From and Span are the time that the events cover. They come in the order of their
	// times, as far as Shuffled allows.
	From time.Time
	Span time.Duration
	// Events is how many there are.
	Events int
	// Tenant is whose events they are; empty stands for 40 tenants.
	Tenant string
	// Shuffled puts each event anywhere in the time, as when many old logs are loaded
	// at once.
	Shuffled bool
}

// kind is an action with the records that it is about.
type kind struct {
	action, subject string
	// says is what happened. One with a number and a thing to fill in has counts.
	says            string
	counts, details bool
}

var kinds = []kind{
	{"record.viewed", "opportunity", "Viewed", false, false},
	{"opportunity.item.added", "opportunity", "Added %d × %s to", true, false},
	{"opportunity.item.updated", "opportunity", "Changed the quantity to %d of %s in", true, true},
	{"comment.added", "opportunity", "Commented: the %d boxes of %s are ready,", true, false},
	{"record.updated", "contact", "Updated", false, true},
	{"invoice.posted", "invoice", "Posted to Xero: %d lines, first %s,", true, true},
	{"record.exported", "report", "Exported %d rows of %s from", true, false},
	{"record.created", "contact", "Created", false, false},
	{"record.deleted", "item", "Deleted", false, false},
	{"user.signed_in", "user", "Signed in,", false, false},
	{"user.sign_in_failed", "user", "Failed to sign in,", false, false},
	{"contact.erased", "contact", "Erased the personal data of", false, true},
}

var (
	things = []string{
		"LED Panel 60x60", "Line Array LA-8", "Truss 3 m", "Wireless Microphone", "Moving Head 250", "Hazer", "Cable Drum 50 m",
		"Stage Deck 2x1", "Chain Hoist 500 kg", "Mixing Desk M32", "Projector 12k", "Follow Spot", "Radio Set", "Generator 60 kVA",
	}
	places = []string{
		"Summer Fair", "Northlight Gala", "Årsmøte Bergen", "Product Launch", "Festival Süd", "Town Hall Concert", "Trade Show", "Wedding Okonkwo",
		"Winter Market", "Opera Night", "Championship Final", "Annual Meeting", "Film Premiere", "Charity Run", "Fashion Week", "Book Fair",
	}
	firstNames = []string{"Alice", "Björn", "Chidi", "Đặng", "Emma", "Farid", "Grace", "Hiroshi", "Inès", "Jürgen", "Kavita", "Liam", "María", "Noor", "Olga", "Priya"}
	lastNames  = []string{"Okonkwo", "Lindqvist", "Nwachukwu", "Nguyen", "Meyer", "Haddad", "Campbell", "Sato", "Lefèvre", "Weiß", "Ramanathan", "O’Connor", "Ruiz", "Jansen"}
	agents     = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:%[1]d.0) Gecko/20100101 Firefox/%[1]d.0",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/%d.3 Safari/605.1.15",
		"NorthlightApp/4.%d (iPhone; iOS 18.3)",
		"XeroSync/%d.14",
	}
)

// skewed returns one of 0 … n−1, of which the first are the most frequent: half of
// the draws are among the first √n.
func skewed(rng *rand.Rand, n int) int { return int(math.Pow(float64(n), rng.Float64())) - 1 }

func pick[T any](rng *rand.Rand, from []T) T { return from[skewed(rng, len(from))] }

// Place is where an event stands among all: the numbers of its user and its record, of
// which the low ones are frequent and the high ones rare.
type Place struct{ User, Record int }

// Place returns that of event i.
func (w *Workload) Place(i int) Place {
	e := w.Event(i)
	acted := e.Actor
	if e.OnBehalfOf.ID != "" {
		acted = e.OnBehalfOf
	}
	user, _ := strconv.Atoi(acted.ID[len("u-"):])
	record, _ := strconv.Atoi(e.Subject.ID[len("opp-"):])
	return Place{user - firstUser, record - firstRecord}
}

// The numbers of the first ones.
const (
	firstUser   = 10_000
	firstRecord = 100_000
)

// Event returns event i of the sequence, from 0.
func (w *Workload) Event(i int) action.Event {
	rng := rand.New(rand.NewPCG(w.Seed, uint64(i)))
	place := float64(i)
	if w.Shuffled {
		place = rng.Float64() * float64(w.Events)
	}
	at := w.From.Add(time.Duration(place / float64(w.Events) * float64(w.Span))).UTC().Truncate(time.Millisecond)

	user := skewed(rng, users)
	e := action.Event{
		ID: id(rng, at), Time: at, Tenant: cmp.Or(w.Tenant, fmt.Sprintf("tenant-%02d", user*7%tenants)),
		Actor:     actor(user),
		Outcome:   action.DefaultOutcome,
		SessionID: fmt.Sprintf("s-%08x", uint32((uint64(user)<<32+uint64(at.UnixNano()/int64(session)))*0x9e3779b97f4a7c15>>32)),
		UserAgent: fmt.Sprintf(agents[user%len(agents)], 100+user%37),
	}
	e.IP = netip.AddrFrom4([4]byte{10, byte(user >> 8), byte(user), byte(1 + rng.IntN(3))})
	k := pick(rng, kinds)
	e.Action = k.action
	if rng.IntN(30) == 0 {
		e.Actor, e.OnBehalfOf = actor(user%12), e.Actor
	}
	if rng.IntN(40) == 0 {
		e.Outcome = "denied"
	}
	record := skewed(rng, records)
	e.Subject = action.Record{
		Type: k.subject, ID: k.subject[:3] + "-" + strconv.Itoa(firstRecord+record),
		Name: places[record%len(places)] + " " + strconv.Itoa(2010+record%17),
	}
	thing := pick(rng, things)
	says := k.says
	if k.counts {
		says = fmt.Sprintf(says, 1+rng.IntN(400), thing)
	}
	e.Description = says + " " + e.Subject.Name + " (" + e.Subject.ID + ")"
	if rng.IntN(remarked) == 0 {
		e.Description += ", " + Remark
	}
	if k.details {
		e.Details = fmt.Appendf(nil, `{"before":{"quantity":%d},"after":{"quantity":%d},"item":%q}`, rng.IntN(100), rng.IntN(100), thing)
	}
	return e
}

func actor(user int) action.Actor {
	return action.Actor{
		ID:   "u-" + strconv.Itoa(firstUser+user),
		Name: firstNames[user%len(firstNames)] + " " + lastNames[user/len(firstNames)%len(lastNames)], Type: action.DefaultActorType,
	}
}

// id returns a UUIDv7 (RFC 9562, section 5.7) of an event at that time.
func id(rng *rand.Rand, at time.Time) string {
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:8], uint64(at.UnixMilli())<<16|0x7000|rng.Uint64()&0x0fff)
	binary.BigEndian.PutUint64(u[8:], 1<<63|rng.Uint64()>>2)
	return u.String()
}
