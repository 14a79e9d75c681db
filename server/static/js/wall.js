// @ts-check
// The wall: read from eight metres, never scrolls, reconnects for ever, says how old it is. It runs
// for days: one reading at a time, each with an end, and nothing that grows.
import { api, within } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { on } from './live.js';
import { move as moveCrews, take as takeCrews } from './map/crews.js';
import { crewData, incidentData, isOver } from './map/layers.js';
import { makeMap } from './map/map.js';
import { page } from './page.js';
import { pooled } from './pooled.js';
import { clock, figure, span, stopwatch, until } from './time.js';
import { share } from './share.js';
import { chart } from './wall/chart.js';
import { word } from './words.js';

const EVERY = 5000;
const STALE = 15000;
const PATIENCE = 8000;
/** @type {any} */ let data = null;
let readAt = 0;
let busy = false;
let again = false;
/** @type {any} */ let map = null;
/** @type {any[]} */ let incidents = [];
/** @type {Map<string, any>} */ const crews = new Map();

/** @param {string} id @param {unknown} value */
function put(id, value) { const node = document.getElementById(id); if (node && node.textContent !== String(value)) node.textContent = String(value); }

/** What was drawn last, so that nothing is drawn twice. @type {Map<string, string>} */
const drawn = new Map();
/** @param {string} id @param {import('./html.js').Safe} content */
function fill(id, content) { if (drawn.get(id) !== content.text) { drawn.set(id, content.text); render(document.getElementById(id), content); } }

/** @param {number | null | undefined} seconds */
const wait = (seconds) => (typeof seconds === 'number' ? stopwatch(seconds) : '–');

function drawCalls(/** @type {any} */ w, /** @type {number} */ now) {
  const aged = w.longest_wait_s > 0 ? w.longest_wait_s + (now - readAt) / 1000 : w.longest_wait_s;
  put('waiting', figure(w.waiting_now));
  put('longest', typeof w.longest_wait_s === 'number' ? stopwatch(w.waiting_now ? aged : 0) : '–');
  $('#longest').dataset.level = aged > 60 ? 'late' : aged > 15 ? 'soon' : 'ok';
  const today = w.today || {};
  put('level', share(today.service_level));
  $('#level').dataset.level = typeof today.service_level !== 'number' ? '' : today.service_level < 0.6 ? 'late' : today.service_level < 0.8 ? 'soon' : '';
  put('level-note', gettext('within %(s)s s', { s: w.service_level_s ?? 15 }));
  put('connect', share(today.connect_rate));
  put('connect-note', gettext('%(a)s of %(b)s offered', { a: figure(today.answered), b: figure(today.offered) }));
  put('abandoned', share(today.abandon_rate));
  put('abandoned-note', gettext('%(a)s, and %(b)s at once', { a: figure(today.abandoned), b: figure(today.short_abandons) }));
  put('asa', wait(today.asa_s));
  put('asa-note', gettext('handling %(time)s', { time: wait(today.aht_s) }));
  const agents = (w.agents && w.agents.by_state) || {};
  const shown = ['ready', 'talking', 'wrap', 'paused'].map((s) => [s, (agents[s] || 0) + (s === 'talking' ? agents.hold || 0 : s === 'ready' ? agents.ringing || 0 : 0)]);
  fill('agents', html`${shown.map(([s, n]) => html`<div><dt>${word('agent', String(s))}</dt><dd>${figure(n)}</dd></div>`)}`);
  drawOccupied(w);
}

function drawOccupied(/** @type {any} */ w) {
  const l = w.lines || {};
  /** @type {[string, any, string, string[]][]} */
  const rows = [
    [gettext('Agents, last hour'), w.agent_occupancy, '', []],
    [gettext('Outside lines'), l.stale ? null : l.trunks?.occupancy, l.trunks && !l.stale ? `${figure(l.trunks.busy)}/${figure(l.trunks.total)}` : '', l.trunks?.down || []],
    [gettext('Internal lines'), l.stale ? null : l.internal?.occupancy, l.internal && !l.stale ? `${figure(l.internal.busy)}/${figure(l.internal.total)}` : '', []],
  ];
  fill('occupied', html`${rows.map(([name, value, count, down]) => html`<li data-level="${typeof value === 'number' && value > 0.9 ? 'late' : ''}"><span>${name}${down.length ? html` <span class="down">${gettext('%(names)s down', { names: down.join(', ') })}</span>` : ''}</span><b>${share(value)} <small>${count}</small></b><svg viewBox="0 0 100 2" preserveAspectRatio="none" aria-hidden="true"><rect class="all" width="100" height="2"/><rect class="part" width="${typeof value === 'number' ? Math.min(100, value * 100).toFixed(1) : 0}" height="2"/></svg></li>`)}`);
}

function drawToday(/** @type {any} */ w) {
  const f = w.forecast || {};
  put('today', figure(f.offered));
  const note = typeof f.expected_so_far === 'number' ? gettext('%(a)s expected by now, %(b)s by tonight', { a: figure(f.expected_so_far), b: figure(f.updated_today ?? f.expected_today) }) : '';
  put('today-note', [note, f.label].filter(Boolean).join(' · '));
  fill('chart', chart(f, `${figure(f.offered)} ${note} ${f.label || ''}`));
}

