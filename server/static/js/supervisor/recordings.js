// @ts-check
// Alarms of the recordings on the floor, where somebody looks all day; the rest is on their own page.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { on } from '../live.js';
import { ago } from '../time.js';

export function start() {
  const panel = $('#recordings');
  async function read() {
    try {
      const { alarms } = await api.get('/api/recordings/state');
      panel.hidden = !alarms.length;
      render(panel, html`<header class="row spread"><h2>${gettext('Recordings')}</h2><a href="/recordings">${gettext('Show')}</a></header><ul class="alarms" role="alert">${alarms.map((/** @type {any} */ a) => html`<li data-testid="alarm" data-code="${a.code}"><b>${a.text}</b> <span class="muted">${ago(a.since)}</span></li>`)}</ul>`);
    } catch { /* the page's own age tells that the server is away */ }
  }
  on('recordings.alarm resumed', read);
  setInterval(read, 30000);
  read();
}
