// @ts-check
// Dialogs of the queues page: a queue with its rules, a reason to pause.
import { api, Refused } from '../api.js';
import { open } from '../ask.js';
import { $, html } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';

/** @typedef {[name: string, text: () => string, least: number, most: number]} Limit */
/** @type {Limit[]} */
const LIMITS = [
  ['ring_s', () => gettext('Telephone rings, seconds'), 5, 60], ['sla_s', () => gettext('Answered within, seconds (target)'), 1, 600],
  ['max_wait_s', () => gettext('Longest wait, seconds'), 10, 7200], ['max_waiting', () => gettext('Most callers waiting (0: no limit)'), 0, 1000],
  ['overflow_after_s', () => gettext('Helped after, seconds (0: never)'), 0, 7200], ['overflow_waiting', () => gettext('Helped from so many waiting on (0: never)'), 0, 1000],
  ['announce_after_s', () => gettext('Place told first after, seconds (0: never)'), 0, 3600], ['announce_every_s', () => gettext('and then every, seconds'), 15, 3600],
  ['wrap_s', () => gettext('After-call work, seconds for each call'), 0, 1800], ['wrap_limit_s', () => gettext('At most, with an open form'), 10, 7200],
];
/** A new queue's rules. @type {Record<string, any>} */
const NEW = { rank: 10, active: true, call_back: true, sla_s: 15, ring_s: 15, max_wait_s: 300, max_waiting: 0, overflow_after_s: 0, overflow_waiting: 0, announce_after_s: 20, announce_every_s: 45, wrap_s: 0, wrap_limit_s: 300, name: '', name_zh: '', skill: '', area: null, overflow_to: null };

/** A district in the reader's language. @param {any} area */
export const named = (area) => (page.lang === 'zh-hans' && area.name_zh ? area.name_zh : area.name);

/** Send the form; what is refused is said beside the field. @param {HTMLDialogElement} dialog @param {(form: HTMLFormElement) => Promise<void>} send */
function submits(dialog, send) {
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try { await send(form); dialog.close(); } catch (error) {
      const line = $('[role=alert]', dialog);
      line.hidden = false;
      line.textContent = error instanceof Error ? error.message : String(error);
      const first = error instanceof Refused && error.errors.length ? error.errors[0].field : '';
      const field = first ? form.elements.namedItem(first) : null;
      if (field instanceof HTMLElement) field.focus();
    }
  });
}

/** @param {any | null} queue @param {any[]} queues @param {any[]} areas @param {string[]} skills @param {() => Promise<void>} done */
export function queueForm(queue, queues, areas, skills, done) {
  const q = queue || NEW;
  const dialog = open(html`<form><h2>${queue ? queue.shown : gettext('New queue')}</h2>
    <div class="pair"><div class="field"><label for="code">${gettext('Code')}</label><input id="code" name="code" required pattern="[a-z][a-z0-9]{0,19}" maxlength="20" value="${queue ? queue.code : ''}" autocomplete="off" ${queue ? 'readonly' : ''}></div>
    <div class="field"><label for="skill">${gettext('Skill')}</label><input id="skill" name="skill" required pattern="[a-z][a-z0-9]{0,19}" maxlength="20" value="${q.skill}" list="skill-list" autocomplete="off"><datalist id="skill-list">${skills.map((s) => html`<option value="${s}"></option>`)}</datalist></div>
    <div class="field"><label for="name">${gettext('Name in English')}</label><input id="name" name="name" required maxlength="60" value="${q.name}"></div>
    <div class="field"><label for="name_zh">${gettext('Name in Chinese')}</label><input id="name_zh" name="name_zh" maxlength="60" value="${q.name_zh}"></div>
    <div class="field"><label for="area">${gettext('District')}</label><select id="area" name="area"><option value="">${gettext('everywhere')}</option>${areas.map((a) => html`<option value="${a.code}" ${a.code === q.area ? 'selected' : ''}>${named(a)}</option>`)}</select></div>
    <div class="field"><label for="overflow_to">${gettext('Helped by the agents of')}</label><select id="overflow_to" name="overflow_to"><option value="">${gettext('nobody')}</option>${queues.filter((o) => o.code !== q.code).map((o) => html`<option value="${o.code}" ${o.code === q.overflow_to ? 'selected' : ''}>${o.shown}</option>`)}</select></div>
    ${LIMITS.map(([name, text, least, most]) => html`<div class="field"><label for="${name}">${text()}</label><input id="${name}" name="${name}" type="number" inputmode="numeric" required min="${least}" max="${most}" value="${q[name]}"></div>`)}</div>
    <label class="row"><input type="checkbox" name="call_back" ${q.call_back ? 'checked' : ''}> ${gettext('Callers may keep their place and be called back (key 2)')}</label>
    <label class="row"><input type="checkbox" name="active" ${q.active ? 'checked' : ''}> ${gettext('In use')}</label>
    <p class="bad" role="alert" hidden></p>
    <div class="row"><button class="main" data-testid="queue-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  submits(dialog, async (form) => {
    const data = /** @type {Record<string, any>} */ (Object.fromEntries(new FormData(form)));
    for (const [name] of LIMITS) data[name] = Number(data[name]);
    for (const name of ['call_back', 'active']) data[name] = /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).checked;
    const code = String(data.code);
    delete data.code;
    await api.put(`/api/queues/${encodeURIComponent(code)}`, data);
    await done();
  });
  (queue ? $('#name', dialog) : $('#code', dialog)).focus();
}

/** @param {any | null} reason @param {() => Promise<void>} done */
export function reasonForm(reason, done) {
  const r = reason || { code: '', name: '', name_zh: '', away: false, limit_s: 0, active: true };
  const dialog = open(html`<form><h2>${reason ? reason.shown : gettext('New reason')}</h2>
    <div class="field"><label for="code">${gettext('Code')}</label><input id="code" name="code" required pattern="[a-z][a-z0-9_ \\-]{0,39}" maxlength="40" value="${r.code}" autocomplete="off" ${reason ? 'readonly' : ''}></div>
    <div class="pair"><div class="field"><label for="name">${gettext('Name in English')}</label><input id="name" name="name" required maxlength="60" value="${r.name}"></div>
    <div class="field"><label for="name_zh">${gettext('Name in Chinese')}</label><input id="name_zh" name="name_zh" maxlength="60" value="${r.name_zh}"></div></div>
    <div class="field"><label for="minutes">${gettext('At most, minutes (0: no limit)')}</label><input id="minutes" name="minutes" type="number" min="0" max="1440" value="${Math.round(r.limit_s / 60)}"></div>
    <label class="row"><input type="checkbox" name="away" ${r.away ? 'checked' : ''}> ${gettext('Takes the agent out of the queues')}</label>
    <label class="row"><input type="checkbox" name="active" ${r.active ? 'checked' : ''}> ${gettext('In use')}</label>
    <p class="bad" role="alert" hidden></p>
    <div class="row"><button class="main" data-testid="reason-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  submits(dialog, async (form) => {
    const read = new FormData(form);
    const ticked = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).checked;
    await api.put(`/api/pause-reasons/${encodeURIComponent(String(read.get('code')))}`, { name: read.get('name'), name_zh: read.get('name_zh'), limit_s: 60 * Number(read.get('minutes')), away: ticked('away'), active: ticked('active') });
    await done();
  });
  (reason ? $('#name', dialog) : $('#code', dialog)).focus();
}
