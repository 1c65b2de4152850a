package ingest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// door is a running HTTP door to a topic of one partition.
type door struct {
	t             *testing.T
	broker, topic string
	addr          string
	stop          context.CancelFunc
	ended         chan error
}

func newDoor(t *testing.T) *door {
	t.Helper()
	return openDoor(t, embeddedtest.Broker(t), embeddedtest.Topic(t, 1))
}

func openDoor(t *testing.T, broker, topic string) *door {
	t.Helper()
	opened, err := ingest.NewDoor(ingest.Config{KafkaBrokers: []string{broker}, Topic: topic}, slog.New(slog.NewTextHandler(logTo{t}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &door{t: t, broker: broker, topic: topic, addr: listener.Addr().String(), stop: cancel, ended: make(chan error, 1)}
	go func() { d.ended <- opened.Serve(ctx, listener) }()
	t.Cleanup(func() { d.close() })
	return d
}

// close stops the door and waits for its end. It may be called again.
func (d *door) close() {
	d.t.Helper()
	d.stop()
	if err := <-d.ended; err != nil {
		d.t.Errorf("the door ends with %v", err)
	}
	d.ended <- nil
}

// answered is an answer of the door.
type answered struct {
	code   int
	header http.Header
	body   string
}

// send posts a body with headers, names and values in turn, and returns the answer.
func (d *door) send(body string, headers ...string) answered {
	d.t.Helper()
	request, err := http.NewRequest(http.MethodPost, "http://"+d.addr+"/v1/actions", strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	return d.do(request, headers...)
}

func (d *door) do(request *http.Request, headers ...string) answered {
	d.t.Helper()
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.read(response)
}

func (d *door) read(response *http.Response) answered {
	d.t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return answered{response.StatusCode, response.Header, strings.TrimSuffix(string(body), "\n")}
}

// messages returns all that the topic holds, in order.
func (d *door) messages() []kafka.Message {
	d.t.Helper()
	conn, err := kafka.DialLeader(d.t.Context(), "tcp", d.broker, d.topic, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	first, end, err := conn.ReadOffsets()
	if err != nil {
		d.t.Fatal(err)
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{d.broker}, Topic: d.topic, MaxWait: 50 * time.Millisecond})
	defer reader.Close()
	var messages []kafka.Message
	for range end - first {
		m, err := reader.ReadMessage(d.t.Context())
		if err != nil {
			d.t.Fatal(err)
		}
		messages = append(messages, m)
	}
	return messages
}

// holds checks the values that the topic holds, byte for byte.
func (d *door) holds(want ...string) {
	d.t.Helper()
	var got []string
	for _, m := range d.messages() {
		got = append(got, string(m.Value))
	}
	if !slices.Equal(got, want) {
		d.t.Errorf("Kafka holds %q, want %q", got, want)
	}
}

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
)

func compressed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

func TestDoorPublishesAnEventAsItIs(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	var sent []string
	f := func(body, want string, headers ...string) {
		t.Helper()
		if a := d.send(body, headers...); a.code != 202 || a.body != want || a.header.Get("Content-Type") != jsonType {
			t.Errorf("%s: got %d %s, want 202 %s", body, a.code, a.body, want)
		}
		sent = append(sent, body)
	}
	f(event("e-1", "<Fête> & co"), `{"status":"accepted","id":"e-1"}`, "Content-Type", "application/json; charset=utf-8")
	f(event("e-2", "no type"), `{"status":"accepted","id":"e-2"}`)
	f(`{ "actor": {"id":"a"}, "action":"a.b"}`+"\r\n", `{"status":"accepted"}`, "Content-Type", jsonType)
	d.holds(sent...)

	a := d.send(compressed(event("e-3", "gzip")), "Content-Encoding", "gzip")
	if a.code != 202 {
		t.Errorf("gzip: %d %s", a.code, a.body)
	}
	d.holds(append(sent, event("e-3", "gzip"))...)
	for _, m := range d.messages() {
		if len(m.Headers) > 0 || string(m.Key) != "default" {
			t.Errorf("the message of a plain event has the key %q and the headers %v", m.Key, m.Headers)
		}
	}
}

func TestDoorPublishesWhatIsNotValidAndSaysSo(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	var sent []string
	for _, c := range actiontest.Broken() {
		if len(c.Value) == 0 || len(c.Value) > action.MaxMessageBytes {
			continue // not taken at all, see TestDoorRefuses
		}
		a := d.send(string(c.Value), "Content-Type", jsonType)
		var p struct {
			Type, Title, Detail, Field, Message string
			Status                              int
			Reason                              action.Reason
		}
		if err := json.Unmarshal([]byte(a.body), &p); err != nil {
			t.Fatalf("%s: %s: %v", c.Name, a.body, err)
		}
		if a.code != 422 || a.header.Get("Content-Type") != "application/problem+json" || p.Type != "urn:actionlog:problem:rejected" || p.Title == "" ||
			p.Status != 422 || p.Reason != c.Reason || p.Field != c.Field || p.Message == "" || !strings.Contains(p.Detail, "kept among the rejected messages") {
			t.Errorf("%s: got %d %s, want %q in field %q", c.Name, a.code, a.body, c.Reason, c.Field)
		}
		sent = append(sent, string(c.Value))
	}
	d.holds(sent...)
}

func TestDoorTakesABatchWithAVerdictForEachLine(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	lines := []string{event("b-1", "first"), "not an event", `{"action":"a.b"}`, `{"actor":{"id":"a"},"action":"a.b"}`, event("b-2", "last")}
	body := lines[0] + "\n" + lines[1] + "\r\n\n\r\n" + lines[2] + "\n" + lines[3] + "\n" + lines[4]
	want := `{"accepted":3,"rejected":2,"failed":0,"lines":[` +
		`{"line":1,"status":"accepted","id":"b-1"},` +
		`{"line":2,"status":"rejected","reason":"invalid_json","message":"…"},` +
		`{"line":5,"status":"rejected","reason":"missing_field","field":"actor","message":"…"},` +
		`{"line":6,"status":"accepted"},` +
		`{"line":7,"status":"accepted","id":"b-2"}]}`
	f := func(body string, headers ...string) {
		t.Helper()
		a := d.send(body, headers...)
		if got := withoutMessages(a.body); a.code != 202 || got != want {
			t.Errorf("got %d %s\nwant %s", a.code, got, want)
		}
	}
	f(body, "Content-Type", ndjsonType)
	f(compressed(body), "Content-Type", "application/jsonl", "Content-Encoding", "gzip")
	d.holds(slices.Concat(lines, lines)...)
}

// withoutMessages puts a … in the place of the sentences of an answer.
func withoutMessages(body string) string {
	const key = `"message":"`
	parts := strings.Split(body, key)
	for i, part := range parts[1:] {
		_, rest, _ := strings.Cut(strings.ReplaceAll(part, `\"`, ""), `"`)
		parts[i+1] = `…"` + rest
	}
	return strings.Join(parts, key)
}

func TestDoorHandsOnCloudEvents(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	f := func(body string, want []kafka.Header, headers ...string) {
		t.Helper()
		// Whether it is valid is for the decoder to say.
		if a := d.send(body, headers...); a.code != 202 && a.code != 422 {
			t.Errorf("%q: %d %s", headers, a.code, a.body)
		}
		all := d.messages()
		last := all[len(all)-1]
		if string(last.Value) != body || fmt.Sprintf("%s", last.Headers) != fmt.Sprintf("%s", want) {
			t.Errorf("Kafka holds %q with %s, want %q with %s", last.Value, last.Headers, body, want)
		}
	}
	header := func(key, value string) kafka.Header { return kafka.Header{Key: key, Value: []byte(value)} }
	const structured = "application/cloudevents+json; charset=UTF-8"
	f(`{"specversion":"1.0"}`, []kafka.Header{header("content-type", structured)}, "Content-Type", structured)
	f(`{"actor":{"id":"a"}}`,
		[]kafka.Header{header("ce_actorname", "Ōta 100%"), header("ce_id", `a "b\c`), header("ce_source", "/x%zz"), header("ce_specversion", "1.0"), header("content-type", jsonType)},
		"ce-specversion", "1.0", "Ce-Id", `"a \"b\\c"`, "ce-source", "/x%zz", "CE-ActorName", "%C5%8Cta%20100%25", "Content-Type", jsonType, "X-Other", "1", "Actionlog-Retry-Of", "t/0/0/0/x")
	f("", []kafka.Header{header("ce_specversion", "1.0")}, "ce-specversion", "1.0") // without data
}

func TestDoorRefuses(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	check := func(a answered, code int, problem, detail string) {
		t.Helper()
		var p struct {
			Type, Detail string
			Status       int
		}
		if err := json.Unmarshal([]byte(a.body), &p); err != nil || a.code != code || p.Status != code ||
			p.Type != "urn:actionlog:problem:"+problem || !strings.Contains(p.Detail, detail) || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("got %d %.300s (%v), want %d %s %q", a.code, a.body, err, code, problem, detail)
		}
	}
	valid := event("e", "x")
	check(d.send(valid, "Content-Type", "text/plain"), 415, "unsupported-media-type", "Send an event as application/json")
	check(d.send(valid, "Content-Type", "application/x-www-form-urlencoded"), 415, "unsupported-media-type", "application/x-ndjson")
	check(d.send(valid, "Content-Type", "json"), 415, "unsupported-media-type", `"json"`)
	check(d.send(valid, "Content-Encoding", "br"), 415, "unsupported-media-type", "Send gzip or none")
	check(d.send(valid, "Origin", "null"), 403, "browser", "web page")
	check(d.send(valid, "Sec-Fetch-Site", "same-origin"), 403, "browser", "web page")
	check(d.send(valid, "Content-Encoding", "gzip"), 400, "unreadable-body", "gzip: invalid header")
	check(d.send(compressed(valid)[:40], "Content-Encoding", "gzip"), 400, "unreadable-body", "unexpected EOF")
	check(d.send(""), 400, "empty", "body is empty")
	check(d.send("\n\r\n", "Content-Type", ndjsonType), 400, "empty", "body is empty")

	long := strings.Repeat("x", action.MaxMessageBytes+1)
	check(d.send(long), 413, "too-large", "1000000 bytes")
	check(d.send(compressed(long), "Content-Encoding", "gzip"), 413, "too-large", "1000000 bytes")
	check(d.send(long[2:], "ce-specversion", "1.0"), 413, "too-large", "The event has")
	check(d.send(valid+"\n\n"+long+"\n", "Content-Type", ndjsonType), 413, "too-large", "Line 3 has 1000001 bytes")
	check(d.send(strings.Repeat("x\n", 10_001), "Content-Type", ndjsonType), 413, "too-large", "more than 10000 events")
	many := strings.Repeat(valid+"\n", 8<<20/(len(valid)+1)+1)
	check(d.send(many, "Content-Type", ndjsonType), 413, "too-large", "8388608 bytes")
	check(d.send(compressed(many), "Content-Type", ndjsonType, "Content-Encoding", "gzip"), 413, "too-large", "8388608 bytes")
	chunked, err := http.NewRequest(http.MethodPost, "http://"+d.addr+"/v1/actions", io.MultiReader(strings.NewReader(long)))
	if err != nil {
		t.Fatal(err)
	}
	check(d.do(chunked), 413, "too-large", "1000000 bytes")

	other := func(method, path string) answered {
		t.Helper()
		request, err := http.NewRequest(method, "http://"+d.addr+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		return d.do(request)
	}
	check(other(http.MethodGet, "/v1/actions"), 405, "method-not-allowed", "POST")
	check(other(http.MethodOptions, "/v1/actions"), 405, "method-not-allowed", "POST")
	check(other(http.MethodPost, "/v1/action"), 404, "not-found", "/v1/actions")
	d.holds()
}

func TestDoorClaimsNothingWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	client := &kafka.Client{Addr: kafka.TCP(broker.Addr), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	created, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: "actions", NumPartitions: 1, ReplicationFactor: 1}},
	})
	if err := errors.Join(err, created.Errors["actions"]); err != nil {
		t.Fatal(err)
	}
	d := openDoor(t, broker.Addr, "actions")
	if a := d.send(event("before", "x")); a.code != 202 {
		t.Fatalf("got %d %s", a.code, a.body)
	}
	broker.Kill()

	away := func(body, contentType string, want ...string) {
		t.Helper()
		a := d.send(body, "Content-Type", contentType)
		if a.code != 503 || a.header.Get("Retry-After") != "5" || strings.Contains(a.body, "accepted\"}") || strings.Contains(a.body, broker.Addr) {
			t.Errorf("got %d %s", a.code, a.body)
		}
		for _, part := range want {
			if !strings.Contains(a.body, part) {
				t.Errorf("got %s, want %s in it", a.body, part)
			}
		}
	}
	var both sync.WaitGroup
	both.Go(func() { away(event("away", "x"), jsonType, "Kafka does not answer. Send it again") })
	both.Go(func() {
		away(event("away-1", "x")+"\nnot an event\n", ndjsonType, `"accepted":0,"rejected":0,"failed":2`,
			`{"line":1,"status":"failed","message":"Kafka does not answer"},{"line":2,"status":"failed","message":"Kafka does not answer"}`)
	})
	both.Wait()

	embeddedtest.StartChildBroker(t, dir, broker.Addr)
	if a := d.send(event("after", "x")); a.code != 202 {
		t.Errorf("when Kafka is back: got %d %s", a.code, a.body)
	}
	d.holds(event("before", "x"), event("after", "x"))
}

