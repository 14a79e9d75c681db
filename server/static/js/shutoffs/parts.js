// @ts-check
// Words and pieces both pages of shut-offs share: states, hours, how the notice stands.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, figure, span } from '../time.js';
import { local } from './form.js';

/** @type {Record<string, () => string>} */
const STATE = {
  draft: () => gettext('draft'), approved: () => gettext('approved'), noticed: () => gettext('customers told'), active: () => gettext('water off'),
  partly_restored: () => gettext('partly back'), restored: () => gettext('water back'), closed: () => gettext('file closed'), cancelled: () => gettext('cancelled'),
};
/** @param {string} state */
export const stateWord = (state) => (STATE[state] ? STATE[state]() : state);
/** @param {string} state */
export const stateKind = (state) => ({ active: 'bad', partly_restored: 'warn', restored: 'ok', noticed: 'ok' })[state] || '';

/** "14:05 to 17:30" with days where they matter. @param {any} s */
export function hours(s) {
  const now = Date.now();
  if (s.state === 'active' || s.state === 'partly_restored') {
    const late = s.back_at && Date.parse(s.back_at) < now;
    return html`${gettext('off since %(time)s', { time: clock(s.since, !today(s.since)) })}<br>${!s.back_at ? gettext('no time known') : late
      ? html`<span class="late" data-testid="overdue">${gettext('expected %(time)s, %(late)s late', { time: clock(s.back_at, !today(s.back_at)), late: span((now - Date.parse(s.back_at)) / 1000) })}</span>`
      : gettext('back about %(time)s, in %(left)s', { time: clock(s.back_at, !today(s.back_at)), left: span((Date.parse(s.back_at) - now) / 1000) })}`;
  }
  if (s.restored_at) return gettext('back since %(time)s', { time: clock(s.restored_at, true) });
  if (s.from) return html`${clock(s.from, true)}<br>${gettext('to %(time)s', { time: clock(s.to, s.from.slice(0, 10) !== (s.to || '').slice(0, 10)) })}`;
  return gettext('no crew has closed a valve yet');
}

/** @param {string | null} at */
function today(at) { return Boolean(at) && local(String(at)).slice(0, 10) === local(Date.now()).slice(0, 10); }

/** How the notice stands, in one line. @param {any} n @param {string} state */
export function noticeLine(n, state) {
  if (!n || !n.due_at) return '';
  const left = (Date.parse(n.due_at) - Date.now()) / 1000;
  if (!n.total) {
    if (left < 0) return html`<span class="late">${gettext('notice was due %(time)s ago', { time: span(-left) })}</span>`;
    return html`<span class="${left < 6 * 3600 ? 'soon' : 'muted'}">${gettext('notice due in %(time)s', { time: span(left) })}</span>`;
  }
  const told = gettext('told %(told)s of %(total)s', { told: figure(n.in_time), total: figure(n.total) });
  return html`<span class="${n.enough ? '' : left < 0 ? 'late' : 'soon'}">${told}${n.calls_owed ? html`, ${ngettext('%(count)s call owed', '%(count)s calls owed', n.calls_owed)}` : ''}${n.failed ? html`, ${ngettext('%(count)s not reached', '%(count)s not reached', n.failed)}` : ''}</span>${state === 'approved' && left > 0 && !n.enough ? html` <span class="muted">${gettext('due in %(time)s', { time: span(left) })}</span>` : ''}`;
}

/** @param {any} s */
export function overlapLine(s) {
  return (s.overlaps || []).length ? html`<span class="chip warn" data-testid="overlap">▲ ${gettext('in the way: %(numbers)s', { numbers: s.overlaps.join(', ') })}</span>` : '';
}
