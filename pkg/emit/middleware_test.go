package emit_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/emit"
)

// serve sends a request through the middleware. It returns how the handler's event
// was filled, and the response's header.
func serve(cfg emit.MiddlewareConfig, r *http.Request) (action.Event, http.Header) {
	ev := action.Event{Action: "invoice.posted"}
	w := httptest.NewRecorder()
	emit.Middleware(cfg)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		emit.Fill(r.Context(), &ev)
	})).ServeHTTP(w, r)
	return ev, w.Header()
}

func request(remote string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = remote
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// proxies are trusted in the tests.
var proxies = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("fe80::/10"),
}

func TestMiddlewareFindsTheClientBehindProxies(t *testing.T) {
	t.Parallel()
	f := func(remote string, headers []string, want string) {
		t.Helper()
		r := request(remote)
		r.Header["X-Forwarded-For"] = headers
		ev, _ := serve(emit.MiddlewareConfig{TrustedProxies: proxies}, r)
		if got := ev.IP; got.IsValid() != (want != "") || got.IsValid() && got.String() != want {
			t.Errorf("from %s with %q: ip %s, want %s", remote, headers, got, want)
		}
	}
	list := func(s ...string) []string { return s }

	// The connection alone.
	f("192.0.2.1:5000", nil, "192.0.2.1")
	f("[2001:db8::1]:5000", nil, "2001:db8::1")
	f("[::ffff:192.0.2.1]:5000", nil, "192.0.2.1")
	f("[2001:db8::1%eth0]:5000", nil, "2001:db8::1")
	f("@", list("192.0.2.9"), "") // a Unix socket
	f("", nil, "")
	// A client is not believed.
	f("192.0.2.1:5000", list("203.0.113.9"), "192.0.2.1")
	f("192.0.2.1:5000", list("10.0.0.1"), "192.0.2.1")
	// A proxy is, as far as it saw.
	f("10.0.0.1:5000", list("203.0.113.9"), "203.0.113.9")
	f("10.0.0.1:5000", list("6.6.6.6, 203.0.113.9"), "203.0.113.9")
	f("10.0.0.1:5000", list("6.6.6.6", "203.0.113.9"), "203.0.113.9")
	f("10.0.0.1:5000", list("6.6.6.6,203.0.113.9, 10.0.0.3", "10.0.0.2"), "203.0.113.9")
	f("[::ffff:10.0.0.1]:5000", list("203.0.113.9"), "203.0.113.9")
	f("[fe80::1%eth0]:5000", list("203.0.113.9"), "203.0.113.9")
	f("10.0.0.1:5000", list("garbage, 10.0.0.5"), "10.0.0.5")
	f("10.0.0.1:5000", list("10.0.0.7, 10.0.0.5"), "10.0.0.7") // a client within
	f("10.0.0.1:5000", nil, "10.0.0.1")
	// The forms of an address.
	f("10.0.0.1:5000", list(" 203.0.113.9:4711 "), "203.0.113.9")
	f("10.0.0.1:5000", list("[2001:db8::9]:4711"), "2001:db8::9")
	f("10.0.0.1:5000", list("[2001:db8::9]"), "2001:db8::9")
	f("10.0.0.1:5000", list("2001:db8::9%eth0"), "2001:db8::9")
	f("10.0.0.1:5000", list("::ffff:203.0.113.9"), "203.0.113.9")
	f("[fd00::1]:5000", list("203.0.113.9, fd00::2"), "203.0.113.9")
	// What is no address ends the search.
	f("10.0.0.1:5000", list("6.6.6.6, unknown"), "10.0.0.1")
	f("10.0.0.1:5000", list("6.6.6.6, "), "10.0.0.1")
	f("10.0.0.1:5000", list("6.6.6.6, 1.2.3"), "10.0.0.1")
	f("10.0.0.1:5000", list("6.6.6.6, ::"), "10.0.0.1")
	f("10.0.0.1:5000", list("\xff\x00"), "10.0.0.1")
	f("10.0.0.1:5000", list(strings.Repeat(",", 1000)), "10.0.0.1")
}