func TestDoorNamesTheLinesThatKafkaRefuses(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	client := &kafka.Client{Addr: kafka.TCP(d.broker), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	changed, err := client.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: d.topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "max.message.bytes", Value: "1000", ConfigOperation: kafka.ConfigOperationSet}},
		}},
	})
	if err != nil || changed.Resources[0].Error != nil {
		t.Fatal(err, changed)
	}
	// What compresses badly, so that it is too large for the topic.
	var large strings.Builder
	for i := range 1000 {
		large.WriteString(strconv.Itoa(i * i * 7919))
	}
	a := d.send(event("a", "x")+"\n"+event("b", large.String())+"\nnot an event\n"+event("c", "y"), "Content-Type", ndjsonType)
	if a.code != 503 || !strings.Contains(a.body, `"accepted":2,"rejected":1,"failed":1,"lines":[{"line":1,"status":"accepted","id":"a"},{"line":2,"status":"failed","message":"Kafka answers [10] Message Size Too Large`) ||
		!strings.Contains(a.body, "not acknowledged 1 of 4 lines") {
		t.Errorf("got %d %s", a.code, a.body)
	}
	d.holds(event("a", "x"), "not an event", event("c", "y"))
	if a := d.send(event("b", large.String())); a.code != 503 || !strings.Contains(a.body, "Kafka answers [10] Message Size Too Large") {
		t.Errorf("alone: got %d %s", a.code, a.body)
	}
}

