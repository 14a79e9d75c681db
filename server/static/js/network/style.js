// @ts-check
// The utility map as an engineer reads it: the streets of every map, and all of the network upon them.
import { PALETTE, pipeWidth, style as cityStyle } from '../map/style.js';
import { around } from '../map/layers.js';
import { MORE, addSigns, valveSign } from './signs.js';

/** What a click can mean, nearest to the finger first. [style layer, kind] */
export const PICKED_FROM = [['valves', 'valve'], ['controls', 'control'], ['controls-line', 'control'], ['hydrants', 'hydrant'], ['sources', 'node'], ['stations', 'station'], ['manholes', 'manhole'],
  ['nodes', 'node'], ['premises-off', 'premise'], ['premises', 'premise'], ['services', 'service'], ['pipes', 'pipe'], ['pipes-case', 'pipe'], ['sewers', 'sewer']];

const OURS = new Set(['pipes-case', 'pipes', 'pipes-closed', 'premises', 'hydrants', 'valves', 'pipe-names']);
const EMPTY = { type: 'FeatureCollection', features: [] };
const zoomed = (/** @type {any[]} */ ...stops) => ['interpolate', ['linear'], ['zoom'], ...stops];
const isClosed = ['to-boolean', ['get', 'closed']];

/** Plain: what the main is for, dark from DN300. @param {'light' | 'dark'} theme */
export function plainColour(theme) {
  const c = PALETTE[theme];
  return ['case', isClosed, c.pipeClosed, ['any', ['==', ['get', 'role'], 'transmission'], ['==', ['get', 'role'], 'raw'], ['>=', ['to-number', ['get', 'dn'], 0], 300]], c.main, c.pipe];
}

