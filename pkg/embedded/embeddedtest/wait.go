package embeddedtest

import (
	"testing"
	"time"
)

// Eventually waits until a condition holds, and fails the test when it takes too
// long even for a busy machine.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}
