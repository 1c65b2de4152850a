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

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Config is what the query service can be told. envconfig reads it with the
// prefix ACTIONLOG.
type Config struct {
	// ClickHouseDSN is where the events are: http://user:password@host:8123/database
	// or, by the native protocol, clickhouse://user:password@host:9000/database.
	ClickHouseDSN string `envconfig:"CLICKHOUSE_DSN" default:"http://127.0.0.1:8123/actionlog" desc:"where the events are: a clickhouse-go DSN that names a database"`
	// QueryAddr is where HTTP is served. Port 0 means any free port.
	QueryAddr string `envconfig:"QUERY_ADDR" default:"127.0.0.1:8080" desc:"where the page and the API are served, host:port; port 0 means any free port"`
	// ActionsFile is a catalogue of action types beside the built-in one, in the form
	// of schemas/actions.json. Empty means none.
	ActionsFile string `envconfig:"ACTIONS_FILE" default:"" desc:"a file of action types with their labels, beside the built-in ones, in the form of schemas/actions.json"`
	// QueryTimeout bounds the work on one answer, from 100 ms to 10 minutes. Exports
	// are not bound by it.
	QueryTimeout time.Duration `envconfig:"QUERY_TIMEOUT" default:"10s" desc:"how long one answer may take, 100ms to 10m; exports are not bound by it"`
}

// The bounds of QueryTimeout: below the lower one even an idle machine refuses
// fair questions, above the upper one a forgotten tab holds the engine.
const (
	minQueryTimeout = 100 * time.Millisecond
	maxQueryTimeout = 10 * time.Minute
)

// Validate returns everything that is wrong with the values, joined; each error
// names the variable, what is wrong and what to do.
func (c Config) Validate() error {
	return errors.Join(c.validateDSN(), c.validateAddr(), c.validateActionsFile(), c.validateTimeout())
}

func (c Config) validateDSN() error {
	const example = "set it to something like http://user:password@127.0.0.1:8123/actionlog"
	options, err := clickhouse.ParseDSN(c.ClickHouseDSN)
	switch {
	case err != nil:
		// The cause may quote the DSN and with it the password.
		return errors.New("ACTIONLOG_CLICKHOUSE_DSN: it is not a clickhouse-go DSN; " + example)
	case options.Auth.Database == "":
		return errors.New("ACTIONLOG_CLICKHOUSE_DSN: it names no database; " + example)
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
