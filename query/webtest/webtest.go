// Package webtest drives the page in a browser, as a person does: it types, clicks and
// reads what is shown. Scripts are switched off unless a test switches them on, since the
// page must never need one for its main job.
package webtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// timeout bounds all that a tab does, on a busy machine too.
const timeout = 5 * time.Minute

// Tab is a browser with one tab. Its methods fail the test when something does
// not work, such as a click on what is not there.
type Tab struct {
	t testing.TB
	// ctx is the browser, by the way of chromedp.
	ctx context.Context

	// scripted is whether pages may run scripts.
	scripted bool

	mu         sync.Mutex
	complaints []string
	// forgiven is what complaints may hold that a test provokes.
	forgiven []string
}

// Open starts a browser of its own for a test. What the browser complains about,
// such as a violation of the Content-Security-Policy, fails the test in the end.
func Open(t testing.TB) *Tab {
	t.Helper()
	b := &Tab{t: t}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(find(t)),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.DisableGPU,
		chromedp.Flag("no-sandbox", os.Geteuid() == 0),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		// Going back loads the page again, so that its load can be waited for.
		chromedp.Flag("disable-features", "Translate,BackForwardCache"),
		chromedp.Flag("lang", "en-US"), // the parts of date fields have the order of a language
	)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(b.listen))
	t.Cleanup(func() {
		// The browser writes to its directory until it has ended.
		_ = chromedp.Cancel(b.ctx)
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.complaints) > 0 {
			t.Errorf("the browser complains:\n%s", strings.Join(b.complaints, "\n"))
		}
	})
	if _, err := chromedp.Call(b.ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	b.scripts(false)
	b.Size(1440, 900)
	return b
}

func find(t testing.TB) string {
	t.Helper()
	names := []string{
		"chromium-headless-shell", // without windows, which take a quarter of the time
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("these tests drive a browser and there is none: make test installs it on Debian; elsewhere install Chromium, so that one of %s is on the PATH", strings.Join(names, ", "))
	return ""
}

func (b *Tab) listen(event any) {
	complaint := ""
	switch e := event.(type) {
	case *log.EventEntryAdded:
		// Some tests ask for a page that is answered with 404 or 503.
		if e.Entry.Level != log.EntryLevelVerbose && e.Entry.Source != log.EntrySourceNetwork {
			complaint = fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		complaint = "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		said := make([]string, len(e.Args))
		for i, arg := range e.Args {
			said[i] = string(arg.Value) + arg.Description
		}
		// htmx reports a request that a later question gave up as an error.
		if len(said) == 0 || !strings.Contains(said[0], "htmx:sendAbort") && !strings.Contains(said[0], "htmx:afterRequest") {
			complaint = "console: " + strings.Join(said, " ")
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	provoked := func(text string) bool { return strings.Contains(complaint, text) }
	if complaint != "" && !slices.ContainsFunc(b.forgiven, provoked) {
		b.complaints = append(b.complaints, complaint)
	}
}

// Forgive passes over complaints that hold a text, since the test provokes them.
func (b *Tab) Forgive(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forgiven = append(b.forgiven, text)
}

func (b *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// eval returns the value of an expression. It is for reading only.
func eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("read the page: %v", err)
	}
	return value
}

// Scripts switches the scripts of pages that are opened from now on.
func (b *Tab) Scripts(on bool) {
	b.t.Helper()
	b.scripted = on
	b.scripts(on)
}

func (b *Tab) scripts(on bool) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}); err != nil {
		b.t.Fatalf("switch scripts: %v", err)
	}
}

// Size makes the window so large.
func (b *Tab) Size(width, height int64) {
	b.t.Helper()
	b.do("set the window's size", chromedp.EmulateViewport(width, height))
}

// Dark switches between the dark and the light scheme.
func (b *Tab) Dark(dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.Media("", "prefers-color-scheme", scheme)
}

