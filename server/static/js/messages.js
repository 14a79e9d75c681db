// @ts-check
// The texts that were sent: to whom, what, when, did it arrive.
import { api } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { on } from './live.js';
import { ago, clock } from './time.js';
import { complain } from './toast.js';
import { word } from './words.js';

async function read() {
  try {
    const answer = await api.get('/api/messages');
    const list = Array.isArray(answer) ? answer : answer.results || [];
    render($('#messages'), list.length ? html`${list.map((/** @type {any} */ m) => html`<tr data-testid="message-row"><td title="${clock(m.at, true)}">${ago(m.at)}</td><td>${m.to_masked}</td><td class="body">${m.body}</td>
      <td><span class="chip ${m.state === 'failed' ? 'bad' : m.state === 'delivered' ? 'ok' : ''}">${word('sms', m.state)}</span></td><td>${m.ticket ? html`<a href="/tickets/${m.ticket}">${m.ticket}</a>` : ''}</td></tr>`)}` : html`<tr><td colspan="5" class="empty">${gettext('No text has been sent yet. The first goes out when a ticket is registered.')}</td></tr>`);
  } catch (error) { complain(error); }
}
on('sms.sent ticket.opened ticket.changed resumed', () => { read(); });
setInterval(read, 15000);
read();
