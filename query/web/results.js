(() => {
  'use strict';
  const { $, ready, giveUp, astray } = al;
  // Where an answer takes its time, rows of the same height stand in its place. Kept is what
  // they stand for, should none come.
  let waiting = 0, kept = null;
  const stop = () => clearTimeout(waiting);
  const instead = (element, ...nodes) => {
    kept.push([element, [...element.childNodes]]);
    element.replaceChildren(...nodes);
  };
  document.addEventListener('htmx:beforeRequest', e => {
    if (e.detail.target?.id !== 'results' || e.detail.elt.id === 'more') return;
    for (const menu of document.querySelectorAll('.menu[open]')) if (!e.detail.target.contains(menu)) menu.open = false;
    stop();
    waiting = setTimeout(() => {
      const rows = $('#rows');
      if (!rows || kept) return;
      kept = [];
      instead(rows, $('#bones').content.cloneNode(true));
      $('#log').setAttribute('aria-busy', 'true');
      if (!e.detail.elt.closest('.pager')) instead($('.sum-count'), $('#searching').content.textContent);
    }, 250);
  });
  document.addEventListener('htmx:afterRequest', stop);
  document.addEventListener('htmx:sendError', e => {
    if (e.detail.target?.id !== 'results' || !kept) return;
    for (const [element, nodes] of kept) element.replaceChildren(...nodes);
    kept = null;
    $('#log').removeAttribute('aria-busy');
  });
  document.addEventListener('htmx:afterSwap', e => { if (e.detail.target?.id === 'results') kept = null; });
  // The chart, the count and the rows further down that results which go are still waiting
  // for would stand in those that come. A chart that stays keeps waiting.
  document.addEventListener('htmx:beforeSwap', e => {
    if (e.detail.target?.id !== 'results') return;
    for (const asking of e.detail.target.querySelectorAll('[hx-trigger=load], #more')) {
      if (!asking.id || !e.detail.serverResponse.includes(`id="${asking.id}" hx-preserve`)) asking.addEventListener('htmx:beforeSwap', late => { late.detail.shouldSwap = false; });
    }
  });
  // While other results are awaited a chart brings its count in vain: it has no place.
  document.addEventListener('htmx:beforeSwap', e => {
    const end = '</figure>';
    if (e.detail.target?.matches('.chart') && !$('.sum .count')) e.detail.serverResponse = e.detail.serverResponse.split(end)[0] + end;
  });
  // Who goes back and forth faster than pages come may be shown the page of another address
  // than where that ends. Such a page is loaded again, a few times at most.
  ready(() => {
    if (performance.getEntriesByType('navigation')[0]?.type === 'navigate') return;
    const tries = Number(sessionStorage.getItem('astray'));
    if (astray() && tries < 3) {
      sessionStorage.setItem('astray', tries + 1);
      location.reload();
    } else {
      sessionStorage.removeItem('astray');
    }
  });
  // The page is loaded for the address that is gone back to: what was asked before must not
  // lead away from there.
  addEventListener('popstate', giveUp);
  // Who searched by the keyboard is led to what was found, where the focus was lost.
  document.addEventListener('htmx:afterSettle', e => {
    if (e.detail.elt.id === 'results' && (!document.activeElement || document.activeElement === document.body)) e.detail.elt.focus({ preventScroll: true });
  });
})();
