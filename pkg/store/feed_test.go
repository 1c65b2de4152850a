package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
)

// at puts an event at a place. Kafka's times ascend with the offset.
func at(topic byte, partition int, offset int64) func(*Action) {
	return func(a *Action) {
		a.Origin = action.Origin{TopicID: [16]byte{topic}, Topic: fmt.Sprint("topic ", topic), Partition: partition, Offset: offset}
		a.Origin.Time = noon.Add(time.Duration(offset)*time.Second + time.Duration(partition)*time.Millisecond)
	}
}

// settle says that a partition is settled up to an offset.
func settle(t testing.TB, s *Store, topic byte, partition int, from, to int64) {
	t.Helper()
	r := Range{TopicID: [16]byte{topic}, Topic: fmt.Sprint("topic ", topic), Partition: partition, From: from, To: to, Accepted: to - from}
	if err := s.InsertRanges(t.Context(), []Range{r}); err != nil {
		t.Fatal(err)
	}
}

// feed returns a page of the feed as it is now.
func feed(t testing.TB, s *Store, f Filter, after Position, limit int) FeedPage {
	t.Helper()
	ends, err := s.FeedEnds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	page, err := s.Feed(t.Context(), f, after, ends, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Actions) > limit {
		t.Fatalf("a page of %d has %d actions", limit, len(page.Actions))
	}
	if page.CaughtUp != page.Position.Covers(ends) || !page.CaughtUp && maps.Equal(page.Position, after) {
		t.Fatalf("from %v with %d actions to %v of %v, caught up: %v", after, len(page.Actions), page.Position, ends, page.CaughtUp)
	}
	return page
}

// follow reads the feed from a position until it is caught up.
func follow(t testing.TB, s *Store, f Filter, after Position, limit int) ([]string, Position) {
	t.Helper()
	got := []string{}
	for {
		page := feed(t, s, f, after, limit)
		for _, a := range page.Actions {
			got = append(got, a.ID)
		}
		after = page.Position
		if page.CaughtUp {
			return got, after
		}
	}
}

func TestTheFeedGivesOutWhatIsSettledByOffset(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	mine := Filter{Tenant: "default"}
	if got, position := follow(t, s, mine, nil, 10); len(got) != 0 || len(position) != 0 {
		t.Errorf("an empty log has %v at %v", got, position)
	}
	var rows []Action
	for n := range 20 {
		// The later the offset, the earlier the time: it must not matter.
		a := event(n, at(1, n%2, int64(n/2)))
		a.Time = noon.AddDate(-2*n, 0, 0)
		rows = append(rows, a)
	}
	insert(t, s, rows)
	settle(t, s, 1, 0, 0, 3)
	settle(t, s, 1, 0, 5, 10) // after a gap
	got, position := follow(t, s, mine, nil, 2)
	wantIDs(t, got, "id-000000", "id-000002", "id-000004")
	if want := (Position{{[16]byte{1}, 0}: 3}); !maps.Equal(position, want) {
		t.Errorf("position %v, want %v", position, want)
	}
	settle(t, s, 1, 0, 3, 5)
	settle(t, s, 1, 1, 0, 1)
	// What is earlier in time than all that was read comes all the same.
	got, position = follow(t, s, mine, position, 3)
	slices.Sort(got)
	wantIDs(t, got, "id-000001", "id-000006", "id-000008", "id-000010", "id-000012", "id-000014", "id-000016", "id-000018")
	if got, again := follow(t, s, mine, position, 3); len(got) != 0 || !maps.Equal(again, position) {
		t.Errorf("at the end there is %v, up to %v", got, again)
	}
	// Nothing is found, and the position moves on.
	if got, end := follow(t, s, Filter{Tenant: "other"}, nil, 3); len(got) != 0 || !maps.Equal(end, position) {
		t.Errorf("another tenant has %v, up to %v", got, end)
	}
	if _, err := s.Feed(t.Context(), Filter{}, nil, position, 10); err == nil {
		t.Error("a feed without a tenant")
	}
}

func TestTheFeedTakesFiltersAndMarksConflicts(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	rows := []Action{event(0, at(1, 0, 0)), event(1, at(1, 0, 1)), event(2, at(1, 0, 2)), event(3, at(1, 0, 3))}
	rows[1].Actor.ID, rows[2].Actor.ID = "u-2", "u-2"
	rows[3].ID, rows[3].Time = rows[1].ID, rows[1].Time
	insert(t, s, rows)
	settle(t, s, 1, 0, 0, 4)
	page := feed(t, s, Filter{Tenant: "default", Conditions: conditions([]string{"u-2"}, nil)}, nil, 10)
	if len(page.Actions) != 2 || page.Actions[0].ID != rows[1].ID || !page.Actions[0].Conflicting || page.Actions[1].Conflicting || !page.CaughtUp {
		t.Errorf("got %+v", page)
	}
}

// A reader whose time is always up before anything is read would ask the same for ever.
func TestThePositionMovesOnThoughTheTimeIsUp(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	want := []string{}
	for n := range 70 {
		all = append(all, event(n, at(1, n%2, int64(n/2))))
		want = append(want, all[n].ID)
	}
	insert(t, s, all)
	settle(t, s, 1, 0, 0, 35)
	settle(t, s, 1, 1, 0, 35)
	ends, err := s.FeedEnds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithDeadline(t.Context(), noon.AddDate(-1, 0, 0))
	defer cancel()
	for _, limit := range []int{7, 1000} {
		got := []string{}
		for position := (Position{}); !position.Covers(ends); {
			page, err := s.Feed(over, Filter{Tenant: "default"}, position, ends, limit)
			if err != nil || maps.Equal(page.Position, position) || len(page.Actions) > limit || !page.Partial {
				t.Fatalf("from %v to %v with %d actions, partial: %t; %v", position, page.Position, len(page.Actions), page.Partial, err)
			}
			for _, a := range page.Actions {
				got = append(got, a.ID)
			}
			position = page.Position
		}
		slices.Sort(got)
		wantIDs(t, got, want...)
	}
}

