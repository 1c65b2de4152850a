package store

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// mostAddresses is how many addresses a network may stand for. One with more of them
// in the log is found soon anyway.
const mostAddresses = 256

// narrow puts the addresses that there are in the place of networks, where they are
// few: an index tells where they are, but not where a network is. It reports false
// when there are none, so that no more can be found. What arrives while it is asked is
// as good as arriving after the search.
func (s *Store) narrow(ctx context.Context, f *Filter) (bool, error) {
	for i, c := range f.Conditions {
		if c.Field != "ip" || c.Not || !slices.ContainsFunc(c.Values, isNetwork) {
			continue
		}
		question, err := tenantCondition(f.Tenant)
		if err != nil {
			return false, err
		}
		var terms []string
		var args []any
		for _, v := range c.Values {
			if p, err := parsePrefix(v); err == nil {
				term, bounds := inNetwork(p)
				terms, args = append(terms, term), append(args, bounds...)
			}
		}
		question.and(anyAddress(terms), args...)
		addresses, err := collect(ctx, s.conn, "SELECT ip FROM actions WHERE "+question.sql()+" GROUP BY ip LIMIT ?", append(question.args, mostAddresses+1),
			func(a *netip.Addr) []any { return []any{&scanAddress{a}} })
		if err != nil {
			return false, fmt.Errorf("find the addresses of a network: %w", err)
		}
		if len(addresses) == 0 {
			return false, nil
		}
		if len(addresses) > mostAddresses {
			continue
		}
		narrowed := Condition{Field: "ip"}
		for _, a := range addresses {
			narrowed.Values = append(narrowed.Values, a.String())
		}
		f.Conditions = slices.Clone(f.Conditions)
		f.Conditions[i] = narrowed
	}
	return true, nil
}

func isNetwork(value string) bool {
	p, err := parsePrefix(value)
	return err == nil && !p.IsSingleIP()
}
