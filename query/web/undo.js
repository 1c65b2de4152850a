(() => {
  'use strict';
  const { $, ready, ask } = al;
  const most = 50;
  // The questions of this tab: the one that is shown, and those before it. To go back to
  // the last one, by this button or the browser's, takes it from the list.
  const read = () => {
    try {
      return { past: [], ...JSON.parse(sessionStorage.getItem('questions')) };
    } catch {
      return { past: [] };
    }
  };
  const keep = questions => {
    try {
      sessionStorage.setItem('questions', JSON.stringify(questions));
    } catch {
      // without a place to keep them there is nothing to undo
    }
  };
  const goBack = () => keep({ ...read(), back: true });
  const note = () => {
    const now = $('#results')?.dataset.url, button = $('[data-undo]');
    if (!now || !button) return;
    const { past, back, now: before } = read();
    if (back && past.at(-1) === now) past.pop();
    else if (before && before !== now) past.push(before);
    keep({ now, past: past.slice(-most) });
    const last = past.at(-1), line = last && new URL(last, location).searchParams.get('search');
    button.hidden = !last;
    button.title = line ? `${button.dataset.to} ${line}` : button.dataset.all;
  };
  addEventListener('click', e => {
    const last = e.target.closest('[data-undo]') && read().past.at(-1);
    if (!last) return;
    goBack();
    ask(last);
  });
  addEventListener('popstate', goBack);
  ready(() => {
    if (performance.getEntriesByType('navigation')[0]?.type === 'back_forward') goBack();
    note();
  });
  addEventListener('pageshow', e => {
    if (!e.persisted) return;
    goBack();
    note();
  });
  document.addEventListener('htmx:afterSettle', e => { if (e.detail.elt.id === 'results') note(); });
})();
