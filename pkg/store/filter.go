package store

import (
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

// Filter says which events a question is about: those that meet all of it.
type Filter struct {
	// Tenant is whose log is read. It is required: no question crosses tenants.
	Tenant string
	// From and To bound the event's time, half-open: from ≤ time < to. The zero
	// time leaves that side open.
	From, To time.Time
	// Text is what the description or the subject's name contains, each in one of the
	// two, or what neither contains. Upper and lower case are the same: see
	// search.Fold.
	Text []search.Text
	// Conditions are about fields.
	Conditions []Condition
	// Record, if it is there, is the one that events are about or related to.
	Record *Record
	// Catalogue tells the categories of actions. It is required where a condition is
	// about one.
	Catalogue *action.Catalogue

	// common is set when no index is worth asking for Text: see findCommon.
	common bool
}

// Condition asks that a field has one of some values or, with Not, that it has none
// of them.
type Condition struct {
	// Field is a name that LookupField knows.
	Field  string
	Values []string
	Not    bool
}

// Values returns the values of which a field has to have one, nil where any will do.
func (f *Filter) Values(field string) []string {
	for _, c := range f.Conditions {
		if c.Field == field && !c.Not {
			return c.Values
		}
	}
	return nil
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
func (f *Filter) condition() (*condition, error) {
	c, err := tenantCondition(f.Tenant)
	if err != nil {
		return nil, err
	}
	c.within(f.From, f.To)
	if err := f.conditions(c); err != nil {
		return nil, err
	}
	for _, t := range f.Text {
		c.text(t, f.common)
	}
	if f.Record != nil {
		c.about(*f.Record)
	}
	return c, nil
}

// within bounds the time, half-open.
func (c *condition) within(from, to time.Time) {
	if !from.IsZero() {
		c.and("time >= "+milliseconds, ceilMilli(from))
	}
	if !to.IsZero() {
		c.and("time < "+milliseconds, ceilMilli(to))
	}
}

// conditionAfter is the filter and what comes after a place in an order; nil is the
// beginning.
func (f *Filter) conditionAfter(order Order, after *Cursor) (*condition, error) {
	c, err := f.condition()
	if err != nil {
		return nil, err
	}
	if after != nil {
		c.after(order, after)
	}
	return c, nil
}

// after asks for what comes after a place.
func (c *condition) after(order Order, place *Cursor) {
	sign := "<"
	if order == OldestFirst {
		sign = ">"
	}
	high, low, text := splitID(place.ID)
	ms := place.Time.UnixMilli()
	c.and("time "+sign+"= "+milliseconds, ms)
	// An if is not looked at while the engine plans: what the time alone leaves is little.
	c.and("if(time = "+milliseconds+", (id_high, id_low, id_text, content_hash) "+sign+" (toUInt64(?), toUInt64(?), ?, toFixedString(unhex(?), 16)), 1)",
		ms, high, low, text, hex.EncodeToString(place.ContentHash[:]))
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
