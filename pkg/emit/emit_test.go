package emit_test

import (
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded/embeddedtest"
	"github.com/actionlog/actionlog/pkg/emit"
)

// newEmitter returns an emitter to a topic of its own, and that topic.
func newEmitter(t testing.TB, partitions int) (*emit.Emitter, string) {
	t.Helper()
	topic := embeddedtest.Topic(t, partitions)
	return openEmitter(t, emit.Config{Brokers: []string{embeddedtest.Broker(t)}, Topic: topic}), topic
}

func openEmitter(t testing.TB, cfg emit.Config) *emit.Emitter {
	t.Helper()
	e, err := emit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close the emitter: %v", err)
		}
	})
	return e
}
