package search

import (
	"strings"
	"testing"
)

func BenchmarkParse(b *testing.B) {
	for _, line := range []struct{ name, text string }{
		{"words", `late fee invoice`},
		{"fields", `actor:alice action:invoice.* -xero "late fee" after:2026-01-01 ip:10.0.0.0/8 outcome:denied`},
		{"zone", `actor:alice after:"last month" tz:Europe/Berlin`},
		{"long", strings.Repeat(`actor:alice "late fee" `, 400)},
		{"error", `actr:alice`},
	} {
		b.Run(line.name, func(b *testing.B) {
			b.SetBytes(int64(len(line.text)))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = Parse(line.text, testFields) // an error takes its time too
			}
		})
	}
}

func BenchmarkSpans(b *testing.B) {
	text := strings.Repeat("Die Straße nach İstanbul is long, ", 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Spans(text, "STRASSE")
	}
}
