(() => {
  'use strict';
  const { $, $$ } = al;
  // A month in a menu of dates: the first click is the first day, and the last until a second
  // click. Begun is set between the two.
  let begun = false;
  const pad = n => String(n).padStart(2, '0');
  const key = d => `${d.getUTCFullYear()}-${pad(d.getUTCMonth() + 1)}-${pad(d.getUTCDate())}`;
  const day = text => text ? new Date(text.slice(0, 10) + 'T00:00Z') : null;
  const move = (d, days) => new Date(d.getTime() + days * 864e5);
  const button = (range, label, f) => {
    const b = document.createElement('button');
    Object.assign(b, { type: 'button', className: 'btn btn-bare btn-icon', onclick: f });
    b.setAttribute('aria-label', label);
    b.append($('.cal-turn', range).content.cloneNode(true));
    return b;
  };

  const draw = (range, month) => {
    const place = $('.cal-place', range), [from, to] = $$('input', range), words = place.dataset;
    const months = words.months.split(' '), days = words.days.split(' ');
    const first = day(from.value), last = to.value ? move(day(to.value), to.value.endsWith('00:00') ? -1 : 0) : null;
    const today = key(new Date());
    const head = document.createElement('div');
    head.className = 'cal-head';
    const name = document.createElement('b');
    name.textContent = `${months[month.getUTCMonth()]} ${month.getUTCFullYear()}`;
    name.setAttribute('aria-live', 'polite');
    const turn = by => draw(range, new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + by, 1)));
    head.append(button(range, words.earlier, () => { turn(-1); $('.cal-head button', range).focus(); }), name,
      button(range, words.later, () => { turn(1); $('.cal-head button:last-child', range).focus(); }));

    const table = document.createElement('table');
    table.className = 'cal';
    table.setAttribute('aria-label', words.hint);
    const titles = table.createTHead().insertRow();
    for (let i = 1; i <= 7; i++) {
      const th = document.createElement('th');
      th.scope = 'col';
      th.textContent = days[i % 7];
      titles.append(th);
    }
    const body = table.createTBody();
    let d = move(month, -((month.getUTCDay() + 6) % 7));
    for (let week = 0; week < 6; week++) {
      const row = body.insertRow();
      for (let i = 0; i < 7; i++, d = move(d, 1)) {
        const cell = row.insertCell();
        if (d.getUTCMonth() !== month.getUTCMonth()) continue;
        const b = document.createElement('button'), on = d;
        b.type = 'button';
        b.textContent = d.getUTCDate();
        b.setAttribute('aria-label', words.day.replace('#d', d.getUTCDate()).replace('#m', months[d.getUTCMonth()]).replace('#y', d.getUTCFullYear()));
        const end = first && key(first) === key(d) || last && key(last) === key(d);
        if (end) b.setAttribute('aria-pressed', 'true');
        cell.classList.toggle('is-today', key(d) === today);
        cell.classList.toggle('is-end', Boolean(end));
        cell.classList.toggle('is-in', Boolean(first && last && d >= first && d <= last));
        b.onclick = () => {
          const second = first && (begun || !to.value) && on >= first;
          if (!second) from.value = key(on) + 'T00:00';
          to.value = key(move(on, 1)) + 'T00:00';
          begun = !second;
          draw(range, month);
          $$('.cal button', range).find(x => x.textContent === String(on.getUTCDate()))?.focus();
        };
        cell.append(b);
      }
    }
    place.replaceChildren(head, table);
  };

  const begin = range => {
    const [from, to] = $$('input', range);
    const shown = day(to.value) ?? day(from.value) ?? new Date();
    draw(range, new Date(Date.UTC(shown.getUTCFullYear(), shown.getUTCMonth(), 1)));
  };
  document.addEventListener('toggle', e => {
    const range = e.target.open && e.target.querySelector?.('[data-calendar]');
    if (!range) return;
    begun = false;
    begin(range);
  }, true);
  addEventListener('change', e => {
    const range = e.target.closest('[data-calendar]');
    if (range) begin(range);
  });
})();
