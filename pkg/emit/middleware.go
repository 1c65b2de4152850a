package emit

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// The bounds of the fields that a request fills, in characters.
const (
	maxSessionID = 256
	maxRequestID = 256
	maxUserAgent = 1024
)

// forwardedHeader is the one header of addresses with a syntax of its own.
const forwardedHeader = "Forwarded"

type defaultsKey struct{}

// WithDefaults returns a context whose events take what they lack from defaults:
// tenant, actor, on_behalf_of, ip, session_id, request_id and user_agent. Its other
// fields say what was done, and are ignored. What ctx had before stays where
// defaults has nothing.
//
// [Middleware] does this for a request. Call it where more becomes known, as the
// actor after authentication, or where there is no request, as in a job.
func WithDefaults(ctx context.Context, defaults action.Event) context.Context {
	Fill(ctx, &defaults)
	return context.WithValue(ctx, defaultsKey{}, &defaults)
}

// Fill gives an event what it lacks and ctx knows (see [WithDefaults]). What the
// event says itself is kept; on_behalf_of belongs to the actor and comes only
// together with it. [Emitter.Emit], [Emitter.Enqueue] and
// [Outbox.Add] call it.
func Fill(ctx context.Context, ev *action.Event) {
	d, ok := ctx.Value(defaultsKey{}).(*action.Event)
	if !ok {
		return
	}
	if ev.Actor == (action.Actor{}) {
		ev.Actor = d.Actor
		ev.OnBehalfOf = cmp.Or(ev.OnBehalfOf, d.OnBehalfOf)
	}
	ev.Tenant = cmp.Or(ev.Tenant, d.Tenant)
	ev.IP = cmp.Or(ev.IP, d.IP)
	ev.SessionID = cmp.Or(ev.SessionID, d.SessionID)
	ev.RequestID = cmp.Or(ev.RequestID, d.RequestID)
	ev.UserAgent = cmp.Or(ev.UserAgent, d.UserAgent)
}

// MiddlewareConfig says what [Middleware] takes from a request. The zero value is
// right for a server that clients reach directly and that has no sessions.
type MiddlewareConfig struct {
	// TrustedProxies are the networks of the proxies in front of this server. Only
	// what they say about addresses is believed. Default: none, so that ip is the
	// address of the connection.
	TrustedProxies []netip.Prefix
	// AddressHeader is where the proxies write whom they have served: "Forwarded"
	// (RFC 7239), or any that holds addresses separated by commas, the latest last.
	// Name one that the proxies always set: they must append to what the client
	// sent, or replace it. Default "X-Forwarded-For".
	AddressHeader string
	// SessionCookie names the cookie that holds the session. Whoever has its value
	// may act in that session, so session_id is not the value but the first 32
	// hexadecimal digits of its SHA-256. Default: none.
	SessionCookie string
	// Session returns the session of a request, for which it is asked instead of
	// the cookie. It must not be a secret: readers of the log see it. Default: none.
	Session func(*http.Request) string
	// RequestIDHeader holds the id of a request. It is believed from everyone, so it
	// joins records and proves nothing. A request without one, or with more than 256
	// characters or any that is not printable ASCII, gets a UUIDv7. The response
	// carries it too. Default "X-Request-ID".
	RequestIDHeader string
	// Actor and Tenant return who acts and in which tenant, where that is known
	// before the handler runs. Unlike all else they are taken as they are: cut to
	// its bound, a tenant would be another one. Default: none.
	Actor  func(*http.Request) action.Actor
	Tenant func(*http.Request) string
}

