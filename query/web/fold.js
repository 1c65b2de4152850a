(() => {
  'use strict';
  const { $$ } = al;
  const isOpen = button => button.getAttribute('aria-expanded') === 'true';
  const parts = button => button.getAttribute('aria-controls').split(' ');
  const set = (button, open) => {
    button.setAttribute('aria-expanded', String(open));
    for (const id of parts(button)) document.getElementById(id)?.classList.toggle('is-folded', !open);
  };
  addEventListener('click', e => {
    const button = e.target.closest('[data-fold]');
    if (button) set(button, !isOpen(button));
  });
  const rows = button => [button.closest('tr').id, ...parts(button)];
  al.folds = {
    // The rows of the runs that are open.
    opened: () => new Set($$('#rows [data-fold]').filter(isOpen).flatMap(rows)),
    // Opens the runs that have any of these rows.
    open: ids => { for (const b of $$('#rows [data-fold]')) if (rows(b).some(id => ids.has(id))) set(b, true); },
  };
})();
