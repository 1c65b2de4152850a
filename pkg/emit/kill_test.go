package emit_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// createTopicAt creates the topic "events" on a child broker.
func createTopicAt(t *testing.T, addr string, partitions int) {
	t.Helper()
	res, err := newClient(t, addr).CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: "events", NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err != nil || res.Errors["events"] != nil {
		t.Fatal(err, res)
	}
}

// numbered writes numbered lines of five tenants, some 20,000 a second, until
// stop is closed.
func numbered(w io.WriteCloser, stop <-chan struct{}) (written int, err error) {
	defer w.Close()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return written, nil
		case <-tick.C:
		}
		var chunk strings.Builder
		for range 20 {
			fmt.Fprintf(&chunk, "{\"tenant\":\"t%d\",\"n\":%d}\n", written%5, written)
			written++
		}
		if _, err := io.WriteString(w, chunk.String()); err != nil {
			return written, err
		}
	}
}

func TestLinesOutliveAKilledBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	addr := broker.Addr
	createTopicAt(t, addr, 3)
	// A real broker starts slowly on a busy machine.
	e := openEmitter(t, emit.Config{Brokers: []string{addr}, Topic: "events", RetryFor: 3 * time.Minute})

	r, w := io.Pipe()
	stop := make(chan struct{})
	written := make(chan int, 1)
	go func() {
		n, err := numbered(w, stop)
		if err != nil {
			t.Error(err)
		}
		written <- n
	}()
	type result struct {
		acked int64
		err   error
	}
	done := make(chan result, 1)
	go func() {
		n, err := emit.Lines(t.Context(), r, e)
		_ = r.CloseWithError(err) // nobody reads any more, and the writer need not wait
		done <- result{n, err}
	}()

	reaches := func(addr string, n int) {
		t.Helper()
		if _, err := tryReadTopic(t, addr, "events", func(got int) bool { return got >= n }); err != nil {
			t.Error(err)
		}
	}
	reaches(addr, 1000)
	for range 2 {
		broker.Kill()
		broker = embeddedtest.StartChildBroker(t, dir, addr)
		_, total, err := logEnds(t.Context(), newClient(t, addr), "events")
		if err != nil {
			t.Error(err)
		}
		reaches(addr, total+1000)
	}
	close(stop)
	want, got := <-written, <-done
	if got.err != nil || got.acked != int64(want) {
		t.Fatalf("%d of %d acknowledged, %v", got.acked, want, got.err)
	}
	checkNumbered(t, addr, want)
	if err := e.Emit(t.Context(), action.Event{ID: "afterwards"}); err != nil {
		t.Error(err)
	}
}

// checkNumbered checks that the first n numbered lines are all in the topic, and
// that each tenant's are in order, except where a stretch was sent again.
func checkNumbered(t *testing.T, addr string, n int) {
	t.Helper()
	messages, err := tryReadTopic(t, addr, "events", func(int) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]bool)
	last := make(map[string]int)
	for _, m := range messages {
		var tenant, number int
		if _, err := fmt.Sscanf(m.value, `{"tenant":"t%d","n":%d}`, &tenant, &number); err != nil {
			t.Fatalf("%q: %v", m.value, err)
		}
		before, ok := last[m.key]
		if ok && number > before+5 {
			t.Fatalf("tenant %s: line %d follows %d", m.key, number, before)
		}
		last[m.key] = number
		seen[number] = true
	}
	for i := range n {
		if !seen[i] {
			t.Fatalf("line %d of %d was acknowledged and is not there", i+1, n)
		}
	}
	t.Logf("%d lines, %d messages", n, len(messages))
}

func TestLinesGiveUpOnADeadBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	addr := broker.Addr
	createTopicAt(t, addr, 3)
	e := openEmitter(t, emit.Config{Brokers: []string{addr}, Topic: "events", RetryFor: 500 * time.Millisecond})

	r, w := io.Pipe()
	stop := make(chan struct{})
	defer close(stop)
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		_, _ = numbered(w, stop) // ends with the pipe
	}()
	go func() {
		_, _ = tryReadTopic(t, addr, "events", func(got int) bool { return got >= 1000 })
		broker.Kill()
	}()
	acked, err := emit.Lines(t.Context(), r, e)
	r.Close()
	<-wrote
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("line %d is not acknowledged", acked+1)) {
		t.Fatalf("%d acknowledged, %v", acked, err)
	}
	embeddedtest.StartChildBroker(t, dir, addr)
	checkNumbered(t, addr, int(acked))
}
