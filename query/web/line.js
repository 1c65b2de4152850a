(() => {
  'use strict';
  const { $, ready } = al;
  const field = () => $('.line-in');
  const token = /((?:^|\s)-(?=\S)|(?:(?<=^|\s|-|!)[\w.]+)[:=](?=\S|$))/;
  // Paints the coloured copy of the line: names, minus signs, and what is wrong.
  const paint = () => {
    const input = field(), ink = $('.line-ink');
    if (!input || !ink) return;
    const text = input.value, column = +($('#line-error')?.dataset.column ?? 0);
    const from = column ? [...text].slice(0, column - 1).join('').length : text.length;
    const rest = text.slice(from).search(/\s/), to = rest < 0 ? text.length : from + rest;
    const element = (name, content) => Object.assign(document.createElement(name), { textContent: content });
    const plain = content => content.split(token).filter(Boolean).map(part =>
      element(/[:=]$/.test(part) && token.test(part) ? 'i' : /^\s?-$/.test(part) ? 'u' : 'span', part));
    ink.replaceChildren(...plain(text.slice(0, from)), element('s', text.slice(from, to)), ...plain(text.slice(to)));
    ink.scrollLeft = input.scrollLeft;
  };
  ready(() => {
    paint();
    document.addEventListener('input', e => {
      if (!e.target.matches('.line-in')) return;
      delete $('#line-error')?.dataset.column;
      paint();
    });
    document.addEventListener('scroll', e => {
      if (e.target.matches?.('.line-in')) $('.line-ink').scrollLeft = e.target.scrollLeft;
    }, true);
    document.addEventListener('click', e => {
      if (!e.target.closest('.line-clear')) return;
      field().value = '';
      paint();
      field().focus();
    });
    // The line is what the results are about.
    document.addEventListener('htmx:afterSettle', e => {
      const results = $('#results[data-line]'), input = field();
      if (!results || !input || e.detail.elt.id !== 'results') return;
      input.value = results.dataset.line;
      const wrong = $('#line-error')?.childElementCount > 0;
      if (wrong) {
        input.setAttribute('aria-invalid', 'true');
        input.setAttribute('aria-describedby', 'line-error');
      } else {
        input.removeAttribute('aria-invalid');
        input.removeAttribute('aria-describedby');
      }
      paint();
    });
  });
})();
