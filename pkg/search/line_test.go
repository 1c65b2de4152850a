package search

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func (r dice) line() Line {
	var l Line
	for range r.IntN(3) {
		l.Texts = append(l.Texts, Text{Needle: r.text(), Not: r.IntN(2) == 0})
	}
	names := []string{"actor", "action", "user_agent"}
	for range r.IntN(5) {
		name, value := "details."+r.text(), r.text()
		if i := r.IntN(5); i < len(names) {
			name = names[i]
		} else if i == len(names) {
			value = ""
		}
		l.Terms = append(l.Terms, Term{Field: name, Value: value, Not: r.IntN(2) == 0})
	}
	testFields.sort(l.Terms)
	pick := func(values ...string) string { return values[r.IntN(len(values))] }
	l.From = pick("", "", "2026-01-01", "-24h", "last month", "start of today", "2026-11-24T18:00:00 01:00")
	l.To = pick("", "", "2026", "−7d", "Yesterday", "end of this-week")
	l.Zone = pick("", "", "Europe/Berlin", "Etc/GMT+5", "america/new york")
	return l
}

// bare is a line without columns.
func bare(l Line) Line {
	l.Texts = withoutColumns(l.Texts)
	terms := append([]Term(nil), l.Terms...)
	for i := range terms {
		terms[i].Column = 0
	}
	l.Terms = terms
	l.TimeColumn = 0
	return l
}

func TestLineIsTheSameInAllItsForms(t *testing.T) {
	t.Parallel()
	r := random(t)
	for range 20_000 {
		want := r.line()
		written, err := Parse(want.String(), testFields)
		if written = bare(written); err != nil || !reflect.DeepEqual(written, want) {
			t.Fatalf("%q:\ngot  %+v %v\nwant %+v", want, shown(written), err, shown(want))
		}
		address, err := url.ParseQuery(want.Values().Encode())
		if err != nil {
			t.Fatal(err)
		}
		asked, err := FromValues(address, testFields)
		if asked = bare(asked); err != nil || !reflect.DeepEqual(asked, want) {
			t.Fatalf("%v:\ngot  %+v %v\nwant %+v", want.Values(), shown(asked), err, shown(want))
		}
	}
}

func TestValuesAreTheParameters(t *testing.T) {
	t.Parallel()
	l, err := Parse(`actor:alice -actor:bob actor:"!x" details.a.b:"c d" -xero "late fee" after:-7d before:today tz:UTC`, testFields)
	want := url.Values{
		"q": {`-xero "late fee"`}, "actor": {"alice", "!bob", `\!x`}, "details.a.b": {"c d"},
		"from": {"-7d"}, "to": {"start of today"}, "tz": {"UTC"},
	}
	if got := l.Values(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v %v, want %v", got, err, want)
	}
}

func TestFromValuesTakesWhatItKnows(t *testing.T) {
	t.Parallel()
	f := func(query, want string) {
		t.Helper()
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if l, err := FromValues(values, testFields); err != nil || l.String() != want {
			t.Errorf("%s:\ngot  %s %v\nwant %s", query, l, err, want)
		}
	}
	f("", "")
	f("limit=5&cursor=x&Actor=x&user=y&details.=z&Details.x=z&q=&q=a&actor=&from=", "a")
	f("q=actor:alice+%22late+fee&actor=!bob&actor=%5C!x&actor=%5Cx&details.a+b=1", `"actor:alice" "late fee" -actor:bob actor:"!x" actor:"\\x" details.a\ b:1`)

	f("details.x=&details.y=!&details.y=a", `details.x:"" -details.y:"" details.y:a`)
	f("q=a+OR+(b)+NOT+)+%22AND%22+OR:", `a "OR" "(b)" "NOT" ")" "AND" "OR:"`)

	refused := func(query, want string) {
		t.Helper()
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = FromValues(values, testFields)
		if e := problemOf(t, err); !strings.HasPrefix(e.Error(), want) || e.Suggestion == "" {
			t.Errorf("%s:\ngot  %v\nwant %s", query, err, want)
		}
	}
	refused("from=2026&from=2027", "from is given 2 times, give it once")
	refused("to=x", `to: "x" is not a time`)
	refused("tz=x", `tz: "x" is not a time zone`)
	refused("actor=!", "actor has no value")
	refused("actor=%FF", "actor is not valid UTF-8")
	refused("details.%FF=a", "details.\uFFFD is not valid UTF-8")
	refused("q=a%FF", "column 2: this is not valid UTF-8")
}

func TestValueIsTheSameWhenItIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	f := func(value string, not bool, want string) {
		t.Helper()
		escaped := EscapeValue(value, not)
		gotValue, gotNot := UnescapeValue(escaped)
		if gotValue != value || gotNot != not || want != "" && escaped != want {
			t.Errorf("%q %v: got %q, which is %q %v", value, not, escaped, gotValue, gotNot)
		}
	}
	f("a", false, "a")
	f("a", true, "!a")
	f("!a", false, `\!a`)
	f("!a", true, `!\!a`)
	f(`\a`, false, `\\a`)
	f(`a!\`, true, `!a!\`)
	r := random(t)
	for range 10_000 {
		f(r.text(), r.IntN(2) == 0, "")
	}
	if value, not := UnescapeValue(`\a`); value != `\a` || not {
		t.Errorf("got %q %v", value, not)
	}
}
