// @ts-check
// The dispatch page: list, map, detail and board over the same data. The list works without the map.
import { amend } from './amend.js';
import { api, Refused } from './api.js';
import { askReason, showPhoto } from './ask.js';
import { matches, offer, placesGo } from './command.js';
import { askAnother } from './dispatch/assign.js';
import { probableBursts } from './dispatch/bursts.js';
import { noAnswer } from './dispatch/board-rows.js';
import { detail } from './dispatch/detail.js';
import { askClaim } from './dispatch/dig.js';
import { byBreach, move, nextKind } from './dispatch/order.js';
import { makePage } from './dispatch/page.js';
import { PARTS } from './dispatch/parts.js';
import { incidentRow, totals } from './dispatch/rows.js';
import { asker, sentence } from './dispatch/whatif.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { move as moveCrews, take as takeCrews } from './map/crews.js';
import { asLine, bounds, crewData, incidentData, planData, pointOf } from './map/layers.js';
import { makeMap } from './map/map.js';
import { page } from './page.js';
import { pooled } from './pooled.js';
import { pastDetail, summary } from './replay/past.js';
import { replay } from './replay/replay.js';
import { complain, toast } from './toast.js';

/** @type {Map<string, any>} */ const incidents = new Map();
/** @type {Map<string, any>} */ const crews = new Map();
/** @type {Set<string>} */ const fresh = new Set();
/** @type {string | null} */ let chosen = null;
/** @type {any} */ let shown = null;
/** @type {any} */ let ranking = null;
/** @type {string | null} */ let chosenCrew = null;
let cost = '';
/** What is shown of the past; null while the page shows now. @type {any} */ let past = null;
/** @type {any} */ let map = null;
/** Incidents whose crew is being sent: the next one need not wait for the answer. @type {Set<string>} */ const sending = new Set();
let loaded = false;

const stage = $('#stage');
const mayAct = page.role !== 'engineer' && page.role !== 'auditor';
const acts = () => mayAct && !past;
const costs = asker();

const host = makePage({ select: (id) => { choose(id); }, selected: () => shown, incident: (id) => { const f = incidents.get(id); return f ? f.properties : null; }, mayAct, tools: $('#tools'), panels: $('#panels'), legend: $('#signs') });

const features = () => (past ? past.incidents.features : Array.from(incidents.values()));
const ordered = () => features().map((/** @type {any} */ f) => f.properties).sort(byBreach);
const moment = () => (past ? Date.parse(past.at) : Date.now());

const suspects = probableBursts({
  map: () => map, mayAct,
  opened: (_number, id) => { readIncidents().then(() => choose(String(id))).catch(complain); },
  closed: () => { drawDetail(); },
});

function drawList() {
  const list = ordered();
  $('#count').textContent = ngettext('%(count)s open incident', '%(count)s open incidents', list.length);
  $('#totals').textContent = past ? summary(past) : list.length ? totals(list) : '';
  render($('#incidents'), list.length
    ? html`${list.map((/** @type {any} */ p) => incidentRow(p, String(p.id) === chosen, fresh.has(String(p.id)), moment()))}`
    : html`<li class="empty">${past ? gettext('Nothing was open then.') : loaded ? gettext('Nothing is open. The next call will appear here by itself.') : gettext('Reading the incidents…')}</li>`);
  if (chosen) $('#incidents').setAttribute('aria-activedescendant', `row-${chosen}`);
  if (map) map.put('incidents', incidentData(features()));
}

function drawCrews() {
  if (!map) return;
  const list = past ? past.crews.features.map((/** @type {any} */ f) => ({ ...f.properties, lon: f.geometry ? f.geometry.coordinates[0] : undefined, lat: f.geometry ? f.geometry.coordinates[1] : undefined }))
    : Array.from(crews.values()).filter((c) => c.state !== 'off_duty');
  map.put('crews', crewData(list, page.stale_fix_s, moment()));
}

