// @ts-check
// What moves and matters, above the utility map: incidents, crews, the route, the shut-off.
import { LETTER } from './icons.js';
import { PALETTE } from './style.js';
import { span } from '../time.js';

const EMPTY = { type: 'FeatureCollection', features: [] };

/** @param {any} map @param {'light' | 'dark'} theme */
export function addLayers(map, theme) {
  const c = PALETTE[theme];
  for (const id of ['shutoff', 'suspects', 'suspect-calls', 'route', 'plan-valves', 'incidents', 'chosen', 'crews', 'pin']) map.addSource(id, { type: 'geojson', data: EMPTY, promoteId: 'id' });
  const text = { 'text-font': ['Map Bold'], 'text-size': 12 };
  // A hatched area around every pipe without water; the pipes themselves on top of it.
  map.addLayer({ id: 'shutoff-area', type: 'fill', source: 'shutoff', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-pattern': 'hatch', 'fill-opacity': ['case', ['get', 'unintended'], 0.4, 0.7] } }, 'pipes-case');
  map.addLayer({ id: 'shutoff-line', type: 'line', source: 'shutoff', filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-cap': 'round' }, paint: { 'line-color': c.off, 'line-width': ['case', ['get', 'unintended'], 2.5, 4] } });
  // The likelier, the broader: mains that may be open, and from where people called.
  const likely = ['interpolate', ['linear'], ['sqrt', ['get', 'probability']], 0, 3, 1, 14];
  map.addLayer({ id: 'suspects-case', type: 'line', source: 'suspects', layout: { 'line-cap': 'round' }, paint: { 'line-color': c.routeCase, 'line-width': ['+', 3, likely] } });
  map.addLayer({ id: 'suspects', type: 'line', source: 'suspects', layout: { 'line-cap': 'round' }, paint: { 'line-color': c.suspect, 'line-width': likely, 'line-opacity': ['interpolate', ['linear'], ['get', 'probability'], 0, 0.35, 0.3, 0.95] } });
  map.addLayer({ id: 'suspect-calls', type: 'circle', source: 'suspect-calls', paint: { 'circle-radius': 6, 'circle-color': c.paper, 'circle-stroke-color': c.suspect, 'circle-stroke-width': 3 } });
  map.addLayer({ id: 'route-case', type: 'line', source: 'route', layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c.routeCase, 'line-width': 8 } });
  map.addLayer({ id: 'route-line', type: 'line', source: 'route', layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c.route, 'line-width': 4.5 } });
  map.addLayer({ id: 'plan-valves', type: 'symbol', source: 'plan-valves', layout: { 'icon-image': ['concat', 'order-', ['get', 'state']], 'icon-allow-overlap': true, 'icon-size': 0.85, 'icon-offset': ['array', 'number', 2, ['get', 'icon']], 'text-offset': ['array', 'number', 2, ['get', 'text']], 'text-field': ['to-string', ['get', 'sequence']], ...text, 'text-size': 13, 'text-allow-overlap': true },
    paint: { 'text-color': ['case', ['==', ['get', 'state'], 'closed'], c.paper, c.off] } });
  map.addLayer({ id: 'chosen', type: 'symbol', source: 'chosen', layout: { 'icon-image': 'incident-chosen', 'icon-allow-overlap': true } });
  map.addLayer({ id: 'incidents', type: 'symbol', source: 'incidents', layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'symbol-sort-key': ['get', 'sort'], 'text-field': ['step', ['zoom'], '', 13, ['get', 'number']], ...text, 'text-offset': [0, 2.3], 'text-optional': true },
    paint: { 'text-color': c.ink, 'text-halo-color': c.halo, 'text-halo-width': 1.5 } });
  map.addLayer({ id: 'crews', type: 'symbol', source: 'crews', layout: { 'icon-image': ['get', 'icon'], 'icon-rotate': ['get', 'turn'], 'icon-rotation-alignment': 'map', 'icon-allow-overlap': true, 'icon-size': 0.8, 'text-field': ['get', 'label'], ...text, 'text-offset': [0, 1.5], 'text-optional': true },
    paint: { 'icon-opacity': ['case', ['get', 'stale'], 0.45, 1], 'text-color': c.ink, 'text-opacity': ['case', ['get', 'stale'], 0.7, 1], 'text-halo-color': c.halo, 'text-halo-width': 1.5 } });
  map.addLayer({ id: 'pin', type: 'circle', source: 'pin', paint: { 'circle-radius': 8, 'circle-color': c.route, 'circle-stroke-color': c.paper, 'circle-stroke-width': 3 } });
}

/** Water is back; what is left is paper. @param {any} p properties of an incident */
export function isOver(p) { return p.state === 'restored' || p.state === 'closed'; }

/** @param {any[]} features incidents as the API gives them */
export function incidentData(features) {
  return { type: 'FeatureCollection', features: features.filter((f) => f.geometry).map((f) => {
    const p = f.properties;
    const letter = LETTER[p.kind] || '?';
    return { type: 'Feature', geometry: pointOf(f.geometry), properties: { id: p.id, number: p.number, icon: isOver(p) ? `incident-over-${letter}` : `incident-${p.priority || 'P4'}-${letter}`, sort: isOver(p) ? 0 : 5 - Number((p.priority || 'P4').slice(1)) } };
  }) };
}

/** Any geometry as one point to put a sign on. @param {any} geometry */
export function pointOf(geometry) {
  let at = geometry.coordinates;
  while (Array.isArray(at[0])) at = at[Math.floor(at.length / 2)];
  return { type: 'Point', coordinates: at };
}

/** The sign of a crew by its state; off shift is not drawn. @param {string} state @param {number | null | undefined} heading */
export function crewIcon(state, heading) {
  if (state === 'off_duty' || state === 'out_of_service') return null;
  if (state === 'available') return { icon: 'crew-available', turn: 0 };
  if (state === 'en_route' || state === 'returning') return { icon: 'crew-en_route', turn: heading || 0 };
  if (['on_site', 'working', 'busy_no_interrupt', 'busy', 'isolating', 'isolated', 'repaired'].includes(state)) return { icon: 'crew-on_site', turn: 0 };
  return { icon: 'crew-other', turn: 0 };
}

/** @param {Iterable<any>} crews latest properties with lon, lat @param {number} staleAfter seconds @param {number} now ms */
export function crewData(crews, staleAfter, now) {
  const features = [];
  for (const crew of crews) {
    const sign = crewIcon(crew.state, crew.heading);
    if (!sign || typeof crew.lon !== 'number') continue;
    const age = crew.fix_time ? (now - Date.parse(crew.fix_time)) / 1000 : Infinity;
    const stale = age > staleAfter;
    features.push({ type: 'Feature', geometry: { type: 'Point', coordinates: [crew.lon, crew.lat] },
      properties: { id: crew.id, ...sign, stale, label: stale && Number.isFinite(age) ? `${crew.name} (${span(age)})` : String(crew.name || '') } });
  }
  return { type: 'FeatureCollection', features };
}

const METRES_PER_DEGREE = 111320;

/** The area within `metres` of lines, as one capsule per piece of line (they overlap; the hatch is
 * anchored to the ground, so overlaps look like one area). Display only: never measured.
 * @param {any} geometry LineString or MultiLineString @param {number} metres */
export function around(geometry, metres) {
  const lines = geometry.type === 'LineString' ? [geometry.coordinates] : geometry.coordinates || [];
  /** @type {number[][][][]} */
  const polygons = [];
  for (const line of lines) {
    for (let i = 1; i < line.length; i += 1) {
      const [a, b] = [line[i - 1], line[i]];
      const squeeze = Math.cos((a[1] * Math.PI) / 180);
      const direction = Math.atan2(b[1] - a[1], (b[0] - a[0]) * squeeze);
      const ring = [];
      for (const [end, from] of [[b, -90], [a, 90]]) {
        for (let step = 0; step <= 180; step += 30) {
          const angle = direction + ((/** @type {number} */ (from) + step) * Math.PI) / 180;
          const [x, y] = /** @type {number[]} */ (end);
          ring.push([x + (Math.cos(angle) * metres) / METRES_PER_DEGREE / squeeze, y + (Math.sin(angle) * metres) / METRES_PER_DEGREE]);
        }
      }
      ring.push(ring[0]);
      polygons.push([ring]);
    }
  }
  return { type: 'MultiPolygon', coordinates: polygons };
}

/** @param {any} plan */
export function planData(plan) {
  const shutoff = [];
  for (const [lines, unintended] of plan ? [[plan.pipes, false], [plan.unintended, true]] : []) {
    if (!lines || !lines.coordinates || !lines.coordinates.length) continue;
    shutoff.push({ type: 'Feature', properties: { unintended }, geometry: around(lines, 16) }, { type: 'Feature', properties: { unintended }, geometry: lines });
  }
  const list = ((plan && plan.valves) || []).filter((/** @type {any} */ v) => typeof v.lon === 'number' && v.state !== 'dropped');
  const offsets = spread(list);
  const valves = list.map((/** @type {any} */ v, /** @type {number} */ i) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [v.lon, v.lat] }, properties: { id: v.id, sequence: v.sequence, state: valveState(v.state), icon: offsets[i].map((px) => px / 0.85), text: offsets[i].map((px) => px / 13) } }));
  return { shutoff: { type: 'FeatureCollection', features: shutoff }, valves: { type: 'FeatureCollection', features: valves } };
}