// Media shows pages as on a medium, such as print, and with a feature of it.
func (b *Tab) Media(medium, feature, value string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: medium, Features: []*emulation.MediaFeature{{Name: feature, Value: value}},
	})
	if err != nil {
		b.t.Fatalf("set the medium: %v", err)
	}
}

// Zone moves the browser to a time zone.
func (b *Tab) Zone(name string) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: name}); err != nil {
		b.t.Fatalf("set the time zone: %v", err)
	}
}

// Offline takes the connection away from the browser, or gives it back.
func (b *Tab) Offline(offline bool) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
	if err != nil {
		b.t.Fatalf("switch the connection: %v", err)
	}
}

// Go opens an address.
func (b *Tab) Go(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url))
	b.arrived()
}

// arrived waits until the scripts of a page have begun, and a browser without scripts is
// where a slow page leads it.
func (b *Tab) arrived() {
	b.t.Helper()
	if b.scripted {
		b.Until("!document.documentElement.matches('.js:not(.is-ready)')")
	} else {
		b.Until("document.readyState === 'complete' && document.querySelector('#results[data-stream]') === null")
	}
}

// Back goes one page back.
func (b *Tab) Back() {
	b.t.Helper()
	b.do("go back", chromedp.NavigateBack())
	b.arrived()
}

// Reload loads the page again, and follows where that leads.
func (b *Tab) Reload() {
	b.t.Helper()
	b.await("load the page again", chromedp.Reload())
}

// Click clicks on what a CSS selector finds first.
func (b *Tab) Click(selector string) {
	b.t.Helper()
	b.do("click on "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// ClickAt clicks on a place of the window.
func (b *Tab) ClickAt(x, y float64) {
	b.t.Helper()
	b.do("click", chromedp.MouseClickXY(x, y))
}

// Follow clicks on what leads to another page, and waits for that page.
func (b *Tab) Follow(selector string) {
	b.t.Helper()
	b.await("follow "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Type types into a field.
func (b *Tab) Type(selector, text string) {
	b.t.Helper()
	b.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Press presses keys, wherever the focus is.
func (b *Tab) Press(keys string) {
	b.t.Helper()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// Enter presses Enter as a keyboard does, by a raw event: where the page takes the key, no
// form is submitted.
func (b *Tab) Enter() {
	b.t.Helper()
	for _, event := range kb.Encode('\r') {
		if event.Type == kb.KeyDown {
			event.Type = kb.KeyRawDown
		}
		if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, *event); err != nil {
			b.t.Fatalf("press Enter: %v", err)
		}
	}
}

// Submit presses keys that lead to another page, and waits for that page.
func (b *Tab) Submit(keys string) {
	b.t.Helper()
	b.await("press keys", chromedp.KeyEvent(keys))
}

func (b *Tab) await(what string, step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.WaitEvent(page.LoadEventFired, nil, step)); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	b.arrived()
}

// patience is how long a page has to become as a test expects it, on a busy machine too.
const patience = time.Minute

// Until waits until an expression is true, whichever page is shown by then.
func (b *Tab) Until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.t.Fatalf("%s does not become true at %s: %s", expression, b.URL(), b.Text("main"))
		}
	}
}

// URL returns the address of the page.
func (b *Tab) URL() string {
	b.t.Helper()
	return eval[string](b, "location.href")
}

// Text returns the text of the first element, empty when there is none.
func (b *Tab) Text(selector string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf("(document.querySelector(%q)?.innerText ?? '').trim()", selector))
}

// Texts returns the text of every element.
func (b *Tab) Texts(selector string) []string {
	b.t.Helper()
	return eval[[]string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.innerText.trim())", selector))
}

// Focused describes what has the focus: its name for screen readers, or its text.
func (b *Tab) Focused() string {
	b.t.Helper()
	return eval[string](b, "(e => e.getAttribute('aria-label') || e.name || e.innerText || e.tagName)(document.activeElement).trim()")
}

