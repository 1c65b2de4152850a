package embeddedtest

import (
	"context"
	"sync"
	"testing"

	"github.com/actionlog/actionlog/pkg/embedded/kafka4"
)

// libsVar names the folder with Apache Kafka's libraries. When it is set, Kafka 4 takes
// the place of the embedded broker.
const libsVar = "ACTIONLOG_TEST_KAFKA_LIBS"

// sharedKafka is the Kafka 4 that the tests of this process share. Its start is too
// dear for it to end before the process does.
var sharedKafka struct {
	once   sync.Once
	broker *kafka4.Broker
	dir    string
	err    error
}

func kafka4Broker(t testing.TB, libs string) string {
	t.Helper()
	k := &sharedKafka
	k.once.Do(func() {
		if k.dir, k.err = scratch("actionlog-kafka4-*"); k.err != nil {
			return
		}
		k.broker, k.err = kafka4.Start(context.Background(), kafka4.Config{Libs: libs, Dir: k.dir})
	})
	if k.err != nil {
		t.Fatalf("the Kafka 4 for tests (%s is set): %v", libsVar, k.err)
	}
	sayLastWords(t, k.broker)
	return k.broker.Addr()
}

// sayLastWords logs what Kafka said last when the test fails.
func sayLastWords(t testing.TB, b *kafka4.Broker) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Kafka said:\n%s", b.LastWords())
		}
	})
}
