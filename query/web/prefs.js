(() => {
  'use strict';
  const { $, prefer, reload } = al;
  // Preferences hold at once, and the page stays.
  const keep = async form => {
    const names = form.elements.names.value.split(' ');
    const pairs = names.flatMap(name => {
      const values = new FormData(form).getAll(name);
      return values.length ? values.map(v => [name, v]) : [[name, name === 'keys' || name === 'folds' ? 'off' : null]];
    });
    return (await prefer(pairs)).ok;
  };
  // A menu of the results stays open in those that come, and the focus at what was changed.
  let changed = null, open = false;
  document.addEventListener('htmx:beforeSwap', e => { if (e.detail.target?.id === 'results') open = $('#results .menu[open]') !== null; });
  document.addEventListener('htmx:afterSwap', e => {
    const field = e.detail.target?.id === 'results' && open && changed && $(changed);
    if (!field) return;
    field.closest('.menu').open = true;
    field.focus({ preventScroll: true });
  });
  addEventListener('change', async e => {
    const form = e.target.closest('form.prefs'), root = document.documentElement;
    if (!form) return;
    switch (e.target.name) {
      case 'theme':
        if (e.target.value) root.dataset.theme = e.target.value; else delete root.dataset.theme;
        break;
      case 'density':
        if ($('#log')) $('#log').dataset.density = e.target.value;
        break;
      case 'keys':
        $('#keys').dataset.keys = e.target.checked ? 'on' : 'off';
        break;
      case 'columns':
      case 'folds':
        changed = `#results .menu [name=${e.target.name}][value=${e.target.value}]`;
        break;
      default:
        return; // what needs another page is saved by the button
    }
    if (await keep(form) && ['columns', 'folds'].includes(e.target.name)) reload();
  });
  // What is saved by the button leads back to what is shown by then.
  addEventListener('submit', e => {
    const back = e.target.closest('form.prefs')?.elements.back, results = $('#results[data-url]');
    if (back) back.value = results && history.state?.event ? results.dataset.url : location.pathname + location.search;
  });
  // The zones that the browser knows complete the field.
  addEventListener('focusin', e => {
    const list = $('#zones');
    if (e.target.name !== 'zone' || list.childElementCount || !Intl.supportedValuesOf) return;
    list.append(...Intl.supportedValuesOf('timeZone').map(z => Object.assign(document.createElement('option'), { value: z })));
  });
})();
