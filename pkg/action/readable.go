package action

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Piece is a stretch of a message as people read it.
type Piece struct {
	Text string
	// Escaped is set where Text stands for bytes that cannot be shown as they are:
	// what is not UTF-8, and characters that are unseen or change how others are
	// shown, as \xff and \u202e.
	Escaped bool
}

// Readable returns bytes that anyone may have sent as a text that is safe to show:
// in a terminal as it is, on a page when it is escaped as any other text. It returns
// false when more than an eighth of the bytes cannot be shown: then a dump in
// hexadecimal says more.
func Readable(raw []byte) ([]Piece, bool) {
	var pieces []Piece
	add := func(text string, escaped bool) {
		if n := len(pieces); n > 0 && pieces[n-1].Escaped == escaped {
			pieces[n-1].Text += text
			return
		}
		pieces = append(pieces, Piece{text, escaped})
	}
	hidden, plain := 0, 0 // plain is where the text begins that is not added yet
	for at := 0; at < len(raw); {
		r, size := utf8.DecodeRune(raw[at:])
		broken := r == utf8.RuneError && size == 1
		if !broken && (unicode.IsPrint(r) || r == '\n' || r == '\t') {
			at += size
			continue
		}
		if plain < at {
			add(string(raw[plain:at]), false)
		}
		if hidden += size; hidden > max(len(raw)/8, 4) {
			return nil, false
		}
		add(escape(raw[at:at+size]), true)
		at += size
		plain = at
	}
	if plain < len(raw) {
		add(string(raw[plain:]), false)
	}
	return pieces, true
}

// escape writes what cannot be shown as Go does in a string.
func escape(char []byte) string {
	quoted := strconv.QuoteToASCII(string(char))
	return quoted[1 : len(quoted)-1]
}
