package embedded_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded"
)

const (
	mib = 1 << 20
	// recordBytes fits a default Kafka message: 1 MiB with all that surrounds it.
	recordBytes = mib - 1024
)

func TestBrokerTrim(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := embedded.BrokerConfig{Dir: dir, KeepBytes: 20 * mib}
	broker := startBroker(t, cfg)
	c := newClient(t, broker.Addr())
	c.createTopic("events", 1)
	trim := func(before int64) {
		t.Helper()
		if err := broker.Trim(t.Context(), "events", 0, before); err != nil {
			t.Fatal(err)
		}
	}
	trim(0) // nothing was ever written

	// A record of nearly 1 MiB each: a segment holds 17 and the tail is 2 segments.
	payload := strings.ToUpper(rand.Text()) + strings.Repeat("x", recordBytes-26)
	const records = 75
	for range records {
		c.produce("events", 0, payload)
	}
	starts := segmentStarts(t, dir)
	if len(starts) != 5 {
		t.Fatalf("%d segments of %d MiB in all", len(starts), records)
	}
	within := func(where string, want int64) {
		t.Helper()
		if first, next := c.bounds("events", 0); first != want || next != records {
			t.Fatalf("%s: the log is [%d, %d), want [%d, %d)", where, first, next, want, records)
		}
	}

	trim(starts[1] - 1)
	within("position in the first segment", 0)
	trim(starts[2] + 3)
	within("position in the third segment", starts[2])
	trim(starts[1])
	within("an older position", starts[2])
	trim(records)
	within("all settled, a tail of 20 MiB kept", starts[3])
	if got := len(segmentStarts(t, dir)); got != 2 {
		t.Fatalf("%d segment files are left", got)
	}
	if got := c.read("events", 0, starts[3], 1); got[0] != payload {
		t.Fatal("the first kept record is not what was written")
	}

	err := broker.Trim(t.Context(), "events", 0, records+1)
	if err == nil || !strings.Contains(err.Error(), "beyond the end") {
		t.Errorf("trim beyond the end: %v", err)
	}
	err = broker.Trim(t.Context(), "events", 7, 0)
	if err == nil || !strings.Contains(err.Error(), "no such topic or partition") {
		t.Errorf("trim of an unknown partition: %v", err)
	}

	// What a kill -9 leaves is what the files hold now.
	crashed := filepath.Join(t.TempDir(), "crashed")
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	if err := broker.Trim(t.Context(), "events", 0, records); err == nil {
		t.Error("trimmed a closed broker")
	}
	for where, dir := range map[string]string{"after a crash": crashed, "after a restart": dir} {
		again := startBroker(t, embedded.BrokerConfig{Dir: dir})
		c = newClient(t, again.Addr())
		within(where, starts[3])
		if got := c.produce("events", 0, "next"); got != records {
			t.Fatalf("%s the next record is at %d", where, got)
		}
	}
}

func TestBrokerTrimNeverEmptiesAPartition(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := startBroker(t, embedded.BrokerConfig{Dir: dir, KeepBytes: 1})
	c := newClient(t, broker.Addr())
	c.createTopic("events", 1)
	for range 3 {
		c.produce("events", 0, "v")
	}
	if err := broker.Trim(t.Context(), "events", 0, 3); err != nil {
		t.Fatal(err)
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	again := startBroker(t, embedded.BrokerConfig{Dir: dir})
	if got := newClient(t, again.Addr()).produce("events", 0, "v"); got != 3 {
		t.Fatalf("the next record is at offset %d, want 3", got)
	}
}

// segmentStarts returns the first offsets of all segment files under dir.
func segmentStarts(t *testing.T, dir string) []int64 {
	t.Helper()
	var starts []int64
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if base, ok := strings.CutSuffix(filepath.Base(path), ".dat"); ok {
			start, convErr := strconv.ParseInt(base, 10, 64)
			starts = append(starts, start)
			err = errors.Join(err, convErr)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(starts)
	return starts
}
