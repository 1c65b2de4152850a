(() => {
  'use strict';
  const { $, $$ } = al;
  const isOpen = button => button.getAttribute('aria-expanded') === 'true';
  const parts = button => $$(`#rows [data-run="${CSS.escape(button.closest('tr').id)}"]`);
  const set = (button, open) => {
    button.setAttribute('aria-expanded', String(open));
    for (const row of parts(button)) row.classList.toggle('is-folded', !open);
  };
  addEventListener('click', e => {
    const button = e.target.closest('[data-fold]');
    if (button) set(button, !isOpen(button));
  });
  // Rows that are appended may join the run above them, whose line then says more. It stays
  // open where it is.
  document.addEventListener('htmx:oobBeforeSwap', e => {
    const before = $('[data-fold]', e.detail.target), after = $('[data-fold]', e.detail.fragment);
    if (before && after && isOpen(before)) after.setAttribute('aria-expanded', 'true');
  });
  document.addEventListener('htmx:afterSwap', e => {
    if (e.detail.requestConfig?.elt.id === 'more') for (const button of $$('#rows [data-fold]')) set(button, isOpen(button));
  });
  const rows = button => [button.closest('tr'), ...parts(button)].map(row => row.id);
  al.folds = {
    // The rows of the runs that are open.
    opened: () => new Set($$('#rows [data-fold]').filter(isOpen).flatMap(rows)),
    // Opens the runs that have any of these rows.
    open: ids => { for (const b of $$('#rows [data-fold]')) if (rows(b).some(id => ids.has(id))) set(b, true); },
    // Opens the run that hides a row.
    show: row => { if (!row.checkVisibility()) al.folds.open(new Set([row.id])); },
  };
})();