/** A probable burst: the mains it may be, weighted, and where the calls came from. @param {any} burst */
export function suspectData(burst) {
  const mains = ((burst && burst.candidates) || []).filter((/** @type {any} */ c) => c.geometry && c.probability >= 0.005).reverse();
  const calls = (burst && burst.reports) || [];
  return {
    mains: { type: 'FeatureCollection', features: mains.map((/** @type {any} */ c) => ({ type: 'Feature', geometry: c.geometry, properties: { id: c.pipe, probability: c.probability } })) },
    calls: { type: 'FeatureCollection', features: calls.map((/** @type {any} */ r) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [r.lon, r.lat] }, properties: { id: r.ticket } })) },
  };
}

/** A route as a feature, whether it came as GeoJSON or as bare coordinates.
 * @param {any} way @returns {any} */
export function asLine(way) {
  if (!way) return null;
  const geometry = Array.isArray(way) ? { type: 'LineString', coordinates: way } : way.geometry ? asLine(way.geometry).geometry : way;
  return { type: 'Feature', properties: {}, geometry };
}

/** Numbered discs of valves that stand in one chamber are pulled apart, so that every number can be
 * read. Offsets in pixels by place in the list. @param {{lon: number, lat: number}[]} valves @param {number} metres */
export function spread(valves, metres = 14) {
  const groups = /** @type {number[][]} */ ([]);
  valves.forEach((v, i) => {
    const near = groups.find((g) => {
      const o = valves[g[0]];
      return Math.hypot((v.lon - o.lon) * Math.cos((v.lat * Math.PI) / 180), v.lat - o.lat) * METRES_PER_DEGREE < metres;
    });
    if (near) near.push(i); else groups.push([i]);
  });
  const offsets = valves.map(() => [0, 0]);
  for (const g of groups) {
    if (g.length < 2) continue;
    const radius = 11 + 5 * g.length;
    g.forEach((i, n) => { const angle = (n / g.length) * 2 * Math.PI - Math.PI / 2; offsets[i] = [Math.round(radius * Math.cos(angle)), Math.round(radius * Math.sin(angle))]; });
  }
  return offsets;
}

/** @param {string} state */
function valveState(state) { return state === 'closed' || state === 'cannot_close' ? state : 'open'; }

/** Box around geometries, for fitting: [[w, s], [e, n]] or null. @param {any[]} geometries */
export function bounds(geometries) {
  let [w, s, e, n] = [Infinity, Infinity, -Infinity, -Infinity];
  /** @param {any} at */
  function walk(at) {
    if (!Array.isArray(at)) return;
    if (typeof at[0] === 'number') { w = Math.min(w, at[0]); e = Math.max(e, at[0]); s = Math.min(s, at[1]); n = Math.max(n, at[1]); } else at.forEach(walk);
  }
  for (const g of geometries) if (g) walk(g.coordinates);
  return w === Infinity ? null : [[w, s], [e, n]];
}
