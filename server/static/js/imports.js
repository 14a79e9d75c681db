// @ts-check
// Versions of the network: files in, what they mean, what they would change, approve, go back.
import { api } from './api.js';
import { askReason } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { changeFeatures, changeRows, changesPart } from './imports/changes.js';
import { chip, chosen, listPage, progress } from './imports/list.js';
import { copyMap, mapEditor, take } from './imports/mapping.js';
import { overlay } from './imports/overlay.js';
import { findingFeatures, findingRows, quarantinePart, reportPart } from './imports/report.js';
import { size } from './imports/terms.js';
import { upload } from './imports/upload.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page } from './page.js';
import { clock } from './time.js';
import { complain, toast } from './toast.js';

const main = $('#imports');
const may = page.role === 'engineer';
const UNDER_WAY = ['received', 'building', 'approving'];
/** @type {any} */ let draft = null;
/** @type {any} */ let overview = null;
/** @type {any} */ let edited = null;
let crs = '';
/** @type {any} */ let changes = null;
/** @type {any} */ let quarantine = null;
/** @type {any} */ let now = null;
let filter = { kind: '', action: '' };
/** @type {Set<string>} */ const folded = new Set();
/** @type {Record<string, any>} maps by the id of their holder */
let maps = {};
let timer = 0;
/** What is drawn, so that a poll that brings nothing new draws nothing. */
let drawn = '';

function wanted() { return decodeURIComponent(location.hash.slice(1)); }

/** @param {any} matter */
function problem(matter) {
  const systems = matter.candidates || [];
  const swapped = matter.code === 'crs_axes_swapped' && may;
  return html`<div class="problem" data-testid="problem"><strong>${matter.text}</strong>${swapped ? html`<div class="row"><button data-do="swap" data-testid="swap">${gettext('Exchange the axes and check again')}</button></div>` : ''}${systems.length && may ? html`<div class="row"><span>${gettext('These would fit the city:')}</span>${systems.map((/** @type {any} */ s) => html`<button data-do="system" data-epsg="${s.epsg}" data-testid="candidate">EPSG:${s.epsg} ${s.name}</button>`)}</div>` : ''}</div>`;
}

function facts() {
  return html`<dl class="facts"><dt>${gettext('Brought by')}</dt><dd>${draft.by}, ${clock(draft.at, true)}${draft.source ? ` · ${draft.source}` : ''}</dd>
    ${draft.files.length ? html`<dt>${gettext('Files')}</dt><dd>${draft.files.map((/** @type {any} */ f) => html`<div title="SHA-256 ${f.sha256}">${f.name} <span class="muted">${size(f.bytes)}</span></div>`)}</dd>` : ''}
    ${draft.based_on ? html`<dt>${gettext('Compared with')}</dt><dd>${gettext('version %(number)s', { number: draft.based_on })}</dd>` : ''}
    ${draft.version ? html`<dt>${gettext('Became')}</dt><dd>${gettext('version %(number)s', { number: draft.version })}, ${draft.approved_by}, ${clock(draft.approved_at, true)}</dd>` : ''}${draft.reason ? html`<dt>${gettext('Reason')}</dt><dd>${draft.reason}</dd>` : ''}</dl>`;
}

function decide() {
  const stale = draft.state === 'ready' && draft.based_on !== draft.in_force;
  const buttons = [];
  if (draft.state === 'ready' && !stale) buttons.push(html`<button class="main" data-do="approve" data-testid="approve">${gettext('Put in force')}</button>`);
  if (draft.allowed.includes('build') && stale) buttons.push(html`<button class="main" data-do="again" data-testid="again">${gettext('Compare again')}</button>`);
  if (draft.allowed.includes('discard')) buttons.push(html`<button data-do="discard" data-testid="discard">${gettext('Discard')}</button>`);
  if (!may || !buttons.length) return '';
  return html`<section class="panel decide row">${buttons}${stale ? html`<span class="warning">${gettext('Version %(now)s came in force meanwhile.', { now: draft.in_force })}</span>` : draft.state === 'ready' ? html`<span class="muted">${gettext('The network changes for everybody at once, and can be taken back.')}</span>` : ''}</section>`;
}

