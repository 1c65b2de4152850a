package query

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

var received = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// testServer is a server over a database of its own, and what writes to it.
func testServer(t testing.TB) (*Server, *store.Store) {
	t.Helper()
	dsn := embeddedtest.Database(t)
	if _, err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	return serverOf(t, dsn)
}

func serverOf(t testing.TB, dsn string) (*Server, *store.Store) {
	t.Helper()
	events, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	s, err := New(events, Config{ClickHouseDSN: dsn, QueryAddr: "127.0.0.1:0", QueryTimeout: 30 * time.Second, QueryConcurrency: 8, ExportConcurrency: 8}, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, events
}

// event is the nth event; each a second before the one before.
func event(n int, change func(*store.Action)) store.Action {
	a := store.Action{Event: action.Event{
		ID: fmt.Sprintf("id-%05d", n), Time: received.Add(-time.Duration(n) * time.Second), Tenant: "default",
		Actor: action.Actor{ID: "u-1", Type: "user"}, Action: "invoice.posted", Outcome: "success",
	}}
	if change != nil {
		change(&a)
	}
	copy(a.ContentHash[:], fmt.Sprintf("%016d", n))
	a.Origin = action.Origin{Topic: "actions", Offset: int64(n)}
	return a
}

func insert(t testing.TB, s *store.Store, actions ...store.Action) {
	t.Helper()
	var batch store.Batch
	for i := range actions {
		batch.Append(&actions[i])
	}
	if err := s.InsertActions(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
}

// get asks the handler, as one who connects would.
func get(t testing.TB, s *Server, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w
}

func TestTheServersClockIsOne(t *testing.T) {
	t.Parallel()
	s, _ := testServer(t)
	s.now = func() time.Time { return received }
	if w := get(t, s, "/v1/count"); !strings.Contains(w.Body.String(), `"took_ms":0,`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w := get(t, s, "/v1/export.csv")
	if name := w.Header().Get("Content-Disposition"); !strings.Contains(name, received.Format("20060102T150405Z")) {
		t.Errorf("%d %s", w.Code, name)
	}
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return v
}

type listAnswer struct {
	Actions        []map[string]any `json:"actions"`
	NextCursor     *string          `json:"next_cursor"`
	PreviousCursor *string          `json:"previous_cursor"`
	Partial        bool             `json:"partial"`
}

// measures are what every answer says of itself, its numbers as they are compared.
var (
	measures      = regexp.MustCompile(`"took_ms":\d+,"rows_read":\d+`)
	wholeMeasures = `"partial":false,"took_ms":0,"rows_read":0,"complete_through":null`
)

// unmeasured is an answer without its numbers.
func unmeasured(w *httptest.ResponseRecorder) string {
	return measures.ReplaceAllString(w.Body.String(), `"took_ms":0,"rows_read":0`)
}

func ids(actions []map[string]any) []string {
	all := []string{}
	for _, a := range actions {
		all = append(all, a["id"].(string))
	}
	return all
}

// full is an event with every field.
func full(a *store.Action) {
	a.ID = `odd/id?%2F & <b>"ü"`
	a.Time = received.Add(70 * time.Millisecond)
	a.Actor = action.Actor{ID: "u-2", Name: "Alice <a@b> & Co", Type: "agent"}
	a.OnBehalfOf = action.Actor{ID: "u-3", Name: "Bob", Type: "user"}
	a.IP = netip.MustParseAddr("2001:db8::7")
	a.Subject = action.Record{Type: "invoice", ID: "INV-1", Name: "Invoice 1"}
	a.Related = []action.Record{{Type: "quote", ID: "Q-1"}}
	a.Description, a.Reason, a.SessionID, a.RequestID, a.UserAgent = "=did\n\"it\"\r\n, 日本 🎉 \x00", "-why", "s-1", "r-1", "Mozilla/5.0"
	a.Details = json.RawMessage(`{"b": 1.50,` + "\n" + `"a":"<&>"}`)
}

func TestListActionsShowsEveryFieldAsSent(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, full), event(2, nil))
	w := get(t, s, "/v1/actions")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	got := decode[listAnswer](t, w)
	if got.NextCursor != nil || len(got.Actions) != 2 {
		t.Fatalf("%+v", got)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{"time": "2026-11-24T12:00:00.070Z", "id": "odd/id?%2F & <b>\"ü\"", "tenant": "default",
		"actor": {"id": "u-2", "name": "Alice <a@b> & Co", "type": "agent"}, "on_behalf_of": {"id": "u-3", "name": "Bob", "type": "user"},
		"ip": "2001:db8::7", "action": "invoice.posted", "outcome": "success", "subject": {"type": "invoice", "id": "INV-1", "name": "Invoice 1"},
		"related": [{"type": "quote", "id": "Q-1"}], "description": "=did\n\"it\"\r\n, 日本 🎉 \u0000", "reason": "-why", "session_id": "s-1",
		"request_id": "r-1", "user_agent": "Mozilla/5.0", "details": {"b": 1.5, "a": "<&>"}}`), &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Actions[0]) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got.Actions[0], want)
	}
	for _, exact := range []string{"{\"b\": 1.50,\n\"a\":\"<&>\"}", `Alice <a@b> & Co`} {
		if !strings.Contains(w.Body.String(), exact) {
			t.Errorf("%s is not as it was sent: %s", exact, w.Body)
		}
	}
	for _, absent := range []string{"ip", "on_behalf_of", "subject", "related", "details", "reason", "conflicting"} {
		if _, there := got.Actions[1][absent]; there {
			t.Errorf("%s was not sent but is shown", absent)
		}
	}
}

func TestGetActionAndTheOthersOfItsID(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	same := func(a *store.Action) { full(a) }
	insert(t, events,
		event(5, func(a *store.Action) { same(a); a.Description = "later" }),
		event(3, same),
		event(4, func(a *store.Action) { same(a); a.Time = received.Add(time.Hour) }),
		event(9, nil),
	)
	target := "/v1/actions/" + url.PathEscape(event(3, full).ID)
	if !strings.Contains(target, "%2F") {
		t.Fatal(target)
	}
	type found struct {
		Description string
		Conflicting bool
		Time        string
		Others      []struct {
			Description, Time string
			Conflicting       bool
		}
	}
	got := decode[found](t, get(t, s, target))
	if got.Description != event(3, full).Description || !got.Conflicting || len(got.Others) != 2 ||
		got.Others[0].Time != "2026-11-24T13:00:00.000Z" || got.Others[0].Conflicting || got.Others[1].Description != "later" || !got.Others[1].Conflicting {
		t.Errorf("%+v", got)
	}
	for n, want := range map[int]string{3: got.Description, 4: got.Description, 5: "later"} {
		one := decode[found](t, get(t, s, target+fmt.Sprintf("?content=%X", fmt.Sprintf("%016d", n))))
		if one.Description != want || (one.Time == got.Time) == (n == 4) || one.Others != nil {
			t.Errorf("content of %d: %+v", n, one)
		}
	}
	if w := get(t, s, target+"?content=ffffffff"); w.Code != 404 || !strings.Contains(decode[Problem](t, w).Detail, "ffffffff") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(t, s, target+"?content=x1"); w.Code != 400 || decode[Problem](t, w).Parameter != "content" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := get(t, s, "/v1/actions/"+event(9, nil).ID); w.Code != 200 || !strings.HasSuffix(unmeasured(w), `,`+wholeMeasures+"}\n") || strings.Contains(w.Body.String(), "others") || strings.Contains(w.Body.String(), "conflicting") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, id := range []string{"missing", "..", "a%2F%2Fb", "%00", "%E2%98%83"} {
		w := get(t, s, "/v1/actions/"+id)
		p := decode[Problem](t, w)
		name, _ := url.PathUnescape(id)
		if w.Code != 404 || p.Type != problemURN+"action-not-found" || p.Parameter != "id" || !strings.Contains(p.Detail, fmt.Sprintf("%q", name)) {
			t.Errorf("%s: %d %s", id, w.Code, w.Body)
		}
	}
	if w := get(t, s, "/v1/actions/"+event(9, nil).ID+"?tenant=other"); w.Code != 404 {
		t.Errorf("another tenant's action: %d", w.Code)
	}
	if w := get(t, s, "/v1/actions/%FF"); w.Code != 400 || decode[Problem](t, w).Parameter != "id" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestListRejected(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	var all []store.Rejected
	for n := range 3 {
		all = append(all, store.Rejected{
			Rejection: action.Rejection{Reason: action.ReasonInvalidJSON, Field: "a<b", Message: "fix it"},
			Origin:    action.Origin{TopicID: [16]byte{15: 7}, Topic: "actions", Partition: 1, Offset: int64(n), Time: received.Add(time.Duration(n) * time.Millisecond)},
			Raw:       []byte{0xFF, byte(n)},
		})
	}
	all[0].Raw, all[0].Reason = nil, action.ReasonEmpty
	all[2].Headers = []action.Header{{Key: "ce_id", Value: []byte{0xFF}}, {Key: "ce_id"}}
	if err := events.InsertRejected(t.Context(), append(all, all...)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := events.InsertRetries(t.Context(), []action.Origin{all[1].Origin}, store.Retry{Time: received, Who: "ann", Note: "fixed"}); err != nil {
			t.Fatal(err)
		}
	}
	const place = `{"topic":"actions","topic_id":"00000000-0000-0000-0000-000000000007","partition":1,`
	two := place + `"offset":2,"time":"2026-11-24T12:00:00.002Z","reason":"invalid_json","field":"a<b","message":"fix it","raw":"/wI=",` +
		`"headers":[{"key":"ce_id","value":"/w=="},{"key":"ce_id","value":""}],"retries":0,"last_retry":null}`
	one := place + `"offset":1,"time":"2026-11-24T12:00:00.001Z","reason":"invalid_json","field":"a<b","message":"fix it","raw":"/wE=",` +
		`"headers":[],"retries":1,"last_retry":{"time":"2026-11-24T12:00:00.000Z","who":"ann","note":"fixed"}}`
	zero := place + `"offset":0,"time":"2026-11-24T12:00:00.000Z","reason":"empty","field":"a<b","message":"fix it","raw":"","headers":[],"retries":0,"last_retry":null}`
	w := get(t, s, "/v1/rejected?limit=2")
	if want := `{"rejected":[` + two + "," + one + `],"next_cursor":"`; !strings.HasPrefix(w.Body.String(), want) {
		t.Fatalf("got  %s\nwant %s", w.Body, want)
	}
	next := *decode[listAnswer](t, w).NextCursor
	f := func(query string, want ...string) {
		t.Helper()
		w := get(t, s, "/v1/rejected?"+query)
		if want := `{"rejected":[` + strings.Join(want, ",") + `],"next_cursor":null,` + wholeMeasures + "}\n"; unmeasured(w) != want {
			t.Errorf("%s: got  %s\nwant %s", query, w.Body, want)
		}
	}
	f("limit=2&cursor="+next, zero)
	f("reason=empty", zero)
	f("reason=empty&reason=invalid_json&pending=1", two, zero)
	f("pending=1&reason=", two, zero)
	f("from=2026-11-24T12:00:00.001Z&to=2026-11-24T12:00:00.002Z", one)
	f("to=2026-11-24")

	refused := func(query, parameter, text string) {
		t.Helper()
		w := get(t, s, "/v1/rejected?"+query)
		if p := decode[Problem](t, w); w.Code != 400 || p.Parameter != parameter || !strings.Contains(p.Detail, text) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	refused("reason=invalid-json", "reason", "did you mean invalid_json?")
	refused("reason=x", "reason", "empty, too_large, ")
	refused("from=yesterday-ish", "from", "did you mean yesterday?")
	refused("from=2026-11-25&to=2026-11-24", "from", "A message is found when")
	refused("pending=maybe", "pending", "Give 1")
	if w := get(t, s, "/v1/actions?cursor="+next); w.Code != 400 || decode[Problem](t, w).Parameter != "cursor" {
		t.Errorf("a cursor of another list: %d %s", w.Code, w.Body)
	}
}

func TestExportCSV(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, full), event(2, nil), event(3, func(a *store.Action) { a.Tenant = "other" }))
	insert(t, events, event(1, full))
	w := get(t, s, "/v1/export.csv?raw=1")
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !w.Flushed {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	var names []string
	for _, c := range store.Columns() {
		names = append(names, c.Name)
	}
	header, rest, _ := strings.Cut(w.Body.String(), "\r\n")
	if header != strings.Join(names, ",") || !strings.HasPrefix(header, "time,id,tenant,actor_id") {
		t.Errorf("header %q", header)
	}
	first, second, _ := strings.Cut(rest, "\r\n2026-11-24T11:59:58.000Z,")
	want := "2026-11-24T12:00:00.070Z,\"odd/id?%2F & <b>\"\"ü\"\"\",default,u-2,Alice <a@b> & Co,agent,u-3,Bob,user,2001:db8::7,invoice.posted,success," +
		"invoice,INV-1,Invoice 1,\"[{\"\"type\"\":\"\"quote\"\",\"\"id\"\":\"\"Q-1\"\"}]\",\"=did\n\"\"it\"\"\r\n, 日本 🎉 \x00\",-why,s-1,r-1,Mozilla/5.0,\"{\"\"b\"\": 1.50,\n\"\"a\"\":\"\"<&>\"\"}\""
	if first != want {
		t.Errorf("got  %q\nwant %q", first, want)
	}
	if second != "id-00002,default,u-1,,user,,,,,invoice.posted,success,,,,,,,,,,\r\n" {
		t.Errorf("second line %q", second)
	}
	defused := get(t, s, "/v1/export.csv").Body.String()
	if !strings.Contains(defused, ",\"'=did\n") || !strings.Contains(defused, ",'-why,") {
		t.Errorf("not defused: %q", defused)
	}
	lines, err := csv.NewReader(strings.NewReader(defused)).ReadAll()
	if err != nil || len(lines) != 3 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if got := get(t, s, "/v1/export.csv?bom=1&actor=nobody").Body.String(); got != "\uFEFF"+header+"\r\n" {
		t.Errorf("with a byte order mark, of nothing: %q", got)
	}
	if got := get(t, s, "/v1/export.csv?columns=action,time&raw=1").Body.String(); got != "action,time\r\ninvoice.posted,2026-11-24T12:00:00.070Z\r\ninvoice.posted,2026-11-24T11:59:58.000Z\r\n" {
		t.Errorf("two columns: %q", got)
	}
	if got := get(t, s, "/v1/export.csv?columns=reason&raw=1").Body.String(); got != "reason\r\n-why\r\n\"\"\r\n" {
		t.Errorf("one column, whose cell is empty: %q", got)
	}
	for query, text := range map[string]string{"columns=actr_id": "Did you mean \"actor_id\"?", "columns=time,time": "twice", "columns=time,": "no column"} {
		if w := get(t, s, "/v1/export.csv?"+query); w.Code != 400 || decode[Problem](t, w).Parameter != "columns" || !strings.Contains(decode[Problem](t, w).Detail, text) {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
	if got := get(t, s, "/v1/export.csv?tenant=M%C3%BCller").Header().Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="actions-M_ller-2`) {
		t.Errorf("disposition %q", got)
	}
	if w := get(t, s, "/v1/export.csv?raw=2"); w.Code != 400 || w.Header().Get("Content-Disposition") != "" || decode[Problem](t, w).Parameter != "raw" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := get(t, s, "/v1/export.csv?limit=2"); w.Code != 400 || decode[Problem](t, w).Parameter != "limit" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func BenchmarkListActions(b *testing.B) {
	s := benchServer(b)
	for b.Loop() {
		if w := get(b, s, "/v1/actions"); w.Code != 200 {
			b.Fatal(w.Body)
		}
	}
}

func benchServer(b *testing.B) *Server {
	b.Helper()
	s, events := testServer(b)
	s.logger = slog.New(slog.DiscardHandler)
	var all []store.Action
	for n := range 50_000 {
		all = append(all, event(n, func(a *store.Action) {
			a.Actor = action.Actor{ID: fmt.Sprint("u-", n%50), Name: fmt.Sprint("Person ", n%50), Type: "user"}
			a.Subject = action.Record{Type: "opportunity", ID: fmt.Sprint("OPP-", n), Name: fmt.Sprint("Summer Fair ", n)}
			a.Description = fmt.Sprintf("Added %d × LED Panel 60x60 to Summer Fair %d", n%9, n)
			a.IP = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
			a.SessionID, a.UserAgent = fmt.Sprint("s-", n/20), "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
			a.Details = json.RawMessage(`{"item":"LED-60","quantity":4}`)
		}))
	}
	insert(b, events, all...)
	return s
}

// Programs that take a compressed answer get one, where it is worth it.
func TestLongAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	variety(t, events, 40)
	for target, want := range map[string]string{"/v1/actions": "gzip", "/v1/histogram?bucket=1d": "gzip", "/openapi.json": "gzip", "/v1/count": ""} {
		plain := get(t, s, target)
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header.Set("Accept-Encoding", "br, gzip")
		sent := httptest.NewRecorder()
		s.Handler().ServeHTTP(sent, r)
		if got := sent.Header().Get("Content-Encoding"); sent.Code != http.StatusOK || got != want || !slices.Contains(sent.Header().Values("Vary"), "Accept-Encoding") {
			t.Errorf("%s: %d, coded as %q, want %q", target, sent.Code, got, want)
			continue
		}
		if want == "gzip" {
			z, err := gzip.NewReader(sent.Body)
			if err != nil {
				t.Fatal(err)
			}
			sent.Body = new(bytes.Buffer)
			if _, err := sent.Body.ReadFrom(z); err != nil {
				t.Fatal(err)
			}
		}
		if unmeasured(sent) != unmeasured(plain) {
			t.Errorf("%s is another answer when it is compressed", target)
		}
	}
}
