package ingest_test

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
	"github.com/actionlog/actionlog/pkg/store"
)

// kafkaMessage is a case as a producer sends it.
func kafkaMessage(c actiontest.Case) kafka.Message {
	m := kafka.Message{Value: c.Value}
	for _, h := range c.Headers {
		m.Headers = append(m.Headers, kafka.Header(h))
	}
	return m
}

// TestCloudEventsArriveOnce: each CloudEvent of the corpus is stored as the event that
// it is decoded to, or rejected for its reason, and a repeat changes nothing.
func TestCloudEventsArriveOnce(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	var messages []kafka.Message
	var valid, broken []actiontest.Case
	for _, c := range actiontest.ValidCloudEvents() {
		valid = append(valid, c)
		messages = append(messages, kafkaMessage(c))
	}
	for _, c := range actiontest.BrokenCloudEvents() {
		if c.Message().Size() <= 900_000 { // a broker takes no more by default
			broken = append(broken, c)
			messages = append(messages, kafkaMessage(c))
		}
	}
	b.produce(messages...)
	b.start(b.store)
	b.waitSettled(int64(len(messages)))

	stored := map[int64]*store.Action{}
	for _, tenant := range []string{"default", "northlight"} {
		ends, err := b.store.FeedEnds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		page, err := b.store.Feed(t.Context(), store.Filter{Tenant: tenant}, nil, ends, 1000)
		if err != nil || !page.CaughtUp {
			t.Fatalf("%v, all of it: %v", err, page.CaughtUp)
		}
		for _, a := range page.Actions {
			stored[a.Origin.Offset] = &a
		}
	}
	for i, c := range valid {
		got := stored[int64(i)]
		if got == nil {
			t.Errorf("%s is not stored", c.Name)
			continue
		}
		want, rejected := c.Message().Decode(got.Origin)
		if rejected != nil {
			t.Fatal(rejected)
		}
		if got.ID != want.ID || !got.Time.Equal(want.Time) || got.Actor != want.Actor || got.OnBehalfOf != want.OnBehalfOf || got.Action != want.Action ||
			got.Subject != want.Subject || got.Description != want.Description || !bytes.Equal(got.Details, want.Details) {
			t.Errorf("%s is stored as\n%+v, want\n%+v", c.Name, got.Event, want)
		}
	}
	if len(stored) != len(valid) {
		t.Errorf("stored: got %d events, want %d", len(stored), len(valid))
	}
	rejected := map[int64]store.Rejected{}
	for _, r := range b.rejected() {
		rejected[r.Origin.Offset] = r
	}
	for i, c := range broken {
		r, ok := rejected[int64(len(valid)+i)]
		if !ok || r.Reason != c.Reason || r.Field != c.Field || !bytes.Equal(r.Raw, c.Value) {
			t.Errorf("%s: got %q in field %q, raw %.60q; want %q in %q", c.Name, r.Reason, r.Field, r.Raw, c.Reason, c.Field)
		}
	}
	if len(rejected) != len(broken) {
		t.Errorf("rejected: got %d, want %d", len(rejected), len(broken))
	}
}

// cloudEvent is one in binary mode, with data of its own.
func cloudEvent(source, id, data string, more ...kafka.Header) kafka.Message {
	m := kafka.Message{Value: []byte(data), Headers: append(more,
		kafka.Header{Key: "ce_specversion", Value: []byte("1.0")}, kafka.Header{Key: "ce_id", Value: []byte(id)},
		kafka.Header{Key: "ce_source", Value: []byte(source)}, kafka.Header{Key: "ce_type", Value: []byte("record.viewed")},
		kafka.Header{Key: "ce_time", Value: []byte("2026-03-01T09:30:00Z")}, kafka.Header{Key: "ce_actorid", Value: []byte("alice")},
	)}
	return m
}

// TestCloudEventIsItsSourceAndID: a repeat is shown once; the id of another source is
// another event; the same id with another attribute is shown beside the first, marked.
func TestCloudEventIsItsSourceAndID(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	again := cloudEvent("/billing", "1", "")
	again.Headers = append(again.Headers[1:], again.Headers[0], kafka.Header{Key: "traceparent", Value: []byte("00")})
	b.produce(
		cloudEvent("/billing", "1", ""),
		again,
		cloudEvent("/shop", "1", ""),
		cloudEvent("/billing", "2", ""),
		cloudEvent("/billing", "2", "", kafka.Header{Key: "ce_subject", Value: []byte("INV-1")}),
	)
	b.start(b.store)
	b.waitSettled(5)
	type shown struct {
		id          string
		conflicting bool
	}
	got := map[shown]int{}
	err := b.store.Each(t.Context(), store.Filter{Tenant: "default"}, func(a *store.Action) error {
		both, err := b.store.Get(t.Context(), "default", a.ID)
		got[shown{a.ID, len(both) > 1 && both[0].Conflicting}]++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[shown]int{
		{"568b8df3-aa2d-52ca-bd65-f1a7d64d84d3", false}: 1, // 1 of /billing
		{"bb0d18e4-6fa3-50b3-adce-181438fd28f6", false}: 1, // 1 of /shop
		{"1075d88e-f0d9-57b3-9466-3cafccd97c9e", true}:  2, // 2 of /billing
	}
	if !maps.Equal(got, want) {
		t.Errorf("shown: got %v, want %v", got, want)
	}
}

// TestMessageSentAgainIsOneEvent: a message without id and time that is sent again,
// named as the one that it was, is the same event wherever it arrives.
func TestMessageSentAgainIsOneEvent(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 2)
	first := action.RetryHeader(action.Origin{Topic: "earlier", Partition: 5, Offset: 17, Time: time.UnixMilli(1_767_139_200_456)})
	m := kafka.Message{Value: []byte(`{"actor":{"id":"alice"},"action":"record.viewed"}`), Headers: []kafka.Header{kafka.Header(first)}}
	other := m
	other.Partition = 1
	b.produce(m, m, other)
	b.start(b.store)
	b.waitSettled(3)
	if got, want := b.shown("default"), (map[string]int{"earlier-5-17": 1}); !maps.Equal(got, want) {
		t.Errorf("shown: got %v, want %v", got, want)
	}
}
