package store

import (
	"encoding/json"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

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
	if f.Record != nil && !slices.ContainsFunc(append(a.Related, a.Subject), func(r action.Record) bool { return r.Type == f.Record.Type && r.ID == f.Record.ID }) {
		return false
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
			group, all := strings.CutSuffix(v, "*")
			return a.Action == v || all && strings.HasPrefix(a.Action, group)
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
		case "subject":
			return slices.ContainsFunc(append(a.Related, a.Subject), func(r action.Record) bool { return r.Type+"/"+r.ID == v && !strings.Contains(r.Type, "/") })
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

// sameNumber compares exactly with a whole number of 64 bits that is stored without a point or
// an exponent, with all others as numbers of double precision, and what is beyond those as text.
func sameNumber(stored, v string) bool {
	if stored == v {
		return true
	}
	number, err := strconv.ParseFloat(v, 64)
	float, storedErr := strconv.ParseFloat(stored, 64)
	if err != nil || storedErr != nil || strings.Trim(v, "0123456789.eE+-") != "" || !json.Valid([]byte(v)) {
		return false
	}
	if n := storedWhole(stored); n != nil {
		m, ok := new(big.Rat).SetString(v)
		return ok && m.Cmp(new(big.Rat).SetInt(n)) == 0
	}
	return number == float
}

// storedWhole reads a number of 64 bits that is written without a point or an exponent.
func storedWhole(text string) *big.Int {
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || !n.IsInt64() && !n.IsUint64() {
		return nil
	}
	return n
}
