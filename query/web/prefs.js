(() => {
  'use strict';
  const { $, $$, prefer, reload } = al;
  // Preferences hold at once, and the page stays.
  const keep = async form => {
    const names = form.elements.names.value.split(' ');
    const pairs = names.flatMap(name => {
      const values = new FormData(form).getAll(name);
      return values.length ? values.map(v => [name, v]) : [[name, name === 'keys' ? 'off' : null]];
    });
    return (await prefer(pairs)).ok;
  };
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
        if (!$$('[name=columns]:checked', form).length) e.target.checked = true;
        break;
      default:
        return; // what needs another page is saved by the button
    }
    if (await keep(form) && e.target.name === 'columns') reload();
  });
  // The zones that the browser knows complete the field.
  addEventListener('focusin', e => {
    const list = $('#zones');
    if (e.target.name !== 'zone' || list.childElementCount || !Intl.supportedValuesOf) return;
    list.append(...Intl.supportedValuesOf('timeZone').map(z => Object.assign(document.createElement('option'), { value: z })));
  });
})();
