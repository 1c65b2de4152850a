package webtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/chromedp/chromedp"
)

// axeSource returns the source of axe-core, which `make test` fetches as package.json
// and package-lock.json beside this file say.
func axeSource(t testing.TB) string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // only the file matters
	source, err := os.ReadFile(filepath.Join(filepath.Dir(here), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core, which checks accessibility, is not there (%v): make test fetches it", err)
	}
	return string(source)
}

// Axe returns what axe-core finds wrong with the accessibility of the page.
func (b *Tab) Axe() []string {
	b.t.Helper()
	// What a menu or the brush of the chart lies over is no target meanwhile.
	return b.axe("{resultTypes: ['violations'], rules: {'target-size': {enabled: !document.querySelector('.menu[open], .brush-tip.is-on')}}}")
}

// AxeIn is Axe for a page that is looked at in the light scheme and then in the dark
// one, where nothing but contrast can be wrong anew.
func (b *Tab) AxeIn(dark bool) []string {
	b.t.Helper()
	if dark {
		return b.axe("{resultTypes: ['violations'], runOnly: ['color-contrast']}")
	}
	return b.Axe()
}

func (b *Tab) axe(options string) []string {
	b.t.Helper()
	// It is the only script that ever runs here.
	b.scripts(true)
	defer b.scripts(b.scripted)
	source := ""
	if !eval[bool](b, "'axe' in window") {
		source = axeSource(b.t)
	}
	report, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`%s;
		axe.run(%s).then(r => JSON.stringify(r.violations.flatMap(v => v.nodes.map(n => v.id + ': ' + n.target.join(' ') + ': ' + n.failureSummary.replace(/\s+/g, ' ')))))`,
		source, options), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("run axe-core: %v", err)
	}
	var violations []string
	if err := json.Unmarshal([]byte(report), &violations); err != nil {
		b.t.Fatalf("read what axe-core says: %v", err)
	}
	return violations
}
