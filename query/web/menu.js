(() => {
  'use strict';
  const { $, $$ } = al;
  const open = () => $$('.menu[open]');
  addEventListener('click', e => {
    for (const menu of open()) if (!e.composedPath().includes(menu)) menu.open = false; // what was clicked may be gone
  });
  // On a phone the shade around a sheet is a part of its summary; a click there closes it,
  // as a click on the summary does.
  addEventListener('keydown', e => {
    const menus = open();
    if (e.key === 'Escape' && menus.length) {
      e.preventDefault();
      e.stopImmediatePropagation();
      for (const menu of menus) {
        menu.open = false;
        $('summary', menu).focus();
      }
    }
    // Enter in a menu applies it, not the whole form's first button.
    if (e.key === 'Enter' && e.target.matches('.pop input')) {
      const button = $('.btn-main', e.target.closest('.pop'));
      if (button) {
        e.preventDefault();
        button.click();
      }
    }
  });
  // Some browsers lack exclusive <details>.
  document.addEventListener('toggle', e => {
    if (!e.target.matches?.('.menu') || !e.target.open) return;
    for (const menu of open()) if (menu !== e.target) menu.open = false;
  }, true);
  // A list is narrowed to what holds the text.
  addEventListener('input', e => {
    if (!e.target.matches('[data-narrow]')) return;
    const text = e.target.value.trim().toLowerCase();
    for (const section of $$('section', e.target.closest('.pop'))) {
      const options = $$('.opt', section), head = options.shift();
      for (const o of options) o.hidden = !(o.textContent + ' ' + $('input', o).value).toLowerCase().includes(text);
      head.hidden = text !== '' && options.every(o => o.hidden);
      section.hidden = head.hidden;
    }
  });
})();
