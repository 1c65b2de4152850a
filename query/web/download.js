(() => {
  'use strict';
  const { $, $$ } = al;
  const dialog = () => $('#download');
  // Up to so many rows, and bytes, a file is put together in the window; more go to the disk
  // as they come, where the browser can do that.
  const mostRows = 100_000, mostBytes = 500_000_000;
  let link, total = null, exact = false, counted = null, running = null, opener = null;

  const number = n => n.toLocaleString(document.documentElement.lang);
  const size = n => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
    return n.toLocaleString(document.documentElement.lang, { maximumFractionDigits: i ? 1 : 0 }) + ' ' + units[i];
  };
  const fill = (name, values) => dialog().dataset[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const time = seconds => {
    const n = Math.max(1, Math.ceil(seconds));
    return n < 90 ? fill('seconds', { n }) : fill('minutes', { m: Math.floor(n / 60), n: n % 60 });
  };

  const state = name => {
    const d = dialog();
    d.dataset.state = name;
    for (const part of $$('[data-for]', d)) part.hidden = !part.dataset.for.split(' ').includes(name);
    $('#dl-title').textContent = d.dataset['title' + name[0].toUpperCase() + name.slice(1)];
    $('#dl-title').focus();
  };

  const way = () => exact && total <= mostRows ? 'small' : window.showSaveFilePicker ? 'large' : 'plain';
  const showWay = () => { for (const p of $$('[data-way]', dialog())) p.hidden = p.dataset.way !== way(); };

  const count = async asked => {
    const answer = await fetch(asked + '&budget=2s').then(r => r.ok ? r.json() : null, () => null);
    if (link.dataset.count !== asked) return;
    if (answer) {
      total = answer.count;
      exact = answer.exact;
    }
    $('#dl-count').textContent = answer ? (exact ? '' : dialog().dataset.atLeast + ' ') + number(total) : '';
    showWay();
  };

  const open = anchor => {
    link = opener = anchor;
    total = null;
    exact = false;
    dialog().showModal();
    state('choose');
    $('#dl-count').textContent = dialog().dataset.counting;
    counted = count(anchor.dataset.count);
  };

  const address = () => {
    const form = $('#dl-form'), url = new URL(link.href);
    if (form.which.value === 'view') url.searchParams.set('columns', link.dataset.columns);
    if (!form.safe.checked) url.searchParams.set('raw', '1');
    if (form.bom.checked) url.searchParams.set('bom', '1');
    return url;
  };

  // Counts the lines of CSV: those that end outside of quotes.
  const counter = () => {
    let rows = -1, quoted = false; // the header is none
    return chunk => {
      for (let i = 0; i < chunk.length; i++) {
        if (chunk[i] === 34) quoted = !quoted;
        else if (chunk[i] === 10 && !quoted) rows++;
      }
      return Math.max(0, rows);
    };
  };

  // Both take pieces, and show a file only when it is closed. What is given up says what
  // became of the file.
  const inWindow = () => {
    const pieces = [];
    return {
      write: piece => { pieces.push(piece); },
      close: name => {
        const a = document.createElement('a');
        a.href = URL.createObjectURL(new Blob(pieces, { type: 'text/csv' }));
        a.download = name;
        a.click();
        setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
      },
      abort: () => {
        pieces.length = 0;
        return '';
      },
    };
  };
  const onDisk = async () => {
    const handle = await showSaveFilePicker({ suggestedName: 'actions.csv', types: [{ accept: { 'text/csv': ['.csv'] } }] });
    // Browsers make the file that is chosen, or empty it: so it is not left behind.
    const { name } = handle, before = await handle.getFile().then(f => f.size, () => 0);
    const file = await handle.createWritable();
    const abort = async () => {
      await file.abort().catch(() => {});
      if (before) return fill('kept', { name });
      try {
        await handle.remove();
        return fill('removed', { name });
      } catch {
        return fill('empty', { name });
      }
    };
    return { name, write: piece => file.write(piece), close: () => file.close(), abort };
  };

  const progress = (rows, bytes, began) => {
    const bar = $('.progress', dialog()), rest = exact && rows ? (total - rows) * (performance.now() - began) / 1000 / rows : 0;
    if (exact) {
      bar.max = Math.max(1, total);
      bar.value = Math.min(rows, total);
    } else {
      bar.removeAttribute('value');
    }
    $('#dl-rows').textContent = exact ? fill('of', { rows: number(rows), total: number(total) }) : fill('soFar', { rows: number(rows) });
    $('#dl-bytes').textContent = fill('bytes', { size: size(bytes) });
    $('#dl-left').textContent = rest > 0 ? fill('left', { time: time(rest) }) : '';
  };

  const failed = (title, ...why) => {
    if (!dialog().open) dialog().showModal(); // nothing is given up without a word
    state('failed');
    $('#dl-failed').textContent = title;
    $('#dl-why').textContent = why.filter(Boolean).join(' ');
  };

  const start = async () => {
    const url = address(), d = dialog();
    const plain = () => {
      state('plain');
      location.href = url;
    };
    await counted;
    if (way() === 'plain') {
      plain();
      return;
    }
    const small = way() === 'small';
    const mine = running = new AbortController();
    let to, shown, rows = 0, bytes = 0;
    const began = performance.now();
    try {
      to = small ? inWindow() : await onDisk();
      state('running');
      for (const name of $$('.dl-file', d)) name.textContent = '';
      progress(0, 0, began);
      shown = setInterval(() => progress(rows, bytes, began), 100); // also where the stream stalls
      const answer = await fetch(url, { signal: mine.signal });
      if (!answer.ok) {
        failed(d.dataset.refused, d.dataset[answer.status] ?? d.dataset.refusedText, await to.abort());
        return;
      }
      const name = to.name ?? /filename="([^"]+)"/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'actions.csv';
      for (const b of $$('.dl-file', d)) b.textContent = name;
      const lines = counter(), reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read(); // throws where the stream was cut
        if (done) break;
        await to.write(value);
        rows = lines(value);
        bytes += value.length;
        if (small && bytes > mostBytes) { // its rows are large
          to.abort();
          mine.abort();
          plain();
          return;
        }
      }
      await to.close(name);
      state('done');
      $('#dl-sum').textContent = fill('done', { rows: number(rows), size: size(bytes), time: time((performance.now() - began) / 1000) });
    } catch (error) {
      const file = await to?.abort();
      if (mine.signal.aborted) {
        failed(d.dataset.cancelled, d.dataset.cancelledText, file);
      } else if (!to) { // no place was chosen
        state('choose');
      } else {
        failed(exact ? fill('failedOf', { rows: number(rows), total: number(total) }) : fill('failedAt', { rows: number(rows) }), d.dataset.failed, file);
      }
    } finally {
      clearInterval(shown);
      if (running === mine) running = null;
    }
  };

  addEventListener('click', e => {
    if (e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey || !dialog()) return;
    const anchor = e.target.closest('[data-download]');
    if (anchor) {
      e.preventDefault();
      open(anchor);
      return;
    }
    switch (e.target.closest('[data-dl]')?.dataset.dl) {
      case 'close': if (running) running.abort(); else dialog().close(); break;
      case 'stop': running?.abort(); break;
      case 'again': start(); break;
    }
  });
  document.addEventListener('submit', e => {
    if (e.target.id !== 'dl-form') return;
    e.preventDefault();
    start();
  });
  // Escape gives up what is not complete, and the dialog says so before it goes.
  document.addEventListener('cancel', e => {
    if (e.target.id !== 'download' || !running) return;
    e.preventDefault();
    running.abort();
  }, true);
  document.addEventListener('close', e => {
    if (e.target.id !== 'download') return;
    running?.abort();
    (opener?.isConnected ? opener : $('[data-download]'))?.focus();
  }, true);
})();
