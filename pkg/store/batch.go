package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/actionlog/actionlog/pkg/action"
)

// Batch is events for one insert, or from an answer, of up to 4 GiB, held column by
// column. Append copies, so what it is given may be reused; after Reset a batch takes
// new rows into the memory that it has. The zero value is an empty batch.
type Batch struct {
	columns []cells // as allColumns or, from an answer, as its columns
	rows    int
}

// Append adds an event.
func (b *Batch) Append(a *Action) {
	if b.columns == nil {
		b.columns = newCells(allColumns)
	}
	for _, c := range b.columns {
		c.append(a)
	}
	b.rows++
}

// Rows is how many events the batch holds.
func (b *Batch) Rows() int { return b.rows }

// Texts returns the texts of column i of Columns, as its Text writes them, in a batch
// that has rows. They are valid until the batch is changed.
func (b *Batch) Texts(i int) Texts {
	at := 0
	for _, c := range columns[:i] {
		at += len(c.stored)
	}
	c := &columns[i]
	return c.shown(b.columns[at : at+len(c.stored)])
}

// Texts are the texts of one column in a batch.
type Texts struct {
	// Keys says of each row which of Different texts it has. It is nil for a column
	// that does not hold its texts so: there each row has its own text.
	Keys      []uint32
	Different int
	// Append appends a text: that of a key, or that of a row.
	Append func(to []byte, keyOrRow int) []byte
}

// Row returns event i.
func (b *Batch) Row(i int) Action {
	var a Action
	for _, c := range b.columns {
		c.read(i, &a)
	}
	return a
}

// Reset removes all rows.
func (b *Batch) Reset() {
	for _, c := range b.columns {
		c.reset()
	}
	b.rows = 0
}

// cells are the values of one column.
type cells interface {
	append(a *Action)
	read(row int, a *Action)
	// insert adds all values to a column of an insert.
	insert(into column.Interface) error
	// decode adds the values of as many rows as a block has. After an error it may
	// have added any number.
	decode(from *nativeReader, rows int) error
	// kind is the type of the column that decode reads.
	kind() string
	// shown are the values as the CSV shows them.
	shown() Texts
	reset()
}

// newCells makes the cells of some columns.
func newCells(of []stored) []cells {
	all := make([]cells, len(of))
	for i, c := range of {
		all[i] = c.cells()
	}
	return all
}

// plain is a column of values that clickhouse-go takes as a slice.
type plain[T any] struct {
	values []T
	of     func(*Action) T
	to     func(T, *Action)
	wire   wire[T]
	// text appends what the CSV shows of a value; nil where a value alone is not shown.
	text func(to []byte, value T) []byte
}

// wire is how the Native format has a value: as the type's name, how many bytes, and
// what they mean.
type wire[T any] struct {
	kind  string
	width int
	read  func([]byte) T
}

func (p *plain[T]) append(a *Action)        { p.values = append(p.values, p.of(a)) }
func (p *plain[T]) read(row int, a *Action) { p.to(p.values[row], a) }
func (p *plain[T]) reset()                  { p.values = p.values[:0] }

func (p *plain[T]) insert(into column.Interface) error {
	_, err := into.Append(p.values)
	return err
}

func (p *plain[T]) kind() string { return p.wire.kind }

func (p *plain[T]) decode(from *nativeReader, rows int) error {
	return from.values(rows, p.wire.width, func(b []byte) {
		for ; len(b) > 0; b = b[p.wire.width:] {
			p.values = append(p.values, p.wire.read(b))
		}
	})
}

func (p *plain[T]) shown() Texts {
	return Texts{Append: func(to []byte, row int) []byte { return p.text(to, p.values[row]) }}
}

// texts is a list of strings in one piece of memory.
type texts struct {
	bytes []byte
	ends  []uint32
}

func (t *texts) add(s string) {
	t.bytes = append(t.bytes, s...)
	t.ends = append(t.ends, uint32(len(t.bytes)))
}

// at returns string i, as a view of the memory.
func (t *texts) at(i int) string {
	begin := uint32(0)
	if i > 0 {
		begin = t.ends[i-1]
	}
	return unsafe.String(unsafe.SliceData(t.bytes[begin:]), t.ends[i]-begin)
}

// appendTo appends string i.
func (t *texts) appendTo(to []byte, i int) []byte { return append(to, t.at(i)...) }

func (t *texts) len() int { return len(t.ends) }

func (t *texts) clear() { t.bytes, t.ends = t.bytes[:0], t.ends[:0] }

// views returns all strings, as views of the memory.
func (t *texts) views() []string {
	all := make([]string, t.len())
	for i := range all {
		all[i] = t.at(i)
	}
	return all
}

// native writes the strings as ClickHouse's Native format has them.
func (t *texts) native(to *proto.Buffer) {
	for i := range t.len() {
		to.PutString(t.at(i))
	}
}

// textCells is a column of texts.
type textCells struct {
	texts
	of func(*Action) string
	to func(string, *Action)
}

