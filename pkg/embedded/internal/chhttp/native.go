package chhttp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Protocol revisions at which the Native format gained a field
// (src/Core/ProtocolDefines.h in ClickHouse).
const (
	revisionBlockInfo     = 1     // any client that names a revision
	revisionSerialization = 54454 // DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
	revisionBuckets       = 54480 // DBMS_MIN_REVISION_WITH_OUT_OF_ORDER_BUCKETS_IN_AGGREGATION
)

// nativeWriter writes the library's blocks anew at a client's revision.
type nativeWriter struct {
	out      io.Writer
	revision uint64
}

// blockInfo is an empty BlockInfo: is_overflows = 0, bucket_num = -1.
var blockInfo = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0}

// blockInfoBuckets is blockInfo with the empty list out_of_order_buckets.
var blockInfoBuckets = []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 3, 0, 0}

// Write takes whole blocks as the library writes them, at revision 0, and
// writes them at the client's revision: a BlockInfo ahead of each block, and
// behind each column's type the byte that says "usual serialization". The
// columns' data is the same at both and is passed on as it is, but its end has
// to be found, which takes a walk over it.
func (n *nativeWriter) Write(blocks []byte) (int, error) {
	r := &nativeReader{data: blocks}
	for r.pos < len(blocks) {
		if err := n.block(r); err != nil {
			return 0, err
		}
	}
	return len(blocks), nil
}

func (n *nativeWriter) block(r *nativeReader) error {
	info := blockInfo
	if n.revision >= revisionBuckets {
		info = blockInfoBuckets
	}
	if n.revision >= revisionBlockInfo {
		if _, err := n.out.Write(info); err != nil {
			return err
		}
	}
	from := r.pos
	columns := r.uvarint()
	rows := r.uvarint()
	for range columns {
		name := r.str()
		spelled := string(r.str())
		if r.err != nil {
			break
		}
		if n.revision >= revisionSerialization {
			if _, err := n.out.Write(r.data[from:r.pos]); err != nil {
				return err
			}
			if _, err := n.out.Write([]byte{0}); err != nil {
				return err
			}
			from = r.pos
		}
		if rows == 0 {
			continue
		}
		t, err := parseType(spelled)
		if err != nil {
			return raise(codeUnknownType, "UNKNOWN_TYPE", "Column %s of type %s cannot be sent in the Native format at revision %d by the embedded engine: %s. Cast it to String or choose another FORMAT.", name, spelled, n.revision, err)
		}
		t.prefix(r)
		t.data(r, rows)
		if r.err != nil {
			break
		}
	}
	if _, ok := r.err.(*exception); ok {
		return r.err
	}
	if r.err != nil {
		return fmt.Errorf("read the engine's Native block: %w", r.err)
	}
	_, err := n.out.Write(r.data[from:r.pos])
	return err
}

// nativeReader walks over a block. After an error it stays where it is.
type nativeReader struct {
	data []byte
	pos  int
	err  error
}

func (r *nativeReader) skip(n uint64) {
	if r.err == nil && n > uint64(len(r.data)-r.pos) {
		r.err = io.ErrUnexpectedEOF
	}
	if r.err == nil {
		r.pos += int(n)
	}
}

// skipN moves over count values of size bytes.
func (r *nativeReader) skipN(count, size uint64) {
	if size != 0 && count > uint64(len(r.data)) {
		r.skip(^uint64(0)) // the product may overflow
		return
	}
	r.skip(count * size)
}

func (r *nativeReader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.data[r.pos:])
	if n <= 0 {
		r.err = io.ErrUnexpectedEOF
		return 0
	}
	r.pos += n
	return v
}

func (r *nativeReader) str() []byte {
	n := r.uvarint()
	from := r.pos
	r.skip(n)
	if r.err != nil {
		return nil
	}
	return r.data[from:r.pos]
}

// strings moves over count strings. It is the one loop that a large answer
// spends its time in.
func (r *nativeReader) strings(count uint64) {
	if r.err != nil {
		return
	}
	data, pos := r.data, r.pos
	for range count {
		if pos < len(data) && data[pos] < 0x80 {
			pos += 1 + int(data[pos])
			continue
		}
		if pos >= len(data) {
			r.err = io.ErrUnexpectedEOF
			return
		}
		v, n := binary.Uvarint(data[pos:])
		if n <= 0 || v > uint64(len(data)-pos-n) {
			r.err = io.ErrUnexpectedEOF
			return
		}
		pos += n + int(v)
	}
	if pos > len(data) {
		r.err = io.ErrUnexpectedEOF
		return
	}
	r.pos = pos
}

func (r *nativeReader) uint64() uint64 {
	from := r.pos
	r.skip(8)
	if r.err != nil {
		return 0
	}
	return binary.LittleEndian.Uint64(r.data[from:])
}

// lastOffset moves over the offsets of count arrays and returns the last one:
// how many elements they have together.
func (r *nativeReader) lastOffset(count uint64) uint64 {
	if count == 0 {
		return 0
	}
	r.skipN(count-1, 8)
	return r.uint64()
}
