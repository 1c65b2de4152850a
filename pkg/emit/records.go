package emit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// errUnknown stands for an outcome that nobody waited for.
var errUnknown = errors.New("no answer yet")

// recordReader gives the records of pieces to kafka-go's encoder, which reads
// one to its end before it asks for the next, so that one of everything is
// enough.
type recordReader struct {
	batch []*piece
	next  int // in batch[0].records

	record     protocol.Record
	key, value view
}

// ReadRecord implements [kafka.RecordReader].
func (r *recordReader) ReadRecord() (*kafka.Record, error) {
	for len(r.batch) > 0 && r.next == len(r.batch[0].records) {
		r.batch, r.next = r.batch[1:], 0
	}
	if len(r.batch) == 0 {
		return nil, io.EOF
	}
	rec := &r.batch[0].records[r.next]
	r.next++
	r.record = protocol.Record{Time: rec.time, Headers: rec.headers}
	if rec.key != nil { // a nil interface is Kafka's null key
		r.key.Reset(rec.key)
		r.record.Key = &r.key
	}
	r.value.Reset(rec.value)
	r.record.Value = &r.value
	return &r.record, nil
}

// view is a [kafka.Bytes] of memory that somebody else owns.
type view struct{ bytes.Reader }

// Close implements [kafka.Bytes].
func (*view) Close() error { return nil }

// block is what one call sends at once: records in the order given, and the
// pieces that they were cut into. Which partitions they go to is known when it
// is sent.
type block struct {
	records []record
	// independent records do not wait for those before them to be accepted.
	independent bool
	// patient blocks are tried again until their context ends, others as long as
	// RetryFor.
	patient bool
	pieces  []*piece
	// where[i] is the place of pieces[i]'s records in the order given.
	where [][]int32
	// err is why the block was not sent at all.
	err error
}

// publish sends a block, waits for it or the end of ctx, and returns what errors
// returns.
func (e *Emitter) publish(ctx context.Context, b *block) []error {
	if b.err = e.send(ctx, b); b.err == nil {
		b.wait(ctx)
	}
	return b.errors(ctx)
}

// send cuts a block into pieces and hands them to the senders of their
// partitions. After an error some may be under way.
func (e *Emitter) send(ctx context.Context, b *block) error {
	partitions, err := e.partitions(ctx, b.patient)
	if err != nil {
		return err
	}
	open := make(map[int]int) // partition → its last piece so far
	target := make([]int, 0, len(partitions))
	for i := range b.records {
		rec := &b.records[i]
		partition := place(rec.key, partitions)
		at, ok := open[partition]
		if !ok || b.pieces[at].bytes+rec.size() > maxBatchBytes {
			at = len(b.pieces)
			open[partition] = at
			target = append(target, partition)
			b.pieces = append(b.pieces, &piece{ctx: ctx, independent: b.independent, done: make(chan struct{})})
			b.where = append(b.where, nil)
		}
		p := b.pieces[at]
		p.records = append(p.records, *rec)
		p.bytes += rec.size()
		b.where[at] = append(b.where[at], int32(i))
	}
	for i, p := range b.pieces {
		select {
		case e.sender(lane{partition: target[i], patient: b.patient}).queue <- p:
		case <-ctx.Done():
			// The rest is nobody's: whoever waits for the block must not wait for it.
			for _, p := range b.pieces[i:] {
				p.resolve(context.Cause(ctx))
			}
			return nil
		}
	}
	return nil
}

// pending returns the channel of a piece that has no outcome yet, or nil.
func (b *block) pending() <-chan struct{} {
	for _, p := range b.pieces {
		select {
		case <-p.done:
		default:
			return p.done
		}
	}
	return nil
}

// wait returns when every piece has its outcome or ctx has ended.
func (b *block) wait(ctx context.Context) {
	for _, p := range b.pieces {
		select {
		case <-p.done:
		case <-ctx.Done():
			return
		}
	}
}

// errors returns for each record why it is not acknowledged, or nil when all are.
// A piece without an outcome counts as not acknowledged.
func (b *block) errors(ctx context.Context) []error {
	if b.err != nil {
		return slices.Repeat([]error{b.err}, len(b.records))
	}
	var errs []error
	for i, p := range b.pieces {
		var unknown error
		select {
		case <-p.done:
			if p.errs == nil {
				continue
			}
		default:
			unknown = errUnknown
			if ctx.Err() != nil {
				unknown = context.Cause(ctx)
			}
		}
		if errs == nil {
			errs = make([]error, len(b.records))
		}
		for n, at := range b.where[i] {
			if errs[at] = unknown; unknown == nil {
				errs[at] = p.errs[n]
			}
		}
	}
	return errs
}

// outcome returns how many leading records are acknowledged, and why the next
// is not.
func (b *block) outcome(ctx context.Context) (acked int, err error) {
	for i, err := range b.errors(ctx) {
		if err != nil {
			return i, err
		}
	}
	return len(b.records), nil
}
