package action_test

import (
	"slices"
	"testing"
	"time"
	"unicode"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
)

// origin is where the corpus is said to come from.
func origin() action.Origin {
	return action.Origin{Topic: "actions", Partition: 3, Offset: 1234, Time: time.UnixMilli(1_767_225_600_123)}
}

// everyCase returns the whole corpus.
func everyCase() []actiontest.Case {
	return slices.Concat(actiontest.Valid(), actiontest.Broken(), actiontest.ValidCloudEvents(), actiontest.BrokenCloudEvents())
}

// rejection decodes what must be rejected.
func rejection(t *testing.T, value []byte) *action.Rejection {
	t.Helper()
	event, rejected := action.Decode(value, origin())
	if rejected == nil {
		t.Fatalf("%.200q is accepted: %+v", value, event)
	}
	return rejected
}

func TestDecodeRejects(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(actiontest.Broken(), actiontest.BrokenCloudEvents()) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			event, got := c.Message().Decode(origin())
			if got == nil {
				t.Fatalf("%.200q is accepted: %+v", c.Value, event)
			}
			if got.Reason != c.Reason || got.Field != c.Field {
				t.Errorf("%.200q is rejected as %s of %q, want %s of %q", c.Value, got.Reason, got.Field, c.Reason, c.Field)
			}
			for _, r := range got.Field + got.Message {
				if !unicode.IsPrint(r) {
					t.Errorf("%q or %q holds %U", got.Field, got.Message, r)
				}
			}
			if len(got.Message) > 500 || len(got.Field) > 200 {
				t.Errorf("message of %d bytes, field of %d", len(got.Message), len(got.Field))
			}
			t.Log(got)
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Concat(actiontest.Valid(), actiontest.ValidCloudEvents()) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			if _, rejected := c.Message().Decode(origin()); rejected != nil {
				t.Errorf("%.200q: %v", c.Value, rejected)
			}
		})
	}
}

func TestEveryReasonIsReached(t *testing.T) {
	t.Parallel()
	reached := map[action.Reason]bool{}
	for _, c := range actiontest.Broken() {
		reached[c.Reason] = true
	}
	for _, reason := range action.Reasons() {
		if !reached[reason] {
			t.Errorf("no broken message is rejected as %s", reason)
		}
		delete(reached, reason)
	}
	for reason := range reached {
		t.Errorf("Reasons lacks %s", reason)
	}
}

func TestCorpusNamesAreUnique(t *testing.T) {
	t.Parallel()
	var names []string
	for _, c := range everyCase() {
		if slices.Contains(names, c.Name) {
			t.Errorf("two cases are called %q", c.Name)
		}
		names = append(names, c.Name)
	}
}
