// @ts-check
// What is wrong with the assets, who digs near them, what it cost: lists with their next steps.
import { api, Refused } from './api.js';
import { askReason, open } from './ask.js';
import { placeSearch } from './desk/places.js';
import { digVerdict } from './dispatch/dig.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page } from './page.js';
import { clock, day, distance, figure } from './time.js';
import { complain, toast } from './toast.js';

/** @type {Record<string, () => string>} */
const STEP = { ask_deferral: () => gettext('Put off…'), approve_deferral: () => gettext('Allow it to wait'), refuse_deferral: () => gettext('It may not wait'), order: () => gettext('Give work order'), fix: () => gettext('Is put right'), reject: () => gettext('Nothing found'), merge: () => gettext('Same as…'), reopen: () => gettext('Open again') };
/** @type {Record<string, () => string>} */
const KIND = { seized: () => gettext('will not turn'), leaking: () => gettext('leaks'), buried: () => gettext('paved over'), cover: () => gettext('cover missing or broken'), corroded: () => gettext('corroded'), flooded: () => gettext('chamber flooded'), marking: () => gettext('plate missing'), blocked: () => gettext('silted up'), other: () => gettext('something else') };
/** @type {Record<string, () => string>} */
const SEVERITY = { critical: () => gettext('critical: 1 day'), high: () => gettext('high: 7 days'), medium: () => gettext('medium: 30 days'), low: () => gettext('low: 180 days') };
const RANK = { critical: 'P1', high: 'P2', medium: 'P3', low: 'P4' };
const REASON = new Set(['refuse_deferral', 'reject', 'reopen']);
const mayKeep = ['engineer', 'dispatcher', 'supervisor'].includes(page.role);
const mayClaim = ['engineer', 'supervisor'].includes(page.role);
/** @type {any[]} */ let defects = [];

/** Days left, in words, with the day itself on hover. @param {any} d @param {number} [now] */
export function dueText(d, now = Date.now()) {
  const days = Math.ceil((Date.parse(`${d.due_on}T23:59:59`) - now) / 86400000) - 1;
  if (days < 0) return { late: true, text: ngettext('%(count)s day late', '%(count)s days late', -days) };
  return { late: false, text: days === 0 ? gettext('today') : ngettext('in %(count)s day', 'in %(count)s days', days) };
}

/** @param {any} d */
function row(d) {
  const due = dueText(d);
  const settled = ['fixed', 'rejected', 'merged'].includes(d.state);
  return html`<tr data-testid="defect-row" data-number="${d.number}" tabindex="0"><td title="${day(d.due_on)}">${settled ? html`<span class="muted">–</span>` : html`<b class="${due.late ? 'bad' : ''}">${due.text}</b>`}</td><td><a href="/network#asset=${encodeURIComponent(d.asset)}">${d.asset}</a> <span class="muted">${d.number}</span></td>
    <td class="body">${d.kind_label}${d.note ? html`<br><span class="muted">${d.note}</span>` : ''}</td><td><b class="prio" data-p="${RANK[/** @type {'low'} */ (d.severity)] || 'P4'}">${(RANK[/** @type {'low'} */ (d.severity)] || 'P4').slice(1)}</b> ${d.severity_label}</td>
    <td><span class="chip ${d.state === 'fixed' ? 'ok' : ''}">${d.state_label}</span>${d.incident ? html` <a href="/dispatch#${d.incident}">${d.incident}</a>` : ''}${d.merged_into ? html` ${d.merged_into}` : ''}${d.state === 'deferral_asked' || d.state === 'deferred' ? html`<br><span class="muted">${gettext('until %(day)s, %(who)s: %(why)s', { day: day(d.deferred_to), who: d.deferral_asked_by, why: d.deferral_reason })}</span>` : ''}</td>
    <td><div class="row">${mayKeep ? d.allowed.map((/** @type {string} */ s) => html`<button class="quiet" data-do="step" data-step="${s}" data-number="${d.number}" data-testid="defect-${s}">${(STEP[s] || (() => s))()}</button>`) : ''}</div></td></tr>`;
}

