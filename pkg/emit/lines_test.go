package emit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// maxKafkaMessageBytes is the longest line that Lines sends.
const maxKafkaMessageBytes = 1_047_552

func TestLinesAreSentByteForByte(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	noise := make([]byte, maxKafkaMessageBytes)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rnd.UintN(244)) + 11 // anything but a line feed, and it does not compress
	}
	want := []message{
		{key: "default", value: `{"id":"no tenant"}`},
		{key: "acme", value: `  { "tenant" : "acme", "z": 1 }  `},
		{key: "ends with CRLF", value: `{"tenant":"ends with CRLF"}`},
		{key: "-", value: "not JSON \xff\xfe\x00"},
		{key: "-", value: "\r"}, // a line of "\r\r\n"
		{key: "-", value: " "},
		{key: "-", value: string(noise)},
		{key: "default", value: `{"big":"` + strings.Repeat("x", maxKafkaMessageBytes-10) + `"}`},
		{key: "-", value: "no end\r"},
	}
	var input bytes.Buffer
	for i, m := range want {
		input.WriteString(m.value)
		if i < len(want)-1 {
			input.WriteString([]string{"\n", "\n\n\r\n", "\r\n", "\n", "\r\n"}[i%5])
		}
	}
	for name, r := range map[string]io.Reader{
		"whole":        bytes.NewReader(input.Bytes()),
		"halves":       iotest.HalfReader(bytes.NewReader(input.Bytes())),
		"data and EOF": iotest.DataErrReader(bytes.NewReader(input.Bytes())),
	} {
		n, err := emit.Lines(t.Context(), r, e)
		if err != nil || n != int64(len(want)) {
			t.Fatalf("%s: %d acknowledged, %v", name, n, err)
		}
	}
	got := readTopic(t, topic, 3*len(want))
	for i := range got {
		w := want[i%len(want)]
		if got[i].key != w.key || got[i].value != w.value {
			t.Fatalf("message %d: key %q, %d bytes %.60q, want key %q, %d bytes %.60q",
				i, got[i].key, len(got[i].value), got[i].value, w.key, len(w.value), w.value)
		}
	}
	if n, err := emit.Lines(t.Context(), strings.NewReader("\n\r\n"), e); n != 0 || err != nil {
		t.Errorf("only empty lines: %d, %v", n, err)
	}
}

func TestLinesEndsAtALineThatIsTooLong(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	long := strings.Repeat("x", maxKafkaMessageBytes+1)
	sent := 0
	fails := func(input string, acked int64, want string) {
		t.Helper()
		n, err := emit.Lines(t.Context(), strings.NewReader(input), e)
		if n != acked || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d acknowledged, %v; want %d, %q", n, err, acked, want)
		}
		sent += int(acked)
	}
	fails("a\n\nb\n"+long+"\nc\n", 2, "line 4 is longer than the 1047552 bytes")
	fails("a\n"+long, 1, "line 2 is longer")
	fails(long+"\r\n", 0, "line 1 is longer")
	fails("a\n"+strings.Repeat("x", 5<<20)+"\n", 1, "line 2 is longer")
	readTopic(t, topic, sent)
}

func TestLinesReadErrors(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	broken := errors.New("the disk is gone")
	n, err := emit.Lines(t.Context(), io.MultiReader(strings.NewReader("a\nb\nhalf of c"), iotest.ErrReader(broken)), e)
	if n != 2 || !errors.Is(err, broken) || !strings.Contains(err.Error(), "read line 3") {
		t.Errorf("%d acknowledged, %v", n, err)
	}
	n, err = emit.Lines(t.Context(), io.MultiReader(strings.NewReader("c\n"), stuck{}), e)
	if n != 1 || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%d acknowledged, %v", n, err)
	}
	readTopic(t, topic, 3)
}

