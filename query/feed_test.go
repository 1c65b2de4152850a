package query

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

type feedAnswer struct {
	Actions         []map[string]any `json:"actions"`
	Position        string           `json:"position"`
	CaughtUp        bool             `json:"caught_up"`
	CompleteThrough *time.Time       `json:"complete_through"`
	TookMS          *int             `json:"took_ms"`
	RowsRead        *int             `json:"rows_read"`
}

// settle says that partition 0 of the topic of events is settled up to an offset.
func settle(t testing.TB, events *store.Store, to int64) {
	t.Helper()
	if err := events.InsertRanges(t.Context(), []store.Range{{Topic: "actions", To: to, Accepted: to}}); err != nil {
		t.Fatal(err)
	}
}

func readFeed(t testing.TB, s *Server, query url.Values) feedAnswer {
	t.Helper()
	w := get(t, s, "/v1/feed?"+query.Encode())
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", query.Encode(), w.Code, w.Body)
	}
	a := decode[feedAnswer](t, w)
	if a.Actions == nil || a.TookMS == nil || a.RowsRead == nil || a.Position == "" || !strings.Contains(w.Body.String(), `"complete_through":`) {
		t.Errorf("%s: members are missing: %s", query.Encode(), w.Body)
	}
	return a
}

func TestTheFeedGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	// Each event is earlier than the one before.
	insert(t, events, event(0, nil), event(1, nil), event(2, full), event(3, nil), event(4, nil))
	first := readFeed(t, s, nil)
	if len(first.Actions) != 0 || !first.CaughtUp {
		t.Errorf("before anything is settled: %+v", first)
	}
	settle(t, events, 3)
	second := readFeed(t, s, url.Values{"after": {first.Position}, "limit": {"2"}})
	if got := ids(second.Actions); fmt.Sprint(got) != "[id-00000 id-00001]" || second.CaughtUp {
		t.Errorf("got %v, caught up: %v", got, second.CaughtUp)
	}
	third := readFeed(t, s, url.Values{"after": {second.Position}})
	if got := ids(third.Actions); len(got) != 1 || got[0] != `odd/id?%2F & <b>"ü"` || !third.CaughtUp || third.CompleteThrough != nil {
		t.Errorf("got %+v", third)
	}
	now := readFeed(t, s, url.Values{"after": {"now"}})
	if len(now.Actions) != 0 || !now.CaughtUp || now.Position != third.Position {
		t.Errorf("now: %+v", now)
	}
	through := received.Add(1234 * time.Millisecond)
	if err := events.InsertCompleteness(t.Context(), []store.Completeness{{Topic: "feed", Partitions: 1, Through: through}}); err != nil {
		t.Fatal(err)
	}
	settle(t, events, 5)
	s.cfg.Topic = "feed"
	embeddedtest.Eventually(t, "complete_through", func() bool { return readFeed(t, s, nil).CompleteThrough != nil })
	last := readFeed(t, s, url.Values{"after": {now.Position}, "actor": {"u-1"}})
	if got := ids(last.Actions); fmt.Sprint(got) != "[id-00003 id-00004]" || !last.CaughtUp || last.CompleteThrough == nil || !last.CompleteThrough.Equal(through) {
		t.Errorf("got %+v", last)
	}
	none := readFeed(t, s, url.Values{"actor": {"nobody"}})
	if len(none.Actions) != 0 || !none.CaughtUp || none.Position != last.Position {
		t.Errorf("a filter that nothing matches: %+v", none)
	}
}

func TestPositionsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	good := encodePosition(store.Position{{TopicID: [16]byte{1}, Partition: 3}: 5})
	f := func(path, after string, header bool) {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		parameter := "after"
		if header {
			r.Header.Set("Last-Event-ID", after)
			parameter = "Last-Event-ID"
		} else {
			r.URL.RawQuery = url.Values{"after": {after}}.Encode()
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if p := decode[Problem](t, w); w.Code != http.StatusBadRequest || p.Parameter != parameter || !strings.Contains(p.Detail, "position") {
			t.Errorf("%s %q: %d %s", path, after, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/v1/feed", "/v1/tail"} {
		f(path, "x", false)
		f(path, good[:len(good)-1], false)
		f(path, good+"A", false)
		f(path, place{}.encode(testKeys[0]), false)
		f(path, strings.Repeat("A", maxPosition+1), false)
		f(path, seal([]byte{feedPosition, 1}), false)
	}
	f("/v1/tail", "x", true)
}

func TestPositionsSurviveTheirEncoding(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		p := store.Position{}
		for range rng.IntN(20) {
			p[store.Log{TopicID: [16]byte{byte(rng.IntN(3))}, Partition: rng.IntN(1 << rng.IntN(31))}] = rng.Int64() >> rng.IntN(63)
		}
		if got, err := decodePosition(encodePosition(p)); err != nil || !maps.Equal(got, p) {
			t.Fatalf("got %v, %v, want %v", got, err, p)
		}
	}
	p := store.Position{}
	for n := range 4000 {
		p[store.Log{TopicID: [16]byte{1}, Partition: n}] = 1 << 40
	}
	if got, err := decodePosition(encodePosition(p)); err != nil || !maps.Equal(got, p) {
		t.Errorf("4000 partitions: %v", err)
	}
}

// sse is one event of a stream, or one comment.
type sse struct{ id, event, data, comment string }

// listen opens a tail and returns what reads the next thing that is sent, which is empty
// at the end.
func listen(t testing.TB, address, query, last string) func() sse {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/tail?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s %v", query, response.Status, response.Header)
	}
	lines := bufio.NewReader(response.Body)
	return func() (got sse) {
		t.Helper()
		for {
			line, err := lines.ReadString('\n')
			if err == io.EOF && line == "" {
				return got
			}
			if err != nil {
				t.Fatal(err)
			}
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			value = strings.TrimPrefix(value, " ")
			switch {
			case !ok:
				if got != (sse{}) {
					return got
				}
			case name == "id":
				got.id = value
			case name == "event":
				got.event = value
			case name == "data":
				got.data += value
			case name == "":
				got.comment = "heartbeat"
			case name != "retry":
				t.Fatalf("%q", line)
			}
		}
	}
}

