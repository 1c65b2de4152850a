(() => {
  'use strict';
  const { $ } = al;
  const open = () => {
    const dialog = $('#syntax');
    if (!dialog || dialog.open) return;
    dialog.showModal(); // and closing it gives the focus back
    $('#syntax-title').focus();
  };
  al.syntax = { open };
  addEventListener('click', e => {
    if (e.target.closest('button[data-syntax]')) open();
    if (e.target === $('#syntax')) $('#syntax').close(); // beside the dialog
  });
})();
