package query

import (
	"fmt"
	"maps"
	"math/rand/v2"
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

type countAnswer struct {
	Count      uint64  `json:"count"`
	Exact      bool    `json:"exact"`
	Partial    bool    `json:"partial"`
	SearchedTo *string `json:"searched_to"`
}

type histogramAnswer struct {
	Bucket   string     `json:"bucket"`
	TZ       string     `json:"tz"`
	From, To *time.Time `json:"-"`
	Total    uint64     `json:"total"`
	Buckets  []struct {
		From       time.Time         `json:"from"`
		To         time.Time         `json:"to"`
		Count      uint64            `json:"count"`
		Categories map[string]uint64 `json:"categories"`
	} `json:"buckets"`
	Partial bool `json:"partial"`
}

type facetsAnswer struct {
	Facets []struct {
		Field  string `json:"field"`
		Values []struct {
			Value string `json:"value"`
			Name  string `json:"name"`
			Count uint64 `json:"count"`
		} `json:"values"`
		Other    uint64 `json:"other"`
		Distinct uint64 `json:"distinct"`
	} `json:"facets"`
	Partial bool `json:"partial"`
}

func ask[T any](t testing.TB, s *Server, path string, query url.Values) T {
	t.Helper()
	w := get(t, s, path+"?"+query.Encode())
	if w.Code != http.StatusOK {
		t.Fatalf("%s?%s: %d %s", path, query.Encode(), w.Code, w.Body)
	}
	return decode[T](t, w)
}

// variety inserts events of a winter and a spring, each twice.
func variety(t testing.TB, events *store.Store, n int) []store.Action {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 5))
	var all []store.Action
	for i := range n {
		all = append(all, event(i, func(a *store.Action) {
			a.Time = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(80 * 24 * time.Hour)))).Truncate(time.Millisecond)
			if r.IntN(3) == 0 {
				a.Time = a.Time.Truncate(15 * time.Minute)
			}
			a.Actor.ID = fmt.Sprintf("u-%d", r.IntN(4))
			a.Actor.Name = []string{"", "Ann", "Bob"}[r.IntN(3)]
			a.Action = []string{"invoice.posted", "invoice.viewed", "data.erased", "never.heard"}[r.IntN(4)]
			a.Subject = action.Record{Type: []string{"invoice", "quote"}[r.IntN(2)], ID: fmt.Sprint(r.IntN(3))}
			if r.IntN(3) == 0 {
				a.Related = []action.Record{{Type: "quote", ID: fmt.Sprint(r.IntN(3))}}
			}
			a.Description = []string{"Late fee", "LED panel"}[r.IntN(2)]
			a.IP = netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(5))})
		}))
	}
	insert(t, events, all...)
	insert(t, events, all[:n/2]...)
	return all
}

