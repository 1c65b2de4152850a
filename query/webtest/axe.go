package webtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeSource returns the source of axe-core, which it fetches as package.json and
// package-lock.json beside this file say when it is not there.
func axeSource(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // only the file matters
	dir := filepath.Dir(here)
	path := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	fetching.Lock()
	defer fetching.Unlock()
	if _, err := os.Stat(path); err != nil {
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		npm.Dir = dir
		if output, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("fetch axe-core, which checks accessibility: npm ci in %s: %v\n%s", dir, err, output)
		}
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read axe-core: %v", err)
	}
	return string(source)
}

// fetching keeps tests that run at the same time from fetching at the same time.
var fetching sync.Mutex

// Axe returns what axe-core finds wrong with the accessibility of the page.
func (b *Tab) Axe() []string {
	b.t.Helper()
	source := axeSource(b.t)
	// It is the only script that ever runs here.
	b.scripts(true)
	defer b.scripts(false)
	report, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](source+`;
		axe.run().then(r => JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.target.join(' ') + ': ' + n.failureSummary.replace(/\s+/g, ' ')))))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("run axe-core: %v", err)
	}
	var violations []string
	if err := json.Unmarshal([]byte(report), &violations); err != nil {
		b.t.Fatalf("read what axe-core says: %v", err)
	}
	return violations
}
