package action

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// exampleTime shows the form of a time in messages.
const exampleTime = "2026-03-01T09:30:00.250+01:00"

// parseTime reads a time in the form of RFC 3339, section 5.6: any offset, T and
// Z in either case, any number of fraction digits. It returns the time in UTC,
// truncated to the millisecond, or what is wrong and the remedy.
//
// time.Parse is not used: it takes forms that RFC 3339 does not have, such as a
// comma, and no leap second, and what it takes has changed between versions of Go.
func parseTime(s string) (t time.Time, wrong string) {
	const remedy = "send it in the form of RFC 3339, as " + exampleTime
	if len(s) < len("2006-01-02T15:04:05Z") || s[4] != '-' || s[7] != '-' || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return t, remedy
	}
	year, month, day := number(s[:4]), number(s[5:7]), number(s[8:10])
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	if min(year, month, day, hour, minute, second) < 0 {
		return t, remedy
	}
	millisecond, rest, ok := parseFraction(s[19:])
	if !ok {
		return t, remedy
	}
	offset, ok := parseOffset(rest)
	if !ok {
		return t, "send its offset as Z or as ±hh:mm, as " + exampleTime
	}
	if hour > 23 || minute > 59 || second > 60 {
		return t, "there is no such time of day: send hours to 23, minutes and seconds to 59"
	}
	leap := false
	if second == 60 {
		// A leap second is the last of a day of UTC. The store cannot hold it: its
		// last millisecond before stands for it, so the event stays in its day.
		second, millisecond, leap = 59, 999, true
	}
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return t, "there is no such date: send a day that the month has"
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, millisecond*int(time.Millisecond), time.UTC).Add(-offset)
	if leap && (t.Hour() != 23 || t.Minute() != 59) {
		return time.Time{}, "a leap second ends a day of UTC: send seconds from 00 to 59"
	}
	return t, ""
}

// daysIn returns how many days a month has.
func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// parseFraction reads the fraction of a second at the start of s, if there is
// one, as whole milliseconds, and returns the rest.
func parseFraction(s string) (millisecond int, rest string, ok bool) {
	s, ok = strings.CutPrefix(s, ".")
	if !ok {
		return 0, s, true
	}
	digits := 0
	for ; digits < len(s) && '0' <= s[digits] && s[digits] <= '9'; digits++ {
		if digits < 3 {
			millisecond = millisecond*10 + int(s[digits]-'0')
		}
	}
	for i := digits; i < 3; i++ {
		millisecond *= 10
	}
	return millisecond, s[digits:], digits > 0
}

// parseOffset reads the offset from UTC that ends a time.
func parseOffset(s string) (offset time.Duration, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+01:00") || s[3] != ':' || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	hours, minutes := number(s[1:3]), number(s[4:6])
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	offset = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// parseIP reads an address, or returns what is wrong and the remedy. An IPv4 address
// mapped into IPv6 becomes IPv4.
func parseIP(s string) (addr netip.Addr, wrong string) {
	addr, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		return netip.Addr{}, "send an IPv4 or IPv6 address alone, as 192.0.2.7 or 2001:db8::7, or leave the field out"
	case addr.Zone() != "":
		return netip.Addr{}, "send the address without its zone"
	case addr == netip.IPv6Unspecified():
		// The store has no other value for an absent address.
		return netip.Addr{}, "this address stands for none: leave the field out"
	}
	return addr.Unmap(), ""
}

