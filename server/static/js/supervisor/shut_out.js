// @ts-check
// Who attacked the exchange and is shut out, and the way back for whom it hit by mistake.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { on } from '../live.js';
import { clock, figure } from '../time.js';
import { complain, toast } from '../toast.js';
import { word } from '../words.js';

export function start() {
  const panel = $('#shut-out');
  async function read() {
    try {
      const { blocked } = await api.get('/api/exchange/blocked');
      panel.hidden = !blocked.length;
      render(panel, html`<h2>${gettext('Shut out of the exchange')}</h2><table><thead><tr><th>${gettext('Address')}</th><th>${gettext('Why')}</th><th class="n">${gettext('Tries')}</th><th class="n">${gettext('until')}</th><th></th></tr></thead>
        <tbody>${blocked.map((/** @type {any} */ b) => html`<tr data-testid="shut-out" data-address="${b.address}"><th scope="row">${b.address}</th><td>${word('knock', b.what)}${b.account ? html` <span class="muted">${b.account}</span>` : ''}</td><td class="n">${figure(b.tries)}</td><td class="n">${clock(b.until, true)}</td><td><button type="button" class="quiet" data-do="release" data-id="${b.id}" data-key="release-${b.id}">${gettext('Let in')}</button></td></tr>`)}</tbody></table>`);
    } catch { /* the page's own age tells that the server is away */ }
  }
  onDo(panel, { release: async (target) => {
    try {
      await api.post(`/api/exchange/blocked/${target.dataset.id}`, {});
      toast(gettext('The address is let in again.'));
      await read();
    } catch (error) { complain(error); }
  } });
  on('exchange.blocked exchange.released resumed', read);
  setInterval(read, 30000);
  read();
}
