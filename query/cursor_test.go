package query

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/store"
)

// testKeys are those of two machines that set up a database at once.
var testKeys = [][]byte{[]byte(strings.Repeat("k", 32)), []byte(strings.Repeat("l", 32))}

func TestCursorsComeBack(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1795521600123).UTC()
	first, last := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2299, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, want := range []place{
		{Now: now},
		{Now: now, Question: [16]byte{1, 15: 9}, Backward: true, At: &store.Cursor{Time: time.UnixMilli(0).UTC(), ID: "a"}},
		{Now: now, To: time.UnixMilli(0).UTC(), At: &store.Cursor{Time: time.UnixMilli(-1).UTC(), ID: strings.Repeat("𝄞", 128), ContentHash: action.ContentHash{1, 2, 15: 16}}},
		{Now: now, To: last, At: &store.Cursor{Time: last, ID: "a/b?c d"}},
		{Now: now, To: last, At: &store.Cursor{Time: first}},
		{Now: now, Backward: true, At: &store.Cursor{Time: last, ID: strings.Repeat("𝄞", 256)}, First: &store.Cursor{Time: first, ID: strings.Repeat("x", 1024), ContentHash: action.ContentHash{15: 1}}},
		{Now: now, First: &store.Cursor{Time: first}},
	} {
		for _, key := range testKeys {
			text := want.encode(key)
			if strings.ContainsAny(text, "+/= ") {
				t.Errorf("%s has to be encoded in a URL", text)
			}
			if got, err := decodePlace(text, testKeys); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v, want %+v", got, err, want)
			}
			if _, err := decodePlace(text, [][]byte{[]byte(strings.Repeat("m", 32))}); err == nil {
				t.Errorf("%s is taken without its key", text)
			}
			if _, err := decodeRejectedCursor(text); err == nil {
				t.Errorf("%s is taken for a cursor of another list", text)
			}
		}
	}
	for _, want := range []store.RejectedCursor{
		{Time: time.UnixMilli(0).UTC()},
		{Time: last, Topic: strings.Repeat("t", 249), Partition: 1<<31 - 1, Offset: 1<<63 - 1, TopicID: [16]byte{1, 15: 9}},
	} {
		if got, err := decodeRejectedCursor(encodeRejectedCursor(&want)); err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestDamagedCursorsAreRefused(t *testing.T) {
	t.Parallel()
	f := func(text string) {
		t.Helper()
		if _, err := decodePlace(text, testKeys); err == nil {
			t.Errorf("%q is taken", text)
		}
		if _, err := decodeRejectedCursor(text); err == nil {
			t.Errorf("%q is taken for one of rejected messages", text)
		}
	}
	at := store.Cursor{Time: time.UnixMilli(1795521600000), ID: "id-1"}
	for _, whole := range []string{
		place{Now: at.Time, At: &at}.encode(testKeys[0]),
		encodeRejectedCursor(&store.RejectedCursor{Time: at.Time, Topic: "actions"}),
	} {
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
	}
	f("null")
	f(strings.Repeat("A", 1<<20))
	for _, kind := range []byte{actionsCursor, rejectedCursor} {
		f(seal([]byte{kind}))
		f(seal(append([]byte{kind}, strings.Repeat("\xFF", 80)...)))
	}
}

func FuzzCursor(f *testing.F) {
	at := store.Cursor{Time: time.UnixMilli(1), ID: "id-1"}
	f.Add(place{Now: at.Time, At: &at}.encode(testKeys[0]))
	f.Add(encodeRejectedCursor(&store.RejectedCursor{Time: time.UnixMilli(1), Topic: "actions"}))
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := decodePlace(text, testKeys); err == nil && p.encode(testKeys[0]) != text && p.encode(testKeys[1]) != text {
			t.Errorf("%q is not what it is encoded to", text)
		}
		if c, err := decodeRejectedCursor(text); err == nil && encodeRejectedCursor(c) != text {
			t.Errorf("%q is not what it is encoded to", text)
		}
	})
}

func TestThePlaceBeforeAnother(t *testing.T) {
	t.Parallel()
	f := func(last, newest, oldest string) {
		t.Helper()
		at := &store.Cursor{ID: "a"}
		copy(at.ContentHash[13:], last)
		for order, want := range map[store.Order]string{store.NewestFirst: newest, store.OldestFirst: oldest} {
			if got := before(at, order); string(got.ContentHash[13:]) != want || got.ID != "a" {
				t.Errorf("%x, order %d: got %x, want %x", last, order, got.ContentHash, want)
			}
		}
	}
	f("\x01\x02\x03", "\x01\x02\x04", "\x01\x02\x02")
	f("\x01\x02\xff", "\x01\x03\x00", "\x01\x02\xfe")
	f("\x01\x00\x00", "\x01\x00\x01", "\x00\xff\xff")
	f("\x01\xff\xff", "\x02\x00\x00", "\x01\xff\xfe")
	for order, border := range map[store.Order]byte{store.NewestFirst: 0xff, store.OldestFirst: 0} {
		at := &store.Cursor{}
		for i := range at.ContentHash {
			at.ContentHash[i] = border
		}
		if got := before(at, order); got != at {
			t.Errorf("before the border is %x", got.ContentHash)
		}
	}
}
