package ingest

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
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

// next returns the next record, and whether it is an event's: markers of
// transactions and the records of aborted ones only take up an offset. At the end it
// returns io.EOF. The record is valid until the next call.
func (r *records) next() (record *kafka.Record, event bool, err error) {
	for len(r.batches) > 0 {
		if !r.entered {
			r.enter(r.batches[0])
			r.entered = true
		}
		record, err = r.batches[0].ReadRecord()
		if !errors.Is(err, io.EOF) {
			return record, r.event, err
		}
		r.batches, r.entered = r.batches[1:], false
	}
	return nil, false, io.EOF
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
