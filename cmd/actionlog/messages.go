package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/actionlog/actionlog/ingest"
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

func runLedger(ctx context.Context, e env, args []string) error {
	if len(args) > 0 && args[0] == "give-up" {
		return runGiveUp(ctx, e, args[1:])
	}
	if err := parse(flags(e, "ledger", ""), args); err != nil {
		return err
	}
	s, err := configuredStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	partitions, err := s.Ledger(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TOPIC\tTOPIC ID\tPARTITION\tSETTLED\tHIGHEST\tGAP\tLOST\tWRITTEN")
	gaps := 0
	for _, p := range partitions {
		gap := "no"
		if p.Settled.Offset < p.Settled.Highest {
			gap = "yes"
			gaps++
		}
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%s\t%d\t%s\n", p.Topic, p.TopicID, p.Partition, p.Settled.Offset, p.Settled.Highest, gap, p.Lost,
			p.Written.Format(time.RFC3339))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if gaps > 0 {
		return fmt.Errorf("the ledger has a gap in %d partitions: ingest is working on it, or has to be started", gaps)
	}
	return nil
}

func runGiveUp(ctx context.Context, e env, args []string) error {
	set := flags(e, "ledger give-up", "")
	topic := set.String("topic", "", "the topic")
	partition := set.Int("partition", -1, "the partition")
	to := set.Int64("to", -1, "give up every record below this offset that is not settled")
	reason := set.String("reason", "", "why, for those who come after")
	if err := parse(set, args); err != nil {
		return err
	}
	if *topic == "" || *partition < 0 || *to < 0 || *reason == "" {
		return usagef("actionlog ledger give-up needs --topic, --partition, --to and --reason")
	}
	var cfg ingest.Config
	if err := load(&cfg); err != nil {
		return err
	}
	s, err := configuredStore()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	cfg.Topic = *topic
	service, err := ingest.New(cfg, s, e.logger)
	if err != nil {
		return err
	}
	lost, err := service.GiveUp(ctx, *partition, *to, whoami()+": "+*reason)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "given up: %d records of %s[%d] below offset %d\n", lost, *topic, *partition, *to)
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

func openStore(dsn string) (*store.Store, error) {
	s, err := store.Open(dsn)
	if err != nil {
		return nil, fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN: %w", err)
	}
	return s, nil
}
