(() => {
  'use strict';
  const { $ } = al;
  const chart = grip => grip.closest('.bars');
  const list = (grip, name) => grip.dataset[name].split('|');
  // What is selected: the buckets from one to another, as they were chosen.
  let chosen = null, drawing = null, hovered = null, byKey = false;

  const span = s => [Math.min(s.from, s.to), Math.max(s.from, s.to)];

  // The line of a stretch is what the page had, with other dates.
  const line = (grip, [from, to]) => {
    const edges = list(grip, 'edges');
    return [grip.dataset.line, 'after:' + edges[from], 'before:' + edges[to + 1], grip.dataset.zone].filter(Boolean).join(' ');
  };
  const address = (grip, base, [from, to]) => {
    const url = new URL(base, location.href);
    url.searchParams.set('search', line(grip, [from, to]));
    if (grip.dataset.tz) url.searchParams.set('tz', grip.dataset.tz);
    return url.pathname + url.search;
  };

  const words = (grip, [from, to]) => {
    const d = grip.dataset, begin = list(grip, 'begins')[from], end = list(grip, 'ends')[to];
    const n = list(grip, 'counts').slice(from, to + 1).reduce((sum, x) => sum + +x, 0);
    const number = new Intl.NumberFormat(document.documentElement.lang).format(n);
    const count = (n === 1 ? d.single : d.many).replace('#', number);
    return { when: begin === end ? begin : begin + ' – ' + end, count: from < +d.unread ? d.least.replace('#', count) : count };
  };

  const show = (grip, buckets, hover) => {
    const bars = chart(grip), brush = $('.brush', bars), tip = $('.brush-tip', bars), [from, to] = buckets;
    brush.setAttribute('viewBox', '0 0 ' + (+grip.ariaValueMax + 1) + ' 1');
    const [rect] = brush.children, lines = [brush.children[1], brush.children[2]];
    rect.setAttribute('x', from);
    rect.setAttribute('width', to - from + 1);
    for (const [i, x] of [from, to + 1].entries()) {
      lines[i].setAttribute('x1', x);
      lines[i].setAttribute('x2', x);
    }
    for (const e of [brush, tip]) {
      e.classList.toggle('is-on', !hover);
      e.classList.toggle('is-hover', hover);
    }
    const said = words(grip, buckets);
    $('.brush-span', tip).textContent = said.when;
    $('.brush-count', tip).textContent = said.count;
    if (!hover) {
      $('[data-zoom]', tip).href = address(grip, grip.dataset.log, buckets);
      $('[data-compare-with]', tip).href = address(grip, grip.dataset.compare, buckets);
      grip.ariaValueNow = chosen ? chosen.to : to;
      grip.ariaValueText = said.when + ', ' + said.count;
    }
    tip.hidden = false;
    const width = grip.clientWidth, middle = (from + to + 1) / 2 / (+grip.ariaValueMax + 1) * width;
    tip.style.left = Math.max(0, Math.min(bars.clientWidth - tip.offsetWidth, middle - tip.offsetWidth / 2)) + 'px';
  };

  const clear = grip => {
    chosen = null;
    const bars = chart(grip);
    $('.brush', bars).classList.remove('is-on', 'is-hover');
    $('.brush-tip', bars).hidden = true;
  };

  const go = href => {
    chosen = null;
    htmx.ajax('GET', href, { target: '#results', swap: 'outerHTML show:none' }).catch(() => {});
  };
  const zoom = grip => go(address(grip, grip.dataset.log, span(chosen)));

  const bucket = (grip, e) => {
    const box = grip.getBoundingClientRect(), n = +grip.ariaValueMax + 1;
    return Math.max(0, Math.min(n - 1, Math.floor((e.clientX - box.left) / box.width * n)));
  };
  const isGrip = e => e.target.matches?.('.bars-grip') ? e.target : null;

  const selected = () => chosen && $('.bars:has(.brush.is-on) .bars-grip');

  document.addEventListener('pointerdown', e => {
    const grip = isGrip(e), held = selected();
    if (held && !chart(held).contains(e.target)) clear(held);
    if (!grip || e.button || !e.isPrimary) return;
    const at = bucket(grip, e);
    drawing = { grip, from: at, to: at, x: e.clientX, moved: false };
    grip.setPointerCapture(e.pointerId);
  });
  document.addEventListener('pointermove', e => {
    const grip = isGrip(e);
    if (drawing) {
      drawing.moved ||= Math.abs(e.clientX - drawing.x) > 4;
      if (!drawing.moved) return;
      chosen = { from: drawing.from, to: bucket(drawing.grip, e) };
      show(drawing.grip, span(chosen), false);
    } else if (grip && !chosen && e.pointerType === 'mouse') {
      const at = bucket(grip, e);
      hovered = at;
      show(grip, [at, at], true);
    }
  });
  document.addEventListener('pointerup', e => {
    if (!drawing) return;
    const { grip, moved, from } = drawing;
    drawing = null;
    if (moved) return;
    if (e.pointerType !== 'mouse') { // a finger hits the bar beside: it is shown first
      if (chosen && span(chosen)[0] <= from && from <= span(chosen)[1]) return clear(grip);
      chosen = { from, to: from };
      return show(grip, [from, from], false);
    }
    if (chosen) return clear(grip); // a click beside what is selected lets it go
    const href = address(grip, grip.dataset.log, [from, from]);
    if (e.ctrlKey || e.metaKey) open(href, '_blank', 'noopener'); else go(href);
  });
  document.addEventListener('pointercancel', () => { drawing = null; });
  document.addEventListener('pointerout', e => {
    const grip = isGrip(e);
    hovered = null;
    if (grip && !chosen && !drawing) clear(grip);
  });

  document.addEventListener('click', e => {
    const link = e.target.closest?.('.brush-tip [data-zoom]');
    if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    go(link.getAttribute('href'));
  });

  // One stop: arrows move, Shift widens, Enter zooms, Escape lets go.
  document.addEventListener('keydown', e => {
    const grip = isGrip(e) ?? (e.key === 'Escape' && (e.target === document.body || e.target.closest?.('.brush-tip')) && selected());
    if (!grip || e.ctrlKey || e.metaKey || e.altKey) return;
    const last = +grip.ariaValueMax, at = chosen?.to ?? +grip.ariaValueNow;
    const to = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - 10, PageUp: at + 10, Home: 0, End: last }[e.key];
    if (to !== undefined) {
      const there = Math.max(0, Math.min(last, chosen || e.key === 'Home' || e.key === 'End' ? to : at));
      chosen = { from: e.shiftKey && chosen ? chosen.from : there, to: there };
      show(grip, span(chosen), false);
    } else if (e.key === 'Enter' && chosen) {
      byKey = true;
      zoom(grip);
    } else if (e.key === 'Escape' && chosen) {
      clear(grip);
      grip.focus();
    } else {
      return;
    }
    e.preventDefault();
    e.stopPropagation();
  }, true);

  // Puts a newer chart and its sum, the count, into the place of those that are shown, in one
  // step. It reports false while someone is at work with the chart, which then stays.
  const renew = html => {
    const old = $('#histogram .chart'), count = $('.sum .count'), made = document.createElement('template');
    if (!old || !count) return true;
    if (chosen || drawing || old.ariaBusy === 'true' || old.contains(document.activeElement)) return false;
    made.innerHTML = html;
    const chart = $('.chart', made.content), sum = $('.count', made.content), grip = chart && $('.bars-grip', chart);
    if (!grip || !sum) return true;
    sum.removeAttribute('hx-swap-oob');
    old.replaceWith(chart);
    count.replaceWith(sum);
    htmx.process(chart);
    if (hovered !== null && hovered <= +grip.ariaValueMax) show(grip, [hovered, hovered], true);
    return true;
  };
  al.chart = { renew };

  // Who zoomed by the keyboard goes on at the new chart.
  document.addEventListener('htmx:afterSettle', e => {
    if (e.detail.elt.id === 'results') {
      chosen = null;
      byKey &&= Boolean($('.chart'));
    }
    if (byKey && e.detail.elt.matches?.('.chart')) {
      byKey = false;
      $('.bars-grip', e.detail.elt)?.focus({ preventScroll: true });
    }
  });
})();