// Middleware puts what a request says about its origin into its context: ip,
// user_agent, session_id, request_id and, where configured, actor and tenant.
// Events emitted with that context take them (see [WithDefaults]), so that a
// handler only says what was done. What the request says too long or not in UTF-8
// is cut and cleaned: it never makes ingest reject an event.
//
// ip is the address furthest away that is vouched for: that of the connection, or,
// as long as the address so far is a trusted proxy's, the one which that proxy
// wrote down. What the client wrote itself comes before these and is never reached.
// The first entry that is no address ("unknown", a name) ends the search.
func Middleware(cfg MiddlewareConfig) func(http.Handler) http.Handler {
	cfg.AddressHeader = http.CanonicalHeaderKey(cmp.Or(cfg.AddressHeader, "X-Forwarded-For"))
	cfg.RequestIDHeader = cmp.Or(cfg.RequestIDHeader, "X-Request-ID")
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d := action.Event{
				IP:        cfg.clientAddr(r),
				SessionID: cfg.session(r),
				RequestID: cfg.requestID(r),
				UserAgent: fit(r.UserAgent(), maxUserAgent),
			}
			if cfg.Actor != nil {
				d.Actor = cfg.Actor(r)
			}
			if cfg.Tenant != nil {
				d.Tenant = cfg.Tenant(r)
			}
			if d.RequestID != "" {
				w.Header().Set(cfg.RequestIDHeader, d.RequestID)
			}
			next.ServeHTTP(w, r.WithContext(WithDefaults(r.Context(), d)))
		})
	}
}

func (cfg *MiddlewareConfig) session(r *http.Request) string {
	if cfg.Session != nil {
		return fit(cfg.Session(r), maxSessionID)
	}
	if cfg.SessionCookie == "" {
		return ""
	}
	cookie, err := r.Cookie(cfg.SessionCookie)
	if err != nil || cookie.Value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(cookie.Value))
	return hex.EncodeToString(sum[:16])
}

func (cfg *MiddlewareConfig) requestID(r *http.Request) string {
	id := r.Header.Get(cfg.RequestIDHeader)
	notPrintable := func(r rune) bool { return r <= ' ' || r > '~' }
	if id != "" && len(id) <= maxRequestID && strings.IndexFunc(id, notPrintable) < 0 {
		return id
	}
	made, err := uuid.NewV7()
	if err != nil {
		return "" // without random numbers: the request is worth more than its id
	}
	return made.String()
}

// clientAddr returns the address furthest away that is vouched for, or none when
// the connection has none, as on a Unix socket.
func (cfg *MiddlewareConfig) clientAddr(r *http.Request) netip.Addr {
	addr := parseHop(r.RemoteAddr)
	header := strings.Join(r.Header.Values(cfg.AddressHeader), ",")
	for header != "" && cfg.trusts(addr) {
		var hop string
		if cfg.AddressHeader == forwardedHeader {
			header, hop = cutLastElement(header)
			hop = forwardedFor(hop)
		} else {
			at := strings.LastIndexByte(header, ',')
			header, hop = header[:max(at, 0)], header[at+1:]
		}
		next := parseHop(hop)
		if !next.IsValid() {
			break
		}
		addr = next
	}
	return addr
}

func (cfg *MiddlewareConfig) trusts(addr netip.Addr) bool {
	for _, p := range cfg.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseHop reads an address with or without port, brackets and zone. It returns
// the zero Addr for anything else, and for the unspecified address.
func parseHop(s string) netip.Addr {
	s = strings.TrimSpace(s)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}
		}
		addr = withPort.Addr()
	}
	if addr = addr.WithZone("").Unmap(); addr.IsUnspecified() {
		return netip.Addr{}
	}
	return addr
}

// cutLastElement splits a list at its last comma outside quotes. It reads from the
// right, so that a quote which the client left open hides nothing that a proxy has
// appended.
func cutLastElement(list string) (before, last string) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && !escaped(list, i):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], list[i+1:]
		}
	}
	return "", list
}

// escaped tells whether an odd number of backslashes comes before s[i].
func escaped(s string, i int) bool {
	n := i
	for n > 0 && s[n-1] == '\\' {
		n--
	}
	return (i-n)%2 == 1
}

// forwardedFor returns the node that an element of Forwarded was sent for, or "".
func forwardedFor(element string) string {
	for element != "" {
		name, value, _ := strings.Cut(element, "=")
		quoted := 0
		if strings.HasPrefix(value, `"`) {
			quoted = stringEnd([]byte(value)) // it ends as a string of JSON does
		}
		_, element, _ = strings.Cut(value[quoted:], ";")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			if quoted > 0 {
				return strings.Trim(value[:quoted], `"`)
			}
			value, _, _ = strings.Cut(value, ";")
			return value
		}
	}
	return ""
}

// fit cleans a text to valid UTF-8 and cuts it to so many characters.
func fit(s string, characters int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	n := 0
	for i := range s {
		if n == characters {
			return s[:i]
		}
		n++
	}
	return s
}
