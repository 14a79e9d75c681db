// @ts-check
// The engineer's map: everything in the ground, and what follows when something of it is shut.
import { api } from './api.js';
import { placesGo } from './command.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { keys, showKeys } from './keys.js';
import { on } from './live.js';
import { bounds } from './map/layers.js';
import { makeMap } from './map/map.js';
import { PALETTE, mapTheme } from './map/style.js';
import { colourOf } from './network/colours.js';
import { ruler } from './network/measure.js';
import { layersPanel, pickedPanel, premisePanel, tracesOf } from './network/panel.js';
import { fromHash, toHash } from './network/permalink.js';
import { discs, planPanel, readTrace } from './network/plan.js';
import { finder } from './network/search.js';
import { MORE, SIGNS, drawValve } from './network/signs.js';
import { PICKED_FROM, addWork, dryArea, networkStyle, plainColour } from './network/style.js';
import { apply, load, save } from './network/switch.js';
import { page } from './page.js';
import { complain, toast } from './toast.js';

const theme = mapTheme();
/** @type {any} */ let map = null;
/** @type {any} */ let tape = null;
/** @type {any} */ let summary = null;
/** @type {{id: string, kind: string, properties: any, geometry: any, more: any} | null} */ let picked = null;
/** @type {import('./network/plan.js').Found | null} */ let found = null;
/** What is traced now, to be asked again when something is marked. @type {{id: string, kind: string} | null} */ let traced = null;
const whatIf = { inoperable: /** @type {Set<string>} */ (new Set()), closed: /** @type {Set<string>} */ (new Set()) };
let shown = load();
/** @type {import('./network/colours.js').Choice} */ let choice = 'plain';
try { choice = /** @type {any} */ (localStorage.getItem('standpipe.network.colour') || 'plain'); } catch { /* private window */ }

const stage = $('#stage');
const side = $('#side');
const zoomNow = () => (map ? map.getZoom() : 12);

function drawSide() {
  if (stage.dataset.layers !== 'open') return;
  render($('#layers'), layersPanel(shown, choice, theme, summary, zoomNow()));
  for (const swatch of document.querySelectorAll('#layers [data-colour]')) if (swatch instanceof HTMLElement) swatch.style.background = swatch.dataset.colour || '';
  for (const canvas of document.querySelectorAll('#layers canvas[data-sign]')) if (canvas instanceof HTMLCanvasElement) paintSign(canvas);
}

/** The legend's signs are drawn by the same hand as the map's. @param {HTMLCanvasElement} canvas */
function paintSign(canvas) {
  const pen = canvas.getContext('2d');
  const name = canvas.dataset.sign || '';
  if (!pen) return;
  const colours = { ...PALETTE[theme], ...MORE[theme] };
  const size = name.startsWith('v-') ? 30 : SIGNS[name].size;
  pen.translate(30 - size, 30 - size);
  pen.scale(2, 2);
  pen.lineJoin = 'round'; pen.lineCap = 'round';
  if (name.startsWith('v-')) drawValve(pen, colours, { closed: name.includes('closed'), turns: name.includes('seized') ? 'seized' : name.includes('unknown') ? 'unknown' : '', buried: name.includes('buried'), odd: name.includes('odd') });
  else SIGNS[name].draw(pen, colours);
}

function drawPicked() {
  side.hidden = !picked && !found;
  if (side.hidden) { render(side, html``); if (map) map.resize(); return; }
  const plan = found ? planPanel(found, whatIf) : '';
  render(side, picked && picked.kind !== 'premise' ? pickedPanel(picked, whatIf, plan) : html`${picked ? premisePanel(picked.properties, picked.more) : ''}${plan}`);
}

