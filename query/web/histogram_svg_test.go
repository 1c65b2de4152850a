package web

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func bucketsOf(from time.Time, next func(time.Time) time.Time, n int) []Bucket {
	buckets := make([]Bucket, n)
	for i := range buckets {
		buckets[i].From, buckets[i].To = from, next(from)
		from = buckets[i].To
	}
	return buckets
}

func every(step time.Duration) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(step) }
}

func noLabel(time.Time, BarUnit) string { return "" }

func TestBarsAreStacked(t *testing.T) {
	t.Parallel()
	buckets := bucketsOf(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), every(time.Hour), 4)
	buckets[0].Unread = true
	buckets[1].Counts = map[string]uint64{"view": 3, "delete": 1}
	buckets[3].Counts = map[string]uint64{"delete": 2, "other": 5, "change": 0}
	got := NewBars(buckets, []string{"view", "change", "delete"}, 0, noLabel)
	want := Bars{
		ViewBox: "0 0 4 8", Unread: "M0 0h1v8h-1z", Top: 8, Lines: []BarLine{{8, "0%"}, {4, "50%"}},
		Stacks: []BarStack{{"view", "M1.0208 5h.167v3h-.167z", 3}, {"delete", "M1.0208 4h.167v1h-.167zM3.0208 6h.167v2h-.167z", 3}, {"other", "M3.0208 1h.167v5h-.167z", 5}},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := NewBars(nil, nil, 6, noLabel); got.ViewBox != "0 0 0 2" || got.Labels != nil {
		t.Errorf("of nothing: %+v", got)
	}
}

var barPattern = regexp.MustCompile(`M(\d+)\.\d+ (\d+)h\.\d+v(\d+)h-\.\d+z`)

// Bars leave a gap, and a few of them are no slabs.
func TestBarsAreAsWideAsTheirBucketsOrNarrower(t *testing.T) {
	t.Parallel()
	f := func(n int, want string) {
		t.Helper()
		buckets := bucketsOf(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), every(time.Minute), n)
		buckets[0].Counts = map[string]uint64{"view": 1}
		if got := NewBars(buckets, []string{"view"}, 0, noLabel).Stacks[0].Path; got != want {
			t.Errorf("%d buckets: %s, want %s", n, got, want)
		}
	}
	f(1, "M0.00521 1h.0417v1h-.0417z")
	f(12, "M0.0625 1h.5v1h-.5z")
	f(20, "M0.1 1h.8v1h-.8z")
	f(120, "M0.1 1h.8v1h-.8z")
}

// What is drawn is what is counted, each bar on the one below.
func TestBarsAddUpToTheCount(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	categories := []string{"view", "create", "change"}
	for range 200 {
		buckets := bucketsOf(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), every(time.Hour), 1+r.IntN(120))
		total := uint64(0)
		for i := range buckets {
			buckets[i].Counts = map[string]uint64{}
			for _, c := range append(categories, "zoo") {
				n := r.Uint64N(1 << r.IntN(40))
				buckets[i].Counts[c] = n
				total += n
			}
		}
		b := NewBars(buckets, categories, 6, noLabel)
		drawn, reach := uint64(0), make([]uint64, len(buckets))
		for _, s := range b.Stacks {
			sum, rest := uint64(0), s.Path
			for _, bar := range barPattern.FindAllStringSubmatch(s.Path, -1) {
				i, _ := strconv.Atoi(bar[1])
				y, _ := strconv.ParseUint(bar[2], 10, 64)
				n, _ := strconv.ParseUint(bar[3], 10, 64)
				if n != buckets[i].Counts[s.Category] || y+n+reach[i] != b.Top {
					t.Fatalf("%s in bucket %d: %s", s.Category, i, bar[0])
				}
				reach[i] += n
				sum += n
				rest = strings.Replace(rest, bar[0], "", 1)
			}
			if sum != s.Count || rest != "" {
				t.Fatalf("%s: %d are drawn of %d, and %q", s.Category, sum, s.Count, rest)
			}
			drawn += sum
		}
		if highest := slices.Max(reach); drawn != total || highest > b.Top || b.Top > 2 && highest*2 < b.Top {
			t.Fatalf("%d are drawn of %d, up to %d of %d", drawn, total, highest, b.Top)
		}
	}
}

func TestTopsAreEasilyRead(t *testing.T) {
	t.Parallel()
	for n, want := range map[uint64]uint64{
		0: 2, 1: 2, 2: 2, 3: 4, 7: 8, 9: 10, 10: 10, 11: 20, 39: 40, 41: 60, 99: 100, 101: 200, 999_999: 1_000_000, 1_000_001: 2_000_000,
	} {
		if got := evenTop(n); got != want {
			t.Errorf("%d: the top is %d, want %d", n, got, want)
		}
	}
}

func TestLabelsStandWhereTimesBegin(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	layouts := map[BarUnit]string{UnitTime: "15:04", UnitDay: "2 Jan", UnitMonth: "Jan 06", UnitYear: "2006"}
	f := func(buckets []Bucket, most int, want ...string) {
		t.Helper()
		var got []string
		for _, l := range NewBars(buckets, nil, most, func(begin time.Time, unit BarUnit) string { return begin.Format(layouts[unit]) }).Labels {
			got = append(got, fmt.Sprintf("%d %s %s", l.Bucket, l.X, l.Text))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", buckets[0].From, got, want)
		}
	}
	day := func(n int) func(time.Time) time.Time {
		return func(t time.Time) time.Time { return t.AddDate(0, 0, n) }
	}
	// The first bucket is cut: it has no label.
	cut := bucketsOf(time.Date(2026, 11, 24, 9, 55, 0, 0, berlin), every(5*time.Minute), 20)
	cut[0].From = cut[0].From.Add(2 * time.Minute)
	f(cut, 6, "1 5.00% 10:00", "7 35.00% 10:30", "13 65.00% 11:00", "19 95.00% 11:30")
	f(bucketsOf(time.Date(2026, 10, 26, 0, 0, 0, 0, berlin), every(6*time.Hour), 120), 6,
		"0 0.00% 26 Oct", "28 23.33% 2 Nov", "56 46.67% 9 Nov", "84 70.00% 16 Nov", "112 93.33% 23 Nov")
	// A day of 25 hours.
	f(bucketsOf(time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), every(time.Hour), 25), 5,
		"0 0.00% 00:00", "7 28.00% 06:00", "13 52.00% 12:00", "19 76.00% 18:00")
	f(bucketsOf(time.Date(2026, 11, 24, 0, 0, 0, 0, berlin), day(1), 3), 6, "0 0.00% 24 Nov", "1 33.33% 25 Nov", "2 66.67% 26 Nov")
	f(bucketsOf(time.Date(2025, 11, 3, 0, 0, 0, 0, berlin), day(7), 56), 5, "9 16.07% Jan 26", "22 39.29% Apr 26", "35 62.50% Jul 26", "48 85.71% Oct 26")
	f(bucketsOf(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), func(t time.Time) time.Time { return t.AddDate(10, 0, 0) }, 13), 4, "3 23.08% 2000", "8 61.54% 2050")
	// Within one step nothing begins.
	f(bucketsOf(time.Date(2026, 11, 24, 10, 1, 7, 0, time.UTC), every(time.Second), 3), 6, "0 0.00% 10:01")
	f(bucketsOf(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), every(time.Minute), 3), 1, "0 0.00% 10:00")
}
