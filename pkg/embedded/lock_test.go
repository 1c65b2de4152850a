package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded"
)

func TestLockDir(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "when missing")
	first, err := embedded.LockDir(dir, "engine", 0)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("another engine uses %s (process %d): stop it, or choose another directory", dir, os.Getpid())
	for _, wait := range []time.Duration{0, 30 * time.Millisecond} {
		begin := time.Now()
		if _, err := embedded.LockDir(dir, "engine", wait); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if waited := time.Since(begin); waited < wait {
			t.Errorf("gave up after %s of %s", waited, wait)
		}
	}

	// It is taken as soon as it is free.
	type result struct {
		lock *embedded.DirLock
		err  error
	}
	second := make(chan result, 1)
	go func() {
		lock, err := embedded.LockDir(dir, "engine", time.Minute)
		second <- result{lock, err}
	}()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	r := <-second
	if r.err != nil {
		t.Fatal(r.err)
	}
	if err := r.lock.Close(); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.LockDir(file, "broker", 0); err == nil || !strings.Contains(err.Error(), "make the broker's directory: ") || !strings.Contains(err.Error(), file) {
		t.Errorf("a file for a directory: %v", err)
	}
}
