package emit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// topologyTTL is how soon partitions that were added get used.
	topologyTTL = 30 * time.Second
	// resetPause keeps the senders of many partitions from resetting the same
	// connections one after the other.
	resetPause = 100 * time.Millisecond
)

// topology knows the partitions of the topic.
type topology struct {
	client    *kafka.Client
	transport *kafka.Transport
	topic     string

	mu         sync.Mutex
	partitions []int // ascending; shared, never changed
	asked      time.Time
	wasReset   time.Time
}

// reset makes the next request learn the cluster's layout anew. kafka-go's
// transport keeps it for seconds, and after a leader has moved every request in
// that time goes to the wrong broker.
func (t *topology) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.wasReset) < resetPause {
		return
	}
	t.wasReset = time.Now()
	t.asked = time.Time{}
	t.transport.CloseIdleConnections()
}

// get returns the partitions, asked for at most topologyTTL ago. If asking
// fails, what was known before is good enough.
func (t *topology) get(ctx context.Context) ([]int, error) {
	t.mu.Lock()
	known, fresh := t.partitions, time.Since(t.asked) < topologyTTL
	t.mu.Unlock()
	if known != nil && fresh {
		return known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	partitions, err := t.ask(ctx)
	if err != nil {
		if known != nil {
			return known, nil
		}
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.partitions, t.asked = partitions, time.Now()
	return partitions, nil
}

func (t *topology) ask(ctx context.Context) ([]int, error) {
	res, err := t.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{t.topic}})
	if err != nil {
		return nil, fmt.Errorf("ask for the partitions of %q: %w", t.topic, err)
	}
	for _, topic := range res.Topics {
		if topic.Name != t.topic {
			continue
		}
		if topic.Error != nil {
			return nil, fmt.Errorf("ask for the partitions of %q: %w", t.topic, topic.Error)
		}
		partitions := make([]int, len(topic.Partitions))
		for i, p := range topic.Partitions {
			partitions[i] = p.ID
		}
		if len(partitions) > 0 {
			slices.Sort(partitions)
			return partitions, nil
		}
	}
	return nil, fmt.Errorf("ask for the partitions of %q: %w", t.topic, kafka.UnknownTopicOrPartition)
}

// partitions returns the topic's partitions, and waits for the brokers and the
// topic as long as RetryFor, or when patient until ctx ends.
func (e *Emitter) partitions(ctx context.Context, patient bool) ([]int, error) {
	start := time.Now()
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		partitions, err := e.topology.get(ctx)
		switch {
		case err == nil:
			return partitions, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case permanent(err) && !patient:
			return nil, err
		case time.Since(start)+backoff > e.cfg.RetryFor && !patient:
			return nil, fmt.Errorf("tried for %s: %w", time.Since(start).Round(100*time.Millisecond), e.explain(err))
		}
		e.log.Warn("ask Kafka again", "topic", e.cfg.Topic, "error", err)
		e.topology.reset()
		timer := time.NewTimer(jitter(backoff))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// place is where Kafka's own clients put a key. Records without a key all go to
// one place too (theirs go anywhere), so that they keep their order.
func place(key []byte, partitions []int) int {
	return kafka.Murmur2Balancer{Consistent: true}.Balance(kafka.Message{Key: key}, partitions...)
}
