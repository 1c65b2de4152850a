(() => {
  'use strict';
  const { $, $$ } = al;
  const open = () => $$('.menu[open]');

  // A search in a list ends with Enter: the first of what was found is ticked, and all are
  // shown again. Of a list that is still to come, it waits for that.
  const first = '.opt:not([hidden]) input[type=checkbox]:not([name=category], :checked)';
  let wanted = null;
  const choose = field => {
    const list = $('.pop-list', field.closest('.pop'));
    const option = $(first, list);
    const awaited = field.hasAttribute('hx-get') ? (list.dataset.find ?? '') !== field.value : !option && list.matches('.htmx-request');
    wanted = awaited ? field : null;
    if (wanted || !option) return;
    option.checked = true;
    field.value = '';
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };

  // A list is narrowed to what holds the text, and so is the one that takes its place.
  const narrow = field => {
    const text = field.value.trim().toLowerCase();
    for (const section of $$('section', field.closest('.pop'))) {
      const options = $$('.opt', section), head = options.shift();
      for (const o of options) o.hidden = !(o.textContent + ' ' + $('input', o).value).toLowerCase().includes(text);
      head.hidden = text !== '' && options.every(o => o.hidden);
      section.hidden = head.hidden;
    }
    const note = $('.pop-foot [data-some]', field.closest('.pop')), types = $$('section input[name=action]', field.closest('.pop'));
    if (!note) return;
    note.dataset.all ??= note.textContent;
    const said = text === '' ? note.dataset.all : note.dataset.some.replace('#s', types.filter(i => !i.closest('.opt').hidden).length).replace('#n', types.length);
    if (note.textContent !== said) note.textContent = said;
  };

  // What is ticked in a list stays so, and among it, when another list comes.
  const ticks = new WeakMap();
  document.addEventListener('htmx:beforeSwap', e => {
    const list = e.detail.target;
    if (list?.matches('.pop-list')) ticks.set(list, $$('input[type=checkbox]', list));
  });
  document.addEventListener('htmx:afterSwap', e => {
    const list = e.detail.target, before = ticks.get(list);
    if (!before) return;
    ticks.delete(list);
    for (const input of before.toReversed()) {
      const again = $$('input', list).find(i => i.name === input.name && i.value === input.value);
      if (again) again.checked = input.checked;
      else if (input.checked) list.prepend(input.closest('.opt'));
    }
    list.dataset.find = new URL(e.detail.pathInfo.finalRequestPath, location).searchParams.get('find') ?? '';
    const field = $('[data-narrow]', list.closest('.pop'));
    if (field) narrow(field);
    if (wanted && list.parentElement.contains(wanted)) choose(wanted);
  });

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
        if (e.target.matches('.pop-top [type=search]') && e.target.value) choose(e.target); else button.click();
      }
    }
  });
  // Some browsers lack exclusive <details>.
  document.addEventListener('toggle', e => {
    if (!e.target.matches?.('.menu') || !e.target.open) return;
    for (const menu of open()) if (menu !== e.target) menu.open = false;
  }, true);
  addEventListener('input', e => {
    if (e.target === wanted) wanted = null;
    if (e.target.matches('[data-narrow]')) narrow(e.target);
  });
})();
