// @ts-check
// The list of campaigns and the one that is chosen: how far it is, what came of it, who is on it.
import { api } from '../api.js';
import { askYes } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { share } from '../share.js';
import { clock, figure, span } from '../time.js';
import { complain, toast } from '../toast.js';
import { write } from './write.js';

const STATES = /** @type {const} */ (['reached', 'dialling', 'waiting', 'exhausted', 'skipped', 'dropped']);
/** @type {Record<string, () => string>} */
export const STATE = { reached: () => gettext('reached'), dialling: () => gettext('being called'), waiting: () => gettext('to be called'), exhausted: () => gettext('not reached'), skipped: () => gettext('not called any more'), dropped: () => gettext('left out') };
/** @type {Record<string, () => string>} */
const VERB = { start: () => gettext('Start calling'), pause: () => gettext('Halt'), resume: () => gettext('Go on'), stop: () => gettext('Stop'), refill: () => gettext('Read the list again') };
/** @type {Record<string, () => string>} */
const RESULT = { answered: () => gettext('picked up'), busy: () => gettext('busy'), no_answer: () => gettext('no answer'), refused: () => gettext('turned away'), failed: () => gettext('failed'), machine: () => gettext('a machine'), dropped: () => gettext('no agent in time'), not_allowed: () => gettext('may not be dialled'), agent_away: () => gettext('the agent\'s telephone not taken') };
/** @type {any[]} */ let all = [];
/** @type {any} */ let one = null;
let chosen = '';
let shown = '';

/** Something may come and go: a campaign runs, or a line of one that was halted is still in use. */
export const running = () => all.some((c) => c.state === 'running' || c.counts.dialling);
/** @param {string} number */
export function choose(number) { if (chosen !== number) shown = ''; chosen = number; }

/** @param {any} counts @param {number} total */
function bar(counts, total) {
  return html`<span class="far" role="img" aria-label="${STATES.map((s) => `${STATE[s]()} ${counts[s] || 0}`).join(', ')}">${STATES.filter((s) => counts[s] && s !== 'waiting').map((s) => html`<i data-s="${s}" data-share="${(100 * counts[s]) / Math.max(1, total)}"></i>`)}</span>`;
}

/** Widths go in by script: the page's policy allows no styles in the markup. @param {Element} root */
function widths(root) {
  for (const part of root.querySelectorAll('[data-share]')) if (part instanceof HTMLElement) part.style.width = `${part.dataset.share}%`;
}

/** @param {any} c */
function chip(c) {
  const closed = c.state === 'running' && !c.open;
  const level = c.why ? 'bad' : closed ? 'warn' : c.state === 'running' ? 'ok' : '';
  return html`<span class="chip ${level}" data-testid="campaign-state">${closed ? gettext('waits for its hours') : c.state_label}</span>`;
}

/** @param {any} c */
function row(c) {
  return html`<li><button type="button" id="row-${c.number}" data-do="choose" data-number="${c.number}" data-testid="campaign-row" aria-current="${String(c.number === chosen)}"><span class="name"><b>${c.name}</b>${chip(c)}</span>${bar(c.counts, c.total)}<small>${c.number} · ${c.kind_label} · ${c.mode_label} · ${gettext('%(done)s of %(total)s reached', { done: c.counts.reached, total: c.total - c.counts.dropped })}</small></button></li>`;
}

export async function read() {
  all = (await api.get('/api/campaigns')).results;
  if (!chosen && all.length) chosen = all[0].number;
  render($('#list'), all.length ? html`${all.map(row)}` : html`<li class="empty">${page.role === 'supervisor' ? gettext('No campaign yet. Press C to make one.') : gettext('No campaign yet. A supervisor makes one with C.')}</li>`);
  $('#one').hidden = !chosen;
  widths($('#list'));
  if (!chosen) return;
  const asked = chosen + shown;
  const [campaign, people] = await Promise.all([
    api.get(`/api/campaigns/${encodeURIComponent(chosen)}`),
    api.get(`/api/campaigns/${encodeURIComponent(chosen)}/targets${shown ? `?state=${shown}` : ''}`),
  ]);
  if (asked !== chosen + shown) return; // another was chosen meanwhile, and is being read
  one = campaign;
  draw(people.results);
}

