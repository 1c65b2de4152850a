package web

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// The characters by which a text turns the order of what is written.
const (
	embedLeft   = '\u202a'
	embedRight  = '\u202b'
	endEmbed    = '\u202c'
	turnLeft    = '\u202d'
	turnRight   = '\u202e'
	isolateAuto = '\u2068'
	endIsolate  = '\u2069'
)

func turns(r rune) bool {
	return r >= embedLeft && r <= turnRight || r >= '\u2066' && r <= endIsolate
}

// calm makes the characters of a text visible that would turn what stands around it: those
// that end what it has not begun, or begin what it does not end. Those that turn letters
// against their own direction, which no language needs, are visible in any case. What is
// balanced stays: programs that write texts put names between such characters.
func calm(text string) string {
	if !strings.ContainsFunc(text, turns) {
		return text
	}
	shown := map[int]bool{}
	type opening struct {
		at     int
		opener rune
	}
	var open []opening
	for at, r := range text {
		last := len(open) - 1
		switch {
		case r == endEmbed:
			if last < 0 || open[last].opener >= '\u2066' {
				shown[at] = true
				continue
			}
			shown[at] = shown[open[last].at]
			open = open[:last]
		case r == endIsolate:
			// It ends what was begun within as well.
			for last >= 0 && open[last].opener < '\u2066' {
				shown[open[last].at] = true
				last--
			}
			if open = open[:last+1]; last < 0 {
				shown[at] = true
				continue
			}
			open = open[:last]
		case turns(r):
			open = append(open, opening{at, r})
			shown[at] = r == turnLeft || r == turnRight
		}
	}
	for _, o := range open {
		shown[o.at] = true
	}
	var b strings.Builder
	for at, r := range text {
		if shown[at] {
			fmt.Fprintf(&b, "[U+%04X]", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// calmHTML is a page whose texts are calm: each ends where a tag is, but for the marks
// within it.
func calmHTML(page []byte) []byte {
	if !bytes.ContainsFunc(page, turns) {
		return page
	}
	var out, text bytes.Buffer
	var marks []string // the tags within the text, each of which stands for a NUL
	flush := func() {
		for _, r := range calm(text.String()) {
			if r == 0 {
				out.WriteString(marks[0])
				marks = marks[1:]
			} else {
				out.WriteRune(r)
			}
		}
		text.Reset()
	}
	for len(page) > 0 {
		begin := bytes.IndexByte(page, '<')
		if begin < 0 {
			begin = len(page)
		}
		text.Write(page[:begin])
		page = page[begin:]
		end := bytes.IndexByte(page, '>') + 1
		if end == 0 {
			end = len(page)
		}
		tag := string(page[:end])
		page = page[end:]
		if tag == "<mark>" || tag == "</mark>" {
			text.WriteByte(0) // html/template writes none
			marks = append(marks, tag)
			continue
		}
		flush()
		out.WriteString(tag)
	}
	flush()
	return out.Bytes()
}

// isolated is a text within a sentence, which its direction does not turn. Most texts need
// nothing for that.
func isolated(text string) string {
	turned := func(r rune) bool {
		class, _ := bidi.LookupRune(r)
		return turns(r) || slices.Contains([]bidi.Class{bidi.R, bidi.AL, bidi.AN}, class.Class())
	}
	if !strings.ContainsFunc(text, turned) {
		return text
	}
	return string(isolateAuto) + calm(text) + string(endIsolate)
}
