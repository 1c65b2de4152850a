package store

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/search"
)

func TestFoldingToASCIIIsAllOfUnicode(t *testing.T) {
	t.Parallel()
	want := map[rune]string{}
	for r := rune(utf8.RuneSelf); r <= unicode.MaxRune; r++ {
		ascii := strings.Map(func(c rune) rune {
			if c < utf8.RuneSelf {
				return c
			}
			return -1
		}, search.Fold(string(r)))
		if ascii != "" {
			want[r] = ascii
		}
	}
	if got, want := fmt.Sprintf("%+q", foldingToASCII), fmt.Sprintf("%+q", want); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestTheEngineFoldsAsWeDo holds ClickHouse's folding, by which texts are searched, to
// that by which needles are taken apart and what was found is marked. ClickHouse may
// know letters of a later Unicode.
func TestTheEngineFoldsAsWeDo(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	execute(t, s, "CREATE TABLE characters (text String) ENGINE = Memory")
	batch, err := s.conn.PrepareBatch(t.Context(), "INSERT INTO characters (text)")
	if err != nil {
		t.Fatal(err)
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if utf8.ValidRune(r) {
			if err := batch.Append(string(r)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	type row struct{ text, alone, within string }
	rows, err := collect(t.Context(), s.conn, "SELECT text, caseFoldUTF8(text), caseFoldUTF8(concat('Σ', text, 'A')) FROM characters", nil,
		func(r *row) []any { return []any{&r.text, &r.alone, &r.within} })
	if err != nil {
		t.Fatal(err)
	}
	if want := int(unicode.MaxRune) + 1 - (0xe000 - 0xd800); len(rows) != want {
		t.Errorf("%d characters, want %d", len(rows), want)
	}
	for _, r := range rows {
		c, _ := utf8.DecodeRuneInString(r.text)
		later := unicode.Is(unicode.Cn, c) && !isASCII(r.alone)
		if r.alone != search.Fold(r.text) && !later || r.within != "σ"+r.alone+"a" {
			t.Errorf("%+q is folded to %+q, and between others to %+q; want %+q", r.text, r.alone, r.within, search.Fold(r.text))
		}
	}
}
