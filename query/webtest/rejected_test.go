package webtest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// reject puts messages among the rejected as ingest does. Their offsets count up.
func (s *service) reject(all ...store.Rejected) []action.Origin {
	s.t.Helper()
	origins := make([]action.Origin, len(all))
	for i := range all {
		s.sent++
		o := &all[i].Origin
		o.Offset = s.sent
		if o.Topic == "" {
			o.Topic = "actions"
		}
		if o.Time.IsZero() {
			o.Time = time.Now().Add(-time.Duration(s.sent) * time.Hour)
		}
		o.Time = o.Time.UTC().Truncate(time.Millisecond)
		origins[i] = *o
	}
	if err := s.store.InsertRejected(s.t.Context(), all); err != nil {
		s.t.Fatal(err)
	}
	return origins
}

// rejection is what ingest says of a value.
func rejection(t *testing.T, value string, headers ...action.Header) store.Rejected {
	t.Helper()
	_, r := action.Decode([]byte(value), action.Origin{Time: time.Now()})
	if r == nil {
		t.Fatalf("%s is accepted", value)
	}
	return store.Rejected{Rejection: *r, Raw: []byte(value), Headers: headers}
}

// wrongMessages are messages that try to break the page, the newest first.
func wrongMessages(t *testing.T) []store.Rejected {
	t.Helper()
	all := []store.Rejected{
		rejection(t, "{\n  \"actor\": {\"id\": \"alice\"},\n  \"actoin\": \"invoice.posted\",\n  \"description\": \"<script>alert(1)</script> & “quotes”\"\n}",
			action.Header{Key: "traceparent", Value: []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")}, action.Header{Key: "binary", Value: []byte{0, 1, 2, 3, 4, 5, 0xff}}),
		rejection(t, `{"actor":{"id":"b`+"\u202e\xff\xfe"+`"},"action":"record.viewed"}`),
		rejection(t, "\x00\x01\x02\x03binary, such as Avro\x89\x90\xff\xfe\x00\x00\x00\x00\x10\x11\x12\x13\x14\x15\x16"),
		rejection(t, `{"actor":{"id":"alice"},"action":"record.viewed","description":"`+strings.Repeat("日本語", 3000)+`"}`),
		rejection(t, `{"actor":{"id":"alice"},"action":"record.viewed","details":{"`+strings.Repeat("x", 48)+`":{"`+strings.Repeat("y", 48)+`":1,"`+strings.Repeat("y", 48)+`":2}}}`),
		rejection(t, ""),
		rejection(t, strings.Repeat("nospace", 2000), slices.Repeat([]action.Header{{Key: strings.Repeat("key", 200), Value: []byte("v")}}, 40)...),
		rejection(t, `["an","array"]`),
	}
	all[4].Origin.Topic = strings.Repeat("a-long-topic-name.", 13)
	return all
}

const (
	rejectedRows = ".log tbody tr"
	whyMenu      = ".pill:nth-of-type(2) summary"
	retryMenu    = ".pill:nth-of-type(3) summary"
)

func (b *Tab) reasons() []string { return b.Texts(".c-why > span") }

// Times are those of who reads them, and so are the days that are asked for: the address
// names their zone.
func TestRejectedPageIsInTheReadersZone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	wrong := rejection(t, `["an","array"]`)
	wrong.Origin.Time = time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	s.reject(wrong)
	b := scripted(t)
	b.Zone("Europe/Berlin")
	b.Go(s.url + "/rejected")
	b.Until("document.querySelector('.log .zone')?.innerText === 'Berlin'")
	if got := b.Text(".c-date time"); got != "2 Jul 2026, 00:30:00" {
		t.Errorf("the date is %q", got)
	}
	b.Go(s.url + "/rejected?from=2026-07-02&to=2026-07-03")
	if got := len(b.Texts(rejectedRows)); got != 1 || b.zone() != "Europe/Berlin" {
		t.Errorf("%d messages of a day of Berlin at %s", got, b.URL())
	}
	shared := b.URL()
	b.Click(dateMenu)
	if got := eval[string](b, "document.querySelector('input[name=from]').value"); got != "2026-07-02T00:00" {
		t.Errorf("the menu says it is from %q", got)
	}
	b.Follow(".pop-date .btn-main")
	if got := len(b.Texts(rejectedRows)); got != 1 || b.zone() != "Europe/Berlin" {
		t.Errorf("applied again, %d messages at %s", got, b.URL())
	}
	b.Follow(".pill-date .pill-x")
	if got := b.zone(); got != "" {
		t.Errorf("without dates the address names the zone %q", got)
	}
	york := scripted(t)
	york.Zone("America/New_York")
	york.Go(shared)
	if got := len(york.Texts(rejectedRows)); got != 1 || york.Text(".log .zone") != "Berlin" {
		t.Errorf("in New York the link shows %d messages in the zone %q", got, york.Text(".log .zone"))
	}
	b.Go(s.url + "/rejected?tz=Mars/X")
	if got := b.Text(".line-err"); !strings.HasPrefix(got, "“Mars/X” is not a time zone") {
		t.Errorf("of a wrong zone it says %q", got)
	}
}

func TestRejectedPageShowsAndFilters(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := Open(t)
	b.Go(s.url + "/rejected")
	if got := b.Text(".state h2"); got != "No message was rejected" {
		t.Errorf("an empty page says %q", got)
	}
	origins := s.reject(wrongMessages(t)...)
	if err := s.store.InsertRetries(t.Context(), origins[1:2], store.Retry{Time: time.Now().Add(-2 * time.Hour), Who: "ann", Note: "after the fix"}); err != nil {
		t.Fatal(err)
	}
	b.Go(s.url + "/rejected")
	all := []string{"unknown_field", "invalid_utf8", "invalid_json", "too_long", "duplicate_field", "empty", "invalid_json", "not_an_object"}
	if got := b.reasons(); !slices.Equal(got, all) {
		t.Fatalf("reasons %q, want %q", got, all)
	}
	if got := b.Texts(".c-place b"); got[0] != "actions" {
		t.Errorf("topics %q", got)
	}
	if got := b.Texts(".c-place .c-sub"); got[1] != "partition 0 · offset 2" {
		t.Errorf("places %q", got)
	}
	if got := b.Texts(".c-subj"); got[0] != "not retried" || got[1] != "retried 2 h ago\nonce by ann" {
		t.Errorf("retries %q", got[:2])
	}
	if got := b.Text(rejectedRows + ":nth-child(1) summary"); !strings.Contains(got, "did you mean action?") {
		t.Errorf("the message is %q", got)
	}
	open := func(n int) string {
		t.Helper()
		row := fmt.Sprintf("%s:nth-child(%d) ", rejectedRows, n)
		b.Click(row + "summary")
		return b.Text(row + ".c-desc")
	}
	has := func(n int, texts ...string) {
		t.Helper()
		got := open(n)
		for _, text := range texts {
			if !strings.Contains(got, text) {
				t.Errorf("row %d lacks %q: %q", n, text, got)
			}
		}
	}
	has(1, "actions/0/1", "<script>alert(1)</script> & “quotes”", "traceparent", "00-4bf92f", "0x000102030405ff", "actionlog rejected retry actions/0/1", "121 bytes")
	has(2, `\u202e\xff\xfe`, "once, the last at", "by ann: after the fix")
	if got := b.Texts(rejectedRows + ":nth-child(2) pre mark"); !slices.Equal(got, []string{`\u202e\xff\xfe`}) {
		t.Errorf("marked: %q", got)
	}
	has(3, "00000000  00 01 02 03 62 69 6e 61", "|....bin")
	has(4, "27,066 bytes. The first 2,047 of them", "actionlog rejected show --raw actions/0/4 writes all of it.")
	has(6, "Value, 0 bytes")
	has(7, "There is more of the headers.")

	b.Click(whyMenu)
	b.Click("input[name=reason][value=empty]")
	b.Click("input[name=reason][value=too_long]")
	b.Follow(".pop-why .btn-main")
	if got := b.reasons(); !slices.Equal(got, []string{"too_long", "empty"}) || !strings.HasSuffix(b.URL(), "/rejected?reason=empty&reason=too_long") {
		t.Errorf("%s shows %q", b.URL(), got)
	}
	b.Follow("a[aria-label='Remove the reason filter']")
	b.Click(retryMenu)
	b.Follow(".pop-why a:nth-child(2)")
	if got := b.reasons(); len(got) != 7 {
		t.Errorf("%s shows %q", b.URL(), got)
	}
	// Every button applies the whole form.
	b.Click(dateMenu)
	b.Type("input[name=from]", fieldKeys(time.Now().UTC().Add(-150*time.Minute)))
	b.Follow(".pop-date .btn-main")
	if got := b.reasons(); !slices.Equal(got, []string{"unknown_field"}) || !strings.Contains(b.URL(), "pending=1") {
		t.Errorf("%s shows %q", b.URL(), got)
	}
	b.Go(s.url + "/rejected?reason=too_many&pending=1")
	if got := b.Texts(".state td:first-child"); !slices.Equal(got, []string{"Reason is too_many", "Retry not retried"}) {
		t.Errorf("nothing found: %q", got)
	}
	b.Follow(".top nav a")
	if !strings.HasSuffix(b.URL(), s.url+"/") {
		t.Errorf("the log is at %s", b.URL())
	}
}

func TestRejectedPagesHoldEveryMessageOnce(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var all []store.Rejected
	for range 120 {
		all = append(all, store.Rejected{Rejection: action.Rejection{Reason: action.ReasonEmpty, Message: "empty"}})
	}
	s.reject(all...)
	place := regexp.MustCompile(`offset (\d+)<`)
	var seen []string
	next := "/rejected?reason=empty"
	for pages := 0; next != "" && pages < 10; pages++ {
		page := get(t, s.url+next)
		for _, match := range place.FindAllStringSubmatch(page.body, -1) {
			seen = append(seen, match[1])
		}
		next = ""
		if match := olderLink.FindStringSubmatch(page.body); match != nil {
			next = strings.ReplaceAll(match[1], "&amp;", "&")
		}
	}
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprint(i+1))
	}
	if !slices.Equal(seen, want) {
		t.Errorf("%d messages: %q", len(seen), seen)
	}
}

