package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/actionlog/actionlog/ingest"
	"github.com/actionlog/actionlog/pkg/store"
	"github.com/actionlog/actionlog/query"
)

func runIngest(ctx context.Context, e env, args []string) error {
	set := flags(e, "ingest", "")
	from := set.String("from", "", "replay: store again what the topic holds from an offset, a date or a time on, then exit; harmless at any time, beside running ingesters too")
	to := set.String("to", "", "where the replay ends, an offset, a date or a time that is no longer part of it; without it the end of the topic")
	partition := set.Int("partition", -1, "the one partition to replay; without it all")
	if err := parse(set, args); err != nil {
		return err
	}
	if *from == "" && given(set, "from") {
		return usagef("--from is empty: give an offset or a time")
	}
	wanted, err := parseReplay(*from, *to, *partition)
	if err != nil {
		return err
	}
	cfg, s, err := configuredIngest()
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	service, err := ingest.New(cfg, s, e.logger)
	if err != nil {
		return err
	}
	memory := cfg.Heap()
	if cfg.HTTPAddr != "" {
		memory += ingest.DoorMemory
	}
	debug.SetMemoryLimit(memory)
	if wanted != nil {
		return replay(ctx, e, service, *wanted)
	}
	serveDoor, _, err := openDoor(ctx, e, cfg)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if cfg.IngestAddr != "" {
		listener, err := listen(ctx, "ACTIONLOG_INGEST_ADDR", cfg.IngestAddr)
		if err != nil {
			return err
		}
		group.Go(func() error { return service.ServeHealth(ctx, listener) })
	}
	group.Go(func() error { return serveDoor(ctx) })
	group.Go(func() error { return service.Run(ctx) })
	return group.Wait()
}

// openDoor returns what serves the HTTP door, and its URL, empty when it is off.
func openDoor(ctx context.Context, e env, cfg ingest.Config) (serve func(context.Context) error, where string, err error) {
	if cfg.HTTPAddr == "" {
		return func(context.Context) error { return nil }, "", nil
	}
	listener, err := listen(ctx, "ACTIONLOG_HTTP_ADDR", cfg.HTTPAddr)
	if err != nil {
		return nil, "", err
	}
	door, err := ingest.NewDoor(cfg, e.logger)
	if err != nil {
		return nil, "", errors.Join(err, listener.Close())
	}
	where = "http://" + reachable(listener.Addr())
	e.logger.InfoContext(ctx, "events are taken over HTTP", "url", where+ingest.DoorPath)
	return func(ctx context.Context) error { return door.Serve(ctx, listener) }, where, nil
}

func runQuery(ctx context.Context, e env, args []string) error {
	if err := parse(flags(e, "query", ""), args); err != nil {
		return err
	}
	var cfg query.Config
	if err := load(&cfg); err != nil {
		return err
	}
	s, err := openStore(cfg.ClickHouseDSN)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	service, err := query.New(s, cfg, e.logger)
	if err != nil {
		return err
	}
	listener, err := listen(ctx, "ACTIONLOG_QUERY_ADDR", cfg.QueryAddr)
	if err != nil {
		return err
	}
	e.logger.InfoContext(ctx, "query answers", "url", "http://"+reachable(listener.Addr()))
	return service.Serve(ctx, listener)
}

func runMigrate(ctx context.Context, e env, args []string) error {
	if err := parse(flags(e, "migrate", ""), args); err != nil {
		return err
	}
	var cfg query.Config
	if err := load(&cfg); err != nil {
		return err
	}
	applied, err := store.Migrate(ctx, cfg.ClickHouseDSN)
	if err != nil {
		return err
	}
	for _, m := range applied {
		fmt.Fprintln(e.stdout, "applied", m.Name)
	}
	if len(applied) == 0 {
		fmt.Fprintln(e.stdout, "the schema is up to date")
	}
	return nil
}

func runHealth(ctx context.Context, e env, args []string) error {
	set := flags(e, "health", "URL")
	if err := set.Parse(args); err != nil || set.NArg() != 1 {
		return usagef("actionlog health takes the URL to ask, such as http://127.0.0.1:8080/readyz")
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, set.Arg(0), nil)
	if err != nil {
		return usagef("%w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s", set.Arg(0), response.Status)
	}
	return nil
}

// version is stamped by the Makefile.
var version = ""

func runVersion(_ context.Context, e env, args []string) error {
	if err := parse(flags(e, "version", ""), args); err != nil {
		return err
	}
	v := version
	if info, ok := debug.ReadBuildInfo(); v == "" && ok {
		v = info.Main.Version
	}
	fmt.Fprintln(e.stdout, v)
	return nil
}

// listen binds an address that a variable gives.
func listen(ctx context.Context, variable, addr string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s, give another address: %w", variable, addr, err)
	}
	return listener, nil
}
