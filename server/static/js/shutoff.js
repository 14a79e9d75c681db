// @ts-check
// One shut-off: what it does, how far it is, and the next step, each with its key.
import { api } from './api.js';
import { askReason, open } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { bounds, planData } from './map/layers.js';
import { makeMap } from './map/map.js';
import { page } from './page.js';
import { planHydraulics } from './plan-hydraulics.js';
import { showErrors } from './problems.js';
import { local, planForm } from './shutoffs/form.js';
import { PERMIT, STEPS, VALVE, findings, head, notice, permits, timeline, useful, valves, whoIsOff } from './shutoffs/pieces.js';
import { complain, toast } from './toast.js';

const number = $('#shutoff').dataset.number || '';
const address = `/api/shutoffs/${encodeURIComponent(number)}`;
/** @type {any} */ let s = null;
/** @type {any} */ let map = null;
let chosen = '';
let radio = sessionStorage.getItem('standpipe_radio') || '';
let seen = '';
// Questions are numbered: an answer that is older than what stands on the page is let go.
let asked = 0;
let taken = 0;
/** The valve somebody has just turned, and its state before. @type {{id: string, state: string} | null} */
let turning = null;

function draw() {
  render($('#head'), head(s));
  render($('#valves'), valves(s, chosen, radio));
  render($('#left'), html`${s.overlap_findings.length ? html`<section class="panel"><h2>${gettext('In the way')}</h2>${findings(s.overlap_findings)}</section>` : ''}${whoIsOff(s)}`);
  const pressures = planHydraulics(s.hydraulics);
  render($('#right'), html`${notice(s)}${permits(s)}${pressures ? html`<section class="panel">${pressures}</section>` : ''}${timeline(s)}`);
  if (map) { const drawn = planData(s); map.put('shutoff', drawn.shutoff); map.put('plan-valves', drawn.valves); }
}

/** @param {any} answer */
function take(answer) {
  s = answer;
  // The list of priority customers and their number share a name in the API of plans.
  s.priority_list = Array.isArray(s.priority_customers) ? s.priority_customers : [];
  if (turning) {
    // The news may be here before the answer: with it the next valve is chosen, or a quick key is lost.
    const turned = s.valves.find((/** @type {any} */ v) => v.id === turning?.id);
    if (!turned || turned.state !== turning.state) { if (chosen === turning.id) chosen = nextValve() || chosen; turning = null; }
  }
  if (!s.valves.some((/** @type {any} */ v) => v.id === chosen)) chosen = (s.valves[0] || { id: '' }).id;
  const version = JSON.stringify(answer);
  if (version === seen) return;
  seen = version;
  draw();
}

/** What a step answers is newer than every question asked before it. @param {any} answer */
function takeNewest(answer) { taken = ++asked; take(answer); }

async function read() {
  const mine = ++asked;
  try {
    const answer = await api.get(address);
    if (mine < taken) return;
    taken = mine;
    take(answer);
  } catch (error) {
    if (!s) render($('#head'), html`<h1>${number}</h1><p class="warning" role="alert">${error instanceof Error ? error.message : String(error)}</p>`); else complain(error);
  }
}

/** @param {any} body @returns {Promise<boolean>} */
async function send(body) {
  try {
    takeNewest(await api.post(`${address}/actions`, body));
    return true;
  } catch (error) { complain(error); read(); return false; }
}

/** @param {any} content @param {(data: FormData) => any} body what to send */
function form(content, body) {
  const dialog = open(content);
  const element = /** @type {HTMLFormElement} */ ($('form', dialog));
  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    try { takeNewest(await api.post(`${address}/actions`, body(new FormData(element)))); dialog.close(); } catch (error) { showErrors(element, error); }
  });
  const first = element.querySelector('.checks input, .field:not(details .field) input, .field:not(details .field) select, button.main');
  if (first instanceof HTMLElement) first.focus();
}

