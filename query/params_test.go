package query

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// problemOf returns the problem that an error is, an empty one for none.
func problemOf(t testing.TB, err error) *Problem {
	t.Helper()
	var p *Problem
	if err != nil && !errors.As(err, &p) {
		t.Fatalf("%v is no problem", err)
	}
	if p == nil {
		p = &Problem{}
	}
	return p
}

func parseAll(query string) (store.Filter, int, error) {
	p, err := parseParams(query, slices.Concat(filterParameters, pageParameters))
	if err != nil {
		return store.Filter{}, 0, err
	}
	f, err := p.filter()
	if err != nil {
		return f, 0, err
	}
	limit, err := p.limit()
	return f, limit, err
}

func TestParamsAreUnderstood(t *testing.T) {
	t.Parallel()
	f := func(query string, want store.Filter, wantLimit int) {
		t.Helper()
		if want.Tenant == "" {
			want.Tenant = "default"
		}
		got, limit, err := parseAll(query)
		if err != nil || !reflect.DeepEqual(got, want) || limit != wantLimit {
			t.Errorf("%s:\ngot  %+v %d %v\nwant %+v %d", query, got, limit, err, want, wantLimit)
		}
	}
	at := func(text string) time.Time {
		t.Helper()
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.UTC()
	}
	f("", store.Filter{}, 50)
	f("q=&from=&to=&actor=&action=&limit=&cursor=&tenant=", store.Filter{}, 50)
	f("q=&q=x", store.Filter{Text: "x"}, 50)
	f("tenant=git&q=a%20b+c%2B&limit=1", store.Filter{Tenant: "git", Text: "a b c+"}, 1)
	f("actor=a&action=x.y&actor=&actor=b&limit=1000", store.Filter{Actors: []string{"a", "b"}, Actions: []string{"x.y"}}, 1000)
	f("q=%00%27%25", store.Filter{Text: "\x00'%"}, 50)
	f("from=2026-11-24&to=2026-11-25", store.Filter{From: at("2026-11-24T00:00:00Z"), To: at("2026-11-25T00:00:00Z")}, 50)
	f("from=2026-11-24T18:00&to=2026-11-24T18:00:05", store.Filter{From: at("2026-11-24T18:00:00Z"), To: at("2026-11-24T18:00:05Z")}, 50)
	f("from=2026-11-24T18:00:00.123", store.Filter{From: at("2026-11-24T18:00:00.123Z")}, 50)
	f("from=2026-11-24T18:00:00%2B01:00", store.Filter{From: at("2026-11-24T17:00:00Z")}, 50)
	f("from=2026-11-24T18:00:00-05:30", store.Filter{From: at("2026-11-24T23:30:00Z")}, 50)
	f("from=2026-11-24t18:00:00.5z", store.Filter{From: at("2026-11-24T18:00:00.5Z")}, 50)
	// A + that arrived as a space.
	f("from=2026-11-24T18:00:00+01:00", store.Filter{From: at("2026-11-24T17:00:00Z")}, 50)
	f("from=2026-11-24T18:00:00.25+01:00", store.Filter{From: at("2026-11-24T17:00:00.25Z")}, 50)
	// All there is.
	f("from=0001-01-01T00:00:00Z&to=9999-12-31", store.Filter{From: minTime, To: maxTime}, 50)
}

func TestParamsAreRefusedByName(t *testing.T) {
	t.Parallel()
	f := func(query, parameter, want string) {
		t.Helper()
		_, _, err := parseAll(query)
		p := problemOf(t, err)
		if p.Status != 400 || p.Parameter != parameter || !strings.Contains(p.Detail, want) {
			t.Errorf("%s: got %d, %q, %q; want %q, %q", query, p.Status, p.Parameter, p.Detail, parameter, want)
		}
	}
	f("limits=5", "limits", `Did you mean "limit"?`)
	f("acto=5", "acto", `Did you mean "actor"?`)
	f("user=5", "user", `Did you mean "actor"?`)
	f("Q=5", "Q", `Did you mean "q"?`)
	f("zzzzzz=", "zzzzzz", "takes: tenant, q, from")
	f("=x", "", "no parameter")
	f("q=a&q=b", "q", "2 times")
	f("limit=5&limit=5", "limit", "2 times")
	f(strings.Repeat("actor=a&", 101), "actor", "100 times at most")
	for _, limit := range []string{"0", "-1", "1001", "x", "1.0", "0x10", "99999999999999999999", "%201"} {
		f("limit="+limit, "limit", "from 1 to 1000")
	}
	f("q=%FF", "q", "UTF-8")
	f("actor=a&actor=%C3%28", "actor", "UTF-8")
	f("%FF=a", "\xFF", "no parameter")
	f("q=%zz", "", "cannot be read")
	f("q=a;b", "", "%3B")
	f("q="+strings.Repeat("x", 8193), "q", "8193 characters")
	f("actor="+strings.Repeat("x", 257), "actor", "256 at most")
	f("action="+strings.Repeat("x", 129), "action", "128 at most")
	f("tenant="+strings.Repeat("x", 129), "tenant", "128 at most")
	f("from=2026-11-25&to=2026-11-24", "from", "is not before to")
	f("from=2026-11-24&to=2026-11-24", "from", "is not before to")
	f("from=2026-11-24T01:00:00%2B01:00&to=2026-11-24", "from", "is not before to")
	for _, value := range []string{
		"yesterday", "24.11.2026", "2026-11", "2026-13-01", "2026-02-30", "2026-11-24T25:00", "2026-11-24T18", "2026-11-24+18:00",
		"2026-11-24T1:00:00Z", "2026-11-24T18:00Z", "2026-11-24T18:00:00%2B0100", "2026-11-24T18:00:00%2B25:00", "2026-11-24T18:00:00Z%20",
		"1795521600", "2026-11-24T18:00:00,5Z", "-2026-11-24", "02026-11-24", "2026-11-24T18:00:00++01:00",
	} {
		f("to="+value, "to", "RFC 3339")
	}
}

func TestProblemsDoNotRepeatEndlessInput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 50_000)
	for _, query := range []string{long + "=1", "limit=" + long, "from=" + long, "q=" + long, "q=%FF" + long} {
		_, _, err := parseAll(query)
		if p := problemOf(t, err); p.Status != 400 || len(p.Detail)+len(p.Parameter) > 1000 {
			t.Errorf("%.10s: %d, %d characters", query, p.Status, len(p.Detail)+len(p.Parameter))
		}
	}
}

func TestShortCutsBetweenCharacters(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		if got := short(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	x := strings.Repeat("x", 62)
	f(x+"yy", x+"yy")
	f(x+"yyy", x+"yy…")
	f(x+"𝄞", x+"…")
	f(x+"yü", x+"y…")
	f(x+"üz", x+"ü…")
	f(strings.Repeat("\x80", 100), strings.Repeat("\x80", 60)+"…") // no text at all
}

func FuzzParams(f *testing.F) {
	f.Add("q=x&from=2026-11-24&to=2026-11-25T01:00:00+01:00&actor=a&actor=b&limit=3&cursor=EQ")
	f.Fuzz(func(t *testing.T, query string) {
		filter, limit, err := parseAll(query)
		if err != nil {
			if p := problemOf(t, err); p.Status != 400 || p.Detail == "" {
				t.Errorf("%q: %+v", query, p)
			}
			return
		}
		if filter.Tenant == "" || limit < 1 || limit > maxLimit {
			t.Errorf("%q: %+v, limit %d", query, filter, limit)
		}
	})
}