async function readDefects() {
  const all = /** @type {HTMLInputElement} */ ($('#all')).checked;
  defects = (await api.get(`/api/defects${all ? '?state=all' : ''}`)).results;
  render($('#defects'), defects.length ? html`${defects.map(row)}` : html`<tr><td colspan="6" class="empty">${gettext('No defect is open. Report one with N, or a crew does by “cannot close”.')}</td></tr>`);
}

async function readRest() {
  const [digs, claims] = await Promise.all([api.get('/api/digs'), api.get('/api/claims')]);
  render($('#digs'), digs.results.length ? html`${digs.results.map((/** @type {any} */ d) => html`<tr data-testid="dig-row"><td title="${clock(d.checked_at, true)}">${clock(d.checked_at, true)}</td><td><a href="/dispatch#${d.incident}">${d.incident}</a></td><td>${digVerdict(d.verdict)}</td><td>${d.mains.length ? html`<a href="/network#asset=${encodeURIComponent(d.mains[0].asset)}">${d.mains[0].asset}</a> DN${figure(d.mains[0].diameter_mm, 0)}, ${distance(d.mains[0].distance_m)}` : '–'}</td><td>${d.permit ? html`${d.permit.number} <span class="muted">${d.permit.holder}</span>` : '–'}</td></tr>`)}` : html`<tr><td colspan="5" class="empty">${gettext('Nobody has reported a dig.')}</td></tr>`);
  /** @type {Record<string, [string, () => string][]>} */
  const next = { open: [['send', () => gettext('Sent')], ['drop', () => gettext('Drop it')]], sent: [['pay', () => gettext('Is paid')], ['drop', () => gettext('Drop it')]] };
  render($('#claims'), claims.results.length ? html`${claims.results.map((/** @type {any} */ c) => html`<tr data-testid="claim-row"><td>${c.number}</td><td><a href="/dispatch#${c.incident}">${c.incident}</a></td><td class="body">${c.liable}</td><td title="${c.items.map((/** @type {any} */ i) => `${i.what}: ${i.amount}`).join('\n')}">${c.total}</td><td><span class="chip">${c.state_label}</span></td><td><div class="row">${mayClaim ? (next[c.state] || []).map(([step, text]) => html`<button class="quiet" data-do="claim" data-number="${c.number}" data-step="${step}">${text()}</button>`) : ''}</div></td></tr>`)}` : html`<tr><td colspan="6" class="empty">${gettext('No claim yet. One is made from a reported dig on the dispatch page.')}</td></tr>`);
}

async function read() { try { await Promise.all([readDefects(), readRest()]); } catch (error) { complain(error); } }

/** @param {string} number @param {Record<string, unknown>} body */
async function send(number, body) {
  try { await api.post(`/api/defects/${encodeURIComponent(number)}/steps`, body); toast(gettext('Saved.')); } catch (error) { complain(error); }
  await read();
}

