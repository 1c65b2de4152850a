package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// randomFilter asks for what some of the events hold, as a rule.
func randomFilter(r *rand.Rand, all []Action, catalogue *action.Catalogue) Filter {
	f := Filter{Tenant: oneOf(r, "default", "default", "default", "default", "Default", "other", "nobody"), Catalogue: catalogue}
	if r.IntN(3) == 0 {
		f.From = randomTime(r, all)
	}
	if r.IntN(3) == 0 {
		f.To = randomTime(r, all)
	}
	if !f.From.IsZero() && !f.To.IsZero() && f.To.Before(f.From) && r.IntN(10) > 0 {
		f.From, f.To = f.To, f.From
	}
	for range max(0, r.IntN(5)-2) {
		f.Text = append(f.Text, search.Text{Needle: randomNeedle(r, all), Not: r.IntN(4) == 0})
	}
	for range oneOf(r, 0, 1, 1, 1, 1, 2, 2, 3) {
		f.Conditions = append(f.Conditions, randomCondition(r, all))
	}
	if r.IntN(10) == 0 {
		a := oneOf(r, all...)
		record := oneOf(r, append(a.Related, a.Subject)...)
		f.Record = &Record{Type: record.Type, ID: record.ID}
	}
	return f
}

func randomTime(r *rand.Rand, all []Action) time.Time {
	t := oneOf(r, all...).Time
	return t.Add(oneOf(r, 0, 0, time.Millisecond, -time.Millisecond, 1, -1, 500_001, time.Duration(r.Int64N(int64(time.Second))), 24*time.Hour, -24*time.Hour))
}

// randomNeedle is a part of a stored text, in another case at times, or anything.
func randomNeedle(r *rand.Rand, all []Action) string {
	a := oneOf(r, all...)
	text := []rune(oneOf(r, a.Description, a.Description, a.Subject.Name, a.Description+"\n"+a.Subject.Name))
	if len(text) == 0 || r.IntN(8) == 0 {
		text = []rune(nastyText(r, 2) + "e")
	}
	length := min(len(text), oneOf(r, 1, 1, 2, 2, 3, 4, 5, 1+r.IntN(20)))
	from := r.IntN(len(text) - length + 1)
	return oneOf(r, asIs, asIs, strings.ToUpper, strings.ToLower, search.Fold)(string(text[from : from+length]))
}

func asIs(s string) string { return s }

func randomCondition(r *rand.Rand, all []Action) Condition {
	c := Condition{Field: oneOf(r, fields...).Name, Not: r.IntN(4) == 0}
	if c.Field == DetailsField {
		c.Field += randomPath(r, all)
	}
	field, _ := LookupField(c.Field)
	for range oneOf(r, 1, 1, 2, 4) {
		if v := randomValue(r, c.Field, oneOf(r, all...)); field.Check(v) == nil {
			c.Values = append(c.Values, v)
		}
	}
	if len(c.Values) == 0 {
		return randomCondition(r, all)
	}
	return c
}

func randomValue(r *rand.Rand, field string, a Action) string {
	subject := slices.Concat(a.Related, []action.Record{a.Subject})
	switch field {
	case "actor":
		return a.Actor.ID
	case "on_behalf_of":
		return a.OnBehalfOf.ID
	case "action":
		parts := strings.Split(a.Action, ".")
		group := strings.Join(parts[:1+r.IntN(len(parts))], ".")
		return oneOf(r, a.Action, group, group+".*", "invoice.*", "inv.*", ".*", strings.ToUpper(a.Action))
	case "category":
		return string(oneOf(r, action.Categories()...))
	case "outcome":
		return a.Outcome
	case "subject_type":
		return oneOf(r, subject...).Type
	case "subject_id":
		return oneOf(r, subject...).ID
	case "subject":
		record := oneOf(r, subject...)
		return record.Type + "/" + record.ID
	case "ip":
		ip := a.IP
		if !ip.IsValid() {
			ip = oneOf(r, netip.MustParseAddr("::"), netip.MustParseAddr("0.0.0.0"), netip.MustParseAddr("::ffff:0:0"))
		}
		network := func(ip netip.Addr) string { return fmt.Sprintf("%s/%d", ip, r.IntN(ip.BitLen()+1)) }
		return oneOf(r, ip.String(), network(ip), network(ip), network(netip.AddrFrom16(ip.As16())), "::ffff:"+"10.0.0.1", "0.0.0.0/0", "::/0")
	case "session_id":
		return a.SessionID
	case "request_id":
		return a.RequestID
	case "user_agent":
		return randomNeedle(r, []Action{{Event: action.Event{Description: a.UserAgent}}})
	default:
		return oneOf(r, oneOf(r, numbers...), oneOf(r, detailTexts...), "true", "false", "null", "+1", "0x1", "Inf", "1_0", ".1", "05", "-05", "5.", "05e0", ".5e1", "5e-99999999999999999999", "{}", "[1]")
	}
}

// randomPath leads to what some event holds, as a rule.
func randomPath(r *rand.Rand, all []Action) string {
	var parts []string
	value := decodeDetails(oneOf(r, all...).Details)
	for {
		switch v := value.(type) {
		case map[string]any:
			keys := slices.Sorted(func(yield func(string) bool) {
				for k := range v {
					if !yield(k) {
						return
					}
				}
			})
			if len(keys) == 0 || r.IntN(8) == 0 {
				keys = detailKeys
			}
			key := oneOf(r, keys...)
			value = v[key]
			key = strings.ReplaceAll(strings.ReplaceAll(key, `\`, `\\`), ".", `\.`)
			parts = append(parts, key)
		case []any:
			i := r.IntN(len(v) + 1)
			value = nil
			if i < len(v) {
				value = v[i]
			}
			parts = append(parts, strconv.Itoa(i))
		default:
			if path := strings.Join(parts, "."); path != "" {
				return path
			}
			return "a"
		}
	}
}

// decodeDetails keeps numbers as they are written.
func decodeDetails(details json.RawMessage) any {
	d := json.NewDecoder(strings.NewReader(string(details)))
	d.UseNumber()
	var v any
	_ = d.Decode(&v) // nothing is nil
	return v
}
