package ingest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModelFindsPlantedBugs plants a bug in the consumer and expects TestModel to
// find it: a model that finds nothing proves nothing.
func TestModelFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	for _, bug := range []struct{ name, file, right, wrong string }{
		{
			"the ledger is written before the events", "consume.go",
			`c.retry(ctx, stepEvents, func(ctx context.Context) error { return c.store.InsertActions(ctx, &b.actions) })`,
			`c.retry(ctx, stepLedger, func(ctx context.Context) error { return c.store.InsertRanges(ctx, b.ranges) })
	if err != nil {
		return err
	}
	err = c.retry(ctx, stepEvents, func(ctx context.Context) error { return c.store.InsertActions(ctx, &b.actions) })`,
		},
		{
			"rejected messages are not waited for", "consume.go",
			`c.retry(ctx, stepRejected, func(ctx context.Context) error { return c.store.InsertRejected(ctx, b.rejected) })`,
			`c.store.InsertRejected(ctx, b.rejected)
	err = nil`,
		},
		{
			"an error is taken for success", "retry.go",
			`if err == nil {`,
			`if err == nil || err.Error() == "timed out, and lands later" {`,
		},
		{
			"the topic's id is not asked for after the fetch", "consume.go",
			`if id != t.id {`,
			`if id != t.id && t.name == "" {`,
		},
		{
			"deleted records are passed over", "consume.go",
			`case bound.first > position.Offset:`,
			`case bound.first > position.Offset && func() bool { position.Offset = bound.first; return false }():`,
		},
		{
			"what was read before is read again", "fetch.go",
			`		if r.offset < part.To {
			continue`,
			`		if r.offset == part.To-2 {
			continue`,
		},
		{
			"a re-created topic goes on where the old one was", "consume.go",
			`settled := ledger[t.id]
`,
			`settled := ledger[t.id]
	for _, other := range ledger {
		if settled == nil {
			settled = other
		}
	}
`,
		},
		{
			"a checkpoint is ahead of what is settled", "model_test.go",
			`Partition: p, To: settled.Offset})`,
			`Partition: p, To: settled.Offset + 1})`,
		},
		{
			"what is not settled is said to be complete", "completeness.go",
			`ok && c.settled[p] >= m.end {`,
			`ok && c.settled[p] >= m.end-1 {`,
		},
		{
			"the moment is taken after the log was asked for its end", "completeness.go",
			`complete.saw(logs, at, len(all)) {`,
			`complete.saw(logs, at.Add(time.Since(at)), len(all)) {`,
		},
		{
			"the topic's id is not asked for after the ends", "completeness.go",
			`if id != t.id {`,
			`if id != t.id && t.name == "" {`,
		},
	} {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(bug.file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(string(source), bug.right) != 1 {
				t.Fatalf("%s does not hold exactly one of:\n%s", bug.file, bug.right)
			}
			mutant := strings.Replace(string(source), bug.right, bug.wrong, 1)
			dir := t.TempDir()
			path := filepath.Join(dir, bug.file)
			if err := os.WriteFile(path, []byte(mutant), 0o600); err != nil {
				t.Fatal(err)
			}
			original, err := filepath.Abs(bug.file)
			if err != nil {
				t.Fatal(err)
			}
			overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: path}})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-overlay", filepath.Join(dir, "overlay.json"),
				"-run", "^TestModel$", ".", "-model.seed", "1", "-model.schedules", "5000", "-timeout", "2m").CombinedOutput()
			if err == nil {
				t.Fatal("the model does not find it")
			}
			if !strings.Contains(string(out), "seed ") || !strings.Contains(string(out), "--- FAIL: TestModel") {
				t.Fatalf("the model did not run: %s", out)
			}
		})
	}
}