const foot = (/** @type {string} */ text) => html`<div class="row"><button class="main" data-testid="dialog-send">${text} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div>`;
const emergency = () => (page.role === 'supervisor' ? html`<details><summary>${gettext('It is an emergency')}</summary><div class="field"><label for="override">${gettext('Why it cannot wait (stays on record)')}</label><textarea id="override" name="override" maxlength="200"></textarea></div></details>` : '');

/** @type {Record<string, () => any>} */
const DO = {
  approve: () => form(html`<form novalidate><h2>${gettext('Approve %(number)s', { number })}</h2>${s.overlap_findings.length ? html`<p class="warning">${gettext('Other shut-offs are in the way. Say that you have looked at each.')}</p>${findings(s.overlap_findings)}<div class="checks">${s.overlap_findings.map((/** @type {any} */ f) => html`<label><input type="checkbox" name="acknowledge" value="${f.number}" data-testid="acknowledge">${gettext('%(number)s: seen', { number: f.number })}</label>`)}</div>` : html`<p>${gettext('Nothing else is in the way in these hours.')}</p>`}
    ${s.permits_missing.length ? html`<p class="warning">${gettext('Missing: %(permits)s', { permits: s.permits_missing.map((/** @type {string} */ k) => PERMIT[k]()).join(', ') })}</p>` : ''}${emergency()}${foot(gettext('Approve'))}</form>`,
  (data) => ({ action: 'approve', acknowledge: data.getAll('acknowledge').map(String), override: String(data.get('override') || '') })),
  notify: () => send({ action: 'notify' }),
  release: () => form(html`<form novalidate><h2>${gettext('Release the valves of %(number)s', { number })}</h2><p>${gettext('The crew may then close them, in the order of the list.')}</p>${emergency()}${foot(gettext('Release'))}</form>`, (data) => ({ action: 'release', override: String(data.get('override') || '') })),
  dispatch: () => send({ action: 'dispatch' }),
  work_done: () => send({ action: 'work_done' }),
  restore: () => send({ action: 'restore' }),
  close: () => send({ action: 'close' }),
  expect: () => form(html`<form novalidate><h2>${gettext('When will the water be back?')}</h2><div class="field"><label for="at">${gettext('Expected back')}</label><input id="at" name="at" type="datetime-local" value="${local(s.back_at || Date.now())}"></div><div class="field"><label for="why">${gettext('Reason')}</label><input id="why" name="reason" maxlength="200"></div>${foot(gettext('Save'))}</form>`, (data) => ({ action: 'expect', at: String(data.get('at')), reason: String(data.get('reason')) })),
  permit: () => form(html`<form novalidate><h2>${gettext('Add a permit')}</h2><div class="field"><label for="kind">${gettext('Kind')}</label><select id="kind" name="kind" data-testid="permit-kind">${Object.keys(PERMIT).sort((a, b) => Number(s.permits_missing.includes(b)) - Number(s.permits_missing.includes(a))).map((k) => html`<option value="${k}">${PERMIT[k]()}</option>`)}</select></div>
    <div class="pair"><div class="field"><label for="issuer">${gettext('Issued by')}</label><input id="issuer" name="issuer" maxlength="120"></div><div class="field"><label for="number">${gettext('Number')}</label><input id="number" name="number" maxlength="60"></div></div>
    <div class="pair"><div class="field"><label for="valid_from">${gettext('Valid from')}</label><input id="valid_from" name="valid_from" type="datetime-local"></div><div class="field"><label for="valid_to">${gettext('Valid to')}</label><input id="valid_to" name="valid_to" type="datetime-local"></div></div>
    <div class="field"><label for="evidence">${gettext('What was agreed, with whom')}</label><textarea id="evidence" name="evidence"></textarea></div>${foot(gettext('Put on record'))}</form>`, (data) => ({ action: 'permit', ...Object.fromEntries([...data.entries()].map(([k, v]) => [k, String(v)])) })),
  revise: async () => { const answer = await planForm(`${address}/actions`, s, { action: 'revise' }); if (answer) takeNewest(answer); },
  cancel: async () => { const reason = await askReason(gettext('Cancel %(number)s?', { number }), gettext('Cancel it')); if (reason) send({ action: 'cancel', reason }); },
};

