package emit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// deadTopic returns a broker's address and a function that starts it, with the
// topic "events" of three partitions.
func deadTopic(t *testing.T) (addr string, start func() *embeddedtest.ChildBroker) {
	t.Helper()
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	createTopicAt(t, broker.Addr, 3)
	broker.Kill()
	return broker.Addr, func() *embeddedtest.ChildBroker { return embeddedtest.StartChildBroker(t, dir, broker.Addr) }
}

func spoolConfig(addr, dir string) emit.Config {
	return emit.Config{Brokers: []string{addr}, Topic: "events", SpoolDir: dir, SpoolAfter: 50 * time.Millisecond}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.spool*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}

// spoolEvents leaves events of some 1,000 bytes in a directory, by an emitter
// without a broker.
func spoolEvents(t *testing.T, dir string, from, to int) {
	t.Helper()
	e, err := emit.New(spoolConfig(nobody, dir))
	if err != nil {
		t.Fatal(err)
	}
	for n := from; n < to; n++ {
		ev := event(n)
		ev.Description = strings.Repeat("x", 900)
		if err := e.Enqueue(t.Context(), emit.Must, ev); err != nil {
			t.Fatal(err)
		}
	}
	closeWell(t, e)
}

// drained delivers what is in a directory.
func drained(t *testing.T, addr, dir string) {
	t.Helper()
	e := openEmitter(t, spoolConfig(addr, dir))
	embeddedtest.Eventually(t, "the spool is empty", func() bool { return e.Stats().Spooled == 0 })
	closeWell(t, e)
}

func TestSpoolTakesOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, start := deadTopic(t)
	broker := start()
	cfg := spoolConfig(addr, dir)
	cfg.QueueEvents = 200
	e := openEmitter(t, cfg)

	n := 0
	put := func(more int) {
		enqueue(t, e, emit.Must, n, n+more)
		n += more
	}
	put(1000)
	for range 2 {
		broker.Kill()
		put(2000) // many times what the queue holds
		if got := e.Stats(); got.Spooled == 0 || len(segments(t, dir)) == 0 {
			t.Errorf("%+v", got)
		}
		broker = start()
		put(1000) // while it drains
		embeddedtest.Eventually(t, "all acknowledged", func() bool { return e.Stats().Acknowledged == int64(n) })
		if got := e.Stats(); got != (emit.Stats{Acknowledged: int64(n)}) {
			t.Errorf("%+v", got)
		}
		if left := segments(t, dir); len(left) > 0 {
			t.Errorf("left over: %v", left)
		}
		put(10) // from memory again
	}
	closeWell(t, e)
	checkEvents(t, addr, "events", n)
}

func TestSpoolOutlivesClose(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, start := deadTopic(t)
	cfg := spoolConfig(addr, dir)
	cfg.FlushTimeout = time.Hour // Close need not wait for Kafka
	for n := range 3 {
		e, err := emit.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		enqueue(t, e, emit.Must, 100*n, 100*(n+1))
		closeWell(t, e)
		if got := e.Stats(); got.Spooled != int64(100*(n+1)) || got.Queued != 0 || got.Undelivered != 0 {
			t.Errorf("%+v", got)
		}
	}
	// Not even when the time to wait is over before Kafka counts as away.
	cfg.FlushTimeout, cfg.SpoolAfter = time.Nanosecond, time.Hour
	e, err := emit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	enqueue(t, e, emit.Must, 300, 400)
	closeWell(t, e)
	start()
	drained(t, addr, dir)
	checkEvents(t, addr, "events", 400)
	readTopicAt(t, addr, "events", 400)
}

func TestSpoolIsOlderThanWhatIsQueued(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, start := deadTopic(t)
	spoolEvents(t, dir, 0, 12_000) // several blocks
	start()
	cfg := spoolConfig(addr, dir)
	cfg.SpoolAfter = time.Hour // so that what is queued stays in memory until then
	e := openEmitter(t, cfg)
	enqueue(t, e, emit.Must, 12_000, 13_000)
	embeddedtest.Eventually(t, "all acknowledged", func() bool { return e.Stats().Acknowledged == 13_000 })
	checkEvents(t, addr, "events", 13_000)
}

func TestSpoolOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, start := deadTopic(t)
	spooled := 0
	for range 3 {
		before := spooled
		spooled = killSpool(t, dir, "", func(n int) bool { return n >= before+2000 })
	}
	// The process that drains is killed as well, when some of it is settled. What is
	// under way takes at most 4 MiB.
	spoolEvents(t, dir, spooled, 12_000)
	start()
	killSpool(t, dir, addr, func(n int) bool { return n < 12_000 })
	drained(t, addr, dir)
	checkEvents(t, addr, "events", 12_000)
	if left := segments(t, dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestSpoolOutlivesKilledBrokers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, start := deadTopic(t)
	const n = 12_000
	spoolEvents(t, dir, 0, n)
	e := openEmitter(t, spoolConfig(addr, dir))
	client := newClient(t, addr)
	last := 0
	for range 3 {
		broker := start()
		embeddedtest.Eventually(t, "some more arrive", func() bool {
			_, total, err := logEnds(t.Context(), client, "events")
			if err != nil || total <= last && e.Stats().Spooled > 0 {
				return false
			}
			last = total
			return true
		})
		broker.Kill()
	}
	start()
	checkEvents(t, addr, "events", n)
}