function drawDetail() {
  if (!past && suspects.chosen()) { suspects.draw(); return; }
  const holder = $('#detail');
  holder.hidden = !shown;
  host.tellSelected(shown);
  if (shown) {
    const then = past && ordered().find((p) => p.id === shown.id);
    if (past) render(holder, then ? pastDetail(then, past, shown) : html`<section><p class="muted">${gettext('%(number)s was not open at this moment.', { number: shown.number })}</p></section>`);
    else render(holder, detail(shown, ranking, { busy: sending.has(String(shown.id)) || !mayAct, chosenCrew, cost }));
    holder.querySelectorAll('[data-share]').forEach((bar) => { if (bar instanceof HTMLElement) bar.style.width = `${bar.dataset.share}%`; });
  }
  if (!map) return;
  // Water is back: nothing is hatched as dry any more.
  const drawn = planData(!past && shown && !['restored', 'closed'].includes(shown.state) ? shown.plan : null);
  map.put('shutoff', drawn.shutoff);
  map.put('plan-valves', drawn.valves);
  map.put('chosen', shown && shown.geometry ? { type: 'Feature', properties: {}, geometry: pointOf(shown.geometry) } : null);
  map.resize();
}

async function readIncidents() {
  const answer = await api.get('/api/incidents?open=1');
  const known = new Set(incidents.keys());
  incidents.clear();
  for (const f of answer.features) {
    const id = String(f.properties.id);
    incidents.set(id, f);
    if (loaded && !known.has(id)) { fresh.add(id); setTimeout(() => fresh.delete(id), 4000); }
  }
  loaded = true;
  drawList();
  host.tellListed();
}

async function readCrews() {
  const answer = await api.get('/api/crews');
  takeCrews(crews, answer.features);
  drawCrews();
}

/** While the chosen one is read: never the plan of the one before under its name. @param {string} id */
function drawReading(id) {
  const listed = ordered().find((/** @type {any} */ p) => String(p.id) === id);
  const holder = $('#detail');
  holder.hidden = false;
  render(holder, html`<section aria-busy="true"><h2>${listed ? listed.number : ''}</h2><p class="muted">${gettext('Reading …')}</p></section>`);
}

let turn = 0;
/** @param {string | null} id @param {{fly?: boolean}} [how] */
async function choose(id, how = {}) {
  const mine = ++turn;
  if (id !== null && id.startsWith('b')) { chosen = null; shown = null; ranking = null; drawList(); await suspects.choose(id); return; }
  suspects.close();
  if (id !== chosen) { shown = null; ranking = null; chosenCrew = null; cost = ''; costs.forget(); if (map) map.put('route', null); }
  chosen = id;
  drawList();
  if (id !== null && !shown) drawReading(id);
  if (id === null) { drawDetail(); history.replaceState(null, '', location.pathname + location.search); return; }
  const row = document.getElementById(`row-${id}`);
  if (row) row.scrollIntoView({ block: 'nearest' });
  const listed = ordered().find((/** @type {any} */ p) => String(p.id) === id);
  if (listed) history.replaceState(null, '', `${location.search}#${listed.number}`);
  try {
    const answer = await api.get(`/api/incidents/${encodeURIComponent(id)}`);
    if (mine !== turn) return;
    // Flat or GeoJSON: the same fields either way.
    shown = answer.properties ? { ...answer, ...answer.properties } : answer;
    if (shown.kind === 'construction') shown.dig = await api.get(`/api/incidents/${encodeURIComponent(id)}/dig`).catch(() => null);
    if (mine !== turn) return;
    drawDetail();
    if (map && how.fly !== false) frame();
    if (!past) await rank(mine, id);
  } catch (error) {
    if (mine === turn) complain(error);
  }
}

/** @param {number} mine @param {string} id */
async function rank(mine, id) {
  const found = await api.get(`/api/incidents/${encodeURIComponent(id)}/crews`).catch((/** @type {unknown} */ error) =>
    ({ ranked: [], excluded: [], problem: error instanceof Error ? error.message : String(error) }));
  // A late answer about another incident must not name the crew that Enter sends to this one.
  if (mine !== turn) return;
  ranking = found;
  drawDetail();
  // Every crew that is not there yet has its own way: to the first valve, to the pit.
  const going = (shown.work_orders || []).filter((/** @type {any} */ o) => o.crew && o.route && ['dispatched', 'accepted', 'en_route'].includes(o.state));
  const held = (shown.work_orders || []).some((/** @type {any} */ o) => o.crew && !['declined', 'recalled', 'failed_visit'].includes(o.state));
  if (held) { if (map) map.put('route', { type: 'FeatureCollection', features: going.map((/** @type {any} */ o) => asLine(o.route)) }); }
  else if (ranking.ranked && ranking.ranked[0]) await route(String(ranking.ranked[0].crew.id));
}

/** @param {string} crew */
async function route(crew) {
  if (!map || !chosen) return;
  const mine = turn;
  try {
    const answer = await api.get(`/api/incidents/${encodeURIComponent(chosen)}/route?crew=${encodeURIComponent(crew)}`);
    if (mine === turn) map.put('route', asLine(answer.geometry));
  } catch { map.put('route', null); }
}

