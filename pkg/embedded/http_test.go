package embedded_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/klauspost/compress/zstd"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// call is one HTTP request as curl would send it.
type call struct {
	method string // POST
	params string // "a=b&c=d"
	body   string
	header map[string]string
}

// do answers the response with its body read.
func (c call) do(t testing.TB, base string) (*http.Response, string) {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, base+"/?"+c.params, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	return resp, string(body)
}

// onDatabase is the engine's URL and the parameter for a fresh database.
func onDatabase(t testing.TB) (base, param string) {
	t.Helper()
	u, err := url.Parse(embeddedtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + u.Host, "database=" + strings.Trim(u.Path, "/")
}

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	base, db := onDatabase(t)
	f := func(c call, want string) {
		t.Helper()
		c.params = db + "&" + c.params
		if resp, body := c.do(t, base); resp.StatusCode != http.StatusOK || body != want {
			t.Errorf("%+v: %s, %q", c, resp.Status, body)
		}
	}
	f(call{method: "GET", params: "query=SELECT+1"}, "1\n")
	f(call{method: "GET"}, "Ok.\n")
	f(call{body: "SELECT 1, 'a' FORMAT CSV"}, "1,\"a\"\n")
	f(call{params: "query=SELECT", body: "1 -- end"}, "1\n")
	f(call{body: "SELECT 1 AS x", params: "default_format=JSONEachRow"}, "{\"x\":1}\n")
	f(call{body: "SELECT 1 AS x", header: map[string]string{"X-ClickHouse-Format": "JSONEachRow"}}, "{\"x\":1}\n")
	f(call{body: "SELECT currentDatabase()", header: map[string]string{"X-ClickHouse-Database": "system"}}, strings.TrimPrefix(db, "database=")+"\n")
	f(call{body: "SELECT getSetting('max_threads')", params: "max_threads=3"}, "3\n")
	f(call{body: "SELECT {a:UInt8} + 1, {s:String}", params: `param_a=1&param_s=x%5Cty`}, "2\tx\\ty\n")
	f(call{body: "SELECT count() FROM numbers(3) WHERE 0"}, "0\n")
	f(call{body: "SELECT 1 WHERE 0"}, "")
	f(call{body: "SELECT 1 WHERE 0 FORMAT CSVWithNames"}, "\"1\"\n")

	f(call{body: "CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a"}, "")
	f(call{body: "INSERT INTO t FORMAT CSV\n1,x\n2,\"y\"\"z\"\n"}, "")
	f(call{body: "INSERT INTO t VALUES (3, 'q'), (2 + 2, concat('(', 'r'))"}, "")
	f(call{body: `{"a":5,"b":"j"}`, params: "query=INSERT+INTO+t+FORMAT+JSONEachRow"}, "")
	f(call{body: "(6, 'u')", params: "query=INSERT+INTO+t+VALUES"}, "")
	f(call{body: "INSERT INTO t SELECT 7, 'sel'"}, "")
	f(call{body: "SELECT 8, 'k'", params: "query=INSERT+INTO+t"}, "")
	f(call{body: "INSERT INTO t SETTINGS max_threads = 1 FORMAT TSV\n9\ttab\n"}, "")
	f(call{body: "INSERT INTO t (b, a) FORMAT JSONCompactEachRow [\"z\", 10]"}, "")
	f(call{body: "SELECT * FROM t ORDER BY a FORMAT CSV"},
		"1,\"x\"\n2,\"y\"\"z\"\n3,\"q\"\n4,\"(r\"\n5,\"j\"\n6,\"u\"\n7,\"sel\"\n8,\"k\"\n9,\"tab\"\n10,\"z\"\n")
	f(call{method: "GET", params: "query=SHOW+TABLES"}, "t\n")
	f(call{body: "ALTER TABLE t DELETE WHERE a > 1", params: "mutations_sync=1"}, "")
	f(call{body: "EXISTS TABLE t"}, "1\n")
	f(call{body: "WITH 1 AS x SELECT x UNION ALL SELECT 1"}, "1\n1\n")
	f(call{body: "SELECT max(number) FROM numbers(3000000)", params: "wait_end_of_query=1"}, "2999999\n")
}

