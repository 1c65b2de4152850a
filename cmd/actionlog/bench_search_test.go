package main

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/pkg/workload"
)

var (
	searchEvents = flag.Int("bench.search", 0, "over how many events TestBenchSearch searches; 0 skips it")
	searchDir    = flag.String("bench.dir", "", "where the events are kept, so that they are built once")
)

// searchMonths is how long the history is: three years, up to the same day always.
const searchMonths = 36

var searchEnd = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// searchData is a database of deterministic events of one tenant, all merged.
type searchData struct {
	t        *testing.T
	workload *workload.Workload
	engine   *embedded.Engine
	store    *store.Store
	dir      string
	// built is how long building took; 0 when the events were there.
	built time.Duration
}

// openSearchData opens the data set of so many events, and builds it first where it
// is missing or of another schema.
func openSearchData(t *testing.T, events int, dir string) *searchData {
	from := searchEnd.AddDate(0, -searchMonths, 0)
	d := &searchData{t: t, workload: &workload.Workload{
		Seed: 1, From: from, Span: searchEnd.Sub(from), Events: events, Tenant: action.DefaultTenant,
	}}
	if dir == "" {
		dir = t.TempDir()
	}
	dir = filepath.Join(dir, fmt.Sprintf("search-%d-%s", events, schemaSum(t)))
	d.dir = dir
	done := filepath.Join(dir, "complete")
	if _, err := os.Stat(done); err != nil {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		d.start(dir)
		d.build()
		d.built = time.Since(began)
		if err := os.WriteFile(done, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return d
	}
	d.start(dir)
	return d
}

// schemaSum tells data sets of different tables apart.
func schemaSum(t *testing.T) string {
	migrations, err := store.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	return migrations[0].Checksum[:8]
}

func (d *searchData) start(dir string) {
	t := d.t
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	d.engine, err = embedded.StartEngine(t.Context(), embedded.EngineConfig{
		Library: library, Dir: filepath.Join(dir, "clickhouse"), Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.engine.Close() })
	dsn := d.engine.DSN("bench")
	if _, err := store.Migrate(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	if d.store, err = store.Open(dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
}

// buildBlock is how many events an insert has: more than those of ingest, since only
// what comes of the merges counts here.
const buildBlock = 500_000

// build inserts the events and merges each quarter to one part at the end. Indexes and
// projections are made by that merge alone, which gives the same in a third of the time.
func (d *searchData) build() {
	d.execute("SYSTEM STOP MERGES actions")
	d.execute("ALTER TABLE actions MODIFY SETTING materialize_projections_on_insert = 0, materialize_projections_on_merge = 1")
	defer d.execute("ALTER TABLE actions RESET SETTING materialize_projections_on_insert, materialize_projections_on_merge")
	loader, err := store.Open(d.engine.DSN("bench") + "?materialize_skip_indexes_on_insert=0")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = loader.Close() }()
	blocks := make(chan int)
	group, ctx := errgroup.WithContext(d.t.Context())
	group.Go(func() error {
		defer close(blocks)
		for i := 0; i < d.workload.Events; i += buildBlock {
			select {
			case blocks <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range 2 {
		group.Go(func() error { return d.insert(ctx, loader, blocks) })
	}
	if err := group.Wait(); err != nil {
		d.t.Fatal(err)
	}
	d.execute("SYSTEM START MERGES actions")
	d.merge("actions")
}

// merge makes each quarter of a table one part.
func (d *searchData) merge(table string) {
	var group errgroup.Group
	group.SetLimit(2)
	for quarter := range strings.FieldsSeq(d.execute("SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = 'bench' AND table = '" + table + "' ORDER BY 1")) {
		group.Go(func() error {
			d.execute("OPTIMIZE TABLE " + table + " PARTITION ID '" + quarter + "' FINAL SETTINGS optimize_skip_merged_partitions = 1")
			return nil
		})
	}
	_ = group.Wait()
}

func (d *searchData) insert(ctx context.Context, loader *store.Store, blocks <-chan int) error {
	var batch store.Batch
	for begin := range blocks {
		batch.Reset()
		for i := begin; i < min(begin+buildBlock, d.workload.Events); i++ {
			a := store.Action{Event: d.workload.Event(i)}
			a.ContentHash = contentHash(i)
			a.Origin = action.Origin{Topic: "actions", TopicID: [16]byte{1}, Partition: i % 6, Offset: int64(i / 6), Time: a.Time}
			batch.Append(&a)
		}
		if err := loader.InsertActions(ctx, &batch); err != nil {
			return err
		}
	}
	return nil
}

// contentHash stands for the hash of a message: as random and as long.
func contentHash(i int) (hash action.ContentHash) {
	sum := sha256.Sum256(fmt.Append(nil, i))
	copy(hash[:], sum[:])
	return hash
}

func (d *searchData) execute(sql string) string { return executeSQL(d.t, d.engine, sql) }