func (t *textCells) append(a *Action)        { t.add(t.of(a)) }
func (t *textCells) read(row int, a *Action) { t.to(strings.Clone(t.at(row)), a) }
func (t *textCells) reset()                  { t.clear() }
func (t *textCells) kind() string            { return "String" }
func (t *textCells) shown() Texts            { return Texts{Append: t.appendTo} }

func (t *textCells) insert(into column.Interface) error {
	_, err := into.Append(t.views())
	return err
}

// dictionary is a list of strings of which few are different.
type dictionary struct {
	keys   []uint32
	values texts // the first is the empty string
	byText map[string]uint32
}

func (d *dictionary) add(s string) { d.keys = append(d.keys, d.key(s)) }

// key returns the place of a string among the values.
func (d *dictionary) key(s string) uint32 {
	if d.values.len() == 0 {
		d.values.add("")
	}
	if s == "" {
		return 0
	}
	// Neighbours are often equal, and to compare is cheaper than to look up.
	if n := len(d.keys); n > 0 && d.at(n-1) == s {
		return d.keys[n-1]
	}
	key, ok := d.byText[s]
	if !ok {
		if d.byText == nil {
			d.byText = map[string]uint32{}
		}
		key = uint32(d.values.len())
		d.values.add(s)
		d.byText[strings.Clone(s)] = key
	}
	return key
}

func (d *dictionary) at(i int) string { return d.values.at(int(d.keys[i])) }

func (d *dictionary) clear() {
	d.keys = d.keys[:0]
	d.values.clear()
	clear(d.byText)
}

// What stands before a LowCardinality column in the Native format: the column brings
// its dictionary along (bits 9 and 10), and in the lowest byte the width of its keys.
// From ClickHouse's SerializationLowCardinality.cpp.
const (
	ownDictionary = 1<<9 | 1<<10
	keysOf8Bits   = 0
	keysOf16Bits  = 1
	keysOf32Bits  = 2
)

// native writes the strings as the Native format has a LowCardinality column.
func (d *dictionary) native(to *proto.Buffer) {
	if len(d.keys) == 0 {
		return
	}
	width := uint64(keysOf32Bits)
	switch n := d.values.len(); {
	case n <= math.MaxUint8+1:
		width = keysOf8Bits
	case n <= math.MaxUint16+1:
		width = keysOf16Bits
	}
	to.PutUInt64(ownDictionary | width)
	to.PutUInt64(uint64(d.values.len()))
	d.values.native(to)
	to.PutUInt64(uint64(len(d.keys)))
	to.Buf = slices.Grow(to.Buf, len(d.keys)<<width)
	for _, key := range d.keys {
		switch width {
		case keysOf8Bits:
			to.Buf = append(to.Buf, uint8(key))
		case keysOf16Bits:
			to.Buf = binary.LittleEndian.AppendUint16(to.Buf, uint16(key))
		default:
			to.Buf = binary.LittleEndian.AppendUint32(to.Buf, key)
		}
	}
}

// insertNative adds values that are written in the Native format. It is for columns
// that clickhouse-go otherwise takes only one value after the other, each as an
// interface.
func insertNative(into column.Interface, rows int, native func(*proto.Buffer)) error {
	var buffer proto.Buffer
	native(&buffer)
	if err := into.Decode(proto.NewReader(bytes.NewReader(buffer.Buf)), rows); err != nil {
		return fmt.Errorf("fill column %s: %w", into.Name(), err)
	}
	return nil
}

// hashCells is a column of FixedString(16).
type hashCells struct{ textCells }

func (h *hashCells) kind() string { return "FixedString(16)" }

func (h *hashCells) decode(from *nativeReader, rows int) error {
	return from.values(rows, len(action.ContentHash{}), func(b []byte) {
		for ; len(b) > 0; b = b[len(action.ContentHash{}):] {
			h.bytes = append(h.bytes, b[:len(action.ContentHash{})]...)
			h.ends = append(h.ends, uint32(len(h.bytes)))
		}
	})
}

// lowCells is a column of texts of which few are different.
type lowCells struct {
	dictionary
	of func(*Action) string
	to func(string, *Action)
}

func (l *lowCells) append(a *Action)        { l.add(l.of(a)) }
func (l *lowCells) read(row int, a *Action) { l.to(strings.Clone(l.at(row)), a) }
func (l *lowCells) reset()                  { l.clear() }

func (l *lowCells) kind() string { return "LowCardinality(String)" }

func (l *lowCells) decode(from *nativeReader, rows int) error {
	if err := from.dictionaryVersion(); err != nil {
		return err
	}
	return l.dictionary.decode(from, rows)
}

func (l *lowCells) shown() Texts {
	return Texts{Keys: l.keys, Different: l.values.len(), Append: l.values.appendTo}
}

func (l *lowCells) insert(into column.Interface) error {
	return insertNative(into, len(l.keys), l.native)
}