function draftPage() {
  const title = draft.kind === 'rollback' ? gettext('Back to version %(number)s', { number: draft.back_to }) : draft.name;
  const editable = ['read', 'refused', 'ready'].includes(draft.state) && draft.layers.length > 0;
  const judged = draft.readiness && draft.readiness.verdicts && ['ready', 'approving', 'approved'].includes(draft.state);
  return html`<div class="head"><a href="#" class="button quiet" data-testid="to-list">← ${gettext('All versions')}</a><h1>${title} <span class="muted">${draft.number}</span></h1>${chip(draft.state)}</div>
    <section class="panel stack">${facts()}${progress(draft)}${draft.problems.length ? html`<div class="warning">${draft.problems.map(problem)}</div>` : ''}${draft.notes.length && judged ? html`<details><summary>${gettext('Notes (%(count)s)', { count: draft.notes.length })}</summary><ul>${draft.notes.map((/** @type {any} */ n) => html`<li>${n.text}</li>`)}</ul></details>` : ''}</section>
    ${editable && draft.state !== 'ready' ? mapEditor(draft, edited, crs, may, folded) : ''}
    ${judged ? html`<section class="panel stack" aria-labelledby="report-head"><h2 id="report-head">${gettext('What it would be fit for')}</h2>${reportPart(draft.readiness, 'report')}</section>` : ''}
    ${['ready', 'refused', 'approved', 'approving'].includes(draft.state) && draft.kind === 'files' ? quarantinePart(draft, quarantine) : ''}
    ${judged || (draft.kind === 'rollback' && draft.state === 'approved') ? changesPart(draft, changes, filter) : ''}
    ${editable && draft.state === 'ready' ? html`<details class="panel" data-layer-part="the map"><summary>${gettext('Read the files differently')}</summary>${mapEditor(draft, edited, crs, may, folded)}</details>` : ''}${decide()}`;
}

async function draw() {
  for (const map of Object.values(maps)) if (map) map.remove();
  maps = {};
  render(main, draft ? draftPage() : overview ? listPage(overview, may) : html`<p class="empty">${gettext('Reading …')}</p>`);
  if (draft) {
    await drawMap('report', draft.readiness && draft.readiness.findings ? findingFeatures(draft.readiness.findings) : [], pickFinding);
    await drawMap('changes', changes ? changeFeatures(changes.features) : [], pickChange);
  }
}

/** @param {string} id @param {any[]} features @param {(id: any) => void} onPick */
async function drawMap(id, features, onPick) {
  const holder = document.getElementById(`${id}-map`);
  if (!holder) return;
  const map = await overlay(holder, onPick);
  if (!map) return;
  if (!holder.isConnected) { map.remove(); return; }
  maps[id] = map;
  map.features = features;
  map.showMatter(features.filter((f) => f.geometry));
}

/** @param {any} id */
function pickFinding(id) {
  const readiness = draft ? draft.readiness : now;
  render($('#report-rows'), findingRows(readiness, Number(id)));
  point('report', id);
}

/** @param {any} id */
function pickChange(id) {
  render($('#changes-rows'), changeRows(changes.features, id));
  point('changes', id);
}

/** @param {string} which @param {any} id */
function point(which, id) {
  const map = maps[which];
  if (map) map.focusMatter(map.features.find((/** @type {any} */ f) => String(f.properties.id) === String(id)));
  const row = document.querySelector(`#${which}-rows [data-id="${CSS.escape(String(id))}"]`);
  if (row) row.scrollIntoView({ block: 'nearest' });
}

async function readChanges() {
  const asked = new URLSearchParams({ kind: filter.kind, action: filter.action });
  changes = await api.get(`/api/network/imports/${draft.number}/changes?${asked}`);
}

async function read() {
  clearTimeout(timer);
  const number = wanted();
  try {
    if (number) {
      const fresh = await api.get(`/api/network/imports/${encodeURIComponent(number)}`);
      const before = draft;
      const same = before && before.number === fresh.number;
      if (!same) { filter = { kind: '', action: '' }; folded.clear(); }
      draft = fresh;
      if (!same || before.state !== fresh.state) {
        edited = copyMap(fresh);
        crs = fresh.crs ? `EPSG:${fresh.crs}` : '';
        for (const [name, map] of Object.entries(edited.layers)) if (/** @type {any} */ (map).role === 'ignore') folded.add(name);
        changes = null; quarantine = null;
        if (['ready', 'approved', 'approving'].includes(fresh.state)) await readChanges();
        if (fresh.quarantined) quarantine = await api.get(`/api/network/imports/${fresh.number}/quarantine`);
        drawn = '';
      }
    } else { draft = null; overview = await api.get('/api/network/imports'); }
    const shown = JSON.stringify(draft ? { ...draft, vocabulary: 0 } : overview);
    // What somebody is typing into the form for new files must not be taken away.
    if (shown !== drawn && !(document.activeElement instanceof HTMLInputElement && main.contains(document.activeElement) && drawn)) { drawn = shown; await draw(); }
  } catch (error) { if (!drawn) render(main, html`<p class="empty">${error instanceof Error ? error.message : String(error)}</p><a href="#">${gettext('All versions')}</a>`); else complain(error); }
  const busy = draft ? UNDER_WAY.includes(draft.state) : overview && overview.imports.some((/** @type {any} */ d) => UNDER_WAY.includes(d.state));
  timer = window.setTimeout(read, busy ? 1000 : 20000);
}

