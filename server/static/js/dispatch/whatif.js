// @ts-check
// "Send 3 instead": what it costs, here and elsewhere, in one sentence.
import { api } from '../api.js';
import { gettext } from '../i18n.js';

/** @typedef {{minutes_later: number | null, others: {incident: number, number: string, minutes_later: number | null, waits?: boolean}[], breaches?: any[], total_s: number | null}} Cost */

/** @param {number} minutes */
function signed(minutes) {
  const whole = Math.round(minutes);
  return whole > 0 ? `+${whole}` : whole < 0 ? `−${-whole}` : '±0';
}

/** The sentence of a cost. @param {Cost | null} cost */
export function sentence(cost) {
  if (!cost) return '';
  const late = new Set((cost.breaches || []).map((/** @type {any} */ b) => (typeof b === 'object' ? b.number || b.incident : b)));
  const parts = [cost.minutes_later === null ? gettext('here: no way there') : gettext('here %(n)s min', { n: signed(cost.minutes_later) })];
  for (const o of cost.others || []) {
    if (o.minutes_later === null) { parts.push(o.waits ? gettext('%(number)s has nobody', { number: o.number }) : gettext('%(number)s has somebody', { number: o.number })); continue; }
    const lost = late.has(o.number) || late.has(o.incident);
    if (!lost && Math.abs(o.minutes_later) < 1) continue;
    parts.push(lost ? gettext('%(number)s %(n)s min and late', { number: o.number, n: signed(o.minutes_later) }) : gettext('%(number)s %(n)s min', { number: o.number, n: signed(o.minutes_later) }));
  }
  return parts.join('; ');
}

/** Asks once for each pair until told that things have changed; the last answer asked for wins. */
export function asker() {
  /** @type {Map<string, Promise<Cost>>} */ const known = new Map();
  return {
    forget: () => known.clear(),
    /** @param {string | number} incident @param {string | number} crew @returns {Promise<Cost>} */
    cost: (incident, crew) => {
      const name = `${incident} ${crew}`;
      let asked = known.get(name);
      if (!asked) {
        asked = api.get(`/api/incidents/${encodeURIComponent(incident)}/what-if?crew=${encodeURIComponent(crew)}`);
        known.set(name, asked);
        asked.catch(() => known.delete(name));
      }
      return asked;
    },
  };
}
