package emit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

func TestEmitStampsEvents(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	before := time.Now().Truncate(time.Millisecond)
	events := []action.Event{
		{Actor: action.Actor{ID: "u-1"}, Action: "opportunity.created", Description: "<Fête> & co"},
		{
			ID: "fixed", Time: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), Tenant: "acme",
			Actor: action.Actor{ID: "s-1", Name: "Ōta", Type: "service"}, OnBehalfOf: action.Actor{ID: "u-2"},
			IP: netip.MustParseAddr("2001:db8::1"), Action: "invoice.posted", Outcome: "denied",
			Details: json.RawMessage(`{"a":1}`),
		},
	}
	if err := e.Emit(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	// The same slice again is a repeat: the same bytes.
	if err := e.Emit(t.Context(), events...); err != nil {
		t.Fatal(err)
	}

	got := readTopic(t, topic, 4)
	for i, want := range []string{"default", "acme", "default", "acme"} {
		if got[i].key != want {
			t.Errorf("message %d has the key %q, want %q", i, got[i].key, want)
		}
	}
	if got[0].value != got[2].value || got[1].value != got[3].value {
		t.Errorf("the repeat differs: %+v", got)
	}
	if got[0].time.Before(before) || got[0].time.After(time.Now()) {
		t.Errorf("Kafka time %s", got[0].time)
	}
	var first action.Event
	if err := json.Unmarshal([]byte(got[0].value), &first); err != nil {
		t.Fatal(err)
	}
	if id, err := uuid.Parse(first.ID); err != nil || id.Version() != 7 {
		t.Errorf("id %q: %v", first.ID, err)
	}
	if first.Time.Before(before) || first.Time.Location() != time.UTC || first.Time.Nanosecond()%1e6 != 0 {
		t.Errorf("time %s", first.Time)
	}
	want := fmt.Sprintf(`{"id":%q,"time":%q,"tenant":"default","actor":{"id":"u-1","type":"user"},`+
		`"action":"opportunity.created","outcome":"success","description":"<Fête> & co"}`, first.ID, first.Time.Format(time.RFC3339Nano))
	if got[0].value != want {
		t.Errorf("sent\n%s\nwant\n%s", got[0].value, want)
	}
	want = `{"id":"fixed","time":"2026-03-02T09:00:00Z","tenant":"acme","actor":{"id":"s-1","name":"Ōta","type":"service"},` +
		`"on_behalf_of":{"id":"u-2","type":"user"},"ip":"2001:db8::1","action":"invoice.posted","outcome":"denied","details":{"a":1}}`
	if got[1].value != want {
		t.Errorf("sent\n%s\nwant\n%s", got[1].value, want)
	}
}

func TestEmitRefusesWhatIsNoMessage(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	good := action.Event{Actor: action.Actor{ID: "u"}, Action: "a.b"}
	refused := func(bad action.Event, want string) {
		t.Helper()
		err := e.Emit(t.Context(), good, bad)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "event 2 of 2") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	refused(action.Event{Details: json.RawMessage(`{"a":`)}, "encode as JSON")
	refused(action.Event{Description: strings.Repeat("x", action.MaxMessageBytes)}, "ingest takes at most 1000000")
	if err := e.Emit(t.Context()); err != nil {
		t.Errorf("no events: %v", err)
	}
	// None of the good neighbours was sent.
	if err := e.Emit(t.Context(), action.Event{ID: "last"}); err != nil {
		t.Fatal(err)
	}
	if got := readTopic(t, topic, 1); !strings.Contains(got[0].value, `"last"`) {
		t.Errorf("sent %q", got[0].value)
	}
}

func TestEmitFromManyGoroutines(t *testing.T) {
	t.Parallel()
	const callers, each = 50, 20
	e, topic := newEmitter(t, 3)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for n := range each {
				ev := action.Event{ID: fmt.Sprintf("%d-%d", c, n), Tenant: fmt.Sprintf("tenant-%d", c%7), Action: "a.b"}
				if err := e.Emit(t.Context(), ev); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	next := make(map[string]int)
	for _, m := range readTopic(t, topic, callers*each) {
		var ev action.Event
		if err := json.Unmarshal([]byte(m.value), &ev); err != nil {
			t.Fatal(err)
		}
		caller, n, _ := strings.Cut(ev.ID, "-")
		if fmt.Sprint(next[caller]) != n {
			t.Fatalf("caller %s: event %s where %d is next", caller, n, next[caller])
		}
		next[caller]++
	}
}

func TestEmitWaitsForTheTopic(t *testing.T) {
	t.Parallel()
	topic := "made-later-" + strings.ToLower(uuid.NewString())
	e := openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic})
	done := make(chan error, 1)
	go func() { done <- e.Emit(t.Context(), action.Event{ID: "early"}) }()
	createTopic(t, topic)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := readTopic(t, topic, 1); !strings.Contains(got[0].value, "early") {
		t.Errorf("got %q", got[0].value)
	}
}

func TestEmitGivesUp(t *testing.T) {
	t.Parallel()
	e := openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: "never-made", RetryFor: 200 * time.Millisecond})
	err := e.Emit(t.Context(), action.Event{}, action.Event{})
	var failed *emit.Error
	if !errors.As(err, &failed) || failed.Acknowledged != 0 || failed.Total != 2 || !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Fatalf("no topic: %#v", err)
	}
	if !strings.Contains(err.Error(), "0 of 2") || !strings.Contains(err.Error(), `topic "never-made" does not exist`) ||
		!strings.Contains(err.Error(), "start actionlog ingest") {
		t.Errorf("no topic: %v", err)
	}

	// Port 1 of loopback: nobody listens.
	e = openEmitter(t, emit.Config{Brokers: []string{"127.0.0.1:1"}, Topic: "t", RetryFor: 200 * time.Millisecond})
	err = e.Emit(t.Context(), action.Event{})
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("no broker: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Emit(ctx, action.Event{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestEmitterClose(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	acked := 0
	for range 20 {
		wg.Go(func() {
			switch err := e.Emit(t.Context(), action.Event{}); {
			case err == nil:
				mu.Lock()
				acked++
				mu.Unlock()
			case !errors.Is(err, emit.ErrClosed):
				t.Error(err)
			}
		})
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := e.Emit(t.Context(), action.Event{}); !errors.Is(err, emit.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := emit.Lines(t.Context(), strings.NewReader("{}\n"), e); !errors.Is(err, emit.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	readTopic(t, topic, acked)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	refused := func(cfg emit.Config, want string) {
		t.Helper()
		if _, err := emit.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	refused(emit.Config{Topic: "t"}, "no Kafka brokers")
	refused(emit.Config{Brokers: []string{"kafka"}, Topic: "t"}, `broker "kafka" is not host:port`)
	refused(emit.Config{Brokers: []string{"kafka:9092"}}, "no topic")
}
