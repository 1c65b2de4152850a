(() => {
  'use strict';
  const { $ } = al;
  document.addEventListener('scroll', e => {
    if (!e.target.matches?.('.log-place')) return;
    const head = $('.log', e.target.previousElementSibling);
    if (head) head.style.translate = -e.target.scrollLeft + 'px';
  }, { capture: true, passive: true });
})();
