package store

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

func TestSettledIsTheEndOfWhatIsDoneFromZero(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	f := func(name string, ranges [][2]int64, offset, highest int64) {
		t.Helper()
		topic := fmt.Sprintf("topic %s", name)
		for _, r := range ranges {
			err := s.InsertRanges(t.Context(), []Range{{TopicID: [16]byte{1}, Topic: topic, Partition: 3, From: r[0], To: r[1], Accepted: r[1] - r[0]}})
			if err != nil {
				t.Fatal(err)
			}
		}
		settled, err := s.Settled(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := settled[[16]byte{1}][3], (Settled{offset, highest}); got != want {
			t.Errorf("%s: %v: got %+v, want %+v", name, ranges, got, want)
		}
	}
	f("nothing", nil, 0, 0)
	f("one range", [][2]int64{{0, 10}}, 10, 10)
	f("ranges that join", [][2]int64{{0, 10}, {10, 11}, {11, 30}}, 30, 30)
	f("written in another order", [][2]int64{{11, 30}, {0, 10}, {10, 11}}, 30, 30)
	f("a gap", [][2]int64{{0, 10}, {11, 30}}, 10, 30)
	f("two gaps", [][2]int64{{0, 10}, {11, 30}, {31, 40}}, 10, 40)
	f("not from zero", [][2]int64{{5, 10}}, 0, 10)
	f("not from zero, then joined ones", [][2]int64{{5, 10}, {10, 20}}, 0, 20)
	f("overlaps", [][2]int64{{0, 10}, {5, 20}, {19, 21}}, 21, 21)
	f("one within another", [][2]int64{{0, 100}, {5, 20}, {50, 60}, {100, 101}}, 101, 101)
	f("one within another, then a gap", [][2]int64{{0, 100}, {5, 20}, {101, 110}}, 100, 110)
	f("the same range twice", [][2]int64{{0, 10}, {0, 10}}, 10, 10)
	f("the same start, other ends", [][2]int64{{0, 10}, {0, 20}, {0, 5}}, 20, 20)
	f("large offsets", [][2]int64{{0, 1 << 62}, {1 << 62, 1<<62 + 1}}, 1<<62+1, 1<<62+1)
}

func TestSettledKeepsTopicsIDsAndPartitionsApart(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	err := s.InsertRanges(t.Context(), []Range{
		{TopicID: [16]byte{1}, Topic: "a", Partition: 0, From: 0, To: 10},
		{TopicID: [16]byte{1}, Topic: "a", Partition: 1, From: 0, To: 20},
		{TopicID: [16]byte{2}, Topic: "a", Partition: 0, From: 10, To: 30},
		{TopicID: [16]byte{3}, Topic: "b", Partition: 0, From: 0, To: 40},
	})
	if err != nil {
		t.Fatal(err)
	}
	settled, err := s.Settled(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := map[[16]byte]map[int]Settled{
		{1}: {0: {10, 10}, 1: {20, 20}},
		{2}: {0: {0, 30}},
	}
	if !reflect.DeepEqual(settled, want) {
		t.Errorf("got %v, want %v", settled, want)
	}
}

func TestLedgerSums(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	err := s.InsertRanges(t.Context(), []Range{
		{TopicID: [16]byte{1}, Topic: "a", From: 0, To: 10, Accepted: 10, FirstTime: noon, LastTime: noon},
		{TopicID: [16]byte{1}, Topic: "a", From: 10, To: 15, Lost: 5, Note: "given up"},
		{TopicID: [16]byte{2}, Topic: "b", Partition: 4, From: 3, To: 5, Rejected: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	partitions, err := s.Ledger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range partitions {
		if time.Since(partitions[i].Written).Abs() > time.Hour {
			t.Errorf("written at %v", partitions[i].Written)
		}
		partitions[i].Written = time.Time{}
	}
	want := []Partition{
		{Topic: "a", TopicID: [16]byte{1}, Settled: Settled{15, 15}, Lost: 5},
		{Topic: "b", TopicID: [16]byte{2}, Partition: 4, Settled: Settled{0, 5}},
	}
	if !reflect.DeepEqual(partitions, want) {
		t.Errorf("got %+v, want %+v", partitions, want)
	}
}

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
			Raw:       append(raw, byte(n)),
		}
		all = append(all, r)
	}
	all[0].Raw = []byte{}
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
			page, err := s.ListRejected(t.Context(), after, limit)
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
		page, err := s.ListRejected(t.Context(), after, 1000)
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
	brief, err := s.ListRejections(t.Context(), nil, 1000)
	if err != nil || len(brief.Rejected) != len(all) || brief.Next != nil || brief.Rejected[0].Raw != nil {
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
		page, err := s.ListRejected(t.Context(), nil, 10)
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
