package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"
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
