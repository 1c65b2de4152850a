package embedded_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/big"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// open connects clickhouse-go's own API to a fresh database.
func open(t testing.TB, change ...func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	opt, err := clickhouse.ParseDSN(embeddedtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(opt)
	}
	conn, err := clickhouse.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func run(t testing.TB, conn driver.Conn, sql string, args ...any) {
	t.Helper()
	if err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// scalar reads one value.
func scalar[T any](t testing.TB, conn driver.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func TestBatchInsert(t *testing.T) {
	t.Parallel()
	f := func(name string, method clickhouse.CompressionMethod, rows int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := open(t, func(o *clickhouse.Options) {
				o.Compression = &clickhouse.Compression{Method: method, Level: 3}
				o.Settings = clickhouse.Settings{"enable_http_compression": 1}
			})
			run(t, conn, "CREATE TABLE t (n UInt64, s String, l LowCardinality(String)) ENGINE = MergeTree ORDER BY n")
			batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows {
				if err := batch.Append(uint64(i), fmt.Sprint("value ", i), fmt.Sprint(i%7)); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				t.Fatal(err)
			}
			got, err := conn.Query(t.Context(), "SELECT n, s, l FROM t ORDER BY n")
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			var i uint64
			for ; got.Next(); i++ {
				var n uint64
				var s, l string
				if err := got.Scan(&n, &s, &l); err != nil {
					t.Fatal(err)
				}
				if n != i || s != fmt.Sprint("value ", i) || l != fmt.Sprint(i%7) {
					t.Fatalf("row %d: %d %q %q", i, n, s, l)
				}
			}
			if err := got.Err(); err != nil || i != uint64(rows) {
				t.Fatalf("%d rows, %v", i, err)
			}
			// One block makes one part: the data is not cut up on its way.
			if parts := scalar[uint64](t, conn, "SELECT count() FROM system.parts WHERE active AND database = currentDatabase()"); parts != 1 {
				t.Errorf("%d parts", parts)
			}
			var ex *clickhouse.Exception
			if err := conn.Exec(t.Context(), "SELECT * FROM missing"); !errors.As(err, &ex) || ex.Code != 60 || ex.CodeName != "UNKNOWN_TABLE" {
				t.Errorf("error of a missing table: %v", err)
			}
		})
	}
	// More rows than ClickHouse's own blocks have (65,409), and more bytes than are
	// handed to the engine at a time.
	f("none", clickhouse.CompressionNone, 70_000)
	f("lz4", clickhouse.CompressionLZ4, 70_000)
	f("zstd", clickhouse.CompressionZSTD, 20_000)
	f("gzip", clickhouse.CompressionGZIP, 70_000)
	f("deflate", clickhouse.CompressionDeflate, 20_000)
	f("br", clickhouse.CompressionBrotli, 20_000)
}

func TestLargeInsert(t *testing.T) {
	t.Parallel()
	conn := open(t)
	run(t, conn, "CREATE TABLE t (n UInt64, s String CODEC(ZSTD(1))) ENGINE = MergeTree ORDER BY n")
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO t (n, s)")
	if err != nil {
		t.Fatal(err)
	}
	const rows = 1_400 // 66 MB
	pad := strings.Repeat("x", 48<<10)
	for i := range rows {
		if err := batch.Append(uint64(i), pad); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	if n := scalar[uint64](t, conn, "SELECT sum(length(s)) FROM t"); n != rows*uint64(len(pad)) {
		t.Errorf("%d bytes arrived", n)
	}
}

func TestTypes(t *testing.T) {
	t.Parallel()
	conn := open(t)
	type tag struct {
		Type string `ch:"type"`
		ID   string `ch:"id"`
		Name string `ch:"name"`
	}
	huge, _ := new(big.Int).SetString("340282366920938463463374607431768211455", 10)
	word := "word"
	f := func(column string, values ...any) {
		t.Helper()
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			conn, ctx := conn, t.Context()
			table := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
			run(t, conn, "CREATE TABLE "+table+" (n UInt32, v "+column+", after String) ENGINE = MergeTree ORDER BY n")
			batch, err := conn.PrepareBatch(ctx, "INSERT INTO "+table)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if err := batch.Append(uint32(i), v, fmt.Sprint("after ", i)); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				t.Fatal(err)
			}
			rows, err := conn.Query(ctx, "SELECT v, after FROM "+table+" ORDER BY n")
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for i := 0; rows.Next(); i++ {
				got := reflect.New(reflect.TypeOf(values[i]))
				var after string
				if err := rows.Scan(got.Interface(), &after); err != nil {
					t.Fatal(err)
				}
				if v := got.Elem().Interface(); !reflect.DeepEqual(v, values[i]) || after != fmt.Sprint("after ", i) {
					t.Errorf("row %d: got %#v and %q, want %#v", i, v, after, values[i])
				}
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
	f("String", "", "a\x00b", "\xff\xfe", `back\slash \N '`, strings.Repeat("long ", 100_000))
	f("FixedString(4)", "abcd", "a\x00\x00b")
	f("LowCardinality(String)", "a", "b", "a")
	f("LowCardinality(Nullable(String))", &word, (*string)(nil))
	f("Nullable(String)", &word, (*string)(nil))
	f("Nullable(Int64)", (*int64)(nil), new(int64))
	f("UUID", uuid.New(), uuid.Nil)
	f("IPv6", net.ParseIP("2001:db8::1"), net.ParseIP("::ffff:1.2.3.4"))
	f("IPv4", net.IPv4(1, 2, 3, 4).To4())
	f("UInt128", *huge, *big.NewInt(1))
	f("Int256", *new(big.Int).Neg(huge))
	f("Decimal(38, 5)", decimal.RequireFromString("-123456789012345678901234567890.12345"))
	f("Decimal(9, 2)", decimal.RequireFromString("1.23"))
	f("Bool", true, false)
	f("Float64", 1.5)
	f("Enum8('a' = 1, 'b,)' = 2)", "b,)")
	f("Array(String)", []string{}, []string{"a", ""})
	f("Array(Array(LowCardinality(String)))", [][]string{{"a"}, {}, {"b", "a"}}, [][]string{})
	f("Array(Nullable(UInt8))", []*uint8{nil, new(uint8)})
	f("Map(String, UInt64)", map[string]uint64{"a": 1}, map[string]uint64{})
	f("Map(LowCardinality(String), Array(String))", map[string][]string{"a": {"x", "y"}})
	f("Array(Tuple(type LowCardinality(String), id String, name String))", []tag{{"t", "1", "n"}, {"t", "2", ""}}, []tag{}, []tag{{"u", "3", "\x00"}})
	f("SimpleAggregateFunction(max, UInt64)", uint64(7))
}

func TestTimes(t *testing.T) {
	t.Parallel()
	conn := open(t)
	run(t, conn, "CREATE TABLE t (a DateTime64(6, 'UTC'), b DateTime, c Date32, d String) ENGINE = MergeTree ORDER BY a")
	at, day := time.Date(2026, 2, 3, 4, 5, 6, 789_123_000, time.UTC), time.Date(1950, 1, 2, 0, 0, 0, 0, time.UTC)
	batch, err := conn.PrepareBatch(t.Context(), "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(batch.Append(at, at, day, "after"), batch.Send()); err != nil {
		t.Fatal(err)
	}
	var a, b, c time.Time
	var d string
	if err := conn.QueryRow(t.Context(), "SELECT * FROM t").Scan(&a, &b, &c, &d); err != nil {
		t.Fatal(err)
	}
	if !a.Equal(at) || !b.Equal(at.Truncate(time.Second)) || !c.Equal(day) || d != "after" {
		t.Errorf("got %v, %v, %v, %q", a, b, c, d)
	}
}

func TestJSONType(t *testing.T) {
	t.Parallel()
	conn := open(t, func(o *clickhouse.Options) {
		o.Settings = clickhouse.Settings{"output_format_native_write_json_as_string": 1}
	})
	run(t, conn, "CREATE TABLE t (n UInt8, j JSON, s String) ENGINE = MergeTree ORDER BY n")
	run(t, conn, `INSERT INTO t VALUES (1, '{"a": {"b": 1}}', 'x')`)
	var text, s string
	if err := conn.QueryRow(t.Context(), "SELECT j, s FROM t").Scan(&text, &s); err != nil || s != "x" || !strings.Contains(text, `"b":`) {
		t.Errorf("got %q, %q, %v", text, s, err)
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	conn := open(t)
	awkward := "it's \\ a\ttab\nline \x00 'quoted' ?"
	if got := scalar[string](t, conn, "SELECT {v:String}", clickhouse.Named("v", `back\slash`)); got != `back\slash` && got != "back\\slash" {
		t.Errorf("named: %q", got)
	}
	if got := scalar[string](t, conn, "SELECT ?", awkward); got != awkward {
		t.Errorf("bound: %q", got)
	}
	if got := scalar[uint64](t, conn, "SELECT count() FROM numbers(100) WHERE number IN (?)", []int{1, 2, 300}); got != 2 {
		t.Errorf("bound list: %d", got)
	}
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_result_rows": 5}), clickhouse.WithQueryID("my-query"))
	var ex *clickhouse.Exception
	rows, err := conn.Query(ctx, "SELECT number FROM numbers(1000)")
	if err == nil {
		for rows.Next() {
		}
		err = rows.Err()
		rows.Close()
	}
	if !errors.As(err, &ex) || ex.Code != 396 {
		t.Errorf("max_result_rows: %v", err)
	}
	if got := scalar[uint64](t, conn, "SELECT count() FROM numbers(1000)"); got != 1000 {
		t.Errorf("a setting stayed on the connection: %d", got)
	}
}

func TestErrorsInStream(t *testing.T) {
	t.Parallel()
	conn := open(t)
	rows, err := conn.Query(t.Context(), "SELECT number, throwIf(number = 3000000, 'late') FROM numbers(4000000) SETTINGS max_threads = 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	var ex *clickhouse.Exception
	if err := rows.Err(); !errors.As(err, &ex) || ex.Code != 395 || n < 1_000_000 {
		t.Errorf("after %d rows: %v", n, err)
	}
}

func TestDatabaseSQL(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("clickhouse", embeddedtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	if err := db.PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if _, err := insert.ExecContext(ctx, uint64(i), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	var n, sum uint64
	if err := db.QueryRowContext(ctx, "SELECT count(), sum(n) FROM t WHERE s != ?", "7").Scan(&n, &sum); err != nil || n != 999 || sum != 499493 {
		t.Errorf("got %d, %d, %v", n, sum, err)
	}
	var ex *clickhouse.Exception
	if _, err := db.ExecContext(ctx, "INSERT INTO t VALUES ('x', 1)"); !errors.As(err, &ex) {
		t.Errorf("bad value: %v", err)
	}
}

// TestCancel gives up on queries of each kind and looks into system.processes.
func TestCancel(t *testing.T) {
	t.Parallel()
	conn := open(t)
	f := func(sql string) {
		t.Helper()
		name := "cancel-" + uuid.NewString()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			rows, err := conn.Query(ctx, sql+" /* "+name+" */")
			if err == nil {
				for rows.Next() {
				}
				err = rows.Err()
				rows.Close()
			}
			done <- err
		}()
		running := func() bool {
			return scalar[uint64](t, conn, "SELECT count() FROM system.processes WHERE position(query, '"+name+"') > 0 AND position(query, 'system.processes') = 0") > 0
		}
		embeddedtest.Eventually(t, "the query runs", running)
		cancel()
		if err := <-done; err == nil {
			t.Errorf("%s: no error", sql)
		}
		embeddedtest.Eventually(t, "the query is gone", func() bool { return !running() })
	}
	f("SELECT max(sipHash64(number)) FROM numbers(1000000000000)")
	f("SELECT number FROM numbers(1000000000000)")
	f("SELECT number FROM numbers(1000000000000) FORMAT CSVWithNames")
	run(t, conn, "CREATE TABLE t (n UInt64) ENGINE = Null")
	f("INSERT INTO t SELECT number FROM numbers(1000000000000)")
}
