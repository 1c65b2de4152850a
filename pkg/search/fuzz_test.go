package search

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzParse: whatever a person writes, the answer is a line that is the same in all
// its forms, or an error that points into what was written.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		"", `actor:alice action:invoice.* -xero "late fee" after:2026-01-01 ip:10.0.0.0/8 outcome:denied`,
		`-actor:(alice "b c" !d,e) !actor:x actor:!"e f" actor:\!x`, `details.a\:b\ c:"5\" \\" details.größe=1`,
		`12:30 https://x.y C:\temp note\:x actr:x "never closed`, "after:last month before:today tz:europe/berlin", `"C:\temp\"`, "actor: user:", `“late fee” „a“ „b” ”c” -«d e» »f« actor:“g h” details.x:«» “never`, `a OR b AND NOT (c) d) "OR"`, `details.x:"" -details.y:"" details.z:`, "日本 actor:\u3000x",
		`user=a actr=x utm=x details.a>5 details.a>=5 details.a>b:5 actor!=x actor:"<x" q=x a<b`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, written string) {
		l, err := Parse(written, testFields)
		if err != nil {
			e := problemOf(t, err)
			if most := utf8.RuneCountInString(written) + 1; e.Column < 1 || e.Column > most || e.Problem == "" || e.Suggestion == "" || !utf8.ValidString(e.Error()) {
				t.Fatalf("%q: column %d of %d: %v", written, e.Column, most, e)
			}
			return
		}
		want := bare(l)
		again, err := Parse(l.String(), testFields)
		if again = bare(again); err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("%q as %q:\ngot  %+v %v\nwant %+v", written, l, shown(again), err, shown(want))
		}
		asked, err := FromValues(l.Values(), testFields)
		if asked = bare(asked); err != nil || !reflect.DeepEqual(asked, want) {
			t.Fatalf("%q as %v:\ngot  %+v %v\nwant %+v", written, l.Values(), shown(asked), err, shown(want))
		}
		for _, term := range l.Terms {
			if term.Value == "" && !strings.HasPrefix(term.Field, "details.") || term.Column < 1 {
				t.Fatalf("%q has the term %+v", written, term)
			}
		}
	})
}

// FuzzParseText: all text is a question, and is the same when it is written again.
func FuzzParseText(f *testing.F) {
	for _, q := range []string{"", `late -xero "late fee" -"a b"`, `"5\" rack" "C:\\x`, `-- - -"" " "`, `"a\"`, "日本\u3000😀\x00", "\xff", `“late fee” -„a“ «b » »c« ” “`, "“", `OR (a) AND`} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		texts, err := ParseText(q)
		if (err == nil) != utf8.ValidString(q) {
			t.Fatalf("%q: %v", q, err)
		}
		again, err := ParseText(FormatText(texts))
		if err != nil || !reflect.DeepEqual(withoutColumns(again), withoutColumns(texts)) {
			t.Fatalf("%q as %q:\ngot  %+v %v\nwant %+v", q, FormatText(texts), again, err, texts)
		}
		last := 0
		for _, text := range texts {
			if text.Needle == "" || text.Column <= last || text.Column > utf8.RuneCountInString(q) {
				t.Fatalf("%q has %+v", q, text)
			}
			last = text.Column
		}
	})
}

// FuzzParseTime: a time lies between the bounds, and from is not after to.
func FuzzParseTime(f *testing.F) {
	for _, text := range []string{
		"2026", "2026-03", "2026-03-29", "2026-03-29T02:30", "2026-03-29T02:30:00.5", "2026-11-24T18:00:00 01:00", "2026-11-24t18:00:00z", "-24h", "−7d", "-3 months",
		"-999999999999y", "now", "last month", "this-week", "end of last_quarter", "7d", "2026-13-01", "\xff",
	} {
		f.Add(text, int64(1795521600), uint8(len(text)))
	}
	names := strings.Fields(zoneNames)
	f.Fuzz(func(t *testing.T, text string, unix int64, n uint8) {
		const year2262 = 9_214_646_400
		now := time.Unix(unix%year2262, 0)
		loc := zone(t, names[int(n)*len(names)/256])
		from, err := ParseTime(text, From, now, loc)
		to, errTo := ParseTime(text, To, now, loc)
		if err != nil || errTo != nil {
			if e := problemOf(t, err); errTo == nil || err == nil || e.Suggestion == "" || !utf8.ValidString(e.Error()) {
				t.Fatalf("%q: %v, but %v", text, err, errTo)
			}
			return
		}
		if from.Before(minTime) || to.After(maxTime) || to.Before(from) || from.Location() != time.UTC || !from.Equal(to) && !isPeriod(text) {
			t.Fatalf("%q in %v: from %v to %v", text, loc, from, to)
		}
	})
}

// FuzzSpans: spans are whole characters, in order, and each holds what is looked for.
func FuzzSpans(f *testing.F) {
	for _, seed := range [][2]string{{"Straße", "SS"}, {"İstanbul", "i"}, {"ﬃﬃ", "fif"}, {"日本", "本"}, {"aaaa", "aa"}, {"\xff\xc3", "\xff"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, needle string) {
		spans := Spans(text, needle)
		if needle != "" && (len(spans) > 0) != Match(text, Text{Needle: needle}) {
			t.Fatalf("%q in %q: %v", needle, text, spans)
		}
		last := 0
		for _, span := range spans {
			found := text[span[0]:span[1]]
			if span[0] < last || span[1] <= span[0] || !Match(found, Text{Needle: needle}) || utf8.ValidString(text) && !utf8.ValidString(found) {
				t.Fatalf("%q in %q: %v", needle, text, spans)
			}
			last = span[1]
		}
	})
}
