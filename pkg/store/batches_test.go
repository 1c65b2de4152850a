package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// storesOf are stores over one new database that read batches in each way there is.
func storesOf(t *testing.T) map[string]*Store {
	t.Helper()
	dsn := embeddedtest.Database(t)
	if _, err := Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	stores := map[string]*Store{}
	for name, with := range map[string]string{"plain": "", "lz4": "?compress=lz4", "zstd": "?compress=zstd", "gzip": "?compress=gzip", "gathered": ""} {
		s, err := Open(dsn + with)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		s.overHTTP = name != "gathered" // the engine has no native protocol
		stores[name] = s
	}
	return stores
}

func TestBatchesHoldTheActionsOfEach(t *testing.T) {
	t.Parallel()
	stores := storesOf(t)
	s := stores["plain"]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	all := oddEvents()
	for n := range 12_000 { // more than one batch
		a := randomEvent(rng, n, 1+rng.IntN(1000))
		a.Tenant = "default"
		if rng.IntN(2) == 0 {
			a.ID = joinID(rng.Uint64N(3), 1+rng.Uint64N(1<<60))
		}
		a.Time = a.Time.Add(time.Duration(rng.Int64N(100*24)) * time.Hour)
		all = append(all, a)
	}
	insert(t, s, all)

	var want []Action
	if err := s.Each(t.Context(), everything(), func(a *Action) error { want = append(want, *a); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(want) != len(all) {
		t.Fatalf("%d events came, want %d", len(want), len(all))
	}
	for name, s := range stores {
		n := 0
		var text []byte
		err := s.EachBatch(t.Context(), everything(), func(b *Batch, rows []int) error {
			shown := make([]Texts, len(Columns()))
			for i := range shown {
				shown[i] = b.Texts(i)
			}
			for _, i := range rows {
				got, want := b.Row(i), want[n]
				n++
				got.Origin, want.Origin = action.Origin{}, action.Origin{}
				if len(want.Related) == 0 {
					want.Related = nil
				}
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s, event %d:\ngot  %+v\nwant %+v", name, n, got, want)
				}
				for c, column := range Columns() {
					at := i
					if shown[c].Keys != nil {
						at = int(shown[c].Keys[i])
					}
					if text = shown[c].Append(text[:0], at); string(text) != column.Text(&want) {
						t.Fatalf("%s, event %d, %s:\ngot  %q\nwant %q", name, n, column.Name, text, column.Text(&want))
					}
				}
			}
			return nil
		})
		if err != nil || n != len(want) {
			t.Errorf("%s: %d events of %d, %v", name, n, len(want), err)
		}
	}
}

func TestBatchesPassOverRepeats(t *testing.T) {
	t.Parallel()
	stores := storesOf(t)
	s := stores["plain"]
	execute(t, s, "SYSTEM STOP MERGES actions")
	var all, conflicting []Action
	for n := range 9_000 {
		all = append(all, event(n, func(a *Action) { a.Time = a.Time.Add(-time.Duration(n/2) * time.Second) }))
		if n%100 == 0 { // the same time and id, and other content
			conflicting = append(conflicting, event(n, func(a *Action) { a.Time, a.Reason = all[n].Time, "other" }))
		}
		if n%150 == 0 { // another id, and the same content
			conflicting = append(conflicting, event(n, func(a *Action) { a.Time, a.ID, a.ContentHash = all[n].Time, a.ID+"x", all[n].ContentHash }))
		}
	}
	// Three of each, so that the end of a batch comes between them.
	insert(t, s, all, conflicting, all, conflicting, all)
	var want []Cursor
	err := s.Each(t.Context(), everything(), func(a *Action) error { want = append(want, a.cursor()); return nil })
	if err != nil || len(want) != len(all)+len(conflicting) {
		t.Fatalf("%d events, want %d, %v", len(want), len(all)+len(conflicting), err)
	}
	for name, s := range stores {
		var got []Cursor
		err := s.EachBatch(t.Context(), everything(), eachOf(func(a *Action) error { got = append(got, a.cursor()); return nil }))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d events, want %d, %v", name, len(got), len(want), err)
		}
	}
}

func TestBatchesOfNothing(t *testing.T) {
	t.Parallel()
	for name, s := range storesOf(t) {
		err := s.EachBatch(t.Context(), everything(), func(b *Batch, rows []int) error { return errors.New("there is something") })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.EachBatch(t.Context(), Filter{}, nil); !errors.Is(err, errNoTenant) {
			t.Errorf("%s: without a tenant: %v", name, err)
		}
	}
}

