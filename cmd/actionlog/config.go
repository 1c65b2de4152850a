package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/query"
)

// LogConfig is how every command logs, on standard error.
type LogConfig struct {
	LogLevel  slog.Level `envconfig:"ACTIONLOG_LOG_LEVEL" default:"info" desc:"the least that is logged: debug, info, warn or error"`
	LogFormat string     `envconfig:"ACTIONLOG_LOG_FORMAT" default:"text" desc:"text or json"`
}

// Validate returns every mistake in the configuration.
func (c *LogConfig) Validate() error {
	if c.LogFormat != "text" && c.LogFormat != "json" {
		return fmt.Errorf("ACTIONLOG_LOG_FORMAT is %q: give text or json", c.LogFormat)
	}
	return nil
}

func (c *LogConfig) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// StandaloneConfig is what standalone needs beside the two services' own.
type StandaloneConfig struct {
	DataDir   string `envconfig:"ACTIONLOG_DATA_DIR" default:"./data" desc:"the one directory that holds all data of standalone"`
	EngineLib string `envconfig:"ACTIONLOG_ENGINE_LIB" desc:"path of libchdb.so, the embedded ClickHouse engine; found by itself in the project's folder after make build"`
}

// Validate returns every mistake in the configuration.
func (c *StandaloneConfig) Validate() error {
	if c.DataDir == "" {
		return errors.New("ACTIONLOG_DATA_DIR is empty: give a directory")
	}
	return nil
}

// EmitConfig is where emit publishes.
type EmitConfig struct {
	KafkaBrokers []string      `envconfig:"ACTIONLOG_KAFKA_BROKERS" default:"127.0.0.1:9092" desc:"Kafka brokers, host:port, separated by commas"`
	Topic        string        `envconfig:"ACTIONLOG_TOPIC" default:"actions" desc:"the topic that events are published to"`
	EmitTimeout  time.Duration `envconfig:"ACTIONLOG_EMIT_TIMEOUT" default:"30s" desc:"how long emit goes on trying while nothing gets through, 1s to 24h"`
}

// Validate returns every mistake in the configuration.
func (c *EmitConfig) Validate() error {
	if len(c.KafkaBrokers) == 0 || c.KafkaBrokers[0] == "" {
		return errors.New("ACTIONLOG_KAFKA_BROKERS is empty: give host:port of one broker at least")
	}
	if c.Topic == "" {
		return errors.New("ACTIONLOG_TOPIC is empty: give the topic that events are published to")
	}
	if c.EmitTimeout < time.Second || c.EmitTimeout > 24*time.Hour {
		return fmt.Errorf("ACTIONLOG_EMIT_TIMEOUT is %s: give 1s to 24h", c.EmitTimeout)
	}
	return nil
}

// printConfig prints the table of all variables.
func printConfig(w io.Writer) error {
	for _, part := range []struct {
		title string
		cfg   any
	}{
		{"Every command", &LogConfig{}},
		{"ingest (and standalone)", &ingest.Config{}},
		{"query (and standalone)", &query.Config{}},
		{"emit", &EmitConfig{}},
		{"standalone", &StandaloneConfig{}},
	} {
		fmt.Fprintf(w, "%s\n\n", part.title)
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		const row = "{{range .}}  {{usage_key .}}\t{{usage_default .}}\t{{usage_description .}}\n{{end}}"
		if err := envconfig.Usagef("", part.cfg, table, row); err != nil {
			return fmt.Errorf("print the configuration: %w", err)
		}
		if err := table.Flush(); err != nil {
			return fmt.Errorf("print the configuration: %w", err)
		}
		fmt.Fprintln(w)
	}
	return nil
}
