package query

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kelseyhightower/envconfig"
)

func TestConfigHasGoodDefaults(t *testing.T) {
	var cfg Config
	if err := envconfig.Process("", &cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	if cfg.QueryAddr != "127.0.0.1:8080" || cfg.ClickHouseDSN != "http://127.0.0.1:8123/actionlog" || cfg.QueryTimeout.String() != "10s" {
		t.Errorf("%+v", cfg)
	}
}

func TestConfigNamesEverythingThatIsWrong(t *testing.T) {
	t.Setenv("ACTIONLOG_CLICKHOUSE_DSN", "http://u:secret@host:8123")
	t.Setenv("ACTIONLOG_QUERY_ADDR", "localhost")
	t.Setenv("ACTIONLOG_ACTIONS_FILE", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("ACTIONLOG_QUERY_TIMEOUT", "1ms")
	t.Setenv("ACTIONLOG_QUERY_CONCURRENCY", "0")
	t.Setenv("ACTIONLOG_EXPORT_CONCURRENCY", "1001")
	var cfg Config
	if err := envconfig.Process("", &cfg); err != nil {
		t.Fatal(err)
	}
	err := cfg.Validate()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{
		"ACTIONLOG_CLICKHOUSE_DSN: ", "names no database", "ACTIONLOG_QUERY_ADDR: ", "host:port",
		"ACTIONLOG_ACTIONS_FILE: ", "ACTIONLOG_QUERY_TIMEOUT: ", "between 100ms and 10m",
		"ACTIONLOG_QUERY_CONCURRENCY: 0 is out of bounds", "ACTIONLOG_EXPORT_CONCURRENCY: 1001 is out of bounds",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q tells the password", err)
	}
	if _, err := New(nil, cfg, nil); err == nil {
		t.Error("a server is made all the same")
	}
}

func TestConfigAddress(t *testing.T) {
	t.Parallel()
	f := func(address string, good bool) {
		t.Helper()
		if err := (Config{QueryAddr: address}).validateAddr(); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
	f("127.0.0.1:0", true)
	f(":8080", true)
	f("[::1]:8080", true)
	f("host:http", false)
	f("::1:8080", false)
	f("host:65536", false)
	f("", false)
}

func TestConfigRefusesLabelsThatNobodyReads(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "actions.json")
	if err := os.WriteFile(file, []byte(`[{"type":"crane.hoisted","label":"Crane hoisted","labels":{"dee":"Kran gehoben"},"icon":"eye","category":"view"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := Config{ClickHouseDSN: "http://127.0.0.1:1/actionlog", QueryAddr: ":0", ActionsFile: file, QueryTimeout: time.Second, QueryConcurrency: 1, ExportConcurrency: 1}
	_, err := New(nil, cfg, nil)
	if err == nil || !strings.Contains(err.Error(), "ACTIONLOG_ACTIONS_FILE: ") || !strings.Contains(err.Error(), `crane.hoisted has a label in "dee": the page speaks en, de`) {
		t.Errorf("%v", err)
	}
}
