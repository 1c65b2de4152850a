package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// CursorKeys returns the keys that sign the cursors of lists, always in the same
// order. There is one, as a rule; two where two machines set up the database at once.
func (s *Store) CursorKeys(ctx context.Context) ([][]byte, error) {
	return collect(ctx, s.conn, "SELECT DISTINCT key FROM cursor_keys ORDER BY key", nil, func(key *[]byte) []any { return []any{key} })
}

// keyLength is that of a key for HMAC-SHA-256: its output's, RFC 2104, section 3.
const keyLength = 32

// makeCursorKey makes a key where there is none.
func (s *Store) makeCursorKey(ctx context.Context) error {
	keys, err := s.CursorKeys(ctx)
	if err != nil {
		return fmt.Errorf("read the keys of cursors: %w", err)
	}
	if len(keys) > 0 {
		return nil
	}
	key := make([]byte, keyLength)
	_, _ = rand.Read(key) // it never fails
	if err := s.conn.Exec(ctx, "INSERT INTO cursor_keys (key) VALUES (unhex(?))", hex.EncodeToString(key)); err != nil {
		return fmt.Errorf("make a key for cursors: %w", err)
	}
	return nil
}
