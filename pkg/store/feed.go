package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Where there are few rows, a page of the feed looks at all of them; else at a stretch of
// each log at a time, and at the next one, which is longer, while it has room: what
// matches may lie close together or millions of offsets apart.
const (
	feedFew     = 1 << 16 // rows or offsets
	feedStretch = 1 << 12 // offsets of a log, at first
	feedGrowth  = 4
	// feedLeast is how many events a page may have whose time was up before it had any.
	feedLeast = 32
	// feedLogs is at how many logs one question looks.
	feedLogs = 16
	// feedSmall is what the events of a page hold on average at most, in bytes of text, where
	// more of them than fetchActions are asked for at once.
	feedSmall = 4 << 10
	// feedTime is how long a page may have taken when it looks further. It ends where it
	// has come to, if need be without an event.
	feedTime = 250 * time.Millisecond
)

// FeedPage is a stretch of the feed.
type FeedPage struct {
	Actions []Action
	// Position is where to go on, behind all that the page has looked at.
	Position Position
	// CaughtUp says that nothing is left up to the ends.
	CaughtUp bool
	// Partial is set when the context's deadline came first. Position is behind all that
	// was looked at by then, which is something unless nothing was left.
	Partial bool
}

// Feed returns events that match and lie between a position and the ends, which
// FeedEnds returned, limit of them at most. Going on from page to page gives each event
// once, whatever its time, in an order that holds for every reader and every filter:
// the events of one log come by ascending offset. Logs take turns in no certain order.
// Conflicting events are marked as they are now. A page may hold fewer than there are: when
// it has about 8 MiB of text, has taken long, or has left something out.
//
// A row is left out when the table holds an equal one that merges would keep in its
// place: one of lower (offset, partition, topic), settled or not. Why nothing gets lost
// by that, and what is given out twice:
//
//   - Merges never remove the lowest of all equal rows, and it is never left out here. Its
//     offset will be settled, since the row is there, so every reader passes it, and not
//     before it is stored, since readers stop where the log is settled. So each event is
//     given out when its lowest row is passed.
//   - Equal rows of one log: the lower one is settled before the higher one is passed, so
//     it is stored by then, or one lower still. The higher one is left out.
//   - Equal rows of two logs: the higher one is given out too when it is passed before the
//     lower one is stored. That a reader meets it again is not preventable, for a merge may
//     remove the row that it was given. Producers that key their messages by tenant, as
//     emit does, never send one event to two partitions.
func (s *Store) Feed(ctx context.Context, f Filter, after, ends Position, limit int) (FeedPage, error) {
	position := Position{}
	maps.Copy(position, after)
	page := FeedPage{Position: position}
	order, begun, text := position.unread(ends), time.Now(), 0
	stretch, err := s.firstStretch(ctx, f.Tenant, position.ranges(order, ends, math.MaxInt64))
	if err != nil && timeUp(ctx) {
		page.Partial = true
	} else if err != nil {
		return FeedPage{}, fmt.Errorf("look how much the feed has: %w", err)
	}
	var rows []Action
	for atOnce := fetchActions; !page.Partial && len(rows) < limit && text < maxPageText; {
		ranges := position.ranges(order, ends, stretch)
		if len(ranges) == 0 {
			break
		}
		fetch := min(limit-len(rows), atOnce)
		more, whole, err := s.feedRows(ctx, f, ranges, fetch)
		if err != nil && timeUp(ctx) {
			page.Partial = true
			break
		} else if err != nil {
			return FeedPage{}, fmt.Errorf("read the feed: %w", err)
		}
		if whole && stretch < math.MaxInt64/feedGrowth {
			stretch *= feedGrowth
		}
		position.advance(ranges, more, whole)
		for i := range more {
			text += more[i].size()
		}
		if rows = append(rows, more...); text < len(rows)*feedSmall {
			atOnce = limit
		}
		if time.Since(begun) > feedTime { // asked here, so that every page moves on
			break
		}
	}
	if page.Partial && maps.Equal(position, after) { // the same would be asked again, and again in vain
		err := withGrace(ctx, func(ctx context.Context) (err error) {
			rows, err = s.feedLittle(ctx, f, position, position.ranges(order, ends, feedStretch), min(limit, feedLeast))
			return err
		})
		if err != nil {
			return FeedPage{}, fmt.Errorf("read a little of the feed: %w", err)
		}
	}
	err = withGrace(ctx, func(ctx context.Context) (err error) {
		page.Actions, err = s.withoutRepeats(ctx, f.Tenant, rows)
		return err
	})
	if err != nil {
		return FeedPage{}, fmt.Errorf("leave out what the feed has elsewhere: %w", err)
	}
	page.CaughtUp = position.Covers(ends)
	return page, nil
}

