// @ts-check
// Queues, what each agent can take, reasons to pause: set here, in force with the next call.
import { api } from './api.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { pooled } from './pooled.js';
import { named, queueForm, reasonForm } from './queues/forms.js';
import { clock, figure, stopwatch } from './time.js';
import { complain, toast } from './toast.js';
import { word } from './words.js';

/** @type {any[]} */ let queues = [];
/** @type {any[]} */ let areas = [];
/** @type {any[]} */ let now = [];
/** @type {any[]} */ let agents = [];
/** @type {any[]} */ let reasons = [];
/** @type {any[]} */ let kept = [];
const skills = () => [...new Set([...queues.map((q) => q.skill), ...agents.flatMap((a) => Object.keys(a.skills))])].sort();
const LEVELS = () => ['–', gettext('1 learning'), gettext('2 sound'), gettext('3 expert')];

/** @param {any} q */
function rules(q) {
  const helper = queues.find((o) => o.code === q.overflow_to);
  return [
    gettext('rings %(n)s s', { n: q.ring_s }), gettext('waits at most %(n)s s', { n: q.max_wait_s }),
    q.max_waiting ? gettext('at most %(n)s waiting', { n: q.max_waiting }) : '',
    helper && q.overflow_after_s ? gettext('%(queue)s helps after %(n)s s', { queue: helper.shown, n: q.overflow_after_s }) : '',
    helper && q.overflow_waiting ? gettext('%(queue)s helps from %(n)s waiting on', { queue: helper.shown, n: q.overflow_waiting }) : '',
    q.call_back ? gettext('call-back offered') : '', q.wrap_s ? gettext('%(n)s s after each call', { n: q.wrap_s }) : '',
  ].filter(Boolean).join(', ');
}

/** @param {any} q */
function row(q) {
  const live = now.find((n) => n.queue === q.code);
  const area = areas.find((a) => a.code === q.area);
  return html`<tr data-testid="queue-row" data-queue="${q.code}" data-active="${q.active}"><td><b>${q.shown}</b><br><span class="muted">${q.code}${q.active ? '' : html`, ${gettext('not in use')}`}</span></td>
    <td>${q.skill}<br><span class="muted">${area ? named(area) : gettext('everywhere')}</span></td>
    <td>${live ? html`${gettext('%(n)s waiting', { n: figure(live.waiting + live.kept) })}${live.waiting ? html`, ${gettext('longest %(time)s', { time: stopwatch(live.longest_wait_s) })}` : ''}<br><span class="muted">${live.working ? gettext('%(n)s work, %(free)s free', { n: figure(live.working), free: figure(live.free) }) : gettext('nobody works')}${live.expected_wait_s === null ? '' : html`, ${gettext('wait about %(time)s', { time: stopwatch(live.expected_wait_s) })}`}</span>` : '–'}</td>
    <td class="rules">${rules(q)}</td><td><button type="button" data-do="queue" data-code="${q.code}" data-testid="queue-edit">${gettext('Change…')}</button></td></tr>`;
}

/** @param {any} a @param {string[]} all */
function agentRow(a, all) {
  const name = (/** @type {string} */ what) => `${a.name}: ${what}`;
  return html`<tr data-testid="agent-row" data-agent="${a.username}"><th scope="row">${a.name}<br><span class="muted">${a.extension}${a.usual ? html`, ${gettext('general work')}` : ''}</span></th>
    ${all.map((s) => html`<td><select data-change="skill" data-agent="${a.username}" data-skill="${s}" data-key="${a.username}-${s}" aria-label="${name(s)}">${LEVELS().map((text, level) => html`<option value="${level}" ${(a.skills[s] || 0) === level ? 'selected' : ''}>${text}</option>`)}</select></td>`)}
    <td><select multiple size="2" data-change="areas" data-agent="${a.username}" data-key="${a.username}-areas" aria-label="${name(gettext('Districts'))}">${areas.map((area) => html`<option value="${area.code}" ${a.areas.includes(area.code) ? 'selected' : ''}>${named(area)}</option>`)}</select></td>
    <td><input type="number" min="0" max="20" value="${a.text_limit}" data-change="text_limit" data-agent="${a.username}" data-key="${a.username}-limit" aria-label="${name(gettext('Written work at a time'))}"> <label class="row"><input type="checkbox" ${a.text_while_talking ? 'checked' : ''} data-change="text_while_talking" data-agent="${a.username}" data-key="${a.username}-talking"> ${gettext('also while talking')}</label></td></tr>`;
}