/** @param {'light' | 'dark'} theme @param {any} options */
export function networkStyle(theme, options) {
  const whole = /** @type {any} */ (cityStyle(theme, options));
  const c = { ...PALETTE[theme], ...MORE[theme] };
  const v = options.version ? `?v=${encodeURIComponent(options.version)}` : '';
  /** @param {string} layer @param {number} min @param {number} max */
  const source = (layer, min, max) => ({ type: 'vector', tiles: [`${options.origin}/tiles/${layer}/{z}/{x}/{y}.mvt${v}`], minzoom: min, maxzoom: max });
  for (const [layer, min, max] of /** @type {[string, number, number][]} */ ([['pipes', 9, 16], ['zones', 9, 14], ['zone_names', 9, 14], ['nodes', 16, 16], ['sources', 9, 14], ['controls', 12, 16], ['valves', 12, 16], ['hydrants', 14, 16],
    ['services', 16, 16], ['stations', 14, 16], ['premises', 14, 16], ['shutoffs', 10, 16], ['sewers', 12, 16], ['manholes', 15, 16]])) whole.sources[layer] = source(layer, min, max);
  /** @param {string} layer */
  const of = (layer) => ({ source: layer, 'source-layer': layer });
  const text = { 'text-font': ['Map Regular'], 'text-size': 11 };
  const halo = { 'text-halo-color': c.halo, 'text-halo-width': 1.6 };
  const round = { 'line-cap': 'round', 'line-join': 'round' };
  /** A name under a sign, from near. @param {string} id @param {string} layer @param {number} min @param {string} colour @param {number} [dy] */
  const nameOf = (id, layer, min, colour, dy = 1.1) => ({ id, type: 'symbol', ...of(layer), minzoom: min, layout: { ...text, 'text-field': ['get', 'id'], 'text-size': 10.5, 'text-offset': [0, dy], 'text-anchor': 'top', 'text-optional': true }, paint: { 'text-color': colour, ...halo } });
  const base = whole.layers.filter((/** @type {any} */ l) => !OURS.has(l.id));
  const [ground, names] = [base.filter((/** @type {any} */ l) => l.type !== 'symbol'), base.filter((/** @type {any} */ l) => l.type === 'symbol')];
  const pressure = ['==', ['get', 'kind'], 'pressure'];
  const label = ['concat', 'DN', ['to-string', ['get', 'dn']], ['case', ['==', ['coalesce', ['get', 'material'], ''], ''], '', ['concat', ' ', ['get', 'material']]], ['case', ['to-boolean', ['get', 'year']], ['concat', ' ', ['to-string', ['get', 'year']]], '']];
  whole.layers = [...ground,
    { id: 'zones-pressure', type: 'line', ...of('zones'), filter: pressure, layout: round, paint: { 'line-color': c.zone, 'line-width': zoomed(9, 1, 16, 3), 'line-dasharray': [4, 2, 1, 2], 'line-opacity': 0.85 } },
    { id: 'zones-dma', type: 'line', ...of('zones'), filter: ['!', pressure], layout: { ...round, visibility: 'none' }, paint: { 'line-color': c.dma, 'line-width': zoomed(9, 0.8, 16, 2.2), 'line-dasharray': [1, 2], 'line-opacity': 0.9 } },
    { id: 'sewers', type: 'line', ...of('sewers'), minzoom: 12, layout: round, paint: { 'line-color': ['match', ['get', 'carries'], 'storm', c.sewerSoft, c.sewer], 'line-opacity': zoomed(12, 0.55, 16, 0.75, 17, 1), 'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 12, 0.5, 15, ['interpolate', ['linear'], ['to-number', ['get', 'dn'], 200], 200, 1, 1000, 4], 18, ['interpolate', ['linear'], ['to-number', ['get', 'dn'], 200], 200, 3, 1000, 12]], 'line-dasharray': [3, 1.2] } },
    { id: 'shutoffs', type: 'line', ...of('shutoffs'), layout: round, paint: { 'line-color': c.off, 'line-opacity': ['case', ['to-boolean', ['get', 'unintended']], 0.18, 0.34], 'line-width': zoomed(10, 5, 14, 12, 18, 30) } },
    { id: 'services', type: 'line', ...of('services'), minzoom: 16, paint: { 'line-color': c.pipe, 'line-opacity': 0.65, 'line-width': zoomed(16, 0.6, 19, 2) } },
    { id: 'pipes-case', type: 'line', ...of('pipes'), minzoom: 14, layout: round, paint: { 'line-color': c.halo, 'line-opacity': 0.8, 'line-width': pipeWidth, 'line-gap-width': 1.2 } },
    { id: 'pipes', type: 'line', ...of('pipes'), layout: round, paint: { 'line-color': plainColour(theme), 'line-width': pipeWidth, 'line-opacity': ['case', isClosed, 0.6, 1] } },
    { id: 'pipes-core', type: 'line', ...of('pipes'), minzoom: 13, filter: ['==', ['get', 'role'], 'transmission'], layout: round, paint: { 'line-color': c.halo, 'line-width': zoomed(13, 0.6, 18, 3) } },
    { id: 'pipes-raw', type: 'line', ...of('pipes'), minzoom: 11, filter: ['==', ['get', 'role'], 'raw'], paint: { 'line-color': c.halo, 'line-width': zoomed(11, 0.8, 18, 5), 'line-dasharray': [2, 3] } },
    { id: 'pipes-closed', type: 'line', ...of('pipes'), minzoom: 12, filter: isClosed, paint: { 'line-color': c.off, 'line-width': zoomed(12, 1, 18, 2.5), 'line-dasharray': [1, 2] } },
    { id: 'pipes-flow', type: 'symbol', ...of('pipes'), minzoom: 15.5, filter: ['!=', ['to-number', ['get', 'flow'], 0], 0], layout: { 'symbol-placement': 'line', 'symbol-spacing': zoomed(15, 90, 18, 160), 'icon-image': 'n-flow', 'icon-rotate': ['case', ['==', ['get', 'flow'], -1], 180, 0], 'icon-rotation-alignment': 'map', 'icon-keep-upright': false, 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': zoomed(15, 0.8, 18, 1.25) } },
    { id: 'sewers-flow', type: 'symbol', ...of('sewers'), minzoom: 16.3, layout: { 'symbol-placement': 'line', 'symbol-spacing': zoomed(16, 170, 18, 130), 'icon-size': zoomed(16, 0.75, 18, 1), 'icon-image': 'n-sewer-flow', 'icon-rotation-alignment': 'map', 'icon-keep-upright': false, 'icon-allow-overlap': true, 'icon-ignore-placement': true } },
    { id: 'controls-line', type: 'line', ...of('controls'), minzoom: 13, paint: { 'line-color': c.main, 'line-width': zoomed(13, 1, 18, 4) } },
    { id: 'nodes', type: 'symbol', ...of('nodes'), minzoom: 17, filter: ['==', ['get', 'kind'], 'junction'], layout: { 'icon-image': 'n-node', 'icon-allow-overlap': true, 'icon-ignore-placement': true } },
    { id: 'manholes', type: 'symbol', ...of('manholes'), minzoom: 16, layout: { 'icon-image': ['match', ['get', 'kind'], 'outfall', 'n-outfall', 'gully', 'n-gully', 'pump', 'n-sewage-pump', 'n-manhole'], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': zoomed(16, 0.55, 18, 1.1) } },
    { id: 'premises', type: 'circle', ...of('premises'), minzoom: 16, filter: ['!', ['to-boolean', ['get', 'off']]], paint: { 'circle-radius': zoomed(16, 2, 19, 5), 'circle-color': ['match', ['get', 'use'], ['hospital', 'dialysis', 'school', 'care'], '#8a3fc0', c.premise], 'circle-stroke-color': c.halo, 'circle-stroke-width': 1 } },
    { id: 'premises-off', type: 'circle', ...of('premises'), minzoom: 14, filter: ['to-boolean', ['get', 'off']], paint: { 'circle-radius': zoomed(14, 2, 19, 6), 'circle-color': c.off, 'circle-stroke-color': ['match', ['get', 'use'], ['hospital', 'dialysis', 'school', 'care'], '#8a3fc0', c.halo], 'circle-stroke-width': ['match', ['get', 'use'], ['hospital', 'dialysis', 'school', 'care'], 3, 1] } },
    ...names,
    { id: 'sewer-names', type: 'symbol', ...of('sewers'), minzoom: 17.3, layout: { ...text, 'symbol-placement': 'line', 'text-field': ['step', ['zoom'], label, 18, ['concat', ['get', 'id'], '  ', label]], 'text-size': 10.5, 'text-offset': [0, 1], 'symbol-spacing': 320, 'text-padding': 6 }, paint: { 'text-color': c.sewer, ...halo } },
    { id: 'pipe-names', type: 'symbol', ...of('pipes'), minzoom: 16, layout: { ...text, 'symbol-placement': 'line', 'text-font': ['Map Bold'], 'text-field': ['step', ['zoom'], label, 18, ['concat', ['get', 'id'], '  ', label]], 'text-size': zoomed(16, 10, 19, 12), 'text-offset': [0, 1], 'symbol-spacing': 300, 'text-padding': 4, 'text-max-angle': 30 }, paint: { 'text-color': c.main, ...halo } },
    { id: 'stations', type: 'symbol', ...of('stations'), minzoom: 14, layout: { 'icon-image': 'n-station', 'icon-allow-overlap': true, 'icon-size': zoomed(14, 0.6, 18, 1) } },
    { id: 'hydrants', type: 'symbol', ...of('hydrants'), minzoom: 15, layout: { 'icon-image': ['case', ['to-boolean', ['get', 'fire_critical']], 'n-hydrant-fire', 'n-hydrant'], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': zoomed(15, 0.5, 18, 1) } },
    { id: 'controls', type: 'symbol', ...of('controls'), minzoom: 12, layout: { 'symbol-placement': 'line-center', 'icon-image': ['match', ['get', 'kind'], 'pump', 'n-pump', 'check', 'n-check', 'tcv', 'n-throttle', 'n-prv'], 'icon-rotation-alignment': 'map', 'icon-keep-upright': false, 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': zoomed(12, 0.55, 17, 1) } },
    { id: 'valves', type: 'symbol', ...of('valves'), minzoom: 12, filter: ['step', ['zoom'], ['!=', ['==', ['get', 'state'], 'closed'], ['!', ['to-boolean', ['get', 'normally_open']]]], 14, ['any', ['==', ['get', 'state'], 'closed'], ['==', ['get', 'operable'], 'no']], 15, true],
      layout: { 'icon-image': valveSign, 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'symbol-sort-key': ['case', ['==', ['get', 'state'], 'closed'], 2, ['==', ['get', 'operable'], 'no'], 1, 0],
        'icon-size': zoomed(12, 0.5, 15, ['case', ['any', ['==', ['get', 'state'], 'closed'], ['==', ['get', 'operable'], 'no']], 0.72, 0.42], 18, ['case', ['any', ['==', ['get', 'state'], 'closed'], ['==', ['get', 'operable'], 'no']], 1.05, 0.95]) } },
    { id: 'sources', type: 'symbol', ...of('sources'), layout: { ...text, 'text-font': ['Map Bold'], 'icon-image': ['match', ['get', 'kind'], 'tank', 'n-tank', 'n-reservoir'], 'icon-allow-overlap': true, 'icon-size': zoomed(9, 0.5, 15, 1), 'text-field': ['step', ['zoom'], '', 12, ['get', 'id']], 'text-offset': [0, 1.4], 'text-anchor': 'top', 'text-optional': true }, paint: { 'text-color': c.source, ...halo } },
    nameOf('valve-names', 'valves', 17.5, c.valve), nameOf('hydrant-names', 'hydrants', 18, c.hydrant), nameOf('node-names', 'nodes', 18.5, c.node, 0.5), nameOf('manhole-names', 'manholes', 17.5, c.sewer, 0.7), nameOf('control-names', 'controls', 15, c.main, 1.2),
    { id: 'shutoff-names', type: 'symbol', ...of('shutoffs'), minzoom: 13, layout: { ...text, 'symbol-placement': 'line', 'text-font': ['Map Bold'], 'text-field': ['get', 'number'], 'symbol-spacing': 400, 'text-offset': [0, -1.2], 'text-padding': 30 }, paint: { 'text-color': c.off, ...halo } },
    { id: 'zone-names-pressure', type: 'symbol', ...of('zone_names'), filter: pressure, layout: { ...text, 'text-font': ['Map Bold'], 'text-size': zoomed(9, 11, 15, 15), 'text-field': ['coalesce', ['get', 'name'], ['get', 'id']], 'text-letter-spacing': 0.08 }, paint: { 'text-color': c.zone, ...halo, 'text-halo-width': 2 } },
    { id: 'zone-names-dma', type: 'symbol', ...of('zone_names'), filter: ['!', pressure], layout: { ...text, 'text-size': zoomed(9, 10, 15, 13), visibility: 'none', 'text-field': ['coalesce', ['get', 'name'], ['get', 'id']] }, paint: { 'text-color': c.dma, ...halo, 'text-halo-width': 2 } },
  ];
  return whole;
}

/** What is picked, traced and measured, above everything that is in the ground. @param {any} map @param {'light' | 'dark'} theme */
export function addWork(map, theme) {
  addSigns(map, theme);
  const c = { ...PALETTE[theme], ...MORE[theme] };
  for (const id of ['shutoff', 'traced', 'picked', 'plan-valves', 'marked', 'ruler']) map.addSource(id, { type: 'geojson', data: EMPTY });
  const round = { 'line-cap': 'round', 'line-join': 'round' };
  map.addLayer({ id: 'shutoff-area', type: 'fill', source: 'shutoff', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-pattern': 'hatch', 'fill-opacity': ['case', ['get', 'unintended'], 0.28, 0.6] } }, 'services');
  map.addLayer({ id: 'traced-glow', type: 'line', source: 'traced', layout: round, paint: { 'line-color': c.trace, 'line-opacity': 0.28, 'line-width': zoomed(10, 6, 16, 16, 18, 26) } }, 'services');
  map.addLayer({ id: 'picked-glow', type: 'line', source: 'picked', filter: ['==', ['geometry-type'], 'LineString'], layout: round, paint: { 'line-color': c.picked, 'line-opacity': 0.75, 'line-width': zoomed(10, 7, 16, 13, 18, 24) } }, 'services');
  map.addLayer({ id: 'shutoff-line', type: 'line', source: 'shutoff', filter: ['==', ['geometry-type'], 'LineString'], layout: round, paint: { 'line-color': c.off, 'line-opacity': ['case', ['get', 'unintended'], 0.6, 1], 'line-width': zoomed(12, 2, 18, ['case', ['get', 'unintended'], 3, 5]) } }, 'pipes-flow');
  map.addLayer({ id: 'traced-line', type: 'line', source: 'traced', layout: round, paint: { 'line-color': c.trace, 'line-width': zoomed(10, 1.5, 18, 4) } }, 'pipes-flow');
  map.addLayer({ id: 'traced-flow', type: 'symbol', source: 'traced', filter: ['to-boolean', ['get', 'ordered']], layout: { 'symbol-placement': 'line', 'symbol-spacing': 110, 'icon-image': 'n-trace-flow', 'icon-rotation-alignment': 'map', 'icon-keep-upright': false, 'icon-allow-overlap': true, 'icon-ignore-placement': true } });
  map.addLayer({ id: 'picked-point', type: 'circle', source: 'picked', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 17, 'circle-color': c.picked, 'circle-opacity': 0.25, 'circle-stroke-color': c.picked, 'circle-stroke-width': 3.5 } }, 'hydrants');
  map.addLayer({ id: 'marked', type: 'symbol', source: 'marked', layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'icon-ignore-placement': true } });
  map.addLayer({ id: 'plan-valves', type: 'symbol', source: 'plan-valves', layout: { 'icon-image': ['concat', 'order-', ['get', 'state']], 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-size': 0.85, 'icon-offset': ['array', 'number', 2, ['get', 'icon']], 'text-offset': ['array', 'number', 2, ['get', 'text']], 'text-field': ['to-string', ['get', 'sequence']], 'text-font': ['Map Bold'], 'text-size': 13, 'text-allow-overlap': true, 'text-ignore-placement': true },
    paint: { 'text-color': ['case', ['==', ['get', 'state'], 'closed'], c.paper, c.off] } });
  map.addLayer({ id: 'ruler-area', type: 'fill', source: 'ruler', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': c.measure, 'fill-opacity': 0.12 } });
  map.addLayer({ id: 'ruler-line', type: 'line', source: 'ruler', filter: ['!=', ['geometry-type'], 'Point'], layout: round, paint: { 'line-color': c.measure, 'line-width': 2.5, 'line-dasharray': [2, 1.5] } });
  map.addLayer({ id: 'ruler-points', type: 'circle', source: 'ruler', filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 4, 'circle-color': c.paper, 'circle-stroke-color': c.measure, 'circle-stroke-width': 2 } });
  map.addLayer({ id: 'ruler-text', type: 'symbol', source: 'ruler', filter: ['has', 'text'], layout: { 'text-field': ['get', 'text'], 'text-font': ['Map Bold'], 'text-size': 12, 'text-offset': [0, -1.2], 'text-allow-overlap': true }, paint: { 'text-color': c.measure, 'text-halo-color': c.halo, 'text-halo-width': 2.5 } });
}

/** What falls dry by a plan, as hatched areas and lines. @param {any} lines segment @param {any} more unintended */
export function dryArea(lines, more) {
  const features = [];
  for (const [geometry, unintended] of [[lines, false], [more, true]]) {
    if (!geometry || !geometry.coordinates || !geometry.coordinates.length) continue;
    features.push({ type: 'Feature', properties: { unintended }, geometry: around(geometry, 9) }, { type: 'Feature', properties: { unintended }, geometry });
  }
  return { type: 'FeatureCollection', features };
}
