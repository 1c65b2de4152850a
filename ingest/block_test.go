package ingest

import (
	"slices"
	"testing"

	"github.com/actionlog/actionlog/pkg/store"
)

// Where another owner has settled what Kafka has deleted since, a partition's chunks
// do not follow each other, and no range may cover what lies between them.
func TestBlockKeepsGapsOutOfItsRanges(t *testing.T) {
	t.Parallel()
	b := &block{}
	for _, r := range []store.Range{
		{Partition: 1, From: 1, To: 3, Accepted: 2},
		{Partition: 2, From: 3, To: 4, Accepted: 1},
		{Partition: 1, From: 3, To: 5, Rejected: 2},
		{Partition: 1, From: 9, To: 10, Skipped: 1},
		{Partition: 1, From: 10, To: 12, Accepted: 2},
	} {
		b.add(&chunk{part: r})
	}
	want := []store.Range{
		{Partition: 1, From: 1, To: 5, Accepted: 2, Rejected: 2},
		{Partition: 2, From: 3, To: 4, Accepted: 1},
		{Partition: 1, From: 9, To: 12, Accepted: 2, Skipped: 1},
	}
	if !slices.Equal(b.ranges, want) {
		t.Errorf("got %+v, want %+v", b.ranges, want)
	}
}
