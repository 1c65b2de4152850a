package action

import "testing"

const tmpTypical = `{"id":"0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d","time":"2026-03-01T09:30:00.250+01:00","tenant":"northlight",` +
	`"actor":{"id":"u-1042","name":"Alice Okonkwo"},"ip":"192.0.2.7","action":"opportunity.item.added",` +
	`"subject":{"type":"opportunity","id":"OPP-311","name":"Summer Fair 2026"},` +
	`"description":"Added 4 × LED Panel 60x60 to Summer Fair 2026","session_id":"s-5f2c9a77",` +
	`"user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0","details":{"item":"LED-60","quantity":4}}`

func BenchmarkInto(b *testing.B) {
	v := []byte(tmpTypical)
	var e Event
	for b.Loop() {
		if r := decodeInto(v, Origin{}, &e); r != nil {
			b.Fatal(r)
		}
	}
}

func BenchmarkTime(b *testing.B) {
	for b.Loop() {
		if _, w := parseTime("2026-03-01T09:30:00.250+01:00"); w != "" {
			b.Fatal()
		}
	}
}
func BenchmarkIP(b *testing.B) {
	for b.Loop() {
		if _, w := parseIP("192.0.2.7"); w != "" {
			b.Fatal()
		}
	}
}
func BenchmarkForms(b *testing.B) {
	for b.Loop() {
		if wrongID("0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d") != "" || wrongAction("opportunity.item.added") != "" {
			b.Fatal()
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	v := []byte(tmpTypical)
	for b.Loop() {
		var e Event
		if r := explain(v, Origin{}, &e); r != nil {
			b.Fatal(r)
		}
	}
}