// feedLittle moves the position on by a few rows of some ranges, and returns the rows.
func (s *Store) feedLittle(ctx context.Context, f Filter, position Position, ranges []logRange, most int) ([]Action, error) {
	if len(ranges) == 0 {
		return nil, nil
	}
	rows, whole, err := s.feedRows(ctx, f, ranges, most)
	if err == nil {
		position.advance(ranges, rows, whole)
	}
	return rows, err
}

// logRange is a stretch of a log's offsets.
type logRange struct {
	log      Log
	from, to int64
}

// ranges are the next stretches of the first logs of an order that have something left.
func (p Position) ranges(order []Log, ends Position, length int64) []logRange {
	var ranges []logRange
	for _, log := range order {
		if left := ends[log] - p[log]; left > 0 && len(ranges) < feedLogs {
			ranges = append(ranges, logRange{log, p[log], p[log] + min(length, left)})
		}
	}
	return ranges
}

// firstStretch returns how much of a log to look at first.
func (s *Store) firstStretch(ctx context.Context, tenant string, left []logRange) (int64, error) {
	var offsets int64
	from, to := int64(math.MaxInt64), int64(0)
	for _, r := range left {
		offsets = min(offsets, math.MaxInt64-r.to) + r.to - r.from
		from, to = min(from, r.from), max(to, r.to)
	}
	if offsets <= feedFew {
		return math.MaxInt64, nil
	}
	c, err := tenantCondition(tenant)
	if err != nil {
		return 0, err
	}
	c.and("offset >= ? AND offset < ?", from, to)
	rows, err := collectOne(ctx, s.conn, "SELECT count() FROM (SELECT 1 FROM actions WHERE "+c.sql()+" LIMIT ?)", append(c.args, feedFew), func(n *uint64) []any { return []any{n} })
	if err != nil {
		return 0, err
	}
	if rows < feedFew {
		return math.MaxInt64, nil
	}
	return feedStretch, nil
}

// advance moves the position behind what was read of ranges: the whole of them, or up to
// the last row.
func (p Position) advance(ranges []logRange, rows []Action, whole bool) {
	for _, r := range ranges {
		if !whole {
			if last := &rows[len(rows)-1]; logOf(&last.Origin) == r.log {
				p.Pass(last)
				return
			}
		}
		p[r.log] = r.to
	}
}

