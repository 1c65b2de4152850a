package store

import (
	"testing"
	"time"
)

func TestALogIsCompleteThroughTheEarliestOfItsPartitions(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	f := func(name string, want *time.Time, facts ...Completeness) {
		t.Helper()
		if err := s.InsertCompleteness(t.Context(), facts); err != nil {
			t.Fatal(err)
		}
		got, err := s.CompleteThrough(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if (got == nil) != (want == nil) || got != nil && !got.Equal(*want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	fact := func(topic byte, partition, partitions, seconds int) Completeness {
		return Completeness{TopicID: [16]byte{topic}, Topic: "a", Partition: partition, Partitions: partitions, Through: at(seconds)}
	}
	f("nothing", nil)
	f("another topic", nil, Completeness{TopicID: [16]byte{9}, Topic: "b", Partitions: 1, Through: noon})
	f("one of two", nil, fact(1, 0, 2, 10))
	f("both", new(at(5)), fact(1, 1, 2, 5))
	f("one goes on", new(at(5)), fact(1, 0, 2, 20))
	f("the other too", new(at(15)), fact(1, 1, 2, 15))
	f("what was stated before lands late", new(at(15)), fact(1, 1, 2, 7))
	f("a partition more", nil, fact(1, 0, 3, 30))
	f("which is complete", new(at(15)), fact(1, 2, 3, 30))
	f("made again", nil, fact(2, 0, 2, 40))
	f("and complete", new(at(40)), fact(2, 1, 2, 41))
	execute(t, s, "OPTIMIZE TABLE completeness FINAL")
	f("merged", new(at(40)))
}