func TestHistogramCountAndListNeverDisagree(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	variety(t, events, 800)
	r := rand.New(rand.NewPCG(6, 6))
	zones := []string{"UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"}
	one := func(values ...string) string { return values[r.IntN(len(values))] }
	for range 25 {
		query := url.Values{"tz": {one(zones...)}}
		may := func(name string, values ...string) {
			if r.IntN(4) == 0 {
				query.Set(name, one(values...))
			}
		}
		may("actor", "u-1", "!u-2", "nobody")
		may("action", "invoice.*", "data.erased")
		may("category", "view", "delete", "change")
		may("q", "fee", "-led", `"LED panel"`)
		may("subject_type", "invoice")
		may("ip", "10.0.0.0/31", "10.0.0.4")
		may("from", "2026-02-10", "2026-03-01T10:07:13.5Z", "2026-03-28T22:00", "2020")
		may("to", "2026-03-29", "2026-04-01T00:00:00.001Z", "2026-03-29T03:30", "2030")
		count := ask[countAnswer](t, s, "/v1/count", query)
		if !count.Exact || count.Partial || count.SearchedTo != nil {
			t.Fatalf("%+v", count)
		}
		listed := uint64(0)
		paged := maps.Clone(query)
		paged.Set("limit", "300")
		for page := ask[listAnswer](t, s, "/v1/actions", paged); ; page = ask[listAnswer](t, s, "/v1/actions", paged) {
			listed += uint64(len(page.Actions))
			if page.NextCursor == nil {
				break
			}
			paged.Set("cursor", *page.NextCursor)
		}
		if b := one("", "auto", "1h", "12h", "1d", "1w", "1mo"); b != "" && (b != "1h" || query.Has("from") && query.Has("to")) {
			query.Set("bucket", b)
		}
		w := get(t, s, "/v1/histogram?"+query.Encode())
		if w.Code == 400 && strings.Contains(w.Body.String(), "more than 1000 from") {
			continue
		}
		h := decode[histogramAnswer](t, w)
		sum := uint64(0)
		for i, b := range h.Buckets {
			if i > 0 && !b.From.Equal(h.Buckets[i-1].To) || !b.From.Before(b.To) {
				t.Fatalf("%v: bucket %d is from %s to %s", query, i, b.From, b.To)
			}
			part := uint64(0)
			for _, n := range b.Categories {
				part += n
			}
			if part != b.Count {
				t.Fatalf("%v: %+v", query, b)
			}
			sum += b.Count
		}
		facets := ask[facetsAnswer](t, s, "/v1/facets", url.Values{"search": {""}})
		if len(facets.Facets) != len(facetFields) {
			t.Fatalf("%+v", facets)
		}
		if listed != count.Count || sum != count.Count || h.Total != sum {
			t.Fatalf("%v: listed are %d, counted %d, in buckets of %s %d of %d", query, listed, count.Count, h.Bucket, sum, h.Total)
		}
	}
}

func TestHistogramIsCutToItsBounds(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(0, nil), event(30*60, nil), event(3*24*3600, func(a *store.Action) { a.Action = "data.erased" }))
	f := func(query, bucket string, want ...string) {
		t.Helper()
		w := get(t, s, "/v1/histogram?"+query)
		h := decode[histogramAnswer](t, w)
		var got []string
		for _, b := range h.Buckets {
			got = append(got, fmt.Sprintf("%s-%s:%d", b.From.UTC().Format("02T15:04:05"), b.To.UTC().Format("02T15:04:05"), b.Count))
		}
		if w.Code != 200 || h.Bucket != bucket || !slices.Equal(got, want) {
			t.Errorf("%s: %d %s %v, want %s %v: %s", query, w.Code, h.Bucket, got, bucket, want, w.Body)
		}
	}
	f("from=2026-11-24T10:20:00Z&to=2026-11-24T12:00:00.001Z&bucket=1h", "1h", "24T10:20:00-24T11:00:00:0", "24T11:00:00-24T12:00:00:1", "24T12:00:00-24T12:00:00:1")
	f("bucket=1d&tz=Asia/Kolkata", "1d", "20T18:30:00-21T18:30:00:1", "21T18:30:00-22T18:30:00:0", "22T18:30:00-23T18:30:00:0", "23T18:30:00-24T18:30:00:2")
	f("bucket=1mo&from=2026-11-24&to=2026-11-25", "1mo", "24T00:00:00-25T00:00:00:2")
	f("bucket=1d&tenant=nobody", "1d")
	f("bucket=1d&tenant=nobody&from=2026-11-23&to=2026-11-25", "1d", "23T00:00:00-24T00:00:00:0", "24T00:00:00-25T00:00:00:0")
	f("bucket=1y&from=1900&to=1901", "1y")
	// Open ends are those of what matches: two events within half an hour.
	w := get(t, s, "/v1/histogram?action=invoice.posted")
	if h := decode[histogramAnswer](t, w); h.Bucket != "1m" || h.Total != 2 || len(h.Buckets) > mostAutomatic {
		t.Errorf("%s", w.Body)
	}
	if h := decode[histogramAnswer](t, get(t, s, "/v1/histogram")); h.Bucket != "1h" || h.Total != 3 || h.Buckets[0].Categories["delete"] != 1 {
		t.Errorf("%+v", h)
	}
}

func TestAggregatesRefuseWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, nil), event(1000*24*3600, nil))
	f := func(target, parameter string, words ...string) {
		t.Helper()
		w := get(t, s, target)
		p := decode[Problem](t, w)
		if w.Code != http.StatusBadRequest || p.Parameter != parameter {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
		for _, word := range words {
			if !strings.Contains(p.Detail, word) {
				t.Errorf("%s: %q does not say %s", target, p.Detail, word)
			}
		}
	}
	f("/v1/count?budget=200", "budget", `"200"`, "200ms")
	f("/v1/count?budget=-1s", "budget")
	f("/v1/count?limit=1", "limit")
	f("/v1/histogram?bucket=2h", "bucket", `"2h"`, "auto, 1m, 5m")
	f("/v1/histogram?bucket=1m", "bucket", "1000", "Give 1w or")
	f("/v1/histogram?bucket=1h&from=2026-01-01&to=2026-12-01", "bucket", "Give 12h")
	f("/v1/facets?field=actors", "field", `Did you mean "actor"?`, "subject_type")
	f("/v1/facets?limit=101", "limit", "100")
	f("/v1/facets?prefix="+strings.Repeat("x", 257), "prefix", "256")
	f("/v1/actors/u-1?limit=0", "limit")
	f("/v1/actors/%FF", "id", "percent-encoded")
	f("/v1/subjects/%FF/1/timeline", "type", "percent-encoded")
	f("/v1/subjects/invoice/%FF/timeline", "id", "percent-encoded")
	f("/v1/subjects/invoice/1/timeline?order=x", "order")
	f("/v1/histogram?from=2026-02-01&to=2026-01-01", "from")
}

func TestFacetsShowAlternativesAndCompleteNames(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events,
		event(1, func(a *store.Action) { a.Actor.ID, a.Actor.Name = "u-1", "Ann New" }),
		event(2, func(a *store.Action) {
			a.Actor.ID, a.Actor.Name, a.IP = "u-1", "Ann Old", netip.MustParseAddr("2001:db8::7")
		}),
		event(3, func(a *store.Action) { a.Actor.ID, a.Action = "u-2", "data.erased" }),
		event(4, func(a *store.Action) { a.Actor.ID, a.Subject.Type = "ANNA", "invoice" }))
	f := func(query, want string) {
		t.Helper()
		w := get(t, s, "/v1/facets?"+query)
		if got := unmeasured(w); got != `{"facets":[`+want+`],`+wholeMeasures+"}\n" {
			t.Errorf("%s: %d %s, want %s", query, w.Code, got, want)
		}
	}
	const address = `{"field":"ip","values":[{"value":"2001:db8::7","count":1}],"other":0,"distinct":1}`
	f("field=actor&limit=1", `{"field":"actor","values":[{"value":"u-1","name":"Ann New","count":2}],"other":2,"distinct":3}`)
	f("field=actor&prefix=aNN", `{"field":"actor","values":[{"value":"u-1","name":"Ann New","count":2},{"value":"ANNA","count":1}],"other":0,"distinct":2}`)
	f("field=actor&prefix=ann+old", `{"field":"actor","values":[{"value":"u-1","name":"Ann New","count":2}],"other":0,"distinct":1}`)
	// The other actors are seen though one is chosen, and their actions are not counted.
	f("actor=u-2&field=actor&field=action&field=actor&limit=2", `{"field":"actor","values":[{"value":"u-1","name":"Ann New","count":2},{"value":"ANNA","count":1}],"other":1,"distinct":3},`+
		`{"field":"action","values":[{"value":"data.erased","count":1}],"other":0,"distinct":1}`)
	f("field=subject_type&field=ip", `{"field":"subject_type","values":[{"value":"invoice","count":1}],"other":0,"distinct":1},`+address)
	for _, prefix := range []string{"2001:DB8", "2001:0db8:0::7"} {
		f("field=ip&prefix="+prefix, address)
	}
	f("field=category&field=outcome", `{"field":"category","values":[{"value":"finance","count":3},{"value":"delete","count":1}],"other":0,"distinct":2},`+
		`{"field":"outcome","values":[{"value":"success","count":4}],"other":0,"distinct":1}`)
}