/** Do something to the server and read again. @param {() => Promise<any>} what @param {string} [said] */
async function act(what, said) {
  try { await what(); if (said) toast(said); } catch (error) { complain(error); }
  drawn = '';
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  await read();
}

async function build() {
  const address = `/api/network/imports/${draft.number}`;
  await act(async () => { await api.put(`${address}/map`, { schema_map: edited, crs }); await api.post(`${address}/build`, {}); });
}

onDo(main, {
  build,
  again: () => { act(() => api.post(`/api/network/imports/${draft.number}/build`, {})); },
  system: (target) => { crs = `EPSG:${target.dataset.epsg}`; build(); },
  swap: () => { for (const map of Object.values(edited.layers)) /** @type {any} */ (map).swap_axes = !(/** @type {any} */ (map).swap_axes); build(); },
  approve: async () => {
    const unfit = draft.readiness.verdicts && draft.readiness.verdicts.tracing && draft.readiness.verdicts.tracing.ok === 'no';
    const reason = unfit ? await askReason(gettext('No shut-off could be planned with it. Put it in force all the same?'), gettext('Put in force')) : '';
    if (reason !== null) await act(() => api.post(`/api/network/imports/${draft.number}/approve`, { reason }));
  },
  discard: () => { act(() => api.post(`/api/network/imports/${draft.number}/discard`, {}), gettext('Discarded. Nothing was changed.')); },
  back: async (target) => {
    const number = target.dataset.number;
    const reason = await askReason(gettext('Go back to version %(number)s?', { number }), gettext('Go back'));
    if (reason === null) return;
    try { const made = await api.post(`/api/network/versions/${number}/rollback`, { reason }); location.hash = made.number; } catch (error) { complain(error); }
  },
  finding: (target) => pickFinding(target.dataset.id),
  change: (target) => pickChange(target.dataset.id),
  readiness: async () => {
    try {
      now = await api.get('/api/network/readiness');
      render($('#now'), reportPart(now, 'report'));
      await drawMap('report', findingFeatures(now.findings), pickFinding);
    } catch (error) { complain(error); }
  },
});

main.addEventListener('change', async (event) => {
  const field = /** @type {any} */ (event.target);
  if (field.dataset.map) { if (take(edited, draft.vocabulary, field)) await draw(); return; }
  if (field.id === 'draft-crs') { crs = field.value.trim(); return; }
  if (field.dataset.filter) {
    filter = { ...filter, [field.dataset.filter]: field.value };
    try { await readChanges(); await draw(); } catch (error) { complain(error); }
    return;
  }
  if (field.id === 'files') say(field.files);
});
main.addEventListener('toggle', (event) => {
  const part = /** @type {any} */ (event.target);
  if (part.dataset && part.dataset.layerPart) { if (part.open) folded.delete(part.dataset.layerPart); else folded.add(part.dataset.layerPart); }
}, true);

/** @param {FileList} files */
function say(files) {
  render($('#chosen'), chosen(files));
  const name = /** @type {HTMLInputElement} */ ($('#name'));
  if (!name.value && files.length) name.value = files[0].name.replace(/\.[^.]+$/, '');
}

main.addEventListener('dragover', (event) => { const drop = document.getElementById('drop'); if (drop && event.target instanceof Node && drop.contains(event.target)) { event.preventDefault(); drop.classList.add('over'); } });
main.addEventListener('dragleave', () => document.getElementById('drop')?.classList.remove('over'));
main.addEventListener('drop', (event) => {
  const drop = document.getElementById('drop');
  if (!drop || !event.dataTransfer || !(event.target instanceof Node && drop.contains(event.target))) return;
  event.preventDefault();
  drop.classList.remove('over');
  const field = /** @type {HTMLInputElement} */ ($('#files'));
  field.files = event.dataTransfer.files;
  say(field.files);
});
main.addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const line = $('#upload-progress');
  const button = /** @type {HTMLButtonElement} */ ($('[data-testid="upload"]'));
  button.disabled = true;
  try {
    const made = await upload('/api/network/imports', new FormData(form), (percent) => { line.textContent = gettext('%(percent)s % sent', { percent }); });
    location.hash = made.number;
  } catch (error) { complain(error); line.textContent = ''; } finally { button.disabled = false; }
});
addEventListener('hashchange', () => { drawn = ''; draft = null; read(); });
on('network.changed resumed', () => { read(); });
keys({ key: 'Escape', text: gettext('All versions'), run: () => { if (draft) location.hash = ''; } });
read();