function draw() {
  const w = data || {};
  const now = Date.now();
  drawCalls(w, now);
  drawToday(w);
  put('off', figure(w.customers_without_water));
  const byPriority = w.incidents_by_priority || {};
  fill('by-priority', html`${['P1', 'P2', 'P3', 'P4'].map((p) => html`<div><dt><b class="prio" data-p="${p}">${p.slice(1)}</b></dt><dd>${figure(byPriority[p] ?? 0)}</dd></div>`)}`);
  const out = w.crews_by_state || {};
  const working = Object.entries(out).filter(([s]) => !['available', 'off_duty', 'out_of_service', 'break'].includes(s)).reduce((n, [, v]) => n + Number(v), 0);
  fill('city-now', html`<div><dt>${gettext('crews out')}</dt><dd>${figure(data ? working : null)}</dd></div><div><dt>${gettext('free')}</dt><dd>${figure(data ? out.available ?? 0 : null)}</dd></div><div><dt>${gettext('notices')}</dt><dd>${figure(w.notices)}</dd></div><div><dt>${gettext('in shut-offs')}</dt><dd>${figure(w.calls_in_shutoffs_today)}</dd></div>`);
  const address = new Map(incidents.map((f) => [f.properties.number, f.properties.address]));
  const next = (w.next_breaches || []).slice().sort((/** @type {any} */ a, /** @type {any} */ b) => Date.parse(a.due_at) - Date.parse(b.due_at)).slice(0, 5);
  fill('next', next.length ? html`${next.map((/** @type {any} */ b) => { const due = until(b.due_at, now); return html`<li><b class="prio" data-p="${b.priority || 'P4'}">${(b.priority || 'P4').slice(1)}</b><span class="where"><b>${address.get(b.incident) || b.incident}</b><span class="muted">${b.incident} · ${b.label || word('clock', b.kind)}</span></span><span class="due" data-level="${due.level}">${due.level === 'late' ? due.text : span(due.seconds)}</span></li>`; })}` : html`<li class="muted">${gettext('No promise is running.')}</li>`);
  put('time', clock(new Date(now).toISOString()));
  age(now);
}

/** After 15 s without a reading the figures say how old they are, and stop looking alive. @param {number} now */
function age(now) {
  const old = readAt ? now - readAt : Infinity;
  const banner = $('#wall-stale');
  banner.hidden = old <= STALE;
  if (old > STALE) document.body.dataset.stale = 'true'; else delete document.body.dataset.stale;
  const text = readAt ? gettext('No connection. These figures are %(age)s old.', { age: stopwatch(old / 1000) }) : gettext('No connection yet.');
  if (!banner.hidden && banner.textContent !== text) banner.textContent = text;
}

/** One reading at a time, and never without an end: an answer that hangs must not hold up the next. */
async function read() {
  if (busy) { again = true; return; }
  busy = true;
  again = false;
  try { data = await within(PATIENCE, (signal) => api.get('/api/wall', { signal })); readAt = Date.now(); document.body.dataset.read = 'ok'; } catch { document.body.dataset.read = 'failed'; }
  busy = false;
  draw();
  if (again) soon();
}

/** News comes in bursts; a second between two readings is soon enough. */
const soon = pooled(read, 1000);

let mapBusy = false;
async function readMap() {
  if (mapBusy) return;
  mapBusy = true;
  const answer = await within(PATIENCE, (signal) => api.get('/api/incidents?open=1', { signal })).catch(() => null);
  // What the figures beside the map count: where the water is back, nothing is open any more.
  if (answer) incidents = answer.features.filter((/** @type {any} */ f) => !isOver(f.properties));
  const found = await within(PATIENCE, (signal) => api.get('/api/crews', { signal })).catch(() => null);
  if (found) takeCrews(crews, found.features);
  mapBusy = false;
  drawMap();
}

function drawMap() {
  if (!map) return;
  map.put('incidents', incidentData(incidents));
  map.put('crews', crewData(crews.values(), page.stale_fix_s, Date.now()));
}

on('wall call.queued call.answered call.ended agent.changed incident.opened incident.changed shutoff.started shutoff.restored forecast.outlier', soon);
const mapSoon = pooled(readMap, 2000);
on('incident.opened incident.changed shift.began shift.ended', mapSoon);
on('resumed', () => { soon(); readMap(); });
on('positions', (news) => { if (moveCrews(crews, news.crews || [])) mapSoon(); drawMap(); });
// Also by the clock: the wall must be right when no event comes, and must come back for ever.
setInterval(read, EVERY);
setInterval(draw, 1000);
setInterval(readMap, 60000);

read();
const first = readMap();
makeMap($('#map'), { theme: 'dark', interactive: false, onFail: () => { $('#map').hidden = true; } }).then(async (made) => {
  map = made;
  if (!map) return;
  Object.defineProperty(window, '__map', { value: map });
  const scale = Math.max(1, innerHeight / 1080);
  for (const layer of ['incidents', 'crews']) { map.setLayoutProperty(layer, 'icon-size', 1.5 * scale); map.setLayoutProperty(layer, 'text-size', 17 * scale); }
  await first;
  drawMap();
});
