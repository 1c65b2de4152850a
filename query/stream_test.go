package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

// accepting asks the handler as a client that accepts a media type.
func accepting(t *testing.T, s *Server, target, accept string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Accept", accept)
	s.Handler().ServeHTTP(w, r)
	return w
}

// streamed is an event of a stream of actions.
type streamed struct {
	name string
	data json.RawMessage
}

// readLines reads NDJSON.
func readLines(t *testing.T, text string) []streamed {
	t.Helper()
	var all []streamed
	for line := range strings.Lines(text) {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &object); err != nil || len(object) != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%q: %v", line, err)
		}
		for name, data := range object {
			all = append(all, streamed{name, data})
		}
	}
	return all
}

// readEvents reads server-sent events.
func readEvents(t *testing.T, text string) []streamed {
	t.Helper()
	var all []streamed
	for event := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		lines := strings.Split(event, "\n")
		if len(lines) != 2 || !strings.HasPrefix(lines[0], "event: ") || !strings.HasPrefix(lines[1], "data: ") || !json.Valid([]byte(lines[1][6:])) {
			t.Fatalf("%q", event)
		}
		all = append(all, streamed{lines[0][7:], json.RawMessage(lines[1][6:])})
	}
	return all
}

func TestActionsAreStreamedAsTheyAreFound(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	var all []store.Action
	for n := range 9 {
		all = append(all, event(n, func(a *store.Action) { a.Time = received.AddDate(0, -n, 0) }))
	}
	insert(t, events, append(all, event(10, full))...)

	for _, form := range []struct {
		accept string
		read   func(*testing.T, string) []streamed
	}{{ndjsonType, readLines}, {eventsType, readEvents}} {
		for _, order := range []string{"newest", "oldest"} {
			// A stream and a list with the same parameters are the same page.
			query := "/v1/actions?limit=4&order=" + order
			cursor, pages := "", 0
			for there := true; ; pages++ {
				whole := decode[listAnswer](t, get(t, s, query+"&cursor="+cursor))
				w := accepting(t, s, query+"&cursor="+cursor, form.accept)
				if w.Code != 200 || w.Header().Get("Content-Type") != form.accept || w.Header().Get("Vary") != "Accept" || !w.Flushed {
					t.Fatalf("%s: %d %v %s", form.accept, w.Code, w.Header(), w.Body)
				}
				var actions []map[string]any
				var end struct {
					listAnswer
					Took     *int    `json:"took_ms"`
					Read     *uint64 `json:"rows_read"`
					Complete any     `json:"complete_through"`
				}
				marks, last := 0, ""
				var searched time.Time
				for _, e := range form.read(t, w.Body.String()) {
					switch last = e.name; e.name {
					case "action":
						var a map[string]any
						if err := json.Unmarshal(e.data, &a); err != nil {
							t.Fatal(err)
						}
						actions = append(actions, a)
					case "progress":
						var mark struct {
							To time.Time `json:"searched_to"`
						}
						if err := json.Unmarshal(e.data, &mark); err != nil || mark.To.IsZero() {
							t.Errorf("%s: %v", e.data, err)
						}
						marks++
						searched = mark.To
					case "end":
						if err := json.Unmarshal(e.data, &end); err != nil {
							t.Fatal(err)
						}
					}
				}
				if fmt.Sprint(actions) != fmt.Sprint(whole.Actions) {
					t.Errorf("%s %s: got %v, want %v", form.accept, order, ids(actions), ids(whole.Actions))
				}
				if last != "end" || marks == 0 || end.Took == nil || end.Read == nil || end.Partial ||
					(end.NextCursor == nil) != (whole.NextCursor == nil) || (end.PreviousCursor == nil) != (whole.PreviousCursor == nil) {
					t.Errorf("%s %s: %d marks, the last event is %s: %s", form.accept, order, marks, last, w.Body)
				}
				if there && whole.NextCursor != nil || !there && whole.PreviousCursor != nil { // of the last page, the end tells
					wantExactMark(t, searched, (order == "newest") == there, whole.Actions, all)
				}
				if there && whole.NextCursor == nil {
					there = false
				}
				next := end.NextCursor // a stream's cursors are a list's as well
				if !there {
					next = end.PreviousCursor
				}
				if next == nil {
					break
				}
				cursor = *next
			}
			if pages != 4 {
				t.Errorf("%d pages there and back, want 4 steps", pages)
			}
		}
	}
}

