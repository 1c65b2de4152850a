package search

import (
	"strings"
	"testing"
)

// In these tests | is the caret.
func TestAt(t *testing.T) {
	t.Parallel()
	f := func(marked, field, text, replaced string) {
		t.Helper()
		before, after, _ := strings.Cut(marked, "|")
		line := before + after
		p := At(line, len([]rune(before)), testFields)
		got := string([]rune(line)[p.Begin:p.End])
		if p.Field != field || p.Text != text || got != replaced || p.Closed {
			t.Errorf("%s: field %q, text %q, replaces %q, closed %t; want %q, %q, %q", marked, p.Field, p.Text, got, p.Closed, field, text, replaced)
		}
	}
	f("|", "", "", "")
	f("act|", "", "act", "act")
	f("-act|", "", "act", "act")
	f("-|", "", "", "")
	f("crane act| xero", "", "act", "act")
	f("ac|tor:alice x", "", "ac", "actor:")
	f("crane | xero", "", "", "")
	f("actor:|", "actor", "", "")
	f("actor:al|", "actor", "al", "al")
	f("actor:al|ice -xero", "actor", "al", "alice")
	f("crane user:al| x", "actor", "al", "al")
	f("-actor:al|", "actor", "al", "al")
	f("actor:!al|", "actor", "al", "al")
	f(`actor:"Al Ok|`, "actor", "Al Ok", `"Al Ok`)
	f(`actor:"Al \"Ok| x" y`, "actor", `Al "Ok`, `"Al \"Ok x"`)
	f("actor:(alice bo|) x", "actor", "bo", "bo")
	f("actor:(alice |", "actor", "", "")
	f("actor:(|", "actor", "", "")
	f("actor:(al|ice, bob)", "actor", "al", "alice")
	f("after:|", "from", "", "")
	f("after:-7|", "from", "-7", "-7")
	f("after:last m| x", "from", "last m", "last m")
	f("after:last |", "from", "last ", "last ")
	f("until:last month|", "to", "last month", "last month")
	f("tz:Europe/B|", "tz", "Europe/B", "Europe/B")
	f("details.total.am|", "", "details.total.am", "details.total.am")
	f("details.total.amount:5|", "details.total.amount", "5", "5")
	f("actr:bo|", "", "actr:bo", "actr:bo")
	f(`"unclosed" äö|`, "", "äö", "äö")
	f("user=al|ice x", "actor", "al", "alice")
	f("actr=bo|", "", "actr=bo", "actr=bo")
	f("actor>bo|", "", "actor>bo", "actor>bo")
	f("ip:10.|0.0.0/8", "ip", "10.", "10.0.0.0/8")
}

func TestAtWhereNothingIsToComplete(t *testing.T) {
	t.Parallel()
	for _, marked := range []string{`"late f|`, `"late fee"|`, `-"late| fee"`, `actor:"alice"|`, "actor:(alice bob)|"} {
		before, after, _ := strings.Cut(marked, "|")
		if p := At(before+after, len([]rune(before)), testFields); !p.Closed {
			t.Errorf("%s: %+v", marked, p)
		}
	}
}

func TestAtExcludes(t *testing.T) {
	t.Parallel()
	f := func(line string, want bool) {
		t.Helper()
		if p := At(line, len([]rune(line)), testFields); p.Not != want {
			t.Errorf("%s: not is %t", line, p.Not)
		}
	}
	f("-actor:a", true)
	f("!actor:a", true)
	f("-actor:!a", false)
	f("actor:(b !a", true)
	f("-a", true)
	f("a", false)
}

// What is written at a place is read as that value, in a list too.
func TestWrittenValuesAreRead(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"alice", "Alice Okonkwo", `a"b`, "(x", "!x", "a,b", "a)", "OR", `\`, "„x“", "-x", "a:b", "=x", "<b>"} {
		for _, line := range []string{"actor:", "actor:(bob "} {
			p := At(line, len(line), testFields)
			written := line + p.Write(value)
			if p.List {
				written += ")"
			}
			l, err := Parse(written, testFields)
			if err != nil || l.Terms[len(l.Terms)-1].Value != value || l.Terms[0].Not {
				t.Errorf("%q is written as %s: %v, %v", value, written, l.Terms, err)
			}
		}
	}
	for _, name := range TimeNames() {
		p := At("after:", 6, testFields)
		if l, err := Parse("after:"+p.Write(name), testFields); err != nil || l.From != name {
			t.Errorf("%q is written as %s: %q, %v", name, p.Write(name), l.From, err)
		}
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	f := func(marked, want string) {
		t.Helper()
		before, after, _ := strings.Cut(marked, "|")
		line := before + after
		if got := At(line, len([]rune(before)), testFields).Without(line); got != want {
			t.Errorf("%s: %q, want %q", marked, got, want)
		}
	}
	f("ä -actor:(al| bob) x", "ä  x")
	f("crane ac|tor:alice", "crane ")
	f("crane bo|", "crane ")
	f("crane |", "crane ")
	f("crane actor:(al|", "crane ")
	f(`x after:last mo| y`, "x  y")
}

func FuzzAt(f *testing.F) {
	for _, line := range []string{`actor:("a b`, "-x after:last m", `"`, "actor:(", "details.a:", `"\`} {
		f.Add(line, 3)
	}
	f.Fuzz(func(t *testing.T, line string, at int) {
		p := At(line, at, testFields)
		if n := len([]rune(strings.ToValidUTF8(line, "\uFFFD"))); p.Begin < 0 || p.Begin > p.End || p.End > n || p.Term > p.Begin || p.TermEnd < p.End || p.TermEnd > n {
			t.Errorf("%q at %d: %+v", line, at, p)
		}
		p.Without(line)
	})
}
