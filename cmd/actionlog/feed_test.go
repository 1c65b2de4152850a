package main

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// A follower goes on through kill -9 of everything, reads what is decades older than what
// it has read, and knows when it has all.
func TestAFollowerGoesOnAfterKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := environment(t, dir)
	position, read := "", map[string]int{}
	for round := range 3 {
		s := start(t, env)
		const events = 200
		var lines strings.Builder
		for n := range events {
			fmt.Fprintf(&lines, `{"id":"%d-%d","time":"%d-03-01T09:30:00Z","tenant":"t%d","actor":{"id":"a"},"action":"x.y"}`+"\n", round, n, 2090-round*50-n%10, n%2)
		}
		s.emit(strings.NewReader(lines.String()))
		acknowledged := time.Now()
		embeddedtest.Eventually(t, "the follower to have all", func() bool {
			var answer struct {
				Actions         []struct{ ID string }
				Position        string
				CaughtUp        bool       `json:"caught_up"`
				CompleteThrough *time.Time `json:"complete_through"`
			}
			query := url.Values{"tenant": {"t1"}, "limit": {"30"}, "after": {position}}
			get(t, s.Query+"/v1/feed?"+query.Encode(), &answer)
			position = answer.Position
			for _, a := range answer.Actions {
				read[a.ID]++
			}
			return answer.CaughtUp && answer.CompleteThrough != nil && answer.CompleteThrough.After(acknowledged)
		})
		if len(read) != (round+1)*events/2 {
			t.Errorf("round %d: the follower is told that it has all, and has %d events of %d", round, len(read), (round+1)*events/2)
		}
		s.kill()
	}
	for id, n := range read {
		if n != 1 {
			t.Errorf("event %s is read %d times", id, n)
		}
	}
}
