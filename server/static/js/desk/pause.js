// @ts-check
// Why I take no calls: one click or one digit on a reason of the supervisor's table.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html } from '../html.js';
import { gettext } from '../i18n.js';

/** Ask for a reason, then pause with it. @param {(state: 'paused', reason: string) => unknown} pause */
export async function askPause(pause) {
  /** @type {any[]} */ const reasons = (await api.get('/api/pause-reasons')).filter((/** @type {any} */ r) => r.active && !r.system);
  const dialog = open(html`<h2>${gettext('Pause: why?')}</h2><ul class="plain stack">${reasons.map((r, i) => html`<li><button type="button" class="wide" data-reason="${r.code}" data-testid="pause-reason">${r.shown}${r.limit_s ? html` <span class="muted">${gettext('at most %(n)s min', { n: Math.round(r.limit_s / 60) })}</span>` : ''} ${i < 9 ? html`<kbd>${i + 1}</kbd>` : ''}</button></li>`)}</ul>
    <div class="row"><button type="button" data-cancel>${gettext('Cancel')}</button></div>`);
  /** @param {string} code */
  const choose = (code) => { dialog.close(); pause('paused', code); };
  dialog.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest('[data-reason]') : null;
    if (button) choose(button.getAttribute('data-reason') || '');
  });
  dialog.addEventListener('keydown', (event) => {
    const reason = /^[1-9]$/.test(event.key) ? reasons[Number(event.key) - 1] : null;
    if (reason) { event.preventDefault(); choose(reason.code); }
  });
  $('[data-reason]', dialog).focus();
}
