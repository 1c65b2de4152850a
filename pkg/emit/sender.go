package emit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	// maxBatchBytes keeps a batch under Kafka's default max.message.bytes
	// (1,048,588) even when it does not compress.
	maxBatchBytes = maxKafkaMessageBytes + 512

	// recordOverhead is the most that the framing of a record takes: seven
	// varints and an attributes byte.
	recordOverhead = 32

	// queueLength is how many pieces wait for a partition before callers do.
	queueLength = 64

	// attemptTimeout bounds one request. Brokers answer in milliseconds or wait
	// for replicas, which give up after 10 s (replica.lag.time.max.ms is 30 s).
	attemptTimeout = 10 * time.Second

	minBackoff = 50 * time.Millisecond
	maxBackoff = time.Second

	// compression: snappy and lz4 take a third of the processor time of zstd, here
	// and again in whoever reads; on 138,000 events of 376 bytes they make 4.3 and
	// 4.9 of 1, zstd 7.9. Of the two, snappy works in pieces of 32 KiB where lz4
	// takes 4 MiB at a time, which an application with an event now and then would
	// pay for.
	compression = kafka.Snappy
)

// record is one message. Its time is given once, so that a repeat carries the
// same one.
type record struct {
	key, value []byte
	time       time.Time
}

// size is the most bytes that the record takes in a batch.
func (r *record) size() int { return len(r.key) + len(r.value) + recordOverhead }

// piece is a run of records of one call for one partition, in order, of at most
// maxBatchBytes.
type piece struct {
	ctx     context.Context //nolint:containedctx // the caller's: a sender serves many, and drops what nobody waits for
	records []record
	bytes   int

	// done is closed when acked and err are set.
	done  chan struct{}
	acked int // leading records that are acknowledged
	err   error
}

func (p *piece) resolve(acked int, err error) {
	p.acked, p.err = acked, err
	close(p.done)
}

// sender sends the pieces of one partition in their order, one request at a
// time: with two under way a retry could overtake.
type sender struct {
	e         *Emitter
	partition int
	queue     chan *piece
}

// sender returns the one of a partition, started when first needed.
func (e *Emitter) sender(partition int) *sender {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.senders[partition]
	if s == nil {
		s = &sender{e: e, partition: partition, queue: make(chan *piece, queueLength)}
		e.senders[partition] = s
		e.running.Go(s.run)
	}
	return s
}

// run ends when the queue is closed and empty. What has queued up while a
// request was under way goes out together in the next.
func (s *sender) run() {
	var held *piece
	for {
		p := held
		held = nil
		if p == nil {
			var ok bool
			if p, ok = <-s.queue; !ok {
				return
			}
		}
		batch := []*piece{p}
		size := p.bytes
		for {
			next, ok := s.poll()
			if !ok {
				break
			}
			if size += next.bytes; size > maxBatchBytes {
				held = next
				break
			}
			batch = append(batch, next)
		}
		s.deliver(batch)
	}
}

// poll takes a piece if there is one.
func (s *sender) poll() (*piece, bool) {
	select {
	case p, ok := <-s.queue:
		return p, ok
	default:
		return nil, false
	}
}

// deliver sends pieces as one batch until they are acknowledged, refused for
// good, wanted by nobody any more, or RetryFor is over; and resolves them all.
func (s *sender) deliver(batch []*piece) {
	start := time.Now()
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		if batch = dropAbandoned(batch); len(batch) == 0 {
			return
		}
		err := s.attempt(batch)
		if err != nil {
			if batch = dropAbandoned(batch); len(batch) == 0 {
				return
			}
		}
		switch {
		case err == nil:
			for _, p := range batch {
				p.resolve(len(p.records), nil)
			}
			return
		case tooLarge(err) && (len(batch) > 1 || len(batch[0].records) > 1):
			s.deliverParts(batch)
			return
		case permanent(err):
			resolveAll(batch, err)
			return
		case time.Since(start)+backoff > s.e.cfg.RetryFor:
			resolveAll(batch, fmt.Errorf("nothing acknowledged for %s: %w",
				time.Since(start).Round(100*time.Millisecond), s.e.explain(err)))
			return
		}
		s.e.log.Warn("send events to Kafka again", "topic", s.e.cfg.Topic, "partition", s.partition, "error", err)
		// Another broker may lead the partition now, or the same one listen again.
		s.e.topology.reset()
		pause(batch, jitter(backoff))
	}
}

// deliverParts sends what was too large for the topic in two halves.
func (s *sender) deliverParts(batch []*piece) {
	if len(batch) > 1 {
		s.deliver(batch[:len(batch)/2])
		s.deliver(batch[len(batch)/2:])
		return
	}
	whole := batch[0]
	half := len(whole.records) / 2
	var acked int
	for _, records := range [][]record{whole.records[:half], whole.records[half:]} {
		part := &piece{ctx: whole.ctx, records: records, done: make(chan struct{})}
		s.deliver([]*piece{part})
		acked += part.acked
		if part.err != nil {
			whole.resolve(acked, part.err)
			return
		}
	}
	whole.resolve(acked, nil)
}

// attempt sends one produce request and waits for its answer. It is cancelled
// when no caller waits for any of the pieces.
func (s *sender) attempt(batch []*piece) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	wanted := new(atomic.Int64)
	wanted.Store(int64(len(batch)))
	for _, p := range batch {
		stop := context.AfterFunc(p.ctx, func() {
			if wanted.Add(-1) == 0 {
				cancel()
			}
		})
		defer stop()
	}
	res, err := s.e.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: s.e.cfg.Topic, Partition: s.partition, RequiredAcks: kafka.RequireAll,
		Compression: compression, Records: &recordReader{batch: batch},
	})
	if err != nil {
		return err
	}
	return res.Error
}

// dropAbandoned resolves the pieces whose caller is gone, and returns the rest.
func dropAbandoned(batch []*piece) []*piece {
	var rest []*piece
	for _, p := range batch {
		if p.ctx.Err() != nil {
			p.resolve(0, context.Cause(p.ctx))
		} else {
			rest = append(rest, p)
		}
	}
	return rest
}

func resolveAll(batch []*piece, err error) {
	for _, p := range batch {
		p.resolve(0, err)
	}
}

// pause waits, unless the first of the callers goes away.
func pause(batch []*piece, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-batch[0].ctx.Done():
	}
}

// jitter spreads the retries of many emitters over time.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

func tooLarge(err error) bool {
	return errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge)
}

// permanent tells the answers that time does not change. All else is retried:
// Kafka's retriable codes, and every network error.
func permanent(err error) bool {
	var code kafka.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidTopic,
		kafka.InvalidRequiredAcks, kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed,
		kafka.InvalidTimestamp, kafka.UnsupportedSASLMechanism, kafka.SASLAuthenticationFailed,
		kafka.UnsupportedForMessageFormat, kafka.PolicyViolation, kafka.UnsupportedCompressionType,
		kafka.InvalidRecord:
		return true
	default:
		return false
	}
}
