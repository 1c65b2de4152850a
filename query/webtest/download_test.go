package webtest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// lines are those of a file of CSV without line ends in its cells.
func lines(content []byte) []string {
	return strings.Split(strings.TrimSuffix(string(content), "\r\n"), "\r\n")
}

func TestDownloadOffersChoices(t *testing.T) {
	t.Parallel()
	s := serve(t, company()...)
	b := scripted(t)
	b.Go(s.url + "/?search=actor:bob")
	b.Press("d")
	b.Until("document.querySelector('#download').open && document.querySelector('#dl-count').innerText === '2'")
	content := b.Download("#download .dialog-foot .btn-main")
	if got := lines(content); len(got) != 3 || got[0] != "time,actor_id,actor_name,on_behalf_of_id,on_behalf_of_name,ip,action,outcome,subject_type,subject_id,subject_name,description" {
		t.Errorf("the columns of the page: %q", got)
	}
	b.Until("document.querySelector('#download').dataset.state === 'done'")
	if got := b.Text("#dl-sum"); !strings.HasPrefix(got, "2 rows, ") || !strings.HasSuffix(got, "Complete.") {
		t.Errorf("in the end it says %q", got)
	}
	if got := b.Text("[data-for=done] .dl-file"); !strings.HasPrefix(got, "actions-default-") || !strings.HasSuffix(got, ".csv") {
		t.Errorf("the file is called %q", got)
	}
	b.Click("#download [data-for='done plain'] .btn-main")
	b.Until("!document.querySelector('#download').open && document.activeElement.matches('[data-download]')")
	b.Press("d")
	b.Click("#download label:has([value=all])")
	b.Click("#download [name=bom]")
	b.Until("document.querySelector('#dl-count').innerText === '2'")
	all := string(b.Download("#download .dialog-foot .btn-main"))
	if !strings.HasPrefix(all, "\ufefftime,id,tenant,") || !strings.Contains(all, "session-b") {
		t.Errorf("all columns: %q", all)
	}
}

// behind serves through a proxy, which passes on of an export what a test makes of its body.
func (s *service) behind(export func(body io.Reader, r *http.Request) io.Reader) string {
	s.t.Helper()
	to, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(r *http.Response) error {
		if strings.HasSuffix(r.Request.URL.Path, "export.csv") {
			r.Body = struct {
				io.Reader
				io.Closer
			}{export(r.Body, r.Request), r.Body}
		}
		return nil
	}
	front := httptest.NewServer(proxy)
	s.t.Cleanup(front.Close)
	return front.URL
}

// A connection that breaks in the middle leaves nothing that looks whole, and can be
// tried again.
func TestBrokenDownloadLeavesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(2000)...)
	var breaks atomic.Bool
	front := s.behind(func(body io.Reader, _ *http.Request) io.Reader {
		if breaks.Load() {
			return io.MultiReader(io.LimitReader(body, 50_000), brokenReader{})
		}
		return body
	})
	b := scripted(t)
	b.Go(front)
	b.Press("d")
	b.Until("document.querySelector('#dl-count').innerText === '2,000'")
	breaks.Store(true)
	b.Click("#download .dialog-foot .btn-main")
	b.Until("document.querySelector('#download').dataset.state === 'failed'")
	if got := b.Text("#dl-failed"); !strings.HasPrefix(got, "Stopped at ") || !strings.HasSuffix(got, " of 2,000 rows") {
		t.Errorf("it says %q", got)
	}
	if got := b.Text("#dl-why"); !strings.Contains(got, "Nothing was saved") {
		t.Errorf("it says %q", got)
	}
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
	screenshot(t, b, "js-download-failed.png")
	breaks.Store(false)
	content := b.Download("#download [data-dl=again]")
	if got := len(lines(content)); got != 2001 {
		t.Errorf("the file has %d lines, want 2001", got)
	}
}

// saved is what the file holds that the stubbed picker of pickFiles gives, "" where there
// is none.
func (b *Tab) saved() string {
	b.t.Helper()
	eval[string](b, `(window.saved = undefined, navigator.storage.getDirectory().then(d => d.getFileHandle('chosen.csv')).then(h => h.getFile()).then(f => f.text()).then(text => { window.saved = text; }, () => { window.saved = ''; }), '')`)
	b.Until("window.saved !== undefined")
	return eval[string](b, "window.saved")
}

