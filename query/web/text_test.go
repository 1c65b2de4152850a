package web

import (
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/search"
)

func TestMark(t *testing.T) {
	t.Parallel()
	// Marks are written as [ ] here.
	f := func(text, searched, want string) {
		t.Helper()
		var got, plain strings.Builder
		for _, part := range mark(text, []search.Text{{Needle: searched}}) {
			plain.WriteString(part.Text)
			if part.Found {
				got.WriteString("[" + part.Text + "]")
			} else {
				got.WriteString(part.Text)
			}
		}
		if got.String() != want || plain.String() != text {
			t.Errorf("mark(%q, %q) = %q, want %q", text, searched, got.String(), want)
		}
	}
	f("", "x", "")
	f("Invoice INVOICE invoices", "invoice", "[Invoice] [INVOICE] [invoice]s")
	f("aaaa", "aa", "[aaaa]")
	f("Ärger im Büro", "ÄRGER IM BÜ", "[Ärger im Bü]ro")
	f("ΣΊΣΥΦΟΣ", "σίσυφ", "[ΣΊΣΥΦ]ΟΣ")
	f("東京ガーデン", "京", "東[京]ガーデン")
	f("cafe\u0301s", "cafe", "[cafe\u0301]s")
	f("cafe\u0301s", "\u0301", "caf[e\u0301]s")
	f("go 👩🏽‍🚀 go", "👩", "go [👩🏽‍🚀] go")
	f("go 👩🏽‍🚀 go", "🚀", "go [👩🏽‍🚀] go")
	f("100 % of 100%", "100%", "100 % of [100%]")
	f("shalom שלום x", "של", "shalom [של]ום x")
	f("bad \xff byte", "byte", "bad \xff [byte]")
	f("İstanbul", "stan", "İ[stan]bul")
	f("x", "longer than the text", "x")
}

func FuzzMark(f *testing.F) {
	f.Add("go 👩🏽‍🚀 go", "🚀")
	f.Add("cafe\u0301s", "\u0301")
	f.Fuzz(func(t *testing.T, text, searched string) {
		var all strings.Builder
		for _, part := range mark(text, []search.Text{{Needle: searched}}) {
			all.WriteString(part.Text)
		}
		if all.String() != text {
			t.Errorf("mark(%q, %q) changes the text to %q", text, searched, all.String())
		}
	})
}

func TestAgo(t *testing.T) {
	t.Parallel()
	site, err := New(catalogue(t))
	if err != nil {
		t.Fatal(err)
	}
	l := site.Language("en", "")
	now := time.Date(2026, 11, 24, 14, 14, 52, 0, time.UTC)
	f := func(before time.Duration, want string) {
		t.Helper()
		if got := l.ago(now, now.Add(-before)); got != want {
			t.Errorf("%s before: %q, want %q", before, got, want)
		}
	}
	const day = 24 * time.Hour
	f(0, "just now")
	f(59*time.Second, "just now")
	f(-30*time.Second, "just now")
	f(time.Minute, "1 min ago")
	f(59*time.Minute, "59 min ago")
	f(-5*time.Minute, "in 5 min")
	f(time.Hour, "1 h ago")
	f(23*time.Hour+59*time.Minute, "23 h ago")
	f(day, "1 day ago")
	f(59*day, "59 days ago")
	f(60*day, "2 months ago")
	f(729*day, "24 months ago")
	f(730*day, "2 years ago")
	f(20*365*day, "20 years ago")
}

func TestInitials(t *testing.T) {
	t.Parallel()
	f := func(name, want string) {
		t.Helper()
		if got := initials(name); got != want {
			t.Errorf("initials(%q) = %q, want %q", name, got, want)
		}
	}
	f("Alice Okonkwo-Brännström", "AB")
	f("Siobhán Ní Dhomhnaill", "SD")
	f("Đặng Thị Ngọc Ánh", "ĐÁ")
	f("佐藤 美咲", "佐")
	f("mmueller", "M")
	f("nightly-backup", "NB")
	f("👩🏽‍🚀", "?")
	f("", "?")
}

// catalogue is the built-in one.
func catalogue(t *testing.T) *action.Catalogue {
	t.Helper()
	c, err := action.LoadCatalogue("")
	if err != nil {
		t.Fatal(err)
	}
	return c
}