// stuck is a broken reader: it gives nothing and does not say why.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestLinesKeepTheOrderOfEachTenant(t *testing.T) {
	t.Parallel()
	const lines = 30_000
	e, topic := newEmitter(t, 4)
	var input strings.Builder
	for i := range lines {
		fmt.Fprintf(&input, "{\"tenant\":\"t%d\",\"n\":%d,\"pad\":%q}\n", i%11, i, strings.Repeat("x", 200))
	}
	n, err := emit.Lines(t.Context(), strings.NewReader(input.String()), e)
	if err != nil || n != lines {
		t.Fatalf("%d acknowledged, %v", n, err)
	}
	last := make(map[string]int)
	for _, m := range readTopic(t, topic, lines) {
		var tenant, number int
		if _, err := fmt.Sscanf(m.value, `{"tenant":"t%d","n":%d`, &tenant, &number); err != nil {
			t.Fatal(err)
		}
		if before, ok := last[m.key]; ok && number != before+11 {
			t.Fatalf("tenant %s: line %d follows %d", m.key, number, before)
		}
		last[m.key] = number
	}
}

func TestLinesDoNotWaitForMore(t *testing.T) {
	t.Parallel()
	e, topic := newEmitter(t, 1)
	r, w := io.Pipe()
	type result struct {
		acked int64
		err   error
	}
	done := make(chan result, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		n, err := emit.Lines(ctx, r, e)
		done <- result{n, err}
	}()
	for i := range 3 {
		if _, err := io.WriteString(w, "line\n"); err != nil {
			t.Fatal(err)
		}
		readTopic(t, topic, i+1) // it arrives though the pipe stays open
	}
	// A partition's requests go one after the other: with this one acknowledged,
	// the lines are too.
	if err := e.Emit(t.Context(), action.Event{ID: "after the lines"}); err != nil {
		t.Fatal(err)
	}
	// An end while Read is blocked; the pipe's end then frees the reader.
	cancel()
	got := <-done
	if got.acked != 3 {
		t.Errorf("%d acknowledged, want 3", got.acked)
	}
	if !errors.Is(got.err, context.Canceled) || !strings.Contains(got.err.Error(), "after 3 acknowledged lines") {
		t.Errorf("cancelled: %v", got.err)
	}
	w.Close()
}

func TestLinesSplitBatchesForASmallTopic(t *testing.T) {
	t.Parallel()
	topic := embeddedtest.Topic(t, 1)
	setMaxMessageBytes(t, topic, 10_000)
	e := openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic})
	// Hexadecimal noise: compresses to half at best.
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) string {
		var s strings.Builder
		for s.Len() < n {
			fmt.Fprintf(&s, "%016x", rnd.Uint64())
		}
		return s.String()
	}
	var input strings.Builder
	for range 100 {
		input.WriteString(noise(1000) + "\n")
	}
	input.WriteString(noise(30_000) + "\nnever\n")
	n, err := emit.Lines(t.Context(), strings.NewReader(input.String()), e)
	if n != 100 || err == nil || !strings.Contains(err.Error(), "line 101") || !strings.Contains(err.Error(), "Message Size Too Large") {
		t.Fatalf("%d acknowledged, %v", n, err)
	}
	got := readTopic(t, topic, 100)
	for i, line := range strings.Split(input.String(), "\n")[:100] {
		if got[i].value != line {
			t.Fatalf("message %d differs", i)
		}
	}
}

func TestLinesReadNoFurtherThanTheyCanSend(t *testing.T) {
	t.Parallel()
	// Nobody listens on port 1 of loopback.
	e := openEmitter(t, emit.Config{Brokers: []string{"127.0.0.1:1"}, Topic: "t", RetryFor: 500 * time.Millisecond})
	var read atomic.Int64
	n, err := emit.Lines(t.Context(), &endless{&read}, e)
	if n != 0 || err == nil || !strings.Contains(err.Error(), "line 1 is not acknowledged") {
		t.Fatalf("%d acknowledged, %v", n, err)
	}
	if read.Load() > 20<<20 {
		t.Errorf("%d bytes were read", read.Load())
	}
}

// endless gives lines without end and counts its bytes.
type endless struct{ n *atomic.Int64 }

func (r *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
		if i%100 == 99 {
			p[i] = '\n'
		}
	}
	r.n.Add(int64(len(p)))
	return len(p), nil
}
