package web

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// Where the time was up before anything was counted, no zero is told as if it were a number.
func TestUncountedActorsHaveNoZeros(t *testing.T) {
	t.Parallel()
	v := viewOf(t, "")
	f := func(a Actor, want ...string) {
		t.Helper()
		p := v.Actor(&a)
		var got []string
		for _, s := range p.Stats {
			got = append(got, s.Value)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v\ngot  %q\nwant %q", a, got, want)
		}
		var page strings.Builder
		if err := v.site.Render(&page, v.Lang, "actor-page", p); err != nil {
			t.Fatal(err)
		}
		if empty := want[2] == "not counted"; strings.Contains(page.String(), `class="heat"`) == empty {
			t.Errorf("%+v: the hours of the week are wrong", a)
		}
	}
	latest := []store.Action{{}}
	f(Actor{ID: "a", Reached: v.Now}, "not known", "not known", "not counted", "not counted", "not counted", "not counted", "not counted")
	f(Actor{ID: "a", Reached: v.Now, LastSeen: v.Now.Add(-time.Hour), Latest: latest}, "1 h ago", "not known", "not counted", "not counted", "not counted", "not counted", "not counted")
	f(Actor{ID: "a", Reached: v.Now, Count: 3, LastSeen: v.Now.Add(-time.Hour)}, "1 h ago", "not known", "≥ 3", "not counted", "0", "0", "0")
	f(Actor{ID: "a", Count: 3, ActiveDays: 1, FirstSeen: v.Now, LastSeen: v.Now}, "just now", "24 Nov 2026", "3", "1", "0", "0", "0")
	if got := v.Actor(&Actor{ID: "a", Reached: v.Now, Latest: latest}).AllEvents; got != "Show all events" {
		t.Errorf("all of what was not counted is called %q", got)
	}
}
