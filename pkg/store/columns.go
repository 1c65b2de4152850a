package store

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
	"unsafe"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// Action is an event as the log holds it.
type Action struct {
	action.Event
	// Conflicting is set when another event has the same tenant, time and id but
	// other content. Both are kept and both are marked.
	Conflicting bool `json:"conflicting,omitempty"`

	ContentHash action.ContentHash `json:"-"`
	Origin      action.Origin      `json:"-"`
}

// Column is one field of an event: a column of the table and of the CSV.
type Column struct {
	// Name is the field's flattened name, such as actor_id.
	Name string
	// Text writes the field as the CSV shows it; empty when it is absent.
	Text func(*Action) string

	// stored are the table's columns that hold the field: one, as a rule.
	stored []stored
	// shown makes the texts of a batch out of the cells of stored.
	shown func([]cells) Texts
	// size is how many bytes of text the field holds; nil where that is little.
	size func(*Action) int
}

// stored is a column of the table.
type stored struct {
	name  string
	cells func() cells
	scan  func(*Action) any
}

// TimeLayout is how a time is written wherever it is text: RFC 3339 in UTC with
// all three digits of the milliseconds, so that text sorts as time does.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// Columns is the registry of the event's fields, in the order of the CSV.
// Inserts, selects and the CSV derive from it.
func Columns() []Column { return columns }

var columns = []Column{
	{
		Name: "time",
		Text: func(a *Action) string { return a.Time.UTC().Format(TimeLayout) },
		stored: []stored{{
			name:  "time",
			cells: values(wireTime, func(a *Action) int64 { return a.Time.UnixMilli() }, func(ms int64, a *Action) { a.Time = time.UnixMilli(ms).UTC() }, appendTime),
			scan:  func(a *Action) any { return &scanTime{&a.Time} },
		}},
		shown: ofOne,
	},
	{
		Name:   "id",
		Text:   func(a *Action) string { return a.ID },
		stored: idColumns,
		shown:  idTexts,
		size:   func(a *Action) int { return len(a.ID) },
	},
	lowText("tenant", func(a *Action) *string { return &a.Tenant }),
	lowText("actor_id", func(a *Action) *string { return &a.Actor.ID }),
	lowText("actor_name", func(a *Action) *string { return &a.Actor.Name }),
	lowText("actor_type", func(a *Action) *string { return &a.Actor.Type }),
	lowText("on_behalf_of_id", func(a *Action) *string { return &a.OnBehalfOf.ID }),
	lowText("on_behalf_of_name", func(a *Action) *string { return &a.OnBehalfOf.Name }),
	lowText("on_behalf_of_type", func(a *Action) *string { return &a.OnBehalfOf.Type }),
	{
		Name: "ip",
		Text: func(a *Action) string {
			if !a.IP.IsValid() {
				return ""
			}
			return a.IP.String()
		},
		shown: ofOne,
		stored: []stored{{
			name: "ip",
			cells: values(wireAddress, func(a *Action) netip.Addr {
				if !a.IP.IsValid() {
					return netip.IPv6Unspecified()
				}
				return a.IP
			}, func(ip netip.Addr, a *Action) {
				if ip != netip.IPv6Unspecified() {
					a.IP = ip
				}
			}, appendAddress),
			scan: func(a *Action) any { return &scanAddress{&a.IP} },
		}},
	},
	lowText("action", func(a *Action) *string { return &a.Action }),
	lowText("outcome", func(a *Action) *string { return &a.Outcome }),
	lowText("subject_type", func(a *Action) *string { return &a.Subject.Type }),
	text("subject_id", func(a *Action) *string { return &a.Subject.ID }),
	text("subject_name", func(a *Action) *string { return &a.Subject.Name }),
	{
		Name:  "related",
		Text:  relatedText,
		shown: ofOne,
		stored: []stored{{
			name:  "related",
			cells: func() cells { return &relatedCells{} },
			scan:  func(a *Action) any { return &a.Related },
		}},
		size: func(a *Action) (n int) {
			for _, r := range a.Related {
				n += len(r.Type) + len(r.ID) + len(r.Name)
			}
			return n
		},
	},
	text("description", func(a *Action) *string { return &a.Description }),
	text("reason", func(a *Action) *string { return &a.Reason }),
	text("session_id", func(a *Action) *string { return &a.SessionID }),
	text("request_id", func(a *Action) *string { return &a.RequestID }),
	lowText("user_agent", func(a *Action) *string { return &a.UserAgent }),
	{
		Name:  "details",
		Text:  func(a *Action) string { return string(a.Details) },
		shown: ofOne,
		stored: []stored{{
			name: "details",
			cells: func() cells {
				return &textCells{
					// A view of bytes that are copied at once.
					of: func(a *Action) string { return unsafe.String(unsafe.SliceData(a.Details), len(a.Details)) },
					to: func(s string, a *Action) { scanRaw{&a.Details}.set(s) },
				}
			},
			scan: func(a *Action) any { return &scanRaw{&a.Details} },
		}},
		size: func(a *Action) int { return len(a.Details) },
	},
}

