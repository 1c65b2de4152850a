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
	reached, err := s.stretch(late{t.Context()}, &f, nil, false, func(*Filter) error { return os.ErrDeadlineExceeded })
	if err != nil || reached.IsZero() {
		t.Errorf("reached %s, %v", reached, err)
	}
	broken := errors.New("broken")
	if _, err := s.stretch(t.Context(), &f, nil, false, func(*Filter) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("in time: %v", err)
	}
	gone, cancel := context.WithCancel(late{t.Context()})
	cancel()
	if timeUp(gone) {
		t.Error("a client that went away is taken for a time that is up")
	}
}
