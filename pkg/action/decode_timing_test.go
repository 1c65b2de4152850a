package action_test

import (
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

// typical is an event of 480 bytes, as the demo and most applications send.
const typical = `{"id":"0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d","time":"2026-03-01T09:30:00.250+01:00","tenant":"northlight",` +
	`"actor":{"id":"u-1042","name":"Alice Okonkwo"},"ip":"192.0.2.7","action":"opportunity.item.added",` +
	`"subject":{"type":"opportunity","id":"OPP-311","name":"Summer Fair 2026"},` +
	`"description":"Added 4 × LED Panel 60x60 to Summer Fair 2026","session_id":"s-5f2c9a77",` +
	`"user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0","details":{"item":"LED-60","quantity":4}}`

type sample struct{ name, value string }

// samples are events to time, from the smallest that applications send.
func samples() []sample {
	return []sample{
		{"small", `{"time":"2026-03-01T09:30:00Z","actor":{"id":"u-1042"},"action":"invoice.viewed",` +
			`"subject":{"type":"invoice","id":"INV-2041","name":"Invoice INV-2041"},"ip":"2001:db8::7","session_id":"s-5f2c9a77"}`},
		{"typical", typical},
		{"escapes", `{"id":"0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d","time":"2026-03-01T09:30:00.250Z","tenant":"größer",` +
			`"actor":{"id":"u-1042","name":"Zoë Çelik"},"action":"discussion.commented",` +
			`"subject":{"type":"discussion","id":"D-7","name":"\u00c4nderungen \ud83d\ude00"},` +
			`"description":"Wrote \"Über uns\":\n\tzwei Zeilen – 東京の支店へ","details":{"text":"a \"quoted\" line\nand \u4e00 more"}}`},
		{"details", typical[:len(typical)-1-len(`,"details":{"item":"LED-60","quantity":4}`)] + `,"details":{"lines":[` +
			strings.Repeat(`{"sku":"LED-60","quantity":4,"price":149.90,"discount":null},`, 31) + `{"sku":"LED-60"}]}}`},
	}
}

func benchmarkSamples(b *testing.B, decode func([]byte, action.Origin) *action.Rejection) {
	for _, sample := range samples() {
		b.Run(sample.name, func(b *testing.B) {
			value := []byte(sample.value)
			o := origin()
			b.SetBytes(int64(len(value)))
			b.ReportAllocs()
			for b.Loop() {
				if rejected := decode(value, o); rejected != nil {
					b.Fatal(rejected)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	benchmarkSamples(b, func(value []byte, o action.Origin) *action.Rejection {
		_, rejected := action.Decode(value, o)
		return rejected
	})
}

func BenchmarkDecodeInto(b *testing.B) {
	var e action.Event
	benchmarkSamples(b, func(value []byte, o action.Origin) *action.Rejection {
		return action.DecodeInto(&e, value, o)
	})
}

// BenchmarkDecodeTokens is what a message costs that the scanner does not read.
func BenchmarkDecodeTokens(b *testing.B) {
	benchmarkSamples(b, func(value []byte, o action.Origin) *action.Rejection {
		_, rejected := action.DecodeTokens(value, o)
		return rejected
	})
}

func BenchmarkDecodeRejected(b *testing.B) {
	value := []byte(typical[:len(typical)-1] + `,"colour":"red"}`)
	o := origin()
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, rejected := action.Decode(value, o); rejected == nil {
			b.Fatal("accepted")
		}
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	m := action.Message{Value: []byte(typical)}
	o := origin()
	b.SetBytes(int64(len(m.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, rejected := m.Decode(o); rejected != nil {
			b.Fatal(rejected)
		}
	}
}

func BenchmarkDecodeCloudEvent(b *testing.B) {
	m := required("datacontenttype", "application/json").binary([]byte(typical))
	o := origin()
	b.SetBytes(int64(len(m.Value)))
	b.ReportAllocs()
	for b.Loop() {
		if _, rejected := m.Decode(o); rejected != nil {
			b.Fatal(rejected)
		}
	}
}