func TestMiddlewareReadsForwarded(t *testing.T) {
	t.Parallel()
	f := func(header, want string) {
		t.Helper()
		ev, _ := serve(emit.MiddlewareConfig{TrustedProxies: proxies, AddressHeader: "forwarded"},
			request("10.0.0.1:5000", "Forwarded", header, "X-Forwarded-For", "6.6.6.6"))
		if ev.IP.String() != want {
			t.Errorf("%s: ip %s, want %s", header, ev.IP, want)
		}
	}
	f(`for=203.0.113.9`, "203.0.113.9")
	f(`for=6.6.6.6, For="203.0.113.9:4711";proto=https;by=10.0.0.1`, "203.0.113.9")
	f(`proto=https; for="[2001:db8::9]:4711"; host="a,b;c"`, "2001:db8::9")
	f(`for=203.0.113.9;proto=http, for=10.0.0.3`, "203.0.113.9")
	// What a client leaves open, or a proxy quotes, hides nothing.
	f(`for="6.6.6.6, for=203.0.113.9`, "203.0.113.9")
	f(`for=6.6.6.6, host="x\", for=6.6.6.6, \"";for=203.0.113.9`, "203.0.113.9")
	f(`host="x\";for=6.6.6.6;\"";for=203.0.113.9`, "203.0.113.9")
	f(`for=6.6.6.6, for=unknown`, "10.0.0.1")
	f(`for=6.6.6.6, for="_hidden"`, "10.0.0.1")
	f(`for=6.6.6.6, proto=https`, "10.0.0.1")
	f(`for=6.6.6.6, for="`, "10.0.0.1")
	f(`for`, "10.0.0.1")
}

func TestMiddlewareRequestID(t *testing.T) {
	t.Parallel()
	kept := func(id string) {
		t.Helper()
		ev, header := serve(emit.MiddlewareConfig{}, request("192.0.2.1:1", "X-Request-ID", id))
		if ev.RequestID != id || header.Get("X-Request-ID") != id {
			t.Errorf("%q became %q, in the response %q", id, ev.RequestID, header.Get("X-Request-ID"))
		}
	}
	kept("4bf92f3577b34da6a3ce929d0e0e4736")
	kept(strings.Repeat("x", 256))

	made := func(id string) {
		t.Helper()
		ev, header := serve(emit.MiddlewareConfig{}, request("192.0.2.1:1", "X-Request-ID", id))
		if parsed, err := uuid.Parse(ev.RequestID); err != nil || parsed.Version() != 7 {
			t.Errorf("%q became %q: %v", id, ev.RequestID, err)
		}
		if header.Get("X-Request-ID") != ev.RequestID {
			t.Errorf("the response has %q, the event %q", header.Get("X-Request-ID"), ev.RequestID)
		}
	}
	made("")
	made(strings.Repeat("x", 257))
	made("a b")
	made("é")
	made("\xff")

	ev, header := serve(emit.MiddlewareConfig{RequestIDHeader: "Traceparent"}, request("192.0.2.1:1", "Traceparent", "00-4b-01", "X-Request-ID", "no"))
	if ev.RequestID != "00-4b-01" || header.Get("Traceparent") != "00-4b-01" {
		t.Errorf("another header: %q, %v", ev.RequestID, header)
	}
}

func TestMiddlewareSession(t *testing.T) {
	t.Parallel()
	f := func(cfg emit.MiddlewareConfig, want string) {
		t.Helper()
		ev, _ := serve(cfg, request("192.0.2.1:1", "Cookie", "sid=secret; empty="))
		if ev.SessionID != want {
			t.Errorf("session %q, want %q", ev.SessionID, want)
		}
	}
	f(emit.MiddlewareConfig{}, "")
	// printf secret | sha256sum | cut -c 1-32
	f(emit.MiddlewareConfig{SessionCookie: "sid"}, "2bb80d537b1da3e38bd30361aa855686")
	f(emit.MiddlewareConfig{SessionCookie: "other"}, "")
	f(emit.MiddlewareConfig{SessionCookie: "empty"}, "")
	public := func(*http.Request) string { return "s-5f2c9a" }
	f(emit.MiddlewareConfig{SessionCookie: "sid", Session: public}, "s-5f2c9a")
	long := func(*http.Request) string { return "\xff" + strings.Repeat("ü", 300) }
	f(emit.MiddlewareConfig{Session: long}, "\uFFFD"+strings.Repeat("ü", 255))
}

