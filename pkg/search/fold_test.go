package search

import (
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestFoldIsFullCaseFolding(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		if got := Fold(text); got != want {
			t.Errorf("%s: got %+q, want %+q", text, got, want)
		}
	}
	f("", "")
	f("already small 5%_\\", "already small 5%_\\")
	f("Invoice INV-1", "invoice inv-1")
	f("Straße", "strasse")
	f("STRASSE", "strasse")
	f("STRAẞE", "strasse")
	f("İstanbul I ı", "i\u0307stanbul i ı") // no rule for Turkic
	f("ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ")
	f("Ω\u2126ω \u212a \u212b", "ωωω k å")
	f("ŉ ﬁ ﬃ ΰ ᾳ և", "ʼn fi ffi υ\u0308\u0301 αι եւ")
	f("ǅǄǆ", "ǆǆǆ")
	f("Жук ЖУК", "жук жук")
	f("𐐀𞤀", "𐐨𞤢")
	f("ꭰᎠ ᏸᏰ", "ᎠᎠ ᏰᏰ") // Cherokee, whose capitals stay
	f("日本語 한국어 עברית العربية हिन्दी ไทย 😀 ⓐ", "日本語 한국어 עברית العربية हिन्दी ไทย 😀 ⓐ")
	f("ⒶＡ", "ⓐａ") // nothing is normalised
	f("É e\u0301", "é e\u0301")
	f("A\xffB\xc3", "a\xffb\xc3")
}

// TestFoldTakesEachCharacterAlone: what finds a text must not depend on what is beside
// it, and folding twice is folding once.
func TestFoldTakesEachCharacterAlone(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		char := string(r)
		folded := Fold(char)
		if Fold(folded) != folded || Fold("Σ"+char+"A") != "σ"+folded+"a" {
			t.Errorf("%+q folds to %+q", char, folded)
		}
		// What has two cases is found in both.
		if upper := strings.ToUpper(char); strings.ToLower(upper) == char && Fold(upper) != folded {
			t.Errorf("%+q folds to %+q, but %+q to %+q", char, folded, upper, Fold(upper))
		}
	}
}

func TestSpansHoldWholeCharacters(t *testing.T) {
	t.Parallel()
	f := func(text, needle string, want ...string) {
		t.Helper()
		var got []string
		for _, span := range Spans(text, needle) {
			got = append(got, text[span[0]:span[1]])
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q in %q: got %q, want %q", needle, text, got, want)
		}
		if found := Match(text, Text{Needle: needle}); found != (len(want) > 0) || Match(text, Text{Needle: needle, Not: true}) == found {
			t.Errorf("%q in %q: found %v", needle, text, found)
		}
	}
	f("Late Fee, late fee", "LATE fee", "Late Fee", "late fee")
	f("aaaa", "aa", "aa", "aa")
	f("abc", "d")
	f("", "a")
	f("Straße 5", "strasse", "Straße")
	f("STRASSE", "straße", "STRASSE")
	f("Straße", "s", "S", "ß")
	f("Straße", "SE", "ße")
	f("aßb", "as", "aß")
	f("ßß", "ss", "ß", "ß")
	f("xßß", "xs", "xß")
	f("ßß", "sss", "ßß")
	f("aﬃ", "af", "aﬃ")
	f("ﬃ", "f", "ﬃ")
	f("İstanbul", "i", "İ")
	f("İstanbul", "i\u0307s", "İs")
	f("İstanbul", "istanbul")
	f("İstanbul", "İ", "İ")
	f("Istanbul", "ı")
	f("ΟΔΟΣ οδός", "οδος", "ΟΔΟΣ")
	f("10 kΩ \u2126", "ω", "Ω", "\u2126")
	f("東京都日本語", "日本", "日本")
	f("a😀b😀", "😀", "😀", "😀")
	f("👩‍💻", "💻", "💻")
	f("café cafe\u0301", "café", "café")
	f("café cafe\u0301", "cafe", "cafe")
	f("100%_\\'\"", "%", "%")
	f("100%_\\'\"", `_\'"`, `_\'"`)
	f("a\xffB", "b", "B")
	f("a\nb", "a\nB", "a\nb")
	if spans := Spans("abc", ""); spans != nil {
		t.Errorf("nothing is found at %v", spans)
	}
}
