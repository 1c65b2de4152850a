package embedded_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
)

// TestRestartAfterRefusals takes the library away from a running engine and kills
// its process: it must come back with the library, however often it was refused.
func TestRestartAfterRefusals(t *testing.T) {
	t.Parallel()
	library, err := embedded.FindLibrary(os.Getenv("ACTIONLOG_ENGINE_LIB"))
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.Symlink(library, link); err != nil {
		t.Fatal(err)
	}
	refusals := make(chan string, 100)
	e, err := embedded.StartEngine(t.Context(), embedded.EngineConfig{
		Library: link, Dir: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(watch{refusals}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(e.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		embeddedtest.Eventually(t, "a refusal is logged", func() bool { return len(refusals) > 0 })
		<-refusals
	}
	if err := os.Symlink(library, link); err != nil {
		t.Fatal(err)
	}
	// It waits in the listener's queue until the engine is back.
	if err := dial(t, e, "default").Ping(t.Context()); err != nil {
		t.Errorf("after the library came back: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// watch hands on the log's messages about starts that failed.
type watch struct{ refusals chan<- string }

func (watch) Enabled(context.Context, slog.Level) bool { return true }

func (w watch) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "the ClickHouse engine did not start and is tried again" {
		w.refusals <- r.Message
	}
	return nil
}

func (w watch) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w watch) WithGroup(string) slog.Handler      { return w }
