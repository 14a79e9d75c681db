// @ts-check
// The board drawn from data: the hours, what waits, one row per crew.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, span, stopwatch, until } from '../time.js';
import { word } from '../words.js';
import { bar, barId, share, ticks, waitId } from './gantt.js';

/** @typedef {import('./gantt.js').Stretch} Stretch */
/** @typedef {{window: Stretch, now: number, staleAfter: number, offset: number, due: (incident: any) => string | null, current: string | null, chosen: string | null, target: string | null}} Look */

const percent = (/** @type {number} */ part) => (part * 100).toFixed(3);

/** @param {Look} look */
export function hours(look) {
  const now = share(look.now, look.window);
  return html`<div class="g-head"><span class="g-label muted">${clock(new Date(look.now).toISOString())}</span><div class="g-lane">${ticks(look.window, look.offset).map((at) => html`<span class="tick" data-left="${percent(share(at, look.window))}">${clock(new Date(at).toISOString())}</span>`)}<i class="now" data-left="${percent(now)}"></i></div></div>`;
}

/** The top row: what waits for a crew, most urgent first. @param {any[]} waiting @param {Look} look */
export function waitingRow(waiting, look) {
  const dues = waiting.map((w) => dueOf(w, look)).filter(Boolean).sort();
  const next = dues.length ? until(dues[0], look.now) : null;
  const text = waiting.length ? gettext('Waiting: %(n)s', { n: waiting.length }) : gettext('Nothing waits for a crew.');
  return html`<div class="g-row waiting" role="row" data-testid="board-waiting"><span class="g-label" role="rowheader"><b>${text}</b>${next ? html` <span class="due" data-level="${next.level}">${next.level === 'late' ? gettext('first %(late)s', { late: next.text }) : gettext('first breach in %(time)s', { time: span(next.seconds) })}</span>` : ''}</span>
    <div class="g-lane chips">${waiting.map((w) => waitChip(w, look))}</div></div>`;
}

/** The list and the board must not say two things: the next promise of the incident, whatever it is of. @param {any} w @param {Look} look */
const dueOf = (w, look) => look.due(w.incident) || w.due_at;

/** @param {any} w @param {Look} look */
function waitChip(w, look) {
  const due = until(dueOf(w, look), look.now);
  const id = waitId(w);
  return html`<button type="button" class="wait" role="gridcell" id="${id}" tabindex="${id === look.current ? 0 : -1}" data-cell data-testid="board-wait" data-incident="${w.incident}" data-number="${w.number}" data-kind="${w.kind}" data-movable aria-selected="${String(w.incident) === look.chosen ? 'true' : 'false'}" title="${w.number} ${w.kind_label}, ${w.address || ''}. ${w.why_text || ''}">
    <b class="prio" data-p="${w.priority}">${w.priority.slice(1)}</b><span>${w.number}</span>${w.kind !== 'repair' ? html`<span class="muted">${word('order', w.kind)}</span>` : ''}<span class="due" data-level="${due.level}">${due.level === 'none' ? '' : due.text}</span>${w.why && w.why !== 'planned' ? html`<span class="why">${w.why_text}</span>` : ''}</button>`;
}

/** @param {any} crew @param {Look} look */
export function crewRow(crew, look) {
  const age = crew.fix_time ? (look.now - Date.parse(crew.fix_time)) / 1000 : Infinity;
  const stale = age > look.staleAfter;
  const id = `crewrow-${crew.id}`;
  const sign = { available: 'free', assigned: 'other', en_route: 'moving', on_site: 'site' }[/** @type {'available'} */ (crew.state)] || 'other';
  return html`<div class="g-row" role="row" data-testid="crew-row" data-crew="${crew.id}" data-state="${crew.on_shift ? crew.state : 'off_duty'}" data-stale="${stale ? 'true' : 'false'}" data-target="${String(crew.id) === look.target ? 'true' : 'false'}">
    <button type="button" class="g-label" role="rowheader" id="${id}" tabindex="${id === look.current ? 0 : -1}" data-cell data-do="crew" data-id="${crew.id}"><i class="sign ${crew.on_shift ? sign : 'off'}"></i><b>${crew.name}</b> <span class="muted">${crew.on_shift ? word('crew', crew.state) : word('crew', 'off_duty')}</span>${crew.on_shift && stale ? html` <span class="chip warn" title="${clock(crew.fix_time, true)}">${Number.isFinite(age) ? span(age) : gettext('never seen')}</span>` : ''}</button>
    <div class="g-lane" data-lane="${crew.id}">${crew.shift.map((/** @type {any} */ s) => stripe(s, look))}<i class="now" data-left="${percent(share(look.now, look.window))}"></i>${[...crew.orders, ...crew.proposed].map((o) => orderBar(o, look))}</div></div>`;
}