/** @param {string} verb */
function step(verb) { if (s && s.allowed.includes(verb) && useful(s, verb)) DO[verb](); }

/** @param {string} verb @param {string} valve */
async function turn(verb, valve) {
  const body = { action: verb, valve, said_by: radio };
  if (verb === 'cannot_close' || verb === 'leave_closed') {
    const reason = await askReason(verb === 'cannot_close' ? gettext('Why can %(valve)s not be closed?', { valve }) : gettext('Why does %(valve)s stay closed?', { valve }), gettext('Save'));
    if (!reason) return;
    Object.assign(body, { reason });
  }
  const before = s.valves.find((/** @type {any} */ v) => v.id === valve);
  chosen = valve;
  turning = { id: valve, state: before ? before.state : '' };
  const done = await send(body);
  turning = null;
  if (!done) return;
  const now = s.valves.find((/** @type {any} */ v) => v.id === valve);
  if (now && VALVE[now.state]) toast(`${valve}: ${VALVE[now.state]()}`);
}

/** The next valve that waits, '' where none does. */
function nextValve() {
  const next = s.valves.find((/** @type {any} */ v) => (s.work_done_at ? v.state === 'closed' : ['authorised', 'requested'].includes(v.state)));
  return next ? next.id : '';
}

/** @param {number} by */
function move(by) {
  const ids = s ? s.valves.map((/** @type {any} */ v) => v.id) : [];
  if (!ids.length) return;
  chosen = ids[Math.min(ids.length - 1, Math.max(0, ids.indexOf(chosen) + by))];
  draw();
  document.querySelector('.valves [data-chosen]')?.scrollIntoView({ block: 'nearest' });
}

/** The button of the chosen valve, if it is there. @param {string} verb */
function press(verb) { const b = document.querySelector(`[data-verb="${verb}"][data-valve="${CSS.escape(chosen)}"]`); if (b) turn(verb, chosen); }

onDo(document.body, {
  step: (b) => step(b.dataset.step || ''), valve: (b) => turn(b.dataset.verb || '', b.dataset.valve || ''),
  letters: () => { send({ action: 'reached', notice: 'letters', outcome: 'reached' }); },
  reached: async (b) => { const note = await askReason(gettext('Who was reached, and what was said?'), gettext('Save')); if (note) send({ action: 'reached', notice: Number(b.dataset.id), outcome: 'reached', note }); },
  'not-reached': (b) => { send({ action: 'reached', notice: Number(b.dataset.id), outcome: 'not_reached' }); },
});
document.addEventListener('change', (event) => {
  if (event.target instanceof HTMLInputElement && event.target.id === 'radio') { radio = event.target.value.trim(); sessionStorage.setItem('standpipe_radio', radio); }
});
keys(
  ...Object.entries(STEPS).map(([verb, { word, key }]) => ({ key, text: word(), run: () => step(verb) })),
  { key: 'j', text: gettext('Next valve'), run: () => move(1) }, { key: 'k', text: gettext('Previous valve'), run: () => move(-1) },
  { key: 'c', text: gettext('The chosen valve is closed'), run: () => press('close_valve') }, { key: 'o', text: gettext('The chosen valve is open again'), run: () => press('open_valve') },
);
on('shutoff.planned shutoff.replanned shutoff.started shutoff.changed shutoff.water_back shutoff.restored shutoff.cancelled shutoff.simulated valve.closed valve.opened', (news) => { if (!news || !news.number || news.number === number) read(); });
on('sms.sent resumed', () => { read(); });
setInterval(() => { if (s) read(); }, 30000);
await read();
map = await makeMap($('#map'), { onFail: (why) => { const note = $('#map-note'); note.hidden = false; note.textContent = why; $('#map').hidden = true; } });
if (map && s) { draw(); const box = bounds([s.pipes, s.unintended]); if (box) map.fitBounds(box, { padding: 50, maxZoom: 17, duration: 0 }); }
