package store

import (
	"context"
	"slices"
	"time"
)

// How much is read at once when a question has little time. Rows are those of the
// database, of all tenants; those that a projection answers for count by the weight.
const (
	guessedRate  = 8e6 // rows a second
	leastTime    = 1. / 160
	mergedWeight = 1. / 16
	mostWiden    = 16
	// patience is the time of a question without a deadline.
	patience = 10 * time.Second
	// narrowing is by how much less is asked where the guess was too much.
	narrowing = 64
)

// windowing is what a window has to do with those before it.
type windowing bool

const (
	// apart: each ends where the one before begins, and the answers add up.
	apart windowing = false
	// nested: each holds those before it, since their answers cannot be added up.
	nested windowing = true
)

// stretches are the windows that a question is asked in, newest first.
type stretches struct {
	ctx     context.Context //nolint:containedctx // it is one question's
	p       *projection
	parts   []part
	asked   span
	windows windowing
	// least is how many rows are asked for at least.
	least float64
}

// stretch asks a question about windows of time, newest first, until all that the
// filter asks about was asked or the time is up. So much is asked at first that it
// takes an eighth of the time, by a guess, then what seems to take half of what is left:
// an ample time asks everything at once. Where the guess takes half of the time, less is
// asked. It returns up to where all is answered; the zero time stands for everything.
func (s *Store) stretch(ctx context.Context, f *Filter, p *projection, windows windowing, ask func(ctx context.Context, window *Filter) error) (reached time.Time, err error) {
	parts, err := s.parts(ctx)
	noTime := err != nil && timeUp(ctx)
	if err != nil && !noTime {
		return time.Time{}, err
	}
	w := stretches{ctx: ctx, p: p, parts: parts, asked: f.span(), windows: windows, least: s.rate * leastTime}
	if noTime { // so what is the newest is not known either
		return w.asked.to, nil
	}
	if f.To.IsZero() { // nothing is newer, but what arrives meanwhile
		newest := time.Now().UTC()
		if len(parts) > 0 {
			newest = slices.MaxFunc(parts, func(a, b part) int { return a.to.Compare(b.to) }).to
		}
		w.asked.to = maxTime(w.asked.from, newest)
	}
	if err := s.findCommon(ctx, f); err != nil && !timeUp(ctx) {
		return time.Time{}, err
	}
	reached = w.asked.to
	rows, guessed := s.rate/8*w.left().Seconds(), true
	for {
		window := *f
		from := w.back(reached, rows)
		if from.Equal(w.asked.from) {
			from = time.Time{}
		} else {
			window.From = from
		}
		if windows == apart && !reached.Equal(w.asked.to) {
			window.To = reached
		}
		read := window.span()
		begun := time.Now()
		asking, cancel := ctx, context.CancelFunc(func() {})
		if guessed {
			asking, cancel = context.WithTimeout(ctx, w.left()/2)
		}
		err := ask(asking, &window)
		cancel()
		switch {
		case err == nil:
			guessed = false
		case timeUp(ctx) || guessed && timeUp(asking) && rows < 1:
			return reached, nil
		case guessed && timeUp(asking):
			rows /= narrowing
			w.least = min(w.least, rows)
			continue
		default:
			return time.Time{}, err
		}
		if reached = from; reached.IsZero() {
			return reached, nil
		}
		if rows = w.next(rows, w.weight(read)/time.Since(begun).Seconds(), reached); rows == 0 {
			return reached, nil
		}
	}
}

// atOnce reports whether stretch would ask everything at once. It reports false where
// that cannot be known.
func (s *Store) atOnce(ctx context.Context, f *Filter) bool {
	parts, err := s.parts(ctx)
	w := stretches{ctx: ctx, parts: parts, asked: f.span()}
	return err == nil && w.weight(w.asked) <= s.rate/8*w.left().Seconds()
}

// next is how much to ask after so many rows, which were read at a rate. It is none
// when the time is too short for more.
func (w *stretches) next(rows, rate float64, reached time.Time) float64 {
	left := w.left().Seconds()
	if left <= 0 {
		return 0
	}
	share := left / 2
	rest, done := w.weight(span{w.asked.from, reached}), 0.
	if w.windows == nested {
		done = w.weight(span{reached, w.asked.to})
	}
	if (done+rest)/rate < left*0.8 {
		share = left
	}
	more := min(rows*mostWiden, rate*share-done)
	if w.windows == nested && more < done/4 {
		return 0
	}
	return max(more, w.least)
}

func (w *stretches) left() time.Duration {
	if deadline, ok := w.ctx.Deadline(); ok {
		return time.Until(deadline)
	}
	return patience
}

// weight is how many rows seem to lie in a span.
func (w *stretches) weight(s span) float64 {
	var sum float64
	for _, p := range w.parts {
		both := s.within(span{p.from, p.to})
		if both.empty() {
			continue
		}
		rows := float64(p.rows) * float64(both.to.Sub(both.from)) / float64(p.to.Sub(p.from))
		if w.p != nil && p.level > 0 {
			rows *= mergedWeight
		}
		sum += rows
	}
	return sum
}

// back returns the time before another between which and it seem to lie so many rows.
func (w *stretches) back(to time.Time, rows float64) time.Time {
	from := w.asked.from
	if w.weight(span{from, to}) <= rows {
		return from
	}
	low, high := from, to
	for high.Sub(low) > time.Second {
		middle := low.Add(high.Sub(low) / 2)
		if w.weight(span{middle, to}) > rows {
			low = middle
		} else {
			high = middle
		}
	}
	// Windows that begin with a grain leave no ragged ends; those that are short have
	// to do without.
	edge := high.Truncate(time.Second)
	grain := quarterHours.grain
	if w.p != nil {
		grain = w.p.grain
	}
	if to.Sub(edge) > 8*grain {
		edge = edge.Truncate(grain)
	}
	if !edge.Before(to) {
		edge = to.Add(-time.Second).Truncate(time.Second)
	}
	return maxTime(edge, from)
}
