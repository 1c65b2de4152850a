package store

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
)

var feedSeed = flag.Uint64("feed.seed", 0, "the seed of TestAFollowerMissesNothingAndRepeatsNothing; 0 for a random one")

// feedWorld is a log in the making, and what its followers have read.
type feedWorld struct {
	t   *testing.T
	s   *Store
	rng *rand.Rand
	// logs are the records of each log, by offset; stored and settled are up to where
	// their rows are there and the ledger says so.
	logs            map[Log][]Action
	stored, settled map[Log]int64
	// late are ranges of the ledger that have still to be written.
	late      []Range
	followers []follower
}

// follower is a poller that stores its position and nothing else.
type follower struct {
	position Position
	read     []Action
}

// TestAFollowerMissesNothingAndRepeatsNothing runs random schedules: producers repeat
// events at higher offsets and in other partitions, rows are there long before they are
// settled, ranges overlap and come in any order, what is there is inserted again, merges
// come at any time.
func TestAFollowerMissesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	seed := *feedSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	for n := range uint64(4) {
		t.Run(fmt.Sprintf("seed %d", seed+n), func(t *testing.T) {
			t.Parallel()
			w := &feedWorld{
				t: t, s: testStore(t), rng: rand.New(rand.NewPCG(seed+n, 1)),
				logs: map[Log][]Action{}, stored: map[Log]int64{}, settled: map[Log]int64{}, followers: make([]follower, 3),
			}
			for range 50 {
				w.step()
			}
			w.end()
			w.verdict()
		})
	}
}

func (w *feedWorld) step() {
	// Topic 2 is topic 1 made again, with the same records in part.
	log := Log{[16]byte{byte(1 + w.rng.IntN(2))}, w.rng.IntN(3)}
	switch w.rng.IntN(10) {
	case 0, 1:
		w.produce(log)
	case 2, 3:
		w.store(log)
	case 4, 5:
		w.settle(log)
	case 6:
		if n := w.stored[log]; n > 0 { // a replay, or an insert that lands once more
			from := w.rng.Int64N(n)
			insert(w.t, w.s, w.logs[log][from:from+1+w.rng.Int64N(n-from)])
		}
	case 7:
		if w.rng.IntN(2) == 0 {
			execute(w.t, w.s, "OPTIMIZE TABLE actions FINAL")
		} else if err := w.s.Checkpoint(w.t.Context(), ""); err != nil {
			w.t.Fatal(err)
		}
	default:
		w.poll(w.rng.IntN(len(w.followers)))
	}
}

// produce appends events to a log: new ones, and repeats of any event that there is.
func (w *feedWorld) produce(log Log) {
	for range 1 + w.rng.IntN(40) {
		offset := int64(len(w.logs[log]))
		n := 1_000_000*int(log.TopicID[0]) + 100_000*log.Partition + int(offset)
		change := func(a *Action) { a.Time = noon.AddDate(w.rng.IntN(4)-2, 0, 0) }
		if w.rng.IntN(4) == 0 {
			from := w.logs[Log{[16]byte{byte(1 + w.rng.IntN(2))}, w.rng.IntN(3)}]
			if w.rng.IntN(3) == 0 {
				from = w.logs[log]
			}
			if len(from) > 0 {
				again := from[w.rng.IntN(len(from))]
				change = func(a *Action) { *a = again }
			}
		}
		a := event(n, change)
		at(log.TopicID[0], log.Partition, offset)(&a)
		w.logs[log] = append(w.logs[log], a)
	}
}

// store inserts what comes next in a log, in several blocks that may be out of order.
func (w *feedWorld) store(log Log) {
	rows := w.logs[log][w.stored[log]:]
	if len(rows) == 0 {
		return
	}
	rows = rows[:1+w.rng.IntN(len(rows))]
	w.stored[log] += int64(len(rows))
	half := w.rng.IntN(len(rows))
	insert(w.t, w.s, rows[half:], rows[:half])
}

// settle writes ranges of the ledger: of what is stored, in any order, overlapping.
func (w *feedWorld) settle(log Log) {
	if from, to := w.settled[log], w.stored[log]; from < to {
		to = from + 1 + w.rng.Int64N(to-from)
		from = max(0, from-w.rng.Int64N(5))
		w.settled[log] = to
		w.late = append(w.late, Range{TopicID: log.TopicID, Topic: "topic", Partition: log.Partition, From: from, To: to})
	}
	w.rng.Shuffle(len(w.late), func(i, j int) { w.late[i], w.late[j] = w.late[j], w.late[i] })
	n := w.rng.IntN(len(w.late) + 1)
	if err := w.s.InsertRanges(w.t.Context(), w.late[:n]); err != nil {
		w.t.Fatal(err)
	}
	w.late = w.late[n:]
}

// poll reads one page and reports whether it was the last.
func (w *feedWorld) poll(n int) bool {
	f := &w.followers[n]
	page := feed(w.t, w.s, Filter{Tenant: "default"}, f.position, 1+w.rng.IntN(30))
	f.position = page.Position
	f.read = append(f.read, page.Actions...)
	return page.CaughtUp
}

// end lets everything be settled and read, also by one who begins only now.
func (w *feedWorld) end() {
	for log := range w.logs {
		for w.stored[log] < int64(len(w.logs[log])) {
			w.store(log)
		}
		for w.settled[log] < w.stored[log] {
			w.settle(log)
		}
	}
	if err := w.s.InsertRanges(w.t.Context(), w.late); err != nil {
		w.t.Fatal(err)
	}
	w.followers = append(w.followers, follower{})
	for n := range w.followers {
		for !w.poll(n) {
		}
	}
}

func (w *feedWorld) verdict() {
	logs := map[Cursor]map[Log]bool{} // where each event is
	for log, rows := range w.logs {
		for _, a := range rows {
			if logs[a.cursor()] == nil {
				logs[a.cursor()] = map[Log]bool{}
			}
			logs[a.cursor()][log] = true
		}
	}
	for n, f := range w.followers {
		times := map[Cursor]map[Log]int{}
		next := map[Log]int64{}
		for _, a := range f.read {
			log := logOf(&a.Origin)
			if a.Origin.Offset < next[log] {
				w.t.Errorf("follower %d reads offset %d of %v after %d", n, a.Origin.Offset, log, next[log])
			}
			next[log] = a.Origin.Offset + 1
			if times[a.cursor()] == nil {
				times[a.cursor()] = map[Log]int{}
			}
			times[a.cursor()][log]++
		}
		for key, in := range logs {
			sum := 0
			for _, k := range times[key] {
				if sum += k; k > 1 {
					w.t.Errorf("follower %d reads %v twice from one log", n, key)
				}
			}
			if sum == 0 || sum > 1 && (len(in) == 1 || n == len(w.followers)-1) {
				w.t.Errorf("follower %d reads %v, which is in %d logs, %d times", n, key, len(in), sum)
			}
		}
		if len(times) != len(logs) {
			w.t.Errorf("follower %d reads %d events of %d", n, len(times), len(logs))
		}
	}
}