function frame() {
  const box = shown && bounds([shown.geometry, shown.plan && shown.plan.pipes]);
  if (box) map.fitBounds(box, { padding: 80, maxZoom: 16.5, duration: 0 });
}

/** @param {any} crew @param {string | null} kind @param {string} [reason] */
async function assign(crew, kind, reason) {
  if (!chosen || !shown || !acts()) return;
  // The next incident may be chosen, and sent, before the answer is here.
  const incident = shown;
  const id = String(incident.id);
  if (sending.has(id)) return;
  sending.add(id); drawDetail();
  try {
    await api.post(`/api/incidents/${encodeURIComponent(incident.id)}/assign`, { crew: crew.id, ...(kind ? { kind } : {}), ...(reason ? { reason } : {}), ...(ranking && ranking.seen ? { seen: ranking.seen } : {}) });
    toast(gettext('%(crew)s is sent to %(number)s.', { crew: crew.name, number: incident.number }));
  } catch (error) {
    const holder = error instanceof Refused && error.body && error.body.holder;
    complain(holder ? gettext('%(crew)s was taken a moment ago for %(holder)s. The ranking is new.', { crew: crew.name, holder: typeof holder === 'string' ? holder : holder.number || holder.incident || '' }) : error);
  } finally {
    sending.delete(id);
    await Promise.allSettled([readIncidents(), readCrews(), choose(chosen, { fly: false })]);
  }
}

function assignFirst() {
  if (past) { toast(gettext('This is the past: nothing can be changed. Esc goes back to now.')); return; }
  if (suspects.chosen()) { suspects.takeUp(); return; }
  if (!shown && chosen) { toast(gettext('Still reading this incident: press Enter again in a moment.')); return; }
  if (!shown) { const first = ordered()[0]; if (first) choose(String(first.id)); return; }
  if (!shown.geometry) { locate(); return; }
  if (!ranking) { toast(gettext('Still reading this incident: press Enter again in a moment.')); return; }
  const kind = nextKind(shown);
  const first = ranking && ranking.ranked && ranking.ranked[0];
  if (!kind) toast(gettext('A crew has this. Shift-Enter sends one more, with a reason.'));
  else if (first) assign(first.crew, kind);
}

/** The place of an incident nobody could locate yet. */
async function locate() {
  const ticket = shown && (shown.tickets_list || [])[0];
  if (!ticket || !acts()) return;
  try { await amend(ticket.number); } catch (error) { complain(error); }
  refresh();
}

/** @param {string} number of a work order: the crew is wanted elsewhere, or not at all */
async function recall(number) {
  const reason = acts() && await askReason(gettext('Take %(number)s back from the crew', { number }), gettext('Take it back'));
  if (!reason) return;
  try { await api.post(`/api/work-orders/${encodeURIComponent(number)}/actions`, { action: 'recall', reason }); toast(gettext('%(number)s is taken back.', { number })); } catch (error) { complain(error); }
  refresh();
}

async function end() {
  const reason = shown && acts() && await askReason(gettext('Close %(number)s', { number: shown.number }), gettext('Close the incident'));
  if (!reason) return;
  try { await api.post(`/api/incidents/${encodeURIComponent(shown.id)}/close`, { reason }); choose(null); } catch (error) { complain(error); }
  refresh();
}

/** @param {any} crew whose phone is lost */
async function revoke(crew) {
  const reason = await askReason(gettext('Cut off the phone of %(crew)s', { crew: crew.name }), gettext('Cut off'));
  if (!reason) return;
  try { await api.post(`/api/crews/${encodeURIComponent(crew.id)}/revoke`, { reason }); toast(gettext('The phone of %(crew)s is cut off. It has to sign in again.', { crew: crew.name })); } catch (error) { complain(error); }
}

async function assignAnother() {
  if (!shown || !ranking || !(ranking.ranked || []).length || !acts()) return;
  const answer = await askAnother(ranking, chosenCrew, nextKind(shown));
  if (answer) assign(answer.crew, answer.kind, answer.reason);
}

/** Another crew under the eyes: its way on the map, and what it would cost. @param {string | null} crew */
async function highlight(crew) {
  chosenCrew = crew; cost = '';
  drawDetail();
  if (!crew || !chosen) return;
  route(crew);
  const [id, first] = [chosen, ranking && ranking.ranked && ranking.ranked[0]];
  if (first && String(first.crew.id) === crew) return;
  try {
    const answer = sentence(await costs.cost(id, crew));
    if (chosen === id && chosenCrew === crew) { cost = answer; drawDetail(); }
  } catch (error) { if (chosen === id && chosenCrew === crew) { cost = error instanceof Error ? error.message : String(error); drawDetail(); } }
}

