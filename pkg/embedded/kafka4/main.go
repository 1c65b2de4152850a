// Command kafka4 runs a command against Apache Kafka 4:
//
//	kafka4 LIBS COMMAND [ARGUMENT…]
//
// LIBS is the folder that Maven has filled as pom.xml says. Kafka runs on loopback,
// with its data in a temporary folder, and ends with the command, whose exit code
// becomes its own. The command finds it by ACTIONLOG_TEST_KAFKA_BROKERS.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// brokersVar tells package embeddedtest where to find Kafka.
const brokersVar = "ACTIONLOG_TEST_KAFKA_BROKERS"

// stopTimeout is how long the command may take to end after Ctrl-C.
const stopTimeout = 20 * time.Second

func main() {
	// What is started here dies with this thread (see attributes), so it must not end
	// before the process does.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		fmt.Fprintln(os.Stderr, "kafka4:", err)
		os.Exit(exit.ExitCode())
	default:
		fmt.Fprintln(os.Stderr, "kafka4:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) < 2 {
		return errors.New("usage: kafka4 LIBS COMMAND [ARGUMENT…]")
	}
	dir, err := os.MkdirTemp("", "actionlog-kafka4-*")
	if err != nil {
		return fmt.Errorf("make a folder for Kafka's data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	began := time.Now()
	b, err := startBroker(ctx, args[0], dir)
	if err != nil {
		return err
	}
	defer b.stop()
	fmt.Fprintf(os.Stderr, "kafka4: %s answers on %s after %s\n", b.version, b.addr, time.Since(began).Round(100*time.Millisecond))

	began = time.Now()
	err = runCommand(ctx, args[1:], brokersVar+"="+b.addr)
	fmt.Fprintf(os.Stderr, "kafka4: %s ended after %s\n", args[1], time.Since(began).Round(100*time.Millisecond))
	switch {
	case b.ended():
		return errors.Join(err, fmt.Errorf("broker ended before the command did, it said:\n%s", b.lastWords()))
	case err != nil && b.lastWords() != "":
		return fmt.Errorf("%w\nKafka said:\n%s", err, b.lastWords())
	}
	return err
}

// runCommand runs a command to its end. When ctx ends, the command and all that it
// has started are interrupted, and killed if that does not end them.
func runCommand(ctx context.Context, args []string, env string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // to run a command is what this is for
	cmd.Env = append(os.Environ(), env)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = stopTimeout
	err := cmd.Run()
	if cmd.Process != nil {
		// What the command may have left of its process group: an error means nothing.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}