func TestDoorTakesManyAtOnce(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	const senders, each = 20, 10
	var all sync.WaitGroup
	for s := range senders {
		all.Go(func() {
			for n := range each {
				if a := d.send(event(fmt.Sprintf("%d-%d", s, n), "x")); a.code != 202 {
					t.Errorf("got %d %s", a.code, a.body)
				}
			}
		})
	}
	all.Wait()
	next := map[string]int{}
	for _, m := range d.messages() {
		var e struct{ ID string }
		if err := json.Unmarshal(m.Value, &e); err != nil {
			t.Fatal(err)
		}
		sender, n, _ := strings.Cut(e.ID, "-")
		if n != strconv.Itoa(next[sender]) {
			t.Fatalf("event %s stands where number %d is next", e.ID, next[sender])
		}
		next[sender]++
	}
	for sender, n := range next {
		if n != each {
			t.Errorf("sender %s: Kafka holds %d events, want %d", sender, n, each)
		}
	}
	if len(next) != senders {
		t.Errorf("Kafka holds events of %d senders, want %d", len(next), senders)
	}
}

// upload is a request whose body has not been sent yet, and which the door waits for.
type upload struct {
	net.Conn
	answers *bufio.Reader
}

// begin starts a request and returns when the door reads its body.
func (d *door) begin(contentType string, length int) upload {
	d.t.Helper()
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprintf(conn, "POST /v1/actions HTTP/1.1\r\nHost: door\r\nContent-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", contentType, length)
	u := upload{conn, bufio.NewReader(conn)}
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} {
		if line, err := u.answers.ReadString('\n'); err != nil || line != want {
			d.t.Fatalf("got %q, %v; want %q", line, err, want)
		}
	}
	return u
}

