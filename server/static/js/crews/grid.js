// @ts-check
// The roster of a week: a row for each crew, a column for each day, all of it by keyboard; below it
// how many crews can do what at every hour.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { clock } from '../time.js';
import { complain, toast } from '../toast.js';
import { importForm, leaveForm, onCallForm, patternForm, removeForm, shiftForm } from './forms.js';
import { byDay, holes, monday, pasted, shifted, short, touching, wall } from './week.js';

const root = $('#roster');
const grid = $('#grid');
const locale = page.lang === 'zh-hans' ? 'zh-CN' : 'en-GB';
const today = () => wall(new Date().toISOString(), page.tz).day;
let first = monday(today());
/** @type {any} */ let roster = null;
/** @type {any} */ let cover = null;
let at = { row: 0, column: (new Date(`${today()}T12:00:00Z`).getUTCDay() + 6) % 7 };
/** @type {any} */ let copied = null;
/** @type {any} */ let removed = null;
/** @type {any} */ let toSwap = null;

const crewAt = () => (roster ? roster.crews[at.row] : null);
const dayAt = () => (roster ? roster.days[at.column] : '');
/** @param {any} crew @param {string} day */
const shiftsOn = (crew, day) => crew.shifts.filter((/** @type {any} */ s) => wall(s.starts, page.tz).day === day);

/** @param {any} s */
function chip(s) {
  const from = wall(s.starts, page.tz);
  const to = wall(s.ends, page.tz);
  const who = s.members.map((/** @type {any} */ m) => m.name).join(', ');
  return html`<button type="button" tabindex="-1" class="shift" data-kind="${s.kind}" data-do="shift" data-shift="${s.id}" ${toSwap && toSwap.id === s.id ? html`data-swap` : ''} title="${s.kind_label} ${clock(s.starts, true)}–${clock(s.ends, true)} ${who} ${s.note}"><b>${short(from.time, to.time)}</b> <span>${s.kind_label}</span>${s.vehicle ? html`<small>${s.vehicle.plate}</small>` : ''}${who ? html`<small>${who}</small>` : ''}</button>`;
}

/** @param {any} crew @param {string} day */
function cell(crew, day) {
  const on = (/** @type {any[]} */ rows) => rows.filter((r) => touching(r, [day], page.tz).length);
  return html`${shiftsOn(crew, day).map(chip)}${on(crew.on_call).map((o) => html`<button type="button" tabindex="-1" class="shift" data-kind="on_call" data-do="remove-on-call" data-id="${o.id}" title="${clock(o.starts, true)}–${clock(o.ends, true)}"><b>${short(wall(o.starts, page.tz).time, wall(o.ends, page.tz).time)}</b> <span>${gettext('on call')}</span></button>`)}${on(crew.leave).map((l) => html`<button type="button" tabindex="-1" class="shift" data-kind="leave" data-do="remove-leave" data-id="${l.id}" title="${l.note} ${clock(l.starts, true)}–${clock(l.ends, true)}">${l.member ? l.member.name : gettext('the whole crew')}: ${l.kind_label}</button>`)}`;
}

/** A day's hours as bars; an hour without anybody is a hole. @param {number[]} counts @param {number} most */
const bars = (counts, most) => html`<svg viewBox="0 0 ${counts.length * 4} 20" preserveAspectRatio="none" role="img" aria-label="${gettext('at least %(n)s', { n: Math.min(...counts) })}">${counts.map((n, i) => (n ? html`<rect x="${i * 4}" y="${20 - (18 * n) / most}" width="3.4" height="${(18 * n) / most}"></rect>` : html`<rect class="hole" x="${i * 4}" y="0" width="4" height="20"></rect>`))}</svg>`;

function coverage() {
  if (!cover) return '';
  const rows = cover.skills.filter((/** @type {any} */ s) => s.counts.some(Boolean));
  return html`<tbody class="cover"><tr><th colspan="${roster.days.length + 1}">${gettext('Crews on shift with the skill, hour by hour')}</th></tr>${rows.map((/** @type {any} */ s) => {
    const days = byDay(cover.hours, s.counts, page.tz);
    const most = Math.max(...s.counts);
    const least = Math.min(...s.counts);
    return html`<tr><th scope="row">${s.label} <span class="chip ${least ? '' : 'bad'}">${least ? gettext('%(least)s to %(most)s', { least, most }) : gettext('holes')}</span></th>${roster.days.map((/** @type {string} */ d) => html`<td>${bars(days[d] || [0], most)}</td>`)}</tr>`;
  })}</tbody>`;
}

