// @ts-check
// The wall: read from eight metres, never scrolls, reconnects for ever, says how old it is.
import { api } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { on } from './live.js';
import { crewData, incidentData, isOver } from './map/layers.js';
import { makeMap } from './map/map.js';
import { page } from './page.js';
import { clock, figure, span, stopwatch, until } from './time.js';
import { share } from './share.js';
import { word } from './words.js';

/** @type {any} */ let data = null;
let readAt = 0;
/** @type {any} */ let map = null;
/** @type {any[]} */ let incidents = [];
/** @type {Map<string, any>} */ const crews = new Map();

/** @param {string} id @param {unknown} value */
function put(id, value) { const node = document.getElementById(id); if (node && node.textContent !== String(value)) node.textContent = String(value); }

function draw() {
  const w = data || {};
  const now = Date.now();
  const aged = w.longest_wait_s > 0 ? w.longest_wait_s + (now - readAt) / 1000 : w.longest_wait_s;
  put('waiting', figure(w.waiting_now));
  put('longest', typeof w.longest_wait_s === 'number' ? stopwatch(w.waiting_now ? aged : 0) : '–');
  $('#longest').dataset.level = aged > 60 ? 'late' : aged > 15 ? 'soon' : 'ok';
  const today = w.today || {};
  put('level', share(today.service_level));
  put('level-note', gettext('answered within %(s)s s', { s: w.service_level_s ?? 15 }));
  put('abandoned', figure(today.abandoned));
  put('abandoned-note', gettext('of %(n)s offered', { n: figure(today.offered) }));
  put('today', figure(today.offered));
  put('today-note', gettext('connect rate %(share)s', { share: share(today.connect_rate) }));
  put('off', figure(w.customers_without_water));
  const agents = (w.agents && w.agents.by_state) || {};
  render($('#agents'), html`${['ready', 'talking', 'wrap', 'paused'].map((state) => [state, agents[state] || 0]).map(([state, n]) => html`<div><dt>${word('agent', state)}</dt><dd>${figure(n)}</dd></div>`)}`);
  const byPriority = w.incidents_by_priority || {};
  render($('#by-priority'), html`${['P1', 'P2', 'P3', 'P4'].map((p) => html`<div><dt><b class="prio" data-p="${p}">${p.slice(1)}</b></dt><dd>${figure(byPriority[p] ?? 0)}</dd></div>`)}`);
  const address = new Map(incidents.map((f) => [f.properties.number, f.properties.address]));
  const next = (w.next_breaches || []).slice().sort((/** @type {any} */ a, /** @type {any} */ b) => Date.parse(a.due_at) - Date.parse(b.due_at)).slice(0, 6);
  render($('#next'), next.length ? html`${next.map((/** @type {any} */ b) => { const due = until(b.due_at, now); return html`<li><b class="prio" data-p="${b.priority || 'P4'}">${(b.priority || 'P4').slice(1)}</b><span class="where"><b>${address.get(b.incident) || b.incident}</b><span class="muted">${b.incident} · ${b.label || word('clock', b.kind)}</span></span><span class="due" data-level="${due.level}">${due.level === 'late' ? due.text : span(due.seconds)}</span></li>`; })}` : html`<li class="muted">${gettext('No promise is running.')}</li>`);
  put('time', clock(new Date(now).toISOString()));
}

async function read() {
  try { data = await api.get('/api/wall'); readAt = Date.now(); document.body.dataset.read = 'ok'; } catch { document.body.dataset.read = 'failed'; }
  const banner = $('#wall-stale');
  const age = readAt ? (Date.now() - readAt) / 1000 : 0;
  banner.hidden = document.body.dataset.read === 'ok';
  banner.textContent = readAt ? gettext('No connection. These figures are %(age)s old.', { age: stopwatch(age) }) : gettext('No connection yet.');
  draw();
}

async function readMap() {
  const answer = await api.get('/api/incidents?open=1').catch(() => null);
  // What the figures beside the map count: where the water is back, nothing is open any more.
  if (answer) incidents = answer.features.filter((/** @type {any} */ f) => !isOver(f.properties));
  if (map) map.put('incidents', incidentData(incidents));
  const found = await api.get('/api/crews').catch(() => null);
  if (found) for (const f of found.features) if (f.geometry) crews.set(String(f.properties.id), { ...f.properties, lon: f.geometry.coordinates[0], lat: f.geometry.coordinates[1] });
  if (map) map.put('crews', crewData(crews.values(), page.stale_fix_s, Date.now()));
}

on('wall call.queued call.answered call.ended agent.changed incident.opened incident.changed', () => { read(); });
on('incident.opened incident.changed', () => { readMap(); });
on('resumed', () => { read(); readMap(); });
on('positions', (news) => { for (const p of news.crews || []) crews.set(String(p.id), { ...crews.get(String(p.id)), ...p }); if (map) map.put('crews', crewData(crews.values(), page.stale_fix_s, Date.now())); });
// Also by the clock: the wall must be right when no event comes, and must come back for ever.
setInterval(read, 5000);
setInterval(draw, 1000);
setInterval(readMap, 60000);

read();
const first = readMap();
makeMap($('#map'), { theme: 'dark', interactive: false, onFail: () => { $('#map').hidden = true; } }).then(async (made) => {
  map = made;
  if (!map) return;
  const scale = Math.max(1, innerHeight / 1080);
  for (const layer of ['incidents', 'crews']) { map.setLayoutProperty(layer, 'icon-size', 1.5 * scale); map.setLayoutProperty(layer, 'text-size', 17 * scale); }
  await first;
  map.put('incidents', incidentData(incidents));
  map.put('crews', crewData(crews.values(), page.stale_fix_s, Date.now()));
});
