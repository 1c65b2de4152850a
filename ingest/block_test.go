package ingest

import (
	"slices"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
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
		b.include(r)
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

// A rejected message is kept with its headers, so they count towards the bound of
// what is held.
func TestHeadersCountTowardsTheSizeOfABlock(t *testing.T) {
	t.Parallel()
	b := &block{}
	m := action.Message{Value: []byte("not an event"), Headers: []action.Header{{Key: "trace", Value: []byte(strings.Repeat("x", 1000))}}}
	b.add(m, action.Origin{}, &store.Range{})
	b.add(m, action.Origin{Offset: 1}, &store.Range{})
	if want := 2 * m.Size(); len(b.rejected) != 2 || b.bytes != want || want != 2*(12+5+1000) {
		t.Errorf("%d rejected messages of %d bytes, want 2 of %d", len(b.rejected), b.bytes, want)
	}
}
