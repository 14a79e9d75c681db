// @ts-check
// Where one looks and what is picked, in the address: #zoom/lon/lat or #zoom/lon/lat/asset.

/** @typedef {{zoom?: number, lon?: number, lat?: number, id?: string}} Where */

/** @param {{zoom: number, lon: number, lat: number, id?: string}} where */
export function toHash(where) {
  const place = `#${where.zoom.toFixed(2)}/${where.lon.toFixed(6)}/${where.lat.toFixed(6)}`;
  return where.id ? `${place}/${encodeURIComponent(where.id)}` : place;
}

/** What a hash asks for; also #id=ASSET and #at=lon,lat. What cannot be meant is left out.
 * @param {string} hash @returns {Where} */
export function fromHash(hash) {
  let text = hash.replace(/^#/, '');
  const named = /^id=(.{1,180})$/.exec(text);
  if (named) return { id: plain(named[1]) };
  const place = /^at=(.*)$/.exec(text);
  if (place) text = `17/${place[1].replace(',', '/')}`;
  const [z, x, y, ...rest] = text.split('/');
  const [zoom, lon, lat] = [z, x, y].map(Number);
  if (!z || !x || !y || ![zoom, lon, lat].every(Number.isFinite) || Math.abs(lon) > 180 || Math.abs(lat) > 85) return {};
  const id = plain(rest.join('/'));
  return { zoom: Math.min(22, Math.max(0, zoom)), lon, lat, ...(id ? { id } : {}) };
}

/** @param {string} text */
function plain(text) {
  try { return decodeURIComponent(text).slice(0, 60); } catch { return ''; }
}
