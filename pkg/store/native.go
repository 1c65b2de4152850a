package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/ClickHouse/ch-go/proto"
)

// nativeReader reads ClickHouse's Native format, as it is for the protocol revision that
// clickhouse-go names, 54460: block after block, and in each the columns one after the
// other.
type nativeReader struct{ *bufio.Reader }

// nativeBuffer is how much is read at a time.
const nativeBuffer = 128 << 10

// maxBlockRows is more than any server puts into a block.
const maxBlockRows = 16 << 20

// newNativeReader reads an answer, which may be in ClickHouse's own compression.
func newNativeReader(answer io.Reader, compressed bool) *nativeReader {
	if compressed {
		r := proto.NewReader(answer)
		r.EnableCompression()
		answer = r
	}
	return &nativeReader{bufio.NewReaderSize(answer, nativeBuffer)}
}

// block puts the next block, which has to hold these columns, in place of what the
// batch holds. It returns io.EOF where the answer ends between two blocks.
func (r *nativeReader) block(of []stored, b *Batch) error {
	if _, err := r.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		return fmt.Errorf("read a block: %w", err)
	}
	if err := r.columns(of, b); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // in the middle of a block
		}
		return fmt.Errorf("read a block: %w", err)
	}
	return nil
}

func (r *nativeReader) columns(of []stored, b *Batch) error {
	if err := r.info(); err != nil {
		return err
	}
	columns, err := r.count(math.MaxUint16)
	if err != nil {
		return err
	}
	if columns != len(of) {
		return fmt.Errorf("it has %d columns, want %d", columns, len(of))
	}
	if b.rows, err = r.count(maxBlockRows); err != nil {
		return err
	}
	if b.columns == nil {
		b.columns = newCells(of)
	}
	for i, c := range of {
		name, err := r.text()
		if err != nil {
			return err
		}
		kind, err := r.text()
		if err != nil {
			return err
		}
		serialization, err := r.ReadByte()
		if err != nil {
			return err //nolint:wrapcheck // block wraps it
		}
		b.columns[i].reset()
		if want := b.columns[i].kind(); name != c.name || kind != want {
			return fmt.Errorf("column %s of type %s came, want %s of type %s", name, kind, c.name, want)
		}
		if serialization != 0 {
			return fmt.Errorf("column %s came in a form of its own, %d", name, serialization)
		}
		if b.rows == 0 {
			continue
		}
		if err := b.columns[i].decode(r, b.rows); err != nil {
			return fmt.Errorf("column %s: %w", name, err)
		}
	}
	return nil
}

// info passes over what stands before a block: fields by their numbers, and a zero.
func (r *nativeReader) info() error {
	const (
		overflows = 1 // a byte
		bucket    = 2 // four bytes
	)
	for {
		field, err := r.ReadByte()
		if err != nil || field == 0 {
			return err //nolint:wrapcheck // block wraps it
		}
		width := map[byte]int{overflows: 1, bucket: 4}[field]
		if width == 0 {
			return fmt.Errorf("field %d stands before it, which is not known", field)
		}
		if _, err := r.Discard(width); err != nil {
			return err //nolint:wrapcheck // block wraps it
		}
	}
}

// count reads a number of variable length, of at most limit.
func (r *nativeReader) count(limit int) (int, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return 0, err //nolint:wrapcheck // block wraps it
	}
	if n > uint64(limit) {
		return 0, fmt.Errorf("%d of something of which there are %d at most", n, limit)
	}
	return int(n), nil
}

// text reads the name of something.
func (r *nativeReader) text() (string, error) {
	n, err := r.count(nativeBuffer)
	if err != nil {
		return "", err
	}
	b, err := r.Peek(n)
	if err != nil {
		return "", err //nolint:wrapcheck // block wraps it
	}
	text := string(b)
	_, err = r.Discard(n)
	return text, err //nolint:wrapcheck // block wraps it
}

