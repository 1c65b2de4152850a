'use strict';
// Before the first paint, so that what only scripts can do takes its place at once. The
// script of the page is fetched meanwhile and begins when the page is painted: nobody who
// only looks waits for it.
(() => {
  const root = document.documentElement, { script } = document.currentScript.dataset;
  root.classList.add('js');
  // Who loads the page of an event again that was open beside a list comes back to that list,
  // which opens the event once more.
  const left = history.state;
  if (left?.list && left.event) {
    try {
      sessionStorage.setItem('left', JSON.stringify(left));
      location.replace(left.list);
    } catch {
      // without a place to keep it the event has its own page
    }
  }
  const append = (name, properties) => document.head.append(Object.assign(document.createElement(name), properties));
  append('link', { rel: 'preload', as: 'script', href: script });
  const begin = () => append('script', { src: script, onload: () => root.classList.add('is-ready') });
  addEventListener('popstate', () => { if (!root.matches('.is-ready')) location.reload(); });
  addEventListener('load', () => { document.hidden ? begin() : requestAnimationFrame(() => setTimeout(begin)); });
})();
