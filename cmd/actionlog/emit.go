package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/actionlog/actionlog/pkg/emit"
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
