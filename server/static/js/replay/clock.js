// @ts-check
// The clock of a replay: where it stands, how fast it goes, where it ends. Pure; times in milliseconds.

/** How many seconds of the past go by in one. */
export const SPEEDS = [1, 10, 60, 600];

/** @typedef {{at: number, speed: number, playing: boolean}} Clock */

/** @param {number} at @returns {Clock} */
export function clockAt(at) { return { at, speed: 60, playing: false }; }

/** The first moment there is a picture of. Records count in microseconds, and rounded down it would be
 * a moment before the first of them. @param {string | null} first ISO @returns {number | null} */
export function beginning(first) { return first ? Date.parse(first) + 1 : null; }

/** After `passed` ms of real time; it stops at the end. @param {Clock} clock @param {number} passed @param {number} end @returns {Clock} */
export function tick(clock, passed, end) {
  if (!clock.playing) return clock;
  const at = Math.min(end, clock.at + passed * clock.speed);
  return { ...clock, at, playing: at < end };
}

/** Somewhere else, but never outside. @param {Clock} clock @param {number} at @param {{from: number, to: number}} bounds @returns {Clock} */
export function seek(clock, at, bounds) { return { ...clock, at: Math.min(bounds.to, Math.max(bounds.from, at)) }; }

/** One speed on or back. @param {Clock} clock @param {1 | -1} by @returns {Clock} */
export function faster(clock, by) {
  const i = SPEEDS.indexOf(clock.speed);
  return { ...clock, speed: SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, i + by))] };
}

/** Columns of the slider: how high each family stands in each stretch, stacked; 0 to 1.
 * @param {Record<string, number[]>} families @param {number} columns fewer than the stretches, which are added up
 * @returns {{family: string, x: number, y: number, height: number, width: number}[]} */
export function stack(families, columns) {
  const names = Object.keys(families);
  const length = names.length ? families[names[0]].length : 0;
  if (!length) return [];
  const sums = names.map((name) => {
    const out = new Array(columns).fill(0);
    families[name].forEach((n, i) => { out[Math.floor((i * columns) / length)] += n; });
    return out;
  });
  // By the root: one burst must be seen beside a hundred calls.
  const most = Math.max(1, ...Array.from({ length: columns }, (_, x) => sums.reduce((all, s) => all + s[x], 0)));
  /** @type {{family: string, x: number, y: number, height: number, width: number}[]} */
  const found = [];
  for (let x = 0; x < columns; x += 1) {
    const all = sums.reduce((sum, s) => sum + s[x], 0);
    if (!all) continue;
    const whole = Math.sqrt(all / most);
    let y = 0;
    sums.forEach((s, i) => {
      if (!s[x]) return;
      const height = (whole * s[x]) / all;
      found.push({ family: names[i], x: x / columns, y, height, width: 1 / columns });
      y += height;
    });
  }
  return found;
}
