package emit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// nobody is an address where no broker listens: port 1 of loopback.
const nobody = "127.0.0.1:1"

// event is number n of the events of five tenants.
func event(n int) action.Event {
	return action.Event{ID: fmt.Sprint(n), Tenant: fmt.Sprintf("t%d", n%5), Action: "a.b"}
}

func enqueue(t *testing.T, e *emit.Emitter, policy emit.Policy, from, to int) {
	t.Helper()
	for n := from; n < to; n++ {
		if err := e.Enqueue(t.Context(), policy, event(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// checkEvents checks that the first n events are in the topic, and that each is
// there for the first time only after those of its tenant before it.
func checkEvents(t *testing.T, addr, topic string, n int) {
	t.Helper()
	// Repeats count as messages too: so many are there before all events are.
	embeddedtest.Within(t, 2*time.Minute, fmt.Sprintf("%d different events", n), func() bool {
		messages, err := tryReadTopic(t, addr, topic, func(got int) bool { return got >= n })
		if err != nil {
			t.Fatal(err)
		}
		seen := countEvents(t, messages)
		if seen >= n {
			t.Logf("%d events, %d messages", seen, len(messages))
		}
		return seen >= n
	})
}

// countEvents returns how many different events there are. Each tenant's must be in
// order, except where a stretch was sent again.
func countEvents(t *testing.T, messages []message) (seen int) {
	t.Helper()
	next := make(map[string]int)
	for _, m := range messages {
		var ev action.Event
		if err := json.Unmarshal([]byte(m.value), &ev); err != nil {
			t.Fatal(err)
		}
		var number int
		if _, err := fmt.Sscan(ev.ID, &number); err != nil || m.key != ev.Tenant {
			t.Fatalf("key %q, %q: %v", m.key, m.value, err)
		}
		switch want := next[ev.Tenant]*5 + number%5; {
		case number > want:
			t.Fatalf("tenant %s: event %d where %d is next", ev.Tenant, number, want)
		case number == want:
			next[ev.Tenant]++
			seen++
		}
	}
	return seen
}

func closeWell(t *testing.T, e *emit.Emitter) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEnqueueThenClose(t *testing.T) {
	t.Parallel()
	const n = 5000
	topic := embeddedtest.Topic(t, 3)
	addr := embeddedtest.Broker(t)
	e := openEmitter(t, emit.Config{Brokers: []string{addr}, Topic: topic, QueueEvents: 100})
	enqueue(t, e, emit.Must, 0, n)
	closeWell(t, e)
	if got := e.Stats(); got != (emit.Stats{Acknowledged: n}) {
		t.Errorf("%+v", got)
	}
	readTopic(t, topic, n)
	checkEvents(t, addr, topic, n)
	for _, policy := range []emit.Policy{emit.Must, emit.BestEffort} {
		if err := e.Enqueue(t.Context(), policy, event(0)); !errors.Is(err, emit.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestEnqueueFromManyGoroutines(t *testing.T) {
	t.Parallel()
	const callers, each = 5, 500
	topic := embeddedtest.Topic(t, 3)
	addr := embeddedtest.Broker(t)
	e := openEmitter(t, emit.Config{Brokers: []string{addr}, Topic: topic, QueueEvents: 64})
	var wg sync.WaitGroup
	for tenant := range callers {
		wg.Go(func() {
			for i := range each {
				if err := e.Enqueue(t.Context(), emit.Must, event(i*callers+tenant)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	embeddedtest.Eventually(t, "all acknowledged", func() bool { return e.Stats().Acknowledged == callers*each })
	readTopic(t, topic, callers*each)
	checkEvents(t, addr, topic, callers*each)
}

func TestEnqueueTakesACopy(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	events := []action.Event{{Action: "a.b", Details: json.RawMessage(`{"a":1}`)}}
	if err := e.Enqueue(t.Context(), emit.Must, events...); err != nil {
		t.Fatal(err)
	}
	if events[0].ID == "" || events[0].Time.IsZero() {
		t.Errorf("not stamped: %+v", events[0])
	}
	events[0].Details[5] = '2'
	events[0].Action = "c.d"
	if got := readTopic(t, topic, 1)[0].value; !strings.Contains(got, `"a.b"`) || !strings.Contains(got, `{"a":1}`) {
		t.Errorf("sent %s", got)
	}
}

func TestEnqueueRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	e := openEmitter(t, emit.Config{Brokers: []string{nobody}, Topic: "t"})
	err := e.Enqueue(t.Context(), emit.BestEffort, event(0), action.Event{Details: json.RawMessage(`{`)})
	if err == nil || !strings.Contains(err.Error(), "event 2 of 2: encode as JSON") {
		t.Errorf("got %v", err)
	}
	if err := e.Enqueue(t.Context(), 7, event(0)); err == nil || !strings.Contains(err.Error(), "no policy 7") {
		t.Errorf("got %v", err)
	}
	if got := e.Stats(); got != (emit.Stats{}) {
		t.Errorf("%+v", got)
	}
}

// undelivered collects what OnUndelivered is told.
type undelivered struct {
	mu  sync.Mutex
	got []emit.Undelivered
}

func (u *undelivered) add(one emit.Undelivered) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.got = append(u.got, one)
}

func TestEnqueueWithoutRoom(t *testing.T) {
	t.Parallel()
	for name, bound := range map[string]emit.Config{
		"events": {QueueEvents: 2},
		"bytes":  {QueueBytes: 350}, // an event takes some 160
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var lost undelivered
			cfg := bound
			cfg.Brokers, cfg.Topic = []string{nobody}, "t"
			cfg.FlushTimeout, cfg.OnUndelivered = time.Millisecond, lost.add
			e, err := emit.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err = e.Enqueue(ctx, emit.Must, event(0), event(1), event(2))
			if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "2 of 3 events queued") {
				t.Errorf("got %v", err)
			}
			enqueue(t, e, emit.BestEffort, 2, 5)
			got := e.Stats()
			if got.QueuedBytes <= 0 || got.QueuedBytes > 350 {
				t.Errorf("%d bytes", got.QueuedBytes)
			}
			got.QueuedBytes = 0
			if want := (emit.Stats{Queued: 2, Dropped: 3}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}

			// A caller that waits for room is told of Close.
			waiting := make(chan error)
			go func() { waiting <- e.Enqueue(context.Background(), emit.Must, event(5)) }()
			err = e.Close()
			if err == nil || !strings.Contains(err.Error(), "2 queued events were not acknowledged") {
				t.Errorf("Close: %v", err)
			}
			if again := e.Close(); again == nil || again.Error() != err.Error() {
				t.Errorf("second Close: %v", again)
			}
			if err := <-waiting; !errors.Is(err, emit.ErrClosed) {
				t.Errorf("while closing: %v", err)
			}
			if got := e.Stats(); got != (emit.Stats{Dropped: 3, Undelivered: 2}) {
				t.Errorf("%+v", got)
			}
			for i, one := range lost.got {
				if !strings.Contains(string(one.Value), fmt.Sprintf(`"id":"%d"`, i)) || one.Policy != emit.Must || !errors.Is(one.Err, emit.ErrClosed) {
					t.Errorf("undelivered: %s %v %v", one.Value, one.Policy, one.Err)
				}
			}
			if len(lost.got) != 2 {
				t.Errorf("%d undelivered", len(lost.got))
			}
		})
	}
}

func TestEnqueueTakesAnyEventWhenEmpty(t *testing.T) {
	t.Parallel()
	topic := embeddedtest.Topic(t, 1)
	e := openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic, QueueBytes: 1})
	enqueue(t, e, emit.Must, 0, 10)
	readTopic(t, topic, 10)
}

func TestEnqueuedOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	createTopicAt(t, broker.Addr, 3)
	broker.Kill()
	// RetryFor is for Emit: what is queued is tried for longer.
	e := openEmitter(t, emit.Config{Brokers: []string{broker.Addr}, Topic: "events", QueueEvents: 50, RetryFor: time.Millisecond})
	enqueue(t, e, emit.Must, 0, 50)
	if err := e.Emit(t.Context(), event(0)); err == nil {
		t.Error("there is no broker, and Emit has an acknowledgement")
	}
	done := make(chan error)
	go func() { // waits for room
		for n := 50; n < 1000; n++ {
			if err := e.Enqueue(context.Background(), emit.Must, event(n)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	embeddedtest.StartChildBroker(t, dir, broker.Addr)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	closeWell(t, e)
	checkEvents(t, broker.Addr, "events", 1000)
}

func TestEnqueuedAndRefused(t *testing.T) {
	t.Parallel()
	topic := embeddedtest.Topic(t, 1)
	setMaxMessageBytes(t, topic, 10_000)
	var lost undelivered
	e, err := emit.New(emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic, OnUndelivered: lost.add})
	if err != nil {
		t.Fatal(err)
	}
	events := []action.Event{event(0), event(1), event(2), event(3), event(4)}
	events[2].Description = noise(30_000)
	if err := e.Enqueue(t.Context(), emit.BestEffort, events...); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err == nil || !strings.Contains(err.Error(), "1 queued events were not acknowledged") {
		t.Errorf("Close: %v", err)
	}
	if got := e.Stats(); got != (emit.Stats{Acknowledged: 4, Undelivered: 1}) {
		t.Errorf("%+v", got)
	}
	if len(lost.got) != 1 || !strings.Contains(string(lost.got[0].Value), `"id":"2"`) ||
		lost.got[0].Policy != emit.BestEffort || !errors.Is(lost.got[0].Err, kafka.MessageSizeTooLarge) {
		t.Errorf("undelivered: %.100v", lost.got)
	}
	for i, m := range readTopic(t, topic, 4) {
		if want := []string{"0", "1", "3", "4"}[i]; !strings.Contains(m.value, `"id":"`+want+`"`) {
			t.Errorf("message %d is %s, want id %s", i, m.value, want)
		}
	}
}

func TestEmitMessages(t *testing.T) {
	t.Parallel()
	topic := embeddedtest.Topic(t, 1)
	setMaxMessageBytes(t, topic, 10_000)
	e := openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic})
	header := action.Header{Key: "content-type", Value: []byte("application/json")}
	errs := e.EmitMessages(t.Context(),
		action.Message{Value: []byte(`{ "tenant":"acme" }`), Headers: []action.Header{header}},
		action.Message{Value: []byte(noise(30_000))},
		action.Message{Value: []byte("{}\r\n")},
		action.Message{Value: make([]byte, 1<<20)},
		action.Message{Value: []byte("no JSON")},
	)
	if len(errs) != 5 || errs[0] != nil || !errors.Is(errs[1], kafka.MessageSizeTooLarge) || errs[2] != nil ||
		errs[3] == nil || !strings.Contains(errs[3].Error(), "message 4 of 5 has 1048576 bytes") || errs[4] != nil {
		t.Errorf("got %v", errs)
	}
	got := readTopic(t, topic, 3)
	for i, want := range []message{
		{key: "acme", value: `{ "tenant":"acme" }`, headers: "content-type=application/json;"},
		{key: "default", value: "{}\r\n"},
		{key: "-", value: "no JSON"},
	} {
		if got[i].time = want.time; got[i] != want {
			t.Errorf("message %d is %+v, want %+v", i, got[i], want)
		}
	}

	if errs := e.EmitMessages(t.Context()); errs != nil {
		t.Errorf("no messages: %v", errs)
	}
	if errs := e.EmitMessages(t.Context(), action.Message{Value: []byte("{}")}); errs != nil {
		t.Errorf("all acknowledged: %v", errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if errs := e.EmitMessages(ctx, action.Message{}, action.Message{}); len(errs) != 2 || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("cancelled: %v", errs)
	}
	closeWell(t, e)
	if errs := e.EmitMessages(t.Context(), action.Message{}); len(errs) != 1 || !errors.Is(errs[0], emit.ErrClosed) {
		t.Errorf("after Close: %v", errs)
	}
}
