// @ts-check
// The board as figures: which stretch of time, where each bar stands, what is late, where the keyboard
// goes, what an event changes. Pure: no page, no clock; times are milliseconds.
import { isLater } from '../map/crews.js';

export const MINUTE = 60000;
export const HOUR = 60 * MINUTE;
/** Hours across the board, from close to far. */
export const SPANS = [3, 6, 12, 24, 48];

/** @typedef {{from: number, to: number}} Stretch */
/** @typedef {{id: string, from: number, to: number}} Cell what the keyboard can stand on; a row's label has no length */

/** The window: now stands at a third, so that more of what comes is seen than of what was.
 * @param {number} now @param {number} hours @param {number} [shift] hours later (negative: earlier) @returns {Stretch} */
export function stretch(now, hours, shift = 0) {
  const from = now + shift * HOUR - (hours * HOUR) / 3;
  return { from, to: from + hours * HOUR };
}

/** Where a moment stands across the window, 0 to 1; outside it, at the edge. @param {number} at @param {Stretch} window */
export function share(at, window) {
  return Math.min(1, Math.max(0, (at - window.from) / (window.to - window.from)));
}

/** Full hours (or two, four, six) to write above the board. @param {Stretch} window @param {number} offset ms the zone is ahead of UTC */
export function ticks(window, offset = 0) {
  const hours = (window.to - window.from) / HOUR;
  const step = (hours <= 6 ? 1 : hours <= 12 ? 2 : hours <= 24 ? 4 : 6) * HOUR;
  const found = [];
  for (let at = Math.ceil((window.from + offset) / step) * step - offset; at < window.to; at += step) found.push(at);
  return found;
}

/** @param {string | null | undefined} at */
const ms = (at) => (at ? Date.parse(at) : NaN);
/** The first that is a time. @param {...number} times */
const first = (...times) => times.find((t) => Number.isFinite(t)) ?? NaN;

/** One order as a bar: how it was or will be, how it was meant to be, how late it is.
 * `late`: seconds behind what was promised of it, 0 when it is not; `what` arrival or work.
 * @param {any} order of GET /api/board @param {number} now
 * @returns {{travel: Stretch, work: Stretch, meant: {travel: Stretch, work: Stretch}, late: number, what: 'arrival' | 'work', proposed: boolean, over: boolean}} */
export function bar(order, now) {
  const { planned, actual } = order;
  const proposed = order.state === 'proposed';
  const meant = { travel: { from: ms(planned.start), to: ms(planned.arrive) }, work: { from: ms(planned.arrive), to: ms(planned.end) } };
  if (proposed) return { ...meant, meant, late: Math.max(0, order.late_s || 0), what: 'arrival', proposed, over: false };
  const ended = ms(actual.end);
  const over = Number.isFinite(ended);
  const arrived = ms(actual.arrive);
  const start = first(ms(actual.start), meant.travel.from);
  // Not there yet: it arrives now at the earliest. Ended on the way: it never arrived.
  const arrive = first(arrived, over ? ended : Math.max(meant.travel.to, now));
  const length = meant.work.to - meant.work.from;
  const end = over ? ended : Number.isFinite(arrived) ? Math.max(meant.work.to, now) : arrive + length;
  const lateArrival = (Math.min(arrive, over ? ended : arrive) - meant.travel.to) / 1000;
  const lateWork = (end - meant.work.to) / 1000;
  const arriving = !Number.isFinite(arrived);
  const late = over && arriving ? 0 : arriving ? lateArrival : over ? 0 : lateWork;
  return { travel: { from: start, to: Math.max(start, arrive) }, work: { from: arrive, to: Math.max(arrive, end) }, meant, late: Math.max(0, Math.round(late)), what: arriving ? 'arrival' : 'work', proposed, over };
}

/** Name of a bar on the page. @param {any} order */
export function barId(order) {
  return order.number ? `bar-${order.number}` : `bar-p${order.incident}-${order.kind}-${order.row ?? 0}`;
}

/** @param {any} item of the waiting list */
export function waitId(item) { return `wait-${item.incident}-${item.kind}`; }

/** Which crews have a row: on shift in the window, or with anything to show.
 * @param {any[]} crews @param {Stretch} window @param {'all' | 'busy' | 'free'} filter */
export function rowsOf(crews, window, filter = 'all') {
  const busy = (/** @type {any} */ c) => c.orders.some((/** @type {any} */ o) => o.held) || c.proposed.length > 0;
  const there = (/** @type {any} */ c) => c.orders.length > 0 || c.proposed.length > 0 || c.on_shift
    || c.shift.some((/** @type {any} */ s) => Date.parse(s.ends) > window.from && Date.parse(s.starts) < window.to);
  return crews.filter((c) => there(c) && (filter === 'all' || (filter === 'busy') === busy(c)))
    .sort((a, b) => String(a.code).localeCompare(String(b.code), 'en', { numeric: true }));
}

