// @ts-check
// Days and hours of a roster, in the utility's clock. Pure: used by the grid, tested in Node.

/** A moment's day and time on the wall. @param {string} iso @param {string} tz @returns {{day: string, time: string}} */
export function wall(iso, tz) {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: tz, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(new Date(iso));
  const of = (/** @type {string} */ type) => (parts.find((p) => p.type === type) || { value: '' }).value;
  return { day: `${of('year')}-${of('month')}-${of('day')}`, time: `${of('hour')}:${of('minute')}` };
}

/** The day so many days later. @param {string} day @param {number} by */
export function shifted(day, by) {
  const at = new Date(`${day}T12:00:00Z`);
  at.setUTCDate(at.getUTCDate() + by);
  return at.toISOString().slice(0, 10);
}

/** @param {string} day the Monday on or before it */
export function monday(day) {
  const at = new Date(`${day}T12:00:00Z`);
  return shifted(day, -((at.getUTCDay() + 6) % 7));
}

/** How many days lie between two days. @param {string} a @param {string} b */
export const between = (a, b) => Math.round((Date.parse(`${b}T12:00:00Z`) - Date.parse(`${a}T12:00:00Z`)) / 86400e3);

/** '08–20', '22:30–06' with the minutes only where there are some. @param {string} from @param {string} to */
export function short(from, to) {
  const cut = (/** @type {string} */ t) => (t.endsWith(':00') ? t.slice(0, 2) : t);
  return `${cut(from)}–${cut(to)}`;
}

/** What was copied, on another day: the same times on the wall.
 * @param {{starts: string, ends: string}} shift @param {string} day @param {string} tz */
export function pasted(shift, day, tz) {
  const from = wall(shift.starts, tz);
  const to = wall(shift.ends, tz);
  return { starts: `${day}T${from.time}`, ends: `${shifted(day, between(from.day, to.day))}T${to.time}` };
}

/** Days on which something from one moment to another lies. @param {{starts: string, ends: string}} row @param {string[]} days @param {string} tz */
export function touching(row, days, tz) {
  const from = wall(row.starts, tz).day;
  const to = wall(new Date(Date.parse(row.ends) - 1).toISOString(), tz).day;
  return days.filter((d) => d >= from && d <= to);
}

/** Hours by day of the wall: 23 or 25 of them when the clocks change.
 * @param {string[]} hours @param {number[]} counts @param {string} tz @returns {Record<string, number[]>} */
export function byDay(hours, counts, tz) {
  /** @type {Record<string, number[]>} */ const found = {};
  hours.forEach((at, n) => { (found[wall(at, tz).day] ||= []).push(counts[n]); });
  return found;
}

/** Stretches without anybody, from a moment on. @param {string[]} hours @param {number[]} counts @param {number} now @returns {{starts: string, ends: string}[]} */
export function holes(hours, counts, now) {
  /** @type {{starts: string, ends: string}[]} */ const found = [];
  hours.forEach((at, n) => {
    const end = Date.parse(at) + 3600e3;
    if (counts[n] || end <= now) return;
    const last = found[found.length - 1];
    if (last && Date.parse(last.ends) === Date.parse(at)) last.ends = new Date(end).toISOString();
    else found.push({ starts: at, ends: new Date(end).toISOString() });
  });
  return found;
}
