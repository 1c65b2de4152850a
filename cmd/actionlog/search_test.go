package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestSearchPrintsWhatThePageWouldShow(t *testing.T) {
	t.Parallel()
	o := newOperator(t)
	search := func(code int, args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, status := program(t, o.env, "", append([]string{"search", "--url", o.query}, args...)...)
		if status != code {
			t.Fatalf("search %q exits with %d, want %d:\n%s%s", args, status, code, stdout, stderr)
		}
		return stdout, stderr
	}
	var events strings.Builder
	for n := range 5 {
		fmt.Fprintf(&events, `{"id":"e-%d","time":"2026-11-24T12:00:0%d.250Z","actor":{"id":"alice","name":"Alice Example"},"on_behalf_of":{"id":"bob"},"ip":"192.0.2.7","action":"invoice.posted","outcome":"denied","subject":{"type":"invoice","id":"INV-%d"},"description":"Late fee\t%d\u001b[2J"}`+"\n", n, n, n, n)
	}
	o.emit(events.String())
	embeddedtest.Eventually(t, "the events", func() bool {
		stdout, _ := search(0, "--json", "late fee")
		return strings.Count(stdout, "\n") == 5
	})
	if stdout, _ := search(0, "--json", "--order", "oldest", "--limit", "1", `actor:alice "late fee"`, "-xero"); !strings.HasPrefix(stdout, `{"time":"2026-11-24T12:00:00.250Z","id":"e-0"`) {
		t.Errorf("the oldest is %s", stdout)
	}
	stdout, stderr := search(0, "--tz", "Europe/Berlin", "--limit", "2", "action:invoice.*")
	lines := strings.Split(stdout, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "TIME ") ||
		strings.Join(strings.Fields(lines[2]), " ") != `2026-11-24 13:00:03.250 Alice Example → bob 192.0.2.7 invoice.posted denied invoice INV-3 Late fee\t3\x1b[2J` {
		t.Errorf("a table of two:\n%s", stdout)
	}
	_, cursor, ok := strings.Cut(strings.TrimSpace(stderr), "--cursor ")
	if !ok {
		t.Fatalf("no cursor: %q", stderr)
	}
	if stdout, _ := search(0, "--tz", "Europe/Berlin", "--limit", "2", "--cursor", cursor, "action:invoice.*"); !strings.Contains(stdout, "INV-2") || strings.Contains(stdout, "INV-3") {
		t.Errorf("the next two:\n%s", stdout)
	}
	if _, stderr := search(1, "actr:alice"); !strings.Contains(stderr, "did you mean actor?") {
		t.Errorf("a wrong line: %s", stderr)
	}
	if _, stderr := search(2, "--tz", "Mars/Olympus", "a"); !strings.Contains(stderr, "Mars/Olympus") {
		t.Errorf("a wrong zone: %s", stderr)
	}
	o.query = "http://127.0.0.1:1"
	if _, stderr := search(1, "a"); !strings.Contains(stderr, "--url says where it is") {
		t.Errorf("no service: %s", stderr)
	}
}
