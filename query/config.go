// Package query answers questions about the log: search and export over HTTP,
// and the web page.
package query

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/actionlog/actionlog/pkg/store"
)

// Config is what the query service can be told, read from the environment by
// envconfig.
type Config struct {
	// ClickHouseDSN is where the events are: http://user:password@host:8123/database
	// or, by the native protocol, clickhouse://user:password@host:9000/database.
	ClickHouseDSN string `envconfig:"ACTIONLOG_CLICKHOUSE_DSN" default:"http://127.0.0.1:8123/actionlog" desc:"where the events are: a clickhouse-go DSN that names a database"`
	// Topic is ingest's topic: answers say how far it is complete.
	Topic string `envconfig:"ACTIONLOG_TOPIC" default:"actions" desc:"the topic of ingest, of which answers say how far they are complete"`
	// QueryAddr is where HTTP is served. Port 0 means any free port.
	QueryAddr string `envconfig:"ACTIONLOG_QUERY_ADDR" default:"127.0.0.1:8080" desc:"where the page and the API are served, host:port; port 0 means any free port"`
	// ActionsFile is a catalogue of action types beside the built-in one, in the form
	// of schemas/actions.json. Empty means none.
	ActionsFile string `envconfig:"ACTIONLOG_ACTIONS_FILE" default:"" desc:"a file of action types with their labels, beside the built-in ones, in the form of schemas/actions.json"`
	// QueryTimeout bounds the work on one answer, from 100 ms to 10 minutes. Exports
	// are not bound by it.
	QueryTimeout time.Duration `envconfig:"ACTIONLOG_QUERY_TIMEOUT" default:"10s" desc:"how long one answer may take, 100ms to 10m; exports are not bound by it"`
	// QueryConcurrency is how many questions of one tenant are answered at a time, 1 to
	// 1,000; others wait for their turn, for QueryTimeout at most.
	QueryConcurrency int `envconfig:"ACTIONLOG_QUERY_CONCURRENCY" default:"8" desc:"how many questions of one tenant are answered at a time, 1 to 1000; others wait, for ACTIONLOG_QUERY_TIMEOUT at most"`
	// ExportConcurrency is the same for exports. Of tails there may be eight times as many.
	ExportConcurrency int `envconfig:"ACTIONLOG_EXPORT_CONCURRENCY" default:"16" desc:"how many exports of one tenant run at a time, 1 to 1000, and eight times as many tails; others wait, for ACTIONLOG_QUERY_TIMEOUT at most"`
}

// The bounds of QueryTimeout: below the lower one even an idle machine refuses
// fair questions, above the upper one a forgotten tab holds the engine.
const (
	minQueryTimeout = 100 * time.Millisecond
	maxQueryTimeout = 10 * time.Minute
)

// maxConcurrency bounds QueryConcurrency and ExportConcurrency: more than that many
// questions at once only hold each other up.
const maxConcurrency = 1000

// Validate returns everything that is wrong with the values, joined; each error
// names the variable, what is wrong and what to do.
func (c Config) Validate() error {
	return errors.Join(c.validateDSN(), c.validateAddr(), c.validateActionsFile(), c.validateTimeout(), c.validateConcurrency())
}

func (c Config) validateDSN() error {
	if err := store.CheckDSN(c.ClickHouseDSN); err != nil {
		return fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN: %w", err)
	}
	return nil
}

func (c Config) validateAddr() error {
	const remedy = "set it to host:port, such as 127.0.0.1:8080, or :8080 for every interface"
	_, port, err := net.SplitHostPort(c.QueryAddr)
	if err != nil {
		return fmt.Errorf("ACTIONLOG_QUERY_ADDR: %q is not host:port; %s", c.QueryAddr, remedy)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("ACTIONLOG_QUERY_ADDR: the port of %q is not a number from 0 to 65535; %s", c.QueryAddr, remedy)
	}
	return nil
}

func (c Config) validateActionsFile() error {
	if c.ActionsFile == "" {
		return nil
	}
	info, err := os.Stat(c.ActionsFile)
	if err != nil {
		return fmt.Errorf("ACTIONLOG_ACTIONS_FILE: the file cannot be used; name one that exists or leave the variable out: %w", err)
	}
	if info.IsDir() {
		return fmt.Errorf("ACTIONLOG_ACTIONS_FILE: %q is a directory; name a file", c.ActionsFile)
	}
	return nil
}

func (c Config) validateTimeout() error {
	if c.QueryTimeout < minQueryTimeout || c.QueryTimeout > maxQueryTimeout {
		return fmt.Errorf("ACTIONLOG_QUERY_TIMEOUT: %s is out of bounds; set it between %s and %s", c.QueryTimeout, minQueryTimeout, maxQueryTimeout)
	}
	return nil
}

func (c Config) validateConcurrency() error {
	var all []error
	for _, v := range []struct {
		name  string
		value int
	}{{queryConcurrency, c.QueryConcurrency}, {exportConcurrency, c.ExportConcurrency}} {
		if v.value < 1 || v.value > maxConcurrency {
			all = append(all, fmt.Errorf("%s: %d is out of bounds; set it between 1 and %d", v.name, v.value, maxConcurrency))
		}
	}
	return errors.Join(all...)
}

// The variables that answers name.
const (
	queryConcurrency  = "ACTIONLOG_QUERY_CONCURRENCY"
	exportConcurrency = "ACTIONLOG_EXPORT_CONCURRENCY"
)