func (d *door) finish(u upload, body string) answered {
	d.t.Helper()
	if _, err := io.WriteString(u, body); err != nil {
		d.t.Fatal(err)
	}
	response, err := http.ReadResponse(u.answers, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.read(response)
}

func TestDoorTurnsAwayWhatItHasNoRoomFor(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	var uploads []upload
	for range 4 {
		uploads = append(uploads, d.begin(ndjsonType, 8<<20))
	}
	if a := d.send(event("e", "x")); a.code != 503 || a.header.Get("Retry-After") != "1" || !strings.Contains(a.body, "too many requests") {
		t.Errorf("got %d %s", a.code, a.body)
	}
	_ = uploads[0].Close()
	embeddedtest.Eventually(t, "room after a client went away", func() bool { return d.send(event("e", "x")).code == 202 })
	d.holds(event("e", "x"))
	for _, u := range uploads {
		_ = u.Close()
	}
}

func TestDoorAnswersWhatIsUnderWayBeforeItCloses(t *testing.T) {
	t.Parallel()
	d := newDoor(t)
	body := event("last", "x")
	u := d.begin(jsonType, len(body))
	d.stop()
	embeddedtest.Eventually(t, "no new requests", func() bool {
		conn, err := net.Dial("tcp", d.addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if a := d.finish(u, body); a.code != 202 || a.body != `{"status":"accepted","id":"last"}` {
		t.Errorf("got %d %s", a.code, a.body)
	}
	d.close()
	d.holds(body)
}
