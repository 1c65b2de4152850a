package search

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// problemOf returns the problem that an error is, an empty one for none.
func problemOf(t testing.TB, err error) *Error {
	t.Helper()
	e := &Error{}
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	if err != nil && !slices.Contains(Faults(), e.Fault) {
		t.Errorf("%v has the fault %q, which nobody can say in another language", err, e.Fault)
	}
	return e
}

func TestTextIsReadAsWordsAndPhrases(t *testing.T) {
	t.Parallel()
	f := func(q string, want ...Text) {
		t.Helper()
		got, err := ParseText(q)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %+v %v\nwant %+v", q, got, err, want)
		}
	}
	f("")
	f(" \t\n\u00a0\u3000\u2029")
	f("invoice", Text{"invoice", false, 1})
	f(" late\u00a0 fee\u3000x", Text{"late", false, 2}, Text{"fee", false, 8}, Text{"x", false, 12})
	f(`"late fee" x`, Text{"late fee", false, 1}, Text{"x", false, 12})
	f(`日本 "東京 都"x`, Text{"日本", false, 1}, Text{"東京 都", false, 4}, Text{"x", false, 10})
	// Excluded.
	f(`-xero -"late fee"`, Text{"xero", true, 1}, Text{"late fee", true, 7})
	f(`--x -- - a-b -`, Text{"-x", true, 1}, Text{"-", true, 5}, Text{"-", false, 8}, Text{"a-b", false, 10}, Text{"-", false, 14})
	f("-\u3000x", Text{"-", false, 1}, Text{"x", false, 3})
	// Short ones, and what is plain.
	f(`% _ \ ' * ?`, Text{"%", false, 1}, Text{"_", false, 3}, Text{`\`, false, 5}, Text{"'", false, 7}, Text{"*", false, 9}, Text{"?", false, 11})
	f(`5" rack o'neil C:\temp\"x a\:b !x (y)`, Text{`5"`, false, 1}, Text{"rack", false, 4}, Text{"o'neil", false, 9}, Text{`C:\temp\"x`, false, 16},
		Text{`a\:b`, false, 27}, Text{"!x", false, 32}, Text{"(y)", false, 35})
	f(`"5\" rack" "C:\\x" "C:\temp"`, Text{`5" rack`, false, 1}, Text{`C:\x`, false, 12}, Text{`C:\temp`, false, 20})
	f(`" "`, Text{" ", false, 1})
	// Nothing, and no end.
	f(`"" x -""`, Text{"x", false, 4})
	f(`x "late f`, Text{"x", false, 1}, Text{"late f", false, 3})
	f(`-"late  `, Text{"late  ", true, 1})
	f(`"`, Text{`"`, false, 1})
	f(`5 " `, Text{"5", false, 1}, Text{`"`, false, 3})
	f(`-"`, Text{`"`, true, 1})
	f(`"C:\temp\"`, Text{`C:\temp\`, false, 1})
	f(`"\"`, Text{`\`, false, 1})
	f(`"a \"b\" c`, Text{`a "b" c`, false, 1})
	// The quotes of word processors.
	f(`“late fee” ”a b” „c d“ „e f” «g h» »i j«`, Text{"late fee", false, 1}, Text{"a b", false, 12}, Text{"c d", false, 18}, Text{"e f", false, 24}, Text{"g h", false, 30}, Text{"i j", false, 36})
	f("-“a b” «\u00a0c d\u00a0» “C:\\x \"y\"” “” «»", Text{"a b", true, 1}, Text{"c d", false, 8}, Text{`C:\x "y"`, false, 16})
	f(`5” o’neil “late f`, Text{"5”", false, 1}, Text{"o’neil", false, 4}, Text{"late f", false, 11})
	f(`“ `, Text{"“", false, 1})
	f(`a OR b AND (c) NOT )`, Text{"a", false, 1}, Text{"OR", false, 3}, Text{"b", false, 6}, Text{"AND", false, 8}, Text{"(c)", false, 12}, Text{"NOT", false, 16}, Text{")", false, 20})
	// A NUL and what is unseen is text too.
	f("a\x00b \u200b", Text{"a\x00b", false, 1}, Text{"\u200b", false, 5})

	_, err := ParseText("日 a\xffb")
	if e := problemOf(t, err); e.Column != 4 || !strings.Contains(e.Error(), "column 4: this is not valid UTF-8") {
		t.Errorf("got %v", err)
	}
}

func TestTextIsWrittenShort(t *testing.T) {
	t.Parallel()
	f := func(want string, texts ...Text) {
		t.Helper()
		if got := FormatText(texts); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f("")
	f(`late -xero "late fee" -"a b" 5"`, Text{Needle: "late"}, Text{Needle: "xero", Not: true}, Text{Needle: "late fee"}, Text{Needle: "a b", Not: true}, Text{Needle: `5"`})
	f(`"-" -"-x" "\"" "\\ " \`, Text{Needle: "-"}, Text{Needle: "-x", Not: true}, Text{Needle: `"`}, Text{Needle: `\ `}, Text{Needle: `\`})
	f(`"“a” b" "»" a“ OR (a)`, Text{Needle: "“a” b"}, Text{Needle: "»"}, Text{Needle: "a“"}, Text{Needle: "OR"}, Text{Needle: "(a)"})
	f(`12:30 a=b`, Text{Needle: "12:30"}, Text{Needle: "a=b"})
}

// withoutColumns makes texts comparable that were written in other ways.
func withoutColumns(texts []Text) []Text {
	texts = slices.Clone(texts)
	for i := range texts {
		texts[i].Column = 0
	}
	return texts
}

// dice are random, and the same for the same seed.
type dice struct{ *rand.Rand }

func random(t testing.TB) dice {
	t.Helper()
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return dice{rand.New(rand.NewPCG(seed, 0))}
}

// characters are what the grammar gives a meaning, and what people write.
var characters = []string{
	`"`, `\`, "“", "”", "„", "«", "»", "OR", "!", "-", ":", "=", "(", ")", ",", ".", " ", "\u3000", "\n", "\t", "%", "_", "'", "/", "*", "\x00", "<", ">", "!=", "actor:", "user", "actr", "details.", "12", "a", "B", "ß", "İ", "Ω", "日本", "😀", "\u0301",
}

// text is a text of one to five of the characters.
func (r dice) text() string {
	var b strings.Builder
	for range 1 + r.IntN(5) {
		b.WriteString(characters[r.IntN(len(characters))])
	}
	return b.String()
}

func TestTextIsTheSameWhenItIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	r := random(t)
	for range 20_000 {
		var texts []Text
		for range r.IntN(4) {
			texts = append(texts, Text{Needle: r.text(), Not: r.IntN(2) == 0})
		}
		got, err := ParseText(FormatText(texts))
		if got = withoutColumns(got); err != nil || !reflect.DeepEqual(got, texts) {
			t.Fatalf("%q:\ngot  %+v %v\nwant %+v", FormatText(texts), got, err, texts)
		}
	}
}