// answerOf returns the engine's answer for all columns of some odd and random events.
func answerOf(t testing.TB, rng *rand.Rand, events int) (answer []byte, all []Action) {
	t.Helper()
	s := testStore(t)
	for _, a := range oddEvents() {
		if len(a.ID) < 100 { // not the one of a megabyte
			all = append(all, a)
		}
	}
	for n := range events {
		a := randomEvent(rng, n, 300)
		a.Tenant = "default"
		all = append(all, a)
	}
	insert(t, s, all)
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 300}))
	body, err := s.conn.QueryFormat(ctx, "Native", "SELECT "+columnList+" FROM actions"+NewestFirst.orderBy())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	answer, err = io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	all = all[:0]
	if err := s.Each(t.Context(), everything(), func(a *Action) error { all = append(all, *a); return nil }); err != nil {
		t.Fatal(err)
	}
	return answer, all
}

// readAnswer decodes an answer for all columns.
func readAnswer(from io.Reader, each func(*Action)) (blocks int, err error) {
	r := newNativeReader(from, false)
	var b Batch
	for ; ; blocks++ {
		if err := r.block(allColumns, &b); err != nil {
			if errors.Is(err, io.EOF) {
				return blocks, nil
			}
			return blocks, err
		}
		for i := range b.Rows() {
			a := b.Row(i)
			each(&a)
		}
	}
}

func TestNativeAnswersMayComeInAnyPieces(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	answer, want := answerOf(t, rand.New(rand.NewPCG(seed, 0)), 1000)
	for name, from := range map[string]io.Reader{
		"whole": bytes.NewReader(answer), "byte by byte": iotest.OneByteReader(bytes.NewReader(answer)),
		"halves": iotest.HalfReader(bytes.NewReader(answer)), "with its end": iotest.DataErrReader(bytes.NewReader(answer)),
	} {
		n := 0
		_, err := readAnswer(from, func(got *Action) {
			w := want[n]
			n++
			if len(w.Related) == 0 {
				w.Related = nil
			}
			got.Origin = action.Origin{} // lists leave it out
			if !reflect.DeepEqual(*got, w) {
				t.Fatalf("%s, event %d:\ngot  %+v\nwant %+v", name, n, *got, w)
			}
		})
		if err != nil || n != len(want) {
			t.Errorf("%s: %d events of %d, %v", name, n, len(want), err)
		}
	}
}

func TestACutAnswerIsAnError(t *testing.T) {
	t.Parallel()
	answer, _ := answerOf(t, rand.New(rand.NewPCG(1, 1)), 5)
	blocks, err := readAnswer(bytes.NewReader(answer), func(*Action) {})
	if err != nil {
		t.Fatal(err)
	}
	whole := 0
	for cut := range answer {
		if _, err := readAnswer(bytes.NewReader(answer[:cut]), func(*Action) {}); err == nil {
			whole++
		}
	}
	// Between two blocks it is for the transport to tell, and for the question for more.
	if whole != blocks {
		t.Errorf("of %d blocks, %d beginnings look whole", blocks, whole)
	}
	broken := errors.New("broken")
	if _, err := readAnswer(io.MultiReader(bytes.NewReader(answer), iotest.ErrReader(broken)), func(*Action) {}); !errors.Is(err, broken) {
		t.Errorf("an answer that breaks after a block: %v", err)
	}
}

// What is not an answer is an error, and never more.
func TestDamagedAnswers(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	answer, _ := answerOf(t, rng, 5)
	for range 5_000 {
		damaged := bytes.Clone(answer)
		for range 1 + rng.IntN(3) {
			damaged[rng.IntN(len(damaged))] ^= 1 << rng.IntN(8)
		}
		_, _ = readAnswer(bytes.NewReader(damaged), func(a *Action) {
			for _, c := range Columns() {
				_ = c.Text(a)
			}
		})
	}
}

// The keys of a dictionary are 8, 16 or 32 bits wide.
func TestDictionariesOfAnySize(t *testing.T) {
	t.Parallel()
	for _, different := range []int{1, 255, 256, 65535, 65536, 70000} {
		var want, got dictionary
		for n := range different {
			want.add(fmt.Sprint(n))
		}
		var buffer proto.Buffer
		want.native(&buffer)
		if err := got.decode(newNativeReader(bytes.NewReader(buffer.Buf), false), different); err != nil {
			t.Fatalf("%d texts: %v", different, err)
		}
		for n := range different {
			if got.at(n) != want.at(n) {
				t.Fatalf("%d texts: number %d is %q, want %q", different, n, got.at(n), want.at(n))
			}
		}
	}
}

func TestTimesAsText(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	times := []int64{0, -1, 999, 1000, time.Date(2100, 12, 31, 23, 59, 59, 999e6, time.UTC).UnixMilli(), time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC).UnixMilli()}
	for range 10_000 {
		times = append(times, rng.Int64N(130*365*24*3600*1000))
	}
	for _, ms := range times {
		if got, want := string(appendTime(nil, ms)), time.UnixMilli(ms).UTC().Format(TimeLayout); got != want {
			t.Fatalf("%d: got %s, want %s", ms, got, want)
		}
	}
}
