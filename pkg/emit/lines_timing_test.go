package emit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/actionlog/actionlog/pkg/emit"
)

// BenchmarkLines sends events of some 500 bytes of five tenants to four
// partitions of the embedded broker, over TCP.
func BenchmarkLines(b *testing.B) {
	const lines = 100_000
	rnd := rand.New(rand.NewPCG(1, 2))
	var input bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&input, `{"id":"0192%08x-%04x-7%03x-8%03x-%012x","time":"2026-03-02T09:%02d:%02d.%03dZ","tenant":"t%d",`+
			`"actor":{"id":"u-%d","name":"Ewa Zielińska","type":"user"},"ip":"203.0.113.%d","action":"opportunity.item.updated",`+
			`"outcome":"success","subject":{"type":"opportunity","id":"%d","name":"Summer party at the lake"},`+
			`"description":"Changed the quantity of Fresnel 2 kW from %d to %d","session_id":"s-%016x","request_id":"r-%016x",`+
			`"user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15"}`+"\n",
			i, i&0xffff, i&0xfff, i&0xfff, rnd.Int64N(1<<48), i/60000%60, i/1000%60, i%1000, i%5, rnd.IntN(500),
			rnd.IntN(256), rnd.IntN(100000), rnd.IntN(40), rnd.IntN(40), rnd.Uint64(), rnd.Uint64())
	}
	e, _ := newEmitter(b, 4)
	b.SetBytes(int64(input.Len()))
	for b.Loop() {
		n, err := emit.Lines(b.Context(), bytes.NewReader(input.Bytes()), e)
		if err != nil || n != lines {
			b.Fatalf("%d acknowledged: %v", n, err)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
