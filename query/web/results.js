(() => {
  'use strict';
  const { $ } = al;
  // Where an answer takes its time, rows of the same height stand in its place.
  let waiting = 0;
  const stop = () => clearTimeout(waiting);
  document.addEventListener('htmx:beforeRequest', e => {
    if (e.detail.target?.id !== 'results' || e.detail.elt.id === 'more') return;
    for (const menu of document.querySelectorAll('.menu[open]')) menu.open = false;
    stop();
    waiting = setTimeout(() => {
      const rows = $('#rows');
      if (!rows) return;
      rows.replaceChildren($('#bones').content.cloneNode(true));
      $('#log').setAttribute('aria-busy', 'true');
      if (!e.detail.elt.closest('.pager')) $('.sum-count').textContent = $('#searching').content.textContent;
    }, 250);
  });
  document.addEventListener('htmx:afterRequest', stop);
  // The chart and the count that results which go are still waiting for would stand in
  // those that come. A chart that stays keeps waiting.
  document.addEventListener('htmx:beforeSwap', e => {
    if (e.detail.target?.id !== 'results') return;
    for (const asking of e.detail.target.querySelectorAll('[hx-trigger=load]')) {
      if (!asking.id || !e.detail.serverResponse.includes(`id="${asking.id}" hx-preserve`)) asking.addEventListener('htmx:beforeSwap', late => { late.detail.shouldSwap = false; });
    }
  });
  // Who searched by the keyboard is led to what was found, where the focus was lost.
  document.addEventListener('htmx:afterSettle', e => {
    if (e.detail.elt.id === 'results' && (!document.activeElement || document.activeElement === document.body)) e.detail.elt.focus({ preventScroll: true });
  });
  al.offline = () => {
    if ($('.is-offline') || !$('#results')) return;
    const note = $('#offline').content.firstElementChild.cloneNode(true);
    note.classList.add('is-offline');
    const since = $('.since', note);
    since.textContent = since.dataset.since.replace('{time}', new Date().toLocaleTimeString(document.documentElement.lang));
    $('#results').before(note);
  };
  document.addEventListener('htmx:sendError', e => { if (e.detail.target?.id === 'results') al.offline(); });
  document.addEventListener('htmx:afterOnLoad', () => { if (navigator.onLine) $('.is-offline')?.remove(); });
})();
