package store

import (
	"encoding/binary"
	"net/netip"
	"slices"
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
	milli := t.Nanosecond() / int(time.Millisecond)
	return append(to,
		digit(year/1000), digit(year/100), digit(year/10), digit(year),
		'-', digit(int(month)/10), digit(int(month)), '-', digit(day/10), digit(day),
		'T', digit(hour/10), digit(hour), ':', digit(minute/10), digit(minute), ':', digit(second/10), digit(second),
		'.', digit(milli/100), digit(milli/10), digit(milli), 'Z')
}

// digit is the last digit of a number that is not negative.
func digit(n int) byte { return byte('0' + n%10) }

func appendAddress(to []byte, ip netip.Addr) []byte {
	if ip == netip.IPv6Unspecified() {
		return to
	}
	return ip.AppendTo(to)
}
