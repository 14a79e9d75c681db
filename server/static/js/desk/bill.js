// @ts-check
// What the customer owes and uses, asked of the billing system when the card is there.
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { clock } from '../time.js';

/** Twenty-four months of use as bars: a leak after the meter shows at a glance. Estimates are hollow.
 * @param {{month: string, m3: number, estimated?: boolean}[]} months @param {any} [anomaly] */
export function usage(months, anomaly) {
  if (!months.length) return '';
  const most = Math.max(...months.map((m) => Number(m.m3)), 0.001);
  const guessed = months.some((m) => m.estimated);
  return html`<figure class="usage" data-testid="usage"><svg viewBox="0 0 ${months.length * 8} 40" preserveAspectRatio="none" role="img" aria-label="${gettext('Use of the last %(n)s months', { n: months.length })}">${months.map((m, i) => {
    const height = Math.max(1.5, (38 * Number(m.m3)) / most);
    return html`<rect x="${i * 8 + 0.5}" y="${39.5 - height}" width="6" height="${height}" class="${m.estimated ? 'guess' : anomaly && anomaly.month === m.month ? 'odd' : ''}"><title>${m.month}: ${m.m3} m³${m.estimated ? ` (${gettext('estimated')})` : ''}</title></rect>`;
  })}</svg><figcaption class="muted">${gettext('Use of the last %(n)s months', { n: months.length })} · ${gettext('last %(m3)s m³', { m3: months[months.length - 1].m3 })}${guessed ? html` · <i class="key guess"></i> ${gettext('estimated')}` : ''}</figcaption></figure>`;
}

/** @param {any} said {down, statement} */
export function statement(said) {
  const s = said.statement;
  if (said.down && !s) return html`<p class="warning" role="status" data-testid="billing-down">${gettext('The billing system does not answer. Offer a ticket; give no figure.')}</p>`;
  if (!s) return '';
  const old = said.down || s.cached;
  return html`${old ? html`<p class="warning" role="status" data-testid="billing-down">${gettext('The billing system does not answer. These figures are of %(at)s.', { at: clock(s.as_of, true) })}</p>` : ''}
    <dl class="facts"><dt>${gettext('Balance')}</dt><dd data-testid="balance">${s.balance === null ? '–' : html`<b>${s.balance} ${s.currency}</b> <span class="muted">${gettext('on %(date)s', { date: clock(s.as_of, true) })}</span>`}</dd>
      ${s.arrears ? html`<dt>${gettext('Overdue')}</dt><dd class="bad" data-testid="arrears">${s.arrears.amount} ${s.currency} <span class="muted">${gettext('since %(date)s', { date: s.arrears.since })}</span></dd>` : ''}</dl>
    ${s.anomaly ? html`<p class="warning" data-testid="anomaly">${gettext('%(m3)s m³ in %(month)s, %(ratio)s times the usual: perhaps a leak behind the meter.', { m3: s.anomaly.m3, month: s.anomaly.month, ratio: s.anomaly.ratio })}</p>` : ''}
    ${usage(s.readings, s.anomaly)}
    ${s.bills.length ? html`<details class="bills"><summary>${gettext('Bills and readings')}</summary><table><thead><tr><th>${gettext('Month')}</th><th>${gettext('Amount')}</th><th>${gettext('Open')}</th><th>m³</th><th>${gettext('Meter')}</th></tr></thead><tbody>${s.bills.map((/** @type {any} */ b) => {
    const r = s.readings.find((/** @type {any} */ x) => x.month === b.period);
    return html`<tr><td>${b.period}</td><td>${b.amount}</td><td class="${Number(b.open) > 0 ? 'bad' : ''}">${Number(b.open) > 0 ? b.open : '–'}</td><td>${b.used_m3}${r && r.estimated ? ` (${gettext('estimated')})` : ''}</td><td>${r ? r.value_m3 : ''}</td></tr>`;
  })}</tbody></table></details>` : ''}`;
}

let asked = '';
/** Ask for the figures of this account; only the last asked for is drawn. @param {any} customer */
export async function readBill(customer) {
  const number = customer && customer.account;
  if (!number) { asked = ''; return; }
  asked = number;
  const said = await api.get(`/api/customers/${encodeURIComponent(number)}/statement`).catch(() => ({ down: true, statement: customer.bill || null }));
  const holder = document.getElementById('bill');
  if (asked === number && holder) render(holder, html`${statement(said)}`);
}

/** The second factor of who calls. @param {HTMLFormElement} form @param {string} number */
export async function verify(form, number) {
  const input = /** @type {HTMLInputElement} */ (form.elements.namedItem('factor'));
  const note = form.querySelector('output');
  const say = (/** @type {string} */ text, /** @type {string} */ state) => { if (note) { note.textContent = text; note.dataset.state = state; } };
  try {
    const answer = await api.post(`/api/customers/${encodeURIComponent(number)}/verify`, { factor: input.value });
    if (answer.verified) say(gettext('It is the customer.'), 'ok');
    else if (answer.locked) say(gettext('Three wrong answers: no more for a quarter of an hour.'), 'bad');
    else say(gettext('That is not it.'), 'bad');
    input.value = '';
  } catch (error) { say(error instanceof Error ? error.message : String(error), 'bad'); }
}