/** The ranking by keyboard: arrows go through the crews, Enter sends the one they stand on. @param {KeyboardEvent} event */
function rankingKey(event) {
  if (!(event.target instanceof Element) || event.target.id !== 'ranked' || !ranking || event.ctrlKey || event.altKey) return;
  const ids = (ranking.ranked || []).map((/** @type {any} */ r) => String(r.crew.id));
  const by = /** @type {Record<string, 1 | -1>} */ ({ ArrowDown: 1, j: 1, c: 1, ArrowUp: -1, k: -1 })[event.key];
  if (by) highlight(move(ids, chosenCrew, by));
  else if (event.key === 'Enter') { if (chosenCrew && chosenCrew !== ids[0]) assignAnother(); else assignFirst(); }
  else if (event.key === 'Escape') { highlight(null); $('#incidents').focus(); }
  else return;
  event.preventDefault();
}

/** @param {boolean} [on] */
function listOnly(on) {
  const list = on === undefined ? stage.dataset.view !== 'list' : on;
  stage.dataset.view = list ? 'list' : 'map';
  $('#list-button').setAttribute('aria-pressed', String(list));
  try { localStorage.setItem('standpipe.view', stage.dataset.view); } catch { /* private window: not remembered */ }
  if (!list && map) map.resize();
}

/** @param {string} why */
function note(why) { const p = $('#map-note'); p.textContent = why; p.hidden = false; }

onDo(stage, {
  choose: (row) => choose(row.dataset.id || null), suspect: (row) => choose(row.dataset.id || null),
  main: (row) => suspects.target(row.dataset.pipe || ''), 'take-up': () => { suspects.takeUp(); }, dismiss: () => { suspects.dismiss(); },
  back: () => choose(null),
  list: () => listOnly(),
  assign: assignFirst, locate, recall: (button) => { recall(button.dataset.number || ''); }, end: () => { end(); },
  photo: (button) => showPhoto(button.dataset.id || ''), claim: () => { if (shown) askClaim(shown.number, refresh); },
  another: assignAnother,
  rank: (row) => { highlight(row.dataset.crew || null); },
  crew: (row) => { const c = crews.get(row.dataset.id || ''); if (c && map && typeof c.lon === 'number') map.flyTo({ center: [c.lon, c.lat], zoom: Math.max(15, map.getZoom()), duration: 0 }); },
});
$('#detail').addEventListener('keydown', rankingKey);
/** @param {1 | -1} by */
const step = (by) => { const id = move([...(past ? [] : suspects.ids()), ...ordered().map((/** @type {any} */ p) => String(p.id))], suspects.chosen() || chosen, by); if (id !== null) choose(id); };
keys(
  { key: 'j', text: gettext('next incident'), run: () => step(1) }, { key: 'ArrowDown', text: '', run: () => step(1) },
  { key: 'k', text: gettext('previous incident'), run: () => step(-1) }, { key: 'ArrowUp', text: '', run: () => step(-1) },
  { key: 'Enter', text: gettext('send the first crew of the ranking'), run: assignFirst },
  { key: 'Shift-Enter', text: gettext('send another crew, with a reason'), run: assignAnother },
  { key: 'c', text: gettext('go through the crews of the ranking, with what each would cost'), run: () => { const list = document.getElementById('ranked'); if (list && ranking && ranking.ranked && ranking.ranked[0]) { list.focus(); highlight(chosenCrew || String(ranking.ranked[0].crew.id)); } } },
  { key: 'Escape', text: gettext('close the chosen incident'), run: () => choose(null) },
  { key: 'd', text: gettext('dismiss the chosen probable burst'), run: () => { suspects.dismiss(); } },
  ...[1, 2, 3, 4, 5].map((n) => ({ key: String(n), text: n === 1 ? gettext('choose another main of a probable burst') : '', run: () => suspects.nth(n - 1) })),
  { key: 'l', text: gettext('list only, or list and map'), run: () => listOnly() },
);
offer((query) => [
  { title: gettext('Send the first crew'), detail: 'Enter', run: assignFirst }, { title: gettext('Send another crew'), detail: 'Shift Enter', run: assignAnother },
  { title: gettext('List only'), detail: 'L', run: () => listOnly() },
].filter((hit) => !query || matches(query, hit.title)).concat(query ? ordered().filter((p) => matches(query, p.number, p.address, p.kind_label)).map((p) => ({ title: `${p.number} ${p.kind_label || ''}, ${p.address || ''}`, detail: p.priority, run: () => { choose(String(p.id)); } })) : []));
// A lost phone is rare and never undone by a key pressed in haste: only by its words.
if (page.role === 'supervisor') {
  offer((query) => (query ? Array.from(crews.values()) : []).map((c) => ({ title: gettext('Lost phone: cut off %(crew)s', { crew: c.name }), detail: c.plate || '', run: () => { revoke(c); } })).filter((hit) => matches(query, hit.title)));
}
placesGo((place) => {
  if (!map) { toast(place.text); return; }
  listOnly(false);
  map.put('pin', { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [place.lon, place.lat] } });
  map.flyTo({ center: [place.lon, place.lat], zoom: 17, duration: 0 });
});

