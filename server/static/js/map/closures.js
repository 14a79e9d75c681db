// @ts-check
// Closed and slow streets, and the ground within some minutes, as the map draws them.
import { gettext } from '../i18n.js';
import { clock } from '../time.js';

const EMPTY = { type: 'FeatureCollection', features: [] };
/** Barrier stripes: told by their pattern and brightness, not by their hue. */
const INK = { light: { dark: '#16202a', bright: '#f2c230', paper: '#ffffff', within: '#0f7a6c' }, dark: { dark: '#05090c', bright: '#f4c83f', paper: '#10161c', within: '#45c4b0' } };
const SHOWN = new Set(['suggested', 'planned', 'in_force']);

/** @param {any} map @param {'light' | 'dark'} theme */
export function addClosureLayers(map, theme) {
  const c = INK[theme];
  const before = map.getLayer('pipes-case') ? 'pipes-case' : undefined;
  const over = map.getLayer('route-case') ? 'route-case' : undefined;
  for (const id of ['within', 'closures', 'closing']) map.addSource(id, { type: 'geojson', data: EMPTY });
  map.addImage('street-closed', sign(c, false), { pixelRatio: 2 });
  map.addImage('street-slow', sign(c, true), { pixelRatio: 2 });
  map.addLayer({ id: 'within-area', type: 'fill', source: 'within', paint: { 'fill-color': c.within, 'fill-opacity': 0.09 } }, before);
  map.addLayer({ id: 'within-edge', type: 'line', source: 'within', paint: { 'line-color': c.within, 'line-width': 1.6 } }, before);
  map.addLayer({ id: 'within-label', type: 'symbol', source: 'within', layout: { 'symbol-placement': 'line', 'text-field': ['get', 'label'], 'text-font': ['Map Bold'], 'text-size': 12, 'symbol-spacing': 260 }, paint: { 'text-color': c.within, 'text-halo-color': c.paper, 'text-halo-width': 2 } });
  const width = ['interpolate', ['exponential', 1.5], ['zoom'], 11, 3, 15, 8, 18, 18];
  const line = ['==', ['geometry-type'], 'LineString'];
  const strength = ['match', ['get', 'state'], 'in_force', 1, 'planned', 0.45, 0.8];
  /** @param {...any} more */
  const lines = (...more) => ['all', line, ...more];
  const closed = ['==', ['get', 'kind'], 'closed'];
  const slow = ['==', ['get', 'kind'], 'slowed'];
  const asked = ['==', ['get', 'state'], 'suggested'];
  map.addLayer({ id: 'closure-area', type: 'line', source: 'closures', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'line-color': c.dark, 'line-width': 1.5, 'line-dasharray': [3, 2], 'line-opacity': strength } }, over);
  map.addLayer({ id: 'closure-case', type: 'line', source: 'closures', filter: lines(closed, ['!', asked]), paint: { 'line-color': c.dark, 'line-width': width, 'line-opacity': strength } }, over);
  map.addLayer({ id: 'closure-stripes', type: 'line', source: 'closures', filter: lines(closed, ['!', asked]), paint: { 'line-color': c.bright, 'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 11, 2, 15, 6, 18, 14], 'line-dasharray': [0.9, 0.9], 'line-opacity': strength } }, over);
  map.addLayer({ id: 'closure-asked', type: 'line', source: 'closures', filter: lines(asked), paint: { 'line-color': c.dark, 'line-width': 3, 'line-gap-width': 5, 'line-dasharray': [1.5, 1.2] } }, over);
  map.addLayer({ id: 'closure-slow', type: 'line', source: 'closures', filter: lines(slow), layout: { 'line-cap': 'round' }, paint: { 'line-color': c.dark, 'line-width': 5, 'line-dasharray': [0.1, 1.8], 'line-opacity': strength } }, over);
  map.addLayer({ id: 'closing-area', type: 'fill', source: 'closing', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': c.bright, 'fill-opacity': 0.3 } });
  map.addLayer({ id: 'closing-line', type: 'line', source: 'closing', filter: ['!=', ['geometry-type'], 'Point'], paint: { 'line-color': c.dark, 'line-width': 3, 'line-dasharray': [2, 1] } });
  map.addLayer({ id: 'closing-corner', type: 'circle', source: 'closing', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 5, 'circle-color': c.bright, 'circle-stroke-color': c.dark, 'circle-stroke-width': 2 } });
  map.addLayer({ id: 'closure-sign', type: 'symbol', source: 'closures', filter: ['==', ['geometry-type'], 'Point'], layout: { 'icon-image': ['match', ['get', 'kind'], 'slowed', 'street-slow', 'street-closed'], 'icon-allow-overlap': true, 'icon-size': 0.8, 'text-field': ['step', ['zoom'], '', 13, ['get', 'label']], 'text-font': ['Map Bold'], 'text-size': 12, 'text-offset': [0, 1.4], 'text-anchor': 'top', 'text-optional': true },
    paint: { 'icon-opacity': strength, 'text-color': theme === 'dark' ? '#e6edf2' : c.dark, 'text-halo-color': c.paper, 'text-halo-width': 2 } });
}

/** No entry: a disc with a bar. Slow: a disc with two dots. @param {typeof INK.light} c @param {boolean} slow */
function sign(c, slow) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.scale(2, 2);
  pen.beginPath(); pen.arc(16, 16, 12, 0, 7); pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke();
  pen.fillStyle = c.dark; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = c.bright; pen.stroke();
  pen.fillStyle = c.bright;
  if (slow) { for (const x of [11.5, 20.5]) { pen.beginPath(); pen.arc(x, 16, 3, 0, 7); pen.fill(); } } else pen.fillRect(8, 13, 16, 6);
  return pen.getImageData(0, 0, 64, 64);
}

/** Until when, in as few words as fit under a sign. @param {any} change */
export function untilText(change) {
  if (change.state === 'planned') return gettext('from %(time)s', { time: clock(change.starts_at) });
  if (change.state === 'suggested') return gettext('close it?');
  return change.ends_at ? gettext('until %(time)s', { time: clock(change.ends_at) }) : gettext('until lifted');
}

/** @param {any[]} changes as GET /api/streets/changes gives them; those over are not drawn */
export function closureData(changes) {
  const features = [];
  for (const change of changes.filter((one) => SHOWN.has(one.state))) {
    const properties = { id: change.id, kind: change.kind, state: change.state, label: untilText(change) };
    const lines = change.course.coordinates;
    for (const coordinates of lines) features.push({ type: 'Feature', properties, geometry: { type: 'LineString', coordinates } });
    if (change.area && change.kind) features.push({ type: 'Feature', properties, geometry: change.area });
    const at = signPlace(change);
    if (at) features.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } });
  }
  return { type: 'FeatureCollection', features };
}

