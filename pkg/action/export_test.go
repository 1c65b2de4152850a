package action

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// DecodeTokens is Decode without the scanner.
func DecodeTokens(value []byte, origin Origin) (Event, *Rejection) {
	var e Event
	if r := decodeTokens(bytes.Clone(value), origin, &e); r != nil {
		return Event{}, r
	}
	return e, nil
}

// Scans reports whether the scanner reads value.
func Scans(value []byte) bool {
	return len(value) <= MaxMessageBytes && scan(bytes.Clone(value), new(Event))
}

// FirstStop returns the index of the first byte of a word at which a string cannot be
// read on by words; 8 if there is none.
func FirstStop(word [8]byte) int {
	return bits.TrailingZeros64(stops(binary.LittleEndian.Uint64(word[:]))) / 8
}

// DaysIn returns how many days a month has.
func DaysIn(year, month int) int { return daysIn(year, month) }