/** @param {any[]} people */
function draw(people) {
  const c = one;
  const r = c.report;
  const boss = page.role === 'supervisor';
  const next = !c.open && c.opens_at && c.state === 'running' ? gettext('Calls again from %(when)s.', { when: clock(c.opens_at, true) }) : '';
  const tile = (/** @type {string} */ name, /** @type {string} */ value, id = '') => html`<div><span>${name}</span><b data-testid="${id}">${value}</b></div>`;
  render($('#one'), html`<header class="row spread"><div><h2>${c.name}</h2><p class="muted">${c.number} · ${c.kind_label} · ${c.mode_label}${c.source.shut_off ? html` · <a href="/shutoffs/${c.source.shut_off}">${c.source.shut_off}</a>` : ''} · ${gettext('%(from)s to %(to)s', { from: c.opens, to: c.closes })}</p></div>
    <div class="row">${chip(c)}${boss ? html`${c.allowed.map((/** @type {string} */ v) => html`<button type="button" class="${v === 'start' || v === 'resume' ? 'main' : 'quiet'}" id="do-${v === 'stop' ? v : 'go'}" data-do="verb" data-verb="${v}" data-testid="campaign-${v}">${VERB[v]()}</button>`)}${['draft', 'paused'].includes(c.state) ? html`<button type="button" class="quiet" id="do-change" data-do="change" data-testid="campaign-change">${gettext('Change…')}</button>` : ''}${c.kind === 'list' || ['stopped', 'done'].includes(c.state) ? '' : html`<button type="button" class="quiet" id="do-refill" data-do="verb" data-verb="refill">${VERB.refill()}</button>`}` : ''}</div></header>
    ${c.why || next ? html`<p class="warning" role="status">${c.why} ${next}</p>` : ''}
    <div class="campaign-tiles">${tile(gettext('Ringing now'), figure(c.going_on.ringing), 'going-ringing')}${tile(c.mode === 'notice' ? gettext('Listening now') : gettext('Talking now'), figure(c.going_on.talking), 'going-talking')}${c.mode === 'progressive' ? tile(gettext('Answered, wait for an agent'), figure(c.going_on.waiting), 'going-waiting') : ''}${tile(gettext('Rings'), figure(r.tries), 'rings')}${tile(gettext('Reached'), share(r.reached_share), 'reached-share')}${c.questions.some((/** @type {any} */ q) => q.code === 'understood') ? tile(gettext('Confirmed by key'), figure(r.confirmed), 'confirmed') : ''}${tile(gettext('Ringing, mean'), r.ringing_s === null ? '–' : span(r.ringing_s))}</div>
    ${bar(r.by_state, r.total)}
    <div class="key" role="group" aria-label="${gettext('Show only')}">${STATES.map((s) => html`<button type="button" id="only-${s}" data-do="only" data-state="${s}" aria-pressed="${String(shown === s)}"><i data-s="${s}"></i>${STATE[s]()} <b data-testid="n-${s}">${figure(r.by_state[s])}</b></button>`)}</div>
    <div class="two">${r.by_reason.length ? html`<div><h3>${gettext('Why')}</h3><table><tbody>${r.by_reason.map((/** @type {any} */ b) => html`<tr><td>${STATE[/** @type {'reached'} */ (b.state)]()}</td><td>${b.text}</td><td class="n">${figure(b.n)}</td></tr>`)}</tbody></table></div>` : ''}
      ${Object.keys(r.by_result).length ? html`<div><h3>${gettext('What came of the rings')}</h3><table><tbody>${Object.entries(r.by_result).map(([k, n]) => html`<tr><td>${RESULT[k] ? RESULT[k]() : k}</td><td class="n">${figure(n)}</td></tr>`)}</tbody></table></div>` : ''}
      ${c.questions.filter((/** @type {any} */ q) => q.code !== 'understood' && Object.keys(r.answers[q.code] || {}).length).map((/** @type {any} */ q) => html`<div><h3>${q[page.lang] || q.en || q['zh-hans']}</h3><table><tbody>${Object.entries(r.answers[q.code]).map(([k, n]) => html`<tr><td>${gettext('key %(key)s', { key: k })}</td><td class="n">${figure(n)}</td></tr>`)}</tbody></table></div>`)}
      ${Object.values(c.text).length ? html`<div><h3>${gettext('What is said')}</h3>${Object.values(c.text).map((t) => html`<blockquote>${t}</blockquote>`)}</div>` : ''}</div>
    <header class="row spread"><h3>${gettext('Who is on it')}</h3>${['supervisor', 'manager', 'auditor'].includes(page.role) ? html`<a class="button" id="do-table" href="/api/campaigns/${c.number}/targets.csv" download>${gettext('Table (CSV)')}</a>` : ''}</header>
    <table class="cards" aria-label="${gettext('Who is on it')}"><thead><tr><th>${gettext('Customer')}</th><th>${gettext('Telephone number')}</th><th>${gettext('State')}</th><th class="n">${gettext('Rings')}</th><th>${gettext('What came of it')}</th></tr></thead><tbody>${people.length ? people.map(person) : html`<tr><td colspan="5" class="empty">${gettext('Nobody.')}</td></tr>`}</tbody></table>`);
  $('#one').dataset.number = c.number;
  widths($('#one'));
}

