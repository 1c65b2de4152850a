package emit_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// sample is an event of some 500 bytes without id and time.
func sample() action.Event {
	return action.Event{
		Tenant: "acme", Actor: action.Actor{ID: "u-4711", Name: "Ewa Zielińska"}, IP: netip.AddrFrom4([4]byte{203, 0, 113, 7}),
		Action: "opportunity.item.updated", Subject: action.Record{Type: "opportunity", ID: "81234", Name: "Summer party at the lake"},
		Description: "Changed the quantity of Fresnel 2 kW from 12 to 14",
		SessionID:   "s-0123456789abcdef", RequestID: "r-0123456789abcdef",
		UserAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15",
	}
}

// BenchmarkEnqueue is what a caller spends on an event: to stamp it, to encode it,
// and to find room. The queue fills up first, since there is no Kafka, so that no
// time goes into publishing.
func BenchmarkEnqueue(b *testing.B) {
	e, err := emit.New(emit.Config{Brokers: []string{nobody}, Topic: "t", FlushTimeout: time.Nanosecond})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = e.Close() }) // what it holds cannot be delivered
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Enqueue(b.Context(), emit.BestEffort, sample()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEnqueueAndPublish is the whole way to four partitions of the embedded
// broker, over TCP, from one goroutine, which waits when the queue is full.
func BenchmarkEnqueueAndPublish(b *testing.B) {
	e, _ := newEmitter(b, 4)
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		if err := e.Enqueue(b.Context(), emit.Must, sample()); err != nil {
			b.Fatal(err)
		}
		n++
	}
	embeddedtest.Eventually(b, "all acknowledged", func() bool { return e.Stats().Acknowledged == n })
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