/** Where the sign stands: in the middle of the longest stretch. @param {any} change @returns {number[] | null} */
export function signPlace(change) {
  /** @type {number[][]} */ let best = [];
  let most = -1;
  for (const line of change.course.coordinates) {
    const long = lengthOf(line);
    if (long > most) { most = long; best = line; }
  }
  if (!best.length) return null;
  let left = most / 2;
  for (let i = 1; i < best.length; i += 1) {
    const step = lengthOf([best[i - 1], best[i]]);
    if (step >= left && step > 0) return [0, 1].map((k) => best[i - 1][k] + ((best[i][k] - best[i - 1][k]) * left) / step);
    left -= step;
  }
  return best[best.length - 1];
}

/** In degrees of latitude, good enough to compare. @param {number[][]} line */
function lengthOf(line) {
  let sum = 0;
  for (let i = 1; i < line.length; i += 1) sum += Math.hypot((line[i][0] - line[i - 1][0]) * Math.cos((line[i][1] * Math.PI) / 180), line[i][1] - line[i - 1][1]);
  return sum;
}

/** @param {any} answer of GET /api/streets/isochrone */
export function withinData(answer) {
  return { type: 'FeatureCollection', features: answer.features.filter((/** @type {any} */ f) => f.properties.what === 'area').map((/** @type {any} */ f) => ({ ...f, properties: { ...f.properties, label: gettext('%(n)s min', { n: f.properties.minutes }) } })) };
}
