package embedded_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
)

const (
	benchTable = "CREATE TABLE t (id UInt64, actor LowCardinality(String), action LowCardinality(String), at DateTime64(3), subject String, text String) ENGINE = MergeTree ORDER BY id"
	benchFill  = "INSERT INTO t SELECT number, toString(number % 1000), toString(number % 50), now64(3), toString(cityHash64(number)), repeat('word ', 5) FROM numbers(100000)"
	benchPoint = "SELECT * FROM t WHERE id = 77777"
	benchRows  = 100_000
)

// BenchmarkHandler goes the whole way: clickhouse-go, HTTP, the child process.
func BenchmarkHandler(b *testing.B) {
	conn := open(b)
	run(b, conn, benchTable)
	run(b, conn, benchFill)
	b.Run("point", func(b *testing.B) {
		for b.Loop() {
			rows, err := conn.Query(b.Context(), benchPoint)
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
			}
			if err := rows.Err(); err != nil {
				b.Fatal(err)
			}
			rows.Close()
		}
	})
	b.Run("insert", func(b *testing.B) {
		for b.Loop() {
			batch, err := conn.PrepareBatch(b.Context(), "INSERT INTO t")
			if err != nil {
				b.Fatal(err)
			}
			at := int64(1_700_000_000_000)
			for i := range benchRows {
				n := fmt.Sprint(i % 1000)
				if err := batch.Append(uint64(i), n, n, at, n, "word word word word word "); err != nil {
					b.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

// BenchmarkLibrary makes the same calls straight to the library. It loads it
// into the benchmark's own process.
func BenchmarkLibrary(b *testing.B) {
	path, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		b.Fatal(err)
	}
	lib, err := chdb.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	conn, err := lib.Connect("--path=" + b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	for _, sql := range []string{benchTable, benchFill} {
		if err := conn.Exec(sql); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("point", func(b *testing.B) {
		for b.Loop() {
			r, err := conn.Query(benchPoint, "Native", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Close()
		}
	})
	r, err := conn.Query("SELECT * FROM t LIMIT 100000 SETTINGS max_block_size = 100000", "Native", nil)
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Clone(r.Bytes())
	r.Close()
	b.Run("insert", func(b *testing.B) {
		for b.Loop() {
			ins, err := conn.Insert("INSERT INTO t", "Native", nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := ins.Write(data); err != nil {
				b.Fatal(err)
			}
			if _, err := ins.Finish(); err != nil {
				b.Fatal(err)
			}
			ins.Close()
		}
		b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}
