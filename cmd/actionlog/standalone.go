package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/demo"
	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/emit"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

// trimInterval is how often the embedded broker lets go of what is settled.
const trimInterval = time.Minute

// runStandalone is ingest and query plus the embedded parts that they work with.
func runStandalone(ctx context.Context, e env, args []string) error {
	err := serveAll(ctx, e, args)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // interrupted while it started
	}
	return err
}

func serveAll(ctx context.Context, e env, args []string) error {
	set := flags(e, "standalone", "")
	withDemo := set.Bool("demo", false, "add demo events of a small equipment-rental company: 90 days of them, and a trickle from then on")
	if err := parse(set, args); err != nil {
		return err
	}
	var cfg StandaloneConfig
	var ingestCfg ingest.Config
	var queryCfg query.Config
	if err := errors.Join(load(&cfg), load(&ingestCfg), load(&queryCfg)); err != nil {
		return err
	}
	if len(ingestCfg.KafkaBrokers) != 1 {
		return fmt.Errorf("ACTIONLOG_KAFKA_BROKERS is %q: standalone runs one broker, give one address for it to listen on",
			strings.Join(ingestCfg.KafkaBrokers, ","))
	}
	lock, err := embedded.LockDir(cfg.DataDir, "actionlog standalone", 0)
	if err != nil {
		return fmt.Errorf("ACTIONLOG_DATA_DIR: %w", err)
	}
	defer func() { _ = lock.Close() }()

	engine, dsn, err := startEngine(ctx, e.logger, cfg, ingestCfg.ClickHouseDSN)
	if err != nil {
		return err
	}
	defer func() { logClose(e.logger, "engine", engine.Close()) }()
	if _, err := store.Migrate(ctx, dsn); err != nil {
		return err
	}
	// One pool of connections a service: exports must not keep ingest from its inserts.
	ingestStore, err := store.Open(dsn)
	if err != nil {
		return err
	}
	defer func() { _ = ingestStore.Close() }()
	queryStore, err := store.Open(dsn)
	if err != nil {
		return err
	}
	defer func() { _ = queryStore.Close() }()

	broker, err := embedded.StartBroker(embedded.BrokerConfig{
		Dir: filepath.Join(cfg.DataDir, "kafka"), Addr: ingestCfg.KafkaBrokers[0], Logger: e.logger,
		// What is acknowledged outlives a loss of power, as the rows in ClickHouse do: a
		// log that ended before what the ledger knows would halt ingest.
		Sync: true,
	})
	if err != nil {
		return fmt.Errorf("ACTIONLOG_KAFKA_BROKERS: %w", err)
	}
	defer func() { logClose(e.logger, "broker", broker.Close()) }()

	ingestCfg.KafkaBrokers = []string{broker.Addr()}
	ingestService, err := ingest.New(ingestCfg, ingestStore, e.logger)
	if err != nil {
		return err
	}
	queryService, err := query.New(queryStore, queryCfg, e.logger)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, "ACTIONLOG_QUERY_ADDR", queryCfg.QueryAddr)
	if err != nil {
		return err
	}

	serveDoor, door, err := openDoor(ctx, e, ingestCfg)
	if err != nil {
		return err
	}

	addresses := struct {
		Query      string `json:"query"`
		Kafka      string `json:"kafka"`
		ClickHouse string `json:"clickhouse"`
		Ingest     string `json:"ingest,omitempty"`
		HTTP       string `json:"http,omitempty"`
	}{Query: "http://" + reachable(listener.Addr()), Kafka: broker.Addr(), ClickHouse: engine.URL(), HTTP: door}

	group, ctx := errgroup.WithContext(ctx)
	// Not at its default address: query's /readyz is enough for most, and a service of its
	// own may be there.
	if addr := os.Getenv("ACTIONLOG_INGEST_ADDR"); addr != "" {
		listener, err := listen(ctx, "ACTIONLOG_INGEST_ADDR", addr)
		if err != nil {
			return err
		}
		addresses.Ingest = "http://" + reachable(listener.Addr())
		group.Go(func() error { return ingestService.ServeHealth(ctx, listener) })
	}
	group.Go(func() error { return serveDoor(ctx) })
	group.Go(func() error {
		err := ingestService.Run(ctx)
		if err != nil {
			// What it asks for takes the broker and the engine.
			e.logger.ErrorContext(ctx, "ingest has stopped, all else goes on: do what it says, then restart", "error", err)
			<-ctx.Done()
		}
		return err
	})
	group.Go(func() error { return queryService.Serve(ctx, listener) })
	group.Go(func() error { trim(ctx, e.logger, broker, ingestService, ingestCfg.Topic); return nil })
	if *withDemo {
		group.Go(func() error { return runDemo(ctx, e.logger, cfg, broker.Addr(), ingestCfg.Topic) })
	}
	group.Go(func() error {
		if err := json.NewEncoder(e.stdout).Encode(addresses); err != nil {
			return fmt.Errorf("print the addresses: %w", err)
		}
		return nil
	})
	return group.Wait()
}

