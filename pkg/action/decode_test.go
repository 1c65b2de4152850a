package action_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
)

func TestDecodeEveryField(t *testing.T) {
	t.Parallel()
	value := []byte(`{"id":"e1","time":"2026-03-01T09:30:00.25069+01:00","tenant":"northlight",
		"actor":{"id":"u1","name":"Alice","type":"agent"},"on_behalf_of":{"id":"u2","name":"Bo","type":"service"},
		"ip":"::ffff:192.0.2.7","action":"item.added","outcome":"denied","subject":{"type":"a","id":"b","name":"c"},
		"related":[{"type":"d"},{"id":"e","name":"f"}],"description":" \u00e9\n","reason":"why","session_id":"s","request_id":"r",
		"user_agent":"ua","details": { "n" : 9007199254740993, "x": "<\u0041>" } }`)
	want := action.Event{
		ID: "e1", Time: time.Date(2026, 3, 1, 8, 30, 0, 250e6, time.UTC), Tenant: "northlight",
		Actor:      action.Actor{ID: "u1", Name: "Alice", Type: "agent"},
		OnBehalfOf: action.Actor{ID: "u2", Name: "Bo", Type: "service"},
		IP:         netip.MustParseAddr("192.0.2.7"), Action: "item.added", Outcome: "denied",
		Subject: action.Record{Type: "a", ID: "b", Name: "c"},
		Related: []action.Record{{Type: "d"}, {ID: "e", Name: "f"}}, Description: " é\n",
		Reason: "why", SessionID: "s", RequestID: "r", UserAgent: "ua",
		Details: json.RawMessage(`{ "n" : 9007199254740993, "x": "<\u0041>" }`),
	}
	got, rejected := action.Decode(value, origin())
	if rejected != nil {
		t.Fatal(rejected)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded\n%+v, want\n%+v", got, want)
	}
	// The caller may use the message's memory again.
	for i := range value {
		value[i] = 'x'
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the event shares memory with its message: %+v", got)
	}
}

func TestDecodeFillsWhatIsAbsent(t *testing.T) {
	t.Parallel()
	value := []byte(`{"actor":{"id":"u1"},"on_behalf_of":{"id":"u2"},"action":"record.viewed"}`)
	want := action.Event{
		ID: "actions-3-17", Time: time.Date(2026, 1, 1, 0, 0, 0, 123e6, time.UTC), Tenant: "default",
		Actor:      action.Actor{ID: "u1", Type: "user"},
		OnBehalfOf: action.Actor{ID: "u2", Type: "user"},
		Action:     "record.viewed", Outcome: "success",
	}
	got, rejected := action.Decode(value, action.Origin{
		Topic: "actions", Partition: 3, Offset: 17, Time: want.Time.Add(456 * time.Microsecond).In(time.FixedZone("", 3600)),
	})
	if rejected != nil {
		t.Fatal(rejected)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded\n%+v, want\n%+v", got, want)
	}
}

func TestDecodeDerivesID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	f := func(topic string, partition int, offset int64, want string) {
		t.Helper()
		o := origin()
		o.Topic, o.Partition, o.Offset = topic, partition, offset
		event, rejected := action.Decode([]byte(`{"actor":{"id":"u1"},"action":"record.viewed"}`), o)
		if rejected != nil {
			t.Fatal(rejected)
		}
		if want != "" && event.ID != want {
			t.Errorf("id is %q, want %q", event.ID, want)
		}
		if len(event.ID) > 128 || seen[event.ID] {
			t.Errorf("id %q has %d characters, or is another message's", event.ID, len(event.ID))
		}
		seen[event.ID] = true
	}
	f("actions", 0, 0, "actions-0-0")
	f(strings.Repeat("t", 96), 1, 2, strings.Repeat("t", 96)+"-1-2")
	f(strings.Repeat("t", 97), 1, 2, strings.Repeat("t", 79)+"~aad779a1e499baaa-1-2")
	f(strings.Repeat("t", 98), 1, 2, "")
	f(strings.Repeat("t", 249), 1<<31-1, 1<<63-1, "")
}

