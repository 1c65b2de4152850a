(() => {
  'use strict';
  const { $, $$, ready, folds, drawer } = al;
  // Where someone is in the list: the first row in sight, below the head, and how far down
  // that is.
  const head = 40;
  al.place = () => {
    const row = scrollY > 0 && $$('#rows tr[id^=event-]').find(r => r.getBoundingClientRect().bottom > head && r.checkVisibility());
    return row ? { at: row.id, top: row.getBoundingClientRect().top } : { at: null };
  };
  let timer = 0, going = false;
  addEventListener('scroll', () => {
    clearTimeout(timer);
    if (!going) timer = setTimeout(() => history.replaceState({ ...history.state, ...al.place() }, ''), 100);
  }, { passive: true });

  // The browser finds back to where it was on a page that has not grown; on one that has, the
  // rows are asked for first.
  document.addEventListener('htmx:afterSettle', e => {
    if (e.detail.requestConfig?.elt.id === 'more') history.scrollRestoration = 'manual';
    else if (e.detail.elt.id === 'results') history.scrollRestoration = 'auto';
  });
  // Rows that are on their way already are waited for.
  const more = row => row.matches('.htmx-request') ? new Promise(done =>
    document.addEventListener('htmx:afterRequest', () => setTimeout(() => done(row !== $('#more') || row.matches('.htmx-request'))), { once: true })) : htmx.ajax('GET', row.getAttribute('hx-get'), { source: row, target: row, swap: 'outerHTML' }).then(() => row !== $('#more'), () => false);
  const goTo = async ({ at, top }) => {
    const stop = () => { going = false; };
    for (const name of ['wheel', 'touchmove', 'keydown', 'pointerdown']) addEventListener(name, stop, { once: true, passive: true });
    going = true;
    const row = () => document.getElementById(at);
    while (going && !row() && $('#more') && await more($('#more')));
    if (going && row()) {
      folds.show(row());
      scrollBy({ top: row().getBoundingClientRect().top - top, behavior: 'instant' });
    }
    going = false;
  };

  ready(async () => {
    let left = null;
    try {
      left = JSON.parse(sessionStorage.getItem('left'));
      sessionStorage.removeItem('left');
    } catch {
      // nothing was kept
    }
    if (left?.list !== location.pathname + location.search) left = null;
    const place = left ?? history.state;
    if (place?.at && $('#rows [data-event]')) await goTo(place);
    if (left) drawer.again(left.event);
  });
})();
