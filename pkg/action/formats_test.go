package action

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	f := func(s, want string) {
		t.Helper()
		got, wrong := parseTime(s)
		if wrong != "" {
			t.Errorf("%q is refused: %s", s, wrong)
		} else if got.Format(time.RFC3339Nano) != want {
			t.Errorf("%q is %s, want %s", s, got.Format(time.RFC3339Nano), want)
		}
	}
	f("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z")
	f("2026-03-01t09:30:00z", "2026-03-01T09:30:00Z")
	f("2026-03-01T09:30:00.1Z", "2026-03-01T09:30:00.1Z")
	f("2026-03-01T09:30:00.0129999Z", "2026-03-01T09:30:00.012Z")
	f("2026-03-01T00:30:00+05:45", "2026-02-28T18:45:00Z")
	f("2024-02-28T23:30:00-01:00", "2024-02-29T00:30:00Z")
	f("2026-12-31T23:30:00-23:59", "2027-01-01T23:29:00Z")
	f("2016-12-31T23:59:60.9Z", "2016-12-31T23:59:59.999Z")
	f("2015-07-01T08:59:60+09:00", "2015-06-30T23:59:59.999Z")
	f("0000-01-01T00:00:00+23:59", "-0001-12-31T00:01:00Z")
	f("9999-12-31T23:59:59-23:59", "10000-01-01T23:58:59Z")
}

func TestParseTimeRefuses(t *testing.T) {
	t.Parallel()
	f := func(s string) {
		t.Helper()
		if got, wrong := parseTime(s); wrong == "" {
			t.Errorf("%q is %s", s, got)
		}
	}
	f("")
	f("2026-03-01")
	f("2026-03-01T09:30Z")
	f("2026-03-01T09:30:00")
	f("2026-03-01T09:30:00.Z")
	f("2026-03-01T09:30:00,5Z")
	f("2026-03-01T09:30:00.5")
	f("2026-03-01T09:30:00ZZ")
	f("2026-03-01T09:30:00 Z")
	f("2026-03-01T09:30:00+0100")
	f("2026-03-01T09:30:00+1:00")
	f("2026-03-01T09:30:00+24:00")
	f("2026-03-01T09:30:00+01:60")
	f("2026-03-01T09:30:00+-1:00")
	f("2026-03-01 09:30:00Z")
	f("2026/03/01T09:30:00Z")
	f("+026-03-01T09:30:00Z")
	f("2026-+3-01T09:30:00Z")
	f("2026-13-01T09:30:00Z")
	f("2026-00-01T09:30:00Z")
	f("2026-04-31T09:30:00Z")
	f("2026-04-00T09:30:00Z")
	f("2025-02-29T09:30:00Z")
	f("2100-02-29T09:30:00Z")
	f("2026-03-01T24:00:00Z")
	f("2026-03-01T09:60:00Z")
	f("2026-03-01T09:30:61Z")
	f("2026-03-01T09:30:60Z")
	f("2016-12-31T23:59:60+01:00")
	f("٢٠٢٦-03-01T09:30:00Z")
	f(strings.Repeat("9", 1000))
}

// FuzzParseTime holds the parser to the standard library's, which it is stricter
// than but for leap seconds, lower case and long fractions.
func FuzzParseTime(f *testing.F) {
	f.Add("2026-03-01T09:30:00.123456789+01:00")
	f.Add("2024-02-29T23:59:59Z")
	f.Fuzz(func(t *testing.T, s string) {
		got, wrong := parseTime(s)
		if wrong != "" || strings.Contains(s, ":60") {
			return
		}
		want, err := time.Parse(time.RFC3339, strings.ToUpper(s))
		if err != nil {
			t.Fatalf("%q is %s, for the library no time: %v", s, got, err)
		}
		if !got.Equal(want.Truncate(time.Millisecond)) || got.Location() != time.UTC {
			t.Fatalf("%q is %s, for the library %s", s, got, want)
		}
	})
}

func TestWrongAction(t *testing.T) {
	t.Parallel()
	f := func(s string, ok bool) {
		t.Helper()
		if wrong := wrongAction(s); (wrong == "") != ok {
			t.Errorf("%q: %q", s, wrong)
		}
	}
	f("a.b", true)
	f("opportunity.item.added", true)
	f("a-_9.-._.0", true)
	f("ab", false)
	f(".", false)
	f("a.", false)
	f(".a", false)
	f("a..b", false)
	f("A.b", false)
	f("a.b ", false)
	f("a.b\n", false)
	f("é.b", false)
	f("a/b.c", false)
}

// TestPrintableIsVisible: an id may have every character that this version of Go
// prints.
func TestPrintableIsVisible(t *testing.T) {
	t.Parallel()
	for r := range rune(0x20000) { // Beyond are ideographs and what no script uses.
		if unicode.IsPrint(r) && wrongID(string(r)) != "" {
			t.Errorf("%U is refused", r)
		}
		if hidden := unicode.IsControl(r) || unicode.IsSpace(r); hidden && r != ' ' && wrongID(string(r)) == "" {
			t.Errorf("%U is allowed", r)
		}
	}
	for _, r := range "\u00ad\u200b\u200d\u202e\u2066\ufeff\U000e0041\U000110bd" {
		if wrongID(string(r)) == "" {
			t.Errorf("%U is allowed", r)
		}
	}
}

func TestSuggestion(t *testing.T) {
	t.Parallel()
	f := func(got, want string) {
		t.Helper()
		if s := suggestion(got, eventFields.names()); s != want {
			t.Errorf("for %q the suggestion is %q, want %q", got, s, want)
		}
	}
	f("sessionId", "session_id")
	f("SESSION-ID", "session_id")
	f("sesion_id", "session_id")
	f("descripton", "description")
	f("ID", "id")
	f("Actor", "actor")
	f("acter", "actor")
	f("tennant", "tenant")
	f("ipx", "")
	f("is", "")
	f("metadata", "")
	f("", "")
	f(strings.Repeat("id", 1000), "")
}
