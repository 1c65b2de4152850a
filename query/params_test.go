package query

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
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

// askedAt is when the questions of these tests are asked, on a Tuesday.
var askedAt = time.Date(2026, 11, 24, 14, 15, 0, 500, time.UTC)

func parseAll(t testing.TB, query string) (question, int, error) {
	t.Helper()
	catalogue, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	p, err := parseParams(query, slices.Concat(filterParameters, pageParameters))
	if err != nil {
		return question{}, 0, err
	}
	q, err := p.filter(askedAt, catalogue)
	if err != nil {
		return q, 0, err
	}
	q.Catalogue = nil
	limit, err := p.limit()
	return q, limit, err
}

// anyOf is the condition that a field has one of some values.
func anyOf(name string, values ...string) store.Condition {
	return store.Condition{Field: name, Values: values}
}

// noneOf is the condition that a field has none of some values.
func noneOf(name string, values ...string) store.Condition {
	return store.Condition{Field: name, Values: values, Not: true}
}

func TestParamsAreUnderstood(t *testing.T) {
	t.Parallel()
	f := func(query string, want store.Filter, wantLimit int) {
		t.Helper()
		if want.Tenant == "" {
			want.Tenant = "default"
		}
		got, limit, err := parseAll(t, query)
		for i := range got.Text {
			got.Text[i].Column = 0
		}
		if err != nil || !reflect.DeepEqual(got.Filter, want) || limit != wantLimit {
			t.Errorf("%s:\ngot  %+v %d %v\nwant %+v %d", query, got.Filter, limit, err, want, wantLimit)
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
	f("q=&from=&to=&tz=&search=&actor=&action=&limit=&cursor=&tenant=&details.=", store.Filter{}, 50)
	f("q=&q=x", store.Filter{Text: []search.Text{{Needle: "x"}}}, 50)
	f("tenant=git&q=a%20-b+%22c%2B+d%22&limit=1", store.Filter{Tenant: "git", Text: []search.Text{{Needle: "a"}, {Needle: "b", Not: true}, {Needle: "c+ d"}}}, 1)
	f("q=%00%27%25", store.Filter{Text: []search.Text{{Needle: "\x00'%"}}}, 50)

	f("actor=a&action=x.y&actor=&actor=b&limit=1000", store.Filter{Conditions: []store.Condition{anyOf("action", "x.y"), anyOf("actor", "a", "b")}}, 1000)
	f("actor=!a&actor=b&actor=!c", store.Filter{Conditions: []store.Condition{noneOf("actor", "a", "c"), anyOf("actor", "b")}}, 50)
	f(`actor=\!a&actor=!\!b&actor=\\c&actor=d!`, store.Filter{Conditions: []store.Condition{anyOf("actor", "!a", `\c`, "d!"), noneOf("actor", "!b")}}, 50)
	f("action=invoice.*&ip=10.0.0.0/8&ip=2001:db8::/32&category=!delete&outcome=denied", store.Filter{Conditions: []store.Condition{
		anyOf("action", "invoice.*"), noneOf("category", "delete"), anyOf("ip", "10.0.0.0/8", "2001:db8::/32"), anyOf("outcome", "denied"),
	}}, 50)
	f("details.a.b=5&details.c+d=x&details.a.b=!6", store.Filter{Conditions: []store.Condition{
		anyOf("details.a.b", "5"), noneOf("details.a.b", "6"), anyOf("details.c d", "x"),
	}}, 50)

	f("details.a=&details.b=!&details.b=5", store.Filter{Conditions: []store.Condition{anyOf("details.a", ""), noneOf("details.b", ""), anyOf("details.b", "5")}}, 50)
	f(`search=details.a:%22%22+-details.b:%22%22`, store.Filter{Conditions: []store.Condition{anyOf("details.a", ""), noneOf("details.b", "")}}, 50)

	f("from=2026-11-24&to=2026-11-25", store.Filter{From: at("2026-11-24T00:00:00Z"), To: at("2026-11-25T00:00:00Z")}, 50)
	f("from=2026-11-24T18:00&to=2026-11-24T18:00:05", store.Filter{From: at("2026-11-24T18:00:00Z"), To: at("2026-11-24T18:00:05Z")}, 50)
	f("from=2026-11-24T18:00:00.123", store.Filter{From: at("2026-11-24T18:00:00.123Z")}, 50)
	f("from=2026-11-24T18:00:00%2B01:00", store.Filter{From: at("2026-11-24T17:00:00Z")}, 50)
	f("from=2026-11-24T18:00:00-05:30", store.Filter{From: at("2026-11-24T23:30:00Z")}, 50)
	f("from=2026-11-24t18:00:00.5z", store.Filter{From: at("2026-11-24T18:00:00.5Z")}, 50)
	// A + that arrived as a space.
	f("from=2026-11-24T18:00:00+01:00", store.Filter{From: at("2026-11-24T17:00:00Z")}, 50)
	// All there is.
	f("from=0001-01-01T00:00:00Z&to=9999-12-31", store.Filter{From: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC)}, 50)
	// Relative, and in a zone.
	f("from=-24h", store.Filter{From: at("2026-11-23T14:15:00.0000005Z")}, 50)
	f("from=today&to=today", store.Filter{From: at("2026-11-24T00:00:00Z"), To: at("2026-11-25T00:00:00Z")}, 50)
	f("from=last+month&to=last-month&tz=Europe/Berlin", store.Filter{From: at("2026-09-30T22:00:00Z"), To: at("2026-10-31T23:00:00Z")}, 50)
	f("from=2026-07-01&tz=america/new+york", store.Filter{From: at("2026-07-01T04:00:00Z")}, 50)

	// The search line, and both.
	f("search=actor:alice+action:invoice.*+-xero+%22late+fee%22+after:2026-01-01+ip:10.0.0.0/8+outcome:denied", store.Filter{
		From: at("2026-01-01T00:00:00Z"), Text: []search.Text{{Needle: "xero", Not: true}, {Needle: "late fee"}},
		Conditions: []store.Condition{anyOf("actor", "alice"), anyOf("action", "invoice.*"), anyOf("outcome", "denied"), anyOf("ip", "10.0.0.0/8")},
	}, 50)
	f("search=actor:(a+b)+-actor:c+x+to:today+tz:Asia/Tokyo&q=y&actor=d&from=yesterday", store.Filter{
		From: at("2026-11-22T15:00:00Z"), To: at("2026-11-24T15:00:00Z"), Text: []search.Text{{Needle: "y"}, {Needle: "x"}},
		Conditions: []store.Condition{anyOf("actor", "d"), anyOf("actor", "a", "b"), noneOf("actor", "c")},
	}, 50)
	// Curly quotes are quotes in both; what does not combine terms is text in q alone.
	f("q=“a+b”+OR+(c)&search=“d+e”", store.Filter{Text: []search.Text{{Needle: "a b"}, {Needle: "OR"}, {Needle: "(c)"}, {Needle: "d e"}}}, 50)
	f("search=x+tz:UTC&tz=UTC", store.Filter{Text: []search.Text{{Needle: "x"}}}, 50)
}

func TestParamsAreRefusedByName(t *testing.T) {
	t.Parallel()
	f := func(query, parameter string, wants ...string) {
		t.Helper()
		_, _, err := parseAll(t, query)
		p := problemOf(t, err)
		for _, want := range wants {
			if p.Status != 400 || p.Parameter != parameter || !strings.Contains(p.Detail, want) {
				t.Errorf("%s: got %d, %q, %q; want %q, %q", query, p.Status, p.Parameter, p.Detail, parameter, want)
			}
		}
	}
	f("limits=5", "limits", `Did you mean "limit"?`)
	f("acto=5", "acto", `Did you mean "actor"?`)
	f("user=5", "user", `Did you mean "actor"?`)
	f("Q=5", "Q", `Did you mean "q"?`)
	f("zzzzzz=", "zzzzzz", "takes: tenant, q, search, from")
	f("=x", "", "no parameter")
	f("q=a&q=b", "q", "2 times")
	f("search=a&search=b", "search", "2 times")
	f("limit=5&limit=5", "limit", "2 times")
	f(strings.Repeat("actor=a&", 101), "actor", "100 times at most")
	for _, limit := range []string{"0", "-1", "1001", "x", "1.0", "0x10", "99999999999999999999", "%201"} {
		f("limit="+limit, "limit", "from 1 to 1000")
	}
	f("q=%FF", "q", "UTF-8")
	f("actor=a&actor=%C3%28", "actor", "UTF-8")
	f("%FF=a", "\uFFFD", "no parameter")
	f("subject=a", "subject", "give its type and its id, as in invoice/INV-1")
	f("per_page=5", "per_page", `Did you mean "limit"?`)
	f("q=%zz", "", "cannot be read")
	f("q=a;b", "", "%3B")
	f("q="+strings.Repeat("x", 8193), "q", "8193 characters", "Give it 8192 at most: look for fewer words")
	f("q="+strings.Repeat("x+", 101), "q", "101 words", "100 at most")
	f("search="+strings.Repeat("x", 16385), "search", "16385 characters", "Give it 16384 at most: ask for less")
	f("tenant="+strings.Repeat("x", 129), "tenant", "128 at most", "no action holds a longer one")

	// Fields.
	f("actor="+strings.Repeat("x", 257), "actor", "256 at most")
	f("actor=!", "actor", "empty after the !")
	f("action="+strings.Repeat("x", 131), "action", "at most")
	f("action=*.posted", "action", "as in invoice.*")
	f("action=invoice.", "action", `action is "invoice.": no action has such a type: did you mean invoice.*?`)
	f("action=!Invoice.posted", "action", "did you mean invoice.posted?")
	f("search=x+action:invoice.", "search", `search, column 10: action is "invoice.": no action has such a type: did you mean invoice.*?`)
	f("search=outcome%3Ddeny", "search", `search, column 9: outcome is "deny": there is no such value: did you mean denied?`)
	f("category=destroy", "category", "one of view, ")
	f("outcome=sucess", "outcome", "did you mean success?")
	f("ip=10.0.0.0/33", "ip", "from 0 to 32")
	f("ip=10.0.0", "ip", "no IP address", "10.0.0.0/8")
	f("ip=!x", "ip", "no IP address")
	f("details.=1", "details.", "is missing")
	f("details."+strings.Repeat("x", 1025)+"=1", "details."+strings.Repeat("x", 56)+"…", "too long")
	f(strings.Repeat("details.a=1&", 60)+strings.Repeat("details.b=1&", 60), "details.b", "more than 100 values")

	// Times.
	f("from=2026-11-25&to=2026-11-24", "from", "is not before to")
	f("from=2026-11-24&to=2026-11-24", "from", "is not before to")
	f("from=2026-11-24T01:00:00%2B01:00&to=2026-11-24", "from", "is not before to")
	f("from=2011-12-30&to=2011-12-31&tz=pacific/apia", "from", "from (2011-12-30) and to (2011-12-31) are the same moment, since clocks in Pacific/Apia skip what lies between them: it does not exist there.")
	f("from=2026-03-29T02:10&to=2026-03-29T02:50&tz=Europe/Berlin", "from", "clocks in Europe/Berlin skip")
	f("from=2026-03-29T02:50&to=2026-03-29T02:10&tz=Europe/Berlin", "from", "is not before to")
	f("from=2026-11-24T05:00Z&to=2026-11-24T06:00&tz=Europe/Berlin", "from", "is not before to")
	f("search=from:2011-12-30+to:2011-12-31+tz:Pacific/Apia", "search", "search, column 20: from (2011-12-30) and to (2011-12-31) are the same moment")
	f("from=-1h&to=-2h", "from", "from (-1h) is not before to (-2h)")
	f("tz=Europe/Berlim", "tz", "did you mean Europe/Berlin?")
	f("from=yesterdy", "from", "did you mean yesterday?")
	for _, value := range []string{
		"24.11.2026", "2026-13-01", "2026-02-30", "2026-11-24T25:00", "2026-11-24T18", "2026-11-24+18:00",
		"2026-11-24T1:00:00Z", "2026-11-24T18Z", "2026-11-24T18:00:00%2B0100", "2026-11-24T18:00:00%2B25:00", "2026-11-24T18:00:00Z%20",
		"1795521600", "2026-11-24T18:00:00,5Z", "-2026-11-24", "02026-11-24", "2026-11-24T18:00:00++01:00",
	} {
		f("to="+value, "to", "is not a time", "RFC 3339")
	}

	// The search line.
	f("search=x+actr:alice", "search", "search, column 3: unknown field actr, did you mean actor?")
	f("q=a&search=actor:", "search", "search, column 7: actor has no value")
	f("search=a+OR+b", "search", "search, column 3: OR does not combine terms")
	f("search=(a+b)", "search", "search, column 1: brackets do not group terms")
	f("search=details.a:", "search", `column 11: details.a has no value, write details.a:"" for an empty text`)
	f("search=%22x", "search", "column 1: this quote is never closed")
	f("search=actor:", "search", "column 7: actor has no value")
	f("search=outcome:denyed", "search", "column 9: ", "did you mean denied?")
	f("search=%E6%97%A5+ip:(10.0.0.1+x)", "search", `column 16: ip is "x"`)
	f("search=after:2026-13-01", "search", "column 7")
	f("search=tz:Mars", "search", "column 4")
	f("search=after:2026-01-02+before:2026-01-01", "search", "search, column 25: from (2026-01-02) is not before to (2026-01-01)")
	f("search=after:2026-01-02&to=2026-01-01", "search", "search, column 7: from (2026-01-02) is not before to (2026-01-01)")
	f("search=after:2026-01-01&from=2026-01-01", "from", "Give one of them")
	f("search=tz:UTC&tz=Asia/Tokyo", "tz", "Give one of them")
	f("search=q:x", "search", "column 1")
	f("search=tenant:x", "search", "column 1: unknown field tenant")
	f("search="+strings.Repeat("actor:a+", 101), "search", "search, column 807: actor has more than 100 values")
	f("q=x&search="+strings.Repeat("w+", 100), "search", "search, column 199: These are 101 words")
	f("q="+strings.Repeat("w+", 101), "q", "These are 101 words")
}

func sumOf(t *testing.T, query string) [16]byte {
	t.Helper()
	p, err := parseParams(query, listParameters)
	if err != nil {
		t.Fatal(err)
	}
	q, err := p.filter(received, nil)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	order, err := p.order()
	if err != nil {
		t.Fatal(err)
	}
	return q.sum(order)
}

func TestOtherQuestionsHaveOtherSums(t *testing.T) {
	t.Parallel()
	seen := map[[16]byte]string{}
	for _, query := range []string{
		"", "details.a=", "details.a=!", "details.a=1", "details.a=&actor=1", "details.a=&details.a=actor&details.a=1", "details.A=1", "details.a=!1",
		"actor=1", "actor=1&q=x", "actor=1&actor=q&actor=x", "actor=1&search=actor:x", "actor=x&search=actor:1", "order=oldest", "tenant=x", "subject_id=1&subject_type=2", "subject_id=2&subject_type=1",
		"q=x", "q=-x", "q=x+y", `q=%22x+y%22`, "from=2026", "to=2026", "from=2026&tz=Europe/Berlin", "from=-1h", "from=-2h", `actor=%22`, `actor=%22+%22`,
	} {
		sum := sumOf(t, query)
		if other, ok := seen[sum]; ok {
			t.Errorf("%s has the sum of %s", query, other)
		}
		seen[sum] = query
	}
}

func TestTheSameQuestionHasTheSameSum(t *testing.T) {
	t.Parallel()
	f := func(a, b string) {
		t.Helper()
		if sumOf(t, a) != sumOf(t, b) {
			t.Errorf("%s has another sum than %s", a, b)
		}
	}
	f("", "tz=UTC&limit=3&order=newest&tenant=default")
	f("details.a=&details.a=", "details.a=")
	f("actor=a&actor=b&outcome=denied", "outcome=denied&actor=b&actor=a&actor=b")
	f("actor=a&actor=!b", "actor=!b&actor=a")
	f("actor=a&actor=!b&q=x+y&from=2026-01-01", "search=-user:b+Y+x+x+user=a+after:2026")
	f("from=-24h", "from="+received.Add(-24*time.Hour).Format(time.RFC3339))
	f("q=Stra%C3%9Fe", "q=STRASSE")
}

func TestProblemsDoNotRepeatEndlessInput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 50_000)
	for _, query := range []string{long + "=1", "limit=" + long, "from=" + long, "q=" + long, "q=%FF" + long, "search=" + long + ":x", "search=details." + long + ":x", "ip=" + long, "tz=" + long, "details." + long + "=x"} {
		_, _, err := parseAll(t, query)
		if p := problemOf(t, err); p.Status != 400 || len(p.Detail)+len(p.Parameter) > 1000 {
			t.Errorf("%.10s: %d, %d characters", query, p.Status, len(p.Detail)+len(p.Parameter))
		}
	}
}

