package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// errUsage marks errors in how the program was called.
var errUsage = errors.New("usage")

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errUsage, fmt.Errorf(format, args...))
}

// env is what a command works with.
type env struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	logger *slog.Logger
}

// command is one of the program's subcommands.
type command struct {
	name, does string
	run        func(ctx context.Context, e env, args []string) error
}

// commands lists the subcommands in the order in which help shows them.
func commands() []command {
	return []command{
		{"standalone", "everything in one: embedded Kafka broker, embedded ClickHouse, ingest and query", runStandalone},
		{"ingest", "the service that carries events from Kafka to ClickHouse; --from replays a stretch", runIngest},
		{"query", "the service for search, the web page and export", runQuery},
		{"migrate", "create the schema in ClickHouse, or bring it up to date", runMigrate},
		{"emit", "publish events from NDJSON on standard input to Kafka", runEmit},
		{"search", "search the log of a running query service, as its page does", runSearch},
		{"rejected", "list, show and retry the messages that were not valid", runRejected},
		{"ledger", "account for every offset: gaps, overlaps, lag, totals; give up what Kafka has lost", runLedger},
		{"health", "ask a service whether it is well: actionlog health http://127.0.0.1:8080/readyz", runHealth},
		{"version", "print the version", runVersion},
	}
}

// run finds the subcommand and runs it.
func run(ctx context.Context, args []string) error {
	var log LogConfig
	if err := load(&log); err != nil {
		return err
	}
	e := env{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, logger: log.logger(os.Stderr)}
	if len(args) == 0 {
		return usagef("say what to do\n\n%s", help())
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if len(args) > 1 && args[1] == "config" {
			return printConfig(e.stdout)
		}
		fmt.Fprintln(e.stdout, help())
		return nil
	}
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return usagef("there is no command %q\n\n%s", args[0], help())
	}
	err := all[i].run(ctx, e, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	return err
}

func help() string {
	var b strings.Builder
	b.WriteString("actionlog <command> [flags]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-12s%s\n", c.name, c.does)
	}
	b.WriteString("\nactionlog <command> -h shows a command's flags, actionlog help config the configuration.")
	return b.String()
}

// flags returns the flag set of a command; without positional arguments unless
// the command says how they are called.
func flags(e env, name, arguments string) *flag.FlagSet {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(e.stderr)
	set.Usage = func() {
		fmt.Fprintf(e.stderr, "usage: actionlog %s [flags] %s\n", name, arguments)
		set.PrintDefaults()
	}
	return set
}

// parse reads the flags of a command that takes no positional arguments.
func parse(set *flag.FlagSet, args []string) error {
	if err := parseFlags(set, args); err != nil {
		return err
	}
	if set.NArg() > 0 {
		return usagef("actionlog %s takes no argument %q", set.Name(), set.Arg(0))
	}
	return nil
}

// parseMixed reads the flags of a command whose arguments may stand before or after
// them, and returns the arguments.
func parseMixed(set *flag.FlagSet, args []string) ([]string, error) {
	var arguments []string
	for {
		if err := parseFlags(set, args); err != nil {
			return nil, err
		}
		if set.NArg() == 0 {
			return arguments, nil
		}
		arguments, args = append(arguments, set.Arg(0)), set.Args()[1:]
	}
}

// parseFlags reads flags up to the first argument.
func parseFlags(set *flag.FlagSet, args []string) error {
	err := set.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return errUsage // the flag set has said what is wrong
	}
	return err
}

// load reads a configuration from the environment and checks it.
func load(cfg interface{ Validate() error }) error {
	if err := envconfig.Process("", cfg); err != nil {
		if parse, ok := errors.AsType[*envconfig.ParseError](err); ok {
			return fmt.Errorf("configuration: %s is %q, which is not a value of type %s: %w", parse.KeyName, parse.Value, parse.TypeName, parse.Err)
		}
		return fmt.Errorf("configuration: %w", err)
	}
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	return nil
}

// whoami names who runs the command, for those who come after.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// configuredStore opens the store for a command that has no other configuration.
func configuredStore() (*store.Store, error) {
	var cfg query.Config
	if err := load(&cfg); err != nil {
		return nil, err
	}
	return openStore(cfg.ClickHouseDSN)
}

// configuredIngest opens the store for a command that works with the topic too.
func configuredIngest() (ingest.Config, *store.Store, error) {
	var cfg ingest.Config
	if err := load(&cfg); err != nil {
		return cfg, nil, err
	}
	s, err := openStore(cfg.ClickHouseDSN)
	return cfg, s, err
}

func openStore(dsn string) (*store.Store, error) {
	s, err := store.Open(dsn)
	if err != nil {
		return nil, fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN: %w", err)
	}
	return s, nil
}

// given reports whether a flag was on the command line.
func given(set *flag.FlagSet, name string) (found bool) {
	set.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}
