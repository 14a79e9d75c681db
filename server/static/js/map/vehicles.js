// @ts-check
// Vehicles as the map draws them: an arrow where they head, a circle as wide as the fix is vague, the
// track of a crew.
import { gettext } from '../i18n.js';
import { clock, span } from '../time.js';

const EMPTY = { type: 'FeatureCollection', features: [] };
const INK = { light: { dark: '#16202a', paper: '#ffffff', vague: '#5b6773', track: '#6b2fa0' }, dark: { dark: '#e6edf2', paper: '#10161c', vague: '#8b98a3', track: '#c79bf2' } };
const METRES_PER_DEGREE = 111320;
const MOVES_MPS = 1;

/** @param {any} map @param {'light' | 'dark'} theme */
export function addVehicleLayers(map, theme) {
  const c = INK[theme];
  const below = map.getLayer('crews') ? 'crews' : undefined;
  for (const id of ['vehicles', 'vehicle-accuracy', 'track']) map.addSource(id, { type: 'geojson', data: EMPTY });
  map.addImage('vehicle-arrow', arrow(c), { pixelRatio: 2 });
  map.addImage('vehicle-dot', dot(c), { pixelRatio: 2 });
  map.addLayer({ id: 'vehicle-accuracy', type: 'fill', source: 'vehicle-accuracy', minzoom: 13, paint: { 'fill-color': c.vague, 'fill-opacity': 0.14, 'fill-outline-color': c.vague } }, below);
  map.addLayer({ id: 'track-case', type: 'line', source: 'track', filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-join': 'round' }, paint: { 'line-color': c.paper, 'line-width': 6 } }, below);
  map.addLayer({ id: 'track', type: 'line', source: 'track', filter: ['==', ['geometry-type'], 'LineString'], layout: { 'line-join': 'round' }, paint: { 'line-color': c.track, 'line-width': 3 } }, below);
  map.addLayer({ id: 'track-hours', type: 'symbol', source: 'track', filter: ['==', ['geometry-type'], 'Point'], layout: { 'text-field': ['get', 'label'], 'text-font': ['Map Bold'], 'text-size': 11, 'text-offset': [0, -0.9] }, paint: { 'text-color': c.track, 'text-halo-color': c.paper, 'text-halo-width': 1.5 } });
  map.addLayer({ id: 'vehicles', type: 'symbol', source: 'vehicles', layout: { 'icon-image': ['get', 'icon'], 'icon-rotate': ['get', 'turn'], 'icon-rotation-alignment': 'map', 'icon-allow-overlap': true, 'text-field': ['step', ['zoom'], ['case', ['get', 'alone'], ['get', 'label'], ''], 13.5, ['get', 'label']], 'text-font': ['Map Regular'], 'text-size': 11, 'text-offset': [0, 2.6], 'text-optional': true },
    paint: { 'icon-opacity': ['case', ['get', 'stale'], 0.4, 1], 'text-color': c.dark, 'text-opacity': ['case', ['get', 'stale'], 0.6, 1], 'text-halo-color': c.paper, 'text-halo-width': 1.5 } }, below);
}

/** A tip that stands out from under the crew's sign. @param {typeof INK.light} c */
function arrow(c) {
  const pen = canvas();
  pen.beginPath(); pen.moveTo(24, 0); pen.lineTo(33, 15); pen.lineTo(24, 11); pen.lineTo(15, 15); pen.closePath();
  pen.lineWidth = 3; pen.strokeStyle = c.paper; pen.stroke(); pen.fillStyle = c.dark; pen.fill();
  return pen.getImageData(0, 0, 96, 96);
}

/** @param {typeof INK.light} c */
function dot(c) {
  const pen = canvas();
  pen.beginPath(); pen.arc(24, 24, 7, 0, 7); pen.lineWidth = 4; pen.strokeStyle = c.paper; pen.stroke();
  pen.fillStyle = c.dark; pen.fill();
  return pen.getImageData(0, 0, 96, 96);
}

function canvas() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 96;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.scale(2, 2);
  return pen;
}

/** km/h as drivers read it; '' while it stands. @param {number | null | undefined} mps */
export function speedText(mps) {
  return typeof mps === 'number' && mps >= MOVES_MPS ? gettext('%(n)s km/h', { n: Math.round(mps * 3.6) }) : '';
}

const WAYS = [() => gettext('north'), () => gettext('north-east'), () => gettext('east'), () => gettext('south-east'), () => gettext('south'), () => gettext('south-west'), () => gettext('west'), () => gettext('north-west')];

/** @param {number | null | undefined} heading degrees from north */
export function wayText(heading) {
  return typeof heading === 'number' ? WAYS[Math.round(heading / 45) % 8]() : '';
}

/** Seconds since the fix. @param {any} v @param {number} now ms */
export function ageOf(v, now) { return Math.max(0, (now - Date.parse(v.fix_time)) / 1000); }

/** @param {Iterable<any>} vehicles @param {number} staleAfter seconds @param {number} now ms */
export function vehicleData(vehicles, staleAfter, now) {
  const features = [];
  for (const v of vehicles) {
    const age = ageOf(v, now);
    const stale = age > staleAfter;
    const moves = !stale && typeof v.heading === 'number' && (v.speed_mps || 0) >= MOVES_MPS;
    if (!moves && v.crew && !stale) { features.push(point(v, { icon: '', turn: 0, stale, alone: false, label: v.plate || '' })); continue; }
    const label = [v.plate, stale ? span(age) : speedText(v.speed_mps)].filter(Boolean).join(' · ');
    features.push(point(v, { icon: moves ? 'vehicle-arrow' : v.crew ? '' : 'vehicle-dot', turn: moves ? v.heading : 0, stale, alone: !v.crew, label }));
  }
  return { type: 'FeatureCollection', features };
}

/** @param {any} v @param {any} properties */
function point(v, properties) {
  return { type: 'Feature', geometry: { type: 'Point', coordinates: [v.lon, v.lat] }, properties: { device: v.device, ...properties } };
}

/** The ground within which each vehicle is, as its receiver says. @param {Iterable<any>} vehicles */
export function accuracyData(vehicles) {
  const features = [];
  for (const v of vehicles) {
    if (!(v.accuracy_m > 3)) continue;
    const high = v.accuracy_m / METRES_PER_DEGREE;
    const wide = high / Math.cos((v.lat * Math.PI) / 180);
    const ring = Array.from({ length: 33 }, (_, i) => [v.lon + wide * Math.cos((i * Math.PI) / 16), v.lat + high * Math.sin((i * Math.PI) / 16)]);
    features.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [ring] } });
  }
  return { type: 'FeatureCollection', features };
}

const BREAK_S = 300;

/** A track as lines, cut where nothing was heard for five minutes, with the hour at some points.
 * @param {any[]} fixes [lon, lat, time, flag, …] in order of time */
export function trackData(fixes) {
  const good = fixes.filter((f) => f[3] === '' || f[3] === 'late');
  /** @type {any[]} */ const features = [];
  /** @type {number[][]} */ let line = [];
  let before = 0;
  let labelled = -Infinity;
  const end = () => { if (line.length > 1) features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: line } }); line = []; };
  for (const [lon, lat, time] of good) {
    const at = Date.parse(time);
    if (before && at - before > BREAK_S * 1000) end();
    line.push([lon, lat]);
    before = at;
    if (at - labelled >= 900000) {
      labelled = at;
      features.push({ type: 'Feature', properties: { label: clock(time) }, geometry: { type: 'Point', coordinates: [lon, lat] } });
    }
  }
  end();
  return { type: 'FeatureCollection', features };
}
