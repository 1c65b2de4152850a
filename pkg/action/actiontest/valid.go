package actiontest

import "strings"

// Valid returns messages that are accepted: every field, at its bounds and in its
// unusual forms. Those without a time or an id get them from their origin.
func Valid() []Case {
	v := func(name, value string) Case { return Case{Name: name, Value: []byte(value)} }
	return []Case{
		v("least", `{"actor":{"id":"u1"},"action":"record.viewed"}`),
		v("every field", full()),
		{Name: "largest", Value: Largest()},
		v("white space around", "\r\n\t {\n  \"actor\" : { \"id\" : \"u1\" } ,\n  \"action\" : \"record.viewed\"\n}\n"),
		v("fields in another order", `{"action":"record.viewed","user_agent":"a","time":"2026-03-01T09:30:00Z","id":"z","actor":{"type":"system","id":"u1"}}`),
		v("escaped names", `{"\u0061ctor":{"\u0069d":"u1"},"action":"record.viewed"}`),

		v("id of one character", with(`"id":"1"`)),
		v("longest id", text("id", "é", 128)),
		v("longest id beyond U+FFFF", text("id", "😀", 128)),
		v("id with spaces", with(`"id":" a b "`)),
		v("longest tenant", text("tenant", "ø", 128)),
		v("tenant with any characters", with(`"tenant":"a/b \u0000 \u202e ☃"`)),
		v("longest actor", `{"actor":{"id":"`+strings.Repeat("é", 256)+`","name":"`+strings.Repeat("é", 256)+`"},"action":"record.viewed"}`),
		v("actor without a name", `{"actor":{"id":"u1","name":"","type":"api_key"},"action":"record.viewed"}`),
		v("on behalf of", with(`"on_behalf_of":{"id":"u2"}`)),
		v("service on behalf of a user", `{"actor":{"id":"sync","type":"service"},"on_behalf_of":{"id":"u2","type":"user"},"action":"record.viewed"}`),
		v("agent", `{"actor":{"id":"a1","type":"agent"},"action":"record.viewed"}`),
		v("shortest action", `{"actor":{"id":"u1"},"action":"a.b"}`),
		v("longest action", `{"actor":{"id":"u1"},"action":"a.`+strings.Repeat("b", 126)+`"}`),
		v("action with every character", `{"actor":{"id":"u1"},"action":"a-z_0.9.-._"}`),
		v("success", with(`"outcome":"success"`)),
		v("failure", with(`"outcome":"failure"`)),
		v("denied", with(`"outcome":"denied"`)),
		v("empty subject", with(`"subject":{}`)),
		v("longest subject", with(`"subject":{"type":"`+strings.Repeat("é", 1024)+`","id":"`+strings.Repeat("é", 1024)+`","name":"`+strings.Repeat("é", 1024)+`"}`)),
		v("no related", with(`"related":[]`)),
		v("one related without fields", with(`"related":[{}]`)),
		v("most related", related(16)),
		v("empty texts", with(`"description":"","reason":"","session_id":"","request_id":"","user_agent":""`)),
		v("longest description", text("description", "d", 8192)),
		v("longest description in bytes", text("description", "é", 4096)),
		v("longest other texts", with(`"reason":"`+strings.Repeat("é", 1024)+`","session_id":"`+strings.Repeat("é", 256)+
			`","request_id":"`+strings.Repeat("é", 256)+`","user_agent":"`+strings.Repeat("é", 1024)+`"`)),
		v("every escape", with(`"description":"\"\\\/\b\f\n\r\t\u0000\u00e9\u20ac\ud83d\ude00"`)),
		v("text kept as sent", with(`"description":"  e\u0301 <b>&amp;</b> =1+1 \u2028 ﷽ \ufeff  "`)),

		v("least details", with(`"details":{}`)),
		v("details with white space", with("\"details\": { \"a\" : [ 1 , 2 ] ,\n\t\"b\" : { } }")),
		v("details with large numbers", with(`"details":{"a":9007199254740993,"b":1e400,"c":-0.0,"d":123456789012345678901234567890,"e":1E+2}`)),
		v("details with any names", with(`"details":{"":null,"a.b":true,"\u0000":{"":[]},"id":"x","A":1,"a":2}`)),
		v("longest details", details(65536)),
		v("deepest details", nested(64)),

		v("IPv4", with(`"ip":"192.0.2.7"`)),
		v("unspecified IPv4", with(`"ip":"0.0.0.0"`)),
		v("IPv6", with(`"ip":"2001:DB8::7"`)),
		v("IPv6 in full", with(`"ip":"2001:0db8:0000:0000:0000:0000:0000:0007"`)),
		v("loopback IPv6", with(`"ip":"::1"`)),
		v("IPv4 mapped into IPv6", with(`"ip":"::ffff:192.0.2.7"`)),
		v("unspecified IPv4 mapped into IPv6", with(`"ip":"::ffff:0.0.0.0"`)),

		v("UTC", with(`"time":"2026-03-01T09:30:00Z"`)),
		v("lower case t and z", with(`"time":"2026-03-01t09:30:00z"`)),
		v("offset east", with(`"time":"2026-03-01T09:30:00+05:45"`)),
		v("offset west", with(`"time":"2026-03-01T09:30:00-11:30"`)),
		v("unknown offset", with(`"time":"2026-03-01T09:30:00-00:00"`)),
		v("largest offset", with(`"time":"2026-03-01T09:30:00+23:59"`)),
		v("one fraction digit", with(`"time":"2026-03-01T09:30:00.5Z"`)),
		v("nine fraction digits", with(`"time":"2026-03-01T09:30:00.123999999Z"`)),
		v("fifty fraction digits", with(`"time":"2026-03-01T09:30:00.0019`+strings.Repeat("9", 46)+`Z"`)),
		v("leap day", with(`"time":"2024-02-29T23:59:59.999Z"`)),
		v("leap second", with(`"time":"2016-12-31T23:59:60Z"`)),
		v("leap second elsewhere", with(`"time":"2017-01-01T05:29:60.25+05:30"`)),
		v("first time", with(`"time":"1970-01-01T00:00:00Z"`)),
		v("first time by its offset", with(`"time":"1969-12-31T23:00:00-01:00"`)),
		v("last time", with(`"time":"2100-12-31T23:59:59.999999Z"`)),
		v("last time by its offset", with(`"time":"2101-01-01T00:59:59+01:00"`)),
	}
}