function drawMap() {
  if (!map) return;
  map.put('picked', picked && picked.geometry ? { type: 'Feature', properties: {}, geometry: picked.geometry } : null);
  const isPlan = found && found.kind === 'isolate';
  map.put('shutoff', isPlan && found ? dryArea(found.lines, found.unintended) : null);
  map.put('plan-valves', isPlan && found ? discs(found.valves) : null);
  map.put('traced', found && !isPlan ? { type: 'Feature', properties: { ordered: found.kind === 'source_path' }, geometry: found.lines } : null);
  const marks = Array.from(marked.entries()).map(([id, at]) => ({ type: 'Feature', properties: { icon: whatIf.inoperable.has(id) ? 'n-stuck' : 'n-shut' }, geometry: { type: 'Point', coordinates: at } }));
  map.put('marked', { type: 'FeatureCollection', features: marks });
}
/** Where the marked valves stand. @type {Map<string, number[]>} */ const marked = new Map();

function remember() {
  if (!map) return;
  const centre = map.getCenter();
  history.replaceState(null, '', toHash({ zoom: map.getZoom(), lon: centre.lng, lat: centre.lat, id: picked ? picked.id : undefined }));
}

let turn = 0;
/** @param {string} id @param {{fly?: boolean}} [how] */
async function pick(id, how = {}) {
  const mine = ++turn;
  try {
    const [feature, more] = await Promise.all([api.get(`/api/assets/${encodeURIComponent(id)}`), api.get(`/api/assets/${encodeURIComponent(id)}/identify`)]);
    if (mine !== turn) return;
    picked = { id, kind: feature.properties.asset_kind, properties: { ...feature.properties, id }, geometry: feature.geometry, more };
    drawPicked(); drawMap(); remember();
    if (how.fly && map) frame([feature.geometry], 17.5);
  } catch (error) { if (mine === turn) complain(error); }
}

/** @param {any[]} geometries @param {number} nearest */
function frame(geometries, nearest) {
  const box = bounds(geometries);
  // On a telephone what is picked lies over the lower half of the map.
  const sheet = innerWidth <= 900 && !side.hidden ? side.offsetHeight : 0;
  if (box) map.fitBounds(box, { padding: { top: sheet ? 100 : 90, bottom: sheet + (sheet ? 20 : 90), left: sheet ? 30 : 90, right: sheet ? 30 : 90 }, maxZoom: nearest, duration: 0 });
}

/** Bring a trace into view when some of it lies outside. @param {import('./network/plan.js').Found} traced */
function show(traced) {
  const ends = traced.valves.map((v) => ({ coordinates: [v.lon, v.lat] }));
  const box = map && bounds([traced.lines, traced.unintended, ...ends]);
  if (!box) return;
  const seen = map.getBounds();
  if (innerWidth <= 900 || !seen.contains(box[0]) || !seen.contains(box[1])) frame([traced.lines, traced.unintended, ...ends], map.getZoom());
}

function unpick() {
  turn += 1;
  picked = null;
  drawPicked(); drawMap(); remember();
}

/** @param {string} kind @param {string} [id] */
async function trace(kind, id) {
  const target = id || (picked && tracesOf(picked.kind).includes(kind) ? picked.id : null);
  if (!target) { toast(gettext('Pick something in the network first: click it, or press / and type its number.')); return; }
  const sewer = picked && (picked.kind === 'sewer' || picked.kind === 'manhole');
  const query = new URLSearchParams({ kind });
  if (whatIf.inoperable.size) query.set('inoperable', Array.from(whatIf.inoperable).join(','));
  if (whatIf.closed.size) query.set('closed', Array.from(whatIf.closed).join(','));
  const mine = ++turn;
  stage.dataset.busy = 'true';
  try {
    const answer = await api.get(sewer ? `/api/sewers/${encodeURIComponent(target)}/run?direction=${kind}` : `/api/trace/${encodeURIComponent(target)}?${query}`);
    if (mine !== turn) return;
    traced = { id: target, kind };
    found = readTrace({ target, ...answer }, kind);
    drawPicked(); drawMap();
    side.scrollTop = 0;
    show(found);
  } catch (error) { if (mine === turn) complain(error); } finally { delete stage.dataset.busy; }
}

function clear() { found = null; traced = null; whatIf.inoperable.clear(); whatIf.closed.clear(); marked.clear(); drawPicked(); drawMap(); }