func TestHTTPErrors(t *testing.T) {
	t.Parallel()
	base, db := onDatabase(t)
	f := func(c call, status, code int, pattern string) {
		t.Helper()
		c.params = db + "&" + c.params
		resp, body := c.do(t, base)
		if resp.StatusCode != status || resp.Header.Get("X-ClickHouse-Exception-Code") != fmt.Sprint(code) ||
			!strings.HasPrefix(body, fmt.Sprintf("Code: %d. DB::Exception: ", code)) || !regexp.MustCompile(pattern).MatchString(body) {
			t.Errorf("%+v: %s, code %s, %q", c, resp.Status, resp.Header.Get("X-ClickHouse-Exception-Code"), body)
		}
	}
	f(call{body: "SELECT"}, 400, 62, `Syntax error`)
	f(call{body: ""}, 400, 62, `Empty query`)
	f(call{body: "SELECT 1; SELECT 2"}, 400, 62, `Multi-statements are not allowed`)
	f(call{body: "SELECT * FROM nope"}, 404, 60, `\(UNKNOWN_TABLE\) \(version 2\d\.[\d.]+\)\n$`)
	f(call{body: "SELECT nope FORMAT JSON"}, 404, 47, `UNKNOWN_IDENTIFIER`)
	f(call{body: "SELECT 1 FORMAT Nope"}, 404, 73, `^Code: 73. DB::Exception: Unknown format Nope`)
	f(call{body: "SELECT 1", params: "nope=1"}, 404, 115, `Unknown setting 'nope'`)
	f(call{body: "SELECT {x:UInt8}"}, 500, 456, `UNKNOWN_QUERY_PARAMETER`)
	f(call{body: "SELECT sleep(3)", params: "max_execution_time=1"}, 408, 159, `TIMEOUT_EXCEEDED`)
	f(call{method: "GET", params: "query=CREATE+TABLE+t+(a+Int8)+ENGINE=Memory"}, 500, 164, `method GET implies readonly`)
	f(call{method: "GET", params: "query=INSERT+INTO+t+VALUES+(1)"}, 500, 164, `READONLY`)
	f(call{body: "SELECT 1", params: "session_id=x"}, 501, 48, `Sessions`)
	f(call{body: "SELECT 1 INTO OUTFILE 'x'"}, 500, 358, `INTO_OUTFILE_NOT_ALLOWED`)
	f(call{body: "INSERT INTO nope FORMAT CSV\n1"}, 404, 60, `UNKNOWN_TABLE`)
	f(call{body: "INSERT INTO FUNCTION null('x UInt8') SELECT x FROM input('x UInt8') FORMAT CSV\n1"}, 501, 48, `input\(\)`)

	call{body: "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a", params: db}.do(t, base)
	f(call{body: "INSERT INTO t VALUES ('x')"}, 400, 6, `CANNOT_PARSE_TEXT`)
	// A failed statement must not keep its lock.
	if resp, body := (call{body: "DROP TABLE t SYNC", params: db}).do(t, base); resp.StatusCode != http.StatusOK {
		t.Errorf("drop after a failed insert: %s", body)
	}
	f(call{body: "SELECT 1", header: map[string]string{"Content-Encoding": "nope"}}, 500, 89, `UNKNOWN_COMPRESSION_METHOD`)
}

func TestHTTPHeaders(t *testing.T) {
	t.Parallel()
	base, _ := onDatabase(t)
	resp, _ := call{body: "SELECT * FROM numbers(10) FORMAT JSONCompact", params: "query_id=mine"}.do(t, base)
	f := func(name, pattern string) {
		t.Helper()
		if got := resp.Header.Get(name); !regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(got) {
			t.Errorf("%s: %q", name, got)
		}
	}
	f("X-ClickHouse-Query-Id", "mine")
	f("X-ClickHouse-Format", "JSONCompact")
	f("Content-Type", "application/json; charset=UTF-8")
	f("X-ClickHouse-Timezone", "[A-Za-z/]+")
	f("X-ClickHouse-Server-Display-Name", ".+")
	f("X-ClickHouse-Exception-Tag", "[a-z0-9]{16}")
	f("X-ClickHouse-Summary", `\{"read_rows":"10",.*"result_rows":"10".*\}`)
	resp, _ = call{body: "SELECT 1"}.do(t, base)
	f("X-ClickHouse-Query-Id", "[0-9a-f-]{36}")
	resp, _ = call{body: "INSERT INTO FUNCTION null('x UInt8') VALUES (1), (2)"}.do(t, base)
	f("X-ClickHouse-Summary", `.*"written_rows":"2".*`)
}