// uint64 reads a number of eight bytes.
func (r *nativeReader) uint64() (n uint64, err error) {
	err = r.values(1, 8, func(b []byte) { n = binary.LittleEndian.Uint64(b) })
	return n, err
}

// values calls f with count values of a width, in pieces of as many as have come.
func (r *nativeReader) values(count, width int, f func([]byte)) error {
	for count > 0 {
		n := min(count, max(r.Buffered()/width, 1))
		b, err := r.Peek(n * width)
		if err != nil {
			return err //nolint:wrapcheck // block wraps it
		}
		f(b)
		if _, err := r.Discard(n * width); err != nil {
			return err //nolint:wrapcheck // block wraps it
		}
		count -= n
	}
	return nil
}

// decode adds count strings, as String columns have them.
func (t *texts) decode(r *nativeReader, count int) error {
	for count > 0 {
		// Those that have come whole are taken at once.
		come, _ := r.Peek(r.Buffered())
		at := 0
		for count > 0 {
			size, width := binary.Uvarint(come[at:])
			if width <= 0 || size > uint64(len(come)-at-width) {
				break
			}
			at += width
			t.bytes = append(t.bytes, come[at:at+int(size)]...)
			t.ends = append(t.ends, uint32(len(t.bytes)))
			at += int(size)
			count--
		}
		if _, err := r.Discard(at); err != nil {
			return err //nolint:wrapcheck // block wraps it
		}
		if len(t.bytes) > math.MaxUint32-nativeBuffer {
			return errors.New("the texts of a block hold more than 4 GiB")
		}
		if count == 0 {
			break
		}
		// The next one has come in part, or not at all.
		size, err := r.count(math.MaxUint32 - nativeBuffer - len(t.bytes))
		if err != nil {
			return err
		}
		if err := r.values(size, 1, func(b []byte) { t.bytes = append(t.bytes, b...) }); err != nil {
			return err
		}
		t.ends = append(t.ends, uint32(len(t.bytes)))
		count--
	}
	return nil
}

// dictionaryVersion reads what stands once before a LowCardinality column, or before
// a column with one in it.
func (r *nativeReader) dictionaryVersion() error {
	const known = 1 // SharedDictionariesWithAdditionalKeys
	version, err := r.uint64()
	if err == nil && version != known {
		err = fmt.Errorf("its dictionary has the version %d, want %d", version, known)
	}
	return err
}

// decode adds count strings of a LowCardinality column, what native writes.
func (d *dictionary) decode(r *nativeReader, count int) error {
	if count == 0 {
		return nil
	}
	form, err := r.uint64()
	if err != nil {
		return err
	}
	width := form & 0xff
	if form&^uint64(0xff) != ownDictionary || width > keysOf32Bits {
		return fmt.Errorf("its dictionary has the form %#x, which is not known", form)
	}
	different, err := r.uint64()
	if err != nil {
		return err
	}
	if different > maxBlockRows {
		return fmt.Errorf("a dictionary of %d texts", different)
	}
	if err := d.values.decode(r, int(different)); err != nil {
		return err
	}
	keys, err := r.uint64()
	if err != nil {
		return err
	}
	if keys != uint64(count) {
		return fmt.Errorf("its dictionary has %d keys, want %d", keys, count)
	}
	if err := r.values(count, 1<<width, func(b []byte) { d.addKeys(b, width) }); err != nil {
		return err
	}
	if key := slices.Max(d.keys); uint64(key) >= different {
		return fmt.Errorf("its dictionary has no key %d", key)
	}
	return nil
}

func (d *dictionary) addKeys(b []byte, width uint64) {
	switch width {
	case keysOf8Bits:
		for _, key := range b {
			d.keys = append(d.keys, uint32(key))
		}
	case keysOf16Bits:
		for ; len(b) > 0; b = b[2:] {
			d.keys = append(d.keys, uint32(binary.LittleEndian.Uint16(b)))
		}
	default:
		for ; len(b) > 0; b = b[4:] {
			d.keys = append(d.keys, binary.LittleEndian.Uint32(b))
		}
	}
}
