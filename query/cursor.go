package query

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
	"github.com/actionlog/actionlog/pkg/store"
)

// A cursor is base64url of: a byte that names the list and the encoding's version,
// what the list needs to go on, and a sum of all before it. That of the rejected
// messages is a CRC-32, against cursors that lost their end in copying: they would
// otherwise name another place, and messages would be passed over without a word. That
// of actions is a signature, since it also says what the place belongs to.
const (
	actionsCursor  = 0x14
	rejectedCursor = 0x21
)

// maxCursor bounds what is decoded: two ids of 1,024 bytes and some.
const maxCursor = 4096

// signatureLength is how many bytes of an HMAC-SHA-256 sign a cursor.
const signatureLength = 16

var (
	errCursor      = errors.New("this is not a cursor of this list: pass next_cursor or previous_cursor of an earlier answer as it was, or leave cursor out to begin with the first page")
	errOtherFilter = errors.New("it belongs to another question: pass it with the parameters of the answer that it came from (limit may change), or leave cursor out to begin with the first page")
)

// place is where a page of actions begins, and the question it belongs to.
type place struct {
	// Question is the sum of what the first page was asked.
	Question [16]byte
	// Now is when the first page was asked for, from which relative times are counted, in
	// milliseconds.
	Now time.Time
	// To ends a list that its question leaves open towards the present; zero where it does
	// not.
	To time.Time
	// Backward is set when the page ends before the place, rather than begins behind it.
	Backward bool
	// At is the place; nil is the beginning.
	At *store.Cursor
	// First is where the first page began, before which no page goes; nil on that page.
	First *store.Cursor
}

// The bits of a place's second byte.
const (
	placeBackward = 1 << iota
	placeTo
	placeAt
	placeFirst
)

// encode writes the place as a cursor, signed with a key.
func (p place) encode(key []byte) string {
	b := []byte{actionsCursor, 0}
	b = append(b, p.Question[:]...)
	if p.Backward {
		b[1] |= placeBackward
	}
	if !p.To.IsZero() {
		b[1] |= placeTo
	}
	for _, t := range []time.Time{p.Now, p.To} {
		b = binary.BigEndian.AppendUint64(b, uint64(t.UnixMilli()))
	}
	if p.First != nil {
		b[1] |= placeFirst
		b = appendCursor(b, p.First)
	}
	if p.At != nil {
		b[1] |= placeAt
		b = appendCursor(b, p.At)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, signature(b, key)...))
}

func signature(b, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)[:signatureLength]
}

// decodePlace reads a cursor that was signed with one of the keys.
func decodePlace(text string, keys [][]byte) (place, error) {
	var p place
	// The decoder passes over newlines.
	if len(text) > maxCursor || strings.ContainsAny(text, "\r\n") {
		return p, errCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 2+len(p.Question)+8+8+signatureLength || b[0] != actionsCursor {
		return p, errCursor
	}
	signed, sum := b[:len(b)-signatureLength], b[len(b)-signatureLength:]
	if !slices.ContainsFunc(keys, func(key []byte) bool { return hmac.Equal(sum, signature(signed, key)) }) {
		return p, errCursor
	}
	flags := b[1]
	b = signed[2:]
	b = b[copy(p.Question[:], b):]
	p.Backward = flags&placeBackward != 0
	p.Now = time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()
	if flags&placeTo != 0 {
		p.To = time.UnixMilli(int64(binary.BigEndian.Uint64(b[8:]))).UTC()
	}
	b = b[16:]
	if flags&placeFirst != 0 {
		p.First, b = takeCursor(b)
	}
	if flags&placeAt != 0 {
		p.At, _ = takeCursor(b)
	}
	return p, nil
}

func appendCursor(b []byte, c *store.Cursor) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixMilli()))
	b = append(b, c.ContentHash[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(c.ID)))
	return append(b, c.ID...)
}

// takeCursor reads what appendCursor wrote, as the signature tells, and returns what follows.
func takeCursor(b []byte) (*store.Cursor, []byte) {
	c := &store.Cursor{Time: time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()}
	b = b[8:]
	b = b[copy(c.ContentHash[:], b):]
	end := 2 + int(binary.BigEndian.Uint16(b))
	c.ID = string(b[2:end])
	return c, b[end:]
}

func encodeRejectedCursor(c *store.RejectedCursor) string {
	b := []byte{rejectedCursor}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixMilli()))
	b = append(b, c.TopicID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(c.Partition))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Offset))
	b = append(b, c.Topic...)
	return seal(b)
}

func decodeRejectedCursor(text string) (*store.RejectedCursor, error) {
	b, err := unseal(rejectedCursor, text)
	if err != nil {
		return nil, err
	}
	var c store.RejectedCursor
	if len(b) < 8+len(c.TopicID)+4+8 {
		return nil, errCursor
	}
	c.Time = time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()
	b = b[8:]
	b = b[copy(c.TopicID[:], b):]
	c.Partition = int(binary.BigEndian.Uint32(b))
	offset := binary.BigEndian.Uint64(b[4:])
	c.Offset = int64(offset & math.MaxInt64)
	c.Topic = string(b[12:])
	if !search.InBounds(c.Time) || offset > math.MaxInt64 || !utf8.ValidString(c.Topic) {
		return nil, errCursor
	}
	return &c, nil
}

func seal(b []byte) string {
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

// unseal returns what lies between the first byte and the checksum.
func unseal(kind byte, text string) ([]byte, error) {
	if len(text) > maxCursor {
		return nil, errCursor
	}
	return unsealed(kind, text)
}

// unsealed is unseal for text of any length.
func unsealed(kind byte, text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 5 || b[0] != kind {
		return nil, errCursor
	}
	end := len(b) - 4
	// The decoder passes over newlines, so text is compared with what it should be.
	if crc32.ChecksumIEEE(b[:end]) != binary.BigEndian.Uint32(b[end:]) || strings.ContainsAny(text, "\r\n") {
		return nil, errCursor
	}
	return b[1:end], nil
}