func TestTimelineHasWhatIsAboutARecordOrRelatedToIt(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	all := variety(t, events, 400)
	insert(t, events, event(9000, func(a *store.Action) { a.Subject = action.Record{Type: "a/b", ID: "%c d"} }))
	for _, order := range []string{"newest", "oldest"} {
		var want []string
		for _, a := range all {
			if record := (action.Record{Type: "quote", ID: "1"}); a.Subject == record || slices.Contains(a.Related, record) {
				want = append(want, a.ID)
			}
		}
		var got []string
		target := "/v1/subjects/quote/1/timeline?limit=7&order=" + order
		page := decode[listAnswer](t, get(t, s, target))
		for {
			got = append(got, ids(page.Actions)...)
			if page.NextCursor == nil {
				break
			}
			// Cursors belong to their record.
			if w := get(t, s, strings.Replace(target, "quote/1", "quote/2", 1)+"&cursor="+*page.NextCursor); w.Code != http.StatusBadRequest {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if w := get(t, s, "/v1/actions?limit=7&order="+order+"&cursor="+*page.NextCursor); w.Code != http.StatusBadRequest {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			page = decode[listAnswer](t, get(t, s, target+"&cursor="+*page.NextCursor))
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d %v, want %d %v", order, len(got), got, len(want), want)
		}
	}
	if page := decode[listAnswer](t, get(t, s, "/v1/subjects/a%2Fb/%25c%20d/timeline")); len(page.Actions) != 1 {
		t.Errorf("%+v", page)
	}
	insert(t, events,
		event(1001, func(a *store.Action) { a.Subject = action.Record{ID: "bare"} }),
		event(1002, func(a *store.Action) { a.Related = []action.Record{{ID: "bare"}} }),
		event(1003, func(a *store.Action) { a.Subject = action.Record{Type: "quote", ID: "bare"} }))
	wantPage(t, decode[listAnswer](t, get(t, s, "/v1/subjects/-/bare/timeline")), 1001, 1002)
	if page := decode[listAnswer](t, get(t, s, "/v1/subjects/quote/1/timeline?actor=nobody")); len(page.Actions) != 0 {
		t.Errorf("%+v", page)
	}
}

func TestActorsHaveAProfile(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	at := func(n int, change func(*store.Action)) store.Action {
		return event(n, func(a *store.Action) {
			a.Actor = action.Actor{ID: "a/1", Name: "Ann", Type: "user"}
			change(a)
		})
	}
	insert(t, events, event(1, nil),
		at(2, func(a *store.Action) {
			a.SessionID, a.IP, a.UserAgent = "s-2", netip.MustParseAddr("10.0.0.1"), "curl/8"
		}),
		at(3, func(a *store.Action) {
			a.SessionID, a.Actor.Name, a.OnBehalfOf = "s-1", "Ann B.", action.Actor{ID: "u-9", Name: "Zoe"}
		}),
		at(4, func(a *store.Action) { a.SessionID, a.Action, a.Outcome = "s-1", "data.erased", "denied" }))
	f := func(target string, status int, want string) {
		t.Helper()
		w := get(t, s, target)
		if got := strings.TrimSuffix(unmeasured(w), ","+wholeMeasures+"}\n"); w.Code != status || got != want {
			t.Errorf("%s: %d %s\nwant %s", target, w.Code, got, want)
		}
	}
	const second, third, fourth = `"2026-11-24T11:59:58.000Z"`, `"2026-11-24T11:59:57.000Z"`, `"2026-11-24T11:59:56.000Z"`
	f("/v1/actors/a%2F1", 200, `{"id":"a/1","type":"user","names":["Ann","Ann B."],"first_seen":`+fourth+`,"last_seen":`+second+`,"count":3,`+
		`"actions":{"values":[{"value":"invoice.posted","count":2,"first_seen":`+third+`,"last_seen":`+second+`},{"value":"data.erased","count":1,"first_seen":`+fourth+`,"last_seen":`+fourth+`}],"other":0,"distinct":2},`+
		`"outcomes":{"values":[{"value":"success","count":2,"first_seen":`+third+`,"last_seen":`+second+`},{"value":"denied","count":1,"first_seen":`+fourth+`,"last_seen":`+fourth+`}],"other":0,"distinct":2},`+
		`"addresses":{"values":[{"value":"10.0.0.1","count":1,"first_seen":`+second+`,"last_seen":`+second+`}],"other":0,"distinct":1},`+
		`"sessions":{"values":[{"value":"s-2","count":1,"first_seen":`+second+`,"last_seen":`+second+`,"ip":"10.0.0.1","user_agent":"curl/8","addresses":1,"user_agents":1},`+
		`{"value":"s-1","count":2,"first_seen":`+fourth+`,"last_seen":`+third+`,"addresses":0,"user_agents":0}],"other":0,"distinct":2},`+
		`"on_behalf_of":{"values":[{"value":"u-9","name":"Zoe","count":1,"first_seen":`+third+`,"last_seen":`+third+`}],"other":0,"distinct":1}`)
	none := `{"values":[],"other":0,"distinct":0}`
	f("/v1/actors/a%2F1?action=nothing.here", 200, `{"id":"a/1","names":["Ann","Ann B."],"first_seen":null,"last_seen":null,"count":0,"actions":`+none+`,"outcomes":`+none+`,"addresses":`+none+`,"sessions":`+none+`,"on_behalf_of":`+none)
	w := get(t, s, "/v1/actors/nobody")
	if p := decode[Problem](t, w); w.Code != http.StatusNotFound || p.Type != problemURN+"actor-not-found" || p.Parameter != "id" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(t, s, "/v1/actors/a%2F1?tenant=other"); w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAggregatesSayHowFarTheyCame(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	variety(t, events, 50)
	s.cfg.QueryTimeout = 1 // the time is up before anything was read
	f := func(target, want string) {
		t.Helper()
		w := get(t, s, target)
		if got := unmeasured(w); w.Code != 200 || !strings.HasPrefix(got, want) || !strings.Contains(got, `"partial":true`) {
			t.Errorf("%s: %d %s, want %s", target, w.Code, got, want)
		}
	}
	f("/v1/count?to=2026-12-01", `{"count":0,"exact":false,"searched_to":"2026-12-01T00:00:00.000Z"`)
	f("/v1/histogram?from=2026-11-01&to=2026-12-01", `{"bucket":"6h","tz":"UTC","from":"2026-12-01T00:00:00.000Z","to":"2026-12-01T00:00:00.000Z","total":0,"buckets":[]`)
	const nothing = `"from":null,"to":null,"total":0,"buckets":[]`
	f("/v1/histogram", `{"bucket":"1m","tz":"UTC",`+nothing)
	f("/v1/histogram?from=2026-11-01", `{"bucket":"1m","tz":"UTC",`+nothing)
	f("/v1/histogram?to=2026-12-01", `{"bucket":"1m","tz":"UTC","from":"2026-12-01T00:00:00.000Z","to":"2026-12-01T00:00:00.000Z","total":0,"buckets":[]`)
	f("/v1/facets?field=actor&to=2026-12-01", `{"facets":[{"field":"actor","values":[],"other":0,"distinct":0}],"searched_to":"2026-12-01T00:00:00.000Z"`)
}

func TestCountKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	all := variety(t, events, 50)
	got := ask[countAnswer](t, s, "/v1/count", url.Values{"budget": {"10ms"}})
	if got.Count > uint64(len(all)) || got.Exact != (got.SearchedTo == nil) || got.Partial == got.Exact || got.Exact && got.Count != uint64(len(all)) {
		t.Errorf("%+v", got)
	}
	if got := ask[countAnswer](t, s, "/v1/count", url.Values{"budget": {"1h"}}); !got.Exact || got.Count != uint64(len(all)) {
		t.Errorf("%+v", got)
	}
}

// The first millisecond of all is a time like any other.
func TestWhoWasSeenAtTheBeginningOfTime(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, func(a *store.Action) { a.Time, a.SessionID = time.UnixMilli(0).UTC(), "s-1" }))
	w := get(t, s, "/v1/actors/u-1")
	for _, name := range []string{`"first_seen":"1970-01-01T00:00:00.000Z"`, `"last_seen":"1970-01-01T00:00:00.000Z"`} {
		if got := strings.Count(w.Body.String(), name); got != 4 { // the actor, its action, outcome and session
			t.Errorf("%s is there %d times: %s", name, got, w.Body)
		}
	}
}
