package query

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/store"
)

// A cursor is base64url of: a byte that names the list and the encoding's
// version, the place in the list, and a CRC-32 of all before it. The checksum is
// not for secrecy: a cursor that lost its end in copying would otherwise name
// another place and events would be passed over without a word.
const (
	actionsCursor  = 0x11
	rejectedCursor = 0x21
)

// maxCursor bounds what is decoded: an id or topic of 1,024 bytes and some.
const maxCursor = 2048

var errCursor = errors.New("this is not a cursor of this list: pass next_cursor of an earlier answer as it was, or leave cursor out to begin with the newest")

func encodeCursor(c *store.Cursor) string {
	b := []byte{actionsCursor}
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time.UnixMilli()))
	b = append(b, c.ContentHash[:]...)
	b = append(b, c.ID...)
	return seal(b)
}

func decodeCursor(text string) (*store.Cursor, error) {
	b, err := unseal(actionsCursor, text)
	if err != nil {
		return nil, err
	}
	var c store.Cursor
	if len(b) < 8+len(c.ContentHash) {
		return nil, errCursor
	}
	c.Time = time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()
	n := copy(c.ContentHash[:], b[8:])
	c.ID = string(b[8+n:])
	if !storable(c.Time) || !utf8.ValidString(c.ID) {
		return nil, errCursor
	}
	return &c, nil
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
	if !storable(c.Time) || offset > math.MaxInt64 || !utf8.ValidString(c.Topic) {
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
