package emit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
	// headerOverhead is the most that the framing of a header takes: two varints.
	headerOverhead = 10

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
	headers    []kafka.Header
	time       time.Time
	policy     Policy // of what is queued
}

// size is the most bytes that the record takes in a batch.
func (r *record) size() int {
	n := len(r.key) + len(r.value) + recordOverhead
	for _, h := range r.headers {
		n += len(h.Key) + len(h.Value) + headerOverhead
	}
	return n
}

// piece is a run of records of one call for one partition, in order, of at most
// maxBatchBytes.
type piece struct {
	ctx     context.Context //nolint:containedctx // the caller's: a sender serves many, and drops what nobody waits for
	records []record
	bytes   int
	// independent records are sent even if one before them in the piece is refused.
	independent bool

	// done is closed when errs is set.
	done chan struct{}
	errs []error // by record, nil where it is acknowledged; nil when all are
}

// resolve gives all records of a piece the same outcome.
func (p *piece) resolve(err error) {
	if err != nil {
		p.errs = slices.Repeat([]error{err}, len(p.records))
	}
	close(p.done)
}

func (p *piece) part(from, to int) *piece {
	return &piece{ctx: p.ctx, records: p.records[from:to], independent: p.independent, done: make(chan struct{})}
}

// lastErr is why the end of the piece is not acknowledged: only independent records
// can be when one before them is not.
func (p *piece) lastErr() error {
	if p.errs == nil {
		return nil
	}
	return p.errs[len(p.errs)-1]
}

// lane is what a sender serves. What is queued has lanes of its own: it may wait
// for Kafka much longer than a call of Emit is willing to wait behind it.
type lane struct {
	partition int
	patient   bool
}

// sender sends the pieces of one lane in their order, one request at a time: with
// two under way a retry could overtake.
type sender struct {
	lane

	e     *Emitter
	queue chan *piece
}

// sender returns the one of a lane, started when first needed.
func (e *Emitter) sender(l lane) *sender {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.senders[l]
	if s == nil {
		s = &sender{lane: l, e: e, queue: make(chan *piece, queueLength)}
		e.senders[l] = s
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
// good, wanted by nobody any more, or RetryFor is over; and resolves them all. A
// patient sender takes only what is wrong with a record itself for a refusal, and
// does not know RetryFor: topics get created, and rights granted.
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
			resolveAll(batch, nil)
			return
		case Refused(err) && (len(batch) > 1 || len(batch[0].records) > 1):
			s.deliverParts(batch)
			return
		case Refused(err), permanent(err) && !s.patient:
			resolveAll(batch, err)
			return
		case time.Since(start)+backoff > s.e.cfg.RetryFor && !s.patient:
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

// deliverParts sends what was refused because of some record in it in two halves,
// so that in the end that record alone is refused.
func (s *sender) deliverParts(batch []*piece) {
	if len(batch) > 1 {
		s.deliver(batch[:len(batch)/2])
		s.deliver(batch[len(batch)/2:])
		return
	}
	whole := batch[0]
	half := len(whole.records) / 2
	first, second := whole.part(0, half), whole.part(half, len(whole.records))
	s.deliver([]*piece{first})
	if err := first.lastErr(); err != nil && (!whole.independent || !Refused(err)) {
		second.resolve(err)
	} else {
		s.deliver([]*piece{second})
	}
	if first.errs != nil || second.errs != nil {
		whole.errs = make([]error, len(whole.records))
		copy(whole.errs, first.errs)
		copy(whole.errs[half:], second.errs)
	}
	close(whole.done)
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
			p.resolve(context.Cause(p.ctx))
		} else {
			rest = append(rest, p)
		}
	}
	return rest
}

func resolveAll(batch []*piece, err error) {
	for _, p := range batch {
		p.resolve(err)
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

// Refused reports whether an error of an Emitter is Kafka's refusal of one message,
// such as one that is too large for the topic: sent again it is refused again, while
// others get through.
func Refused(err error) bool {
	return errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) ||
		errors.Is(err, kafka.InvalidTimestamp) || errors.Is(err, kafka.InvalidRecord)
}

// permanent tells the other answers that waiting does not change. All else is retried:
// Kafka's retriable codes, and every network error.
func permanent(err error) bool {
	var code kafka.Error
	if !errors.As(err, &code) {
		return false
	}
	switch code {
	case kafka.InvalidTopic, kafka.InvalidRequiredAcks, kafka.TopicAuthorizationFailed,
		kafka.ClusterAuthorizationFailed, kafka.UnsupportedSASLMechanism, kafka.SASLAuthenticationFailed,
		kafka.UnsupportedForMessageFormat, kafka.PolicyViolation, kafka.UnsupportedCompressionType:
		return true
	default:
		return false
	}
}
