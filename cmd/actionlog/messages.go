package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

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

func runRejected(ctx context.Context, e env, args []string) error {
	set := flags(e, "rejected", "")
	limit := set.Int("limit", 50, "how many to list, the newest first")
	if err := parse(set, args); err != nil {
		return err
	}
	if *limit < 1 {
		return usagef("--limit is %d: give 1 or more", *limit)
	}
	s, err := configuredStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tTOPIC\tPARTITION\tOFFSET\tREASON\tFIELD\tMESSAGE")
	// A page may end before the limit.
	page := store.RejectedPage{}
	for left := *limit; left > 0; left -= len(page.Rejected) {
		if page, err = s.ListRejections(ctx, page.Next, left); err != nil {
			return err
		}
		for _, r := range page.Rejected {
			fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", r.Origin.Time.Format(store.TimeLayout), r.Origin.Topic, r.Origin.Partition, r.Origin.Offset,
				r.Reason, r.Field, strings.ReplaceAll(r.Message, "\n", " "))
		}
		if page.Next == nil {
			break
		}
	}
	return table.Flush()
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
