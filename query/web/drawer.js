(() => {
  'use strict';
  const { $, $$, copied } = al;
  const links = () => $$('#rows [data-event]');
  const selected = () => $('#rows tr[aria-selected]');
  const find = href => links().find(a => a.getAttribute('href') === href);
  const drawer = () => $('#drawer-place #drawer');
  // The row to which the focus came back when the drawer was closed, until the next key or
  // click: nobody reads it.
  let asked = '', returned = '';

  const select = link => {
    selected()?.removeAttribute('aria-selected');
    link?.closest('tr').setAttribute('aria-selected', 'true');
  };

  // Opens an event beside the table. Its address is kept in the history, so that going
  // back closes it, and what it shows can be shared.
  const open = async (href, keep) => {
    const before = drawer(), list = before ? history.state?.list : location.pathname + location.search;
    const link = find(href);
    select(link);
    if (link) al.folds.show(link.closest('tr'));
    asked = href;
    await htmx.ajax('GET', href, { target: '#drawer-place', swap: 'innerHTML show:none' }).catch(() => {});
    if (asked !== href) return;
    if (!drawer()) {
      select(null);
      return;
    }
    if (keep) history[before || keep === 'again' ? 'replaceState' : 'pushState']({ event: href, list, ...al.place() }, '', href);
    drawer().focus({ preventScroll: true });
    steps();
  };

  const shut = () => {
    const row = selected();
    asked = '';
    $('#drawer-place').replaceChildren();
    select(null);
    if (!row) return;
    returned = row.id;
    $('[data-event]', row).focus();
  };

  const close = () => history.state?.event ? history.back() : shut();

  const beside = by => {
    const all = links(), i = all.findIndex(a => a.closest('tr') === selected());
    return i < 0 ? null : all[i + by];
  };

  const steps = () => {
    for (const b of $$('button[data-step]', drawer())) b.disabled = !beside(+b.dataset.step);
  };

  const step = by => {
    const link = beside(by);
    if (!link) return;
    al.folds.show(link.closest('tr'));
    link.scrollIntoView({ block: 'nearest' });
    open(link.getAttribute('href'), true);
  };

  addEventListener('click', e => {
    if (e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    const at = s => e.target.closest(s);
    if (at('#drawer [data-copy-json]')) {
      e.preventDefault();
      const a = at('[data-copy-json]');
      // The answer's own measures follow the event. Its text is cut, as numbers of any size stay
      // what they are.
      fetch(a.href).then(r => r.text()).then(text => copied(a, text.slice(0, text.lastIndexOf(',"partial":')) + '}'));
    } else if (at('#drawer [data-copy-link]')) {
      e.preventDefault();
      copied(at('[data-copy-link]'), at('[data-copy-link]').href);
    } else if (!$('#drawer-place')) {
      return;
    } else if (at('[data-close]')) {
      e.preventDefault();
      close();
    } else if (at('button[data-step]')) {
      step(+at('button[data-step]').dataset.step);
    } else if (at('[data-event]')) {
      e.preventDefault();
      open(at('[data-event]').getAttribute('href'), true);
    } else if (at('#rows tr') && !at('a, button, summary, input') && !String(getSelection())) {
      const link = $('[data-event]', at('tr'));
      if (link) open(link.getAttribute('href'), true);
    }
  });

  addEventListener('keydown', e => {
    if (e.key === 'Escape' && drawer() && !$('dialog[open]') && !$('.menu[open]')) close();
  });

  // Before htmx: going back from an event closes it, and the list is still there.
  addEventListener('popstate', e => {
    if (!$('#drawer-place')) return;
    if (e.state?.event) {
      e.stopImmediatePropagation();
      if (find(e.state.event)) open(e.state.event, false); else location.reload();
    } else if (drawer()) {
      shut();
      if (!al.astray()) e.stopImmediatePropagation();
    }
  });

  for (const name of ['keydown', 'pointerdown']) addEventListener(name, () => { returned = ''; }, true);

  al.drawer = { step, again: href => open(href, 'again'), open: () => Boolean(drawer()), returned: () => returned };
})();
