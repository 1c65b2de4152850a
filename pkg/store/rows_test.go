package store

import (
	"errors"
	"testing"
)

func TestACountThatLacksItsRowIsAnError(t *testing.T) {
	t.Parallel()
	s := testStore(t)
	one := func(query string) (uint64, error) {
		return collectOne(t.Context(), s.conn, query, nil, func(n *uint64) []any { return []any{n} })
	}
	if n, err := one("SELECT toUInt64(7)"); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := one("SELECT toUInt64(7) WHERE false"); !errors.Is(err, errCutShort) {
		t.Errorf("without a row: %v", err)
	}
}
