// @ts-check
// Today by half hour: what came as bars, what was expected as a line in its band. Pure; 480 x 100 units.
import { html } from '../html.js';

export const WIDTH = 480;
const TOP = 6;
const BASE = 100;

/** A round number at or above `most`: 5, 10, 20, 50, 100 … @param {number} most */
export function roundUp(most) {
  let step = 5;
  for (const times of [1, 2, 4, 10, 20, 40, 100, 200, 400, 1000, 2000]) { step = 5 * times; if (step >= most) return step; }
  return Math.ceil(most / step) * step;
}

/** @param {any} f forecast of /api/wall @returns {{top: number, bars: {x: number, y: number, height: number, over: boolean}[], line: string, updated: string, band: string, now: number}} */
export function shapes(f) {
  const slots = f.actual ? f.actual.length : 48;
  const wide = WIDTH / slots;
  const values = [...(f.actual || []), ...(f.high || []), ...(f.expected || []), ...(f.updated || [])].filter((v) => typeof v === 'number');
  const top = roundUp(Math.max(5, ...values));
  const y = (/** @type {number} */ v) => BASE - (v / top) * (BASE - TOP);
  const mid = (/** @type {number} */ n) => (n + 0.5) * wide;
  const path = (/** @type {any[]} */ list) => {
    let out = '';
    (list || []).forEach((v, n) => { if (typeof v === 'number') out += `${out && typeof list[n - 1] === 'number' ? 'L' : 'M'}${mid(n).toFixed(1)} ${y(v).toFixed(2)}`; });
    return out;
  };
  const known = (f.low || []).map((/** @type {any} */ v, /** @type {number} */ n) => (typeof v === 'number' && typeof f.high[n] === 'number' ? n : -1)).filter((/** @type {number} */ n) => n >= 0);
  const band = known.length ? `M${known.map((/** @type {number} */ n) => `${mid(n).toFixed(1)} ${y(f.high[n]).toFixed(2)}`).join('L')}L${known.slice().reverse().map((/** @type {number} */ n) => `${mid(n).toFixed(1)} ${y(f.low[n]).toFixed(2)}`).join('L')}Z` : '';
  /** @type {any[]} */ const bars = [];
  (f.actual || []).forEach((/** @type {any} */ v, /** @type {number} */ n) => {
    if (typeof v !== 'number' || !v) return;
    bars.push({ x: n * wide + wide * 0.14, y: y(v), height: BASE - y(v), over: Boolean(f.high && typeof f.high[n] === 'number' && v > f.high[n]) });
  });
  return { top, bars, line: path(f.expected), updated: path(f.updated), band, now: (f.slot ?? 0) * wide };
}

/** @param {any} f @param {string} words what the picture says, for who cannot see it */
export function chart(f, words) {
  const s = shapes(f);
  const wide = WIDTH / (f.actual ? f.actual.length : 48);
  return html`<svg viewBox="0 0 ${WIDTH} 112" preserveAspectRatio="none" role="img" aria-label="${words}">
    ${s.band ? html`<path class="c-band" d="${s.band}"/>` : ''}
    ${s.bars.map((b) => html`<rect class="c-bar${b.over ? ' over' : ''}" x="${b.x.toFixed(1)}" y="${b.y.toFixed(2)}" width="${(wide * 0.72).toFixed(1)}" height="${b.height.toFixed(2)}"/>`)}
    ${s.line ? html`<path class="c-line" d="${s.line}"/>` : ''}${s.updated ? html`<path class="c-line updated" d="${s.updated}"/>` : ''}
    <line class="c-now" x1="${s.now.toFixed(1)}" x2="${s.now.toFixed(1)}" y1="0" y2="${BASE}"/></svg>`;
}
