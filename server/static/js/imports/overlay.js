// @ts-check
// Findings and changes drawn over the utility map; colour never alone: solid, dashed, dotted, and a word.
import { bounds, pointOf } from '../map/layers.js';
import { makeMap } from '../map/map.js';
import { gettext } from '../i18n.js';
import { html } from '../html.js';

const COLOUR = { added: '#12714a', changed: '#b26a00', removed: '#b3261e', kept: '#5f6c77' };
const EMPTY = { type: 'FeatureCollection', features: [] };

/** @param {HTMLElement} holder @param {(id: any) => void} onPick @returns {Promise<any>} with .show(features), .focus(feature) */
export async function overlay(holder, onPick) {
  const map = await makeMap(holder, { onFail: (why) => { holder.textContent = why; holder.classList.add('empty'); } });
  if (!map) return null;
  for (const id of ['matter', 'chosen-matter']) map.addSource(id, { type: 'geojson', data: EMPTY });
  const colour = ['match', ['get', 'action'], 'added', COLOUR.added, 'changed', COLOUR.changed, 'removed', COLOUR.removed, 'error', COLOUR.removed, 'warning', COLOUR.changed, COLOUR.kept];
  const line = ['==', ['geometry-type'], 'LineString'];
  const point = ['==', ['geometry-type'], 'Point'];
  map.addLayer({ id: 'matter-chosen-line', type: 'line', source: 'chosen-matter', filter: line, layout: { 'line-cap': 'round' }, paint: { 'line-color': '#ffd54a', 'line-width': 14, 'line-opacity': 0.7 } });
  map.addLayer({ id: 'matter-chosen', type: 'circle', source: 'chosen-matter', filter: point, paint: { 'circle-radius': 15, 'circle-color': '#ffd54a', 'circle-opacity': 0.7 } });
  for (const [action, dashes] of /** @type {[string, number[] | null][]} */ ([['added', null], ['changed', [2.5, 1]], ['removed', [0.2, 1.6]], ['kept', [1, 1]]])) {
    map.addLayer({ id: `matter-line-${action}`, type: 'line', source: 'matter', filter: ['all', line, ['==', ['get', 'action'], action]], layout: { 'line-cap': action === 'removed' ? 'round' : 'butt' }, paint: { 'line-color': colour, 'line-width': 5, ...(dashes ? { 'line-dasharray': dashes } : {}) } });
  }
  map.addLayer({ id: 'matter-point', type: 'circle', source: 'matter', filter: point, paint: { 'circle-radius': ['interpolate', ['linear'], ['zoom'], 11, 3, 16, 7], 'circle-color': ['match', ['get', 'action'], ['added', 'error'], colour, '#ffffff'], 'circle-stroke-color': colour, 'circle-stroke-width': 3 } });
  map.addLayer({ id: 'matter-cross', type: 'symbol', source: 'matter', filter: ['all', point, ['==', ['get', 'action'], 'removed']], layout: { 'text-field': '×', 'text-font': ['Map Bold'], 'text-size': 18, 'text-allow-overlap': true }, paint: { 'text-color': COLOUR.removed } });
  map.addLayer({ id: 'matter-name', type: 'symbol', source: 'matter', minzoom: 15, layout: { 'text-field': ['get', 'label'], 'text-font': ['Map Bold'], 'text-size': 12, 'text-offset': [0, 1.1], 'text-optional': true, 'symbol-placement': 'point' }, paint: { 'text-color': colour, 'text-halo-color': '#ffffff', 'text-halo-width': 2 } });
  for (const layer of ['matter-point', 'matter-line-added', 'matter-line-changed', 'matter-line-removed', 'matter-line-kept']) {
    map.on('click', layer, (/** @type {any} */ event) => onPick(event.features[0].properties.id));
    map.on('mouseenter', layer, () => { map.getCanvas().style.cursor = 'pointer'; });
    map.on('mouseleave', layer, () => { map.getCanvas().style.cursor = ''; });
  }
  map.showMatter = (/** @type {any[]} */ features) => {
    map.getSource('matter').setData({ type: 'FeatureCollection', features });
    const box = bounds(features.map((f) => f.geometry));
    if (box) map.fitBounds(box, { padding: 50, maxZoom: 16.5, duration: 0 });
  };
  map.focusMatter = (/** @type {any} */ feature) => {
    map.getSource('chosen-matter').setData(feature && feature.geometry ? { type: 'FeatureCollection', features: [feature] } : EMPTY);
    if (feature && feature.geometry) map.easeTo({ center: pointOf(feature.geometry).coordinates, zoom: Math.max(map.getZoom(), 16.5), duration: 300 });
  };
  return map;
}

export function legend() {
  const row = /** @type {[string, string, string][]} */ ([['added', '', gettext('new')], ['changed', '8 4', gettext('changed')], ['removed', '1 6', gettext('goes')], ['kept', '4 4', gettext('stays')]]);
  return html`<div class="legend">${row.map(([action, dashes, word]) => html`<span><svg viewBox="0 0 34 12" aria-hidden="true"><line x1="2" y1="6" x2="32" y2="6" stroke="${COLOUR[/** @type {keyof typeof COLOUR} */ (action)]}" stroke-width="5" stroke-linecap="${action === 'removed' ? 'round' : 'butt'}" stroke-dasharray="${dashes}"></line></svg> ${word}</span>`)}</div>`;
}
