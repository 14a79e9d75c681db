// @ts-check
// News comes in bursts: however often it is called within `ms`, `run` runs once, at the end of them.

/** @param {() => void} run @param {number} ms @returns {() => void} */
export function pooled(run, ms) {
  let due = 0;
  return () => { if (!due) due = window.setTimeout(() => { due = 0; run(); }, ms); };
}
