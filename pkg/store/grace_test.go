package store

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"
)

// late is a context in the moment between its deadline and when it says so.
type late struct{ context.Context }

func (late) Deadline() (time.Time, bool) { return noon.AddDate(-1, 0, 0), true }

func TestADeadlineThatStrikesAtTheSocketMakesAnAnswerPartial(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{event(1, nil)})
	f := everything()
	reached, err := s.stretch(late{t.Context()}, &f, nil, apart, func(context.Context, *Filter) error { return os.ErrDeadlineExceeded })
	if err != nil || reached.IsZero() {
		t.Errorf("reached %s, %v", reached, err)
	}
	broken := errors.New("broken")
	if _, err := s.stretch(t.Context(), &f, nil, apart, func(context.Context, *Filter) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("in time: %v", err)
	}
	gone, cancel := context.WithCancel(late{t.Context()})
	cancel()
	if timeUp(gone) {
		t.Error("a client that went away is taken for a time that is up")
	}
}

func TestAnAnswerIsFinishedThoughItsTimeIsUp(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	insert(t, s, []Action{event(1, func(a *Action) { a.Actor.Name = "Ann" })})
	over, cancel := context.WithDeadline(t.Context(), noon.AddDate(-1, 0, 0))
	defer cancel()
	if names, err := s.ActorNames(over, "default", "u-1"); err != nil || len(names) != 1 || names[0] != "Ann" {
		t.Errorf("the names are %v, %v", names, err)
	}
	facets := []Facet{{Field: "actor", Values: []FacetValue{{Value: "u-1"}}}}
	if err := s.nameFacets(over, &Filter{Tenant: "default"}, facets); err != nil || facets[0].Values[0].Name != "Ann" {
		t.Errorf("named %+v, %v", facets, err)
	}

	// The time is up while the answer is finished.
	f := func(ctx context.Context, want error, calls int) {
		t.Helper()
		n := 0
		err := withGrace(ctx, func(ctx context.Context) error {
			n++
			if n == 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		if !errors.Is(err, want) || n != calls {
			t.Errorf("after %d calls: %v", n, err)
		}
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	f(short, nil, 2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	f(gone, context.Canceled, 1)
}

// A guess of how much can be asked in the time may be far off, as where events are long.
func TestWhereTheGuessTakesTooLongLessIsAsked(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	var all []Action
	for n := range 1000 {
		all = append(all, event(n, func(a *Action) { a.Time = noon.Add(time.Duration(n) * time.Minute) }))
	}
	insert(t, s, all)
	s.rate = 4000 // all at once
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	f, newest, asked := everything(), all[len(all)-1].Time, 0
	reached, err := s.stretch(ctx, &f, nil, apart, func(ctx context.Context, window *Filter) error {
		if window.From.IsZero() || newest.Sub(window.From) > 2*time.Hour {
			<-ctx.Done()
			return ctx.Err()
		}
		asked++
		return nil
	})
	if err != nil || asked == 0 || !reached.Before(newest) || reached.IsZero() {
		t.Errorf("reached %s in %d windows, %v", reached, asked, err)
	}
}
