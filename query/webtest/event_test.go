package webtest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// An id may be used again, at the same time or another one: each event is shown as itself.
func TestEventsOfOneIDAreToldApart(t *testing.T) {
	t.Parallel()
	s, now := serve(t), time.Now()
	for i, description := range []string{"Oldest", "Middle", "Middle, otherwise", "Newest"} {
		at := now.Add(-time.Hour)
		switch i {
		case 0:
			at = at.Add(-48 * time.Hour)
		case 3:
			at = now
		}
		s.add(action.Event{ID: "same", Time: at, Actor: action.Actor{ID: "alice"}, Action: "invoice.posted", Description: description})
	}
	b := scripted(t)
	b.Go(s.url)
	b.Until("document.querySelectorAll('#rows [data-event]').length === 4")
	rows := b.Texts("#rows .c-desc")
	if n := eval[int](b, "new Set([...document.querySelectorAll('#rows tr')].map(r => r.id)).size"); n < 4 {
		t.Errorf("4 rows have %d ids", n)
	}
	said := "document.querySelector('#drawer .drawer-desc')?.innerText"
	b.Press("j")
	b.Press("\r")
	for i, description := range rows {
		if i > 0 {
			b.Press("j")
		}
		b.Until(fmt.Sprintf("%s === %q", said, description))
	}
	if others := b.Texts("#drawer .facts .fact-record a"); len(others) != 3 {
		t.Errorf("the drawer leads to %q of the same id", others)
	}
	answer, err := http.Get(eval[string](b, "document.querySelector('#drawer [data-copy-json]').href"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(body), `"description":"Oldest"`) || strings.Contains(string(body), "Newest") {
		t.Errorf("its JSON is %s, %v", body, err)
	}
	b.Press("\x1b")
	b.Until("document.activeElement.closest('tr')?.querySelector('.c-desc').innerText === 'Oldest'")

	for i, description := range rows {
		b.Go(eval[string](b, fmt.Sprintf("(document.querySelectorAll('#rows [data-event]')[%d].href)", i)))
		b.Until(fmt.Sprintf("%s === %q", said, description))
		b.Follow(".drawer-around a")
		b.Until(fmt.Sprintf("[...document.querySelectorAll('#rows .c-desc')].some(d => d.innerText === %q)", description))
		b.Go(s.url)
		b.Until("document.querySelectorAll('#rows [data-event]').length === 4")
	}
}

// Records of other types may have the same id.
func TestOneRecordIsExcluded(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for i, kind := range []string{"invoice", "doc", "a/b"} {
		s.add(action.Event{Time: time.Now().Add(-time.Duration(i) * time.Minute), Actor: action.Actor{ID: "alice"}, Action: "record.changed", Subject: action.Record{Type: kind, ID: "7"}, Description: kind})
	}
	b := Open(t)
	for n, want := range map[int]string{1: "doc,a/b", 2: "invoice,a/b", 3: ""} {
		b.Go(s.url)
		b.Follow(fmt.Sprintf("#rows tr:nth-child(%d) [data-event]", n))
		b.Follow("a[aria-label^='Exclude: Record ']")
		if got := strings.Join(b.Texts("#rows .c-desc"), ","); got != want {
			t.Errorf("without record %d there is %q, want %q", n, got, want)
		}
	}
}