/** None, will not turn, shut already, none again. @param {string} id @param {'inoperable' | 'closed' | null} [as] */
async function mark(id, as) {
  const next = as !== undefined ? as : whatIf.inoperable.has(id) ? 'closed' : whatIf.closed.has(id) ? null : 'inoperable';
  whatIf.inoperable.delete(id); whatIf.closed.delete(id); marked.delete(id);
  if (next) {
    whatIf[next].add(id);
    const known = picked && picked.id === id && picked.geometry ? picked.geometry : null;
    const listed = found && found.valves.find((v) => v.id === id);
    marked.set(id, known ? known.coordinates : listed ? [listed.lon, listed.lat] : await placeOf(id));
  }
  drawPicked(); drawMap();
  if (traced && traced.kind === 'isolate') await trace('isolate', traced.id);
}

/** @param {string} id */
async function placeOf(id) {
  const feature = await api.get(`/api/assets/${encodeURIComponent(id)}`).catch(() => null);
  return feature ? feature.geometry.coordinates : [0, 0];
}

function markPicked() {
  if (picked && picked.kind === 'valve') mark(picked.id);
  else toast(gettext('Pick a valve first: what if it will not turn, or is shut already?'));
}

/** @param {boolean} [open] */
function layers(open) {
  const now = open === undefined ? stage.dataset.layers !== 'open' : open;
  stage.dataset.layers = now ? 'open' : 'shut';
  $('#layers-button').setAttribute('aria-pressed', String(now));
  try { localStorage.setItem('standpipe.network.panel', now ? 'open' : 'shut'); } catch { /* private window */ }
  drawSide();
  if (map) map.resize();
}

function recolour() {
  if (!map) return;
  map.setPaintProperty('pipes', 'line-color', colourOf(choice, theme, summary, plainColour(theme)));
}

/** @param {'length' | 'area'} sort */
function measure(sort) {
  if (!tape) return;
  if (tape.sort === sort) tape.end(); else { tape.end(); tape.begin(sort); }
  $('#measure-button').setAttribute('aria-pressed', String(tape.sort === 'length'));
  $('#area-button').setAttribute('aria-pressed', String(tape.sort === 'area'));
}

function escape() {
  if (tape && tape.sort) measure(tape.sort);
  else if (found) clear();
  else if (picked) unpick();
  else if (stage.dataset.layers === 'open' && innerWidth < 900) layers(false);
}

/** @param {any} event */
function clicked(event) {
  const at = [event.lngLat.lng, event.lngLat.lat];
  if (tape.sort) { tape.add(at); return; }
  const reach = 6;
  const box = [[event.point.x - reach, event.point.y - reach], [event.point.x + reach, event.point.y + reach]];
  const hits = map.queryRenderedFeatures(box, { layers: PICKED_FROM.map(([layer]) => layer).filter((layer) => map.getLayer(layer)) });
  for (const [layer, kind] of PICKED_FROM) {
    const hit = hits.find((/** @type {any} */ f) => f.layer.id === layer);
    if (!hit) continue;
    if (kind === 'pipe' && !hit.properties.id) { toast(gettext('From this far mains are drawn together. Zoom in to pick one.')); return; }
    if (kind === 'premise') {
      const line = map.querySourceFeatures('services', { sourceLayer: 'services' }).find((/** @type {any} */ f) => f.properties.premise === hit.properties.id);
      turn += 1;
      picked = { id: hit.properties.id, kind, properties: hit.properties, geometry: hit.geometry, more: line ? line.properties.id : '' };
      drawPicked(); drawMap();
      return;
    }
    pick(String(hit.properties.id));
    return;
  }
  if (picked) unpick();
}

/** @param {any} event */
function pointed(event) { $('#pointer').textContent = `${event.lngLat.lng.toFixed(6)}, ${event.lngLat.lat.toFixed(6)}`; }

/** @param {import('./network/permalink.js').Where} where */
function go(where) {
  if (!map) return;
  if (where.zoom !== undefined && where.lon !== undefined) map.jumpTo({ center: [where.lon, where.lat], zoom: where.zoom });
  if (where.id) pick(where.id, { fly: where.zoom === undefined });
  else if (where.zoom !== undefined && hashIsPlace()) map.put('picked', { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [where.lon, where.lat] } });
}
const hashIsPlace = () => location.hash.startsWith('#at=');