func TestSpoolWithATornTail(t *testing.T) {
	t.Parallel()
	addr, start := deadTopic(t)
	start()
	dir := t.TempDir()
	spoolEvents(t, dir, 0, 100)
	paths := segments(t, dir)
	info, err := os.Stat(paths[0])
	if err != nil || len(paths) != 1 {
		t.Fatal(paths, err)
	}
	if err := os.Truncate(paths[0], info.Size()-1); err != nil {
		t.Fatal(err)
	}
	spoolEvents(t, dir, 99, 200) // as a caller does that has no answer for the last one
	drained(t, addr, dir)
	checkEvents(t, addr, "events", 200)
	readTopicAt(t, addr, "events", 200)
	if left := segments(t, dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestSpoolWithADamagedSegment(t *testing.T) {
	t.Parallel()
	addr, start := deadTopic(t)
	start()
	dir := t.TempDir()
	spoolEvents(t, dir, 0, 100)
	paths := segments(t, dir)
	text, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/2] ^= 1
	spoolEvents(t, dir, 100, 200) // in another segment
	if err := os.WriteFile(paths[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	e := openEmitter(t, spoolConfig(addr, dir))
	readable := e.Stats().Spooled
	if readable < 100+40 || readable > 100+60 {
		t.Errorf("%d events are readable", readable)
	}
	embeddedtest.Eventually(t, "the spool is empty", func() bool { return e.Stats().Spooled == 0 })
	readTopicAt(t, addr, "events", int(readable))
	if left := segments(t, dir); !slices.Equal(left, []string{paths[0] + ".damaged"}) {
		t.Errorf("left over: %v", left)
	}
}

func TestSpoolIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, start := deadTopic(t)
	cfg := spoolConfig(addr, dir)
	cfg.SpoolBytes, cfg.QueueEvents = 24<<20, 10
	logged := newLog()
	cfg.Logger = logged.Logger
	e := openEmitter(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	taken := make(chan int)
	go func() {
		long := strings.Repeat("x", 500_000)
		for n := 0; ; n++ {
			ev := event(n)
			ev.Description = long
			if err := e.Enqueue(ctx, emit.Must, ev); err != nil {
				if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "0 of 1 events queued") {
					t.Error(err)
				}
				taken <- n
				return
			}
		}
	}()
	logged.waitFor(t, "the spool is full")
	embeddedtest.Eventually(t, "the queue is full", func() bool { return e.Stats().Queued == 10 })
	cancel()
	n := <-taken
	enqueue(t, e, emit.BestEffort, n, n+3)
	got := e.Stats()
	if got.Spooled+got.Queued != int64(n) || got.Queued != 10 || got.SpooledBytes > 24<<20 || got.SpooledBytes < 23<<20 || got.Dropped != 3 {
		t.Errorf("%d taken: %+v", n, got)
	}
	start()
	enqueue(t, e, emit.Must, n, n+100) // waits for room
	n += 100
	embeddedtest.Eventually(t, "all acknowledged", func() bool { return e.Stats().Acknowledged == int64(n) })
	checkEvents(t, addr, "events", n)
}

func TestSpoolThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "spool")
	addr, start := deadTopic(t)
	cfg := spoolConfig(addr, dir)
	cfg.QueueEvents = 100
	logged := newLog()
	cfg.Logger = logged.Logger
	e := openEmitter(t, cfg)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	enqueue(t, e, emit.Must, 0, 100)
	enqueue(t, e, emit.BestEffort, 100, 101)
	logged.waitFor(t, "begin a segment of the spool")
	if got := e.Stats(); got.Queued != 100 || got.Spooled != 0 || got.Dropped != 1 {
		t.Errorf("%+v", got)
	}
	// The queue goes on in memory; once it can be written, on the disk.
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	embeddedtest.Eventually(t, "all spooled", func() bool { return e.Stats().Spooled == 100 })
	start()
	embeddedtest.Eventually(t, "all acknowledged", func() bool { return e.Stats().Acknowledged == 100 })
	checkEvents(t, addr, "events", 100)
}

func TestSpoolIsForOneProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := openEmitter(t, spoolConfig(nobody, dir))
	refused := func() {
		t.Helper()
		_, err := emit.New(spoolConfig(nobody, dir))
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("another emitter uses the spool %s", dir)) {
			t.Errorf("got %v", err)
		}
	}
	refused()
	closeWell(t, e)
	spoolEvents(t, dir, 0, 1)
}
