package store

import (
	"fmt"
	"math/rand/v2"
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

func TestCheckpointsAnswerAsTheRangesDo(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	// Ranges that land in any order, overlap and leave gaps for a while, in two topics of
	// one name. Whether and when a checkpoint is written must make no difference.
	random := rand.New(rand.NewPCG(7, 7))
	var ends [2][3]int64
	var late []Range
	for range 40 {
		var ranges []Range
		for id := range ends {
			for p := range ends[id] {
				from := max(0, ends[id][p]-random.Int64N(8))
				to := ends[id][p] + random.Int64N(10)
				ends[id][p] = max(to, ends[id][p])
				r := Range{TopicID: [16]byte{byte(id + 1)}, Topic: "a", Partition: p, From: from, To: max(from, to)}
				if random.IntN(4) == 0 {
					late = append(late, r)
				} else {
					ranges = append(ranges, r)
				}
			}
		}
		if len(late) > 6 {
			ranges, late = append(ranges, late...), nil
		}
		if err := s.InsertRanges(t.Context(), ranges); err != nil {
			t.Fatal(err)
		}
		if random.IntN(3) == 0 {
			if err := s.Checkpoint(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Settled(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		want := map[[16]byte]map[int]Settled{}
		partitions, err := s.Ledger(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range partitions {
			if want[p.TopicID] == nil {
				want[p.TopicID] = map[int]Settled{}
			}
			want[p.TopicID][p.Partition] = p.Settled
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("with checkpoints %v, without %v", got, want)
		}
	}
	if n := count(t, s, "SELECT count() FROM checkpoints"); n == 0 {
		t.Error("no checkpoint was written")
	}
}

func TestTheHighestCheckpointCounts(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	id := [16]byte{1}
	for _, to := range []int64{10, 30} {
		if err := s.InsertRanges(t.Context(), []Range{{TopicID: id, Topic: "a", From: 0, To: to}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Checkpoint(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
	// A stalled process writes what it knew long ago.
	execute(t, s, "INSERT INTO checkpoints (topic, topic_id, partition, offset) SELECT topic, topic_id, partition, 10 FROM checkpoints LIMIT 1")
	execute(t, s, "TRUNCATE TABLE ledger")
	for range 2 {
		settled, err := s.Settled(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := settled[id][0], (Settled{30, 30}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		execute(t, s, "OPTIMIZE TABLE checkpoints FINAL")
	}
}

// TestSettledReadsLittleOfALongLedger counts what the engine reads: after a checkpoint
// only the parts of the index at the ends of the partitions.
func TestSettledReadsLittleOfALongLedger(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	const perPartition = 100_000
	fillLedger(t, s, 4, perPartition)
	before := rowsRead(t, s)
	want, err := s.Settled(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	after := rowsRead(t, s)
	got, err := s.Settled(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("with a checkpoint: got %v, want %v", got, want)
	}
	const granule = 8192
	if before < 4*perPartition || after > 8*granule {
		t.Errorf("the engine reads %d rows, and after a checkpoint %d; want all, and then %d at most", before, after, 8*granule)
	}
}

func TestSettledOfAThousandPartitions(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	const partitions = 1000
	fillLedger(t, s, partitions, 3)
	for range 2 {
		settled, err := s.Settled(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := settled[[16]byte{1}][partitions-1], (Settled{300, 300}); len(settled[[16]byte{1}]) != partitions || got != want {
			t.Errorf("%d partitions, the last one: got %+v, want %+v", len(settled[[16]byte{1}]), got, want)
		}
		if err := s.Checkpoint(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
	}
}

// fillLedger adds ranges of 100 offsets each to every partition of topic a.
func fillLedger(t testing.TB, s *Store, partitions, ranges int) {
	t.Helper()
	execute(t, s, fmt.Sprintf("INSERT INTO ledger (topic, topic_id, partition, `from`, `to`, accepted) "+
		"SELECT 'a', toUUID('01000000-0000-0000-0000-000000000000'), number %% %d, intDiv(number, %[1]d) * 100 AS start, start + 100, 100 FROM numbers(%d)", partitions, partitions*ranges))
}

// rowsRead returns how many rows of the ledger the question of Settled reads, by the
// engine's plan.
func rowsRead(t testing.TB, s *Store) int {
	t.Helper()
	query, args, err := s.settledQuery(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	estimates, err := collect(t.Context(), s.conn, "SELECT rows FROM (EXPLAIN ESTIMATE "+query+") WHERE table = 'ledger'", args,
		func(n *uint64) []any { return []any{n} })
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range estimates {
		sum += int(n)
	}
	return sum
}

func BenchmarkSettled(b *testing.B) {
	for _, checkpoint := range []bool{false, true} {
		b.Run(fmt.Sprintf("2M_ranges/checkpoint=%t", checkpoint), func(b *testing.B) {
			s := testStore(b)
			fillLedger(b, s, 4, 500_000)
			if checkpoint {
				if err := s.Checkpoint(b.Context(), "a"); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := s.Settled(b.Context(), "a"); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rowsRead(b, s)), "rows")
		})
	}
}

func BenchmarkLedger(b *testing.B) {
	s := testStore(b)
	fillLedger(b, s, 4, 500_000)
	for b.Loop() {
		if _, err := s.Ledger(b.Context(), ""); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLedgerSums(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	err := s.InsertRanges(t.Context(), []Range{
		{TopicID: [16]byte{1}, Topic: "a", From: 0, To: 10, Accepted: 7, Rejected: 2, Skipped: 1, FirstTime: noon, LastTime: noon},
		{TopicID: [16]byte{1}, Topic: "a", From: 10, To: 15, Lost: 5, Note: "given up"},
		{TopicID: [16]byte{1}, Topic: "a", From: 2, To: 17, Accepted: 14, Rejected: 1},
		{TopicID: [16]byte{1}, Topic: "a", From: 4, To: 6, Accepted: 2},
		{TopicID: [16]byte{1}, Topic: "a", From: 20, To: 21, Accepted: 1},
		{TopicID: [16]byte{1}, Topic: "a", From: 30, To: 32, Accepted: 2},
		{TopicID: [16]byte{2}, Topic: "b", Partition: 4, From: 3, To: 5, Rejected: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := Partition{
		Topic: "a", TopicID: [16]byte{1}, Settled: Settled{17, 32}, Accepted: 26, Rejected: 3, Skipped: 1, Lost: 5,
		Overlap: 8 + 2 + 5, GapCount: 2, Gaps: []Span{{17, 20}, {21, 30}},
	}
	b := Partition{Topic: "b", TopicID: [16]byte{2}, Partition: 4, Settled: Settled{0, 5}, Rejected: 2, GapCount: 1, Gaps: []Span{{0, 3}}}
	f := func(topic string, want ...Partition) {
		t.Helper()
		partitions, err := s.Ledger(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		for i := range partitions {
			p := &partitions[i]
			if time.Since(p.Written).Abs() > time.Hour {
				t.Errorf("written at %v", p.Written)
			}
			p.Written = time.Time{}
			covered := p.Settled.Highest
			for _, g := range p.Gaps {
				covered -= g.To - g.From
			}
			if got := p.Accepted + p.Rejected + p.Skipped + p.Lost - p.Overlap; got != covered {
				t.Errorf("%s: the sums make %d offsets, and %d are covered", p.Topic, got, covered)
			}
		}
		if !reflect.DeepEqual(partitions, want) {
			t.Errorf("got %+v, want %+v", partitions, want)
		}
	}
	f("", a, b)
	f("b", b)
	f("c")
}

func TestLedgerNamesTheFirstGapsOfMany(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "INSERT INTO ledger (topic, topic_id, partition, `from`, `to`, accepted) SELECT 'a', toUUID('01000000-0000-0000-0000-000000000000'), 0, number * 3 + 2, number * 3 + 3, 1 FROM numbers(100000)")
	partitions, err := s.Ledger(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if len(partitions) != 1 || partitions[0].GapCount != 100_000 || len(partitions[0].Gaps) != 100 || partitions[0].Gaps[99] != (Span{297, 299}) {
		t.Errorf("got %+v", partitions)
	}
}
