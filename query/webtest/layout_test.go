package webtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// widths are those at which nothing may be out of place.
var widths = []int64{320, 390, 768, 1024, 1440, 1920}

// look is a state of the page.
type look struct {
	name, address string
	// open opens something before looking.
	open string
}

// TestEveryLook goes through every state of the page at every width: the page
// never scrolls sideways, fingers find every target, and axe-core finds nothing.
// With ACTIONLOG_TEST_SCREENSHOTS set to a directory it leaves pictures there.
func TestEveryLook(t *testing.T) {
	t.Parallel()
	s := serve(t, oddEvents(time.Now())...)
	s.add(company()...)
	s.add(numbered(40)...)
	conflict := numbered(41)[40]
	conflict.ID = "same"
	s.add(conflict)
	conflict.Description = "Something else"
	s.add(conflict)

	cfg := query.Config{ClickHouseDSN: "http://127.0.0.1:1/actionlog", QueryAddr: "127.0.0.1:0", QueryTimeout: 10 * time.Second}
	gone, err := store.Open(cfg.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gone.Close() })
	down := serveStore(t, gone, cfg)

	filters := "?q=invoice&actor=alice&actor=misaki&from=2020-01-01T00:00:00Z&action=invoice.posted"
	for _, l := range []look{
		{"list", s.url + "/", ""},
		{"last", s.url + "/?limit=30", ".pager a[rel=next]"},
		{"row", s.url + "/?q=no-space", ".more summary"},
		{"filtered", s.url + "/" + filters, ""},
		{"date", s.url + "/?from=2026-01-01T00:00:00Z", dateMenu},
		{"user", s.url + "/?actor=alice", userMenu},
		{"action", s.url + "/?action=invoice.posted", actionMenu},
		{"nothing", s.url + "/" + filters + "&to=2020-01-02T00:00:00Z", ""},
		{"first", s.url + "/?tenant=new", ""},
		{"wrong", s.url + "/?q=crane&from=2026-13-01", ""},
		{"down", down + "/?q=crane", ""},
		{"missing", s.url + "/nowhere", ""},
	} {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			b := Open(t)
			for _, width := range widths {
				height := int64(900)
				if width < 500 {
					height = 844
				}
				b.Size(width, height)
				b.Go(l.address)
				if l.open == ".pager a[rel=next]" {
					b.Follow(l.open)
				} else if l.open != "" {
					b.Click(l.open)
				}
				if over := b.Overflow(); over != "" {
					t.Errorf("at %d px %s", width, over)
				}
				if small := b.Small(); width <= 960 && len(small) > 0 {
					t.Errorf("at %d px fingers miss %q", width, small)
				}
				if width != 390 && width != 1440 {
					continue
				}
				for _, dark := range []bool{false, true} {
					b.Dark(dark)
					screenshot(t, b, fmt.Sprintf("%s-%d-%t.png", l.name, width, dark))
					for _, violation := range b.Axe() {
						t.Errorf("at %d px, dark %t: %s", width, dark, violation)
					}
				}
				b.Dark(false)
			}
		})
	}
}

func screenshot(t *testing.T, b *Tab, name string) {
	t.Helper()
	dir := os.Getenv("ACTIONLOG_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name), b.Screenshot(), 0o600); err != nil {
		t.Fatal(err)
	}
}
