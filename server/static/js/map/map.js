// @ts-check
// Make the map, or say plainly that there is none: the lists are complete without it.
import { addIcons } from './icons.js';
import { addLayers } from './layers.js';
import { mapTheme, style } from './style.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';

const EMPTY = { type: 'FeatureCollection', features: [] };

/** `look`: another style and other layers than those of dispatch; `living`: sources that change while one looks.
 * @param {HTMLElement} holder @param {{interactive?: boolean, theme?: 'light' | 'dark', onFail?: (why: string) => void, onError?: (why: string) => void,
 *   look?: {style: typeof style, layers: (map: any, theme: 'light' | 'dark') => void}, living?: string[]}} [options]
 * @returns {Promise<any | null>} the map with `.put(source, data)`; null where WebGL is missing */
export async function makeMap(holder, options = {}) {
  /** @param {string} why */
  const fail = (why) => { holder.dataset.map = 'failed'; if (options.onFail) options.onFail(why); return null; };
  let gl;
  try {
    gl = await import('maplibre-gl');
    const probe = document.createElement('canvas').getContext('webgl2');
    if (!probe) return fail(gettext('This browser cannot draw the map (no WebGL). The list works without it.'));
  } catch {
    return fail(gettext('The map could not be loaded. The list works without it.'));
  }
  const theme = options.theme || mapTheme();
  let map;
  try {
    map = /** @type {any} */ (new gl.Map({
      container: holder, style: /** @type {any} */ ((options.look ? options.look.style : style)(theme, { origin: location.origin, fonts: absolute(page.fonts), version: page.tiles })),
      ...(page.bounds ? { bounds: page.bounds, fitBoundsOptions: { padding: 20 } } : { center: /** @type {[number, number]} */ ([0, 20]), zoom: 1 }), maxZoom: 19.5, minZoom: page.bounds ? 9 : 0,
      fadeDuration: 0, attributionControl: { compact: true, customAttribution: '© OpenStreetMap' }, interactive: options.interactive !== false, dragRotate: false, pitchWithRotate: false,
    }));
  } catch (error) {
    return fail(gettext('This browser cannot draw the map (no WebGL). The list works without it.'));
  }
  if (options.interactive !== false) map.addControl(new gl.NavigationControl({ showCompass: false }), 'bottom-right');
  if (options.look) map.addControl(new gl.ScaleControl({ maxWidth: 160, unit: 'metric' }), 'bottom-left');
  let tileErrors = 0;
  map.on('error', (/** @type {any} */ event) => {
    tileErrors += 1;
    if (tileErrors === 1 && options.onError) options.onError(gettext('Some of the map could not be loaded. Lists are complete.'));
    console.warn('map', event.error && event.error.message);
  });
  /** @type {Map<string, any>} data that came before the style was ready */
  const waiting = new Map();
  let ready = false;
  map.put = (/** @type {string} */ source, /** @type {any} */ data) => {
    if (ready) map.getSource(source).setData(data || EMPTY); else waiting.set(source, data || EMPTY);
  };
  /** Valves and premises change while one looks: ask for what is on screen again. */
  let again = 0;
  map.renew = () => { clearTimeout(again); again = window.setTimeout(() => { for (const source of options.living || ['valves', 'premises']) if (map.getSource(source)) map.refreshTiles(source); }, 1500); };
  // 'style.load', not 'load': the latter waits for every tile, and a tile server that is away must not hide crews.
  await new Promise((done) => { map.once('style.load', done); });
  addIcons(map, theme);
  (options.look ? options.look.layers : addLayers)(map, theme);
  ready = true;
  for (const [source, data] of waiting) map.getSource(source).setData(data);
  holder.dataset.map = 'drawn';
  map.once('idle', () => { holder.dataset.map = 'ready'; holder.dataset.testid = 'map-ready'; });
  return map;
}

/** Font addresses must be absolute: the map's worker has no page to be relative to. @param {Record<string, string>} fonts */
function absolute(fonts) {
  return Object.fromEntries(Object.entries(fonts).map(([name, address]) => [name, new URL(address, location.href).href]));
}
