package store

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/actionlog/actionlog/pkg/action"
)

// pieces are what nasty texts are made of.
var pieces = []string{
	"late fee", "Late Fee", "LATE", "invoice", "INV-2041", "Summer Fair 2026", "a", "B", "x", " ", "  ", "0", "-",
	"Straße", "STRASSE", "STRAẞE", "ß", "ẞ", "ſ", "ſt", "ss", "S", "s", "ı", "İ", "I", "i", "İstanbul", "i̇", "\u0307",
	"\u212a", "k", "K", "\u212b", "å", "Å", "ﬀ", "ﬁ", "ﬂ", "ﬃ", "ﬄ", "ﬅ", "ﬆ", "ff", "FFI", "ŉ", "ʼn", "ǰ", "ẖ", "ẗ", "ẘ", "ẙ", "ẚ",
	"ΟΔΟΣ", "οδος", "οδός", "ς", "σ", "Σ", "Ω", "\u2126", "ω", "ΐ", "ΰ", "ᾳ", "ϐ", "µ", "μ", "Жук", "ЖУК", "ё", "Ǆ", "ǅ", "ǆ", "ꭰ", "Ꭰ",
	"日本語", "説明", "東京都", "한국어", "עברית", "العربية", "हिन्दी", "ไทย", "𐐀", "𐐨", "𝄞",
	"🎉", "👩‍💻", "👍🏽", "👍", "🇩🇪", "é", "e\u0301", "É", "\u0301",
	"12345", "123456", "234567", "0123456789012", "１２３４５６", "٣٤٥٦٧٨", "\x00", "\n", "\r\n", "\t", "\u2028", "\u00a0", "\u200d", "\ufeff",
	"%", "_", "%%", "\\", "\\\\", "\\%", "\\n", "'", "''", "\"", "`", "*", "?", "??", "$1", "@name", "{x:String}", "--", "/*", ";", ")", "(", "[", "]", ",", ".*", "^", "+", "|",
}

