package store

import (
	"encoding/hex"
	"errors"
	"strings"
	"time"
)

// Filter says which events a question is about. Conditions are joined by and;
// the values of one condition by or.
type Filter struct {
	// Tenant is whose log is read. It is required: no question crosses tenants.
	Tenant string
	// Text is a substring of the description or of the subject's name. Case is
	// folded with ClickHouse's lowerUTF8. Empty matches everything.
	Text string
	// From and To bound the event's time, half-open: from ≤ time < to. The zero
	// time leaves that side open.
	From, To time.Time
	// Actors are actor ids.
	Actors []string
	// Actions are action types.
	Actions []string
}

var errNoTenant = errors.New("a question without a tenant is refused")

// condition collects SQL conditions and the values of their placeholders.
type condition struct {
	terms []string
	args  []any
}

func (c *condition) and(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

func (c *condition) sql() string { return strings.Join(c.terms, " AND ") }

// tenantCondition is where every question to the table of actions begins.
func tenantCondition(tenant string) (*condition, error) {
	if tenant == "" {
		return nil, errNoTenant
	}
	c := &condition{}
	c.and("tenant = ?", tenant)
	return c, nil
}

// condition is the filter as SQL.
func (f Filter) condition() (*condition, error) {
	c, err := tenantCondition(f.Tenant)
	if err != nil {
		return nil, err
	}
	if !f.From.IsZero() {
		c.and("time >= "+milliseconds, ceilMilli(f.From))
	}
	if !f.To.IsZero() {
		c.and("time < "+milliseconds, ceilMilli(f.To))
	}
	if len(f.Actors) > 0 {
		c.and("actor_id IN (?)", f.Actors)
	}
	if len(f.Actions) > 0 {
		c.and("action IN (?)", f.Actions)
	}
	if f.Text != "" {
		// The indexes by_text are over this very expression.
		c.and("lowerUTF8(concat(description, '\\n', subject_name)) LIKE concat('%', lowerUTF8(?), '%')", likeEscaper.Replace(f.Text))
		if strings.Contains(f.Text, "\n") {
			// Without this a needle could begin in one column and end in the other.
			c.and("(positionUTF8(lowerUTF8(description), lowerUTF8(?)) > 0 OR positionUTF8(lowerUTF8(subject_name), lowerUTF8(?)) > 0)", f.Text, f.Text)
		}
	}
	return c, nil
}

// conditionAfter is the filter and what comes after a place in newest-first order;
// nil is the beginning.
func (f Filter) conditionAfter(after *Cursor) (*condition, error) {
	c, err := f.condition()
	if err != nil {
		return nil, err
	}
	if after != nil {
		c.and("time <= "+milliseconds, after.Time.UnixMilli())
		c.and("(time, id, content_hash) < ("+milliseconds+", ?, toFixedString(unhex(?), 16))",
			after.Time.UnixMilli(), after.ID, hex.EncodeToString(after.ContentHash[:]))
	}
	return c, nil
}

// milliseconds is the placeholder for a time, given in Unix milliseconds.
const milliseconds = "fromUnixTimestamp64Milli(toInt64(?), 'UTC')"

// ceilMilli rounds up to the millisecond, the precision of stored times, so that
// a half-open bound between two milliseconds keeps its meaning.
// Beyond what can be stored it returns the bound, which lies outside the times of
// events (1970 to 2100), so that it stays before or after all of them.
func ceilMilli(t time.Time) int64 {
	t = clampTime(t)
	ms := t.UnixMilli()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		ms++
	}
	return ms
}

// likeEscaper makes plain text of LIKE's metacharacters.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
