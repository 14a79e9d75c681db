// @ts-check
// Campaigns that run, on the supervisor's page: how far, who is on the line, and one key to halt.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { figure } from '../time.js';
import { complain } from '../toast.js';

export function start() {
  const box = $('#campaigns');
  async function read() {
    try {
      const live = (await api.get('/api/campaigns')).results.filter((/** @type {any} */ c) => ['running', 'paused'].includes(c.state));
      box.hidden = !live.length;
      render(box, html`<header class="row spread"><h2>${gettext('Campaigns')}</h2><a href="/campaigns">${gettext('All campaigns')}</a></header><table><thead><tr><th>${gettext('Name')}</th><th class="n">${gettext('reached')}</th><th class="n">${gettext('to be called')}</th><th>${gettext('State')}</th><th></th></tr></thead><tbody>${live.map((/** @type {any} */ c) => html`<tr data-testid="floor-campaign"><th scope="row"><a href="/campaigns#${c.number}">${c.name}</a></th><td class="n">${figure(c.counts.reached)}</td><td class="n">${figure(c.counts.waiting)}</td><td>${c.why || (c.state === 'running' && !c.open ? gettext('waits for its hours') : c.state_label)}</td><td>${c.state === 'running' ? html`<button type="button" class="quiet" data-do="halt" data-number="${c.number}">${gettext('Halt')}</button>` : ''}</td></tr>`)}</tbody></table>`);
    } catch { /* the page's own reading says when the server is away */ }
  }
  onDo(box, { halt: async (target) => { try { await api.post(`/api/campaigns/${target.dataset.number}/actions`, { verb: 'pause' }); } catch (error) { complain(error); } read(); } });
  setInterval(read, 5000);
  read();
}
