'use strict';
// Before the first paint, so that what only scripts can do takes its place at once.
document.documentElement.classList.add('js');
