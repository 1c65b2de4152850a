package action_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/actionlog/actionlog/pkg/action"
)

func TestParseReason(t *testing.T) {
	t.Parallel()
	for _, want := range action.Reasons() {
		if got, err := action.ParseReason(string(want)); err != nil || got != want {
			t.Errorf("%s: got %s, %v", want, got, err)
		}
	}
	f := func(name string, texts ...string) {
		t.Helper()
		_, err := action.ParseReason(name)
		if err == nil {
			t.Errorf("%q is taken for a reason", name)
			return
		}
		for _, text := range append(texts, "missing_field", "invalid_json, ") {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v: it lacks %q", name, err, text)
			}
		}
	}
	f("invalid-json", "did you mean invalid_json?")
	f("unknown_feild", "did you mean unknown_field?")
	f("TooLong", "did you mean too_long?")
	f("", "give one of")
	f("\x1b[31m", `"\x1b[31m" is not a reason`, "give one of")
}

func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/rejected.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []action.Reason
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, action.Reason(match[1]))
	}
	if !slices.Equal(documented, action.Reasons()) {
		t.Errorf("docs/rejected.md lists %v, want %v", documented, action.Reasons())
	}
}
