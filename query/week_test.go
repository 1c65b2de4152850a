package query

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

type weekAnswer struct {
	TZ         string        `json:"tz"`
	From       *time.Time    `json:"from"`
	To         *time.Time    `json:"to"`
	Count      uint64        `json:"count"`
	ActiveDays uint64        `json:"active_days"`
	Hours      [7][24]uint64 `json:"hours"`
	SearchedTo *time.Time    `json:"searched_to"`
	Partial    bool          `json:"partial"`
}

func TestWeekIsThatOfCalendarAndClock(t *testing.T) {
	t.Parallel()
	s, events := testServer(t)
	s.now = func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	at := func(n int, when string) store.Action {
		return event(n, func(a *store.Action) {
			var err error
			if a.Time, err = time.Parse(time.RFC3339, when); err != nil {
				t.Fatal(err)
			}
		})
	}
	insert(t, events,
		at(1, "2026-10-25T00:59:59Z"), // 02:59 in Berlin, in summer
		at(2, "2026-10-25T01:00:00Z"), // 02:00, in winter
		at(3, "2026-10-25T22:59:59Z"), // 23:59 of Sunday
		at(4, "2026-10-25T23:00:00Z"), // Monday
		at(5, "2026-08-26T09:59:59Z"), // more than 90 days ago
		at(6, "2026-08-26T10:00:00Z"), // 12:00 in Berlin, as now would be but for the clock: 13:00
		at(7, "2026-08-26T11:00:00Z"), // 13:00
		at(8, "2026-11-24T13:00:00Z"), // not yet
	)
	got := ask[weekAnswer](t, s, "/v1/actors/u-1/week", url.Values{"tz": {"Europe/Berlin"}})
	var want [7][24]uint64
	want[6][2], want[6][23], want[0][0], want[2][13] = 2, 1, 1, 1
	if got.Hours != want || got.Count != 5 || got.ActiveDays != 3 || got.TZ != "Europe/Berlin" || got.To == nil || !got.To.Equal(s.now()) || got.From == nil || !got.From.Equal(time.Date(2026, 8, 26, 11, 0, 0, 0, time.UTC)) || got.Partial {
		t.Errorf("%+v", got)
	}
	got = ask[weekAnswer](t, s, "/v1/actors/u-1/week", url.Values{"to": {"2026-10-25"}})
	if got.Count != 3 || got.ActiveDays != 1 || got.From == nil || !got.From.Equal(time.Date(2026, 7, 27, 0, 0, 0, 0, time.UTC)) || got.To == nil {
		t.Errorf("%+v", got)
	}
	if got = ask[weekAnswer](t, s, "/v1/actors/u-1/week", url.Values{"from": {"1970"}}); got.Count != 8 || got.ActiveDays != 3 {
		t.Errorf("%+v", got)
	}
	if got = ask[weekAnswer](t, s, "/v1/actors/u-1/week", url.Values{"to": {"1970-01-02"}}); got.Count != 0 || got.From == nil || got.From.Year() != 1969 {
		t.Errorf("%+v", got)
	}
	if got = ask[weekAnswer](t, s, "/v1/actors/u-1/week", url.Values{"outcome": {"denied"}}); got.Count != 0 {
		t.Errorf("%+v", got)
	}
	for target, status := range map[string]int{"/v1/actors/nobody/week": http.StatusNotFound, "/v1/actors/%FF/week": http.StatusBadRequest, "/v1/actors/u-1/week?limit=1": http.StatusBadRequest} {
		if w := get(t, s, target); w.Code != status {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	s.cfg.QueryTimeout = 1 // the time is up before anything was read
	got = ask[weekAnswer](t, s, "/v1/actors/u-1/week", url.Values{"to": {"2026-11-01"}})
	if !got.Partial || got.Count != 0 || got.SearchedTo == nil || !got.SearchedTo.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", got)
	}
}