/** Above the grid, where it is seen first: skills that nobody on shift has for a while. */
function gaps() {
  const now = Date.now();
  const rows = cover.skills.filter((/** @type {any} */ s) => s.counts.some(Boolean)).map((/** @type {any} */ s) => ({ label: s.label, at: holes(cover.hours, s.counts, now) })).filter((/** @type {any} */ r) => r.at.length);
  render($('#gaps'), rows.length ? html`<b>${gettext('Nobody on shift with:')}</b> ${rows.map((/** @type {any} */ r) => html`<span class="chip bad">${r.label} ${clock(r.at[0].starts, true)}–${clock(r.at[0].ends)}${r.at.length > 1 ? html` +${r.at.length - 1}` : ''}</span> `)}` : html`<span class="muted">${gettext('Every skill that somebody has is on shift at every hour to come of this week.')}</span>`);
}

let scrolled = false;
function draw() {
  const name = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
  const shown = (/** @type {string} */ d) => name.format(new Date(`${d}T12:00:00Z`));
  $('#week').textContent = `${shown(first)} – ${shown(shifted(first, 6))}`;
  $('#csv').setAttribute('href', `/api/roster.csv?from=${first}&days=7`);
  if (!roster.crews.length) { render(grid, html`<p class="empty">${gettext('No crew is registered.')}</p>`); return; }
  const now = today();
  render(grid, html`<table class="week" role="grid" aria-label="${gettext('Roster')}"><thead><tr><th></th>${roster.days.map((/** @type {string} */ d) => html`<th scope="col" ${d === now ? html`data-today` : ''}>${shown(d)}</th>`)}</tr></thead>
    <tbody>${roster.crews.map((/** @type {any} */ c, /** @type {number} */ r) => html`<tr><th scope="row">${c.name}</th>${roster.days.map((/** @type {string} */ d, /** @type {number} */ k) => html`<td role="gridcell" id="cell-${r}-${k}" data-do="cell" data-row="${r}" data-column="${k}" data-testid="roster-cell" tabindex="${r === at.row && k === at.column ? 0 : -1}" ${d === now ? html`data-today` : ''}>${cell(c, d)}</td>`)}</tr>`)}</tbody>${coverage()}</table>`);
  gaps();
  const day = grid.querySelector('thead [data-today]');
  if (!scrolled && day instanceof HTMLElement && grid.clientWidth) { grid.scrollLeft = day.offsetLeft - 100; scrolled = true; }
}

export async function read() {
  [roster, cover] = await Promise.all([api.get(`/api/roster?from=${first}&days=7`), api.get(`/api/roster/coverage?from=${first}&days=7`)]);
  at = { row: Math.min(at.row, Math.max(0, roster.crews.length - 1)), column: at.column };
  draw();
}

export function focus() { document.getElementById(`cell-${at.row}-${at.column}`)?.focus(); }

/** @param {number} row @param {number} column */
function move(row, column) {
  at = { row: Math.min(roster.crews.length - 1, Math.max(0, row)), column: Math.min(roster.days.length - 1, Math.max(0, column)) };
  document.querySelectorAll('#grid td[tabindex]').forEach((td) => { td.setAttribute('tabindex', '-1'); });
  document.getElementById(`cell-${at.row}-${at.column}`)?.setAttribute('tabindex', '0');
  focus();
}

/** Do something, read again, stay in the cell. @param {() => Promise<any>} job */
async function doing(job) {
  try { if ((await job()) === false) return; await read(); focus(); } catch (error) { complain(error); }
}

