// @ts-check
// The way of one crew in a planned round, as the map draws it: dashed, because nobody drives it yet.
import { PALETTE } from './style.js';

/** @param {any} map @param {'light' | 'dark'} theme */
export function addRoundLayers(map, theme) {
  const c = PALETTE[theme];
  const below = map.getLayer('incidents') ? 'incidents' : undefined;
  const stop = ['==', ['geometry-type'], 'Point'];
  map.addSource('round', { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
  map.addLayer({ id: 'round-case', type: 'line', source: 'round', filter: ['!', stop], layout: { 'line-join': 'round' }, paint: { 'line-color': c.routeCase, 'line-width': 8 } }, below);
  map.addLayer({ id: 'round-line', type: 'line', source: 'round', filter: ['!', stop], layout: { 'line-join': 'round' }, paint: { 'line-color': c.route, 'line-width': 4, 'line-dasharray': [2, 1] } }, below);
  map.addLayer({ id: 'round-stop', type: 'symbol', source: 'round', filter: stop, layout: { 'text-field': ['get', 'label'], 'text-font': ['Map Bold'], 'text-size': 15, 'text-offset': [1.3, -1.1], 'text-allow-overlap': true }, paint: { 'text-color': c.route, 'text-halo-color': c.routeCase, 'text-halo-width': 3 } });
}
