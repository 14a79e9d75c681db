// @ts-check
// How the dispatcher's list is ordered and which step the keyboard takes: pure, tested in Node.

/** @type {Record<string, number>} */
const RANK = { P1: 0, P2: 1, P3: 2, P4: 3 };

/** By time to breach; no clock comes last; same time: priority, then number.
 * @param {any} a @param {any} b properties of incidents */
export function byBreach(a, b) {
  const da = a.due_at ? Date.parse(a.due_at) : Infinity;
  const db = b.due_at ? Date.parse(b.due_at) : Infinity;
  if (da !== db) return da < db ? -1 : 1;
  const pa = RANK[a.priority] ?? 9;
  const pb = RANK[b.priority] ?? 9;
  return pa - pb || String(a.number).localeCompare(String(b.number), 'en', { numeric: true });
}

/** The id one step further in the list; stays at the ends; nothing chosen starts at the top.
 * @param {string[]} ids @param {string | null} current @param {1 | -1} step */
export function move(ids, current, step) {
  if (ids.length === 0) return null;
  const at = current === null ? -1 : ids.indexOf(current);
  if (at < 0) return step > 0 ? ids[0] : ids[ids.length - 1];
  return ids[Math.max(0, Math.min(ids.length - 1, at + step))];
}

/** What sending the next crew is for: the repair (which closes its own valves); null when a crew
 * already has it, and one more is a decision with a reason.
 * @param {any} incident detail of an incident */
export function nextKind(incident) {
  const over = new Set(['declined', 'recalled', 'failed_visit']);
  return (incident.work_orders || []).some((/** @type {any} */ o) => o.kind === 'repair' && !over.has(o.state)) ? null : 'repair';
}

/** Reasons as bars: length by share of the largest weight.
 * @param {{text: string, weight: number}[]} reasons */
export function bars(reasons) {
  const most = Math.max(1e-9, ...reasons.map((r) => Math.abs(Number(r.weight) || 0)));
  return reasons.map((r) => ({ text: r.text, good: Number(r.weight) < 0, share: Math.abs(Number(r.weight) || 0) / most }));
}