// nastyText is made of some pieces, of none at times.
func nastyText(r *rand.Rand, most int) string {
	var b strings.Builder
	for range r.IntN(most + 1) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func oneOf[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// oracleDates are how the times of a data set are spread.
var oracleDates = []func(*rand.Rand) time.Time{
	// Over all years, though not over all months, each of which is a part on disk.
	func(r *rand.Rand) time.Time {
		months := []int{0, 300, 431, 683, 684, 685, 1200, 1571}
		month := time.Date(1970, time.Month(1+oneOf(r, months...)), 1, 0, 0, 0, 0, time.UTC)
		return month.Add(time.Duration(r.Int64N(28*24*3600*1000)) * time.Millisecond)
	},
	// Within a day and some, many of them at the same second.
	func(r *rand.Rand) time.Time {
		return noon.Add(time.Duration(r.Int64N(30*3600)) * time.Second).Add(time.Duration(oneOf(r, 0, 0, 0, 1, 999)) * time.Millisecond)
	},
	// Nearly all at once, and some far away.
	func(r *rand.Rand) time.Time {
		if r.IntN(20) == 0 {
			return noon.AddDate(-r.IntN(3), -r.IntN(3), -r.IntN(50))
		}
		return noon.Add(time.Duration(r.IntN(20)) * time.Millisecond)
	},
}

// oracleEvents are the events of a data set, as they are stored: none twice.
func oracleEvents(r *rand.Rand, n int, at func(*rand.Rand) time.Time) []Action {
	var all []Action
	for i := range n {
		var like *Action
		if i > 0 {
			like = &all[r.IntN(i)]
		}
		all = append(all, event(i, func(a *Action) { nastyEvent(r, a, at, like) }))
	}
	return all
}

func nastyEvent(r *rand.Rand, a *Action, at func(*rand.Rand) time.Time, like *Action) {
	a.Time, a.ID = at(r), nastyID(r, a.ID)
	if like != nil {
		switch r.IntN(12) {
		case 0: // a conflict
			a.Time, a.ID = like.Time, like.ID
		case 1:
			a.ID = like.ID
		case 2, 3, 4:
			a.Time = like.Time
		}
	}
	a.Tenant = oneOf(r, "default", "default", "default", "default", "Default", "other")
	a.Actor = action.Actor{ID: nastyName(r), Name: nastyText(r, 2), Type: "user"}
	if r.IntN(2) == 0 {
		a.OnBehalfOf = action.Actor{ID: nastyName(r), Type: "service"}
	}
	a.IP = nastyIP(r)
	a.Action = oneOf(r, "invoice.posted", "invoice.posted.xero", "invoice-x.y", "invoices.read", "invoice.deleted", "data.erased", "un_known.thing", "record.viewed", "a.b", "user.signed_in")
	a.Outcome = oneOf(r, action.Outcomes()...)
	a.Subject = nastyRecord(r)
	for range max(0, r.IntN(6)-3) {
		a.Related = append(a.Related, nastyRecord(r))
	}
	a.Description = nastyText(r, 8)
	if r.IntN(100) == 0 {
		long := strings.Repeat(nastyText(r, 4)+"x", 2000)
		a.Description = strings.ToValidUTF8(long[:min(len(long), 8000)], "")
	}
	if r.IntN(2) == 0 {
		a.SessionID, a.RequestID = nastyName(r), nastyName(r)
	}
	a.UserAgent = nastyText(r, 3)
	if r.IntN(4) > 0 {
		a.Details = json.RawMessage("{" + nastyMembers(r, 3) + "}")
	}
}

func nastyID(r *rand.Rand, unique string) string {
	random := func() uuid.UUID {
		var id uuid.UUID
		for i := range id {
			id[i] = byte(r.IntN(256))
		}
		return id
	}
	switch id := random(); r.IntN(10) {
	case 0, 1:
		id[0], id[1], id[6] = 1, 0x98, 0x70|id[6]&0xf
		return id.String()
	case 2:
		return id.String()
	case 3:
		return strings.ToUpper(id.String())
	case 4:
		return oneOf(r, uuid.Nil.String(), uuid.Max.String(), "00000000-0000-0000-0000-000000000001", "00000000-0000-0001-0000-000000000000", "ffffffff-ffff-ffff-0000-000000000000")
	case 5:
		return oneOf(r, "a", "b", "Z", "~", "é", "日", "𝄞", "%", "_", "\\", "'", "?", "a'b", "00000000000000000000000000000000", id.String()[1:], id.String()+"0", "{"+id.String()+"}")
	default:
		return unique
	}
}

// nastyName is one of few, so that events share it.
func nastyName(r *rand.Rand) string {
	return oneOf(r, "u-1", "U-1", "u-2", "ü-1", `o'\"%_?,[]()`+"\x00\n日", "*", "!x", `\x`, "null", "0", "u-1 ", strings.Repeat("𝄞", 256))
}

func nastyRecord(r *rand.Rand) action.Record {
	if r.IntN(6) == 0 {
		return action.Record{}
	}
	return action.Record{Type: oneOf(r, "", "invoice", "Invoice", "item", "o'n", `\`), ID: oneOf(r, "", "INV-1", "INV-2026001234", "1234567", "34567-123456", "123456\n234567", "inv-1", "X", "Y", "日'\\"), Name: nastyText(r, 4)}
}

func nastyIP(r *rand.Rand) netip.Addr {
	v4 := netip.AddrFrom4([4]byte{oneOf[byte](r, 0, 10, 192, 255), oneOf[byte](r, 0, 0, 168, 255), byte(r.IntN(3)), byte(r.IntN(256))})
	switch r.IntN(4) {
	case 0:
		return netip.Addr{}
	case 1:
		b := [16]byte{0x20, 0x01, 0x0d, 0xb8, 14: byte(r.IntN(2)), 15: byte(r.IntN(256))}
		b[4] = byte(r.IntN(2)) << 7
		return oneOf(r, netip.AddrFrom16(b), netip.MustParseAddr("::1"), netip.MustParseAddr("::fffe:10.0.0.1"), netip.MustParseAddr("ffff::ffff"))
	default:
		return v4
	}
}

var (
	detailKeys = []string{"a", "b", "amount", "A", "a.b", `a\b`, `\`, "0", "1", "-1", "01", "é", "日本", "a b", "'", "", "?", `"`, "x\x00", "%", "null"}
	numbers    = []string{
		"0", "-0", "0.0", "-0.0", "1", "1.0", "1e0", "10e-1", "-1", "5", "100", "1e2", "1E+2", "0.1", "0.10", "1e-400", "9007199254740992", "9007199254740993", "9007199254740993.0",
		"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "18446744073709551616.0", "1e20",
		"123456789012345678901234567890", "1e300", "1e400", "-1e400", "0.30000000000000004", "9.2e18", "9200000000000000000", "1.8446744073709551615e19", "9007199254740993e0", "3.0000000000000000000000001",
	}
	detailTexts = []string{"", "a", "A", "x y", "5", "5.0", "1e2", "true", "null", "日本", "o'n\\\"", "\x00", "\n", "?", "🎉", "9007199254740993", "1e400", "/", "[]", "\u2028"}
)

// nastyMembers are members of an object, in JSON, with escapes that are not needed.
func nastyMembers(r *rand.Rand, depth int) string {
	seen := map[string]bool{}
	var members []string
	for range r.IntN(5) {
		key := oneOf(r, detailKeys...)
		if !seen[key] {
			seen[key] = true
			members = append(members, quoteJSON(r, key)+oneOf(r, ":", " : ")+nastyValue(r, depth-1))
		}
	}
	return strings.Join(members, oneOf(r, ",", " ,\n"))
}

func nastyValue(r *rand.Rand, depth int) string {
	kind := r.IntN(8)
	if depth == 0 {
		kind = r.IntN(5)
	}
	switch kind {
	case 0, 1:
		return oneOf(r, numbers...)
	case 2, 3:
		return quoteJSON(r, oneOf(r, detailTexts...))
	case 4:
		return oneOf(r, "true", "false", "null")
	case 5:
		var elements []string
		for range r.IntN(4) {
			elements = append(elements, nastyValue(r, depth-1))
		}
		return "[" + strings.Join(elements, ",") + "]"
	default:
		return "{" + nastyMembers(r, depth) + "}"
	}
}

func quoteJSON(r *rand.Rand, text string) string {
	if r.IntN(4) > 0 {
		quoted, _ := json.Marshal(text)
		return string(quoted)
	}
	var b strings.Builder
	for _, c := range text {
		if c <= 0xffff {
			fmt.Fprintf(&b, `\u%04x`, c)
		} else {
			b.WriteRune(c)
		}
	}
	return `"` + b.String() + `"`
}
