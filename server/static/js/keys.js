// @ts-check
// Keyboard first: pages register their keys here; `?` lists them.
import { gettext } from './i18n.js';
import { html, render } from './html.js';

/** @typedef {{key: string, text: string, run: (event: KeyboardEvent) => void, always?: boolean}} Key */
/** @type {Key[]} */
const table = [];

/** The name of a press: 'Shift-Enter', 'Ctrl-k', 'j', '?'.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, altKey: boolean}} event */
export function nameOf(event) {
  const single = event.key.length === 1;
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey && !single) parts.push('Shift');
  parts.push(single ? event.key.toLowerCase() : event.key);
  return parts.join('-');
}

/** A key named again belongs to who named it last: a page may have its own `/`.
 * @param {Key[]} keys `always` keys also work while typing in a field */
export function keys(...keys) {
  for (const key of keys) {
    const before = table.findIndex((known) => known.key === key.key);
    if (before >= 0) table.splice(before, 1);
    table.push(key);
  }
}

/** Whether a press is text in a field. @param {EventTarget | null} target */
export function typing(target) {
  // A slider holds a place, no text: letters on it are the page's.
  if (target instanceof HTMLInputElement && target.type === 'range') return false;
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function listen() {
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || event.defaultPrevented) return;
    const name = nameOf(event);
    const open = document.querySelector('dialog[open]');
    for (const key of table) {
      if (key.key !== name) continue;
      if (!key.always && (open || typing(event.target))) continue;
      // Enter on a focused button or link must press that button, not act on the list.
      if (name === 'Enter' && event.target instanceof Element && event.target.closest('button, a, summary')) continue;
      event.preventDefault();
      key.run(event);
      return;
    }
  });
}

export function showKeys() {
  const dialog = document.createElement('dialog');
  const rows = table.filter((key) => key.text);
  document.body.append(dialog);
  render(dialog, html`<h2>${gettext('Keys of this page')}</h2>
    <dl class="keys">${rows.map((key) => html`<dt><kbd>${key.key.replace('-', ' + ')}</kbd></dt><dd>${key.text}</dd>`)}</dl>
    <form method="dialog"><div class="row"><button>${gettext('Close')}</button></div></form>`);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
}