// originColumns stand beside the event's fields in the table. They are the log's
// own and are not shown.
var originColumns = []stored{
	{
		name: "content_hash",
		cells: func() cells {
			return &hashCells{textCells{
				of: func(a *Action) string { return unsafe.String(&a.ContentHash[0], len(a.ContentHash)) },
				to: func(s string, a *Action) { copy(a.ContentHash[:], s) },
			}}
		},
		scan: func(a *Action) any { return &scanHash{&a.ContentHash} },
	},
	{
		name:  "topic_id",
		cells: values(wireUUID, func(a *Action) uuid.UUID { return a.Origin.TopicID }, func(id uuid.UUID, a *Action) { a.Origin.TopicID = id }, nil),
		scan:  func(a *Action) any { return (*uuid.UUID)(&a.Origin.TopicID) },
	},
	lowText("topic", func(a *Action) *string { return &a.Origin.Topic }).stored[0],
	{
		name:  "partition",
		cells: values(wireUInt32, func(a *Action) uint32 { return uint32(a.Origin.Partition) }, func(p uint32, a *Action) { a.Origin.Partition = int(p) }, nil),
		scan:  func(a *Action) any { return &scanPartition{&a.Origin.Partition} },
	},
	{
		name:  "offset",
		cells: values(wireUInt64, func(a *Action) uint64 { return uint64(a.Origin.Offset) }, func(o uint64, a *Action) { a.Origin.Offset = int64(o) }, nil),
		scan:  func(a *Action) any { return &scanOffset{&a.Origin.Offset} },
	},
	{
		name:  "kafka_time",
		cells: values(wireTime, func(a *Action) int64 { return clampTime(a.Origin.Time).UnixMilli() }, func(ms int64, a *Action) { a.Origin.Time = time.UnixMilli(ms).UTC() }, nil),
		scan:  func(a *Action) any { return &scanTime{&a.Origin.Time} },
	},
}

// allColumns is what is inserted and selected.
var allColumns = func() []stored {
	var all []stored
	for _, c := range columns {
		all = append(all, c.stored...)
	}
	return append(all, originColumns...)
}()

// shownColumns are those that the CSV shows and, last, the hash that tells events from
// repeats.
var shownColumns = allColumns[:len(allColumns)-len(originColumns)+1]

// columnList is allColumns as SQL.
var columnList = listOf(allColumns)

// listOf is a list of columns, as SQL.
func listOf(columns []stored) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = quoteName(c.name)
	}
	return strings.Join(all, ", ")
}

// InsertColumns is the list of the columns that are inserted, as SQL.
func InsertColumns() string { return columnList }

// text is a column of texts.
func text(name string, field func(*Action) *string) Column {
	return Column{
		Name: name,
		Text: func(a *Action) string { return *field(a) },
		stored: []stored{{
			name: name,
			cells: func() cells {
				return &textCells{of: func(a *Action) string { return *field(a) }, to: func(s string, a *Action) { *field(a) = s }}
			},
			scan: func(a *Action) any { return field(a) },
		}},
		shown: ofOne,
		size:  func(a *Action) int { return len(*field(a)) },
	}
}

// lowText is a column of texts that the table holds as LowCardinality.
func lowText(name string, field func(*Action) *string) Column {
	c := text(name, field)
	c.stored[0].cells = func() cells {
		return &lowCells{of: func(a *Action) string { return *field(a) }, to: func(s string, a *Action) { *field(a) = s }}
	}
	return c
}

// values makes the cells of a column that is neither; text is nil where a value alone
// is not shown.
func values[T any](wire wire[T], of func(*Action) T, to func(T, *Action), text func([]byte, T) []byte) func() cells {
	return func() cells { return &plain[T]{wire: wire, of: of, to: to, text: text} }
}

// ofOne are the texts of a field that is one column.
func ofOne(c []cells) Texts { return c[0].shown() }

// size is how many bytes of text an event holds.
func (a *Action) size() (n int) {
	for _, c := range columns {
		if c.size != nil {
			n += c.size(a)
		}
	}
	return n
}

// destinations returns where a row's columns are scanned to.
func destinations(columns []stored, a *Action) []any {
	destinations := make([]any, len(columns))
	for i, c := range columns {
		destinations[i] = c.scan(a)
	}
	return destinations
}

// The types below turn what the database holds into what the event holds.

type scanTime struct{ to *time.Time }

func (t *scanTime) Scan(v any) error { return scanInto(v, func(v time.Time) { *t.to = v.UTC() }) }

type scanAddress struct{ to *netip.Addr }

func (a *scanAddress) Scan(v any) error {
	return scanInto(v, func(v net.IP) {
		addr, _ := netip.AddrFromSlice(v.To16())
		*a.to = addr.Unmap()
		if addr == netip.IPv6Unspecified() {
			*a.to = netip.Addr{}
		}
	})
}

type scanRaw struct{ to *json.RawMessage }

func (r scanRaw) Scan(v any) error { return scanInto(v, r.set) }

func (r scanRaw) set(v string) {
	*r.to = nil
	if v != "" {
		*r.to = json.RawMessage(v)
	}
}

type scanHash struct{ to *action.ContentHash }

func (h *scanHash) Scan(v any) error { return scanInto(v, func(v string) { copy(h.to[:], v) }) }

type scanPartition struct{ to *int }

func (p *scanPartition) Scan(v any) error { return scanInto(v, func(v uint32) { *p.to = int(v) }) }

type scanOffset struct{ to *int64 }

func (o *scanOffset) Scan(v any) error { return scanInto(v, func(v uint64) { *o.to = int64(v) }) }

func scanInto[T any](v any, set func(T)) error {
	typed, ok := v.(T)
	if !ok {
		return fmt.Errorf("scan a column: got %T, want %T", v, typed)
	}
	set(typed)
	return nil
}