// A tenant's few events lie among millions of others' offsets, in logs that are long.
func TestTheFeedPassesOverLongStretches(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{event(1, at(1, 0, 5)), event(2, at(1, 0, 3_000_000)), event(3, at(1, 1, 9_999_999)), event(4, at(1, 99, 70_000))})
	ranges := make([]Range, 100)
	for p := range ranges {
		ranges[p] = Range{TopicID: [16]byte{1}, Topic: "topic 1", Partition: p, To: 10_000_000}
	}
	if err := s.InsertRanges(t.Context(), ranges); err != nil {
		t.Fatal(err)
	}
	got, _ := follow(t, s, Filter{Tenant: "default"}, nil, 1000)
	slices.Sort(got)
	wantIDs(t, got, "id-000001", "id-000002", "id-000003", "id-000004")
}

// Rows that were stored and never settled, because their topic was deleted, hide equal
// ones of the topic that came after it.
func TestTheFeedGivesOutWhatADeletedTopicHasLeft(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	was := func(n int, topic byte, offset int64) Action {
		a := event(n, at(topic, 0, offset))
		a.Origin.Topic = "topic"
		return a
	}
	insert(t, s, []Action{was(0, 1, 0), was(1, 1, 1), was(3, 1, 3)}, []Action{was(1, 2, 4), was(4, 2, 5)})
	ranges := []Range{{TopicID: [16]byte{1}, Topic: "topic", To: 1, Accepted: 1}, {TopicID: [16]byte{2}, Topic: "topic", To: 6, Accepted: 2, Lost: 4}}
	if err := s.InsertRanges(t.Context(), ranges); err != nil {
		t.Fatal(err)
	}
	mine := Filter{Tenant: "default"}
	got, position := follow(t, s, mine, nil, 10)
	slices.Sort(got)
	wantIDs(t, got, "id-000000", "id-000004")
	for range 2 {
		if err := s.Abandon(t.Context(), "topic", [16]byte{2}, "made again"); err != nil {
			t.Fatal(err)
		}
		got, position = follow(t, s, mine, position, 10)
		wantIDs(t, got, "id-000001", "id-000003")
		position[Log{[16]byte{1}, 0}] = 1
	}
	partitions, err := s.Ledger(t.Context(), "topic")
	if err != nil {
		t.Fatal(err)
	}
	if p := partitions[0]; p.Settled.Offset != 4 || p.Accepted != 3 || p.Lost != 1 || p.Overlap != 0 {
		t.Errorf("the ledger has %+v", p)
	}
}

func TestAPageOfTheFeedEndsWhenItHoldsMuchText(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var rows []Action
	for n := range 300 {
		a := event(n, at(1, n%2, int64(n/2)))
		if n >= 200 {
			a.Description = strings.Repeat("x", 256<<10)
		}
		rows = append(rows, a)
	}
	insert(t, s, rows)
	settle(t, s, 1, 0, 0, 150)
	settle(t, s, 1, 1, 0, 150)
	var got []string
	var position Position
	for caughtUp := false; !caughtUp; {
		page := feed(t, s, Filter{Tenant: "default"}, position, 1000)
		text := 0
		for _, a := range page.Actions {
			got = append(got, a.ID)
			text += a.size()
		}
		if text > 2*maxPageText {
			t.Errorf("a page holds %d bytes", text)
		}
		position, caughtUp = page.Position, page.CaughtUp
	}
	if n := len(got); n != len(rows) {
		t.Errorf("%d events, want %d", n, len(rows))
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != len(rows) {
		t.Errorf("%d different events, want %d", n, len(rows))
	}
}

func TestOneLogDoesNotKeepTheOthersWaiting(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var rows []Action
	for n := range 4000 {
		rows = append(rows, event(n, at(1, 0, int64(n))))
	}
	insert(t, s, append(rows, event(5000, at(1, 1, 0)), event(5001, at(1, 2, 0))))
	settle(t, s, 1, 0, 0, 4000)
	settle(t, s, 1, 1, 0, 1)
	settle(t, s, 1, 2, 0, 1)
	got, _ := follow(t, s, Filter{Tenant: "default"}, nil, 100)
	if len(got) != 4002 {
		t.Fatalf("%d events", len(got))
	}
	for _, id := range []string{"id-005000", "id-005001"} {
		if i := slices.Index(got, id); i > 3000 {
			t.Errorf("%s comes after %d others", id, i)
		}
	}
}

func TestRepeatsAreLookedForByTheKey(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	// All at one time: only the id tells them apart.
	const rows = 50_000
	execute(t, s, fmt.Sprintf(`INSERT INTO actions (tenant, time, id_high, id_low, offset)
		SELECT 'default', fromUnixTimestamp64Milli(toInt64(%d), 'UTC'), number + 1, number, number FROM numbers(%d)`, noon.UnixMilli(), rows))
	ctx, cost := WithCost(t.Context())
	if _, err := s.withoutRepeats(ctx, "default", []Action{{Event: action.Event{ID: joinID(7, 6), Time: noon}}}); err != nil {
		t.Fatal(err)
	}
	if cost.RowsRead() == 0 || cost.RowsRead() > rows/10 {
		t.Errorf("%d rows were read", cost.RowsRead())
	}
}