// feedRows returns the rows of ranges, in the order of the ranges and then of offsets,
// repeats included: so many at most, or those that hold about 8 MiB. whole says that there
// are no more.
func (s *Store) feedRows(ctx context.Context, f Filter, ranges []logRange, fetch int) (rows []Action, whole bool, err error) {
	c, err := f.condition()
	if err != nil {
		return nil, false, err
	}
	logs, within := make([]string, len(ranges)), make([]string, len(ranges))
	for i, r := range ranges {
		id := uuid.UUID(r.log.TopicID)
		logs[i] = fmt.Sprintf("(toUUID('%s'), toUInt32(%d))", id, r.log.Partition)
		within[i] = fmt.Sprintf("(topic_id = toUUID('%s') AND partition = %d AND offset >= %d AND offset < %d)", id, r.log.Partition, r.from, r.to)
	}
	// PREWHERE is written out because the engine, to find out by itself what to put there,
	// reads statistics of every column of every part, which takes longer than all else.
	from := " FROM actions PREWHERE " + strings.Join(within, " OR ") + " WHERE " + c.sql()
	query := "SELECT " + columnList + from +
		" ORDER BY indexOf([" + strings.Join(logs, ", ") + "], (topic_id, partition)), offset LIMIT ?"
	// Whether all were read is asked for afterwards, as in Each: of a query that someone
	// kills the embedded engine may show the beginning as if it were the whole. A merge in
	// between leaves fewer; a replay may leave more, and then the rows are read again.
	for range attempts {
		rows, whole = nil, true
		text, fetched := 0, uint64(0)
		err := s.scan(ctx, query, append(c.args, fetch), allColumns, func(a *Action) error {
			if fetched++; text < maxPageText {
				rows = append(rows, *a)
			} else {
				whole = false // read to the end all the same: a read that is broken off costs its connection
			}
			text += a.size()
			return nil
		})
		if err != nil {
			return nil, false, err
		}
		if !whole || len(rows) == fetch {
			return rows, false, nil
		}
		n, err := collectOne(ctx, s.conn, "SELECT count() FROM (SELECT 1"+from+" LIMIT ?)", append(c.args, fetched+1), func(n *uint64) []any { return []any{n} })
		if err != nil {
			return nil, false, err
		}
		if n <= fetched {
			return rows, true, nil
		}
	}
	return nil, false, errCutShort
}

// withoutRepeats returns the rows that merges would keep, each once, and marks those that
// are in conflict as markConflicts does. The rows are in the order of offsets within each
// log.
func (s *Store) withoutRepeats(ctx context.Context, tenant string, rows []Action) ([]Action, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	c, err := sameEvents(tenant, rows)
	if err != nil {
		return nil, err
	}
	hashes := make([]string, len(rows))
	for i := range rows {
		hashes[i] = hex.EncodeToString(rows[i].ContentHash[:])
	}
	// Whoever may emit could give a million events the same time and id: what is not asked
	// about stays in the engine.
	query := `
SELECT time, id_high, id_low, id_text, content_hash, conflicting, lowest.1, lowest.2, lowest.3
FROM (
    SELECT time, id_high, id_low, id_text, content_hash, argMax((topic_id, partition, offset), version) AS lowest,
        count() OVER (PARTITION BY time, id_high, id_low, id_text) > 1 AS conflicting
    FROM actions PREWHERE ` + c.sql() + `
    GROUP BY time, id_high, id_low, id_text, content_hash
)
WHERE lower(hex(content_hash)) IN (?)`
	type place struct {
		log    Log
		offset int64
	}
	type fate struct {
		lowest      place
		conflicting bool
	}
	fates := map[Cursor]fate{}
	err = eachRow(ctx, s.conn, query, append(c.args, hashes), func(scan func(...any) error) error {
		var a Action
		var f fate
		err := scan(&scanTime{&a.Time}, &scanHalf{&a, setHigh}, &scanHalf{&a, setLow}, &scanText{&a}, &scanHash{&a.ContentHash}, &f.conflicting,
			(*uuid.UUID)(&f.lowest.log.TopicID), &scanPartition{&f.lowest.log.Partition}, &scanOffset{&f.lowest.offset})
		fates[a.cursor()] = f
		return err
	})
	if err != nil {
		return nil, err
	}
	var kept []Action
	var last place
	for _, a := range rows {
		at := place{logOf(&a.Origin), a.Origin.Offset}
		f, ok := fates[a.cursor()]
		if !ok || f.lowest != at { // not ok: it has been erased since
			continue
		}
		if len(kept) > 0 && at == last {
			continue
		}
		last = at
		a.Conflicting = f.conflicting
		kept = append(kept, a)
	}
	return kept, nil
}
