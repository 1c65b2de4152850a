package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Session is from where and with what a session acted.
type Session struct {
	// IP and UserAgent are those of its latest event that has one; zero where none has.
	IP        netip.Addr
	UserAgent string
	// Addresses and UserAgents are how many different ones its events have.
	Addresses, UserAgents uint64
}

// Sessions returns those of some ids, as the events of a filter up to a time tell of
// them. When the context's deadline comes it may take a second more.
func (s *Store) Sessions(ctx context.Context, f Filter, since time.Time, ids []string) (map[string]Session, error) {
	if len(ids) == 0 {
		return map[string]Session{}, nil
	}
	f.From = maxTime(f.From, since)
	c, err := f.condition()
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	c.and("session_id IN (?)", ids)
	// Repeats have the same content: none of this counts them.
	const latest = "(time, id_high, id_low, id_text, content_hash)"
	query := "SELECT session_id, argMaxIf(ip, " + latest + ", ip != toIPv6('::')), uniqExactIf(ip, ip != toIPv6('::'))," +
		" argMaxIf(toString(user_agent), " + latest + ", user_agent != ''), uniqExactIf(user_agent, user_agent != '') FROM actions WHERE " + c.sql() + " GROUP BY session_id"
	sessions := map[string]Session{}
	err = withGrace(ctx, func(ctx context.Context) error {
		return eachRow(ctx, s.conn, query, c.args, func(scan func(...any) error) error {
			var id string
			var found Session
			err := scan(&id, &scanAddress{&found.IP}, &found.Addresses, &found.UserAgent, &found.UserAgents)
			sessions[id] = found
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read sessions: %w", err)
	}
	return sessions, nil
}
