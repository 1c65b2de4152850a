package emit

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"github.com/actionlog/actionlog/pkg/action"
)

// key returns the key of a tenant's messages: none when no tenant can be called
// that, since a key counts towards the size of its message.
func key(tenant string) []byte {
	if n := utf8.RuneCountInString(tenant); n == 0 || n > action.MaxTenant {
		return nil
	}
	return []byte(tenant)
}

// tenantKey returns the key of a line of JSON, or nil when its tenant cannot be
// told. It looks no further than it has to, since decoding every line would cost
// more than all the rest of sending it: that a line has a key does not mean that
// it is valid.
func tenantKey(line []byte) []byte {
	rest := skipSpace(line)
	if len(rest) == 0 || rest[0] != '{' {
		return nil
	}
	rest = skipSpace(rest[1:])
	for len(rest) > 0 && rest[0] == '"' {
		end := stringEnd(rest)
		name := rest[:end]
		rest = skipSpace(rest[end:])
		if len(rest) == 0 || rest[0] != ':' {
			return nil
		}
		rest = skipSpace(rest[1:])
		if string(name) == `"tenant"` {
			return tenantValue(rest)
		}
		rest = skipSpace(skipValue(rest))
		if len(rest) > 0 && rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	if len(rest) > 0 && rest[0] == '}' {
		return []byte(action.DefaultTenant)
	}
	return nil
}

func tenantValue(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	var tenant string
	if err := json.Unmarshal(value[:stringEnd(value)], &tenant); err != nil {
		return nil
	}
	return key(tenant)
}

func skipSpace(s []byte) []byte { return bytes.TrimLeft(s, " \t\r\n") }

// stringEnd returns where the JSON string at the start of s ends: after its
// closing quote, or at the end of s.
func stringEnd(s []byte) int {
	for i := 1; i < len(s); i++ {
		n := bytes.IndexByte(s[i:], '"')
		if n < 0 {
			return len(s)
		}
		i += n
		// A quote after an odd number of backslashes is part of the string.
		slashes := 0
		for s[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1
		}
	}
	return len(s)
}

// skipValue returns what follows the JSON value at the start of s: the comma or
// the brace at its level.
func skipValue(s []byte) []byte {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return s[i:]
			}
			depth--
		case ',':
			if depth == 0 {
				return s[i:]
			}
		}
	}
	return nil
}
