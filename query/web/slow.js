(() => {
  'use strict';
  const { $, $$, ready } = al;
  let running = null;

  const rowsOf = html => {
    const body = document.createElement('tbody');
    body.innerHTML = html;
    return [...body.rows];
  };
  const add = html => {
    const rows = rowsOf(html);
    if (!rows.length) return;
    // Each takes the place of a bone; those that are left stand for what may follow.
    for (const bone of $$('#rows .is-bone').slice(0, rows.length)) bone.remove();
    const bone = $('#rows .is-bone');
    if (bone) bone.before(...rows); else $('#rows').append(...rows);
  };

  // How many were found, and behind it how far the search has come.
  const say = (results, said) => {
    const b = $('.sum-count b', results), at = said.indexOf(' · ');
    b.textContent = said.slice(0, at);
    if (!$('.slow-far', results)) b.insertAdjacentHTML('afterend', '<span class="slow-far muted"></span>');
    $('.slow-far', results).textContent = said.slice(at);
  };

  // What stands there is all that there will be: a note says what it lacks, in the place of
  // rows where there are none, so that nothing moves.
  const end = (results, note) => {
    results.removeAttribute('data-stream');
    results.removeAttribute('aria-busy');
    for (const gone of $$('#stop, .sum .progress, #rows .is-bone', results)) gone.remove();
    $('.slow-far', results)?.remove();
    if (!$('#rows tr', results)) {
      $('.sum-count b', results).textContent = $('#cut-none', results).dataset.said;
      for (const table of $$('.log-top, .log-place', results)) table.hidden = true;
      $('.log-place', results).after(note);
    } else {
      $('.sum', results).after(note);
    }
  };

  // The whole results take the place of the rows that came one after the other. Who reads
  // one of them or has it open, stays there.
  const whole = (results, { html, filters }) => {
    const focused = document.activeElement?.closest?.('#rows tr')?.id, selected = $('#rows tr[aria-selected]')?.id, at = scrollY;
    const line = $('.line-in'), typed = line?.value;
    results.removeAttribute('data-stream');
    htmx.swap('#results', html, { swapStyle: 'outerHTML' });
    if (selected) document.getElementById(selected)?.setAttribute('aria-selected', 'true');
    if (focused) $('[data-event]', document.getElementById(focused) ?? document)?.focus({ preventScroll: true });
    if (line && document.activeElement === line && line.value !== typed) { // the next question is being written
      line.value = typed;
      line.dispatchEvent(new Event('input', { bubbles: true }));
    }
    scrollTo(0, at);
    const menus = $('#filters'); // which nobody is at work with
    if (filters && menus && !$('.menu[open]', menus) && !menus.contains(document.activeElement)) {
      menus.outerHTML = filters;
      htmx.process($('#filters'));
    }
  };

  const start = async () => {
    const results = $('#results[data-stream]');
    if (!results || running?.results === results) return;
    running?.stop.abort();
    const mine = running = { results, stop: new AbortController(), gap: '', goOn: results.dataset.url, asked: false };
    const note = () => {
      if (!mine.asked || !mine.gap) {
        const cut = $($('#rows [data-event]', results) ? '#cut' : '#cut-none', results).content.firstElementChild.cloneNode(true);
        $('a', cut).href = mine.goOn;
        return cut;
      }
      const place = document.createElement('div');
      place.innerHTML = mine.gap;
      return place.firstElementChild;
    };
    try {
      const answer = await fetch(results.dataset.stream, { signal: mine.stop.signal, headers: { 'HX-Request': 'true' } });
      if (!answer.ok) throw new Error(answer.statusText);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const lines = (rest + value).split('\n');
        rest = lines.pop();
        for (const line of lines) {
          const { rows, results: all } = JSON.parse(line);
          if (!results.isConnected) return;
          if (all) {
            whole(results, all);
            return;
          }
          add(rows.html);
          say(results, rows.said);
          $('.sum .progress', results).value = rows.share;
          Object.assign(mine, { gap: rows.gap, goOn: rows.go_on });
        }
      }
      end(results, note());
    } catch {
      if (results.isConnected && !mine.replaced) end(results, note());
    } finally {
      if (running === mine) running = null;
    }
  };

  document.addEventListener('click', e => {
    if (!e.target.closest('#stop') || !running) return;
    running.asked = true;
    running.stop.abort();
  });
  document.addEventListener('htmx:beforeRequest', e => {
    if (e.detail.target?.id !== 'results' || !running) return;
    running.replaced = true;
    running.stop.abort();
  });
  document.addEventListener('htmx:afterSettle', e => { if (e.detail.elt.id === 'results') start(); });
  ready(start);
})();
