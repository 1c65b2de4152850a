package query

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// burglary inserts forty events of a quiet week and ten of a bad hour in it, some of
// each twice.
func burglary(t *testing.T, events *store.Store) {
	t.Helper()
	var all []store.Action
	for i := range 50 {
		all = append(all, event(i, func(a *store.Action) {
			a.Time = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(i) * 3 * time.Hour)
			a.Actor = action.Actor{ID: fmt.Sprintf("u-%d", i%4), Name: "Ann", Type: "user"}
			a.Action, a.Subject = "record.viewed", action.Record{Type: "invoice", ID: fmt.Sprint(i)}
			a.IP = netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 5)})
			if i >= 40 {
				a.Time = time.Date(2026, 11, 22, 3, i-39, 0, 0, time.UTC)
				a.Action, a.Outcome = "data.exported", "denied"
				a.Subject = action.Record{Type: "list", ID: "all", Name: fmt.Sprintf("List %d", i)}
				if i >= 42 {
					a.Actor = action.Actor{ID: "u-9", Name: "Mallory", Type: "user"}
					a.IP = netip.MustParseAddr("2001:db8::bad")
				}
			}
		}))
	}
	insert(t, events, all...)
	insert(t, events, all[30:45]...)
}

func TestCompareShowsWhatStandsOut(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	burglary(t, events)
	f := func(query, want string) {
		t.Helper()
		w := get(t, s, "/v1/compare?"+query)
		if got := unmeasured(w); w.Code != 200 || got != want+","+wholeMeasures+"}\n" {
			t.Errorf("%s: %d %s, want %s", query, w.Code, got, want)
		}
	}
	const mallory = `{"field":"actor","values":[{"value":"u-9","name":"Mallory","count":8,"share":0.8,"rest_count":0,"rest_share":0,"score":33.96}],"distinct":1}`
	const whole = `{"count":10,"rest_count":40,"fields":[` + mallory + `]`
	// An hour against all else, and what was denied against all else of its time.
	f("field=actor&from=2026-11-22T03:01&to=2026-11-22T03:30", whole)
	f("field=actor&outcome=denied", whole)
	f("field=actor&outcome=denied&from=2026-11-20&to=2026-11-30", whole)
	// The view is what the selection is compared with, whether it holds it or not, and
	// days are those of the same zone.
	f("field=actor&search=outcome:denied&against="+url.QueryEscape("from:2026-11-20 to:2026-11-30"), whole)
	f("field=actor&outcome=denied&against=action:record.viewed", whole)
	f("field=outcome&outcome=denied&limit=1&tz=Asia/Kolkata&against=from:2026-11-22+to:2026-11-23",
		`{"count":10,"rest_count":8,"fields":[{"field":"outcome","values":[{"value":"denied","count":10,"share":1,"rest_count":0,"rest_share":0,"score":24.73}],"distinct":1}]`)
	f("field=subject&field=ip&outcome=denied", `{"count":10,"rest_count":40,"fields":[`+
		`{"field":"subject","values":[{"value":"all","type":"list","name":"List 49","count":10,"share":1,"rest_count":0,"rest_share":0,"score":50.04}],"distinct":1},`+
		`{"field":"ip","values":[{"value":"2001:db8::bad","count":8,"share":0.8,"rest_count":0,"rest_share":0,"score":33.96}],"distinct":1}]`)
	// Nothing is compared with nothing.
	f("field=action&against=actor:nobody", `{"count":50,"rest_count":0,"fields":[{"field":"action","values":[],"distinct":0}]`)
	f("field=action", `{"count":50,"rest_count":0,"fields":[{"field":"action","values":[],"distinct":0}]`)
	f("field=action&actor=nobody", `{"count":0,"rest_count":50,"fields":[{"field":"action","values":[],"distinct":0}]`)
	f("field=action&tenant=other&outcome=denied&against=outcome:denied", `{"count":0,"rest_count":0,"fields":[{"field":"action","values":[],"distinct":0}]`)

	// What stands out is a click away from what it is.
	type answer struct {
		Count, Partial any
		Fields         []struct {
			Field  string
			Values []struct {
				Value string
				Count int
			}
		}
	}
	for _, field := range ask[answer](t, s, "/v1/compare", url.Values{"outcome": {"denied"}}).Fields {
		name := strings.ReplaceAll(field.Field, "subject", "subject_id")
		for _, v := range field.Values {
			n := ask[countAnswer](t, s, "/v1/count", url.Values{"outcome": {"denied"}, name: {v.Value}})
			if n.Count != uint64(v.Count) {
				t.Errorf("%s %s: %d in the comparison, %d as a filter", name, v.Value, v.Count, n.Count)
			}
		}
	}
}

func TestCompareRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	s, _ := testServer(t)
	f := func(query, parameter string, words ...string) {
		t.Helper()
		w := get(t, s, "/v1/compare?"+query)
		p := decode[Problem](t, w)
		if w.Code != http.StatusBadRequest || p.Parameter != parameter || slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(p.Detail, word) }) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	f("field=actors", "field", `Did you mean "actor"?`, "session_id")
	f("limit=0", "limit")
	f("against=ip:x", "against", "against", "no IP address")
	f("against=from:2026-02+to:2026-01", "against", "not before")
	f("against=%22"+strings.Repeat("x", maxLine), "against", "16384")
	f("search=ip:x", "search")
}

func TestCompareSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	burglary(t, events)
	s.cfg.QueryTimeout = 1 // the time is up before anything was read
	f := func(query, want string) {
		t.Helper()
		w := get(t, s, "/v1/compare?field=ip&"+query)
		if got := unmeasured(w); !strings.HasPrefix(got, `{"count":0,"rest_count":0,"fields":[{"field":"ip","values":[],"distinct":0}],`+want+`,"partial":true`) {
			t.Errorf("%s: %d %s", query, w.Code, got)
		}
	}
	f("to=2026-12-01&against=to:2026-12-01", `"searched_to":"2026-12-01T00:00:00.000Z"`)
	f("from=2026-11-22&to=2026-11-23", `"searched_from":"2026-11-23T00:00:00.000Z","searched_to":"2026-11-23T00:00:00.000Z"`)
}
