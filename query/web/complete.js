(() => {
  'use strict';
  const { $, $$, ready } = al;
  const delay = 120;
  // The list that is open, the option that Tab takes, and whether arrows have chosen it,
  // so that Enter takes it too.
  let box, timer = 0, asking, at = -1, chosen = false;
  const field = () => $('.line-in');
  const options = () => $$('[role=option]', box);
  const isOpen = () => box && !box.hidden;

  const hide = () => {
    chosen = false;
    if (!isOpen()) return;
    box.hidden = true;
    box.replaceChildren();
    field().setAttribute('aria-expanded', 'false');
    field().removeAttribute('aria-activedescendant');
  };

  const close = () => {
    clearTimeout(timer);
    asking?.abort();
    hide();
  };

  const mark = (to, byArrow) => {
    const all = options();
    at = (to + all.length) % all.length;
    chosen = byArrow;
    all.forEach((o, i) => o.setAttribute('aria-selected', i === at));
    if (!byArrow) return field().removeAttribute('aria-activedescendant');
    field().setAttribute('aria-activedescendant', all[at].id);
    all[at].scrollIntoView({ block: 'nearest' });
  };

  // Characters are counted as the server does: an emoji is one.
  const caret = () => [...field().value.slice(0, field().selectionStart)].length;

  // A first answer is quick, and has what is known by then; another one has the rest.
  const ask = async (explicit, wait) => {
    clearTimeout(timer);
    asking?.abort();
    const input = field(), abort = asking = new AbortController();
    const query = new URLSearchParams([...new FormData(input.form)].filter(([name]) => name === 'tenant' || name === 'tz'));
    query.set('search', input.value);
    query.set('at', caret());
    if (wait) query.set('wait', '1');
    try {
      const answer = await fetch('/fragments/complete?' + query, { signal: abort.signal, headers: { 'HX-Request': 'true' } });
      const html = answer.ok ? await answer.text() : '';
      if (abort.signal.aborted || wait && chosen) return;
      box.innerHTML = html;
    } catch {
      return;
    }
    const list = $('[role=listbox]', box);
    box.dataset.line = list?.dataset.pending ? '' : input.value; // for tests: what it is about
    if (!list || list.dataset.idle && !explicit || document.activeElement !== input) return close();
    if (options().length) {
      box.hidden = false;
      input.setAttribute('aria-expanded', 'true');
      mark(0, false);
    } else {
      hide();
    }
    if (list.dataset.pending) ask(explicit, true);
  };

  const take = option => {
    if ('syntax' in option.dataset) {
      close();
      al.syntax.open();
      return;
    }
    const input = field(), all = [...input.value], { insert, begin, end, more } = option.dataset;
    const before = all.slice(0, +begin).join('') + insert;
    input.value = before + all.slice(+end).join('');
    input.setSelectionRange(before.length, before.length);
    close();
    input.focus();
    input.dispatchEvent(new Event('input', { bubbles: true }));
    clearTimeout(timer);
    if (more) ask(true);
  };

  const keys = {
    ArrowDown: () => isOpen() ? mark(chosen ? at + 1 : 0, true) : ask(true),
    ArrowUp: () => isOpen() && mark(chosen ? at - 1 : -1, true),
    Tab: () => isOpen() && take(options()[at]),
    Enter: () => isOpen() && chosen && take(options()[at]),
    Escape: () => isOpen() && close(),
  };

  ready(() => {
    const input = field();
    if (!input) return;
    box = document.createElement('div');
    box.className = 'pop complete';
    box.id = 'complete';
    box.hidden = true;
    $('.line').append(box);
    for (const [name, value] of [['role', 'combobox'], ['aria-expanded', 'false'], ['aria-controls', 'complete-list'], ['aria-autocomplete', 'list']]) input.setAttribute(name, value);
    input.addEventListener('input', e => {
      clearTimeout(timer);
      asking?.abort();
      if (e.isComposing) return;
      timer = setTimeout(ask, delay, false);
    });
    input.addEventListener('keydown', e => {
      if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey || e.shiftKey) return;
      const open = isOpen(), act = keys[e.key];
      if (act && (open || e.key === 'ArrowDown') && (e.key !== 'Enter' || chosen)) {
        e.preventDefault();
        e.stopPropagation(); // of what is open, Esc closes this alone
        act();
      } else if (e.key === 'Enter' || e.key === 'Tab') {
        close();
      } else if (e.key.startsWith('Arrow') || e.key === 'Home' || e.key === 'End') {
        close();
      }
    });
    input.addEventListener('blur', close);
    input.addEventListener('click', close);
    // The focus stays in the line.
    box.addEventListener('mousedown', e => e.preventDefault());
    box.addEventListener('click', e => {
      const option = e.target.closest('[role=option]');
      if (option) take(option);
    });
    document.addEventListener('htmx:beforeRequest', e => { if (e.detail.target?.id === 'results') close(); });
  });
})();
