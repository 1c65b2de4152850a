package action

import (
	"testing"
	"time"
)

func TestDecodeFillsWhatIsAbsent(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_123)
	e, err := Decode([]byte(`{"actor":{"id":"u1"},"action":"record.viewed"}`),
		Origin{Topic: "actions", Partition: 3, Offset: 17, Time: at})
	if err != nil {
		t.Fatal(err)
	}
	if e.ID != "actions-3-17" || !e.Time.Equal(at) || e.Tenant != "default" || e.Actor.Type != "user" || e.Outcome != "success" {
		t.Errorf("decoded %+v", e)
	}
}
