package workload_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/workload"
)

func TestEventsAreValidTypicalAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	w := &workload.Workload{Seed: 1, From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), Span: 365 * 24 * time.Hour, Events: 20_000}
	size := 0
	ids, actors := map[string]bool{}, map[string]int{}
	var last time.Time
	for i := range w.Events {
		e := w.Event(i)
		message, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if _, rejection := action.Decode(message, action.Origin{}); rejection != nil {
			t.Fatalf("event %d is not valid: %v\n%s", i, rejection, message)
		}
		if again, _ := json.Marshal(w.Event(i)); string(again) != string(message) {
			t.Fatalf("event %d differs at the second time", i)
		}
		if e.Time.Before(last) {
			t.Fatalf("event %d is before the one before it", i)
		}
		last, ids[e.ID] = e.Time, true
		actors[e.Actor.ID]++
		size += len(message)
	}
	if len(ids) != w.Events {
		t.Errorf("%d ids for %d events", len(ids), w.Events)
	}
	if mean := size / w.Events; mean < 430 || mean > 530 {
		t.Errorf("an event has %d bytes in the mean, want about 480", mean)
	}
	if n := actors["u-10000"]; n < w.Events/30 || len(actors) < 1000 {
		t.Errorf("of %d users the most frequent has %d of %d events", len(actors), n, w.Events)
	}
}

func BenchmarkEvent(b *testing.B) {
	w := &workload.Workload{Seed: 1, Span: time.Hour, Events: b.N + 1}
	for i := 0; b.Loop(); i++ {
		w.Event(i)
	}
}