func TestHTTPCompression(t *testing.T) {
	t.Parallel()
	base, db := onDatabase(t)
	call{body: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a", params: db}.do(t, base)
	want := "0\n1\n2\n"
	ask := func(encoding string) string {
		t.Helper()
		resp, body := call{body: "SELECT number FROM numbers(3)", params: "enable_http_compression=1", header: map[string]string{"Accept-Encoding": encoding}}.do(t, base)
		if got := resp.Header.Get("Content-Encoding"); got != encoding {
			t.Errorf("asked for %s, got %q", encoding, got)
		}
		return body
	}
	gz, err := gzip.NewReader(strings.NewReader(ask("gzip")))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(gz); err != nil || string(got) != want {
		t.Errorf("gzip: %q, %v", got, err)
	}
	zs, err := zstd.NewReader(strings.NewReader(ask("zstd")))
	if err != nil {
		t.Fatal(err)
	}
	defer zs.Close()
	if got, err := io.ReadAll(zs); err != nil || string(got) != want {
		t.Errorf("zstd: %q, %v", got, err)
	}
	ask("br")
	ask("deflate")
	ask("lz4")
	_, body := call{body: "SELECT number FROM numbers(3)", params: "compress=1"}.do(t, base)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(compress.NewReader(strings.NewReader(body)), got); err != nil || string(got) != want {
		t.Errorf("compress=1: %q, %v", got, err)
	}

	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = io.WriteString(w, "1\n2\n")
	_ = w.Close()
	call{body: packed.String(), params: db + "&query=INSERT+INTO+t+FORMAT+CSV", header: map[string]string{"Content-Encoding": "gzip"}}.do(t, base)
	block := compress.NewWriter(compress.LevelZero, compress.ZSTD)
	if err := block.Compress([]byte("3\n4\n")); err != nil {
		t.Fatal(err)
	}
	call{body: string(block.Data), params: db + "&decompress=1&query=INSERT+INTO+t+FORMAT+CSV"}.do(t, base)
	if _, body := (call{body: "SELECT sum(a) FROM t", params: db}).do(t, base); body != "10\n" {
		t.Errorf("sum of the compressed inserts: %q", body)
	}
}

// TestHTTPBrokenStream checks that an answer that breaks never looks whole, and
// tells why.
func TestHTTPBrokenStream(t *testing.T) {
	t.Parallel()
	base, _ := onDatabase(t)
	f := func(format string) {
		t.Helper()
		resp, err := http.Post(base, "text/plain", strings.NewReader("SELECT number, throwIf(number = 3000000) FROM numbers(4000000) SETTINGS max_threads = 1 FORMAT "+format))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s, %d bytes, %v", format, resp.Status, len(body), err)
		}
		tag := resp.Header.Get("X-ClickHouse-Exception-Tag")
		m := regexp.MustCompile(`(?s)\r\n__exception__\r\n` + tag + `\r\n(Code: 395\. DB::Exception: .*\n)(\d+) ` + tag + `\r\n__exception__\r\n$`).FindSubmatch(body)
		if m == nil || fmt.Sprint(len(m[1])) != string(m[2]) {
			t.Errorf("%s: ends in %q", format, body[max(0, len(body)-500):])
		}
	}
	f("CSV")
	f("CSVWithNames")
	if resp, body := (call{body: "SELECT throwIf(number = 3000000) FROM numbers(4000000)", params: "wait_end_of_query=1"}).do(t, base); resp.StatusCode != http.StatusInternalServerError || !strings.HasPrefix(body, "Code: 395.") {
		t.Errorf("wait_end_of_query: %s, %.100q", resp.Status, body)
	}
}

// TestHTTPDocuments checks that a document of many blocks is one document.
func TestHTTPDocuments(t *testing.T) {
	t.Parallel()
	base, _ := onDatabase(t)
	_, body := call{body: "SELECT number AS n FROM numbers(500000) FORMAT CSVWithNames"}.do(t, base)
	if strings.Count(body, "n") != 1 || strings.Count(body, "\n") != 500_001 {
		t.Errorf("CSVWithNames: %d headers, %d lines", strings.Count(body, "n"), strings.Count(body, "\n"))
	}
	_, body = call{body: "SELECT number AS n FROM numbers(500000) FORMAT JSON"}.do(t, base)
	if strings.Count(body, `"meta"`) != 1 || !strings.Contains(body, `"rows": 500000`) {
		t.Errorf("JSON: %.300s", body)
	}
	_, body = call{body: "SELECT number AS n FROM numbers(300000) FORMAT JSONEachRow", params: "output_format_json_array_of_rows=1"}.do(t, base)
	if strings.Count(body, "[") != 1 {
		t.Errorf("array of rows: %d arrays", strings.Count(body, "["))
	}
}

// TestHTTPCutInsert checks that nothing of a body that breaks off is stored.
func TestHTTPCutInsert(t *testing.T) {
	t.Parallel()
	base, db := onDatabase(t)
	call{body: "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a", params: db}.do(t, base)
	r, w := io.Pipe()
	go func() {
		_, _ = io.WriteString(w, strings.Repeat("1\n", 100_000))
		w.CloseWithError(io.ErrClosedPipe)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/?"+db+"&query=INSERT+INTO+t+FORMAT+CSV", r)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("a cut insert was answered with %s", resp.Status)
	}
	embeddedtest.Eventually(t, "the insert is over", func() bool {
		_, body := call{body: "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO t %' AND current_database = '" + strings.TrimPrefix(db, "database=") + "'"}.do(t, base)
		return body == "0\n"
	})
	if _, body := (call{body: "SELECT count() FROM t", params: db}).do(t, base); body != "0\n" {
		t.Errorf("%s rows of a cut insert", body)
	}
}
