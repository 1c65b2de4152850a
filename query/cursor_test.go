package query

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

func TestCursorsComeBack(t *testing.T) {
	t.Parallel()
	for _, want := range []store.Cursor{
		{Time: time.UnixMilli(0).UTC(), ID: "a"},
		{Time: time.UnixMilli(-1).UTC(), ID: strings.Repeat("𝄞", 128), ContentHash: action.ContentHash{1, 2, 15: 16}},
		{Time: maxTime, ID: "a/b?c d"},
	} {
		text := encodeCursor(&want)
		if strings.ContainsAny(text, "+/= ") {
			t.Errorf("%s has to be encoded in a URL", text)
		}
		if got, err := decodeCursor(text); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		if _, err := decodeRejectedCursor(text); err == nil {
			t.Errorf("%s is taken for a cursor of another list", text)
		}
	}
	for _, want := range []store.RejectedCursor{
		{Time: time.UnixMilli(0).UTC()},
		{Time: maxTime, Topic: strings.Repeat("t", 249), Partition: 1<<31 - 1, Offset: 1<<63 - 1, TopicID: [16]byte{1, 15: 9}},
	} {
		if got, err := decodeRejectedCursor(encodeRejectedCursor(&want)); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestDamagedCursorsAreRefused(t *testing.T) {
	t.Parallel()
	whole := encodeCursor(&store.Cursor{Time: time.UnixMilli(1795521600000), ID: "id-1"})
	f := func(text string) {
		t.Helper()
		if _, err := decodeCursor(text); err == nil {
			t.Errorf("%q is taken", text)
		}
		if _, err := decodeRejectedCursor(text); err == nil {
			t.Errorf("%q is taken for one of rejected messages", text)
		}
	}
	for i := range whole {
		f(whole[:i])
		changed := []byte(whole)
		changed[i] ^= 1
		f(string(changed))
	}
	f(whole + "A")
	f(whole + "=")
	f(whole + "\n")
	f(" " + whole)
	f("null")
	f(strings.Repeat("A", 1<<20))
	f(seal([]byte{actionsCursor}))
	f(seal(append([]byte{actionsCursor}, strings.Repeat("\xFF", 40)...)))
	f(seal(append([]byte{rejectedCursor}, strings.Repeat("\xFF", 80)...)))
}

func FuzzCursor(f *testing.F) {
	f.Add(encodeCursor(&store.Cursor{Time: time.UnixMilli(1), ID: "id-1"}))
	f.Add(encodeRejectedCursor(&store.RejectedCursor{Time: time.UnixMilli(1), Topic: "actions"}))
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := decodeCursor(text); err == nil && encodeCursor(c) != text {
			t.Errorf("%q is not what it is encoded to", text)
		}
		if c, err := decodeRejectedCursor(text); err == nil && encodeRejectedCursor(c) != text {
			t.Errorf("%q is not what it is encoded to", text)
		}
	})
}
