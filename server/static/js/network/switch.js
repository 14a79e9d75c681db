// @ts-check
// The layer switch: groups of layers, each a few layers of the style, remembered by the browser.
import { gettext } from '../i18n.js';

/** @typedef {{id: string, text: string, layers: string[], on: boolean, from?: number}} Layer */
/** @typedef {{id: string, text: string, layers: Layer[]}} Group */

/** `from`: the zoom at which it begins to be drawn, told where one looks from further away. @returns {Group[]} */
export function groups() {
  return [
    { id: 'water', text: gettext('Water'), layers: [
      { id: 'mains', text: gettext('Mains'), layers: ['pipes-case', 'pipes', 'pipes-core', 'pipes-raw', 'pipes-closed'], on: true },
      { id: 'labels', text: gettext('Labels of mains'), layers: ['pipe-names'], on: true, from: 16 },
      { id: 'flow', text: gettext('Direction of flow'), layers: ['pipes-flow'], on: true, from: 15.5 },
      { id: 'valves', text: gettext('Valves'), layers: ['valves', 'valve-names'], on: true, from: 14.5 },
      { id: 'controls', text: gettext('Pumps and control valves'), layers: ['controls', 'controls-line', 'control-names'], on: true, from: 12 },
      { id: 'hydrants', text: gettext('Hydrants'), layers: ['hydrants', 'hydrant-names'], on: true, from: 15 },
      { id: 'sources', text: gettext('Tanks and reservoirs'), layers: ['sources'], on: true },
      { id: 'zones', text: gettext('Pressure zones'), layers: ['zones-pressure', 'zone-names-pressure'], on: true },
      { id: 'dmas', text: gettext('Metered areas'), layers: ['zones-dma', 'zone-names-dma'], on: false },
      { id: 'shutoffs', text: gettext('Open shut-offs'), layers: ['shutoffs', 'shutoff-names'], on: true },
      { id: 'nodes', text: gettext('Nodes'), layers: ['nodes', 'node-names'], on: true, from: 17 },
    ] },
    { id: 'drainage', text: gettext('Drainage'), layers: [
      { id: 'sewers', text: gettext('Sewers'), layers: ['sewers', 'sewers-flow', 'sewer-names'], on: true, from: 12 },
      { id: 'manholes', text: gettext('Manholes'), layers: ['manholes', 'manhole-names'], on: true, from: 16 },
    ] },
    { id: 'customers', text: gettext('At the customer'), layers: [
      { id: 'services', text: gettext('Service lines'), layers: ['services'], on: true, from: 16 },
      { id: 'premises', text: gettext('Premises'), layers: ['premises'], on: true, from: 16 },
      { id: 'dry', text: gettext('Premises without water'), layers: ['premises-off'], on: true, from: 14 },
      { id: 'stations', text: gettext('Secondary-supply stations'), layers: ['stations'], on: true, from: 14 },
    ] },
    { id: 'base', text: gettext('Base map'), layers: [
      { id: 'streets', text: gettext('Streets'), layers: ['road-edge', 'roads', 'road-names'], on: true },
      { id: 'buildings', text: gettext('Buildings'), layers: ['buildings'], on: true, from: 13.5 },
      { id: 'places', text: gettext('Places'), layers: ['place-names'], on: true },
    ] },
  ];
}

const KEY = 'standpipe.network.layers';

/** {layer: on} as remembered; layers not remembered as they come. @param {string | null} stored @param {Group[]} all @returns {Record<string, boolean>} */
export function remembered(stored, all = groups()) {
  /** @type {any} */ let known = {};
  try { known = JSON.parse(stored || '{}') || {}; } catch { known = {}; }
  return Object.fromEntries(all.flatMap((g) => g.layers).map((l) => [l.id, typeof known[l.id] === 'boolean' ? known[l.id] : l.on]));
}

/** @returns {Record<string, boolean>} */
export function load() {
  try { return remembered(localStorage.getItem(KEY)); } catch { return remembered(null); }
}

/** @param {Record<string, boolean>} shown */
export function save(shown) {
  try { localStorage.setItem(KEY, JSON.stringify(shown)); } catch { /* private window: not remembered */ }
}

/** @param {any} map @param {Record<string, boolean>} shown */
export function apply(map, shown) {
  for (const layer of groups().flatMap((g) => g.layers)) {
    for (const id of layer.layers) if (map.getLayer(id)) map.setLayoutProperty(id, 'visibility', shown[layer.id] ? 'visible' : 'none');
  }
}
