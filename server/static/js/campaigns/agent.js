// @ts-check
// The agent's record: who, why, what to say; one key rings, one key writes down what came of it.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { on } from '../live.js';
import { clock, day } from '../time.js';
import { complain } from '../toast.js';

/** @type {any} */ let record = null;
/** @type {any[]} */ let offered = [];
let note = '';
let busy = false;

async function read() {
  try {
    const answer = await api.get('/api/campaigns/mine');
    if (!record || !answer.record || record.id !== answer.record.id) note = '';
    record = answer.record;
    offered = answer.campaigns;
    draw();
  } catch (error) { complain(error); }
}

function draw() {
  const box = $('#mine');
  box.hidden = !record && !offered.length;
  if (box.hidden) return;
  if (!record) {
    render(box, html`<header class="row spread"><h2 id="mine-title">${gettext('Preview campaigns')}</h2><div class="row">${offered.map((c, n) => html`<button type="button" class="${n ? '' : 'main'}" data-do="next" data-number="${c.number}" data-testid="next">${gettext('Next customer: %(name)s', { name: c.name })}${n ? '' : html` <kbd>N</kbd>`}</button>`)}</div></header>`);
    return;
  }
  const r = record;
  const typed = box.querySelector('textarea');
  if (typed) note = typed.value;
  const fresh = !r.call || (r.state === 'waiting' && !r.ringing && !r.talking);
  const state = r.talking ? gettext('You are talking.') : r.ringing ? gettext('Ringing…') : r.last ? gettext('Last time: %(what)s', { what: r.last }) : '';
  render(box, html`<header class="row spread"><div><p class="muted" id="mine-title">${r.campaign} · ${r.campaign_name}</p><p class="who">${r.name || (r.customer && r.customer.name) || r.number}</p><p>${r.customer ? r.customer.address : ''} <span class="muted">${r.number}</span></p></div>
    <div class="row"><span class="chip ${r.talking ? 'ok' : r.ringing ? 'warn' : ''}" role="status" data-testid="mine-state">${state || gettext('not called yet')}</span>${fresh ? html`<button type="button" class="main" data-do="dial" data-testid="mine-dial">${gettext('Call')} <kbd>D</kbd></button><button type="button" class="quiet" data-do="release" data-testid="mine-release">${gettext('Not now')}</button>` : ''}</div></header>
    ${r.say ? html`<blockquote class="say">${r.say}</blockquote>` : ''}
    <dl class="facts">${r.bill ? html`<dt>${gettext('Overdue')}</dt><dd>${r.bill.amount ? `${r.bill.amount} ${r.bill.currency}` : gettext('nothing')}${r.bill.since ? html` <span class="muted">${gettext('since %(day)s', { day: day(r.bill.since) })}</span>` : ''}${r.bill.cached ? html` <span class="chip warn">${gettext('as of %(when)s: billing does not answer', { when: clock(r.bill.as_of, true) })}</span>` : ''}</dd>` : ''}
      ${r.water ? html`<dt>${gettext('Water off')}</dt><dd><a href="/shutoffs/${r.water.shut_off}">${r.water.shut_off}</a> ${gettext('since %(day)s', { day: clock(r.water.since, true) })}</dd>` : ''}
      ${r.ticket ? html`<dt>${gettext('Ticket')}</dt><dd><a href="/tickets/${r.ticket}">${r.ticket}</a></dd>` : ''}
      ${r.open_tickets.length ? html`<dt>${gettext('Open tickets')}</dt><dd>${r.open_tickets.map((/** @type {any} */ t) => html`<a href="/tickets/${t.number}">${t.number}</a> `)}</dd>` : ''}
      ${r.customer && r.customer.flags.length ? html`<dt>${gettext('Note')}</dt><dd>${r.customer.flags.map((/** @type {any} */ f) => f.text).join(' · ')}</dd>` : ''}</dl>
    <div class="field"><label for="mine-note">${gettext('What was said')}</label><textarea id="mine-note" maxlength="500" data-testid="mine-note">${note}</textarea></div>
    <div class="codes">${r.codes.map((/** @type {any} */ c, /** @type {number} */ n) => html`<button type="button" data-do="code" data-code="${c.code}" data-testid="code-${c.code}"><kbd>${n + 1}</kbd> ${c.text}</button>`)}</div>`);
}

/** @param {() => Promise<any>} work */
async function once(work) {
  if (busy) return;
  busy = true;
  try { await work(); } catch (error) { complain(error); } finally { busy = false; }
  await read();
}

const next = (/** @type {string} */ number) => once(() => api.post(`/api/campaigns/${number}/next`, {}).then((/** @type {any} */ a) => { if (!a.record) complain(gettext('Nobody is to be called just now.')); }));
const dial = () => record && once(() => api.post(`/api/campaigns/targets/${record.id}/dial`, {}));
const release = () => record && once(() => api.post(`/api/campaigns/targets/${record.id}/release`, {}));
/** @param {string} code */
function write(code) {
  if (!record) return;
  const typed = /** @type {HTMLTextAreaElement | null} */ (document.querySelector('#mine-note'));
  const kept = typed ? typed.value : '';
  once(async () => { await api.post(`/api/campaigns/targets/${record.id}/code`, { code, note: kept }); note = ''; if (typed) typed.value = ''; });
}

export const verbs = () => ({
  /** @param {HTMLElement} t */ next: (t) => { next(t.dataset.number || ''); }, dial: () => { dial(); }, release: () => { release(); },
  /** @param {HTMLElement} t */ code: (t) => write(t.dataset.code || ''),
});

export function table() {
  const codes = Array.from({ length: 9 }, (_, n) => ({ key: String(n + 1), text: n ? '' : gettext('1 to 9: write down what came of it'), run: () => { if (record && record.codes[n]) write(record.codes[n].code); } }));
  return [{ key: 'n', text: gettext('next customer'), run: () => { if (!record && offered.length) next(offered[0].number); } }, { key: 'd', text: gettext('call the customer'), run: () => { if (record) dial(); } }, ...codes];
}

export function start() {
  on('dial.placed dial.answered dial.ended call.answered campaign.changed resumed', (data) => { if (!data.about || (record && data.about === `target:${record.id}`)) read(); });
  read();
}
