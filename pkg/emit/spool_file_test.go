package emit

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func openTestSpool(t *testing.T, dir string) *spool {
	t.Helper()
	s, err := openSpool(dir, defaultSpoolBytes, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeSpool(t *testing.T, s *spool) {
	t.Helper()
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// fill writes n records of a new segment, and returns the segment's bytes and where
// each record ends in it.
func fill(t *testing.T, dir string, n int) (text []byte, ends []int) {
	t.Helper()
	s := openTestSpool(t, dir)
	for i := range n {
		rec := record{time: time.UnixMilli(int64(i)), policy: Policy(i % 2), value: fmt.Appendf(nil, `{"n":%d}`, i)}
		if i%3 > 0 {
			rec.key = fmt.Appendf(nil, "tenant %d", i)
		}
		if took, err := s.append([]record{rec}); took != 1 || err != nil {
			t.Fatal(took, err)
		}
		ends = append(ends, int(s.newest().end))
	}
	text, err := os.ReadFile(s.newest().path)
	if err != nil {
		t.Fatal(err)
	}
	closeSpool(t, s)
	return text, ends
}

// readAll reads and settles what is in a spool.
func readAll(t *testing.T, s *spool) (records []record) {
	t.Helper()
	for s.events > 0 {
		some, end, err := s.read()
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, some...)
		s.settle(len(some), end)
	}
	return records
}

// checkRecords checks that records are the first n of fill.
func checkRecords(t *testing.T, what string, records []record, n int) {
	t.Helper()
	if len(records) != n {
		t.Fatalf("%s: %d records, want %d", what, len(records), n)
	}
	for i, rec := range records {
		var key []byte
		if i%3 > 0 {
			key = fmt.Appendf(nil, "tenant %d", i)
		}
		if rec.time.UnixMilli() != int64(i) || rec.policy != Policy(i%2) || string(rec.value) != fmt.Sprintf(`{"n":%d}`, i) ||
			!bytes.Equal(rec.key, key) || (rec.key == nil) != (key == nil) {
			t.Fatalf("%s: record %d is %+v", what, i, rec)
		}
	}
}

// complete counts the records that end at or before size.
func complete(ends []int, size int) (n int) {
	for n < len(ends) && ends[n] <= size {
		n++
	}
	return n
}

func TestSpoolCutAnywhere(t *testing.T) {
	t.Parallel()
	text, ends := fill(t, t.TempDir(), 5)
	for size := range len(text) + 1 {
		for what, tail := range map[string][]byte{"short": nil, "zeros": make([]byte, 100), "noise": bytes.Repeat([]byte{0xa5}, 100)} {
			if what != "short" && size < len(spoolMagic) {
				continue // TestSpoolOfAnotherKind
			}
			dir := t.TempDir()
			path := filepath.Join(dir, fmt.Sprintf("%020d.spool", 7))
			if err := os.WriteFile(path, append(text[:size:size], tail...), 0o600); err != nil {
				t.Fatal(err)
			}
			s := openTestSpool(t, dir)
			checkRecords(t, fmt.Sprintf("%s after %d bytes", what, size), readAll(t, s), complete(ends, size))
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Fatalf("the segment is still there: %v", err)
			}
			closeSpool(t, s)
		}
	}
}

func TestSpoolWithAnyByteChanged(t *testing.T) {
	t.Parallel()
	text, ends := fill(t, t.TempDir(), 5)
	for at := len(spoolMagic); at < len(text); at++ {
		dir := t.TempDir()
		changed := bytes.Clone(text)
		changed[at] ^= 0x10
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%020d.spool", 7)), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openTestSpool(t, dir)
		checkRecords(t, fmt.Sprintf("byte %d", at), readAll(t, s), complete(ends, at))
		// What follows the damage was taken too: it is for people to look at.
		if at < ends[len(ends)-2] {
			kept := false
			for _, seg := range s.segments {
				kept = kept || seg.damaged
			}
			if aside, _ := filepath.Glob(filepath.Join(dir, "*"+damagedSuffix)); !kept && len(aside) == 0 {
				t.Errorf("byte %d: the records after the damage are gone", at)
			}
		}
		closeSpool(t, s)
	}
}

func TestSpoolOfAnotherKind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, fmt.Sprintf("%020d.spool", 7))
	if err := os.WriteFile(path, []byte("actlog2\nof a later version"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openTestSpool(t, dir)
	defer closeSpool(t, s)
	if _, err := os.Stat(path + damagedSuffix); err != nil || s.events != 0 || s.bytes != 0 {
		t.Errorf("%d events, %d bytes, %v", s.events, s.bytes, err)
	}
}

// What was put aside is for people to look at: nothing may take its place.
func TestSpoolKeepsEverySegmentThatIsDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := map[string]bool{}
	for n := range 3 {
		text, _ := fill(t, dir, 2+n)
		paths, err := filepath.Glob(filepath.Join(dir, "*.spool"))
		if err != nil || len(paths) != 1 {
			t.Fatal(paths, err)
		}
		text[0] ^= 1 // it is no segment any more
		if err := os.WriteFile(paths[0], text, 0o600); err != nil {
			t.Fatal(err)
		}
		closeSpool(t, openTestSpool(t, dir))
		want[string(text)] = true
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*"+damagedSuffix))
	if err != nil || len(paths) != len(want) {
		t.Fatalf("%d segments are kept, want %d: %q, %v", len(paths), len(want), paths, err)
	}
	for _, path := range paths {
		if text, err := os.ReadFile(path); err != nil || !want[string(text)] {
			t.Errorf("%s is another: %v", path, err)
		}
	}
}

func TestSpoolSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openTestSpool(t, dir)
	big := make([]byte, 1<<20)
	const n = 40
	for i := range n {
		big[0] = byte(i)
		if took, err := s.append([]record{{value: big}}); took != 1 || err != nil {
			t.Fatal(took, err)
		}
	}
	if len(s.segments) < 4 {
		t.Fatalf("%d segments", len(s.segments))
	}
	check := func(s *spool, from, to int) {
		t.Helper()
		for from < to {
			records, end, err := s.read()
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range records {
				if rec.value[0] != byte(from) {
					t.Fatalf("record %d where %d is next", rec.value[0], from)
				}
				from++
			}
			s.settle(len(records), end)
		}
	}
	check(s, 0, 20)
	first := n - s.events // read may have returned more
	// What is settled in a segment that is not deleted yet comes again.
	deleted := first - (first % 8)
	closeSpool(t, s)
	s = openTestSpool(t, dir)
	defer closeSpool(t, s)
	if s.events != n-deleted {
		t.Fatalf("%d events, want %d", s.events, n-deleted)
	}
	check(s, deleted, n)
	left, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(left) > 0 || s.bytes != 0 || s.events != 0 {
		t.Errorf("left over: %v, %d bytes, %d events, %v", left, s.bytes, s.events, err)
	}
}
