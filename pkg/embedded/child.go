package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/actionlog/actionlog/pkg/embedded/internal/chdb"
	"github.com/actionlog/actionlog/pkg/embedded/internal/chhttp"
)

// childEnv marks a process as the engine's child. An environment variable
// rather than an argument, so that any binary can be one: a test binary would
// refuse the argument.
const childEnv = "ACTIONLOG_ENGINE_CHILD"

// The child's files. Standard input is empty, because the library reads it for
// some statements; standard output and error are the log, because it writes
// there.
const (
	// listenerFD is the listening socket. The parent opened it, so that the
	// address stays the same, and taken, over restarts.
	listenerFD = 3
	// ordersFD brings the orders and, by its end, the news that the parent has
	// died.
	ordersFD = 4
	// reportFD takes the report.
	reportFD = 5
)

// orders is the first line that the child reads. The password comes this way
// because arguments and the environment can be read by others.
type orders struct {
	Library  string     `json:"library"`
	Dir      string     `json:"dir"`
	Password string     `json:"password"`
	Level    slog.Level `json:"level"`
}

// report is the line that the child writes when it serves, or cannot.
type report struct {
	Version string `json:"version"` // of the engine
	Error   string `json:"error"`
}

// lockWait is how long a starting child waits for the data directory: a killed
// engine keeps it until the kernel has taken its memory apart.
const lockWait = 5 * time.Second

// Main runs the engine when this process was started as its child, and does
// not return then. Call it first thing in main and in TestMain.
func Main() {
	if os.Getenv(childEnv) == "" {
		return
	}
	// A child of the child must not take itself for an engine.
	_ = os.Unsetenv(childEnv)
	os.Exit(runChild())
}

func runChild() int {
	out := json.NewEncoder(os.NewFile(reportFD, "report"))
	refuse := func(err error) int {
		if encodeErr := out.Encode(report{Error: err.Error()}); encodeErr != nil {
			fmt.Fprintln(os.Stderr, err) // to the log, which the parent reads too
		}
		return 1
	}
	in := bufio.NewReader(os.NewFile(ordersFD, "orders"))
	line, err := in.ReadBytes('\n')
	if err != nil {
		return refuse(fmt.Errorf("read the engine's orders: %w", err))
	}
	var o orders
	if err := json.Unmarshal(line, &o); err != nil {
		return refuse(fmt.Errorf("read the engine's orders: %w", err))
	}
	// From here on the parent sends one more line, "stop".
	stop := make(chan struct{})
	go func() {
		line, _ := in.ReadString('\n')
		if line == "" {
			// The parent died. What was acknowledged is stored, and the next
			// engine wants the directory at once.
			os.Exit(1)
		}
		close(stop)
	}()
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: o.Level}))
	ln, err := net.FileListener(os.NewFile(listenerFD, "listener"))
	if err != nil {
		return refuse(fmt.Errorf("take over the engine's listener: %w", err))
	}
	lock, err := LockDir(o.Dir, "engine", lockWait)
	if err != nil {
		return refuse(err)
	}
	defer lock.Close()
	// Most of this process's memory is the engine's, outside Go's sight; Go's
	// own share is copies in flight.
	debug.SetGCPercent(50)
	lib, err := chdb.Load(o.Library)
	if err != nil {
		return refuse(err)
	}
	temp := filepath.Join(o.Dir, "tmp", "answers")
	if err := errors.Join(os.RemoveAll(temp), os.MkdirAll(temp, 0o700)); err != nil {
		return refuse(fmt.Errorf("make the engine's directory for answers: %w", err))
	}
	engine, err := chhttp.New(lib, chhttp.Config{Dir: o.Dir, TempDir: temp, Password: o.Password, Logger: logger})
	if err != nil {
		return refuse(fmt.Errorf("open the engine on %q: %w", o.Dir, err))
	}
	server := &http.Server{
		Handler:           engine,
		ReadHeaderTimeout: 30 * time.Second,
		MaxHeaderBytes:    1 << 20,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	if err := out.Encode(report{Version: engine.Version()}); err != nil {
		return 1
	}
	select {
	case err := <-served:
		logger.Error("engine server ended", slog.Any("error", err))
		return 1
	case <-stop:
	}
	// Requests get a moment to end; then their contexts are cancelled, which
	// kills their statements.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close()
		return 1
	}
	engine.Close()
	return 0
}
