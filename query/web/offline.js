(() => {
  'use strict';
  const { $, ask } = al;
  const note = () => $('.is-offline');
  // As the page writes times, and in its zone.
  const now = () => new Date().toLocaleTimeString(document.documentElement.lang, { hourCycle: 'h23', timeZone: document.documentElement.dataset.shown });
  // The search that got no answer.
  let unanswered = null;

  // Says that the service cannot be reached, by a search if it was one that failed.
  al.offline = search => {
    unanswered = search ?? unanswered;
    if (note() || !$('#offline')) return;
    const made = $('#offline').content.firstElementChild.cloneNode(true), since = $('.since', made);
    since.textContent = since.dataset.since.replace('{time}', now());
    const results = $('#results');
    if (results) results.before(made); else $('main').prepend(made);
  };
  // With the connection back, what got no answer is asked again.
  al.online = () => {
    note()?.remove();
    const search = unanswered;
    unanswered = null;
    if (search) ask(search);
  };

  // It is asked whether the service answers, so that what is shown stays until it does.
  const tryNow = async button => {
    const tried = $('.tried', note());
    button.disabled = true;
    tried.textContent = '';
    const there = await fetch('/healthz', { cache: 'no-store' }).then(r => r.ok, () => false);
    if (!there) {
      button.disabled = false;
      button.focus();
      tried.textContent = tried.dataset.tried.replace('{time}', now());
      return;
    }
    al.online();
    document.dispatchEvent(new Event('al:online'));
  };
  addEventListener('click', e => {
    const button = e.target.closest('[data-try]');
    if (button) tryNow(button);
  });
  document.addEventListener('htmx:sendError', e => {
    const { target, pathInfo } = e.detail;
    if (target?.id === 'results') al.offline(pathInfo.finalRequestPath);
    if (target?.id === 'drawer-place') al.offline();
  });
  document.addEventListener('htmx:afterOnLoad', e => {
    if (e.detail.target?.id === 'results') unanswered = null; // by a later question
    if (navigator.onLine) al.online();
  });
})();
