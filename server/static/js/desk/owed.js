// @ts-check
// Between calls: the calls we owe, the most overdue first, each settled with one press.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, until } from '../time.js';
import { complain } from '../toast.js';

const OUTCOMES = [['reached', () => gettext('Reached')], ['not_reached', () => gettext('Not reached')]];

/** @param {any} row */
function line(row) {
  // Only somebody who was promised water can say that it is not back.
  const outcomes = row.reason === 'water_back' ? [...OUTCOMES, ['not_fixed', () => gettext('Not fixed')]] : OUTCOMES;
  return html`<li data-testid="owed-row"><span><button type="button" class="dial" data-do="dial" data-number="${row.phone}" data-ticket="${row.ticket || ''}" data-testid="dial"><b>${row.phone}</b></button> <span class="muted">${row.label}${row.ticket ? html` · <a href="/tickets/${row.ticket}">${row.ticket}</a>` : ''}</span></span>
    <span class="muted" title="${clock(row.due_at, true)}">${until(row.due_at).text}</span>
    <span class="row">${outcomes.map(([code, text]) => html`<button type="button" data-do="owed" data-id="${row.id}" data-outcome="${code}">${/** @type {() => string} */ (text)()}</button>`)}</span></li>`;
}

export const owed = {
  async read() {
    const rows = await api.get('/api/call-backs').catch(() => null);
    if (!rows) return;
    render($('#owed'), rows.length ? html`<h2>${ngettext('%(count)s call we owe', '%(count)s calls we owe', rows.length)}</h2><ul>${rows.slice(0, 12).map(line)}</ul>` : html``);
  },
  /** @param {HTMLElement} button */
  async settle(button) {
    try { await api.post(`/api/call-backs/${button.dataset.id}`, { outcome: button.dataset.outcome }); } catch (error) { complain(error); }
    this.read();
  },
};
