package query

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

func TestListsOfNothing(t *testing.T) {
	t.Parallel()
	s, _ := testServer(t)
	for target, want := range map[string]string{
		"/v1/actions?q=&actor=&cursor=":     `{"actions":[],"next_cursor":null,"previous_cursor":null,`,
		"/v1/actions?order=oldest&limit=10": `{"actions":[],"next_cursor":null,"previous_cursor":null,`,
		"/v1/rejected":                      `{"rejected":[],"next_cursor":null,`,
	} {
		if w := get(t, s, target); unmeasured(w) != want+wholeMeasures+"}\n" {
			t.Errorf("%s: got %s", target, w.Body)
		}
	}
}

func TestAnswersSayWhatTheyCost(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, nil), event(2, nil))
	for _, target := range []string{"/v1/actions", "/v1/actions/" + event(1, nil).ID} {
		var got struct {
			Took  *int   `json:"took_ms"`
			Read  uint64 `json:"rows_read"`
			Other any    `json:"complete_through"`
		}
		w := get(t, s, target)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Took == nil || *got.Took < 0 || got.Read < 1 {
			t.Errorf("%s: %v: %s", target, err, w.Body)
		}
	}
}

// pages reads a list from its first page to its last, and back again, and returns the
// ids of both in the list's order.
func pages(t *testing.T, s *Server, query string, limit int) (there, back []string) {
	t.Helper()
	ask := func(cursor string) listAnswer {
		t.Helper()
		w := get(t, s, fmt.Sprintf("/v1/actions?%s&limit=%d&cursor=%s", query, limit, cursor))
		if w.Code != 200 {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		return decode[listAnswer](t, w)
	}
	page := ask("")
	if page.PreviousCursor != nil {
		t.Errorf("%s: there is a page before the first", query)
	}
	there = ids(page.Actions)
	for page.NextCursor != nil {
		page = ask(*page.NextCursor)
		there = append(there, ids(page.Actions)...)
		if page.PreviousCursor == nil || len(page.Actions) == 0 {
			t.Errorf("%s: a later page of %d, nothing before is %v", query, len(page.Actions), page.PreviousCursor == nil)
		}
	}
	back = ids(page.Actions)
	for page.PreviousCursor != nil {
		page = ask(*page.PreviousCursor)
		back = append(ids(page.Actions), back...)
		if page.NextCursor == nil {
			t.Errorf("%s: an earlier page has none after it", query)
		}
	}
	return there, back
}

func TestPagesInBothDirectionsAndOrders(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	var all []store.Action
	var want []string
	for n := range 25 {
		all = append(all, event(n, func(a *store.Action) {
			a.Time = received.AddDate(0, 0, -n/3*n) // some at the same time, others weeks apart
			a.ID = fmt.Sprintf("id-%02d", 99-n)
			if n%2 == 0 {
				a.Actor.ID = "even"
			}
		}))
		want = append(want, all[n].ID)
	}
	insert(t, events, all...)
	for _, limit := range []int{1, 7, 24, 25, 26} {
		for _, query := range []string{"order=newest", "order=oldest"} {
			there, back := pages(t, s, query, limit)
			wanted := slices.Clone(want)
			if query == "order=oldest" {
				slices.Reverse(wanted)
			}
			if !slices.Equal(there, wanted) || !slices.Equal(back, wanted) {
				t.Errorf("%s, limit %d:\nthere %v\nback  %v\nwant  %v", query, limit, there, back, wanted)
			}
		}
	}
	there, back := pages(t, s, "actor=even&from=2026-10-01&to=2026-11-24T12:00:00.001Z", 2)
	if wanted := []string{"id-99", "id-97", "id-95", "id-93"}; !slices.Equal(there[:4], wanted) || !slices.Equal(there, back) {
		t.Errorf("filtered: there %v, back %v", there, back)
	}
}

// after asks for a page by the cursor of an answer.
func after(t *testing.T, s *Server, query string, cursor *string) listAnswer {
	t.Helper()
	if cursor == nil {
		t.Fatalf("%s: there is no cursor", query)
	}
	w := get(t, s, "/v1/actions?"+query+"&cursor="+*cursor)
	if w.Code != 200 {
		t.Fatalf("%s: %d %s", query, w.Code, w.Body)
	}
	return decode[listAnswer](t, w)
}

func wantPage(t *testing.T, page listAnswer, want ...int) {
	t.Helper()
	var wanted []string
	for _, n := range want {
		wanted = append(wanted, event(n, nil).ID)
	}
	if got := ids(page.Actions); strings.Join(got, " ") != strings.Join(wanted, " ") {
		t.Errorf("got %v, want %v", got, wanted)
	}
}

func TestWhatArrivesWhileSomeoneReadsShiftsNoPage(t *testing.T) {
	t.Parallel()
	for order, all := range map[string][]int{"newest": {5, 6, 7, 8}, "oldest": {8, 7, 6, 5}} {
		s, events := testServer(t)
		insert(t, events, event(5, nil), event(6, nil), event(7, nil), event(8, nil))
		query := "limit=2&order=" + order
		first := decode[listAnswer](t, get(t, s, "/v1/actions?"+query))
		wantPage(t, first, all[:2]...)
		insert(t, events, event(1, nil), event(2, nil))
		second := after(t, s, query, first.NextCursor)
		wantPage(t, second, all[2:]...)
		if second.NextCursor != nil {
			t.Errorf("%s: what arrived later makes another page", order)
		}
		again := after(t, s, query, second.PreviousCursor)
		wantPage(t, again, all[:2]...)
		if again.PreviousCursor != nil {
			t.Errorf("%s: what arrived later makes a page before the first", order)
		}
		// The limit may change.
		again = after(t, s, "limit=1&order="+order, second.PreviousCursor)
		wantPage(t, again, all[1])
		again = after(t, s, "limit=10&order="+order, again.NextCursor)
		wantPage(t, again, all[2:]...)
	}
}

func TestRelativeTimesAreThoseOfTheFirstPage(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	now := received
	s.now = func() time.Time { return now }
	insert(t, events, event(10, nil), event(20, nil), event(30, nil), event(40, nil))
	for _, query := range []string{"from=-35s", "search=after:-35s", "from=-35s&to=now"} {
		now = received
		query += "&limit=1"
		first := decode[listAnswer](t, get(t, s, "/v1/actions?"+query))
		wantPage(t, first, 10)
		now = received.Add(time.Hour)
		second := after(t, s, query, first.NextCursor)
		wantPage(t, second, 20)
		third := after(t, s, query, second.NextCursor)
		wantPage(t, third, 30)
		if third.NextCursor != nil {
			t.Errorf("%s: there is more than was asked for first", query)
		}
	}
	// Between the first page and the second the bounds pass each other.
	now = received
	const query = "limit=1&from=-35s&to=2026-11-24T12:00:00Z"
	first := decode[listAnswer](t, get(t, s, "/v1/actions?"+query))
	now = received.Add(time.Hour)
	wantPage(t, after(t, s, query, first.NextCursor), 20)
}

// A budget that ends before anything was read is no error: the answer leads to what there is.
func TestThePartialAnswerWithoutAnything(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, nil), event(2, nil))
	enough := s.cfg.QueryTimeout
	for _, query := range []string{"", "order=oldest", "search=user=u-1"} {
		s.cfg.QueryTimeout = 1
		w := get(t, s, "/v1/actions?"+query)
		page := decode[listAnswer](t, w)
		if w.Code != 200 || !page.Partial || len(page.Actions) > 0 || page.NextCursor == nil {
			t.Fatalf("%s: %d %s", query, w.Code, w.Body)
		}
		s.cfg.QueryTimeout = enough
		if got := ids(after(t, s, query, page.NextCursor).Actions); len(got) != 2 {
			t.Errorf("%s: then %v", query, got)
		}
	}
	s.cfg.QueryTimeout = 1
	for target, want := range map[string]int{"/v1/actors/u-1": 200, "/v1/actors/u-1/week": 200, "/v1/actors/nobody": 404, "/v1/actors/nobody/week": 404} {
		if w := get(t, s, target); w.Code != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for _, target := range []string{"/v1/feed", "/v1/feed?after=now"} {
		w := get(t, s, target)
		if got := decode[struct{ Position string }](t, w); w.Code != 200 || got.Position == "" {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestCursorsBelongToTheirQuestion(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	other, others := testServer(t)
	for _, e := range []*store.Store{events, others} {
		insert(t, e, event(1, nil), event(2, nil), event(3, nil))
	}
	const query = "actor=u-1&actor=u-2&q=&limit=1"
	page := decode[listAnswer](t, get(t, s, "/v1/actions?"+query))
	wantPage(t, after(t, s, "actor=u-2&actor=u-1&limit=1", page.NextCursor), 2)
	wantPage(t, after(t, s, query+"&tenant=default&order=newest", page.NextCursor), 2)
	for _, same := range []string{
		"actor=u-1&actor=u-2&actor=u-1", "actor=u-2&actor=u-1&tz=UTC", "actor=u-1&actor=u-2&tz=Europe/Berlin", "search=user:(u-2+u-1)", "search=actor=u-2+user:u-1",
	} {
		wantPage(t, after(t, s, same+"&limit=1", page.NextCursor), 2)
	}
	refused := func(s *Server, query, cursor, why string) {
		t.Helper()
		w := get(t, s, "/v1/actions?"+query+"&cursor="+url.QueryEscape(cursor))
		if p := decode[Problem](t, w); w.Code != 400 || p.Parameter != "cursor" || !strings.Contains(p.Detail, why) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	const another, none = "belongs to another question", "not a cursor of this list"
	for _, different := range []string{
		"actor=u-1", "actor=u-1&actor=u-2&order=oldest", "actor=u-1&actor=u-2&q=x", "actor=u-1&actor=u-2&tenant=other",
		"actor=u-1&actor=u-2&from=2026-01-01", "actor=u-1&actor=!u-2", "actor=u-1&search=actor:u-2", "on_behalf_of=u-1&on_behalf_of=u-2", "",
	} {
		refused(s, different, *page.NextCursor, another)
	}
	refused(other, query, *page.NextCursor, none) // signed by another database's key
	for _, broken := range []string{"x", "null", (*page.NextCursor)[1:], (*page.NextCursor)[:20], *page.NextCursor + "A", strings.ToLower(*page.NextCursor)} {
		refused(s, query, broken, none)
	}
	rejected := encodeRejectedCursor(&store.RejectedCursor{Time: received, Topic: "actions"})
	refused(s, query, rejected, none)
	// Another instance over the same database takes it.
	same, _ := serverOf(t, s.cfg.ClickHouseDSN)
	wantPage(t, after(t, same, query, page.NextCursor), 2)
}

func TestListActionsByFilters(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	address := func(text string) func(*store.Action) {
		return func(a *store.Action) { a.IP = netip.MustParseAddr(text) }
	}
	insert(t, events,
		event(0, func(a *store.Action) { a.Description = "100% Ü"; a.Outcome = "denied" }),
		event(1, func(a *store.Action) { a.Actor.ID, a.Action = "u/2", "data.erased" }),
		event(2, func(a *store.Action) { a.Tenant = "git" }),
		event(3, func(a *store.Action) { a.Subject.Name = "x 100% y"; a.Actor.ID = "!u" }),
		event(4, address("10.1.2.3")),
		event(5, address("2001:db8::7")),
		event(6, func(a *store.Action) {
			a.Action, a.Actor.ID = "invoices.x", `\u`
			a.Subject = action.Record{Type: "invoice", ID: "I-1"}
			a.Related = []action.Record{{Type: "quote", ID: "Q-1"}}
			a.OnBehalfOf = action.Actor{ID: "boss", Type: "user"}
			a.SessionID, a.RequestID, a.UserAgent = "s-1", "r-1", "Mozilla/5.0 (X11)"
			a.Details = json.RawMessage(`{"total": {"amount": 1.50, "paid": true}, "lines": [{"sku": "A.1"}], "odd name": null}`)
		}),
	)
	f := func(query string, want ...int) {
		t.Helper()
		w := get(t, s, "/v1/actions?"+query)
		if w.Code != 200 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
			return
		}
		wanted := []string{}
		for _, n := range want {
			wanted = append(wanted, event(n, nil).ID)
		}
		if got := ids(decode[listAnswer](t, w).Actions); !slices.Equal(got, wanted) {
			t.Errorf("%s: got %v, want %v", query, got, wanted)
		}
	}
	f("", 0, 1, 3, 4, 5, 6)
	f("tenant=git", 2)
	// Words.
	f("q=100%25", 0, 3)
	f("q=100%25+%C3%BC", 0)
	f("q=100%25+-x", 0)
	f("q=%22x+100%25%22", 3)
	f("q=-100%25", 1, 4, 5, 6)
	// Any of, none of.
	f("actor=u%2F2", 1)
	f("actor=u%2F2&actor=u-1&action=data.erased&action=x.y", 1)
	f("actor=!u-1", 1, 3, 6)
	f("actor=!u-1&actor=!u%2F2", 3, 6)
	f(`actor=\!u`, 3)
	f(`actor=!\!u&actor=!u-1`, 1, 6)
	f(`actor=\\u`, 6)
	f("actor=u-1&actor=!u-1")
	// Fields of every kind.
	f("action=invoice.*", 0, 3, 4, 5)
	f("action=invoices.x", 6)
	f("action=invoice.unheard_of")
	f("action=!invoice.*", 1, 6)
	f("action=data.*&action=invoices.x", 1, 6)
	f("category=delete", 1)
	f("category=!delete&category=!finance", 6)
	f("category=change", 6) // so is what the catalogue lacks
	f("outcome=denied", 0)
	f("outcome=!success&outcome=!failure", 0)
	f("ip=10.0.0.0/8", 4)
	f("ip=10.1.2.3&ip=2001:db8::/32", 4, 5)
	f("ip=::ffff:10.1.2.3", 4)
	f("ip=0.0.0.0/0", 4)
	f("ip=::/0", 5)
	f("ip=!10.0.0.0/8", 0, 1, 3, 5, 6)
	f("on_behalf_of=boss", 6)
	f("subject_type=invoice", 6)
	f("subject_type=quote")
	f("subject_type=!quote", 0, 1, 3, 4, 5, 6)
	f("subject_id=Q-1", 6)
	f("subject=quote/Q-1", 6)
	f("subject=invoice/Q-1")
	f("subject=invoice/I-1&subject=quote/Q-7", 6)
	f("subject_id=Q-1&subject=!quote/Q-1")
	f("subject_id=Q-1&subject=!invoice/Q-1", 6)
	f("subject_id=Q-1&subject_type=quote", 6)
	f("subject_id=Q-1&subject_type=invoice")
	f("session_id=s-1&request_id=r-1&user_agent=mozilla", 6)
	f("user_agent=%25")
	f("details.total.amount=1.5", 6)
	f("details.total.amount=!1.5", 0, 1, 3, 4, 5)
	f("details.total.paid=true&details.odd+name=null", 6)
	f("details.lines.0.sku=A.1", 6)
	f("details.lines.1.sku=A.1")
	// Times.
	f("from=2026-11-24T11:59:59&to=2026-11-24T12:00", 1)
	f("from=2026-11-24T13:00:00+01:00", 0)
	f("from=2026-11-24T13:00&tz=Europe/Berlin", 0)
	f("to=2026-11-24")
	f("from=-1y&to=2026-11-24")
	f("from=2026-11-24&order=oldest", 6, 5, 4, 3, 1, 0)
	// The search line, alone and with parameters.
	f("search="+url.QueryEscape(`actor:u-1 "100%" -y after:2026-11-24`), 0)
	f("search="+url.QueryEscape(`ip:(10.0.0.0/8 2001:db8::7) -action:data.*`), 4, 5)
	f("search="+url.QueryEscape(`details.total.amount:1.5 actor:\\u`), 6)
	f("search=actor:(u-1+!u)&actor=!u", 0, 4, 5)
	f("search=action:invoice.*&q=100%25", 0, 3)
	f("search=tz:Europe/Berlin&from=2026-11-24T13:00", 0)
	f("search=actor:x&actor=u-1")
}

// Whatever arrives after the first page, pages never go on before it.
func TestNothingComesBeforeTheFirstPage(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	at := func(n int, id string, time time.Time) store.Action {
		return event(n, func(a *store.Action) { a.ID, a.Time = id, time })
	}
	hour := func(n int) time.Time { return received.Add(time.Duration(n) * time.Hour) }
	insert(t, events, at(1, "m", hour(2)), at(2, "k", hour(1)), at(3, "j", hour(0)))
	newest := decode[listAnswer](t, get(t, s, "/v1/actions?limit=1"))
	oldest := decode[listAnswer](t, get(t, s, "/v1/actions?limit=1&order=oldest"))
	insert(t, events, at(4, "z", hour(2)), at(5, "later", hour(2).Add(time.Millisecond)), at(6, "mid", hour(1).Add(time.Minute)),
		at(7, "a", hour(0)), at(8, "earlier", hour(0).Add(-time.Millisecond)), at(9, "0190a000-0000-7000-8000-000000000000", hour(2)))
	f := func(query string, first listAnswer, want ...string) {
		t.Helper()
		ask := func(cursor *string) listAnswer {
			return decode[listAnswer](t, get(t, s, "/v1/actions?"+query+"&cursor="+*cursor))
		}
		page := first
		there := ids(page.Actions)
		for page.NextCursor != nil {
			page = ask(page.NextCursor)
			there = append(there, ids(page.Actions)...)
		}
		back := ids(page.Actions)
		for page.PreviousCursor != nil {
			page = ask(page.PreviousCursor)
			back = append(ids(page.Actions), back...)
		}
		if !slices.Equal(there, want) || !slices.Equal(back, want) {
			t.Errorf("%s: there %q, back %q, want %q", query, there, back, want)
		}
	}
	f("limit=1", newest, "m", "mid", "k", "j", "a", "earlier")
	f("limit=2", newest, "m", "mid", "k", "j", "a", "earlier")
	// What shares the last millisecond belongs to the window.
	const uuid = "0190a000-0000-7000-8000-000000000000"
	f("limit=1&order=oldest", oldest, "j", "k", "mid", "m", "z", uuid)
	f("limit=1000&order=oldest", oldest, "j", "k", "mid", "m", "z", uuid)
}
