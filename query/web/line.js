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
    let at = 0;
    const wrongFrom = column ? [...text].slice(0, column - 1).join('').length : -1;
    const space = text.slice(wrongFrom).search(/\s/);
    const wrongTo = column ? (space < 0 ? text.length : wrongFrom + space) : -1;
    ink.replaceChildren(...text.split(token).map(part => {
      const wrong = at < wrongTo && at + part.length > wrongFrom && part !== '';
      const name = wrong ? 's' : /[:=]$/.test(part) && token.test(part) ? 'i' : /^\s?-$/.test(part) ? 'u' : 'span';
      at += part.length;
      const e = document.createElement(name);
      e.textContent = part;
      return e;
    }));
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
