package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// post sends events over HTTP and returns the answer.
func post(t *testing.T, url, contentType, body string) (int, string) {
	t.Helper()
	response, err := http.Post(url+"/v1/actions", contentType, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// TestEventsSentOverHTTPAreListed follows events from a POST to the answers of query.
func TestEventsSentOverHTTPAreListed(t *testing.T) {
	t.Parallel()
	env := environment(t, t.TempDir(), "ACTIONLOG_HTTP_ADDR=127.0.0.1:0")
	s := start(t, env)
	if code, answer := post(t, s.HTTP, "application/json", strings.TrimSpace(ndjson("one", 1))); code != 202 || answer != `{"status":"accepted","id":"one-0"}`+"\n" {
		t.Errorf("an event: got %d %s", code, answer)
	}
	const broken = `{"actor":{"id":"a"},"action":"a.b","colour":"red"}`
	if code, answer := post(t, s.HTTP, "application/json", broken); code != 422 || !strings.Contains(answer, `"reason":"unknown_field","field":"colour"`) {
		t.Errorf("what is none: got %d %s", code, answer)
	}
	if code, answer := post(t, s.HTTP, "application/x-ndjson", ndjson("batch", 100)+"not an event\n"); code != 202 || !strings.HasPrefix(answer, `{"accepted":100,"rejected":1,"failed":0,`) {
		t.Errorf("a batch: got %d %s", code, answer)
	}

	embeddedtest.Eventually(t, "the events", func() bool { return len(s.exported("kill")) == 101 })
	var list struct {
		Rejected []struct {
			Reason, Field string
			Raw           []byte
		}
	}
	embeddedtest.Eventually(t, "the rejected messages", func() bool {
		get(t, s.Query+"/v1/rejected", &list)
		return len(list.Rejected) == 2
	})
	kept := map[string]string{}
	for _, r := range list.Rejected {
		kept[string(r.Raw)] = r.Reason + " " + r.Field
	}
	if kept[broken] != "unknown_field colour" || kept["not an event"] != "invalid_json " {
		t.Errorf("rejected: got %q", kept)
	}
	s.interrupt()

	s = start(t, environment(t, t.TempDir()))
	if s.HTTP != "" {
		t.Errorf("without ACTIONLOG_HTTP_ADDR events are taken at %s", s.HTTP)
	}
}
