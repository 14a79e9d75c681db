// @ts-check
// An area drawn on the map, by mouse (click, click, Enter) or by keyboard: arrow keys move the map under
// its middle, Space sets a corner there.

/** What to draw of the corners so far. @param {number[][]} corners @param {number[] | null} [pointer] */
export function sketch(corners, pointer = null) {
  const all = pointer && corners.length ? [...corners, pointer] : corners;
  /** @type {any[]} */
  const features = corners.map((at) => ({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: at } }));
  if (all.length > 2) features.push({ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: [[...all, all[0]]] } });
  else if (all.length > 1) features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: all } });
  return { type: 'FeatureCollection', features };
}

/** The drawn area as GeoJSON; null below three corners. @param {number[][]} corners */
export function asPolygon(corners) {
  return corners.length < 3 ? null : { type: 'Polygon', coordinates: [[...corners, corners[0]]] };
}

/** Draw until Enter or a double click (done) or Esc (given up). One corner is enough where `point` is true;
 * `source` is where the sketch is shown.
 * @param {any} map @param {{point?: boolean, source?: string, done: (corners: number[][]) => void, given: () => void}} how @returns {() => void} ends it */
export function draw(map, how) {
  /** @type {number[][]} */
  const corners = [];
  const canvas = map.getCanvas();
  const show = (/** @type {number[] | null} */ pointer = null) => map.getSource(how.source || 'closing').setData(sketch(corners, pointer));
  const end = () => {
    document.removeEventListener('keydown', key, true);
    map.off('click', click); map.off('mousemove', move); map.off('dblclick', twice);
    map.doubleClickZoom.enable();
    canvas.parentElement.classList.remove('drawing');
  };
  const finish = () => { end(); show(); how.done(corners); };
  const add = (/** @type {number[]} */ at) => { corners.push(at); if (how.point) finish(); else show(); };
  const click = (/** @type {any} */ e) => add([e.lngLat.lng, e.lngLat.lat]);
  const move = (/** @type {any} */ e) => show([e.lngLat.lng, e.lngLat.lat]);
  const twice = (/** @type {any} */ e) => { e.preventDefault(); corners.pop(); if (corners.length > 2) finish(); };
  const key = (/** @type {KeyboardEvent} */ e) => {
    const target = /** @type {HTMLElement} */ (e.target);
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) && e.key !== 'Escape') return;
    if (e.key === 'Escape') { end(); corners.splice(0); show(); how.given(); }
    else if (e.key === ' ') add(map.getCenter().toArray());
    else if (e.key === 'Backspace') { corners.pop(); show(); }
    else if (e.key === 'Enter') { if (corners.length > 2) finish(); }
    else return;
    e.preventDefault(); e.stopImmediatePropagation();
  };
  map.doubleClickZoom.disable();
  map.on('click', click); map.on('mousemove', move); map.on('dblclick', twice);
  document.addEventListener('keydown', key, true);
  canvas.parentElement.classList.add('drawing');
  canvas.focus();
  return end;
}
