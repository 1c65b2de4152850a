'use strict';
// What every script of the page shares. The others are functions of their own.
const al = (() => {
  const root = document.documentElement;
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  // What begins once all scripts are there.
  const ready = f => queueMicrotask(f);

  // The question that waits for its answer. Where another one is asked meanwhile, it is
  // given up: of two answers the later one would find nothing that it could replace.
  let asking = null;
  const giveUp = () => asking?.xhr.abort();
  const asks = e => e.detail.target?.id === 'results';
  document.addEventListener('htmx:confirm', e => { if (asks(e)) giveUp(); });
  document.addEventListener('htmx:beforeRequest', e => { if (asks(e)) asking = e.detail; });
  document.addEventListener('htmx:afterRequest', e => { if (e.detail.xhr === asking?.xhr) asking = null; });

  const ask = url => htmx.ajax('GET', url, { target: '#results', swap: 'outerHTML show:none' }).catch(() => {});

  // Asks for the results again, as they are now to be shown.
  const reload = () => {
    const url = asking?.pathInfo.finalRequestPath ?? $('#results')?.dataset.url;
    if (url) ask(url);
  };

  // Whether the results are about something else than the address says.
  const astray = () => {
    const results = $('#results[data-line]'), address = new URLSearchParams(location.search);
    return location.pathname === '/' && Boolean(results) &&
      ['search', 'cursor'].some(name => (address.get(name) ?? '') !== results.dataset[name === 'search' ? 'line' : name]);
  };

  // Keeps preferences: pairs of a name and a value, where no value forgets it.
  const prefer = pairs => {
    const body = new URLSearchParams();
    for (const [name, value] of pairs) if (value !== null) body.append(name, value);
    body.append('names', [...new Set(pairs.map(p => p[0]))].join(' '));
    return fetch('/preferences', { method: 'POST', body, headers: { 'HX-Request': 'true' } });
  };

  // Without a secure connection browsers have no clipboard but the old way.
  const copy = async text => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  };

  // A button says for a moment that it did what it was asked, and keeps its width.
  const copied = async (button, text) => {
    await copy(text);
    const label = $('span', button);
    button.dataset.label ??= label.textContent;
    button.style.minWidth = button.offsetWidth + 'px';
    label.textContent = document.body.dataset.copied;
    clearTimeout(button.saying);
    button.saying = setTimeout(() => { label.textContent = button.dataset.label; }, 1500);
  };

  addEventListener('click', e => {
    const button = e.target.closest('[data-copy=previous]');
    if (button) copied(button, button.previousElementSibling.textContent);
  });

  // The server is told the zone of the browser once, and shows its times from then on.
  ready(() => {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const told = root.dataset.zone;
    if (!zone || zone === told) return;
    prefer([['tz', zone]]).then(r => {
      if (!r.ok || root.dataset.shown === zone || root.dataset.fixed) return;
      if ($('#results[data-url]')) reload();
      else if (performance.getEntriesByType('navigation')[0]?.type !== 'reload') location.reload(); // once, where cookies are refused
    }, () => {});
  });
  return { $, $$, ready, ask, giveUp, reload, astray, prefer, copied };
})();
