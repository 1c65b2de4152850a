package store

import (
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// What the Native format has of the columns that are neither text nor array.
var (
	wireTime = wire[int64]{"DateTime64(3, 'UTC')", 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) }}

	wireUInt32 = wire[uint32]{"UInt32", 4, binary.LittleEndian.Uint32}
	wireUInt64 = wire[uint64]{"UInt64", 8, binary.LittleEndian.Uint64}

	wireAddress = wire[netip.Addr]{"IPv6", 16, func(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b[:16])).Unmap() }}

	// A UUID is two numbers, the upper one first, each with its lowest byte first.
	wireUUID = wire[uuid.UUID]{"UUID", 16, func(b []byte) (id uuid.UUID) {
		copy(id[:], b)
		slices.Reverse(id[:8])
		slices.Reverse(id[8:])
		return id
	}}
)

// appendTime appends a time of milliseconds as TimeLayout has it.
func appendTime(to []byte, ms int64) []byte {
	t := time.UnixMilli(ms).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	to = appendDigits(to, year, 4)
	to = appendDigits(append(to, '-'), int(month), 2)
	to = appendDigits(append(to, '-'), day, 2)
	to = appendDigits(append(to, 'T'), hour, 2)
	to = appendDigits(append(to, ':'), minute, 2)
	to = appendDigits(append(to, ':'), second, 2)
	to = appendDigits(append(to, '.'), t.Nanosecond()/int(time.Millisecond), 3)
	return append(to, 'Z')
}

// appendDigits appends a number of as many digits, which is not negative.
func appendDigits(to []byte, n, digits int) []byte {
	at := len(to)
	to = append(to, "0000"[:digits]...)
	for i := at + digits - 1; i >= at; i-- {
		to[i] = byte('0' + n%10)
		n /= 10
	}
	return to
}

func appendAddress(to []byte, ip netip.Addr) []byte {
	if ip == netip.IPv6Unspecified() {
		return to
	}
	return ip.AppendTo(to)
}

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
