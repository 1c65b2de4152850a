package ingest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/store"
)

// replay replays a stretch of the bundle's topic.
func (b *bundle) replay(r ingest.Replay) ingest.Replayed {
	b.t.Helper()
	done, err := b.ingester(b.store).Replay(b.t.Context(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return done
}

// contents is everything that the store shows of the bundle's topic, as text, and the
// number of rows that are left when all repeats are merged.
func (b *bundle) contents() (string, int) {
	b.t.Helper()
	var all []string
	err := b.store.Each(b.t.Context(), store.Filter{Tenant: "default"}, func(a *store.Action) error {
		line, err := json.Marshal(a)
		all = append(all, string(line))
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range b.rejected() {
		all = append(all, fmt.Sprintf("%+v", r))
	}
	b.execute("OPTIMIZE TABLE actions FINAL")
	return strings.Join(all, "\n"), b.physicalRows()
}

func TestReplayRepairsWhatIsDamagedAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 3)
	const events = 300
	months := func(n int) string {
		return time.Date(2024, time.Month(1+n%12), 5, 1, 2, 3, 0, time.UTC).Format(time.RFC3339)
	}
	var messages []kafka.Message
	for n := range events {
		messages = append(messages, kafka.Message{Partition: n % 3, Value: fmt.Appendf(nil, `{"id":"%d","time":%q,"actor":{"id":"a"},"action":"x.y"}`, n, months(n))})
		if n%10 == 0 {
			messages = append(messages, kafka.Message{Partition: n % 3, Value: fmt.Appendf(nil, "broken %d", n)})
		}
	}
	b.produce(messages...)
	r := b.start(b.store)
	b.waitSettled(events + events/10)
	want, rows := b.contents()
	if rows != events {
		t.Fatalf("%d rows, want %d", rows, events)
	}
	all := ingest.Replay{Partition: -1}
	f := func(name string) {
		t.Helper()
		if got, want := b.replay(all), (ingest.Replayed{Records: events + events/10, Accepted: events, Rejected: events / 10}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		if got, n := b.contents(); got != want || n != rows {
			t.Errorf("%s: %d rows, want %d; got %s\nwant %s", name, n, rows, got, want)
		}
	}
	f("beside the service")
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	f("without the service")
	b.execute("ALTER TABLE actions DELETE WHERE offset % 3 = 0 SETTINGS mutations_sync = 2")
	b.execute("TRUNCATE TABLE rejected")
	f("after rows were deleted")
	b.execute("ALTER TABLE actions DROP PARTITION '2024-01-01'")
	f("after a quarter was dropped")
	b.execute("TRUNCATE TABLE ledger")
	b.execute("TRUNCATE TABLE checkpoints")
	f("after the ledger was emptied")

	partitions, err := b.store.Ledger(t.Context(), b.cfg.Topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range partitions {
		if p.Settled.Offset != 110 || p.GapCount != 0 || p.Overlap != 0 || p.Accepted != 100 || p.Rejected != 10 {
			t.Errorf("the ledger is left with %+v", p)
		}
	}
}

func TestReplayOfAStretchOfOnePartition(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 2)
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	var messages []kafka.Message
	for n := range 20 {
		messages = append(messages, kafka.Message{Partition: n % 2, Time: begin.Add(time.Duration(n/2) * time.Minute), Value: []byte(event(fmt.Sprint(n), ""))})
	}
	b.produce(messages...)
	f := func(name string, r ingest.Replay, want ...string) {
		t.Helper()
		b.execute("TRUNCATE TABLE actions")
		done := b.replay(r)
		if got := slices.Sorted(maps.Keys(b.shown("default"))); !slices.Equal(got, want) || done.Records != int64(len(want)) {
			t.Errorf("%s: got %q and %+v, want %q", name, got, done, want)
		}
	}
	at := func(offset int64) ingest.Place { return ingest.Place{Offset: offset} }
	when := func(minute float64) ingest.Place {
		return ingest.Place{Time: begin.Add(time.Duration(minute * float64(time.Minute)))}
	}
	to := func(p ingest.Place) *ingest.Place { return &p }
	f("offsets", ingest.Replay{From: at(2), To: to(at(4)), Partition: 1}, "5", "7")
	f("an offset of all", ingest.Replay{From: at(8), Partition: -1}, "16", "17", "18", "19")
	f("times", ingest.Replay{From: when(6), To: to(when(7)), Partition: -1}, "12", "13")
	f("between two records", ingest.Replay{From: when(6.5), To: to(at(8)), Partition: 0}, "14")
	f("from beyond the end", ingest.Replay{From: at(10), Partition: -1})
	f("from after the last", ingest.Replay{From: when(60), Partition: -1})
	f("to before the first", ingest.Replay{From: when(-60), To: to(when(-1)), Partition: -1})
	f("to beyond the end", ingest.Replay{From: at(9), To: to(at(1000)), Partition: 0}, "18")
	f("to after the last", ingest.Replay{From: at(9), To: to(when(60)), Partition: 1}, "19")

	if _, err := b.ingester(b.store).Replay(t.Context(), ingest.Replay{Partition: 2}); err == nil || !strings.Contains(err.Error(), "no partition 2") {
		t.Errorf("got %v, want an error that names the partition", err)
	}
}

func TestReplayAcrossTransactions(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	p := b.transactional("-1")
	p.begin()
	p.write(event("aborted", ""))
	p.end(kgo.TryAbort)
	p.begin()
	p.write(event("a", ""), event("b", ""))
	p.end(kgo.TryCommit)
	p.begin()
	p.write(event("open", "")) // what follows cannot be read yet, and is not waited for
	const end = 5              // three records and two markers
	for from := range int64(end) {
		for _, to := range []int64{from + 1, from + 2, end + 3} {
			b.execute("TRUNCATE TABLE actions")
			b.execute("TRUNCATE TABLE ledger")
			b.execute("TRUNCATE TABLE checkpoints")
			b.replay(ingest.Replay{From: ingest.Place{Offset: from}, To: &ingest.Place{Offset: to}, Partition: -1})
			want := map[string]int{}
			for id, offset := range map[string]int64{"a": 2, "b": 3} {
				if offset >= from && offset < to {
					want[id] = 1
				}
			}
			if got := b.shown("default"); !maps.Equal(got, want) {
				t.Errorf("from %d to %d: got %v, want %v", from, to, got, want)
			}
			ledger, err := b.store.Ledger(t.Context(), b.cfg.Topic)
			if err != nil {
				t.Fatal(err)
			}
			if len(ledger) != 1 || ledger[0].Settled.Highest != min(to, end) || ledger[0].Accepted != int64(len(want)) || ledger[0].Skipped != min(to, end)-from-int64(len(want)) {
				t.Errorf("from %d to %d the ledger is told %+v", from, to, ledger)
			}
		}
	}
	p.end(kgo.TryAbort)
}

func TestReplaySaysWhatKafkaNoLongerHas(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	// The embedded broker lets nobody delete records, so this is the one beneath it.
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, b.cfg.Topic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	b.cfg.KafkaBrokers = cluster.ListenAddrs()
	for n := range 10 {
		b.produce(kafka.Message{Value: []byte(event(fmt.Sprint(n), ""))})
	}
	if err := cluster.DeleteRecords(b.cfg.Topic, 0, 7); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	i, err := ingest.New(b.cfg, b.store, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	done, err := i.Replay(t.Context(), ingest.Replay{From: ingest.Place{Offset: 2}, Partition: -1})
	if err != nil || done.Accepted != 3 {
		t.Errorf("got %+v, %v; want the last three", done, err)
	}
	if !strings.Contains(log.String(), "from=2 first=7") {
		t.Errorf("the log does not tell: %s", log.String())
	}
}

func TestReplayIsRefusedWhereTheLedgerIsAboutOtherRecords(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	b.produce(kafka.Message{Value: []byte(event("a", ""))})
	f := func(r store.Range, want string) {
		t.Helper()
		r.Topic, r.Accepted = b.cfg.Topic, r.To
		if err := b.store.InsertRanges(t.Context(), []store.Range{r}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ingester(b.store).Replay(t.Context(), ingest.Replay{Partition: -1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if got := b.shown("default"); len(got) != 0 {
			t.Errorf("stored: %v", got)
		}
	}
	f(store.Range{TopicID: [16]byte{1}, To: 9}, "deleted and created again")
	id, _, err := b.ingester(b.store).Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f(store.Range{TopicID: id, To: 9}, "ends at offset 1, but the ledger knows records up to 9")

	b.cfg.Topic += "-missing"
	if _, err := b.ingester(b.store).Replay(t.Context(), ingest.Replay{Partition: -1}); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v, want an error that says that the topic is missing", err)
	}
}

// interrupted is a store whose first insert ends the replay, as Ctrl-C does.
type interrupted struct {
	*store.Store
	stop context.CancelFunc
}

func (s *interrupted) InsertActions(ctx context.Context, _ *store.Batch) error {
	s.stop()
	return ctx.Err()
}

func TestInterruptedReplayIsNotTakenForComplete(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	b.produce(kafka.Message{Value: []byte(event("a", ""))})
	ctx, stop := context.WithCancel(t.Context())
	if _, err := b.ingester(&interrupted{b.store, stop}).Replay(ctx, ingest.Replay{Partition: -1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if got := b.settled(); got != 0 {
		t.Errorf("%d offsets are settled", got)
	}
	embeddedtest.Eventually(t, "the replay after it", func() bool { return b.replay(ingest.Replay{Partition: -1}).Accepted == 1 })
}