onDo(document.body, {
  layers: () => layers(), measure: () => measure('length'), area: () => measure('area'), fit: () => { if (found) frame([found.lines, found.unintended], 18); }, clear, unpick,
  pick: (b) => { pick(b.dataset.id || '', { fly: true }); }, trace: (b) => { trace(b.dataset.kind || 'isolate'); }, mark: markPicked,
  stuck: (b) => { mark(b.dataset.id || '', 'inoperable'); }, unmark: (b) => { mark(b.dataset.id || '', null); },
});
$('#layers').addEventListener('change', (event) => {
  const field = event.target;
  if (field instanceof HTMLSelectElement) {
    choice = /** @type {any} */ (field.value);
    try { localStorage.setItem('standpipe.network.colour', choice); } catch { /* private window */ }
    recolour(); drawSide();
  } else if (field instanceof HTMLInputElement && field.dataset.layer) {
    shown = { ...shown, [field.dataset.layer]: field.checked };
    save(shown);
    if (map) apply(map, shown);
  }
});

const seek = finder($('#find'), (id) => { pick(id, { fly: true }); });
keys(
  { key: '/', text: gettext('find an asset by its number'), run: () => seek.focus() },
  { key: 'i', text: gettext('isolate what is picked'), run: () => trace('isolate') }, { key: 'u', text: gettext('upstream of it'), run: () => trace('upstream') },
  { key: 'd', text: gettext('downstream of it'), run: () => trace('downstream') }, { key: 'c', text: gettext('connected to it'), run: () => trace('connected') },
  { key: 's', text: gettext('its way to the source'), run: () => trace('source_path') }, { key: 'x', text: gettext('what if this valve will not turn, or is shut already'), run: markPicked },
  { key: 'm', text: gettext('measure a length'), run: () => measure('length') }, { key: 'a', text: gettext('measure an area'), run: () => measure('area') },
  { key: 'l', text: gettext('layers and legend'), run: () => layers() }, { key: 'Escape', text: gettext('end measuring, clear the trace, close'), run: escape },
  { key: '?', text: gettext('Keys of this page'), run: showKeys },
);
placesGo((place) => { if (place.asset) pick(place.asset, { fly: true }); else go({ zoom: 17, lon: place.lon, lat: place.lat }); });
on('incident.changed order.changed resumed', () => { if (map) map.renew(); });
addEventListener('hashchange', () => go(fromHash(location.hash)));

let panel = innerWidth >= 900 ? 'open' : 'shut';
try { if (innerWidth >= 900) panel = localStorage.getItem('standpipe.network.panel') || panel; } catch { /* private window */ }
layers(panel === 'open');
api.get('/api/network').then((data) => { summary = data; drawSide(); recolour(); }).catch(complain);

const asked = fromHash(location.hash);
makeMap($('#map'), { look: { style: networkStyle, layers: addWork }, living: ['valves', 'premises', 'shutoffs'], theme,
  onFail: (why) => { const note = $('#map-note'); note.textContent = why; note.hidden = false; }, onError: (why) => toast(why) }).then((made) => {
  map = made;
  if (!map) return;
  Object.defineProperty(window, '__map', { value: map });
  tape = ruler(map, (text) => { const told = $('#measured'); told.textContent = text; told.hidden = !text; });
  apply(map, shown); recolour(); drawMap();
  map.on('click', clicked);
  map.on('mousemove', pointed);
  let zoom = Math.floor(map.getZoom() * 2);
  const moved = () => { $('#zoom').textContent = map.getZoom().toFixed(1); remember(); const now = Math.floor(map.getZoom() * 2); if (now !== zoom) { zoom = now; drawSide(); } };
  map.on('moveend', moved);
  $('#zoom').textContent = map.getZoom().toFixed(1);
  for (const [layer] of PICKED_FROM) {
    map.on('mouseenter', layer, () => { if (!tape.sort) map.getCanvas().style.cursor = 'pointer'; });
    map.on('mouseleave', layer, () => { if (!tape.sort) map.getCanvas().style.cursor = ''; });
  }
  go(asked);
  stage.dataset.ready = 'true';
});
