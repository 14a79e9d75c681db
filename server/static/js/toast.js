// @ts-check
// Short messages at the foot of the page. Errors stay until dismissed.
import { gettext } from './i18n.js';

/** @param {string} text @param {'ok' | 'bad'} [kind] */
export function toast(text, kind = 'ok') {
  const tray = document.getElementById('toasts');
  if (!tray) return;
  const item = document.createElement('div');
  item.className = 'toast';
  item.dataset.kind = kind;
  item.append(text);
  if (kind === 'bad') {
    const close = document.createElement('button');
    close.textContent = gettext('Dismiss');
    close.onclick = () => item.remove();
    item.append(close);
  } else {
    setTimeout(() => item.remove(), 6000);
  }
  tray.append(item);
  while (tray.children.length > 3) tray.children[0].remove();
}

/** @param {unknown} error */
export function complain(error) {
  toast(error instanceof Error ? error.message : String(error), 'bad');
}
