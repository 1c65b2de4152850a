package emit

import (
	"strings"
	"testing"
)

func TestTenantKey(t *testing.T) {
	t.Parallel()
	const none = "-"
	f := func(line, want string) {
		t.Helper()
		got := none
		if key := tenantKey([]byte(line)); key != nil {
			got = string(key)
		}
		if got != want {
			t.Errorf("%s: key %q, want %q", line, got, want)
		}
	}
	f(`{"tenant":"acme"}`, "acme")
	f(` { "a" : 1 , "tenant" : "acme" } `, "acme")
	f(`{}`, "default")
	f(`{"a":{"tenant":"inner"},"b":["tenant","x"],"c":"tenant"}`, "default")
	f(`{"a":{"tenant":"inner"},"tenant":"outer"}`, "outer")
	f(`{"a":"\"tenant\":\"x\"","tenant":"y"}`, "y")
	f(`{"a":"\\","tenant":"y"}`, "y")
	f(`{"a":"}],{","b":[1,{"c":[]}],"tenant":"y"}`, "y")
	f(`{"tenant":"a\"b\u00e9"}`, `a"bé`)
	f(`{"tenant":"`+strings.Repeat("é", 128)+`"}`, strings.Repeat("é", 128))
	f(`{"tenant":"`+strings.Repeat("é", 129)+`"}`, none)
	f(`{"tenant":""}`, none)
	f(`{"tenant":null}`, none)
	f(`{"tenant":7}`, none)
	f(`{"tenant":"a`, none)
	f(`{"tenant":`, none)
	f(`{"tenant"`, none)
	f(`{"a":"b"`, none)
	f(`{"a":{`, none)
	f(`{"a" "b"}`, none)
	f(`{"`, none)
	f(`{`, none)
	f(`["tenant"]`, none)
	f(`"tenant"`, none)
	f(`null`, none)
	f(``, none)
	f(`   `, none)
}

func FuzzTenantKey(f *testing.F) {
	f.Add([]byte(`{"a":"\\","tenant":"y"}`))
	f.Add([]byte(`{"a":[{"b":"\"`))
	f.Fuzz(func(_ *testing.T, line []byte) { tenantKey(line) }) // must not panic
}

// TestPlaceIsKafkas takes its hashes from UtilsTest.testMurmur2 of Apache Kafka;
// a key's partition is the hash without its sign bit, modulo their number.
func TestPlaceIsKafkas(t *testing.T) {
	t.Parallel()
	const n = 1009 // a prime, so that every bit counts
	partitions := make([]int, n)
	for i := range partitions {
		partitions[i] = i
	}
	for key, hash := range map[string]int32{
		"21":                         -973932308,
		"foobar":                     -790332482,
		"a-little-bit-long-string":   -985981536,
		"a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		want := int(uint32(hash)&0x7fffffff) % n
		if got := place([]byte(key), partitions); got != want {
			t.Errorf("%q is in partition %d, want %d", key, got, want)
		}
	}
	if a, b := place(nil, partitions), place(nil, partitions); a != b {
		t.Errorf("records without a key are in partitions %d and %d", a, b)
	}
}