/** The board as rows of cells for the keyboard: what waits, then each crew's label and bars in time.
 * @param {any[]} waiting @param {any[]} crews as rowsOf gave them @param {number} now @returns {Cell[][]} */
export function cells(waiting, crews, now) {
  const top = waiting.length ? [waiting.map((w, i) => ({ id: waitId(w), from: i, to: i }))] : [];
  return [...top, ...crews.map((c) => [{ id: `crewrow-${c.id}`, from: NaN, to: NaN },
    ...[...c.orders, ...c.proposed].map((o) => { const b = bar(o, now); return { id: barId(o), from: b.travel.from, to: b.work.to }; }).sort((a, b) => a.from - b.from)])];
}

/** Where an arrow leads. Sideways along a row; up and down to the bar nearest in time, else the label.
 * @param {Cell[][]} rows @param {string | null} current @param {'ArrowUp' | 'ArrowDown' | 'ArrowLeft' | 'ArrowRight' | 'Home' | 'End'} key
 * @returns {string | null} */
export function go(rows, current, key) {
  const y = rows.findIndex((row) => row.some((cell) => cell.id === current));
  if (y < 0) return rows[0]?.[0]?.id ?? null;
  const row = rows[y];
  const x = row.findIndex((cell) => cell.id === current);
  if (key === 'ArrowLeft') return row[Math.max(0, x - 1)].id;
  if (key === 'ArrowRight') return row[Math.min(row.length - 1, x + 1)].id;
  if (key === 'Home') return row[0].id;
  if (key === 'End') return row[row.length - 1].id;
  const next = rows[y + (key === 'ArrowUp' ? -1 : 1)];
  if (!next) return current;
  const middle = (row[x].from + row[x].to) / 2;
  const bars = next.filter((cell) => Number.isFinite(cell.from) && cell.to - cell.from > 0);
  if (!Number.isFinite(middle) || row[x].to - row[x].from <= 0 || !bars.length) return next[0].id;
  const away = (/** @type {Cell} */ c) => (middle < c.from ? c.from - middle : middle > c.to ? middle - c.to : 0);
  return bars.reduce((best, cell) => (away(cell) < away(best) ? cell : best)).id;
}

/** What an event changes on the board. The board is changed in place; true when it has to be read again, because
 * the event speaks of something the board does not hold or plans anew. @param {any} board @param {string} name @param {any} data */
export function patch(board, name, data) {
  if (!board) return false;
  if (name === 'crew.changed') {
    const crew = board.crews.find((/** @type {any} */ c) => c.id === data.crew);
    if (!crew) return true;
    crew.state = data.state;
    crew.free = crew.on_shift && data.state === 'available' && !crew.orders.some((/** @type {any} */ o) => o.held);
    return false;
  }
  if (name === 'positions') {
    const seen = new Map((data.crews || []).map((/** @type {any} */ p) => [p.id, p]));
    for (const crew of board.crews) { const p = seen.get(crew.id); if (p && !isLater(crew, p)) Object.assign(crew, { lon: p.lon, lat: p.lat, fix_time: p.fix_time, stale: false }); }
    return false;
  }
  if (name !== 'order.changed') return true;
  for (const crew of board.crews) {
    const order = crew.orders.find((/** @type {any} */ o) => o.number === data.number);
    if (!order) continue;
    // Moved to somebody else, rerouted or over: times of others change with it.
    if (crew.id !== data.crew || ['moved', 'reassign'].includes(data.action)) return true;
    const at = data.happened_at || data.at;
    order.state = data.state;
    order.held = !ENDED.has(data.state) && data.state !== 'paused';
    order.movable = ['dispatched', 'accepted', 'en_route'].includes(data.state);
    if (data.state !== 'dispatched') order.answer_by = null;
    if (data.eta_at) order.planned = { ...order.planned, arrive: data.eta_at, end: new Date(Date.parse(data.eta_at) + Date.parse(order.planned.end) - Date.parse(order.planned.arrive)).toISOString() };
    if (data.action === 'depart') order.actual = { ...order.actual, start: at };
    if (data.action === 'arrive') order.actual = { ...order.actual, arrive: at };
    if (ENDED.has(data.state)) { order.actual = { ...order.actual, end: at }; return true; }
    return false;
  }
  return true;
}

const ENDED = new Set(['completed', 'verified', 'closed', 'declined', 'recalled', 'failed_visit']);
