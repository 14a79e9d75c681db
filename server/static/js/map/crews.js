// @ts-check
// Where the crews are: what the API answered, and what the stream told meanwhile. Pure.

/** @typedef {Map<string, any>} Crews properties with lon and lat, by id as text */

/** Whether what is known of a crew is later than `other`. @param {any} known @param {any} other */
export function isLater(known, other) {
  return Boolean(known && known.fix_time) && !(Date.parse(known.fix_time) <= Date.parse(other.fix_time || ''));
}

/** The crews of an answer; whoever is not in it has gone home. An answer can be older than a position told while
 * it was on its way: that position stays. @param {Crews} crews changed in place @param {any[]} features of /api/crews */
export function take(crews, features) {
  const before = new Map(crews);
  crews.clear();
  for (const f of features) {
    const id = String(f.properties.id);
    const [lon, lat] = f.geometry ? f.geometry.coordinates : [undefined, undefined];
    const known = before.get(id);
    const read = { ...f.properties, lon, lat };
    crews.set(id, isLater(known, read) ? { ...read, ...place(known) } : read);
  }
}

/** @param {any} crew */
const place = ({ lon, lat, heading, speed_mps, fix_time }) => ({ lon, lat, heading, speed_mps, fix_time });

/** Positions from the stream. Of somebody nobody has told us of we know no name: true when the crews have to be read.
 * @param {Crews} crews changed in place @param {any[]} rows of `positions` */
export function move(crews, rows) {
  let strangers = false;
  for (const row of rows) {
    const known = crews.get(String(row.id));
    if (known && !isLater(known, row)) crews.set(String(row.id), { ...known, ...row });
    strangers ||= !known;
  }
  return strangers;
}
