// @ts-check
// The roster's questions: a shift, leave, on call, a pattern with its preview, a table.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { page } from '../page.js';
import { clock } from '../time.js';
import { shifted, wall } from './week.js';

/** A form in a dialog; `send` may throw, and its words stand under the form until it works.
 * @param {any} content @param {(data: FormData, form: HTMLFormElement) => Promise<void>} send */
export function ask(content, send) {
  return new Promise((done) => {
    const dialog = open(html`<form>${content}<p class="errors" role="alert" data-errors></p></form>`);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    let sent = false;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      try { await send(new FormData(form), form); sent = true; dialog.close(); } catch (error) { $('[data-errors]', form).textContent = error instanceof Error ? error.message : String(error); }
    });
    dialog.addEventListener('close', () => done(sent));
    const first = form.querySelector('[autofocus], input, select');
    if (first instanceof HTMLElement) first.focus();
  });
}

const buttons = (/** @type {string} */ verb, /** @type {any} */ more = '') => html`<div class="row"><button class="main" data-testid="form-send">${verb} <kbd>Ctrl Enter</kbd></button>${more}<button type="button" data-cancel>${gettext('Cancel')}</button></div>`;
const when = (/** @type {string} */ from, /** @type {string} */ to) => html`<div class="two"><div class="field"><label for="starts">${gettext('From')}</label><input id="starts" name="starts" type="datetime-local" value="${from}" required></div><div class="field"><label for="ends">${gettext('to')}</label><input id="ends" name="ends" type="datetime-local" value="${to}" required></div></div>`;
const choice = (/** @type {{code: string, label: string}[]} */ rows, /** @type {string} */ chosen) => rows.map((r) => html`<option value="${r.code}"${r.code === chosen ? html` selected` : ''}>${r.label}</option>`);
const local = (/** @type {string} */ iso) => { const w = wall(iso, page.tz); return `${w.day}T${w.time}`; };

/** @param {any} roster @param {any} crew @param {string} day @param {any} shift the one to change, or null */
export async function shiftForm(roster, crew, day, shift) {
  const { vehicles } = await api.get('/api/fleet');
  const named = shift ? shift.members.map((/** @type {any} */ m) => m.id) : [];
  return ask(html`<h2>${crew.name}: ${shift ? gettext('change the shift') : gettext('a shift')}</h2>
    <div class="field"><label for="kind">${gettext('Kind')}</label><select id="kind" name="kind">${choice(roster.kinds, shift ? shift.kind : 'day')}</select></div>
    ${when(shift ? local(shift.starts) : `${day}T08:00`, shift ? local(shift.ends) : `${day}T16:00`)}
    <div class="field"><label for="vehicle">${gettext('Vehicle')}</label><select id="vehicle" name="vehicle"><option value="">${gettext('its own')}</option>${vehicles.map((/** @type {any} */ v) => html`<option value="${v.id}"${shift && shift.vehicle && shift.vehicle.id === v.id ? html` selected` : ''}>${v.plate}</option>`)}</select></div>
    ${crew.members.length ? html`<fieldset><legend>${gettext('Who works it')} <span class="muted">${gettext('nobody chosen: all')}</span></legend><div class="ticks">${crew.members.map((/** @type {any} */ m) => html`<label><input type="checkbox" name="members" value="${m.id}"${named.includes(m.id) ? html` checked` : ''}> ${m.name}</label>`)}</div></fieldset>` : ''}
    <div class="field"><label for="note">${gettext('Note')}</label><input id="note" name="note" maxlength="120" value="${shift ? shift.note : ''}"></div>${buttons(gettext('Keep'))}`, async (data) => {
    const body = { crew: crew.id, kind: data.get('kind'), starts: data.get('starts'), ends: data.get('ends'), vehicle: data.get('vehicle') || null, members: data.getAll('members').map(Number), note: data.get('note') };
    if (shift) await api.put(`/api/roster/shifts/${shift.id}`, body); else await api.post('/api/roster/shifts', body);
  });
}

/** @param {any} roster @param {any} crew @param {string} day */
export const leaveForm = (roster, crew, day) => ask(html`<h2>${gettext('%(crew)s: away', { crew: crew.name })}</h2>
  <div class="field"><label for="member">${gettext('Who')}</label><select id="member" name="member">${crew.members.map((/** @type {any} */ m) => html`<option value="${m.id}">${m.name}</option>`)}<option value="">${gettext('the whole crew')}</option></select></div>
  <div class="field"><label for="kind">${gettext('Why')}</label><select id="kind" name="kind">${choice(roster.leave_kinds, 'holiday')}</select></div>
  ${when(`${day}T00:00`, `${shifted(day, 1)}T00:00`)}
  <div class="field"><label for="note">${gettext('Note')}</label><input id="note" name="note" maxlength="120"></div>${buttons(gettext('Keep'))}`, async (data) => {
  await api.post('/api/roster/leave', { crew: crew.id, member: data.get('member') || null, kind: data.get('kind'), starts: data.get('starts'), ends: data.get('ends'), note: data.get('note') });
});

