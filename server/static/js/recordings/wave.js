// @ts-check
// A recording's loudness as a picture: pure, numbers in and SVG out.
import { html } from '../html.js';

/** The loudest of each of `most` equal stretches. @param {number[]} peaks @param {number} most @returns {number[]} */
export function squeeze(peaks, most) {
  if (peaks.length <= most) return peaks;
  const out = new Array(most).fill(0);
  peaks.forEach((peak, i) => { const at = Math.min(most - 1, Math.floor((i * most) / peaks.length)); out[at] = Math.max(out[at], peak); });
  return out;
}

/** One row of bars around the middle line, 100 wide units a bar. Quiet speech must be seen too: the square root lifts it.
 * @param {number[]} peaks 0 to 255 @param {number} height */
export function path(peaks, height) {
  const half = height / 2;
  return peaks.map((peak, i) => { const h = Math.max(0.5, half * Math.sqrt(peak / 255)); return `M${i + 0.5} ${(half - h).toFixed(1)}V${(half + h).toFixed(1)}`; }).join('');
}

/** Where a place in the sound stands, 0 to 1. @param {number} at @param {number} whole */
export const share = (at, whole) => (whole > 0 ? Math.min(1, Math.max(0, at / whole)) : 0);

/** Rows of the legs one hears apart; where there are none, of the whole.
 * @param {{leg: string, label: string, peaks: number[]}[]} legs @returns {{leg: string, label: string, peaks: number[]}[]} */
export function rows(legs) {
  const apart = legs.filter((l) => l.leg === 'caller' || l.leg === 'agent');
  return (apart.length ? apart : legs.slice(0, 1)).filter((l) => l.peaks.length);
}

const ROW = 46;
/** @param {any} told what POST /api/recordings/<call>/open answers */
export function picture(told) {
  const shown = rows(told.legs);
  const bars = 600;
  return html`${shown.map((l) => { const peaks = squeeze(l.peaks, bars); return html`<figure data-leg="${l.leg}"><figcaption>${l.label}</figcaption><svg viewBox="0 0 ${peaks.length} ${ROW}" preserveAspectRatio="none" aria-hidden="true">
    ${told.pauses.map((/** @type {any} */ p) => { const [a, b] = [share(p.from_s, told.seconds), share(p.to_s, told.seconds)]; return html`<rect class="pause" x="${(a * peaks.length).toFixed(1)}" y="0" width="${Math.max(1, (b - a) * peaks.length).toFixed(1)}" height="${ROW}"></rect>`; })}
    <path d="${path(peaks, ROW)}"></path></svg></figure>`; })}`;
}
