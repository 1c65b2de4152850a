// Command jsonbench compares JSON libraries on events: how long each takes to read
// one, and what it makes of messages that schemas/event.schema.json refuses or that
// a careless reader damages. It is a module of its own, so that none of them is a
// dependency of the project.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

// Each library is timed in many short rounds, of which the fastest counts: whatever
// else runs on the machine can only add to the time.
const (
	rounds    = 20
	roundTime = "50ms"
)

func main() {
	testing.Init()
	out := bufio.NewWriter(os.Stdout)
	if err := errors.Join(flag.Set("test.benchtime", roundTime), run(out), out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "jsonbench:", err)
		os.Exit(1)
	}
}

// figure is what the last line says of a library.
type figure struct {
	NsPerOp     map[string]float64 `json:"ns_per_op"`
	AllocsPerOp map[string]int64   `json:"allocs_per_op"`
	Wrong       map[string]string  `json:"wrong"`
}

func run(out *bufio.Writer) error {
	figures := map[string]figure{}
	compared := append(libraries(), library{"action.DecodeInto", new(project).read})
	for _, l := range compared {
		figures[l.name] = figure{map[string]float64{}, map[string]int64{}, map[string]string{}}
	}
	if err := timeAll(out, compared, figures); err != nil {
		return err
	}
	table(out, compared, figures)
	return json.NewEncoder(out).Encode(figures)
}

// timeAll writes a line in the form of go test -bench for each library and event.
func timeAll(out *bufio.Writer, compared []library, figures map[string]figure) error {
	for _, sample := range samples() {
		best := map[string]testing.BenchmarkResult{}
		for range rounds {
			for _, l := range compared {
				r, err := timeOne(l, sample.value)
				if err != nil {
					return fmt.Errorf("read %q with %s: %w", sample.name, l.name, err)
				}
				if b, ok := best[l.name]; !ok || nsPerOp(r) < nsPerOp(b) {
					best[l.name] = r
				}
			}
		}
		for _, l := range compared {
			r := best[l.name]
			figures[l.name].NsPerOp[sample.name] = nsPerOp(r)
			figures[l.name].AllocsPerOp[sample.name] = r.AllocsPerOp()
			fmt.Fprintf(out, "BenchmarkRead/%s/%s-%d\t%s\t%s\n", sample.name, l.name, runtime.GOMAXPROCS(0), r, r.MemString())
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func timeOne(l library, value []byte) (r testing.BenchmarkResult, err error) {
	var e event
	r = testing.Benchmark(func(b *testing.B) {
		b.SetBytes(int64(len(value)))
		for b.Loop() {
			e.reset()
			if err = l.read(value, &e); err != nil {
				return
			}
		}
	})
	return r, err
}

func nsPerOp(r testing.BenchmarkResult) float64 { return float64(r.T.Nanoseconds()) / float64(r.N) }

// table writes what each library makes of each case.
func table(out io.Writer, compared []library, figures map[string]figure) {
	fmt.Fprintf(out, "\n| case |")
	for _, l := range compared {
		fmt.Fprintf(out, " %s |", l.name)
	}
	fmt.Fprintf(out, "\n|---|%s\n", strings.Repeat("---|", len(compared)))
	for _, c := range cases() {
		fmt.Fprintf(out, "| %s |", c.name)
		for _, l := range compared {
			wrong := c.judge(l)
			if wrong == "" {
				fmt.Fprint(out, " right |")
				continue
			}
			figures[l.name].Wrong[c.name] = wrong
			fmt.Fprintf(out, " **%s** |", wrong)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out)
}

// sample is an event to time.
type sample struct {
	name  string
	value []byte
}

func samples() []sample {
	return []sample{
		{"typical", []byte(`{"id":"0198c0de-7a1e-7c3b-9a55-3f0e6d2b1c4d","time":"2026-03-01T09:30:00.250+01:00","tenant":"northlight",` +
			`"actor":{"id":"u-1042","name":"Alice Okonkwo"},"ip":"192.0.2.7","action":"opportunity.item.added",` +
			`"subject":{"type":"opportunity","id":"OPP-311","name":"Summer Fair 2026"},` +
			`"description":"Added 4 × LED Panel 60x60 to Summer Fair 2026","session_id":"s-5f2c9a77",` +
			`"user_agent":"Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0","details":{"item":"LED-60","quantity":4}}`)},
		{"details", []byte(`{"time":"2026-03-01T09:30:00Z","actor":{"id":"u-1042"},"action":"invoice.posted","details":{"lines":[` +
			strings.Repeat(`{"sku":"LED-60","quantity":4,"price":149.90,"discount":null},`, 31) + `{"sku":"LED-60"}]}}`)},
	}
}

// A testCase is a message that a careless reader gets wrong.
type testCase struct {
	name string
	// members follow an actor and an action.
	members string
	// accepted tells whether the message is an event; then description and details
	// are what they are here.
	accepted             bool
	description, details string
}

func cases() []testCase {
	return []testCase{
		{name: "escaped surrogate pair", members: `"description":"\ud83d\ude00"`, accepted: true, description: "😀"},
		{name: "half of a surrogate pair", members: `"description":"\ud83d"`},
		{name: "half of a surrogate pair in details", members: `"details":{"a":"\ud83d"}`},
		{name: "field twice", members: `"description":"a","description":"b"`},
		{name: "name twice in details", members: `"details":{"a":1,"a":2}`},
		{name: "number beyond 2^53", members: `"details":{"a":9007199254740993}`, accepted: true, details: `{"a":9007199254740993}`},
		{name: "number beyond float64", members: `"details":{"a":1e400}`, accepted: true, details: `{"a":1e400}`},
		{name: "white space in details", members: `"details":{ "a" : 1 }`, accepted: true, details: `{ "a" : 1 }`},
		{name: "bytes not UTF-8", members: "\"description\":\"caf\xe9\""},
		{name: "bytes not UTF-8 in details", members: "\"details\":{\"a\":\"caf\xe9\"}"},
		{name: "raw control character", members: "\"description\":\"a\x01b\""},
		{name: "raw control character in details", members: "\"details\":{\"a\":\"a\x01b\"}"},
		{name: "leading zero in details", members: `"details":{"a":01}`},
		{name: "comma too many in details", members: `"details":{"a":[1,]}`},
		{name: "100,000 levels", members: `"details":{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`},
		{name: "unknown field", members: `"colour":"red"`},
		{name: "name in capitals", members: `"Description":"a"`},
		{name: "null for a text", members: `"description":null`},
		{name: "data after the object", members: `"description":"a"} {`},
	}
}

// judge returns what l does wrong, or "": it accepts what is no event, or replaces a
// part of it by U+FFFD and accepts that, or changes or refuses what is one.
func (c testCase) judge(l library) (wrong string) {
	defer func() {
		if recover() != nil {
			wrong = "panics"
		}
	}()
	// Kept apart from value: the fault may be there.
	value := []byte(`{"actor":{"id":"u1"},"action":"a.b","time":"2026-03-01T09:30:00Z",` + c.members + `}`)
	sent := string(value)
	if _, rejected := action.Decode(value, action.Origin{}); (rejected == nil) != c.accepted {
		return "the case is wrong"
	}
	var e event
	switch err := l.read(value, &e); {
	case string(value) != sent:
		return "changes the message"
	case err != nil && c.accepted:
		return "refuses"
	case err != nil:
		return ""
	case !c.accepted && strings.Contains(e.Description+string(e.Details), "\uFFFD"):
		return "replaces"
	case !c.accepted:
		return "accepts"
	case e.Description != c.description || string(e.Details) != c.details:
		return "changes"
	}
	return ""
}
