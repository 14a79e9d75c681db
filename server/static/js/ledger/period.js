// @ts-check
// Calendar arithmetic for the period picker: days as 'YYYY-MM-DD', no clock and no zone in it.

const DAY_MS = 86400000;
/** @param {string} day */
const at = (day) => Date.parse(`${day}T00:00:00Z`);
/** @param {number} ms */
const iso = (ms) => new Date(ms).toISOString().slice(0, 10);
/** @param {number} year @param {number} month from 0, may run over */
const first = (year, month) => iso(Date.UTC(year, month, 1));

/** @param {string} day @param {number} days */
export const shifted = (day, days) => iso(at(day) + days * DAY_MS);

/** The period of a kind that holds a day: its first day and the day after its last.
 * Weeks begin on Monday. @param {string} unit @param {string} day @returns {[string, string]} */
export function around(unit, day) {
  const when = new Date(at(day));
  const [year, month] = [when.getUTCFullYear(), when.getUTCMonth()];
  if (unit === 'week') {
    const monday = shifted(day, -((when.getUTCDay() + 6) % 7));
    return [monday, shifted(monday, 7)];
  }
  if (unit === 'month') return [first(year, month), first(year, month + 1)];
  if (unit === 'year') return [first(year, 0), first(year + 1, 0)];
  return [day, shifted(day, 1)];
}

/** The period before (-1) or after (1). @param {string} unit @param {[string, string]} span @param {number} way @returns {[string, string]} */
export function beside(unit, [from, end], way) {
  if (unit === 'custom') {
    const days = Math.round((at(end) - at(from)) / DAY_MS) * way;
    return [shifted(from, days), shifted(end, days)];
  }
  return around(unit, way > 0 ? end : shifted(from, -1));
}
