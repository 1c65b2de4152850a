(() => {
  'use strict';
  addEventListener('click', e => {
    const button = e.target.closest('[data-fold]');
    if (!button) return;
    const open = button.getAttribute('aria-expanded') !== 'true';
    button.setAttribute('aria-expanded', String(open));
    for (const id of button.getAttribute('aria-controls').split(' ')) document.getElementById(id)?.classList.toggle('is-folded', !open);
  });
})();
