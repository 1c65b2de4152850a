package ingest_test

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/actionlog/actionlog/ingest"
)

// transactional is a producer of transactions: kafka-go has none.
type transactional struct {
	*kgo.Client
	b *bundle
}

func (b *bundle) transactional(id string) transactional {
	b.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.cfg.KafkaBrokers...), kgo.TransactionalID(b.cfg.Topic+id),
		kgo.DefaultProduceTopic(b.cfg.Topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		// Longer than a test takes that leaves a transaction open.
		kgo.TransactionTimeout(10*time.Minute))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(client.Close)
	return transactional{client, b}
}

func (p transactional) begin() {
	p.b.t.Helper()
	if err := p.BeginTransaction(); err != nil {
		p.b.t.Fatal(err)
	}
}

// write adds one batch to the transaction.
func (p transactional) write(values ...string) {
	p.b.t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Value: []byte(v)})
	}
	if err := p.ProduceSync(p.b.t.Context(), records...).FirstErr(); err != nil {
		p.b.t.Fatal(err)
	}
}

func (p transactional) end(how kgo.TransactionEndTry) {
	p.b.t.Helper()
	ctx, cancel := context.WithTimeout(p.b.t.Context(), 30*time.Second)
	defer cancel()
	if err := p.EndTransaction(ctx, how); err != nil {
		p.b.t.Fatal(err)
	}
}

func TestAbortedTransactionsAreNotShown(t *testing.T) {
	t.Parallel()
	b := newBundle(t, 1)
	b.start(b.store)
	first, second := b.transactional("-1"), b.transactional("-2")
	plain := func(id string) { b.produce(kafka.Message{Value: []byte(event(id, ""))}) }

	plain("plain-1")
	first.begin()
	first.write(event("aborted-1", ""), "aborted, and not an event")
	second.begin()
	second.write(event("committed-1", ""))
	first.write(event("aborted-2", ""))
	plain("plain-2")
	second.write(event("committed-2", ""))
	second.end(kgo.TryCommit)
	first.end(kgo.TryAbort)
	// The producer's next transaction follows its abort marker at once.
	first.begin()
	first.write(event("committed-3", ""))
	first.end(kgo.TryCommit)
	// At the end of the log there is nothing but an aborted record and its marker.
	second.begin()
	second.write(event("aborted-3", ""))
	second.end(kgo.TryAbort)

	const end = 13 // nine records and four markers
	b.waitSettled(end)
	want := []struct {
		id     string
		offset int64
	}{{"plain-1", 0}, {"committed-1", 3}, {"plain-2", 5}, {"committed-2", 6}, {"committed-3", 9}}
	all := map[string]int{}
	for _, w := range want {
		all[w.id] = 1
	}
	if got := b.shown("default"); !maps.Equal(got, all) {
		t.Errorf("shown: got %v, want %v", got, all)
	}
	if got := b.rejected(); len(got) != 0 {
		t.Errorf("rejected: got %+v, want nothing", got)
	}

	// Wherever an ingester resumes, in the midst of a transaction or at its marker, it
	// keeps the same records.
	i, err := ingest.New(b.cfg, b.store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for offset := range int64(end) {
		ids, r, err := i.FetchFrom(t.Context(), 0, offset, end)
		if err != nil {
			t.Fatal(err)
		}
		var rest []string
		for _, w := range want {
			if w.offset >= offset {
				rest = append(rest, w.id)
			}
		}
		if !slices.Equal(ids, rest) {
			t.Errorf("from offset %d: got %q, want %q", offset, ids, rest)
		}
		if r.From != offset || r.To != end || r.Accepted != int64(len(rest)) || r.Rejected != 0 || r.Skipped != end-offset-r.Accepted {
			t.Errorf("from offset %d to %d the ledger is told %+v", offset, end, r)
		}
	}
}