// Row is a row of the table of events, as it is shown.
type Row struct{ Date, User, IP, Action, Subject, Description string }

// Rows returns the table of events, row by row. The fields of a closed row that
// have no column are not among them.
func (b *Tab) Rows() []Row {
	b.t.Helper()
	cells := eval[[][]string](b, "[...document.querySelectorAll('.log tbody tr')].filter(r => r.id !== 'more').map(r => [...r.cells].map(c => (c.querySelector('summary') ?? c).innerText.trim()))")
	rows := make([]Row, len(cells))
	for i, c := range cells {
		if len(c) != 6 {
			b.t.Fatalf("row %d has %d cells, want 6: %q", i, len(c), c)
		}
		rows[i] = Row{c[0], c[1], c[2], c[3], c[4], c[5]}
	}
	return rows
}

// Download clicks on a link that downloads a file, and returns its content.
func (b *Tab) Download(selector string) []byte {
	b.t.Helper()
	dir := b.t.TempDir()
	events := true
	_, err := chromedp.CallBrowser(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: dir, EventsEnabled: &events,
	})
	if err != nil {
		b.t.Fatalf("allow downloads: %v", err)
	}
	ended := make(chan *browser.EventDownloadProgress, 1)
	err = chromedp.ListenBrowser(b.ctx, func(event any) {
		if e, ok := event.(*browser.EventDownloadProgress); ok && e.State != browser.DownloadProgressStateInProgress {
			select {
			case ended <- e:
			default:
			}
		}
	})
	if err != nil {
		b.t.Fatalf("listen for downloads: %v", err)
	}
	b.Click(selector)
	select {
	case e := <-ended:
		if e.State != browser.DownloadProgressStateCompleted {
			b.t.Fatalf("download %s: it was %s", selector, e.State)
		}
		content, err := os.ReadFile(filepath.Join(dir, e.GUID))
		if err != nil {
			b.t.Fatalf("read what was downloaded: %v", err)
		}
		return content
	case <-b.ctx.Done():
		b.t.Fatalf("download %s: %v", selector, b.ctx.Err())
		return nil
	}
}

// Overflow returns what reaches beyond the right edge of the window and makes the
// page scroll sideways; empty when it does not scroll.
func (b *Tab) Overflow() string {
	b.t.Helper()
	return eval[string](b, `(() => {
		const edge = document.documentElement.clientWidth, over = [];
		if (document.documentElement.scrollWidth <= edge && document.body.scrollWidth <= edge) return '';
		for (const e of document.querySelectorAll('body *')) {
			const right = e.getBoundingClientRect().right;
			if (right > edge + 1) over.push(e.tagName + '.' + (e.getAttribute('class') ?? '') + ' reaches ' + Math.round(right));
		}
		return 'the page is wider than ' + edge + ': ' + over.slice(0, 8).join(', ');
	})()`)
}

// Small returns what can be clicked and is smaller than 44 px: fingers miss it.
func (b *Tab) Small() []string {
	b.t.Helper()
	return eval[[]string](b, `[...document.querySelectorAll('a, button, summary, label.opt, [role=option], input:not([type=checkbox], [type=hidden], label.opt *)')]
		.filter(e => !e.closest('.skip, .log, .bars-links') && e.checkVisibility())
		.map(e => [e, (e.matches('.line-in') ? e.closest('.line') : e).getBoundingClientRect()])
		.filter(([e, r]) => r.height > 0 && (r.height < 44 || r.width < 44))
		.map(([e, r]) => (e.getAttribute('aria-label') || e.innerText || e.name) + ' is ' + Math.round(r.width) + ' × ' + Math.round(r.height))`)
}

// Screenshot returns a picture of the window as a PNG.
func (b *Tab) Screenshot() []byte {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatalf("take a screenshot: %v", err)
	}
	return png
}