// reachable is an address for people to open: that of loopback where the listener
// takes connections on all.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

// startEngine starts the embedded ClickHouse where the DSN says, and returns the
// DSN under which it is reached.
func startEngine(ctx context.Context, logger *slog.Logger, cfg StandaloneConfig, dsn string) (*embedded.Engine, string, error) {
	where, err := url.Parse(dsn)
	if err != nil {
		return nil, "", errors.New("ACTIONLOG_CLICKHOUSE_DSN is not a URL: give http://127.0.0.1:8123/actionlog or another port")
	}
	if user := where.User.Username(); user != "" && user != "default" {
		return nil, "", fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN names the user %q: the embedded engine has one user, default", user)
	}
	if where.Scheme != "http" {
		return nil, "", fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN is %s: the embedded engine speaks HTTP, give http://127.0.0.1:8123/actionlog or another port; "+
			"for a server of your own run actionlog ingest and actionlog query", where.Redacted())
	}
	database := strings.Trim(where.Path, "/")
	if database == "" {
		return nil, "", fmt.Errorf("ACTIONLOG_CLICKHOUSE_DSN is %s: it names no database, add one to the path, as in http://127.0.0.1:8123/actionlog", where.Redacted())
	}
	password, given := where.User.Password()
	if !given {
		if password, err = keptPassword(filepath.Join(cfg.DataDir, "clickhouse.password")); err != nil {
			return nil, "", err
		}
	}
	library, err := embedded.FindLibrary(cfg.EngineLib)
	if err != nil {
		return nil, "", err
	}
	engine, err := embedded.StartEngine(ctx, embedded.EngineConfig{
		Library: library, Dir: filepath.Join(cfg.DataDir, "clickhouse"), Addr: hostPort(where, "8123"), Password: password, Logger: logger,
	})
	if err != nil {
		return nil, "", fmt.Errorf("start the engine of ACTIONLOG_ENGINE_LIB at the address of ACTIONLOG_CLICKHOUSE_DSN: %w", err)
	}
	return engine, engine.DSN(database), nil
}

func hostPort(where *url.URL, port string) string {
	if where.Port() != "" {
		port = where.Port()
	}
	return net.JoinHostPort(where.Hostname(), port)
}

// keptPassword returns the password in a file, which it makes at the first start.
func keptPassword(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if err == nil && len(kept) > 0 {
		return strings.TrimSpace(string(kept)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the engine's password: %w", err)
	}
	password := rand.Text()
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("keep the engine's password: %w", err)
	}
	return password, nil
}

// trim lets the broker delete what ingest has settled, now and then, until ctx
// ends. Nothing depends on it but the size of the disk.
func trim(ctx context.Context, logger *slog.Logger, broker *embedded.Broker, service *ingest.Ingester, topic string) {
	ticker := time.NewTicker(trimInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		settled, err := service.Settled(ctx)
		for partition, offset := range settled {
			err = errors.Join(err, broker.Trim(ctx, topic, partition, offset))
		}
		if err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "trim the embedded broker", "error", err)
		}
	}
}

func runDemo(ctx context.Context, logger *slog.Logger, cfg StandaloneConfig, broker, topic string) error {
	emitter, err := emit.New(emit.Config{Brokers: []string{broker}, Topic: topic, Logger: logger})
	if err != nil {
		return err
	}
	defer func() { _ = emitter.Close() }()
	return demo.Run(ctx, demo.RunConfig{Emitter: emitter, StatePath: filepath.Join(cfg.DataDir, "demo.json"), Logger: logger})
}

func logClose(logger *slog.Logger, what string, err error) {
	if err != nil {
		logger.Error("close the "+what, "error", err)
	}
}
