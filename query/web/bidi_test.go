package web

import (
	"strings"
	"testing"
)

func TestCalmTextsTurnNothing(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		// What turns is written as < for an isolate, > for its end, ( for an embedding, ) for its
		// end, and R for letters that are turned.
		names := strings.NewReplacer("<", "\u2067", ">", "\u2069", "(", "\u202b", ")", "\u202c", "R", "\u202e")
		if got := calm(names.Replace(text)); got != names.Replace(want) {
			t.Errorf("%s becomes %q, want %s", text, got, want)
		}
	}
	f("plain – …", "plain – …")
	f("a<b>c", "a<b>c")
	f("a<b<c>d>e", "a<b<c>d>e")
	f("a(b)c", "a(b)c")
	f("a<b(c)d>e", "a<b(c)d>e")
	f("a>b", "a[U+2069]b")
	f("a<b", "a[U+2067]b")
	f("a(b", "a[U+202B]b")
	f("a)b", "a[U+202C]b")
	f("a<b)c>d", "a<b[U+202C]c>d")
	f("a<b(c>d", "a<b[U+202B]c>d")
	f("gpjRexe", "gpj[U+202E]exe")
	f("gpjRexe)!", "gpj[U+202E]exe[U+202C]!")
	f("<R>", "<[U+202E]>")
	f("a>b<c", "a[U+2069]b[U+2067]c")
}

func TestCalmPagesKeepTheirMarks(t *testing.T) {
	t.Parallel()
	f := func(page, want string) {
		t.Helper()
		if got := string(calmHTML([]byte(page))); got != want {
			t.Errorf("%q becomes %q, want %q", page, got, want)
		}
	}
	f("<p>a\u2068<mark>b</mark>\u2069c</p>", "<p>a\u2068<mark>b</mark>\u2069c</p>")
	f("<p>a\u2069<mark>b</mark>c</p>", "<p>a[U+2069]<mark>b</mark>c</p>")
	f("<p>a\u2068</p><p>b\u2069</p>", "<p>a[U+2068]</p><p>b[U+2069]</p>")
	f("<a href=\"/?q=\u202e\">\u202e</a> x", "<a href=\"/?q=\u202e\">[U+202E]</a> x")
	f("\u2069<unfinished", "[U+2069]<unfinished")
}

func TestIsolatedTexts(t *testing.T) {
	t.Parallel()
	f := func(text, want string) {
		t.Helper()
		if got := isolated(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	f("Bob Dvořák 12", "Bob Dvořák 12")
	f("佐藤 美咲", "佐藤 美咲")
	f("محمد", "\u2068محمد\u2069")
	f("invoice א-1", "\u2068invoice א-1\u2069")
	f("a\u2069b", "\u2068a[U+2069]b\u2069")
}
