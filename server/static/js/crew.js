// @ts-check
// A crew sees who looked at where it was, and why. You are tracked on shift only.
import { api } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { page } from './page.js';
import { clock } from './time.js';
import { complain } from './toast.js';

async function read() {
  try {
    const { views } = await api.get('/api/crew/track-views');
    const panel = $('#views');
    panel.hidden = false;
    render(panel, html`<h2>${gettext('Who looked at your track')}</h2><p class="muted">${gettext('You are tracked on shift only. Whoever looks at where you were has to say why.')}</p>${views.length ? html`<table><tbody>${views.map((/** @type {any} */ v) => html`<tr><td>${clock(v.at, true)}</td><td>${v.by}</td><td>${v.reason}</td></tr>`)}</tbody></table>` : html`<p class="empty">${gettext('Nobody has.')}</p>`}`);
  } catch (error) { complain(error); }
}
if (page.role === 'crew') read();
