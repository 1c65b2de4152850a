package webtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Load is what it takes to show a page to a browser that has none of its files.
type Load struct {
	// Bytes are all that was received, with headers, as it was compressed.
	Bytes int
	// Table is the time from the request to the frame in which the table is painted, and
	// Shift the cumulative layout shift until nothing more comes.
	Table time.Duration
	Shift float64
}

// watch notes, in the page, when the table was painted and what moves. The pager is what
// comes behind the table; what is done after an animation frame comes behind its paint.
const watch = `(() => {
	window.measured = { table: 0, shift: 0 };
	new PerformanceObserver(l => { for (const e of l.getEntries()) window.measured.shift += e.value; }).observe({ type: 'layout-shift', buffered: true });
	const painted = () => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => { window.measured.table = performance.now(); }; c.port2.postMessage(0); });
	const seen = new MutationObserver(() => { if (document.querySelector('#pager')) { seen.disconnect(); painted(); } });
	seen.observe(document, { childList: true, subtree: true });
})()`

// quiet is how long nothing is asked for before a page is taken to be complete.
const quiet = 400 * time.Millisecond

// traffic is what the browser receives.
type traffic struct {
	mu      sync.Mutex
	pending map[network.RequestID]bool
	bytes   int
	changed time.Time
}

func (f *traffic) listen(event any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		f.pending[e.RequestID] = true
	case *network.EventLoadingFinished:
		f.bytes += int(e.EncodedDataLength)
		delete(f.pending, e.RequestID)
	case *network.EventLoadingFailed:
		delete(f.pending, e.RequestID)
	default:
		return
	}
	f.changed = time.Now()
}

// idle reports whether all is there.
func (f *traffic) idle() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pending) == 0 && !f.changed.IsZero() && time.Since(f.changed) > quiet
}

// MeasureLoads opens the log of a service so many times, and says of each time what it
// took. The browser has scripts, and of the page neither files nor, the first time,
// cookies. It comes from another page of the service: from another site it would begin with
// a process for this one.
func MeasureLoads(t testing.TB, service string, width, height int64, times int) []Load {
	t.Helper()
	b := Open(t)
	b.Scripts(true)
	b.Size(width, height)
	call := func(what string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
	call("watch the network", err)
	_, err = chromedp.Call(b.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	call("watch the page", err)
	loads := make([]Load, times)
	for i := range loads {
		b.Go(service + "/healthz")
		_, err = chromedp.Call(b.ctx, network.ClearBrowserCache, cdp.Empty{})
		call("empty the cache", err)
		f := &traffic{pending: map[network.RequestID]bool{}}
		ctx, stop := context.WithCancel(b.ctx)
		call("watch the network", chromedp.Listen(ctx, f.listen))
		b.Go(service + "/")
		b.Until("window.measured.table > 0")
		for tick := time.NewTicker(20 * time.Millisecond); !f.idle(); {
			<-tick.C
		}
		stop()
		loads[i] = Load{
			Bytes: f.bytes, Shift: eval[float64](b, "window.measured.shift"),
			Table: time.Duration(eval[float64](b, "window.measured.table") * float64(time.Millisecond)),
		}
	}
	return loads
}