let later = 0;
const refresh = () => { costs.forget(); clearTimeout(later); later = window.setTimeout(() => { readIncidents().catch(complain); if (chosen && !past) choose(chosen, { fly: false }); }, 150); };
on('incident.opened incident.changed ticket.opened ticket.changed order.changed', refresh);
on('burst.suspected', (data) => { suspects.heard(data); });
on('burst.suspected burst.changed burst.confirmed burst.dismissed burst.expired resumed', () => { suspects.read(); });
on('incident.changed order.changed resumed', () => { if (map && !past) map.renew(); });
const crewsSoon = pooled(() => { readCrews().catch(() => undefined); }, 200);
on('crew.changed shift.began shift.ended resumed', crewsSoon);
on('resumed', refresh);
on('positions', (data) => { if (moveCrews(crews, data.crews || [])) crewsSoon(); drawCrews(); });
setInterval(() => { if (past) return; drawList(); drawCrews(); suspects.drawList(); }, 5000);
setInterval(ticking, 1000);

/** What counts seconds: how long a crew has not answered. */
function ticking() {
  document.querySelectorAll('[data-sent]').forEach((e) => { if (e instanceof HTMLElement) e.textContent = noAnswer({ dispatched_at: e.dataset.sent, answer_by: e.dataset.by }, Date.now()); });
}

function fromHash() {
  const target = decodeURIComponent(location.hash.slice(1));
  if (!target) return;
  if (target.startsWith('at=') && map) {
    const [lon, lat] = target.slice(3).split(',').map(Number);
    if (Number.isFinite(lon) && Number.isFinite(lat)) { map.put('pin', { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [lon, lat] } }); map.jumpTo({ center: [lon, lat], zoom: 17 }); }
    return;
  }
  const found = ordered().find((p) => p.number === target);
  if (found) choose(String(found.id));
}
addEventListener('hashchange', fromHash);

for (const part of PARTS) part.start(host.page);
replay(host.page, {
  show: (picture) => { past = picture; $('#bursts').classList.toggle('past', picture !== null); drawList(); drawCrews(); if (picture === null) { if (chosen) choose(chosen, { fly: false }); else drawDetail(); } else { if (map) map.put('route', null); drawDetail(); } },
  moment: host.tellReplay,
});

let wanted = 'map';
try { wanted = localStorage.getItem('standpipe.view') || 'map'; } catch { /* private window */ }
if (wanted === 'list') listOnly(true);

Promise.allSettled([readIncidents(), readCrews(), suspects.read()]).then((results) => { for (const r of results) if (r.status === 'rejected') complain(r.reason); fromHash(); });
makeMap($('#map'), { onFail: (why) => { note(why); listOnly(true); toast(why); }, onError: note }).then((made) => {
  map = made;
  if (!map) return;
  Object.defineProperty(window, '__map', { value: map });
  drawList(); drawCrews(); drawDetail();
  for (const layer of ['incidents', 'crews']) {
    map.on('mouseenter', layer, () => { if (!host.page.clicksTaken()) map.getCanvas().style.cursor = 'pointer'; });
    map.on('mouseleave', layer, () => { if (!host.page.clicksTaken()) map.getCanvas().style.cursor = ''; });
  }
  map.on('click', 'incidents', (/** @type {any} */ e) => { if (!host.page.clicksTaken()) choose(String(e.features[0].properties.id)); });
  host.drawn(map);
  if (location.hash.startsWith('#at=')) fromHash();
  else if (shown) { frame(); if (chosen) choose(chosen); }
});