/** @param {any} shift @param {Look} look */
function stripe(shift, look) {
  const [left, right] = [share(Date.parse(shift.starts), look.window), share(Date.parse(shift.ends), look.window)];
  return right > left ? html`<i class="shift" data-kind="${shift.kind || 'shift'}" data-left="${percent(left)}" data-width="${percent(right - left)}" title="${clock(shift.starts, true)} – ${clock(shift.ends, true)}"></i>` : '';
}

/** @param {any} order @param {Look} look */
function orderBar(order, look) {
  const b = bar(order, look.now);
  const from = share(b.travel.from, look.window);
  const to = share(b.work.to, look.window);
  if (!(to > from)) return '';
  const mid = share(b.work.from, look.window);
  const id = barId(order);
  const due = look.due(order.incident);
  // Proposed after the promise is over, or promised and not there in time: late, in sign and words.
  const late = b.late > 60 ? span(b.late) : '';
  const what = late ? (b.what === 'work' ? gettext('%(time)s over', { time: late }) : gettext('%(time)s late', { time: late })) : '';
  const asked = order.state === 'dispatched' ? noAnswer(order, look.now) : '';
  const [meantFrom, meantTo] = [share(b.meant.travel.from, look.window), share(b.meant.work.to, look.window)];
  const shifted = !b.proposed && (Math.abs(b.meant.work.to - b.work.to) > 60000 || Math.abs(b.meant.travel.to - b.travel.to) > 60000);
  return html`${shifted && meantTo > meantFrom ? html`<i class="meant" data-left="${percent(meantFrom)}" data-width="${percent(meantTo - meantFrom)}"></i>` : ''}<button type="button" class="job" role="gridcell" id="${id}" tabindex="${id === look.current ? 0 : -1}" data-cell data-testid="${b.proposed ? 'board-proposed' : 'board-order'}" data-incident="${order.incident}" data-number="${order.number || ''}" data-kind="${order.kind}" data-state="${order.state}" data-p="${order.priority}" data-over="${b.over}" data-late="${late ? 'true' : 'false'}" data-pinned="${order.pinned && b.proposed ? 'true' : 'false'}" ${order.movable ? html`data-movable` : ''} data-left="${percent(from)}" data-width="${percent(to - from)}" aria-selected="${String(order.incident) === look.chosen ? 'true' : 'false'}"
    title="${title(order, b, due)}" aria-label="${title(order, b, due)}"><i class="travel" data-width="${percent((mid - from) / (to - from))}"></i><span class="in"><b class="prio" data-p="${order.priority}">${order.priority.slice(1)}</b>${order.pinned && b.proposed ? html`<i class="pin" aria-hidden="true"></i>` : ''}<span class="name">${order.incident_number}</span>${what ? html`<span class="late"><i aria-hidden="true"></i>${what}</span>` : ''}${asked ? html`<span class="asked">${asked}</span>` : ''}${order.address ? html`<span class="at">${order.address}</span>` : ''}</span></button>`;
}

/** "no answer for 2:10, re-offered at 3:00". @param {any} order @param {number} now */
export function noAnswer(order, now) {
  const sent = Date.parse(order.dispatched_at || (order.planned && order.planned.start) || '');
  if (!Number.isFinite(sent) || !order.answer_by) return '';
  const waited = stopwatch((now - sent) / 1000);
  const limit = stopwatch((Date.parse(order.answer_by) - sent) / 1000);
  return gettext('no answer for %(waited)s, re-offered at %(limit)s', { waited, limit });
}

/** @param {any} order @param {ReturnType<typeof bar>} b @param {string | null} due */
function title(order, b, due) {
  const iso = (/** @type {number} */ at) => clock(new Date(at).toISOString());
  const parts = [`${order.incident_number} ${order.kind_label || word('order', order.kind)}${order.number ? ` ${order.number}` : ''}, ${order.address || ''}`,
    b.proposed ? gettext('proposed') : word('state', order.state),
    gettext('there %(arrive)s, done about %(end)s', { arrive: iso(b.work.from), end: iso(b.work.to) })];
  if (b.late > 60) parts.push(gettext('%(time)s late', { time: span(b.late) }));
  if (due) parts.push(gettext('promised by %(time)s', { time: clock(due) }));
  if (order.pinned && b.proposed) parts.push(gettext('pinned by a dispatcher'));
  return parts.filter(Boolean).join('; ');
}

/** Widths and places are set by script: the page allows no styles in the markup. @param {Element} root */
export function lay(root) {
  root.querySelectorAll('[data-left], [data-width]').forEach((e) => {
    if (!(e instanceof HTMLElement)) return;
    if (e.dataset.left) e.style.left = `${e.dataset.left}%`;
    if (e.dataset.width) e.style.width = `${e.dataset.width}%`;
  });
}

/** @param {number} shown @param {number} all */
export function count(shown, all) {
  return shown === all ? ngettext('%(count)s crew', '%(count)s crews', all) : gettext('%(shown)s of %(all)s crews', { shown, all });
}
