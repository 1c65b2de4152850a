package embedded_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// TestAbandonedStatements lets clients go away at random moments of inserts and
// selects: nothing of theirs may keep a database from being dropped, and nothing
// may stay in system.processes.
func TestAbandonedStatements(t *testing.T) {
	t.Parallel()
	const clients = 4
	base := embeddedtest.Engine(t).URL()
	mark := "gone_" + strings.ToLower(fmt.Sprintf("%08x", rand.Uint32())) + "_"
	end := time.Now().Add(8 * time.Second)
	var wg sync.WaitGroup
	counts := make([]int, clients)
	for i := range clients {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			for n := 0; time.Now().Before(end) && !t.Failed(); n++ {
				abandonOnce(t, rnd, base, fmt.Sprintf("%s%d_%d", mark, i, n))
				counts[i] = n + 1
			}
		})
	}
	wg.Wait()
	t.Logf("%v rounds", counts)
	embeddedtest.Eventually(t, "nothing is left in system.processes", func() bool {
		_, body := call{body: "SELECT count() FROM system.processes WHERE position(query, '" + mark + "') > 0 AND position(query, 'system.processes') = 0"}.do(t, base)
		return body == "0\n"
	})
}

// abandonOnce makes a database, gives up on one statement there, and drops the
// database at once.
func abandonOnce(t *testing.T, rnd *rand.Rand, base, database string) {
	mustDo := func(sql string) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := send(ctx, base, sql, strings.NewReader("")); err != nil {
			_, processes := call{body: "SELECT elapsed, is_cancelled, query FROM system.processes FORMAT Vertical"}.do(t, base)
			t.Errorf("%s: %v; the engine runs:\n%s", sql, err, processes)
		}
	}
	mustDo("CREATE DATABASE " + database)
	mustDo("CREATE TABLE " + database + ".t (n UInt64) ENGINE = ReplacingMergeTree PARTITION BY n % 4 ORDER BY n")
	mustDo("INSERT INTO " + database + ".t SELECT number FROM numbers(10000)")

	statements := []struct{ sql, format string }{
		{"INSERT INTO %s.t SETTINGS max_partitions_per_insert_block = 0, async_insert = 0 FORMAT Native", "Native"},
		{"INSERT INTO %s.t FORMAT CSV", "CSV"},
		{"INSERT INTO %s.t SELECT number FROM numbers(10000000000)", ""},
		{"SELECT t.n, number FROM %s.t AS t, numbers(1000000) FORMAT TSV", ""},
		{"SELECT t.n, number FROM %s.t AS t, numbers(1000000) FORMAT JSON", ""},
		{"SELECT sum(sipHash64(t.n, number)) FROM %s.t AS t, numbers(10000000)", ""},
	}
	s := statements[rnd.IntN(len(statements))]
	// Most go early, when the most is under way.
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rnd.Float64()*rnd.Float64()*float64(40*time.Millisecond)))
	defer cancel()
	sql := fmt.Sprintf(s.sql, database)
	if err := send(ctx, base, sql, &goneBody{ctx: ctx, format: s.format, pieces: rnd.IntN(1 << rnd.IntN(6)), ends: rnd.IntN(2) == 0}); err == nil && s.format == "" {
		t.Errorf("%s came to its end", sql)
	}
	mustDo("DROP DATABASE " + database + " SYNC")
}

// send runs a statement and reads its answer to the end, or until ctx ends.
func send(ctx context.Context, base, sql string, body io.Reader) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/?query="+url.QueryEscape(sql), body)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<30))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(string(text))
	}
	return err
}

// goneBody is a body of pieces. After them it ends, or neither goes on nor ends
// until its client has gone.
type goneBody struct {
	ctx    context.Context
	format string
	pieces int
	ends   bool
	rest   []byte
}

func (b *goneBody) Read(p []byte) (int, error) {
	if b.format == "" {
		return 0, io.EOF
	}
	if len(b.rest) == 0 {
		if b.pieces == 0 && b.ends {
			return 0, io.EOF
		}
		if b.pieces == 0 {
			<-b.ctx.Done()
			return 0, b.ctx.Err()
		}
		b.pieces--
		b.rest = piece(b.format)
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// piece is 5,000 rows of a column n.
func piece(format string) []byte {
	const rows = 5_000
	if format == "CSV" {
		return []byte(strings.Repeat("1\n", rows))
	}
	b := binary.AppendUvarint([]byte{1}, rows)
	b = append(b, "\x01n\x06UInt64"...)
	for n := range uint64(rows) {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}
