package search

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
)

// folder folds what is not ASCII and not Cherokee. It has no state.
var folder = cases.Fold()

// Fold returns a text without differences of case: by Unicode's default caseless
// matching, which is full case folding (CaseFolding.txt, status C and F), without the
// special rule for Turkic languages. Two texts are the same but for case when they fold
// to the same; neither language nor neighbouring characters matter.
//
// Folding may make a text longer: ß becomes ss, and İ an i with a dot above (U+0307).
// It takes no accents off and normalises nothing: é is not e, and é as one character is
// not é as two. What is not UTF-8 stays as it is.
func Fold(text string) string {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			folded := append(make([]byte, 0, len(text)+8), text[:i]...)
			for at := i; at < len(text); {
				var size int
				folded, size = appendFolded(folded, text[at:])
				at += size
			}
			return string(folded)
		}
	}
	return text
}

// appendFolded appends the folded first character of a text, and returns how many
// bytes it has in the text.
func appendFolded(folded []byte, text string) ([]byte, int) {
	if c := text[0]; c < utf8.RuneSelf {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return append(folded, c), 1
	}
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case r == utf8.RuneError && size == 1:
		return append(folded, text[0]), 1
	// Cherokee folds to its capitals, which x/text takes for letters to be folded.
	case 0xab70 <= r && r <= 0xabbf:
		return utf8.AppendRune(folded, r-0xab70+0x13a0), size
	case 0x13f8 <= r && r <= 0x13fd:
		return utf8.AppendRune(folded, r-8), size
	case 0x13a0 <= r && r <= 0x13f5:
		return append(folded, text[:size]...), size
	}
	var to [4 * utf8.UTFMax]byte
	n, _, err := folder.Transform(to[:], []byte(text[:size]), true)
	if err != nil {
		return append(folded, text[:size]...), size
	}
	return append(folded, to[:n]...), size
}

// Match reports whether a text is found: whether it holds the needle, or, where the
// needle is excluded, does not hold it.
func Match(text string, t Text) bool {
	return strings.Contains(Fold(text), Fold(t.Needle)) != t.Not
}

// Spans returns where a needle is found in a text: ranges of bytes, begin and end, in
// order, which do not overlap. A span holds whole characters of the text, also where
// the needle is only a part of what one folds to: s is found in ß. It is empty exactly
// when the text does not hold the needle or the needle is empty.
func Spans(text, needle string) [][2]int {
	needle = Fold(needle)
	if needle == "" {
		return nil
	}
	folded := make([]byte, 0, len(text)+8)
	// Of each byte that is folded: where its character begins and ends in the text.
	origin := make([][2]int, 0, len(text)+8)
	for at := 0; at < len(text); {
		var size int
		folded, size = appendFolded(folded, text[at:])
		for len(origin) < len(folded) {
			origin = append(origin, [2]int{at, at + size})
		}
		at += size
	}
	var spans [][2]int
	all := string(folded)
	for at := 0; ; {
		i := strings.Index(all[at:], needle)
		if i < 0 {
			return spans
		}
		first := at + i
		at = first + len(needle)
		span := [2]int{origin[first][0], origin[at-1][1]}
		if last := len(spans) - 1; last >= 0 && span[0] < spans[last][1] {
			spans[last][1] = span[1] // both have a part of one character
		} else {
			spans = append(spans, span)
		}
	}
}
