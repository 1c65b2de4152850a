package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/user"

	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

func runEmit(ctx context.Context, e env, args []string) error {
	set := flags(e, "emit", "< events.ndjson")
	if err := parse(set, args); err != nil {
		return err
	}
	var cfg EmitConfig
	if err := load(&cfg); err != nil {
		return err
	}
	emitter, err := emit.New(emit.Config{Brokers: cfg.KafkaBrokers, Topic: cfg.Topic, RetryFor: cfg.EmitTimeout, Logger: e.logger})
	if err != nil {
		return err
	}
	defer func() { logClose(e.logger, "emitter", emitter.Close()) }()
	acknowledged, err := emit.Lines(ctx, e.stdin, emitter)
	summary := struct {
		Acknowledged int64 `json:"acknowledged"`
	}{acknowledged}
	if printErr := json.NewEncoder(e.stdout).Encode(summary); printErr != nil {
		return fmt.Errorf("print the summary: %w", printErr)
	}
	return err
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

func openStore(dsn string) (*store.Store, error) {
	s, err := store.Open(dsn)
	if err != nil {
		return nil, fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN: %w", err)
	}
	return s, nil
}
