package store

import (
	"encoding/binary"
	"encoding/hex"
)

// An id that is a UUID in its usual form is stored as the two halves of its number,
// which takes a third less room than text, and any other id as text. The order of
// ids is that of (id_high, id_low, id_text): other ids first, in the order of their
// bytes, then UUIDs in the order of their numbers, which is that of their text.

// uuidLength is the length of a UUID's text: RFC 9562, section 4.
const uuidLength = 36

// splitID returns what the table holds of an id.
func splitID(id string) (high, low uint64, text string) {
	var digits [32]byte
	if len(id) != uuidLength {
		return 0, 0, id
	}
	n := 0
	for i := range uuidLength {
		c := id[i]
		switch hyphen := i == 8 || i == 13 || i == 18 || i == 23; {
		case hyphen && c == '-':
		case !hyphen && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f'):
			digits[n] = c
			n++
		default:
			return 0, 0, id
		}
	}
	var number [16]byte
	_, _ = hex.Decode(number[:], digits[:]) // they are digits
	high, low = binary.BigEndian.Uint64(number[:8]), binary.BigEndian.Uint64(number[8:])
	if high == 0 && low == 0 {
		return 0, 0, id
	}
	return high, low, ""
}

// joinID returns the UUID whose halves these are.
func joinID(high, low uint64) string { return string(appendID(nil, high, low)) }

// appendID appends the UUID whose halves these are.
func appendID(to []byte, high, low uint64) []byte {
	var number [16]byte
	binary.BigEndian.PutUint64(number[:8], high)
	binary.BigEndian.PutUint64(number[8:], low)
	var text [uuidLength]byte
	at := 0
	for i, b := range number {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[at] = '-'
			at++
		}
		text[at], text[at+1] = hexDigits[b>>4], hexDigits[b&0xf]
		at += 2
	}
	return append(to, text[:]...)
}

const hexDigits = "0123456789abcdef"

// idColumns are read in this order: the text, where there is one, takes the place of
// the UUID.
var idColumns = []stored{
	{
		name:  "id_high",
		cells: values(wireUInt64, func(a *Action) uint64 { high, _, _ := splitID(a.ID); return high }, setHigh, nil),
		scan:  func(a *Action) any { return &scanHalf{a, setHigh} },
	},
	{
		name:  "id_low",
		cells: values(wireUInt64, func(a *Action) uint64 { _, low, _ := splitID(a.ID); return low }, setLow, nil),
		scan:  func(a *Action) any { return &scanHalf{a, setLow} },
	},
	{
		name: "id_text",
		cells: func() cells {
			return &textCells{of: func(a *Action) string { _, _, text := splitID(a.ID); return text }, to: setText}
		},
		scan: func(a *Action) any { return &scanText{a} },
	},
}

// idTexts are the ids of the cells of idColumns.
func idTexts(of []cells) Texts {
	high, low, text := of[0].(*plain[uint64]), of[1].(*plain[uint64]), of[2].(*textCells) //nolint:forcetypeassert // as idColumns makes them
	return Texts{Append: func(to []byte, row int) []byte {
		if s := text.at(row); s != "" {
			return append(to, s...)
		}
		return appendID(to, high.values[row], low.values[row])
	}}
}

func setHigh(high uint64, a *Action) { a.ID = joinID(high, 0) }

func setLow(low uint64, a *Action) {
	high, _, _ := splitID(a.ID)
	a.ID = joinID(high, low)
}

func setText(text string, a *Action) {
	if text != "" {
		a.ID = text
	}
}

type scanHalf struct {
	to  *Action
	set func(uint64, *Action)
}

func (h *scanHalf) Scan(v any) error { return scanInto(v, func(v uint64) { h.set(v, h.to) }) }

type scanText struct{ to *Action }

func (t *scanText) Scan(v any) error { return scanInto(v, func(v string) { setText(v, t.to) }) }
