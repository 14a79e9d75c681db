// @ts-check
// A board of LEDs in a browser: pages in turn, as the boards behind controllers show them.
// /led?columns=192&rows=2; runs for days, one reading at a time.
import { api, within } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { on } from './live.js';
import { span } from './time.js';

const asked = new URLSearchParams(location.search);
const columns = Number(asked.get('columns')) || 192;
const rows = Number(asked.get('rows')) || 2;
/** @type {any[]} */ let pages = [];
let at = -1;
let readAt = 0;
let busy = false;

async function read() {
  if (busy) return;
  busy = true;
  try { pages = (await within(8000, (signal) => api.get(`/api/led?columns=${columns}&rows=${rows}`, { signal }))).pages; readAt = Date.now(); } catch { /* the age below says so */ }
  busy = false;
  const old = readAt ? (Date.now() - readAt) / 1000 : Infinity;
  $('#led-age').hidden = old <= 15;
  if (old > 15) $('#led-age').textContent = readAt ? gettext('%(age)s old', { age: span(old) }) : gettext('No connection yet.');
}

/** @param {string} text */
const cells = (text) => html`${[...text].map((c) => html`<span class="${c.charCodeAt(0) < 128 ? '' : 'wide'}">${c}</span>`)}`;

function next() {
  at = pages.length ? (at + 1) % pages.length : -1;
  const page = pages[at] || { kind: '', rows: [], seconds: 2 };
  const board = $('#board');
  board.dataset.kind = page.kind;
  render(board, html`${Array.from({ length: rows }, (_, n) => html`<div class="led-row">${cells(page.rows[n] || '')}</div>`)}`);
  setTimeout(next, page.seconds * 1000);
}

$('#board').style.setProperty('--columns', String(columns));
$('#board').style.setProperty('--rows', String(rows));
on('shutoff.started shutoff.replanned shutoff.restored incident.opened incident.changed order.changed resumed', () => { setTimeout(read, 500); });
setInterval(read, 5000);
read().then(next);