// pickFiles has pages choose a file in the browser's own storage, where nobody can click on
// the picker. With window.dismissed none is chosen.
func (b *Tab) pickFiles() {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.showSaveFilePicker = async () => {
			if (window.dismissed) throw new DOMException('dismissed', 'AbortError');
			return (await navigator.storage.getDirectory()).getFileHandle('chosen.csv', { create: true });
		}`})
	if err != nil {
		b.t.Fatalf("stub the picker: %v", err)
	}
}

// More rows than a window holds go to a file on the disk as they come. What is given up
// leaves nothing, and says what became of the file.
func TestLargeDownloadGoesToTheDisk(t *testing.T) {
	t.Parallel()
	const n = 100_500
	s := serve(t, numbered(n)...)
	var breaks, stalls atomic.Bool
	front := s.behind(func(body io.Reader, r *http.Request) io.Reader {
		switch {
		case breaks.Load():
			return io.MultiReader(io.LimitReader(body, 200_000), brokenReader{})
		case stalls.Load():
			return io.MultiReader(io.LimitReader(body, 200_000), stalledReader{r.Context().Done(), make(chan struct{})})
		default:
			return body
		}
	})
	b := scripted(t)
	b.pickFiles()
	b.Go(front)
	choose := func() {
		t.Helper()
		b.Press("d")
		b.Until("document.querySelector('#dl-count').innerText === '100,500' && document.querySelector('[data-way=large]').checkVisibility()")
	}
	start := func() { b.t.Helper(); b.Click("#download .dialog-foot .btn-main") }
	state := func(name string) {
		b.t.Helper()
		b.Until("document.querySelector('#download').dataset.state === " + quoted(name))
	}
	says := func(want string) {
		t.Helper()
		if got := b.Text("#dl-why"); !strings.Contains(got, "othing was saved") || !strings.HasSuffix(got, want) {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	choose()
	eval[bool](b, "window.dismissed = true")
	start()
	state("choose")
	eval[bool](b, "window.dismissed = false")

	stalls.Store(true)
	start()
	b.Until("document.querySelector('#download').dataset.state === 'running' && document.querySelector('.progress').value > 0")
	b.Press("\x1b")
	state("failed")
	if got := b.Text("#dl-failed"); got != "Download cancelled" || !eval[bool](b, "document.querySelector('#download').open") {
		t.Errorf("Escape: %q", got)
	}
	says("The empty file chosen.csv was removed again.")
	if got := b.saved(); got != "" {
		t.Errorf("what was cancelled leaves %d bytes", len(got))
	}
	stalls.Store(false)
	b.Click("#download [data-dl=again]")
	state("done")
	if got := b.Text("#dl-sum"); !strings.HasPrefix(got, "100,500 rows, ") || b.Text("[data-for=done] .dl-file") != "chosen.csv" {
		t.Errorf("in the end it says %q", got)
	}
	whole := b.saved()
	if got := lines([]byte(whole)); len(got) != n+1 || !strings.HasPrefix(got[0], "time,actor_id,") {
		t.Errorf("the file has %d lines, of which the first is %q", len(got), got[0])
	}
	b.Press("\x1b")
	b.Until("!document.querySelector('#download').open")

	// What was there before stays as it was.
	stalls.Store(true)
	choose()
	start()
	b.Until("document.querySelector('#download').dataset.state === 'running' && document.querySelector('.progress').value > 0")
	b.Click("[data-dl=stop]")
	state("failed")
	says("The file chosen.csv is as it was before.")
	stalls.Store(false)
	breaks.Store(true)
	b.Click("#download [data-dl=again]")
	b.Until("document.querySelector('#dl-failed').innerText.startsWith('Stopped at ')")
	says("The file chosen.csv is as it was before.")
	if got := b.saved(); got != whole {
		t.Errorf("the file that was there has become one of %d bytes", len(got))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A download that is stopped ends the export on the server too.
func TestDownloadIsCancelled(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(2000)...)
	ended := make(chan struct{})
	front := s.behind(func(body io.Reader, r *http.Request) io.Reader {
		return io.MultiReader(io.LimitReader(body, 100_000), stalledReader{r.Context().Done(), ended})
	})
	b := scripted(t)
	b.Go(front)
	b.Press("d")
	b.Until("document.querySelector('#dl-count').innerText === '2,000'")
	b.Click("#download .dialog-foot .btn-main")
	b.Until("document.querySelector('#download').dataset.state === 'running' && document.querySelector('#dl-rows').innerText.endsWith(' of 2,000 rows') && document.querySelector('.progress').value > 0")
	b.Until("document.querySelector('#dl-bytes').innerText.endsWith('kB received')")
	for _, violation := range b.Axe() {
		t.Error(violation)
	}
	screenshot(t, b, "js-download-running.png")
	b.Click("[data-dl=stop]")
	<-ended
	b.Until("document.querySelector('#dl-failed').innerText === 'Download cancelled'")
}

// stalledReader gives nothing until the client goes.
type stalledReader struct {
	gone  <-chan struct{}
	ended chan struct{}
}

func (s stalledReader) Read([]byte) (int, error) {
	<-s.gone
	close(s.ended)
	return 0, io.EOF
}

func TestEveryLookOfDownloads(t *testing.T) {
	t.Parallel()
	s := serve(t, numbered(3)...)
	b := scripted(t)
	for _, dark := range []bool{false, true} {
		for _, width := range []int64{1440, 390} {
			b.Dark(dark)
			b.Size(width, map[bool]int64{true: 844, false: 900}[width < 500])
			b.Go(s.url)
			b.Click("[data-download]")
			b.Until("document.querySelector('#dl-count').innerText === '3'")
			screenshot(t, b, "js-download-"+map[bool]string{true: "dark", false: "light"}[dark]+map[bool]string{true: "-390.png", false: "-1440.png"}[width == 390])
			violations := b.AxeIn(dark)
			if small := b.Small(); width == 390 {
				violations = append(violations, small...)
			}
			if len(violations) > 0 {
				t.Errorf("dark %t at %d px: %q", dark, width, slices.Compact(violations))
			}
		}
	}
}
