package store

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestRejectedIsListedOnceAndNewestFirst(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "SYSTEM STOP MERGES rejected")
	raw := []byte{0, 0xff, '\'', '\\', '\n', '{'}
	var all []Rejected
	for n := range 30 {
		r := Rejected{
			Rejection: action.Rejection{Reason: action.ReasonTooLong, Field: `details["a'b"]`, Message: "it's too long\n"},
			Origin:    action.Origin{TopicID: [16]byte{1}, Topic: "actions", Partition: n % 3, Offset: int64(n), Time: noon.Add(time.Duration(n/10) * time.Second)},
			Raw:       append(raw, byte(n)), Size: len(raw) + 1,
			Headers: []action.Header{{Key: "ce_id", Value: []byte{0xff, byte(n)}}, {Key: "", Value: []byte{}}, {Key: "ce_id", Value: []byte("again")}},
		}
		all = append(all, r)
	}
	all[0].Raw, all[0].Size, all[0].Headers = []byte{}, 0, nil
	all[1].Origin.TopicID = [16]byte{2}
	for range 3 {
		if err := s.InsertRejected(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	if physical := count(t, s, "SELECT count() FROM rejected"); physical != 90 {
		t.Fatalf("%d rows: the engine holds no repeats to pass over", physical)
	}
	for _, limit := range []int{1, 4, 29, 30, 31} {
		var got []Rejected
		var after *RejectedCursor
		for {
			page, err := s.ListRejected(t.Context(), RejectedFilter{}, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Rejected...)
			if after = page.Next; after == nil {
				break
			}
			if len(page.Rejected) != limit {
				t.Fatalf("a page of %d has %d", limit, len(page.Rejected))
			}
		}
		if len(got) != len(all) {
			t.Fatalf("limit %d: %d messages, want %d", limit, len(got), len(all))
		}
		for i := 1; i < len(got); i++ {
			if got[i].Origin.Time.After(got[i-1].Origin.Time) {
				t.Errorf("limit %d: message %d is newer than the one before", limit, i)
			}
		}
		for _, r := range got {
			if want := all[r.Origin.Offset]; !reflect.DeepEqual(r, want) {
				t.Errorf("got %+v, want %+v", r, want)
			}
		}
	}
}

func TestAPageOfLongRejectedMessagesEndsEarly(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Rejected
	for n := range 20 {
		all = append(all, Rejected{Origin: action.Origin{Topic: "a", Offset: int64(n), Time: noon}, Raw: text1MiB()})
	}
	if err := s.InsertRejected(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	var after *RejectedCursor
	for {
		page, err := s.ListRejected(t.Context(), RejectedFilter{}, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(page.Rejected))
		if after = page.Next; after == nil {
			break
		}
	}
	if !slices.Equal(sizes, []int{8, 8, 4}) {
		t.Errorf("pages of %v, want 8, 8 and 4", sizes)
	}
	brief, err := s.PreviewRejected(t.Context(), RejectedFilter{}, nil, 1000, 0)
	if err != nil || len(brief.Rejected) != len(all) || brief.Next != nil || len(brief.Rejected[0].Raw) != 0 || brief.Rejected[0].Size != 1<<20 {
		t.Errorf("without values: %d messages, %v", len(brief.Rejected), err)
	}
}

func TestRejectedTimesBeyondWhatCanBeStoredAreKeptAtTheBound(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	f := func(offset int64, at, want time.Time) {
		t.Helper()
		err := s.InsertRejected(t.Context(), []Rejected{{Origin: action.Origin{Topic: "a", Offset: offset, Time: at}}})
		if err != nil {
			t.Fatal(err)
		}
		page, err := s.ListRejected(t.Context(), RejectedFilter{}, nil, 10)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(page.Rejected, func(r Rejected) bool { return r.Origin.Offset == offset })
		if i < 0 {
			t.Errorf("%v did not come back", at)
		} else if got := page.Rejected[i].Origin.Time; !got.Equal(want) {
			t.Errorf("%v came back as %v, want %v", at, got, want)
		}
	}
	f(1, time.Time{}, minStored)
	f(2, time.UnixMilli(-1), time.UnixMilli(-1))
	f(3, time.UnixMilli(1<<53), maxStored)
	f(4, noon, noon)
}

// rejectedAt returns a message that was rejected, n minutes after noon.
func rejectedAt(n int, change func(*Rejected)) Rejected {
	r := Rejected{
		Rejection: action.Rejection{Reason: action.ReasonInvalidJSON, Message: "wrong"},
		Origin:    action.Origin{TopicID: [16]byte{1}, Topic: "actions", Offset: int64(n), Time: noon.Add(time.Duration(n) * time.Minute)},
		Raw:       fmt.Appendf(nil, "message %d", n),
	}
	if change != nil {
		change(&r)
	}
	return r
}

func insertRejected(t *testing.T, s *Store, all ...Rejected) {
	t.Helper()
	if err := s.InsertRejected(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func offsets(rows []Rejected) []int64 {
	all := []int64{}
	for _, r := range rows {
		all = append(all, r.Origin.Offset)
	}
	return all
}

func TestRejectedFilters(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	all := []Rejected{
		rejectedAt(0, nil),
		rejectedAt(1, func(r *Rejected) { r.Reason = action.ReasonTooLong }),
		rejectedAt(2, func(r *Rejected) { r.Origin.Topic = "o'ther" }),
		rejectedAt(3, func(r *Rejected) { r.Reason = action.ReasonEmpty }),
		rejectedAt(4, nil),
	}
	insertRejected(t, s, all...)
	// The third one's offset is another message's in other topics and partitions.
	if err := s.InsertRetries(t.Context(), []action.Origin{
		all[0].Origin, all[3].Origin, {TopicID: [16]byte{1}, Topic: "actions", Offset: 2}, {TopicID: [16]byte{1}, Topic: "o'ther", Partition: 1, Offset: 2},
	}, Retry{Time: noon, Who: "ann"}); err != nil {
		t.Fatal(err)
	}
	f := func(f RejectedFilter, want ...int64) {
		t.Helper()
		for _, limit := range []int{1, 2, 1000} {
			got := []int64{}
			var after *RejectedCursor
			for {
				page, err := s.PreviewRejected(t.Context(), f, after, limit, 0)
				if err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				got = append(got, offsets(page.Rejected)...)
				if after = page.Next; after == nil {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v by %d: got %v, want %v", f, limit, got, want)
			}
		}
	}
	at := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }
	f(RejectedFilter{}, 4, 3, 2, 1, 0)
	f(RejectedFilter{Reasons: []action.Reason{action.ReasonTooLong}}, 1)
	f(RejectedFilter{Reasons: []action.Reason{action.ReasonTooLong, action.ReasonEmpty}}, 3, 1)
	f(RejectedFilter{From: at(1), To: at(3)}, 2, 1)
	f(RejectedFilter{From: at(1).Add(time.Nanosecond)}, 4, 3, 2)
	f(RejectedFilter{To: at(1)}, 0)
	f(RejectedFilter{Topic: "o'ther"}, 2)
	f(RejectedFilter{Pending: true}, 4, 2, 1)
	f(RejectedFilter{Pending: true, Topic: "actions", To: at(4)}, 1)
	f(RejectedFilter{Reasons: []action.Reason{action.ReasonTooMany}})
}

func TestRetriesAreCountedOnce(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "SYSTEM STOP MERGES retries")
	one, two := rejectedAt(1, nil), rejectedAt(2, func(r *Rejected) { r.Origin.Topic = "o'ther" })
	insertRejected(t, s, one, two, rejectedAt(3, nil))
	later := Retry{Time: noon.Add(time.Hour), Who: "bob's", Note: "after the fix"}
	for range 3 { // as often as it was not known whether it arrived
		if err := s.InsertRetries(t.Context(), []action.Origin{one.Origin, two.Origin}, later); err != nil {
			t.Fatal(err)
		}
		if err := s.InsertRetries(t.Context(), []action.Origin{one.Origin}, Retry{Time: noon, Who: "ann"}); err != nil {
			t.Fatal(err)
		}
	}
	if physical := count(t, s, "SELECT count() FROM retries"); physical != 9 {
		t.Fatalf("%d rows: the engine holds no repeats to pass over", physical)
	}
	page, err := s.ListRejected(t.Context(), RejectedFilter{}, nil, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Rejected{{Retries: 0}, {Retries: 1, Last: later}, {Retries: 2, Last: later}} {
		if got := page.Rejected[i]; got.Retries != want.Retries || got.Last != want.Last {
			t.Errorf("offset %d: %d retries, the last %+v; want %d, %+v", got.Origin.Offset, got.Retries, got.Last, want.Retries, want.Last)
		}
	}
}

func TestRetriesOfAPageOfLongTopicNames(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Rejected
	var origins []action.Origin
	for n := range 1000 {
		r := rejectedAt(n, func(r *Rejected) { r.Origin.Topic = strings.Repeat("t", 249) })
		all, origins = append(all, r), append(origins, r.Origin)
	}
	insertRejected(t, s, all...)
	if err := s.InsertRetries(t.Context(), origins, Retry{Time: noon, Who: "ann"}); err != nil {
		t.Fatal(err)
	}
	page, err := s.PreviewRejected(t.Context(), RejectedFilter{}, nil, 1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Rejected {
		if r.Retries != 1 {
			t.Fatalf("offset %d: %d retries", r.Origin.Offset, r.Retries)
		}
	}
}

func TestRejectedAtAnAddress(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "SYSTEM STOP MERGES rejected")
	old := rejectedAt(7, nil)
	anew := rejectedAt(7, func(r *Rejected) { r.Origin.TopicID, r.Origin.Time = [16]byte{2}, noon.Add(time.Hour) })
	insertRejected(t, s, old, anew, rejectedAt(8, nil), rejectedAt(7, func(r *Rejected) { r.Origin.Partition = 1 }))
	for range 12 { // repeats do not hide another message
		insertRejected(t, s, anew)
	}
	if err := s.InsertRetries(t.Context(), []action.Origin{anew.Origin}, Retry{Time: noon, Who: "ann"}); err != nil {
		t.Fatal(err)
	}
	f := func(text string, want ...Rejected) {
		t.Helper()
		at, err := ParseAddress(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.RejectedAt(t.Context(), at)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: %+v, %v", text, got, err)
		}
		for i := range want {
			if got[i].Origin != want[i].Origin || string(got[i].Raw) != string(want[i].Raw) || got[i].Retries != int(want[i].Origin.TopicID[0]-1) {
				t.Errorf("%s: got %+v, want %+v", text, got[i], want[i])
			}
		}
	}
	f("actions/0/7", anew, old)
	f(AddressOf(old.Origin, true).String(), old)
	f(AddressOf(anew.Origin, true).String(), anew)
	f("actions/0/9")
	f("other/0/7")
	f("actions@" + uuid.NewString() + "/0/7")
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"actions/0/0", "a.b_c-d/2147483647/9223372036854775807", "actions@00000000-0000-0000-0000-000000000001/3/17"} {
		if a, err := ParseAddress(text); err != nil || a.String() != text {
			t.Errorf("%s: %v, %v", text, a, err)
		}
	}
	f := func(text, want string) {
		t.Helper()
		if a, err := ParseAddress(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want an error with %q", text, a, err, want)
		}
	}
	for _, text := range []string{"", "actions", "actions/0", "/0/1", "a/b/c", "a/-1/0", "a/0/-1", "a/0/1/2", "a/0/9223372036854775808"} {
		f(text, "give topic/partition/offset, as actions/0/17")
	}
	f("actions@x/0/1", `the topic id "x", which is not a UUID`)
}

func TestPreviewsAreCut(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	long := rejectedAt(1, func(r *Rejected) {
		r.Raw = []byte(strings.Repeat("x", 5000))
		for range 40 {
			r.Headers = append(r.Headers, action.Header{Key: strings.Repeat("k", 5000), Value: []byte("v")})
		}
	})
	insertRejected(t, s, long)
	page, err := s.PreviewRejected(t.Context(), RejectedFilter{}, nil, 10, 100)
	if err != nil || len(page.Rejected) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	got := page.Rejected[0]
	if len(got.Raw) != 100 || got.Size != 5000 || len(got.Headers) != PreviewHeaders || len(got.Headers[0].Key) != 100 || string(got.Headers[31].Value) != "v" {
		t.Errorf("%d of %d bytes, %d headers", len(got.Raw), got.Size, len(got.Headers))
	}
}

func TestMessagesRejectedBeforeThereWereHeaders(t *testing.T) {
	t.Parallel()
	dsn := embeddedtest.Database(t)
	s, err := Open(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	migrations, err := Migrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range migrations[0].Statements {
		execute(t, s, statement)
	}
	execute(t, s, "INSERT INTO rejected VALUES (generateUUIDv4(), 'actions', 0, 1, now64(3), 'empty', '', 'wrong', 'raw')")
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	page, err := s.ListRejected(t.Context(), RejectedFilter{}, nil, 10)
	if err != nil || len(page.Rejected) != 1 || page.Rejected[0].Headers != nil || string(page.Rejected[0].Raw) != "raw" {
		t.Errorf("%+v, %v", page, err)
	}
}
