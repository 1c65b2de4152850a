package action_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/actionlog/actionlog/pkg/action"
)

func TestReadable(t *testing.T) {
	t.Parallel()
	f := func(raw string, want ...action.Piece) {
		t.Helper()
		got, ok := action.Readable([]byte(raw))
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v, want %+v", raw, got, ok, want)
		}
	}
	f("")
	f("{\n\t\"a\": \"é 日本\"}", action.Piece{Text: "{\n\t\"a\": \"é 日本\"}"})
	f(`{"a":"`+"\xff\xfe"+`"}`, action.Piece{Text: `{"a":"`}, action.Piece{Text: `\xff\xfe`, Escaped: true}, action.Piece{Text: `"}`})
	f("a\u202eb\x1b[0m", action.Piece{Text: "a"}, action.Piece{Text: `\u202e`, Escaped: true}, action.Piece{Text: "b"},
		action.Piece{Text: `\x1b`, Escaped: true}, action.Piece{Text: "[0m"})
	f("\uFFFD", action.Piece{Text: "\uFFFD"})
	f("\x00", action.Piece{Text: `\x00`, Escaped: true})

	for _, raw := range [][]byte{{0, 1, 2, 3, 4}, bytes.Repeat([]byte{0xff}, 1000), []byte(strings.Repeat("abc\x00", 10))} {
		if got, ok := action.Readable(raw); ok {
			t.Errorf("%q is shown as %+v, want a dump", raw, got)
		}
	}
}

func FuzzReadable(f *testing.F) {
	f.Add([]byte("a\xffb\u202ec"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		pieces, _ := action.Readable(raw)
		for _, p := range pieces {
			for _, r := range p.Text {
				if !unicode.IsPrint(r) && r != '\n' && r != '\t' {
					t.Fatalf("%q is shown with %U", raw, r)
				}
			}
		}
	})
}