func TestRejectedPageIsSafeAndSmall(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var all []store.Rejected
	for range 50 {
		r := rejection(t, strings.Repeat("<&\x01\"", 60_000), slices.Repeat([]action.Header{{Key: strings.Repeat("<", 1000), Value: []byte(strings.Repeat("\xff", 1000))}}, 40)...)
		all = append(all, r)
	}
	s.reject(all...)
	page := get(t, s.url+"/rejected")
	if page.status != http.StatusOK || strings.Contains(page.header.Get("Content-Security-Policy"), "unsafe") || len(page.body) > 8<<20 {
		t.Fatalf("%d, %d bytes, %s", page.status, len(page.body), page.header.Get("Content-Security-Policy"))
	}
	if i := regexp.MustCompile(`(?i)<script>|\sstyle=|\son[a-z]+=|javascript:`).FindString(page.body); i != "" {
		t.Errorf("the page contains %q", i)
	}
	if n := strings.Count(page.body, `<tr role="row">`); n != 51 {
		t.Errorf("%d rows", n)
	}
	// It is for operators: the log's page does not lead there.
	if log := get(t, s.url+"/"); strings.Contains(log.body, "/rejected") {
		t.Error("the log's page links to what was rejected")
	}
}

func TestRejectedPageNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := serve(t)
	f := func(query string, texts ...string) {
		t.Helper()
		a := get(t, s.url+"/rejected?"+query)
		if a.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, a.status)
		}
		for _, text := range append(texts, `role="alert"`, `action="/rejected"`, "Nothing was searched", `href="/rejected"`) {
			if !strings.Contains(a.body, text) {
				t.Errorf("%s: the page lacks %q", query, text)
			}
		}
	}
	f("reason=invalid-json", "did you mean invalid_json?")
	f("from=2026-13-01&reason=empty", "2026-13-01", `value="empty" checked`)
	f("from=2026-11-02&to=2026-11-01", "not before the end")
	f("tenant=x", "no parameter")
	f("cursor=x", "does not lead to a page")
	f("pending=x", "no switch")
	if a := get(t, s.url+"/rejected?reason=&from=2026-11-02&to="); a.status != http.StatusSeeOther || a.header.Get("Location") != "/rejected?from=2026-11-02" {
		t.Errorf("%d, %s", a.status, a.header.Get("Location"))
	}
}

