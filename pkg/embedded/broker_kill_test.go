package embedded_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

func TestBrokerLosesNothingAcknowledgedWhenKilled(t *testing.T) {
	t.Parallel()
	const partitions = 3
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	addr := broker.Addr
	newClient(t, addr).createTopic("events", partitions)

	acked := make([]map[int64]string, partitions)
	for p := range acked {
		acked[p] = map[int64]string{}
	}
	for round := range 3 {
		// A client of its own a round: the old one's connections are dead.
		c := newClient(t, addr)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		enough := make(chan struct{}, partitions)
		var wg sync.WaitGroup
		for p := range partitions {
			wg.Go(func() {
				for n := 0; ; n++ {
					value := fmt.Sprintf("p%d r%d n%d", p, round, n)
					offset, err := c.tryProduce(ctx, "events", p, value)
					if err != nil {
						return // the broker was killed
					}
					acked[p][offset] = value
					if n == 100 {
						enough <- struct{}{}
					}
				}
			})
		}
		for range partitions {
			select {
			case <-enough:
			case <-ctx.Done():
				t.Fatal("the producers did not get going")
			}
		}
		broker.Kill()
		wg.Wait()
		cancel()
		broker = embeddedtest.StartChildBroker(t, dir, addr)
	}

	c := newClient(t, addr)
	for p := range partitions {
		first, next := c.bounds("events", p)
		if first != 0 || next < int64(len(acked[p])) {
			t.Fatalf("partition %d is [%d, %d) with %d acknowledged", p, first, next, len(acked[p]))
		}
		got := c.read("events", p, 0, int(next))
		for offset, value := range acked[p] {
			if got[offset] != value {
				t.Fatalf("partition %d offset %d is %q, acknowledged was %q", p, offset, got[offset], value)
			}
		}
	}
}

func TestBrokerKeepsGroupPositionsWhenKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broker := embeddedtest.StartChildBroker(t, dir, "")
	addr := broker.Addr
	c := newClient(t, addr)
	c.createTopic("events", 1)
	for i := range 5 {
		c.produce("events", 0, fmt.Sprintf("v%d", i))
	}
	if got := joinAndCommit(t, addr, 3); got != -1 {
		t.Fatalf("a new group starts at %d", got)
	}
	broker.Kill()

	embeddedtest.StartChildBroker(t, dir, addr)
	if got := joinAndCommit(t, addr, 5); got != 3 {
		t.Fatalf("after the kill the group's position is %d, want 3", got)
	}
}

// joinAndCommit joins the group "g" of the topic "events", commits a position
// for partition 0 and leaves. It returns the position found on joining, which
// is -1 (kafka-go's name for the first offset is -2) when there was none.
func joinAndCommit(t *testing.T, addr string, position int64) (before int64) {
	t.Helper()
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "g", Brokers: []string{addr}, Topics: []string{"events"}, StartOffset: kafka.LastOffset,
		// The least that the broker takes: a killed member is gone after this.
		SessionTimeout: 6 * time.Second, JoinGroupBackoff: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	gen, err := group.Next(ctx)
	for err != nil && ctx.Err() == nil {
		gen, err = group.Next(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	before = gen.Assignments["events"][0].Offset
	if err := gen.CommitOffsets(map[string]map[int]int64{"events": {0: position}}); err != nil {
		t.Fatal(err)
	}
	return before
}
