// @ts-check
// Time as what matters: "12 min to breach", "4 min late", "40 s ago"; the clock time goes on hover.
import { gettext, ngettext } from './i18n.js';
import { page } from './page.js';

/** The days of a week as they stand beside a box. @type {Record<string, () => string>} */
export const DAY = { mon: () => gettext('Mon'), tue: () => gettext('Tue'), wed: () => gettext('Wed'), thu: () => gettext('Thu'), fri: () => gettext('Fri'), sat: () => gettext('Sat'), sun: () => gettext('Sun') };

/** @param {number} seconds a length of time, shown with at most two units */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return gettext('%(n)s s', { n: s });
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return gettext('%(n)s min', { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return gettext('%(h)s h %(m)s min', { h: hours, m: minutes % 60 });
  const days = Math.floor(hours / 24);
  return ngettext('%(count)s day', '%(count)s days', days);
}

/** Seconds as m:ss, for calls and waits. @param {number} seconds */
export function stopwatch(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const rest = String(s % 60).padStart(2, '0');
  return s < 3600 ? `${Math.floor(s / 60)}:${rest}` : `${Math.floor(s / 3600)}:${String(Math.floor(s / 60) % 60).padStart(2, '0')}:${rest}`;
}

/** How near a promise is to being broken. Level: ok, soon (15 min), late, none.
 * @param {string | null | undefined} due @param {number} [now] milliseconds @returns {{level: string, text: string, seconds: number}} */
export function until(due, now = Date.now()) {
  const at = due ? Date.parse(due) : NaN;
  if (Number.isNaN(at)) return { level: 'none', text: gettext('no clock running'), seconds: Infinity };
  const seconds = (at - now) / 1000;
  if (seconds < 0) return { level: 'late', text: gettext('%(time)s late', { time: span(-seconds) }), seconds };
  return { level: seconds < 900 ? 'soon' : 'ok', text: gettext('%(time)s to breach', { time: span(seconds) }), seconds };
}

/** @param {string | null | undefined} at @param {number} [now] */
export function ago(at, now = Date.now()) {
  const then = at ? Date.parse(at) : NaN;
  return Number.isNaN(then) ? '–' : gettext('%(time)s ago', { time: span((now - then) / 1000) });
}

/** @param {string | null | undefined} eta @param {number} [now] */
export function arrives(eta, now = Date.now()) {
  const at = eta ? Date.parse(eta) : NaN;
  if (Number.isNaN(at)) return '';
  return at <= now ? gettext('due now') : gettext('in %(time)s', { time: span((at - now) / 1000) });
}

/** @param {string | null | undefined} at @param {boolean} [withDay] clock time in the utility's zone */
export function clock(at, withDay = false) {
  const then = at ? new Date(at) : null;
  if (!then || Number.isNaN(then.getTime())) return '–';
  /** @type {Intl.DateTimeFormatOptions} */
  const shape = { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: page.tz };
  if (withDay) Object.assign(shape, { day: 'numeric', month: 'short' });
  return new Intl.DateTimeFormat(page.lang === 'zh-hans' ? 'zh-CN' : 'en-GB', shape).format(then);
}

/** A day without a time: "2026-03-01" as people write it. @param {string | null | undefined} on */
export function day(on) {
  const then = on ? new Date(`${on}T12:00:00Z`) : null;
  if (!then || Number.isNaN(then.getTime())) return '–';
  return new Intl.DateTimeFormat(page.lang === 'zh-hans' ? 'zh-CN' : 'en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).format(then);
}

/** @param {unknown} n a figure for people; '–' when there is none */
export function figure(n, digits = 0) {
  if (typeof n !== 'number' || !Number.isFinite(n)) return '–';
  return new Intl.NumberFormat(page.lang === 'zh-hans' ? 'zh-CN' : 'en-GB', { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(n);
}

/** @param {number | null | undefined} metres */
export function distance(metres) {
  if (typeof metres !== 'number') return '–';
  return metres < 1000 ? gettext('%(n)s m', { n: Math.round(metres / 10) * 10 }) : gettext('%(n)s km', { n: figure(metres / 1000, 1) });
}