// TestEveryLookOfTheRejectedPage is TestEveryLook for that page.
func TestEveryLookOfTheRejectedPage(t *testing.T) {
	t.Parallel()
	empty := serve(t)
	s := serve(t)
	origins := s.reject(append(wrongMessages(t), wrongMessages(t)...)...)
	if err := s.store.InsertRetries(t.Context(), origins[1:4], store.Retry{Time: time.Now().Add(-2 * time.Hour), Who: "ann", Note: "after the fix"}); err != nil {
		t.Fatal(err)
	}
	gone, err := store.Open("http://127.0.0.1:1/actionlog")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gone.Close() })
	down := serveStore(t, gone, query.Config{ClickHouseDSN: "http://127.0.0.1:1/actionlog", QueryAddr: "127.0.0.1:0", QueryTimeout: 10 * time.Second, QueryConcurrency: 8, ExportConcurrency: 8})
	row := func(n int) string { return fmt.Sprintf("%s:nth-child(%d) summary", rejectedRows, n) }
	looks(t, Open(t), []look{
		{"rejected", s.url + "/rejected", ""},
		{"rejected-row", s.url + "/rejected", row(1)},
		{"rejected-dump", s.url + "/rejected", row(3)},
		{"rejected-long", s.url + "/rejected", row(4)},
		{"rejected-wide", s.url + "/rejected", row(5)},
		{"rejected-headers", s.url + "/rejected", row(7)},
		{"rejected-filtered", s.url + "/rejected?reason=invalid_json&reason=too_long&reason=empty&pending=1&from=2026-01-01T00:00:00Z", ""},
		{"rejected-date", s.url + "/rejected", dateMenu},
		{"rejected-why", s.url + "/rejected?reason=empty", whyMenu},
		{"rejected-retry", s.url + "/rejected?pending=1", retryMenu},
		{"rejected-nothing", s.url + "/rejected?reason=too_many&pending=1", ""},
		{"rejected-first", empty.url + "/rejected", ""},
		{"rejected-wrong", s.url + "/rejected?reason=invalid-json", ""},
		{"rejected-down", down + "/rejected", ""},
	})
}