// number returns the value of s, of digits only, or -1.
func number(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// invisible holds the characters that an id may not have, since nobody could
// read them out or copy them: controls, spaces but the ASCII one, format and
// private-use characters. It is a list of its own, after Unicode 15.0, because
// unicode.IsPrint changes with the version of Go, and a verdict must not.
var invisible = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0000, Hi: 0x001f, Stride: 1},
		{Lo: 0x007f, Hi: 0x00a0, Stride: 1},
		{Lo: 0x00ad, Hi: 0x00ad, Stride: 1},
		{Lo: 0x0600, Hi: 0x0605, Stride: 1},
		{Lo: 0x061c, Hi: 0x061c, Stride: 1},
		{Lo: 0x06dd, Hi: 0x06dd, Stride: 1},
		{Lo: 0x070f, Hi: 0x070f, Stride: 1},
		{Lo: 0x0890, Hi: 0x0891, Stride: 1},
		{Lo: 0x08e2, Hi: 0x08e2, Stride: 1},
		{Lo: 0x1680, Hi: 0x1680, Stride: 1},
		{Lo: 0x180e, Hi: 0x180e, Stride: 1},
		{Lo: 0x2000, Hi: 0x200f, Stride: 1},
		{Lo: 0x2028, Hi: 0x202f, Stride: 1},
		{Lo: 0x205f, Hi: 0x206f, Stride: 1},
		{Lo: 0x3000, Hi: 0x3000, Stride: 1},
		{Lo: 0xe000, Hi: 0xf8ff, Stride: 1},
		{Lo: 0xfdd0, Hi: 0xfdef, Stride: 1},
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1},
		{Lo: 0xfff0, Hi: 0xfffb, Stride: 1},
		{Lo: 0xfffe, Hi: 0xffff, Stride: 1},
	},
	R32: []unicode.Range32{
		{Lo: 0x110bd, Hi: 0x110bd, Stride: 1},
		{Lo: 0x110cd, Hi: 0x110cd, Stride: 1},
		{Lo: 0x13430, Hi: 0x1343f, Stride: 1},
		{Lo: 0x1bca0, Hi: 0x1bca3, Stride: 1},
		{Lo: 0x1d173, Hi: 0x1d17a, Stride: 1},
		{Lo: 0xe0000, Hi: 0x10ffff, Stride: 1},
	},
	LatinOffset: 3,
}

// wrongID is the form of an id: printable characters.
func wrongID(s string) string {
	plain := 0
	for plain < len(s) && ' ' <= s[plain] && s[plain] < 0x7f {
		plain++
	}
	for _, r := range s[plain:] {
		if unicode.Is(invisible, r) {
			return fmt.Sprintf("it holds %U, which cannot be seen: send printable characters", r)
		}
	}
	return ""
}

// IsType reports whether an event can be of a type.
func IsType(s string) bool { return len(s) <= MaxAction && wrongAction(s) == "" }

// wrongAction is the form of an action: at least two words of a-z, 0-9, _ and -
// with a dot between.
func wrongAction(s string) string {
	const remedy = "send what was done in lower case with dots between, noun first, as invoice.posted"
	dots, word := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case isWordByte(c) && (c < 'A' || c > 'Z'):
			word++
		case c == '.' && word > 0:
			dots, word = dots+1, 0
		default:
			return remedy
		}
	}
	if dots == 0 || word == 0 {
		return remedy
	}
	return ""
}

// derivedTopic bounds the part of a derived id that tells the topic, so that the
// id keeps to its 128 characters: 96, two hyphens, and the digits of the largest
// partition (10) and offset (19) make 127.
const derivedTopic = 96

// derivedID is the id of an event whose source gave none: topic, partition and
// offset with hyphens between. A topic of more than derivedTopic characters (Kafka
// allows 249) is cut, and a tilde and the first 16 hexadecimal digits of its
// SHA-256 keep it apart from others; no name of a topic holds a tilde.
func derivedID(origin Origin) string {
	topic := origin.Topic
	if len(topic) > derivedTopic {
		sum := sha256.Sum256([]byte(topic))
		topic = topic[:derivedTopic-17] + "~" + hex.EncodeToString(sum[:8])
	}
	id := append(make([]byte, 0, 128), topic...)
	id = strconv.AppendInt(append(id, '-'), int64(origin.Partition), 10)
	id = strconv.AppendInt(append(id, '-'), origin.Offset, 10)
	return string(id)
}