// wantExactMark holds the last mark of a full page to what it says: newest first all at or
// after it has been searched, oldest first all before it. All of that is on the page or on
// one before, and only the millisecond of the page's last event may be left.
func wantExactMark(t *testing.T, mark time.Time, newest bool, page []map[string]any, all []store.Action) {
	t.Helper()
	var times []time.Time
	for _, a := range page {
		at, err := time.Parse(time.RFC3339, fmt.Sprint(a["time"]))
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, at)
	}
	oldest, latest := slices.MinFunc(times, time.Time.Compare), slices.MaxFunc(times, time.Time.Compare)
	if newest && mark.After(oldest.Add(time.Millisecond)) || !newest && mark.Before(latest) {
		t.Errorf("searched to %s, newest first is %v, and found from %s to %s", mark, newest, oldest, latest)
	}
	for _, a := range all {
		if newest && a.Time.Before(oldest) && !a.Time.Before(mark) || !newest && a.Time.After(latest) && a.Time.Before(mark) {
			t.Errorf("searched to %s, newest first is %v, without %s", mark, newest, a.Time)
		}
	}
}

func TestMarksAreBoundsThatOnlyMoveOn(t *testing.T) {
	t.Parallel()
	at := func(ms int64) time.Time { return received.Add(time.Duration(ms) * time.Millisecond) }
	type step struct{ last, reached int64 } // of what was found, none for 0, and of where the store stopped
	f := func(order store.Order, steps []step, want ...int64) {
		t.Helper()
		w := httptest.NewRecorder()
		out := stream{eventWriter: newEventWriter(w, ndjsonType), order: order}
		for _, s := range steps {
			var found []store.Action
			if s.last != 0 {
				found = append(found, event(1, func(a *store.Action) { a.Time = at(s.last) }))
			}
			if err := out.progress(&list{}, found, at(s.reached)); err != nil {
				t.Fatal(err)
			}
		}
		var got, wanted []string
		for _, e := range readLines(t, w.Body.String()) {
			if e.name == "progress" {
				got = append(got, string(e.data))
			}
		}
		for _, ms := range want {
			wanted = append(wanted, fmt.Sprintf(`{"searched_to":%q}`, at(ms).Format(store.TimeLayout)))
		}
		if !slices.Equal(got, wanted) {
			t.Errorf("order %d, %v: got %v, want %v", order, steps, got, wanted)
		}
	}
	// Edges of stretches are bounds. Where the page is full, its last event's millisecond
	// may hold more.
	f(store.NewestFirst, []step{{-5, -10}, {0, -40}, {-50, -50}}, -10, -40, -49)
	f(store.OldestFirst, []step{{5, 10}, {0, 40}, {50, 50}}, 10, 40, 50)
	// The time is up before another stretch showed anything.
	f(store.NewestFirst, []step{{0, -10}, {0, -10}}, -10)
	f(store.OldestFirst, []step{{0, 10}, {0, 9}}, 10)
	f(store.OldestFirst, []step{{0, 10}, {10, 10}}, 10)
}

func TestWhoAsksForAStreamGetsErrorsAsProblems(t *testing.T) {
	t.Parallel()
	dead := deadServer(t)
	for _, accept := range []string{ndjsonType, eventsType} {
		for target, status := range map[string]int{"/v1/actions": 503, "/v1/actions?limit=x": 400} {
			w := accepting(t, dead, target, accept)
			if p := decode[Problem](t, w); w.Code != status || p.Status != status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
			}
		}
	}
}

// slow makes the reading of each user agent take so long, in seconds.
func slow(t *testing.T, s *Server, seconds float64) {
	t.Helper()
	replaceAgent(t, s, fmt.Sprintf("sleepEachRow(%g)", seconds))
}

