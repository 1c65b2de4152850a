// Package embedded runs what Actionlog needs on one machine inside Actionlog: the
// ClickHouse engine and a Kafka broker.
//
// The engine is ClickHouse itself, as a shared library, in a child process of the
// same binary: a crash of the library takes no request of Actionlog with it, and
// the child is started again. It answers the ClickHouse HTTP interface, so that
// clickhouse-go, curl and Grafana use it as they use a server.
package embedded

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// EngineConfig says how to run the embedded ClickHouse engine.
type EngineConfig struct {
	// Library is the path of libchdb.so; see FindLibrary.
	Library string
	// Dir is the data directory. It is made when missing and belongs to one
	// engine at a time.
	Dir string
	// Addr is the "host:port" to listen on; port 0 takes any free one.
	Addr string
	// Password is the password of the user "default"; empty means none.
	Password string
	// Logger gets the engine's own log and its restarts. Required.
	Logger *slog.Logger
}

// Engine is a running ClickHouse engine: a child process that answers
// ClickHouse's HTTP interface. When the child dies it is started again on the
// same address and directory; requests that arrive meanwhile wait.
type Engine struct {
	cfg      EngineConfig
	listener *net.TCPListener
	file     *os.File // the listener, as the child gets it
	cancel   context.CancelFunc
	done     chan struct{} // closed when the supervisor has ended
	err      error         // why it ended, readable after done

	mu  sync.Mutex
	pid int
}

// startTimeout bounds the start of a child: opening a large data directory on
// a cold disk takes long, the library alone 9 s.
const startTimeout = 3 * time.Minute

// restartDelay is the pause before the second restart in a row; it doubles up
// to restartDelayMax as long as children die before they have served.
const (
	restartDelay    = 200 * time.Millisecond
	restartDelayMax = 10 * time.Second
)

// stopTimeout bounds an ordered stop; then the child is killed, which loses
// nothing that was acknowledged.
const stopTimeout = 15 * time.Second

