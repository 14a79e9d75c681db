// @ts-check
// The dispatcher's list, drawn from data.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { isOver } from '../map/layers.js';
import { arrives, clock, figure, until } from '../time.js';
import { word } from '../words.js';

/** @param {any} p properties of an incident @param {boolean} chosen @param {boolean} fresh @param {number} [now] the moment it is shown at */
export function incidentRow(p, chosen, fresh, now = Date.now()) {
  const due = until(p.due_at, now);
  return html`<li class="incident ${fresh ? 'fresh' : ''} ${isOver(p) ? 'over' : ''}" role="option" id="row-${p.id}" data-do="choose" data-id="${p.id}" data-number="${p.number}" data-testid="incident-row" aria-selected="${chosen ? 'true' : 'false'}">
    <b class="prio" data-p="${p.priority || 'P4'}" title="${p.priority}">${(p.priority || 'P4').slice(1)}</b>
    <span class="what">${p.kind_label || word('kind', p.kind)} <span class="muted">${p.number}</span></span>
    <span class="due" data-level="${due.level}" title="${p.due_what ? `${word('clock', p.due_what)} ` : ''}${clock(p.due_at, true)}">${due.text}</span>
    <span class="where" title="${p.address || ''}"><span>${p.address || gettext('place not known yet')}</span>${p.crew ? html`<span class="crew">${p.crew.name}${p.eta_at ? html` <span class="muted" title="${clock(p.eta_at)}">${arrives(p.eta_at, now)}</span>` : ''}</span>` : html`<span class="crew none">${gettext('no crew')}</span>`}</span>
    <span class="more"><span>${word('state', p.state)}</span>
      ${p.customers_off ? html`<span>${ngettext('%(n)s customer affected', '%(n)s customers affected', p.customers_off, { n: figure(p.customers_off) })}</span>` : ''}
      ${p.callers ? html`<span>${ngettext('%(count)s caller', '%(count)s callers', p.callers)}</span>` : ''}</span>
  </li>`;
}

/** @param {any[]} list */
export function totals(list) {
  const off = list.reduce((sum, p) => sum + (isOver(p) ? 0 : p.customers_off || 0), 0);
  const bare = list.filter((p) => !p.crew).length;
  const parts = [];
  if (bare) parts.push(ngettext('%(count)s without a crew', '%(count)s without a crew', bare));
  parts.push(ngettext('%(n)s customer affected', '%(n)s customers affected', off, { n: figure(off) }));
  return parts.join(' · ');
}
