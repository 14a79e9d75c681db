// @ts-check
// The ladder for unpaid bills: how many stand on each step, who is next, and what was done.
import { api } from '../api.js';
import { askReason, open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { showErrors } from '../problems.js';
import { clock, day, figure } from '../time.js';
import { complain, toast } from '../toast.js';

/** @type {Record<string, () => string>} */
const STEP = { listed: () => gettext('listed'), sms: () => gettext('text sent'), call: () => gettext('call'), notice: () => gettext('cut-off announced'), visit: () => gettext('visit by a crew') };
/** @type {Record<string, () => string>} */
const DONE = { ...STEP, paid: () => gettext('paid'), hold: () => gettext('held'), release: () => gettext('released'), close: () => gettext('taken off'), noticed: () => gettext('notice handed over'), cut_off: () => gettext('cut off') };
const boss = page.role === 'supervisor';
let state = '';

/** @param {any} c */
function row(c) {
  const last = c.steps.length ? c.steps[c.steps.length - 1] : null;
  const act = (/** @type {string} */ verb, /** @type {string} */ text) => html`<button type="button" class="quiet" data-do="arrears" data-verb="${verb}" data-id="${c.id}" data-testid="arrears-${verb}">${text}</button>`;
  return html`<tr data-testid="arrears-row"><td>${c.name}${c.priority ? html` <span class="chip warn">${gettext('priority')}</span>` : ''}<br><span class="muted">${c.address} · ${c.account}</span></td><td class="n"><b>${c.amount}</b><br><span class="muted">${gettext('since %(day)s', { day: day(c.since) })}</span></td>
    <td><span class="chip ${c.state === 'paid' ? 'ok' : c.state === 'held' ? 'warn' : ''}">${c.state === 'open' ? c.step_label : c.state_label}</span>${c.reason ? html`<br><span class="muted">${c.reason}</span>` : ''}</td>
    <td class="body">${c.state === 'open' && c.next_at && c.next ? html`${(STEP[c.next] || (() => c.next))()} ${clock(c.next_at, true)}` : c.state === 'open' && c.step === 'call' ? gettext('waits for its call') : ''}${c.visit ? html` <a href="/tickets/${c.visit}">${c.visit}</a>` : ''}${c.cut_from && c.state === 'open' && !c.cut_at ? html`<br><span class="muted">${gettext('no cut-off before %(when)s', { when: clock(c.cut_from, true) })}</span>` : ''}${c.cut_at ? html`<br>${gettext('cut off %(when)s', { when: clock(c.cut_at, true) })}` : ''}
      ${last ? html`<details data-key="steps-${c.id}"><summary>${(DONE[last.step] || (() => last.step))()} ${clock(last.at, true)}</summary><ol>${c.steps.map((/** @type {any} */ s) => html`<li>${clock(s.at, true)} ${(DONE[s.step] || (() => s.step))()} ${s.balance !== null ? html`<span class="muted">${gettext('balance read: %(amount)s', { amount: s.balance })}</span>` : ''} <span class="muted">${s.what} ${s.by}</span></li>`)}</ol></details>` : ''}</td>
    <td><div class="row">${boss && c.state === 'open' ? html`${act('hold', gettext('Disputed…'))}${c.step === 'notice' && !c.told_at ? act('noticed', gettext('Handed over…')) : ''}${c.step === 'visit' && !c.priority && !c.cut_at ? act('cut_off', gettext('Was cut off')) : ''}${act('close', gettext('Take off…'))}` : ''}${boss && c.state === 'held' ? html`${act('release', gettext('Goes on'))}${act('close', gettext('Take off…'))}` : ''}</div></td></tr>`;
}

export async function read() {
  const answer = await api.get(`/api/arrears${state ? `?state=${state}` : ''}`);
  const filters = [['', gettext('on the ladder')], ['held', gettext('held')], ['paid', gettext('paid')], ['closed', gettext('taken off')]];
  render($('#arrears'), html`<header class="row spread"><h2>${gettext('Unpaid bills')}</h2>${boss ? html`<button type="button" class="main" data-do="arrears-list" data-testid="arrears-list">${gettext('Put on the ladder…')}</button>` : ''}</header>
    <p class="muted">${gettext('One step at a time. The balance is read before each; who pays leaves the ladder within a minute. Nobody is cut off before 72 hours have passed since it was announced, priority customers never.')}</p>
    <ol class="rungs">${Object.entries(STEP).map(([s, t]) => html`<li><span>${t()}</span><b data-testid="rung-${s}">${figure(answer.counts[s])}</b></li>`)}</ol>
    <div class="row tabs" role="group" aria-label="${gettext('Show only')}">${filters.map(([s, t]) => html`<button type="button" class="quiet" id="arrears-only-${s}" data-do="arrears-only" data-state="${s}" aria-pressed="${String(state === s)}">${t}</button>`)}</div>
    <table class="cards" aria-label="${gettext('Unpaid bills')}"><thead><tr><th>${gettext('Customer')}</th><th class="n">${gettext('Overdue')}</th><th>${gettext('State')}</th><th>${gettext('What comes, what was done')}</th><th></th></tr></thead><tbody>${answer.results.length ? answer.results.map(row) : html`<tr><td colspan="5" class="empty">${gettext('Nobody.')}</td></tr>`}</tbody></table>`);
}

/** @param {() => void} again */
function listThem(again) {
  const dialog = open(html`<form novalidate data-testid="arrears-form"><h2>${gettext('Put on the ladder')}</h2><div class="pair"><div class="field"><label for="least">${gettext('Owes at least')}</label><input id="least" name="least" inputmode="decimal" value="20" required></div><div class="field"><label for="days">${gettext('Overdue for more than (days)')}</label><input id="days" name="days" type="number" min="0" value="30" required></div></div>
    <p class="muted">${gettext('The first step, a text, follows at once (by day).')}</p><div class="row"><button class="main" data-testid="arrears-save">${gettext('Put on the ladder')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try { const made = await api.post('/api/arrears', Object.fromEntries(new FormData(form))); dialog.close(); toast(gettext('%(n)s accounts are new on the ladder.', { n: made.listed })); again(); } catch (error) { showErrors(form, error, { 'source.least': 'least', 'source.days': 'days' }); }
  });
  $('#least', dialog).focus();
}

/** @param {boolean} may @param {() => void} again */
export const verbs = (may, again) => ({
  'arrears-only': (/** @type {HTMLElement} */ target) => { state = target.dataset.state || ''; again(); },
  'arrears-list': () => { if (may) listThem(again); },
  arrears: async (/** @type {HTMLElement} */ target) => {
    const verb = target.dataset.verb || '';
    const reason = ['hold', 'close', 'noticed'].includes(verb) ? await askReason(target.textContent || '', gettext('Save')) : '';
    if (reason === null) return;
    try { await api.post(`/api/arrears/${target.dataset.id}/actions`, { verb, reason }); } catch (error) { complain(error); }
    again();
  },
});
