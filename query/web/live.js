(() => {
  'use strict';
  const { $, $$, reload, drawer, folds } = al;
  const again = 5000;
  // The chart is renewed every few seconds at most, and rarely where it takes long.
  const chartPause = 3000, chartShare = 10;
  let on = false, source = null, last = '', timer = 0, retry = 0, settled = false, charting = 0, nextChart = 0;
  const waiting = new Set();

  const place = () => $('#live[data-tail]');
  const field = () => $('#live input');
  const shown = id => document.getElementById('event-' + id);
  const selecting = () => !getSelection().isCollapsed && $('#rows')?.contains(getSelection().anchorNode);
  const focused = () => $('#rows :focus')?.closest('tr').id;
  const reading = () => focused() && focused() !== drawer.returned();
  const paused = () => scrollY > 160 || drawer.open() || $('.menu[open], dialog[open]') || reading() || selecting();

  // What has an earlier time than all that is shown comes on a page below.
  const below = time => $('#more, #pager [rel=next]') && time < ($$('#rows time').at(-1)?.dateTime ?? '');

  // Who has scrolled to where the toolbar is out of sight sees the button all the same.
  const away = () => {
    for (const name of ['is-away', 'btn-main']) $('#live-new')?.classList.toggle(name, scrollY > 160);
  };
  addEventListener('scroll', away, { passive: true });

  const tell = () => {
    const button = $('#live-new'), n = waiting.size;
    if (!button) return;
    button.hidden = n === 0;
    if (n === 0) return;
    away();
    const text = place().dataset.new.replace('{n}', n.toLocaleString(document.documentElement.lang));
    $('span', button).textContent = text;
    button.setAttribute('aria-label', place().dataset.show.replace('{n}', n));
    $('#live-said').textContent = text;
  };

  const ask = path => fetch(path, { headers: { 'HX-Request': 'true', 'HX-Trigger': 'live' } }).then(r => r.ok ? r.text() : '', () => '');

  // The newest page; none where there is another to ask for by then.
  const newest = async here => {
    const made = document.createElement('template');
    made.innerHTML = await ask(here.dataset.rows);
    return here === place() && $('[data-event]', made.content) ? made.content : null;
  };

  // Puts the newest page into the place of the rows that are shown, as if it had been asked
  // for: it folds as any page does, and a run that was open stays so.
  const put = page => {
    const rows = $('#rows'), opened = folds.opened(), selected = $('tr[aria-selected]', rows)?.id, focus = focused();
    const fresh = $$('tr[id^=event-]', page).filter(row => !document.getElementById(row.id));
    for (const row of fresh) row.classList.add('is-new');
    setTimeout(() => { for (const row of fresh) row.classList.remove('is-new'); }, 4000);
    rows.replaceChildren(...$$('tr', page));
    $('#pager').replaceWith($('#pager', page));
    folds.open(opened);
    if (selected) document.getElementById(selected)?.setAttribute('aria-selected', 'true');
    if (focus) $(`#${CSS.escape(focus)} [data-event]`)?.focus({ preventScroll: true });
    htmx.process(rows);
    htmx.process($('#pager'));
  };

  const chart = () => {
    charting ||= setTimeout(async () => {
      const here = place(), begun = performance.now();
      const html = here && await ask(here.dataset.chart);
      nextChart = performance.now() + Math.max(chartPause, chartShare * (performance.now() - begun));
      charting = 0;
      if (html && here === place() && !al.chart.renew(html)) chart();
    }, Math.max(0, nextChart - performance.now()));
  };

  const flush = async wanted => {
    const here = place();
    if (!here || waiting.size === 0) return;
    if (!$('#rows [data-event]')) {
      waiting.clear();
      reload();
      return;
    }
    const asked = new Set(waiting);
    const page = await newest(here);
    if (!page) return;
    if (!wanted && paused()) { // someone has begun to read meanwhile
      tell();
      return;
    }
    for (const id of asked) waiting.delete(id);
    tell();
    put(page);
    chart();
  };

  const come = () => {
    clearTimeout(timer);
    timer = setTimeout(() => paused() ? tell() : flush(false), 250);
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
      const { id, time, conflicting } = JSON.parse(e.data);
      if (shown(id) && !conflicting) return; // one that conflicts with it has its id
      if (below(time)) {
        chart();
        return;
      }
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
    const here = place(), page = here && await newest(here);
    if (!page) return;
    const first = $('#rows [data-event]')?.closest('tr').id;
    for (const row of $$('tr[id^=event-]', page)) {
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
    flush(true);
  });
  document.addEventListener('htmx:afterSettle', e => { if (e.detail.elt.id === 'results') renew(); });
  // At the top again, or with the drawer closed, what has waited comes in.
  const resume = () => { if (waiting.size && !paused()) come(); };
  addEventListener('scroll', resume, { passive: true });
  addEventListener('focusin', resume);
  document.addEventListener('selectionchange', resume);
  for (const name of ['toggle', 'close']) document.addEventListener(name, () => setTimeout(resume), true);
  addEventListener('focusout', () => setTimeout(resume));
  // Browsers have few connections for a site: a tab that nobody sees gives its own back.
  document.addEventListener('visibilitychange', () => { if (document.hidden) close(); else if (on) connect(); });
  const online = () => {
    if (field()) field().disabled = !navigator.onLine;
    if (navigator.onLine) {
      al.online();
      connect();
    } else {
      close();
      al.offline();
    }
  };
  addEventListener('online', online);
  document.addEventListener('al:online', () => { if (on) connect(); });
  addEventListener('offline', online);
  al.ready(() => { if (!navigator.onLine) online(); });
})();
