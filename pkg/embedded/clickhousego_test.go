package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

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

func TestSmoke(t *testing.T) {
	ctx := t.Context()
	conn := open(t)
	if err := conn.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	if err := conn.Exec(ctx, "CREATE TABLE t (n UInt64, s String, l LowCardinality(String)) ENGINE = MergeTree ORDER BY n"); err != nil {
		t.Fatal(err)
	}
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO t")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100_000 {
		if err := batch.Append(uint64(i), fmt.Sprint("value ", i), fmt.Sprint(i%7)); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, "SELECT n, s, l FROM t WHERE n >= {from:UInt64} ORDER BY n", clickhouse.Named("from", "99990"))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got int
	for rows.Next() {
		var n uint64
		var s, l string
		if err := rows.Scan(&n, &s, &l); err != nil {
			t.Fatal(err)
		}
		if s != fmt.Sprint("value ", n) || l != fmt.Sprint(n%7) {
			t.Errorf("row %d: %q %q", n, s, l)
		}
		got++
	}
	if err := rows.Err(); err != nil || got != 10 {
		t.Fatalf("%d rows, %v", got, err)
	}
	err = conn.QueryRow(ctx, "SELECT count() FROM missing").Err()
	var ex *clickhouse.Exception
	if !errors.As(err, &ex) || ex.Code != 60 {
		t.Fatalf("error of a missing table: %v", err)
	}
	var parts uint64
	if err := conn.QueryRow(context.Background(), "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 't'").Scan(&parts); err != nil || parts != 1 {
		t.Fatalf("%d parts, %v", parts, err)
	}
}