func TestDecodeNeedsATimeInRange(t *testing.T) {
	t.Parallel()
	f := func(at time.Time, ok bool) {
		t.Helper()
		o := origin()
		o.Time = at
		_, rejected := action.Decode([]byte(`{"actor":{"id":"u1"},"action":"record.viewed"}`), o)
		if ok && rejected == nil {
			return
		}
		if rejected == nil || ok || rejected.Reason != action.ReasonOutOfRange || rejected.Field != "time" {
			t.Errorf("with the timestamp %s: %v", at, rejected)
		}
		// The event's own time counts alone when there is one.
		if _, rejected := action.Decode([]byte(`{"actor":{"id":"u1"},"action":"record.viewed","time":"2026-01-01T00:00:00Z"}`), o); rejected != nil {
			t.Errorf("with a time and the timestamp %s: %v", at, rejected)
		}
	}
	f(time.UnixMilli(0), true)
	f(time.Date(2100, 12, 31, 23, 59, 59, 999e6, time.UTC), true)
	f(time.UnixMilli(-1), false)
	f(time.Time{}, false)
	f(time.Date(2101, 1, 1, 0, 0, 0, 0, time.UTC), false)
}

// TestRoundTrip: an event's own JSON form is decoded to the same event.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range actiontest.Valid() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			event, rejected := action.Decode(c.Value, origin())
			if rejected != nil {
				t.Fatal(rejected)
			}
			checkRoundTrip(t, event)
		})
	}
}

func checkRoundTrip(t *testing.T, event action.Event) {
	t.Helper()
	value, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	// The escapes that json.Marshal adds can make long details longer than allowed.
	if len(value) > action.MaxMessageBytes || len(event.Details) > action.MaxDetailsBytes/6 {
		return
	}
	again, rejected := action.Decode(value, action.Origin{})
	if rejected != nil {
		t.Fatalf("%.300q: %v", value, rejected)
	}
	// json.Marshal drops the white space of details.
	if got, want := tokens(t, again.Details), tokens(t, event.Details); !reflect.DeepEqual(got, want) {
		t.Errorf("details become %q, were %q", got, want)
	}
	again.Details, event.Details = nil, nil
	if !reflect.DeepEqual(again, event) {
		t.Errorf("%+v becomes %+v", event, again)
	}
}

// tokens returns the tokens of details, numbers as written.
func tokens(t *testing.T, details []byte) (tokens []string) {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewBuffer(details))
	for {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return tokens
		}
		if err != nil {
			t.Fatalf("read details: %v", err)
		}
		tokens = append(tokens, token.Kind().String()+token.String())
	}
}

func TestRejectionMessage(t *testing.T) {
	t.Parallel()
	f := func(value, want string) {
		t.Helper()
		if got := rejection(t, []byte(value)).Error(); got != want {
			t.Errorf("%.100q is rejected with\n%s, want\n%s", value, got, want)
		}
	}
	f(`{"action":"a.b","sesion_id":"s"}`, `unknown_field: sesion_id is not a field of an event: did you mean session_id?`)
	f(`{"action":"a.b","UserAgent":"s"}`, `unknown_field: UserAgent is not a field of an event: did you mean user_agent?`)
	f(`{"action":"a.b","xyz":"s"}`, `unknown_field: xyz is not a field of an event: put it into details, which holds any JSON`)
	f(`{"`+strings.Repeat("n", 10_000)+`":1}`,
		`unknown_field: ["`+strings.Repeat("n", 48)+`…"] is not a field of an event: put it into details, which holds any JSON`)
	f(`{"reason":"`+strings.Repeat("\U0001F600", 1025)+`"}`,
		`too_long: reason has 1025 characters ("`+strings.Repeat("\U0001F600", 48)+`…"): send at most 1024`)
	f(`{"outcome":"\u001b[31mred\u202e"}`, `not_allowed: outcome is "\x1b[31mred\u202e": send one of success, failure and denied`)
	f(`{"actor":{"id":"u1"`, `invalid_json: the message is cut off after byte 19, in actor: send the whole object`)
	f(`{"details":{"a":[1,{"b":"`+"\xff"+`"}]}}`, `invalid_utf8: the text is not UTF-8 at byte 25, in details.a[1].b: `+
		`send UTF-8, and a character beyond U+FFFF as itself or as both its \u escapes`)
	f(`{"details":{"a":[1,{"b":1,}]}}`, `invalid_json: the message is not JSON at byte 25, in details.a[1]: `+
		`invalid character ',' at start of value`)
}
