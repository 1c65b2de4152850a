package embedded_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// TestKilledSelectsFail kills SELECTs in the middle of their answers: none of
// them may look whole.
func TestKilledSelectsFail(t *testing.T) {
	t.Parallel()
	base := embeddedtest.Engine(t).URL()
	// SYNC would wait for the statement, which waits for its client to read.
	kill := func(name string) {
		t.Helper()
		resp, body := call{body: "KILL QUERY WHERE position(query, '" + name + "') > 0 AND position(query, 'KILL') = 0 ASYNC"}.do(t, base)
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, name) {
			t.Errorf("kill: %s %s", resp.Status, body)
		}
	}
	// No client reads on before the kill, so that it comes in the middle.
	statement := func() (sql, name string) {
		name = "killed-" + uuid.NewString()
		return "SELECT number, repeat('x', 100) FROM numbers(10000000) /* " + name + " */", name
	}
	overHTTP := func(format, params string) {
		t.Helper()
		sql, name := statement()
		resp, err := http.Post(base+"/?buffer_size=0&"+params, "text/plain", strings.NewReader(sql+" FORMAT "+format))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.ReadFull(resp.Body, make([]byte, 10_000)); err != nil {
			t.Fatal(err)
		}
		kill(name)
		body, err := io.ReadAll(resp.Body)
		tag := resp.Header.Get("X-ClickHouse-Exception-Tag")
		if err == nil || !regexp.MustCompile(`\r\n__exception__\r\n`+tag+`\r\nCode: 394\. DB::Exception: .*\(QUERY_WAS_CANCELLED\)`).Match(body) {
			t.Errorf("%s: %v, ends in %q", format, err, body[max(0, len(body)-300):])
		}
	}
	overHTTP("TSV", "")
	overHTTP("JSONEachRow", "")
	overHTTP("CSVWithNames", "")
	overHTTP("JSON", "")

	overClickHouseGo := func(method clickhouse.CompressionMethod) {
		t.Helper()
		conn := open(t, func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: method, Level: 3}
		})
		sql, name := statement()
		rows, err := conn.Query(t.Context(), sql)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		rows.Next()
		kill(name)
		n := 1
		for rows.Next() {
			n++
		}
		var ex *clickhouse.Exception
		if err := rows.Err(); !errors.As(err, &ex) || ex.Code != 394 {
			t.Errorf("%s: after %d rows: %v", method, n, err)
		}
	}
	overClickHouseGo(clickhouse.CompressionNone)
	overClickHouseGo(clickhouse.CompressionLZ4)
	overClickHouseGo(clickhouse.CompressionGZIP)

	// One that is held back, and one that has not begun to answer.
	held := func(sql, name, params string) {
		t.Helper()
		type answer struct {
			status int
			body   []byte
			err    error
		}
		done := make(chan answer, 1)
		go func() {
			resp, err := http.Post(base+"/?"+params, "text/plain", strings.NewReader(sql))
			if err != nil {
				done <- answer{err: err}
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			done <- answer{resp.StatusCode, body, err}
		}()
		embeddedtest.Eventually(t, "it runs", func() bool {
			_, body := call{body: "SELECT count() FROM system.processes WHERE position(query, '" + name + "') > 0 AND read_rows > 0 AND position(query, 'system.processes') = 0"}.do(t, base)
			return body == "1\n"
		})
		kill(name)
		if a := <-done; a.err != nil || a.status != http.StatusInternalServerError || !bytes.HasPrefix(a.body, []byte("Code: 394.")) {
			t.Errorf("%s: %d, %.200q, %v", sql, a.status, a.body, a.err)
		}
	}
	sql, name := statement()
	held(sql, name, "wait_end_of_query=1")
	name = "killed-" + uuid.NewString()
	held("SELECT max(sipHash64(number)) FROM numbers(1000000000000) /* "+name+" */", name, "")
	name = "killed-" + uuid.NewString()
	held("INSERT INTO FUNCTION null('n UInt64') SELECT number FROM numbers(1000000000000) /* "+name+" */", name, "")
}
