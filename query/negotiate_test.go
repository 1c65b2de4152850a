package query

import "testing"

func TestNegotiate(t *testing.T) {
	t.Parallel()
	f := func(want string, accept ...string) {
		t.Helper()
		if got := negotiate(accept, listTypes); got != want {
			t.Errorf("%q: got %s, want %s", accept, got, want)
		}
	}
	f(jsonType)
	f(jsonType, "")
	f(jsonType, "*/*")
	f(jsonType, "application/*")
	f(jsonType, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	f(jsonType, "image/png")
	f(eventsType, "text/event-stream")
	f(eventsType, "Text/Event-Stream; charset=utf-8")
	f(eventsType, "text/*")
	f(ndjsonType, "application/x-ndjson")
	f("application/ndjson", "application/ndjson")
	f(ndjsonType, "*/*, application/x-ndjson")
	f(ndjsonType, "application/json;q=0.5, application/x-ndjson;q=0.6")
	f(jsonType, "application/json, application/x-ndjson")
	f(jsonType, "application/x-ndjson, application/json")
	f(jsonType, "application/x-ndjson;q=0.9", "application/json")
	f(eventsType, "application/json;q=0.1", "text/event-stream;q=0.2")
	f(jsonType, "application/x-ndjson;q=0, */*;q=0.1")
	f(jsonType, "text/event-stream;q=0")
	f(eventsType, "application/*;q=0, */*")
	f(jsonType, "text/event-stream;q=2, */*;q=0.1")
	f(jsonType, "text/event-stream;q=x, */*;q=0.1")
	f(jsonType, ";;;,/,*,text/event-stream;q")
}