/** @param {any} d */
function askDeferral(d) {
  const dialog = open(html`<form><h2>${gettext('Put off %(number)s', { number: d.number })}</h2><div class="field"><label for="until">${gettext('Until')}</label><input id="until" type="date" name="until" required min="${d.due_on}"></div>
    <div class="field"><label for="why">${gettext('Reason')}</label><textarea id="why" name="reason" required minlength="3" maxlength="300"></textarea></div><p class="muted">${gettext('Somebody else has to allow it.')}</p>
    <div class="row"><button class="main">${gettext('Ask')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', (event) => { event.preventDefault(); const v = Object.fromEntries(new FormData(form)); dialog.close(); send(d.number, { step: 'ask_deferral', ...v }); });
  $('#until', dialog).focus();
}

/** @param {any} d */
function askSame(d) {
  const others = defects.filter((o) => o.asset === d.asset && o.number !== d.number);
  if (!others.length) { toast(gettext('No other defect of this asset is open.')); return; }
  const dialog = open(html`<form><h2>${gettext('Same as…')}</h2><div class="field"><label for="into">${gettext('Defect')}</label><select id="into" name="into">${others.map((o) => html`<option value="${o.number}">${o.number} ${o.kind_label} ${o.note}</option>`)}</select></div><div class="row"><button class="main">${gettext('Join')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', (event) => { event.preventDefault(); const v = Object.fromEntries(new FormData(form)); dialog.close(); send(d.number, { step: 'merge', ...v }); });
}

function report() {
  if (!mayKeep) return;
  const dialog = open(html`<form data-testid="defect-form"><h2>${gettext('Report a defect')}</h2><div id="problem"></div>
    <div class="field place"><label for="asset">${gettext('Asset')}</label><input id="asset" name="asset" required maxlength="60" autocomplete="off" role="combobox" aria-expanded="false" aria-controls="assets" placeholder="${gettext('Number of the valve, hydrant, pipe or sewer')}" data-testid="defect-asset"><ul id="assets" class="places" role="listbox" hidden></ul></div>
    <div class="field"><label for="kind">${gettext('What')}</label><select id="kind" name="kind">${Object.entries(KIND).map(([k, text]) => html`<option value="${k}">${text()}</option>`)}</select></div>
    <div class="field"><label for="severity">${gettext('How bad')}</label><select id="severity" name="severity">${Object.entries(SEVERITY).map(([k, text]) => html`<option value="${k}" ${k === 'medium' ? html`selected` : ''}>${text()}</option>`)}</select></div>
    <div class="field"><label for="note">${gettext('Note')}</label><textarea id="note" name="note" maxlength="4000"></textarea></div>
    <div class="row"><button class="main" data-testid="defect-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  const input = /** @type {HTMLInputElement} */ ($('#asset', dialog));
  placeSearch(input, $('#assets', dialog), { near: () => null, choose: (found) => { input.value = found.asset || found.text; } });
  let anyway = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const made = await api.post('/api/defects', { ...Object.fromEntries(new FormData(form)), anyway });
      dialog.close();
      toast(gettext('%(number)s is written down.', { number: made.number }));
      await read();
    } catch (error) {
      const similar = error instanceof Refused && error.body ? error.body.similar : null;
      anyway = Boolean(similar);
      render($('#problem', dialog), html`<div class="warning" role="alert">${error instanceof Error ? error.message : String(error)}${similar ? html`<ul>${similar.map((/** @type {any} */ s) => html`<li>${s.number} <span class="muted">${clock(s.found_at, true)} ${s.note}</span></li>`)}</ul><p>${gettext('Save again to write it down as another one.')}</p>` : ''}</div>`);
    }
  });
  input.focus();
}

onDo(document.body, {
  step: async (target) => {
    const d = defects.find((o) => o.number === target.dataset.number);
    const step = target.dataset.step || '';
    if (!d) return;
    if (step === 'ask_deferral') askDeferral(d);
    else if (step === 'merge') askSame(d);
    else if (REASON.has(step)) { const reason = await askReason(`${d.number}: ${(STEP[step] || (() => step))()}`, gettext('Save')); if (reason) send(d.number, { step, reason }); }
    else send(d.number, { step });
  },
  claim: async (target) => { try { await api.post(`/api/claims/${target.dataset.number}/steps`, { step: target.dataset.step }); } catch (error) { complain(error); } read(); },
});
/** @param {number} by */
function move(by) {
  const rows = Array.from(document.querySelectorAll('#defects tr[tabindex]'));
  const at = rows.indexOf(/** @type {Element} */ (document.activeElement));
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
  if (next instanceof HTMLElement) next.focus();
}
keys(
  { key: 'n', text: gettext('report a defect'), run: report },
  { key: 'j', text: gettext('next'), run: () => move(1) }, { key: 'k', text: gettext('previous'), run: () => move(-1) },
);
$('#new').hidden = !mayKeep;
$('#new').addEventListener('click', report);
$('#all').addEventListener('change', read);
on('defect.changed claim.changed incident.changed resumed', () => { read(); });
read();
