// @ts-check
// The tape: click along a line for metres, or around a place for hectares.
import { gettext } from '../i18n.js';
import { areaOf, asArea, asLength, lengthOf } from './geodesy.js';

/** What to draw and to say of points measured so far.
 * @param {number[][]} points @param {'length' | 'area'} sort @param {number[] | null} [pointer] where the next point would be */
export function measured(points, sort, pointer = null) {
  const all = pointer && points.length ? [...points, pointer] : points;
  /** @type {any[]} */
  const features = points.map((at) => ({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: at } }));
  if (sort === 'area' && all.length > 2) features.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...all, all[0]]] } });
  else if (all.length > 1) features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: all } });
  const whole = lengthOf(all);
  const text = sort === 'area' && all.length > 2
    ? gettext('%(area)s, %(length)s around', { area: asArea(areaOf(all)), length: asLength(lengthOf([...all, all[0]])) })
    : all.length > 1 ? asLength(whole) : '';
  if (text) features.push({ type: 'Feature', properties: { text }, geometry: { type: 'Point', coordinates: all[all.length - 1] } });
  return { data: { type: 'FeatureCollection', features }, text };
}

/** @param {any} map @param {(text: string) => void} tell what is measured now; '' when it is over */
export function ruler(map, tell) {
  /** @type {'length' | 'area' | null} */ let sort = null;
  /** @type {number[][]} */ let points = [];
  const draw = (/** @type {number[] | null} */ pointer = null) => {
    if (!sort) return;
    const found = measured(points, sort, pointer);
    map.put('ruler', found.data);
    tell(found.text || (sort === 'area' ? gettext('Click around the area. Esc ends.') : gettext('Click along the line. Esc ends.')));
  };
  map.on('mousemove', (/** @type {any} */ e) => { if (sort && points.length) draw([e.lngLat.lng, e.lngLat.lat]); });
  return {
    get sort() { return sort; },
    /** @param {'length' | 'area'} wanted */
    begin(wanted) { sort = wanted; points = []; map.getCanvas().style.cursor = 'crosshair'; draw(); },
    /** @param {number[]} at */
    add(at) { points.push(at); draw(); },
    end() { sort = null; points = []; map.put('ruler', null); map.getCanvas().style.cursor = ''; tell(''); },
  };
}