func TestAPathIsNotRepeatedInFull(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	for _, path := range []string{"/v1/actions/", "/v1/actors/"} {
		w := get(t, s, path+strings.Repeat("x", 5000)+"%FF")
		if p := decode[Problem](t, w); w.Code != 400 || p.Parameter != "id" || len(p.Detail) > 1000 {
			t.Errorf("%s: %d, %d characters", path, w.Code, len(p.Detail))
		}
	}
}

func FuzzParams(f *testing.F) {
	f.Add("search=actor:(a+!b)+x+after:today&details.a=1&ip=10.0.0.0/8&tz=Asia/Tokyo")
	f.Add("q=x&from=2026-11-24&to=2026-11-25T01:00:00+01:00&actor=a&actor=b&limit=3&cursor=EQ")
	f.Fuzz(func(t *testing.T, query string) {
		filter, limit, err := parseAll(t, query)
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

func TestWrongActionsAreToldApart(t *testing.T) {
	t.Parallel()
	f := func(value, fault, guess string) {
		t.Helper()
		if got := wrongValue(search.Term{Field: "action", Value: value}, errors.New("wrong")); got.Fault != fault || got.Guess != guess {
			t.Errorf("%s: %+v", value, got)
		}
	}
	f("Invoice.*", search.FaultValue, "invoice.*")
	f("invoice.", search.FaultValue, "invoice.*")
	f("inv*.posted", search.FaultStar, "")
	f("invoice*", search.FaultStar, "")
}
