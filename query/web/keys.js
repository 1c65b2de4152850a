(() => {
  'use strict';
  const { $, $$, drawer } = al;
  // Opens a menu and leads to its search or, if it is said, to its first choice.
  const menu = (of, to = '.pop [type=search]') => () => {
    const summary = $(of + ' summary');
    if (!summary) return;
    summary.click();
    (summary.parentElement.open && $(to, summary.parentElement) || summary).focus();
  };
  const click = selector => () => $(selector)?.click();
  const move = by => () => {
    if (drawer.open()) return drawer.step(by);
    const rows = $$('#rows [data-event]').filter(a => a.checkVisibility()), i = rows.indexOf(document.activeElement?.closest?.('tr')?.querySelector('[data-event]'));
    const to = rows[Math.max(0, Math.min(rows.length - 1, i + by))];
    to?.focus();
    to?.closest('tr').scrollIntoView({ block: 'nearest' });
  };
  const keys = {
    '/': () => { $('.line-in')?.focus(); $('.line-in')?.select(); },
    j: move(1),
    k: move(-1),
    n: click('a[data-key=n][href]'),
    p: click('a[data-key=p][href]'),
    t: menu('.pill-date'),
    u: menu('.pill-user'),
    a: menu('.pill-action'),
    d: click('[data-key=d]'),
    l: click('#live input'),
    c: menu('.menu-columns', '.opt input:enabled'),
    z: click('[data-undo]:not([hidden])'),
    '?': () => { const d = $('#keys'); if (!d.open) d.showModal(); },
  };
  addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
    if (e.target.closest?.('input:not([type=checkbox], [type=radio]), textarea, select, dialog[open]')) return;
    if ($('#keys')?.dataset.keys === 'off' || !keys[e.key]) return;
    e.preventDefault();
    keys[e.key]();
  });
  addEventListener('click', e => {
    if (e.target.closest('button[data-key="?"]')) keys['?']();
    if (e.target === $('#keys')) $('#keys').close(); // beside the dialog
  });
})();