// StartEngine starts the engine and returns when it answers. It fails when the
// library cannot be loaded, when another engine uses the directory, and when
// ctx ends first; ctx has no say after that: stop the engine with Close.
func StartEngine(ctx context.Context, cfg EngineConfig) (*Engine, error) {
	if cfg.Logger == nil {
		return nil, errors.New("start engine: no logger given")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("resolve the engine's data directory: %w", err)
	}
	cfg.Dir = dir
	tcp, err := listen(ctx, cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the engine: %w", err)
	}
	file, err := tcp.File()
	if err != nil {
		tcp.Close()
		return nil, fmt.Errorf("share the engine's listener: %w", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e := &Engine{cfg: cfg, listener: tcp, file: file, cancel: cancel, done: make(chan struct{})}
	first := make(chan error, 1)
	go e.supervise(run, first)
	select {
	case err = <-first:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		e.Close()
		return nil, fmt.Errorf("start engine: %w", err)
	}
	return e, nil
}

// listen takes an address. An engine whose parent was killed a moment ago may
// still have it, so a taken one is tried again for a while.
func listen(ctx context.Context, addr string) (*net.TCPListener, error) {
	ctx, cancel := context.WithTimeout(ctx, lockWait)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err == nil {
			return ln.(*net.TCPListener), nil //nolint:forcetypeassert // what listening on "tcp" gives
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// Addr is the "host:port" that the engine listens on, the same over restarts.
func (e *Engine) Addr() string { return e.listener.Addr().String() }

// URL is the engine's address for HTTP clients, such as "http://127.0.0.1:8123".
func (e *Engine) URL() string { return "http://" + e.Addr() }

// DSN is a data source name for clickhouse-go, over HTTP, with the password.
func (e *Engine) DSN(database string) string {
	u := url.URL{Scheme: "http", Host: e.Addr(), Path: "/" + database, User: url.User("default")}
	if e.cfg.Password != "" {
		u.User = url.UserPassword("default", e.cfg.Password)
	}
	return u.String()
}

// Close stops the engine in order and waits for it. Requests under way get five
// seconds to end. It may be called more than once.
func (e *Engine) Close() error {
	e.cancel()
	<-e.done
	return e.err
}

// Pid is the process id of the engine's child, 0 while there is none.
func (e *Engine) Pid() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.pid
}

// supervise runs children one after the other until ctx ends. Only the first has
// to serve: whoever started the engine is there to hear why it does not. Later
// ones are tried until they do, since what keeps them (a library that is being
// replaced, a full disk, a directory that a dead child has not let go of yet)
// passes, and nobody would start the engine again. It owns the listener.
func (e *Engine) supervise(ctx context.Context, first chan<- error) {
	// The kernel ties a child's life to the thread that started it, so this
	// goroutine keeps its thread to the end.
	runtime.LockOSThread()
	defer close(e.done)
	defer e.listener.Close()
	defer e.file.Close()
	delay := time.Duration(0)
	for {
		served, err := e.runOnce(ctx, first)
		switch {
		case ctx.Err() != nil:
			e.err = err
			return
		case first != nil && !served:
			e.err = err
			first <- err
			return
		}
		first = nil
		what := "the ClickHouse engine did not start and is tried again"
		if served {
			what = "the ClickHouse engine died and is started again"
			delay = 0
		}
		e.cfg.Logger.Error(what, slog.Any("error", err), slog.Duration("after", delay))
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return
		}
		delay = min(max(2*delay, restartDelay), restartDelayMax)
	}
}

// runOnce runs one child to its end. It sends nil to first when the child
// serves.
func (e *Engine) runOnce(ctx context.Context, first chan<- error) (served bool, err error) {
	exe, err := os.Executable()
	if err != nil {
		return false, fmt.Errorf("find this program's file: %w", err)
	}
	var pipes pipes
	defer pipes.close()
	ordersR, ordersW := pipes.open()
	reportR, reportW := pipes.open()
	logR, logW := pipes.open()
	if pipes.err != nil {
		return false, fmt.Errorf("open pipes to the engine: %w", pipes.err)
	}
	cmd := exec.Command(exe) //nolint:noctx // it is stopped in order when ctx ends, not killed
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stdout, cmd.Stderr = logW, logW
	cmd.ExtraFiles = []*os.File{listenerFD - 3: e.file, ordersFD - 3: ordersR, reportFD - 3: reportW}
	bindToParent(cmd)
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("start the engine's process: %w", err)
	}
	// The child's ends must be closed here, or the other ends never see it go.
	ordersR.Close()
	reportW.Close()
	logW.Close()
	e.setPid(cmd.Process.Pid)
	defer e.setPid(0)

	reports := make(chan report, 1)
	tail := &logTail{logger: e.cfg.Logger}
	exited := make(chan error, 1)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() {
		defer close(reports)
		var r report
		if json.NewDecoder(reportR).Decode(&r) == nil {
			reports <- r
		}
	})
	running.Go(func() {
		tail.read(ctx, logR)
		exited <- cmd.Wait()
	})
	kill := func() error {
		_ = cmd.Process.Kill()
		return <-exited
	}
	if err := json.NewEncoder(ordersW).Encode(orders{
		Library: e.cfg.Library, Dir: e.cfg.Dir, Password: e.cfg.Password, Level: level(ctx, e.cfg.Logger),
	}); err != nil {
		return false, errors.Join(fmt.Errorf("give the engine its orders: %w", err), kill())
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case r, ok := <-reports:
		if !ok {
			return false, fmt.Errorf("the engine ended before it served: %w%s", <-exited, tail)
		}
		if r.Error != "" {
			_ = kill() // it has said why, and ends by itself
			return false, errors.New(r.Error)
		}
		e.cfg.Logger.Info("ClickHouse engine runs", slog.String("version", r.Version), slog.String("addr", e.Addr()), slog.Int("pid", cmd.Process.Pid))
	case <-timeout.C:
		return false, errors.Join(fmt.Errorf("the engine did not start within %s", startTimeout), kill())
	case <-ctx.Done():
		_ = kill()
		return false, nil
	}
	if first != nil {
		first <- nil
	}
	select {
	case err := <-exited:
		return true, fmt.Errorf("the engine's process ended: %w%s", err, tail)
	case <-ctx.Done():
	}
	_, _ = io.WriteString(ordersW, "stop\n")
	stop := time.NewTimer(stopTimeout)
	defer stop.Stop()
	select {
	case err := <-exited:
		if err != nil {
			return true, fmt.Errorf("stop the engine: %w%s", err, tail)
		}
		return true, nil
	case <-stop.C:
		_ = kill()
		return true, fmt.Errorf("the engine did not stop within %s and was killed", stopTimeout)
	}
}

// pipes is a set of pipes that are closed together.
type pipes struct {
	files []*os.File
	err   error
}

func (p *pipes) open() (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		p.err = errors.Join(p.err, err)
		return nil, nil
	}
	p.files = append(p.files, r, w)
	return r, w
}

func (p *pipes) close() {
	for _, f := range p.files {
		f.Close() // some are closed already
	}
}

func (e *Engine) setPid(pid int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pid = pid
}

// level finds the lowest level that a logger lets through.
func level(ctx context.Context, l *slog.Logger) slog.Level {
	for _, at := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn} {
		if l.Enabled(ctx, at) {
			return at
		}
	}
	return slog.LevelError
}