func TestATailSendsWhatComesAndResumes(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	insert(t, events, event(0, nil), event(1, full), event(2, nil), event(3, nil))
	settle(t, events, 1)
	address, stop, ended := serveAt(t, s)
	next := listen(t, address, "", "")
	from := next()
	if from.event != "position" || from.id != readFeed(t, s, url.Values{"after": {"now"}}).Position {
		t.Errorf("a tail begins with %+v", from)
	}
	settle(t, events, 3)
	one, two := next(), next()
	if one.event != "action" || !strings.Contains(one.data, `"details":{"b": 1.50, "a":"<&>"}`) || !strings.Contains(two.data, "id-00002") {
		t.Errorf("got %+v and %+v", one, two)
	}
	if want := strings.ReplaceAll(get(t, s, "/v1/actions/"+url.PathEscape(`odd/id?%2F & <b>"ü"`)).Body.String(), "\n", " "); !strings.HasPrefix(want, strings.TrimSuffix(one.data, "}")+`,"partial":`) {
		t.Errorf("got  %s\nwant %s", one.data, want)
	}
	// One who comes back goes on behind the last event that they got, whatever the URL says.
	again := listen(t, address, "after="+from.id, one.id)
	if got := again(); got.event != "position" || got.id != one.id {
		t.Errorf("a tail that resumes begins with %+v", got)
	}
	if got := again(); got != two {
		t.Errorf("got %+v, want %+v", got, two)
	}
	filtered := listen(t, address, "actor=u-2&after="+from.id, "")
	if _, got := filtered(), filtered(); got.data != one.data {
		t.Errorf("got %+v, want %s", got, one.data)
	}
	// A feed goes on where a tail was, too.
	if got := ids(readFeed(t, s, url.Values{"after": {one.id}}).Actions); fmt.Sprint(got) != "[id-00002]" {
		t.Errorf("got %v", got)
	}
	settle(t, events, 4)
	if got := next(); !strings.Contains(got.data, "id-00003") {
		t.Errorf("got %+v", got)
	}
	stop() // at once: tails do not hold it up
	if got := next(); got != (sse{}) {
		t.Errorf("at the end there is %+v", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestATailSaysThatItIsAliveAndWhereItIs(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	s.heartbeat = 20 * time.Millisecond
	insert(t, events, event(0, nil))
	address, stop, ended := serveAt(t, s)
	next := listen(t, address, "actor=nobody", "")
	from := next()
	if got := next(); got.comment == "" {
		t.Errorf("got %+v instead of a heartbeat", got)
	}
	settle(t, events, 1)
	got := next()
	for got.event == "" {
		got = next()
	}
	if got.event != "position" || got.id == from.id || got.id != readFeed(t, s, nil).Position {
		t.Errorf("got %+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestATailOutlivesTheDatabase(t *testing.T) {
	t.Parallel()
	dsn := embeddedtest.Database(t)
	if _, err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var away atomic.Bool
	var refused atomic.Int64
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: target.Host})
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away.Load() {
			refused.Add(1)
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(between.Close)
	s, _ := serverOf(t, strings.Replace(dsn, target.Host, strings.TrimPrefix(between.URL, "http://"), 1))
	events, err := store.Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = events.Close() })
	insert(t, events, event(0, nil))
	address, stop, ended := serveAt(t, s)
	next := listen(t, address, "", "")
	next()
	away.Store(true)
	settle(t, events, 1)
	embeddedtest.Eventually(t, "the tail to ask in vain", func() bool { return refused.Load() > 2 })
	away.Store(false)
	if got := next(); !strings.Contains(got.data, "id-00000") {
		t.Errorf("got %+v", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestATailEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s, _ := testServer(t)
	gone := make(chan error, 1)
	withRoute(s, route{path: "/v1/tail", parameters: tailParameters, unbounded: true, handle: func(w http.ResponseWriter, r *http.Request, p params) error {
		err := s.tail(w, r, p)
		gone <- err
		return err
	}})
	address, stop, ended := serveAt(t, s)
	response, err := http.Get("http://" + address + "/v1/tail")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if err := <-gone; err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheFeedNeedsTheStore(t *testing.T) {
	t.Parallel()
	s := deadServer(t)
	for _, path := range []string{"/v1/feed", "/v1/tail", "/v1/feed?after=now"} {
		if w := get(t, s, path); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}