// replaceAgent computes an expression with each user agent that is read.
func replaceAgent(t *testing.T, s *Server, expression string) {
	t.Helper()
	const later = " SETTINGS alter_sync = 0, mutations_sync = 0" // merges may be stopped
	execute(t, s, "ALTER TABLE actions RENAME COLUMN user_agent TO agent"+later)
	execute(t, s, "ALTER TABLE actions ADD COLUMN user_agent String ALIAS if("+expression+" = 0, agent, '')"+later)
}

// execute runs a statement in a server's database, and returns the answer.
func execute(t *testing.T, s *Server, sql string) string {
	t.Helper()
	address, err := url.Parse(s.cfg.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	address.RawQuery, address.Path = url.Values{"database": {strings.Trim(address.Path, "/")}}.Encode(), "/"
	resp, err := http.Post(address.String(), "text/plain", strings.NewReader(sql))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", sql, resp.StatusCode, body, err)
	}
	return string(body)
}

func TestAStreamThatBreaksDoesNotLookWhole(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(1, nil), event(2, func(a *store.Action) { a.Time = received.AddDate(-2, 0, 0) }))
	// The engine fails at the second, long after the first is sent.
	replaceAgent(t, s, "throwIf(time < '2025-06-01')")
	address, stop, ended := serveAt(t, s)
	for accept, last := range map[string]string{ndjsonType: `{"error":{"type":"` + problemURN + `internal"`, eventsType: "event: error\ndata: {\"type\":\"" + problemURN + `internal"`} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/actions", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil || !strings.Contains(string(body), event(1, nil).ID) || !strings.Contains(string(body), last) || strings.Contains(string(body), "end") {
			t.Errorf("%s: %v: %s", accept, err, body)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestPartialPagesAreGoneOnWith(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	const n = 7
	var all []store.Action
	var want []string
	for i := range n {
		all = append(all, event(i, func(a *store.Action) { a.Time = received.AddDate(0, -i, 0) }))
		want = append(want, all[i].ID)
	}
	insert(t, events, all...)
	slow(t, s, 0.1)
	s.cfg.QueryTimeout = 250 * time.Millisecond
	for _, direction := range []string{"there", "back"} {
		query := "/v1/actions?limit=1000"
		cursor := ""
		if direction == "back" {
			keys, err := s.store.CursorKeys(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			cursor = place{Question: sumOf(t, "limit=1000"), Now: received, To: received.AddDate(1, 0, 0), Backward: true, At: &store.Cursor{Time: received.AddDate(-5, 0, 0)}}.encode(keys[0])
		}
		var got []string
		partial := 0
		for range 200 {
			w := get(t, s, query+"&cursor="+cursor)
			if w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			page := decode[listAnswer](t, w)
			next := page.NextCursor
			if direction == "there" {
				got = append(got, ids(page.Actions)...)
			} else {
				got = append(ids(page.Actions), got...)
				next = page.PreviousCursor
			}
			if page.Partial {
				partial++
			}
			if page.Partial && next == nil {
				t.Fatalf("%s: a partial page without a cursor: %s", direction, w.Body)
			}
			if next == nil {
				break
			}
			cursor = *next
		}
		if partial == 0 || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %d partial pages, got %v, want %v", direction, partial, got, want)
		}
	}
}

func TestAClientThatGoesAwayEndsTheEnginesQuery(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	execute(t, s, "SYSTEM STOP MERGES actions")
	for n := range 24 { // a part each, which takes the engine 2.5 s
		insert(t, events, event(n, nil))
	}
	slow(t, s, 2.5)
	running := func() bool {
		return execute(t, s, "SELECT count() FROM system.processes WHERE current_database = currentDatabase() AND query NOT LIKE '%system.processes%'") != "0\n"
	}
	address, stop, ended := serveAt(t, s)
	for _, accept := range []string{jsonType, eventsType} {
		ctx, leave := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1/actions?user_agent=nowhere", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		gone := make(chan error, 1)
		go func() {
			resp, err := http.DefaultClient.Do(r)
			if err == nil {
				err = resp.Body.Close()
			}
			gone <- err
		}()
		embeddedtest.Eventually(t, "the engine is at work", running)
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("the answer came before the client went away: %v", err)
		}
		embeddedtest.Within(t, 15*time.Second, "the engine has nothing left to do", func() bool { return !running() })
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
