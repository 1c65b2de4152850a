package webtest

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// widths are those at which nothing may be out of place.
var widths = []int64{320, 390, 768, 1024, 1440, 1920}

// olderPage leads to another page, where what else is opened stays on the same.
const olderPage = ".pager a[rel=next]"

// look is a state of the page.
type look struct {
	name, address string
	// open opens something before looking.
	open string
}

// TestEveryLook goes through every state of the page at every width: the page
// never scrolls sideways, fingers find every target, and axe-core finds nothing.
// It leaves pictures.
func TestEveryLook(t *testing.T) {
	t.Parallel()
	s := serve(t, oddEvents(time.Now())...)
	s.add(company()...)
	s.add(numbered(4)...)
	conflict := numbered(5)[4]
	conflict.ID = "same"
	s.add(conflict)
	conflict.Description = "Something else"
	s.add(conflict)

	cfg := query.Config{ClickHouseDSN: "http://127.0.0.1:1/actionlog", QueryAddr: "127.0.0.1:0", QueryTimeout: 10 * time.Second, QueryConcurrency: 8, ExportConcurrency: 8}
	gone, err := store.Open(cfg.ClickHouseDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gone.Close() })
	down := serveStore(t, gone, cfg)

	b := Open(t)
	filters := "?search=" + url.QueryEscape("invoice actor:(alice misaki) from:2020-01-01 action:invoice.posted -outcome:denied")
	looks(t, b, []look{
		{"list", s.url + "/", ""},
		{"last", s.url + "/?limit=12", olderPage},
		{"long", s.url + "/?search=no-space", ""},
		{"event", s.url + "/events/event-0003", ""},
		{"account", s.url + "/", ".top .menu summary"},
		{"filtered", s.url + "/" + filters, ""},
		{"date", s.url + "/?search=from:2026-01-01", dateMenu},
		{"user", s.url + "/?search=actor:alice", userMenu},
		{"action", s.url + "/?search=action:invoice.posted", actionMenu},
		{"nothing", s.url + "/" + filters + "+to:2020-01-02", ""},
		{"first", s.url + "/?tenant=new", ""},
		{"wrong", s.url + "/?search=crane+actr:bob", ""},
		{"down", down + "/?search=crane", ""},
		{"missing", s.url + "/nowhere", ""},
	})
}

// looks goes through states of a page at every width and, at two of them, in light
// and dark.
func looks(t *testing.T, b *Tab, all []look) {
	t.Helper()
	for _, l := range all {
		for i, width := range widths {
			b.Size(width, map[bool]int64{true: 844, false: 900}[width < 500])
			// No script lays the page out: it is loaded again only to be opened at
			// this width.
			if i == 0 || l.open != "" {
				b.Go(l.address)
			}
			if l.open == olderPage {
				b.Follow(l.open)
			} else if l.open != "" {
				b.Click(l.open)
			}
			where := fmt.Sprintf("%s at %d px", l.name, width)
			if over := b.Overflow(); over != "" {
				t.Errorf("%s: %s", where, over)
			}
			if small := b.Small(); width <= 960 && len(small) > 0 {
				t.Errorf("%s: fingers miss %q", where, small)
			}
			if width != 390 && width != 1440 {
				continue
			}
			for _, dark := range []bool{false, true} {
				b.Dark(dark)
				screenshot(t, b, fmt.Sprintf("%s-%d-%t.png", l.name, width, dark))
				if dark != (width == 390) {
					continue // each scheme is checked once
				}
				for _, violation := range b.Axe() {
					t.Errorf("%s, dark %t: %s", where, dark, violation)
				}
			}
			b.Dark(false)
		}
	}
}

// screenshotDir is where pictures are left; ACTIONLOG_TEST_SCREENSHOTS names another.
const screenshotDir = "screenshots"

func screenshot(t *testing.T, b *Tab, name string) {
	t.Helper()
	dir := cmp.Or(os.Getenv("ACTIONLOG_TEST_SCREENSHOTS"), screenshotDir)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b.Screenshot(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEveryScriptedLook goes through what scripts show, light and dark, large and small.
func TestEveryScriptedLook(t *testing.T) {
	t.Parallel()
	s := serve(t, oddEvents(time.Now())...)
	s.add(numbered(12)...)
	b := scripted(t)
	for _, l := range []struct{ name, address, click, until string }{
		{"js-list", "/?limit=12", "", "document.querySelector('.sum .count').innerText.includes('21')"},
		{"js-search", "/?search=invoice+-xero+after:-90d", "", "document.querySelector('.line-ink i') !== null"},
		{"js-drawer", "/?search=invoice", "#rows tr[id]:nth-child(3)", "document.querySelector('#drawer') !== null"},
		{"js-date", "/", dateMenu, "document.querySelector('.cal button') !== null"},
		{"js-user", "/", userMenu, "document.querySelector('.pop-user .opt .num') !== null"},
		{"js-action", "/", actionMenu, "[...document.querySelectorAll('.pop-act .opt .num')].some(e => e.innerText !== '')"},
		{"js-nothing", "/?search=nowhere+actor:alice", "", "document.querySelector('.rows .count') !== null"},
		{"js-wrong", "/?search=actr:alice", "", "document.querySelector('.line-ink s') !== null"},
		{"js-first", "/?tenant=new", "", "true"},
		{"js-complete", "/", "", "document.querySelectorAll('#complete .num').length > 3"},
	} {
		// 720 px are half of a window: what is left at a zoom of 200 %.
		for _, size := range [][2]int64{{1440, 900}, {720, 450}, {390, 844}} {
			b.Size(size[0], size[1])
			b.Go(s.url + l.address)
			if l.click != "" {
				b.Click(l.click)
			}
			if l.name == "js-complete" {
				b.Type("#q", "actor:")
			}
			b.Until(l.until)
			if over := b.Overflow(); over != "" {
				t.Errorf("%s at %d px: %s", l.name, size[0], over)
			}
			if small := b.Small(); size[0] < 960 && len(small) > 0 {
				t.Errorf("%s: fingers miss %q", l.name, small)
			}
			if size[0] == 720 {
				screenshot(t, b, l.name+"-720.png")
				continue
			}
			for _, dark := range []bool{false, true} {
				b.Dark(dark)
				screenshot(t, b, fmt.Sprintf("%s-%d-%t.png", l.name, size[0], dark))
				if dark != (size[0] == 390) {
					continue // each scheme is checked once
				}
				for _, violation := range b.Axe() {
					t.Errorf("%s at %d px, dark %t: %s", l.name, size[0], dark, violation)
				}
			}
			b.Dark(false)
		}
	}
}