/** @param {number} weeks */
const week = (weeks) => doing(async () => { first = weeks ? shifted(first, 7 * weeks) : monday(today()); });
const chosen = () => (crewAt() ? shiftsOn(crewAt(), dayAt())[0] : null);
const edit = (/** @type {any} */ shift = chosen()) => doing(() => shiftForm(roster, crewAt(), dayAt(), shift));

function copy() {
  copied = chosen();
  toast(copied ? gettext('Copied: %(what)s. v pastes it.', { what: copied.kind_label }) : gettext('There is no shift in this cell.'));
}

const paste = () => doing(async () => {
  if (!copied) { toast(gettext('Nothing is copied yet: c copies.')); return false; }
  const crew = crewAt();
  const same = crew.shifts.some((/** @type {any} */ s) => s.id === copied.id);
  await api.post('/api/roster/shifts', { crew: crew.id, kind: copied.kind, note: copied.note, members: same ? copied.members.map((/** @type {any} */ m) => m.id) : [], ...pasted(copied, dayAt(), page.tz) });
  return true;
});

const remove = () => doing(async () => {
  const shift = chosen();
  if (!shift) { toast(gettext('There is no shift in this cell.')); return false; }
  await api.post(`/api/roster/shifts/${shift.id}/actions`, { action: 'remove' });
  removed = shift;
  toast(gettext('Removed. u takes it back.'));
  return true;
});

const undo = () => doing(async () => {
  if (!removed) return false;
  await api.post('/api/roster/shifts', { crew: removed.crew, kind: removed.kind, starts: removed.starts, ends: removed.ends, note: removed.note, vehicle: removed.vehicle && removed.vehicle.id, members: removed.members.map((/** @type {any} */ m) => m.id) });
  removed = null;
  return true;
});

const swap = () => doing(async () => {
  const shift = chosen();
  if (!shift) { toast(gettext('There is no shift in this cell.')); return false; }
  if (!toSwap || toSwap.id === shift.id) {
    toSwap = toSwap ? null : shift;
    if (toSwap) toast(gettext('Go to the shift to swap with and press s.'));
    return true;
  }
  const one = toSwap;
  toSwap = null;
  await api.post(`/api/roster/shifts/${one.id}/actions`, { action: 'swap', with: shift.id });
  toast(gettext('Swapped.'));
  return true;
});

/** @type {Record<string, () => void>} */
const KEYS = {
  ArrowUp: () => move(at.row - 1, at.column), ArrowDown: () => move(at.row + 1, at.column), ArrowLeft: () => (at.column ? move(at.row, at.column - 1) : week(-1).then(() => move(at.row, 6))), ArrowRight: () => (at.column < 6 ? move(at.row, at.column + 1) : week(1).then(() => move(at.row, 0))),
  Home: () => move(at.row, 0), End: () => move(at.row, 6), PageUp: () => { week(-1); }, PageDown: () => { week(1); }, Enter: () => { edit(); }, c: copy, v: () => { paste(); }, d: () => { remove(); }, u: () => { undo(); }, s: () => { swap(); },
  l: () => { doing(() => leaveForm(roster, crewAt(), dayAt())); }, o: () => { doing(() => onCallForm(crewAt(), dayAt())); },
};
grid.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !roster || !(event.target instanceof Element) || !event.target.closest('[role="gridcell"]')) return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

/** @param {HTMLElement} target */
function into(target) { const td = /** @type {HTMLElement} */ (target.closest('td')); move(Number(td.dataset.row), Number(td.dataset.column)); }

onDo(root, {
  cell: (target) => { into(target); if (!chosen()) edit(null); },
  shift: (target) => { into(target); edit(crewAt().shifts.find((/** @type {any} */ s) => s.id === Number(target.dataset.shift))); },
  'remove-leave': (target) => { into(target); doing(() => removeForm(gettext('Take this leave out?'), `/api/roster/leave/${target.dataset.id}/remove`)); },
  'remove-on-call': (target) => { into(target); doing(() => removeForm(gettext('Take this time on call out?'), `/api/roster/on-call/${target.dataset.id}/remove`)); },
  earlier: () => { week(-1); }, later: () => { week(1); }, 'this-week': () => { week(0); },
  pattern: () => { doing(() => patternForm(roster, first)); }, import: () => { doing(importForm); },
});