func TestEmitFillsFromTheRequest(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	cfg := emit.MiddlewareConfig{
		Actor:  func(r *http.Request) action.Actor { return action.Actor{ID: r.Header.Get("X-User")} },
		Tenant: func(*http.Request) string { return "acme" },
	}
	handler := emit.Middleware(cfg)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := e.Emit(r.Context(),
			action.Event{ID: "1", Action: "invoice.posted"},
			action.Event{
				ID: "2", Action: "invoice.posted", Tenant: "other", Actor: action.Actor{ID: "billing", Type: "service"},
				IP: netip.MustParseAddr("203.0.113.1"), SessionID: "s", RequestID: "mine", UserAgent: "ua",
			})
		if err != nil {
			t.Error(err)
		}
	}))
	handler.ServeHTTP(httptest.NewRecorder(), request("192.0.2.1:1", "X-User", "u-1", "X-Request-ID", "r-1",
		"User-Agent", strings.Repeat("é", 1025)))

	messages := readTopic(t, topic, 2)
	got := decoded(t, messages[0].value)
	want := action.Event{
		ID: "1", Time: got.Time, Tenant: "acme", Actor: action.Actor{ID: "u-1", Type: "user"},
		IP: netip.MustParseAddr("192.0.2.1"), Action: "invoice.posted", Outcome: "success",
		RequestID: "r-1", UserAgent: strings.Repeat("é", 1024),
	}
	if asJSON(t, got) != asJSON(t, want) || messages[0].key != "acme" {
		t.Errorf("got\n%s\nwant\n%s", asJSON(t, got), asJSON(t, want))
	}
	got = decoded(t, messages[1].value)
	want = action.Event{
		ID: "2", Time: got.Time, Tenant: "other", Actor: action.Actor{ID: "billing", Type: "service"},
		IP: netip.MustParseAddr("203.0.113.1"), Action: "invoice.posted", Outcome: "success",
		SessionID: "s", RequestID: "mine", UserAgent: "ua",
	}
	if asJSON(t, got) != asJSON(t, want) {
		t.Errorf("got\n%s\nwant\n%s", asJSON(t, got), asJSON(t, want))
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	outer := emit.WithDefaults(t.Context(), action.Event{
		ID: "ignored", Action: "ignored.too", Tenant: "acme", RequestID: "r-1",
		Actor: action.Actor{ID: "support"}, OnBehalfOf: action.Actor{ID: "u-2"},
	})
	f := func(ctx context.Context, ev, want action.Event) {
		t.Helper()
		emit.Fill(ctx, &ev)
		if asJSON(t, ev) != asJSON(t, want) {
			t.Errorf("got\n%s\nwant\n%s", asJSON(t, ev), asJSON(t, want))
		}
	}
	f(t.Context(), action.Event{ID: "1"}, action.Event{ID: "1"})
	f(outer, action.Event{}, action.Event{
		Tenant: "acme", RequestID: "r-1", Actor: action.Actor{ID: "support"}, OnBehalfOf: action.Actor{ID: "u-2"},
	})
	// on_behalf_of is about the actor that it came with.
	f(outer, action.Event{Actor: action.Actor{ID: "billing"}}, action.Event{Tenant: "acme", RequestID: "r-1", Actor: action.Actor{ID: "billing"}})
	f(outer, action.Event{OnBehalfOf: action.Actor{ID: "u-3"}}, action.Event{
		Tenant: "acme", RequestID: "r-1", Actor: action.Actor{ID: "support"}, OnBehalfOf: action.Actor{ID: "u-3"},
	})
	// What becomes known later goes before what was known, and adds to it.
	inner := emit.WithDefaults(outer, action.Event{Actor: action.Actor{ID: "u-9"}, SessionID: "s"})
	f(inner, action.Event{}, action.Event{Tenant: "acme", RequestID: "r-1", SessionID: "s", Actor: action.Actor{ID: "u-9"}})
}

// FuzzMiddleware: whatever a request says, ingest takes the event.
func FuzzMiddleware(f *testing.F) {
	f.Add("10.0.0.1:1", "for=\"[::1]:2\"", "unknown, ::", "sid=1", "id", "Mozilla")
	f.Add("[fe80::1%x]:1", "for=\"", "::ffff:0.0.0.0", "sid=\"", "\x00", "\xff\xfe")
	f.Add("10.0.0.1:1", ",;=\\\"", "1.1.1.1:99999", "", strings.Repeat("x", 300), strings.Repeat("é", 2000))
	f.Fuzz(func(t *testing.T, remote, forwarded, list, cookie, id, agent string) {
		r := request(remote, "Forwarded", forwarded, "X-Forwarded-For", list, "Cookie", cookie, "X-Request-ID", id, "User-Agent", agent)
		for _, header := range []string{"Forwarded", "X-Forwarded-For"} {
			ev, _ := serve(emit.MiddlewareConfig{
				TrustedProxies: proxies, AddressHeader: header, SessionCookie: "sid",
				Actor: func(*http.Request) action.Actor { return action.Actor{ID: "u-1"} },
			}, r)
			if err := emit.Stamp(&ev); err != nil {
				t.Fatal(err)
			}
			decoded(t, asJSON(t, ev))
			if !utf8.ValidString(ev.UserAgent + ev.RequestID + ev.SessionID) {
				t.Errorf("not UTF-8: %+v", ev)
			}
		}
	})
}

// decoded is the event as ingest reads it.
func decoded(t *testing.T, value string) action.Event {
	t.Helper()
	ev, rejection := action.Decode([]byte(value), action.Origin{})
	if rejection != nil {
		t.Fatalf("%s is rejected: %+v", value, rejection)
	}
	return ev
}

func asJSON(t *testing.T, ev action.Event) string {
	t.Helper()
	value, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(value)
}