/** @param {any} r */
function reasonRow(r) {
  return html`<tr data-testid="reason-row" data-reason="${r.code}" data-active="${r.active}"><td><b>${r.shown}</b>${r.active ? '' : html` <span class="muted">${gettext('not in use')}</span>`}</td><td>${r.away ? gettext('yes') : gettext('no')}</td>
    <td>${r.limit_s ? gettext('%(n)s min', { n: figure(r.limit_s / 60) }) : '–'}</td><td>${r.system ? html`<span class="muted">${gettext('given by the system')}</span>` : html`<button type="button" data-do="reason" data-code="${r.code}">${gettext('Change…')}</button>`}</td></tr>`;
}

function draw() {
  render($('#queues'), html`${queues.map(row)}`);
  const all = skills();
  render($('#agents'), agents.length ? html`<table class="skills"><thead><tr><th>${gettext('Agent')}</th>${all.map((s) => html`<th>${s}</th>`)}<th>${gettext('Districts')}</th><th>${gettext('Written work at a time')}</th></tr></thead><tbody>${agents.map((a) => agentRow(a, all))}</tbody></table>` : html`<p class="empty">${gettext('Nobody has a telephone line yet.')}</p>`);
  render($('#reasons'), html`${reasons.map(reasonRow)}`);
  drawKept();
}

function drawKept() {
  $('#kept').hidden = !kept.length;
  render($('#kept-list'), html`${kept.map((k) => html`<li class="row spread" data-testid="kept"><span><b>${k.number}</b> <span class="muted">${(queues.find((q) => q.code === k.queue) || { shown: k.queue }).shown}, ${gettext('since %(time)s', { time: clock(k.since) })}, ${word('kept', k.state)}</span></span>${k.state === 'waiting' ? html`<button type="button" data-do="forget" data-id="${k.id}">${gettext('Do not call')}</button>` : ''}</li>`)}`);
}

async function read() {
  const [table, live, people, why, places] = await Promise.all(['/api/queues', '/api/queues/now', '/api/agents/skills', '/api/pause-reasons', '/api/kept-places'].map((path) => api.get(path)));
  queues = table.queues; areas = table.areas; now = live; agents = people; reasons = why; kept = places;
  draw();
}

async function readNow() {
  [now, kept] = await Promise.all([api.get('/api/queues/now'), api.get('/api/kept-places')]);
  render($('#queues'), html`${queues.map(row)}`);
  drawKept();
}

/** @param {HTMLElement} field */
async function change(field) {
  const agent = agents.find((a) => a.username === field.dataset.agent);
  if (!agent) return;
  const what = field.dataset.change || '';
  /** @type {Record<string, any>} */ const body = {};
  if (what === 'skill' && field instanceof HTMLSelectElement) {
    const held = { ...agent.skills, [field.dataset.skill || '']: Number(field.value) };
    body.skills = Object.fromEntries(Object.entries(held).filter(([, level]) => level));
  } else if (what === 'areas' && field instanceof HTMLSelectElement) body.areas = [...field.selectedOptions].map((o) => o.value);
  else if (field instanceof HTMLInputElement) body[what] = field.type === 'checkbox' ? field.checked : Number(field.value);
  try {
    const told = await api.put(`/api/agents/${encodeURIComponent(agent.username)}/skills`, body);
    agents = agents.map((a) => (a.username === told.username ? told : a));
    toast(gettext('Saved.'), 'ok');
  } catch (error) { complain(error); }
  draw();
}

onDo($('main') || document.body, {
  queue: (/** @type {HTMLElement} */ el) => queueForm(queues.find((q) => q.code === el.dataset.code) || null, queues, areas, skills(), read),
  reason: (/** @type {HTMLElement} */ el) => reasonForm(reasons.find((r) => r.code === el.dataset.code) || null, read),
  forget: (/** @type {HTMLElement} */ el) => { api.post(`/api/kept-places/${el.dataset.id}/cancel`, {}).then(readNow).catch(complain); },
});
document.addEventListener('change', (event) => {
  const field = event.target instanceof HTMLElement ? event.target.closest('[data-change]') : null;
  if (field instanceof HTMLElement) change(field).catch(complain);
});
const create = () => queueForm(null, queues, areas, skills(), read);
$('#new').addEventListener('click', create);
$('#new-reason').addEventListener('click', () => reasonForm(null, read));
keys({ key: 'n', text: gettext('new queue'), run: create });
read().catch(complain);
// News of a busy hour comes many times a second; the waits also grow without any.
const again = () => { readNow().catch(() => undefined); };
on('call.queued call.answered call.ended agent.changed place.kept place.over resumed', pooled(again, 700));
setInterval(() => { if (!document.hidden) again(); }, 15000);