/** @param {any} t */
function person(t) {
  const when = t.next_at ? html`<span class="muted">${gettext('again %(when)s', { when: clock(t.next_at, true) })}</span>` : t.settled_at && t.state !== 'dropped' ? html`<span class="muted">${clock(t.settled_at, true)}</span>` : '';
  return html`<tr data-testid="target"><td>${t.name || '–'}${t.address ? html`<br><span class="muted">${t.address}</span>` : ''}</td><td>${t.number_masked || '–'}</td><td><span class="chip ${t.state === 'reached' ? 'ok' : t.state === 'exhausted' ? 'warn' : ''}">${STATE[t.state]()}</span></td><td class="n" data-label="${gettext('Rings')}">${figure(t.tries)}</td>
    <td class="body">${t.code_text || t.reason_text}${t.note ? html` <span class="muted">${t.note}</span>` : ''}${t.agent ? html` <span class="muted">${t.agent}</span>` : ''} ${when}</td></tr>`;
}

/** @param {number} by */
export function move(by) {
  if (!all.length) return;
  const at = all.findIndex((c) => c.number === chosen);
  choose(all[Math.max(0, Math.min(all.length - 1, at + by))].number);
  read().catch(complain);
}

/** @param {boolean} boss @param {() => void} again */
export const verbs = (boss, again) => ({
  /** @param {HTMLElement} target */ choose: (target) => { choose(target.dataset.number || ''); again(); },
  /** @param {HTMLElement} target */ only: (target) => { shown = shown === target.dataset.state ? '' : target.dataset.state || ''; again(); },
  /** @param {HTMLElement} target */ verb: async (target) => {
    if (!boss || !one) return;
    if (target.dataset.verb === 'stop' && !await askYes(gettext('Stop %(name)s?', { name: one.name }), gettext('Those to be called (%(n)s) are not called any more. A campaign that was stopped cannot go on.', { n: figure(one.report.by_state.waiting) }), VERB.stop())) return;
    try { await api.post(`/api/campaigns/${one.number}/actions`, { verb: target.dataset.verb }); if (target.dataset.verb === 'refill') toast(gettext('The list was read again.')); } catch (error) { complain(error); }
    again();
  },
  change: async () => { if (await write(one)) again(); },
});
