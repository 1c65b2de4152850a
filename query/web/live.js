(() => {
  'use strict';
  const { $, $$, reload, drawer } = al;
  // A table that has grown so long is read again from its top.
  const mostRows = 300;
  const again = 5000;
  let on = false, source = null, last = '', timer = 0, retry = 0, settled = false;
  const waiting = new Set();

  const place = () => $('#live[data-tail]');
  const field = () => $('#live input');
  const shown = id => document.getElementById('event-' + id);
  const paused = () => scrollY > 160 || drawer.open() || $('.menu[open], dialog[open], #rows :focus');

  const tell = () => {
    const button = $('#live-new'), n = waiting.size;
    if (!button) return;
    button.hidden = n === 0;
    if (n === 0) return;
    const text = place().dataset.new.replace('{n}', n.toLocaleString(document.documentElement.lang));
    $('span', button).textContent = text;
    button.setAttribute('aria-label', place().dataset.show.replace('{n}', n));
    $('#live-said').textContent = text;
  };

  // Puts the rows of the newest page where they belong among those that are shown.
  const merge = fetched => {
    let before = null, added = 0;
    const rows = $('#rows');
    for (const row of fetched.reverse()) {
      const known = document.getElementById(row.id);
      if (known) {
        before = known;
      } else if (before) {
        row.classList.add('is-new');
        before.before(row);
        before = row;
        added++;
        setTimeout(() => row.classList.remove('is-new'), 4000);
      }
    }
    return before && rows ? added : -1;
  };

  const ask = path => fetch(path, { headers: { 'HX-Request': 'true', 'HX-Trigger': 'live' } }).then(r => r.ok ? r.text() : '', () => '');

  // The rows of the newest page; none where there are others to ask for by then.
  const newest = async here => {
    const body = document.createElement('tbody');
    body.innerHTML = await ask(here.dataset.rows);
    return here === place() && body.rows.length ? [...body.rows] : null;
  };

  const flush = async () => {
    const here = place();
    if (!here || waiting.size === 0) return;
    if (!$('#rows [data-event]') || waiting.size > 40 || $$('#rows [data-event]').length > mostRows) {
      waiting.clear();
      reload();
      return;
    }
    const asked = new Set(waiting);
    const fetched = await newest(here);
    if (!fetched) return;
    for (const id of asked) waiting.delete(id);
    tell();
    if (merge(fetched) < 0) {
      reload();
      return;
    }
    const count = await ask(here.dataset.count);
    if (count && here === place()) $('.sum .count').outerHTML = count;
  };

  const come = () => {
    clearTimeout(timer);
    timer = setTimeout(() => paused() ? tell() : flush(), 250);
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(retry);
  };

  const connect = () => {
    close();
    const here = place();
    if (!here || !on || !navigator.onLine) return;
    const url = new URL(here.dataset.tail, location.href);
    if (last) url.searchParams.set('after', last);
    const mine = source = new EventSource(url);
    const state = () => field()?.closest('.switch').classList.toggle('is-waiting', mine.readyState !== EventSource.OPEN);
    mine.onopen = state;
    mine.addEventListener('position', e => {
      last = e.lastEventId;
      // What came between the page and the tail is on neither.
      if (!settled) { settled = true; catchUp(); }
    });
    mine.addEventListener('action', e => {
      last = e.lastEventId;
      const id = JSON.parse(e.data).id;
      if (shown(id)) return;
      waiting.add(id);
      come();
    });
    // The browser connects again by itself, with the last id, unless it was refused.
    mine.onerror = () => {
      state();
      if (mine.readyState === EventSource.CLOSED && source === mine) retry = setTimeout(connect, again);
    };
  };

  const catchUp = async () => {
    const here = place();
    const fetched = await newest(here);
    if (!fetched) return;
    const first = $('#rows [data-event]')?.closest('tr').id;
    for (const row of fetched) {
      if (row.id === first) break;
      waiting.add(row.id.slice('event-'.length));
    }
    if (waiting.size) come();
  };

  const renew = () => {
    close();
    waiting.clear();
    last = '';
    settled = false;
    if (!field()) return;
    field().checked = on;
    field().disabled = !navigator.onLine;
    tell();
    connect();
  };

  document.addEventListener('change', e => {
    if (!e.target.matches('#live input')) return;
    on = e.target.checked;
    renew();
  });
  document.addEventListener('click', e => {
    if (!e.target.closest('#live-new')) return;
    scrollTo(0, 0);
    flush();
  });
  document.addEventListener('htmx:afterSettle', e => { if (e.detail.elt.id === 'results') renew(); });
  // At the top again, or with the drawer closed, what has waited comes in.
  const resume = () => { if (waiting.size && !paused()) come(); };
  addEventListener('scroll', resume, { passive: true });
  addEventListener('focusin', resume);
  for (const name of ['toggle', 'close']) document.addEventListener(name, () => setTimeout(resume), true);
  addEventListener('focusout', () => setTimeout(resume));
  // Browsers have few connections for a site: a tab that nobody sees gives its own back.
  document.addEventListener('visibilitychange', () => { if (document.hidden) close(); else if (on) connect(); });
  const online = () => {
    if (field()) field().disabled = !navigator.onLine;
    if (navigator.onLine) {
      $('.is-offline')?.remove();
      connect();
    } else {
      close();
      al.offline();
    }
  };
  addEventListener('online', online);
  addEventListener('offline', online);
  al.ready(() => { if (!navigator.onLine) online(); });
})();
