package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"

	"github.com/actionlog/actionlog/pkg/action"
)

// records are those of one fetch, in order. Brokers send the records of aborted
// transactions too, with a list of these transactions: to leave them out is up to
// the consumer.
type records struct {
	batches []protocol.RecordReader
	// entered says that the first batch has been looked at, event that its records are
	// to be kept.
	entered, event bool
	// aborted are the transactions that begin further on, by their first offset.
	aborted []fetchapi.ResponseTransaction
	// value holds the record read last.
	value []byte
	// aborting are the producers whose transaction at this point will be aborted.
	aborting map[int64]bool
}

func newRecords(partition fetchapi.ResponsePartition) *records {
	r := &records{aborted: partition.AbortedTransactions, aborting: map[int64]bool{}}
	if stream, ok := partition.RecordSet.Records.(*protocol.RecordStream); ok {
		r.batches = stream.Records
	}
	slices.SortFunc(r.aborted, func(a, b fetchapi.ResponseTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	return r
}

func (r *records) empty() bool { return len(r.batches) == 0 }

func (r *records) next() (record, error) {
	for len(r.batches) > 0 {
		if !r.entered {
			r.enter(r.batches[0])
			r.entered = true
		}
		got, err := r.batches[0].ReadRecord()
		if errors.Is(err, io.EOF) {
			r.batches, r.entered = r.batches[1:], false
			continue
		}
		if err != nil {
			return record{}, err
		}
		value, err := r.readValue(got)
		if err != nil {
			return record{}, fmt.Errorf("read the value at offset %d: %w", got.Offset, err)
		}
		message := action.Message{Value: value, Headers: headers(got.Headers)}
		return record{offset: got.Offset, time: got.Time, event: r.event, message: message}, nil
	}
	return record{}, io.EOF
}

func (r *records) readValue(got *kafka.Record) ([]byte, error) {
	if got.Key != nil {
		_ = got.Key.Close()
	}
	if got.Value == nil {
		return nil, nil
	}
	defer func() { _ = got.Value.Close() }()
	r.value = slices.Grow(r.value[:0], got.Value.Len())[:got.Value.Len()]
	_, err := io.ReadFull(got.Value, r.value)
	return r.value, err
}

func headers(from []kafka.Header) []action.Header {
	if len(from) == 0 {
		return nil
	}
	to := make([]action.Header, len(from))
	for i, h := range from {
		to[i] = action.Header(h)
	}
	return to
}

// enter decides what becomes of a batch. A transaction begins with a producer's
// batch at the first offset that the broker named, and ends at that producer's next
// marker.
func (r *records) enter(batch protocol.RecordReader) {
	r.event = true
	switch b := batch.(type) {
	case *protocol.RecordBatch:
		r.begin(b.BaseOffset)
		r.event = !b.Attributes.Transactional() || !r.aborting[b.ProducerID]
	case *protocol.ControlBatch:
		// A fetch may start at a marker. Its transaction has to begin before it ends, or
		// the same producer's next one would be taken for it.
		r.begin(b.BaseOffset)
		delete(r.aborting, b.ProducerID)
		r.event = false
	}
}

// begin opens the aborted transactions that begin up to an offset.
func (r *records) begin(offset int64) {
	for len(r.aborted) > 0 && r.aborted[0].FirstOffset <= offset {
		r.aborting[r.aborted[0].ProducerID] = true
		r.aborted = r.aborted[1:]
	}
}
