package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

	"github.com/actionlog/actionlog/pkg/action"
)

// relatedText writes the related records of an event as a JSON array.
func relatedText(a *Action) string {
	if len(a.Related) == 0 {
		return ""
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(a.Related) //nolint:errchkjson // strings alone always encode
	return strings.TrimSuffix(b.String(), "\n")
}

// relatedCells is the column of related records.
type relatedCells struct {
	ends       []uint64
	types      dictionary
	ids, names texts
}

func (r *relatedCells) append(a *Action) {
	for _, record := range a.Related {
		r.types.add(record.Type)
		r.ids.add(record.ID)
		r.names.add(record.Name)
	}
	r.ends = append(r.ends, uint64(r.ids.len()))
}

// begin is where the records of a row begin.
func (r *relatedCells) begin(row int) int {
	if row == 0 {
		return 0
	}
	return int(r.ends[row-1])
}

func (r *relatedCells) read(row int, a *Action) {
	for i := r.begin(row); i < int(r.ends[row]); i++ {
		a.Related = append(a.Related, action.Record{
			Type: strings.Clone(r.types.at(i)), ID: strings.Clone(r.ids.at(i)), Name: strings.Clone(r.names.at(i)),
		})
	}
}

func (r *relatedCells) kind() string {
	return "Array(Tuple(type LowCardinality(String), id String, name String))"
}

func (r *relatedCells) decode(from *nativeReader, rows int) error {
	if err := from.dictionaryVersion(); err != nil {
		return err
	}
	last := uint64(0)
	ordered := true
	err := from.values(rows, 8, func(b []byte) {
		for ; len(b) > 0; b = b[8:] {
			end := binary.LittleEndian.Uint64(b)
			ordered = ordered && end >= last
			r.ends, last = append(r.ends, end), end
		}
	})
	switch {
	case err != nil:
		return err
	case !ordered || last > math.MaxUint32:
		return fmt.Errorf("its arrays do not follow each other, or hold %d elements together", last)
	}
	if err := r.types.decode(from, int(last)); err != nil {
		return err
	}
	if err := r.ids.decode(from, int(last)); err != nil {
		return err
	}
	return r.names.decode(from, int(last))
}

func (r *relatedCells) shown() Texts {
	return Texts{Append: func(to []byte, row int) []byte {
		if r.begin(row) == int(r.ends[row]) {
			return to
		}
		var a Action
		r.read(row, &a)
		return append(to, relatedText(&a)...)
	}}
}

func (r *relatedCells) reset() {
	r.ends = r.ends[:0]
	r.types.clear()
	r.ids.clear()
	r.names.clear()
}

func (r *relatedCells) insert(into column.Interface) error {
	return insertNative(into, len(r.ends), func(to *proto.Buffer) {
		for _, end := range r.ends {
			to.PutUInt64(end)
		}
		r.types.native(to)
		r.ids.native(to)
		r.names.native(to)
	})
}
