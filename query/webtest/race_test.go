package webtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// before serves a service through a function that answers a request or has it go on.
func before(t *testing.T, s *service, passes func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	to, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Cache-Control", "no-store")
		return nil
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if passes(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(front.Close)
	return front.URL
}

// searches reports whether a request is that of a question.
func searches(r *http.Request, line string) bool {
	return r.URL.Path == "/" && r.URL.Query().Get("search") == line
}

// Of two questions the last one that was asked is answered everywhere, and the other one is
// given up.
func TestLastQuestionWins(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	asked, givenUp := make(chan struct{}, 9), make(chan struct{}, 9)
	address := before(t, s, func(_ http.ResponseWriter, r *http.Request) bool {
		if !searches(r, "crane") {
			return true
		}
		asked <- struct{}{}
		<-r.Context().Done()
		givenUp <- struct{}{}
		return false
	})
	b := scripted(t)
	b.Forgive("htmx:")
	b.Go(address + "/?search=invoice")
	b.shows(posted)
	b.Type("#q", "x")
	eval[string](b, "(document.querySelector('#q').value = 'actor:bob', '')")
	b.Press("\r")
	b.shows(added, refused)
	answered := func() {
		t.Helper()
		<-givenUp
		b.shows(posted)
		b.Until("new URL(location).searchParams.get('search') === 'invoice' && document.querySelector('#q').value === 'invoice'")
		b.Until("document.querySelector('.sum .count').innerText.startsWith('1 event') && document.querySelector('.chip').innerText.includes('invoice')")
		b.Until("new URL(document.querySelector('#log-head a').href).searchParams.get('search') === 'invoice'")
	}
	crane := func() {
		t.Helper()
		eval[string](b, "(document.querySelector('#q').value = 'crane', document.querySelector('#q').focus(), '')")
		b.Press("\r")
		<-asked
	}
	crane()
	b.Click("[data-undo]")
	answered()
	// The same form asks twice.
	crane()
	eval[string](b, "(document.querySelector('#q').value = 'invoice', '')")
	b.Press("\r")
	answered()
}

// While a list has nothing to choose from yet, its keys are those of the line.
func TestCompletionThatIsAwaited(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	waiting, release := make(chan struct{}, 99), make(chan struct{})
	address := before(t, s, func(w http.ResponseWriter, r *http.Request) bool {
		query := r.URL.Query()
		if r.URL.Path != "/fragments/complete" || query.Get("search") != "actor:al" {
			return true
		}
		if query.Get("wait") == "" {
			_, _ = io.WriteString(w, `<div id="complete-list" role="listbox" data-pending="true"></div>`)
			return false
		}
		waiting <- struct{}{}
		select {
		case <-release:
			return true
		case <-r.Context().Done():
			return false
		}
	})
	b := scripted(t)
	b.Go(address)
	b.Type("#q", "actor:")
	b.completions("bob")
	b.Press("al")
	<-waiting
	b.Until(noCompletions)
	b.Press(arrowDown)
	<-waiting
	close(release)
	if got := b.completions("alice"); len(got) != 1 {
		t.Errorf("late completions: %q", got)
	}
	b.Press(arrowDown)
	b.Enter()
	b.lineIs("actor:alice |")
	b.Press("\r")
	b.Until("new URL(location).searchParams.get('search') === 'actor:alice'")
}
