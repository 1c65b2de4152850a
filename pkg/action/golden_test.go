package action_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/actionlog/actionlog/pkg/action"
	"github.com/actionlog/actionlog/pkg/action/actiontest"
)

// A replay stores a message again as the row that it was: its key (tenant, time,
// id, content hash) and its verdict are the same in every version.
const goldenFile = "testdata/verdicts.ndjson"

// -update adds the cases that goldenFile lacks. It changes none.
var update = flag.Bool("update", false, "add new cases to the golden file")

// verdict is a line of goldenFile.
type verdict struct {
	Case   string        `json:"case"`
	Hash   string        `json:"hash"`
	Tenant string        `json:"tenant,omitempty"`
	Time   string        `json:"time,omitempty"`
	ID     string        `json:"id,omitempty"`
	Reason action.Reason `json:"rejected,omitempty"`
	Field  string        `json:"field,omitempty"`
}

func verdictOf(t *testing.T, c actiontest.Case) verdict {
	t.Helper()
	hash := c.Message().Hash()
	v := verdict{Case: c.Name, Hash: hex.EncodeToString(hash[:])}
	event, rejected := c.Message().Decode(origin())
	if rejected != nil {
		v.Reason, v.Field = rejected.Reason, rejected.Field
		return v
	}
	v.Tenant, v.ID = event.Tenant, event.ID
	v.Time = event.Time.Format(time.RFC3339Nano)
	return v
}

func TestVerdictsNeverChange(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile(goldenFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	golden := map[string]verdict{}
	for line := range bytes.Lines(file) {
		var v verdict
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("read %s: %v", goldenFile, err)
		}
		golden[v.Case] = v
	}
	for _, c := range everyCase() {
		got := verdictOf(t, c)
		want, ok := golden[c.Name]
		delete(golden, c.Name)
		switch {
		case ok && got != want:
			t.Errorf("the verdict on %q has changed:\nfrom %+v\nto   %+v", c.Name, want, got)
		case !ok && *update:
			line, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			file = append(append(file, line...), '\n')
		case !ok:
			t.Errorf("%s lacks %q: add it with go test ./pkg/action -run Verdicts -update", goldenFile, c.Name)
		}
	}
	for name := range golden {
		t.Errorf("the corpus lacks %q, which %s has", name, goldenFile)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(goldenFile, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHashContent(t *testing.T) {
	t.Parallel()
	f := func(value, want string) {
		t.Helper()
		got := action.HashContent([]byte(value))
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("hash of %q is %x, want %s", value, got, want)
		}
	}
	// The examples of FIPS 180-4, and of no input.
	f("", "e3b0c44298fc1c149afbf4c8996fb924")
	f("abc", "ba7816bf8f01cfea414140de5dae2223")
	f("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039")
}
