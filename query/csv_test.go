package query

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

func writeCSV(defuse bool, lines ...[]string) string {
	var b bytes.Buffer
	w := newCSVWriter(&b, 16, defuse, nil)
	for _, line := range lines {
		for _, cell := range line {
			w.add(cell)
		}
		_ = w.endLine()
	}
	_ = w.flush()
	return b.String()
}

func TestCSVCells(t *testing.T) {
	t.Parallel()
	f := func(cell, want string) {
		t.Helper()
		if got, want := writeCSV(false, []string{"a", cell, "b"}), "a,"+want+",b\r\n"; got != want {
			t.Errorf("%q: got %q, want %q", cell, got, want)
		}
	}
	f("", "")
	f("plain ü 日本 🎉", "plain ü 日本 🎉")
	f("a,b", `"a,b"`)
	f(`a"b`, `"a""b"`)
	f(`"`, `""""`)
	f(`""`, `""""""`)
	f("a\nb", "\"a\nb\"")
	f("a\r\nb", "\"a\r\nb\"")
	f("a\rb\n\r", "\"a\rb\n\r\"")
	f(" a", `" a"`)
	f("a\t", "\"a\t\"")
	f(`\.`, `\.`)
	f("nul\x00", "\"nul\x00\"")
	f(`{"a": "b,c"}`, `"{""a"": ""b,c""}"`)
	f(strings.Repeat("x", 100), strings.Repeat("x", 100))
	f("=1+1", "=1+1")
}

func TestCSVDefusesWhatASpreadsheetWouldRun(t *testing.T) {
	t.Parallel()
	f := func(cell, want string) {
		t.Helper()
		if got, want := writeCSV(true, []string{cell, "b"}), want+",b\r\n"; got != want {
			t.Errorf("%q: got %q, want %q", cell, got, want)
		}
	}
	for _, c := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
		f(c+"1+1", "'"+c+"1+1")
		f(c, "'"+c)
		f(" "+c+"x", `"' `+c+`x"`)
		f("\u00A0\u200B\uFEFF"+c, "'\u00A0\u200B\uFEFF"+c)
		f("x"+c, "x"+c)
	}
	f("\tx", "\"'\tx\"")
	f("\rx", "\"'\rx\"")
	f("\nx", "\"'\nx\"")
	f(`=HYPERLINK("http://x","y")`, `"'=HYPERLINK(""http://x"",""y"")"`)
	f("'=1", "'=1")
	f(" x", `" x"`)
	f("", "")
	f("   ", `"   "`)
	f("2026-11-24T18:00:00.000Z", "2026-11-24T18:00:00.000Z")
	f("2001:db8::7", "2001:db8::7")
}

// Batches are written column by column, and have to give the bytes that the cells of
// each action give by themselves.
func TestExportOfManyBatchesIsThatOfEachAction(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	odd := []string{"", "", "plain", "=1", " x", "a,b", `"`, `x "y", z`, "ü 日本", "a\r\nb", "＝1", "\u200B-1", "\t", "'=1", "@", "x\x00", "-"}
	word := func() string { return odd[rng.IntN(len(odd))] }
	var all []store.Action
	for n := range 10_000 {
		all = append(all, event(n, func(a *store.Action) {
			a.ID += word()
			if rng.IntN(2) == 0 {
				a.ID = uuid.NewString()
			}
			a.Actor, a.OnBehalfOf = action.Actor{ID: word(), Name: word(), Type: word()}, action.Actor{ID: word(), Name: word(), Type: word()}
			a.Action, a.Outcome = word(), word()
			a.Subject = action.Record{Type: word(), ID: word(), Name: word()}
			for range rng.IntN(2) * rng.IntN(3) {
				a.Related = append(a.Related, action.Record{Type: word(), ID: word(), Name: word()})
			}
			if rng.IntN(2) == 0 {
				a.IP = netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
			}
			a.Description, a.Reason, a.SessionID, a.RequestID, a.UserAgent = word()+word(), word(), word(), word(), word()
			if rng.IntN(2) == 0 {
				a.Details = json.RawMessage(`{"a": "b"}`)
			}
		}))
	}
	insert(t, events, all...)
	for _, raw := range []bool{false, true} {
		var lines [][]string
		var names []string
		for _, c := range store.Columns() {
			names = append(names, c.Name)
		}
		lines = append(lines, names)
		err := events.Each(t.Context(), store.Filter{Tenant: "default"}, func(a *store.Action) error {
			var line []string
			for _, c := range store.Columns() {
				line = append(line, c.Text(a))
			}
			lines = append(lines, line)
			return nil
		})
		if err != nil || len(lines) != len(all)+1 {
			t.Fatalf("%d lines, %v", len(lines), err)
		}
		target := "/v1/export.csv"
		if raw {
			target += "?raw=1"
		}
		got, want := get(t, s, target).Body.String(), writeCSV(!raw, lines...)
		if got == want {
			continue
		}
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		from := max(0, at-100)
		t.Errorf("raw %v: at byte %d:\ngot  %q\nwant %q", raw, at, got[from:min(len(got), at+50)], want[from:min(len(want), at+50)])
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("a,b", "\"\r\n", "=1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, defuse := range []bool{false, true} {
			// The first cell keeps the line from being an empty one, which readers skip.
			line := []string{"x", a, b, c}
			r := csv.NewReader(strings.NewReader(writeCSV(defuse, line, line)))
			lines, err := r.ReadAll()
			if err != nil || len(lines) != 2 {
				t.Fatalf("%q: %d lines, %v", line, len(lines), err)
			}
			for i, got := range lines[0] {
				// encoding/csv's reader takes CRLF inside a cell for LF.
				want := strings.ReplaceAll(line[i], "\r\n", "\n")
				if defuse {
					got = strings.TrimPrefix(got, "'")
					want = strings.TrimPrefix(want, "'")
					if runs([]byte(lines[0][i])) {
						t.Errorf("%q still runs", lines[0][i])
					}
				}
				if got != want {
					t.Errorf("%q came back as %q", want, got)
				}
			}
			if !slices.Equal(lines[0], lines[1]) {
				t.Errorf("%q and %q", lines[0], lines[1])
			}
		}
	})
}

func TestAttachment(t *testing.T) {
	t.Parallel()
	f := func(name, want string) {
		t.Helper()
		if got := attachment(name, ".csv"); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", name, got, want)
		}
	}
	f("actions-default-1", `attachment; filename="actions-default-1.csv"`)
	f("a b", `attachment; filename="a_b.csv"; filename*=UTF-8''a%20b.csv`)
	f("Müller+Söhne", `attachment; filename="M_ller_S_hne.csv"; filename*=UTF-8''M%C3%BCller%2BS%C3%B6hne.csv`)
	f("../../etc/x", `attachment; filename=".._.._etc_x.csv"`)
	f("a\"; b\r\nX: y\\", "attachment; filename=\"a___b__X__y_.csv\"; filename*=UTF-8''a_%3B%20b__X_%20y_.csv")
	f("日本", `attachment; filename="__.csv"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.csv`)
}
