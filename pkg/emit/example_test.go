package emit_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/embedded"
	"github.com/actionlog/actionlog/pkg/emit"
)

// A handler says what was done. Who did it, from where and in which request comes
// from the context.
func ExampleMiddleware() {
	brokers, stop := exampleKafka()
	defer stop()

	events, err := emit.New(emit.Config{Brokers: brokers, Topic: "events"})
	if err != nil {
		panic(err)
	}
	defer events.Close()

	post := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := events.Emit(r.Context(), action.Event{
			Action:  "invoice.posted",
			Subject: action.Record{Type: "invoice", ID: "INV-2041"},
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	handler := emit.Middleware(emit.MiddlewareConfig{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		SessionCookie:  "sid",
		Actor: func(r *http.Request) action.Actor {
			user, _, _ := r.BasicAuth()
			return action.Actor{ID: user}
		},
	})(post)

	request := httptest.NewRequest(http.MethodPost, "/invoices/INV-2041/post", nil)
	request.Header.Set("X-Request-ID", "r-1")
	request.SetBasicAuth("u-1042", "secret")
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	fmt.Fprintln(os.Stdout, response.Code, response.Header().Get("X-Request-ID"))
	// Output: 204 r-1
}

// The invoice and the event that tells of it are committed together. A relay
// publishes the event afterwards, whatever fails in between.
func ExampleOutbox() {
	brokers, stop := exampleKafka()
	defer stop()
	db, outbox := exampleDatabase()
	defer db.Close()
	ctx, cancel := context.WithCancel(context.Background())

	events, err := emit.New(emit.Config{Brokers: brokers, Topic: "events"})
	if err != nil {
		panic(err)
	}
	defer events.Close()
	relay, err := emit.NewRelay(emit.RelayConfig{Outbox: outbox, DB: db, Emitter: events})
	if err != nil {
		panic(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- relay.Run(ctx) }()

	err = func() error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // after the commit it does nothing
		if _, err := tx.ExecContext(ctx, "UPDATE invoices SET posted = 1 WHERE id = 'INV-2041'"); err != nil {
			return err
		}
		err = outbox.Add(ctx, tx, action.Event{
			Actor:   action.Actor{ID: "u-1042"},
			Action:  "invoice.posted",
			Subject: action.Record{Type: "invoice", ID: "INV-2041"},
		})
		if err != nil {
			return err
		}
		return tx.Commit()
	}()
	relay.Wake() // without it the event waits for a second at most
	fmt.Fprintln(os.Stdout, "committed:", err)

	waitUntilEmpty(db)
	cancel()
	fmt.Fprintln(os.Stdout, "published:", <-stopped)
	// Output:
	// committed: <nil>
	// published: <nil>
}

// exampleDatabase is an application's database, with the outbox beside its tables.
func exampleDatabase() (*sql.DB, *emit.Outbox) {
	outbox, err := emit.NewOutbox(emit.OutboxConfig{Dialect: emit.SQLite})
	if err != nil {
		panic(err)
	}
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		panic(err)
	}
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	for _, statement := range []string{outbox.Schema(), "CREATE TABLE invoices (id TEXT, posted INTEGER)"} {
		if _, err := db.Exec(statement); err != nil {
			panic(err)
		}
	}
	return db, outbox
}

// waitUntilEmpty waits for the relay. An application has no need to.
func waitUntilEmpty(db *sql.DB) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := 1; n > 0; <-tick.C {
		if err := db.QueryRow("SELECT count(*) FROM actionlog_outbox").Scan(&n); err != nil {
			panic(err)
		}
	}
}

// exampleKafka starts a broker with the topic "events".
func exampleKafka() (brokers []string, stop func()) {
	dir, err := os.MkdirTemp("", "actionlog-example-*")
	if err != nil {
		panic(err)
	}
	broker, err := embedded.StartBroker(embedded.BrokerConfig{Dir: dir})
	if err != nil {
		panic(err)
	}
	client := &kafka.Client{Addr: kafka.TCP(broker.Addr())}
	_, err = client.CreateTopics(context.Background(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: "events", NumPartitions: 1, ReplicationFactor: 1}},
	})
	if err != nil {
		panic(err)
	}
	return []string{broker.Addr()}, func() {
		if err := broker.Close(); err != nil {
			panic(err)
		}
		os.RemoveAll(dir)
	}
}