/** @param {any} crew @param {string} day */
export const onCallForm = (crew, day) => ask(html`<h2>${gettext('%(crew)s: on call at home', { crew: crew.name })}</h2>${when(`${day}T17:00`, `${shifted(day, 1)}T08:00`)}
  <div class="field"><label for="call_out_min">${gettext('Minutes from the call to the road')}</label><input id="call_out_min" name="call_out_min" type="number" min="0" max="240" value="30" required></div>${buttons(gettext('Keep'))}`, async (data) => {
  await api.post('/api/roster/on-call', { crew: crew.id, starts: data.get('starts'), ends: data.get('ends'), call_out_min: Number(data.get('call_out_min')) });
});

const PATTERNS = () => [
  { code: 'four_team_12', label: gettext('Four teams, 12 hours: day, night, two days off') }, { code: 'four_team_8', label: gettext('Four teams, 8 hours: two early, two late, two nights, two days off') },
  { code: 'three_shifts', label: gettext('Three shifts, changed every week') }, { code: 'weekdays', label: gettext('Monday to Friday, 8 to 17') },
  { code: 'every_day', label: gettext('Every day, 8 to 20') }, { code: 'every_night', label: gettext('Every night, 20 to 8') },
];

/** Seen before it is laid: the first press counts, the second writes. @param {any} roster @param {string} day */
export function patternForm(roster, day) {
  let seen = '';
  return ask(html`<h2>${gettext('Lay a pattern over the roster')}</h2>
    <div class="field"><label for="pattern">${gettext('Pattern')}</label><select id="pattern" name="pattern">${choice(PATTERNS(), 'four_team_12')}</select></div>
    <fieldset><legend>${gettext('Crews, in the order in which they relieve each other')}</legend><div class="ticks">${roster.crews.map((/** @type {any} */ c) => html`<label><input type="checkbox" name="crews" value="${c.id}"> ${c.name}</label>`)}</div></fieldset>
    <div class="two"><div class="field"><label for="from">${gettext('From')}</label><input id="from" name="from" type="date" value="${day}" required></div><div class="field"><label for="to">${gettext('to')}</label><input id="to" name="to" type="date" value="${shifted(day, 27)}" required></div></div>
    <div data-seen class="seen"></div>${buttons(gettext('Preview and apply'))}`, async (data, form) => {
    const body = { pattern: data.get('pattern'), crews: data.getAll('crews').map(Number), from: data.get('from'), to: data.get('to') };
    const same = JSON.stringify(body);
    if (seen === same) { await api.post('/api/roster/patterns', body); return; }
    const found = await api.post('/api/roster/patterns', { ...body, preview: true });
    seen = same;
    const kept = found.shifts.filter((/** @type {any} */ s) => s.in_the_way);
    render($('[data-seen]', form), html`<p class="strong">${ngettext('%(count)s new shift', '%(count)s new shifts', found.new)}${found.kept ? `; ${ngettext('%(count)s stays as it is', '%(count)s stay as they are', found.kept)}` : ''}</p>
      <table><tbody>${found.shifts.slice(0, 12).map((/** @type {any} */ s) => html`<tr><td>${s.name}</td><td>${clock(s.starts, true)}–${clock(s.ends)}</td><td class="muted">${s.in_the_way || ''}</td></tr>`)}</tbody></table>${found.shifts.length > 12 ? html`<p class="muted">…</p>` : ''}${kept.length ? html`<p class="muted">${gettext('What is in the roster already stays.')}</p>` : ''}`);
    throw new Error(gettext('Press once more to write this.'));
  });
}

/** @returns {Promise<any>} */
export function importForm() {
  return ask(html`<h2>${gettext('Import a roster')}</h2><p class="muted">${gettext('First line: crew, starts, ends, kind, vehicle, members, note. Times as 2026-03-01 08:00. One bad line and nothing is stored.')}</p>
    <div class="field"><label for="file">${gettext('File')}</label><input id="file" name="file" type="file" accept=".csv,text/csv" required data-testid="roster-file"></div><div data-bad class="seen"></div>${buttons(gettext('Import'))}`, async (data, form) => {
    const file = data.get('file');
    const found = await api.post('/api/roster/import', { text: file instanceof File ? await file.text() : '' });
    if (!found.bad.length) return;
    render($('[data-bad]', form), html`<table><tbody>${found.bad.map((/** @type {any} */ b) => html`<tr><td>${gettext('line %(n)s', { n: b.line })}</td><td>${b.text}</td></tr>`)}</tbody></table>`);
    throw new Error(ngettext('%(count)s line is wrong; nothing was stored.', '%(count)s lines are wrong; nothing was stored.', found.bad.length));
  });
}

/** What is in the way of somebody may be taken out. @param {string} title @param {string} address */
export async function removeForm(title, address) {
  return ask(html`<h2>${title}</h2><p class="muted">${gettext('What lies ahead goes; what has begun ends now.')}</p>${buttons(gettext('Remove'))}`, async () => { await api.post(address, {}); });
}

