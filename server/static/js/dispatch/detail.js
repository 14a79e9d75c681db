// @ts-check
// The right drawer: one incident, whole. What to do first stands on top.
import { photoStrip } from '../ask.js';
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { planHydraulics } from '../plan-hydraulics.js';
import { ago, arrives, clock, distance, figure, span, until } from '../time.js';
import { word } from '../words.js';
import { toHash } from '../network/permalink.js';
import { digSection } from './dig.js';
import { noAnswer } from './board-rows.js';
import { bars, nextKind } from './order.js';

/** @param {any} d incident detail @param {any} ranking or null while it is computed @param {{busy: boolean, chosenCrew: string | null, cost?: string}} state */
export function detail(d, ranking, state) {
  const due = until(d.due_at);
  return html`<header>
    <div class="head"><b class="prio" data-p="${d.priority || 'P4'}">${(d.priority || 'P4').slice(1)}</b><h2>${d.kind_label || word('kind', d.kind)}, ${d.address || gettext('place not known yet')}</h2>
      <button class="quiet" data-do="back" aria-label="${gettext('Close')}" title="Esc">✕</button></div>
    <div class="row"><span class="due" data-level="${due.level}" title="${clock(d.due_at, true)}">${due.text}${d.due_what ? html` <span class="muted">(${word('clock', d.due_what)})</span>` : ''}</span>
      <span class="chip">${d.number}</span><span class="chip">${word('state', d.state)}</span><span class="muted" title="${clock(d.opened_at, true)}">${gettext('opened %(ago)s', { ago: ago(d.opened_at) })}</span></div>
  </header>
  ${digSection(d.dig)}
  ${held(d) ? html`${orders(d.work_orders, state.busy)}${crewSection(d, ranking, state)}` : html`${d.geometry ? crewSection(d, ranking, state) : whereSection(d)}${(d.work_orders || []).length ? orders(d.work_orders, state.busy) : ''}`}
  ${planSection(d)}
  ${(d.contacts || []).length ? html`<section><h3>${ngettext('%(count)s caller', '%(count)s callers', d.contacts.length)}</h3><ul class="timeline">${d.contacts.map((/** @type {any} */ c) => html`<li><time title="${clock(c.at, true)}">${clock(c.at)}</time><span>${c.name || gettext('unknown caller')} <span class="muted">${c.phone_masked || ''}</span></span></li>`)}</ul></section>` : ''}
  ${(d.tickets_list || []).length ? html`<section><h3>${gettext('Tickets')}</h3><ul>${d.tickets_list.map((/** @type {any} */ t) => html`<li><a href="/tickets/${t.number}">${t.number}</a> ${t.customer || ''} <span class="muted">${word('state', t.state)}</span></li>`)}</ul></section>` : ''}
  <section><h3>${gettext('Timeline')}</h3><ol class="timeline">${(d.timeline || []).slice().sort((/** @type {any} */ a, /** @type {any} */ b) => Date.parse(b.at) - Date.parse(a.at)).map((/** @type {any} */ e) => html`<li><time title="${clock(e.at, true)}">${clock(e.at)}</time><span>${e.refused ? html`<span class="chip bad">${gettext('refused')}</span> ` : ''}${word('step', e.what)}${e.text ? html`: ${e.text}` : ''} <span class="who">${e.who || ''}</span></span></li>`)}</ol></section>
  ${d.closable && !state.busy ? html`<section><p class="muted">${gettext('Nobody waits for this any more.')}</p><button data-do="end" data-testid="close-incident">${gettext('Close the incident')}</button></section>` : ''}`;
}

/** Somebody is on it: who, and how far, comes before who else could go. @param {any} d */
function held(d) { return (d.work_orders || []).some((/** @type {any} */ o) => !['declined', 'recalled', 'failed_visit'].includes(o.state)); }

/** Nobody can be sent where nobody knows: the place comes first. @param {any} d */
function whereSection(d) {
  const ticket = (d.tickets_list || [])[0];
  return html`<section data-testid="unlocated"><h3>${gettext('Where is it?')}</h3><p class="warning">${gettext('No crew can be sent and no valves can be named before the place is known.')}</p>
    ${ticket ? html`<button class="main assign" data-do="locate" data-testid="locate"><span>${gettext('Say where it is')}</span><span><kbd>Enter</kbd></span></button>` : ''}</section>`;
}

/** @param {any} d @param {any} ranking @param {{busy: boolean, chosenCrew: string | null, cost?: string}} state */
function crewSection(d, ranking, state) {
  const kind = nextKind(d);
  const first = ranking && ranking.ranked && ranking.ranked[0];
  const closed = ['closed', 'restored'].includes(d.state);
  if (closed) return '';
  const held = d.crew || (d.work_orders || []).some((/** @type {any} */ o) => o.crew);
  return html`<section data-testid="crews"><h3><span>${kind ? gettext('Send a crew to isolate and repair') : gettext('Crews')}</span>${ranking ? html`<span class="muted">${gettext('ranked in %(ms)s ms', { ms: figure(ranking.computed_ms, 0) })}</span>` : ''}</h3>
    ${!ranking ? html`<p class="muted">${gettext('Ranking the crews…')}</p>` : ''}
    ${ranking && ranking.problem ? html`<p class="warning">${ranking.problem}</p>` : ''}
    ${first && kind ? html`<button class="main assign" data-do="assign" data-testid="assign-first" data-crew="${first.crew.id}" ${state.busy ? html`disabled` : ''}><span>${gettext('Send %(crew)s', { crew: first.crew.name })}</span><span>${minutes(first)} <kbd>Enter</kbd></span></button>
      <p class="row"><button class="quiet" data-do="another" data-testid="assign-other">${gettext('Another crew, with a reason')} <kbd>Shift Enter</kbd></button></p>` : ''}
    ${ranking && !first && !ranking.problem && (kind || !held) ? html`<p class="warning">${ranking.why || gettext('No crew can go now. See why below.')}</p>` : ''}
    ${!kind && held ? html`<p class="row"><span class="muted">${gettext('A crew has this.')}</span> <button class="quiet" data-do="another" data-testid="assign-other">${gettext('One more crew, with a reason')} <kbd>Shift Enter</kbd></button></p>` : ''}
    ${ranking ? html`<ol class="crews" id="ranked" role="listbox" tabindex="0" data-testid="ranked" aria-label="${gettext('Crews by rank')}" ${state.chosenCrew ? html`aria-activedescendant="rank-${state.chosenCrew}"` : ''}>${shownCrews(ranking, state.chosenCrew).map(([r, i]) => rankedCrew(r, i, state))}</ol>
      ${(ranking.excluded || []).length ? html`<details class="excluded"><summary>${ngettext('%(count)s crew cannot go', '%(count)s crews cannot go', ranking.excluded.length)}</summary><ul>${ranking.excluded.map((/** @type {any} */ e) => html`<li><b>${e.crew.name}</b>: ${(e.reasons || []).map((/** @type {any} */ r) => r.text).join('; ')}</li>`)}</ul></details>` : ''}` : ''}
  </section>`;
}

/** @param {any} r */
function minutes(r) { return typeof r.seconds === 'number' ? span(r.seconds) : gettext('no way there'); }

/** The best six, and whoever else is looked at, with their places. @param {any} ranking @param {string | null} chosen @returns {[any, number][]} */
function shownCrews(ranking, chosen) {
  const all = (ranking.ranked || []).map((/** @type {any} */ r, /** @type {number} */ i) => /** @type {[any, number]} */ ([r, i]));
  return all.filter((/** @type {[any, number]} */ [r, i]) => i < 6 || String(r.crew.id) === chosen);
}

/** @param {any} r @param {number} i @param {{chosenCrew: string | null, cost?: string}} state */
function rankedCrew(r, i, state) {
  const chosen = String(r.crew.id) === state.chosenCrew;
  return html`<li class="ranked" role="option" id="rank-${r.crew.id}" data-do="rank" data-crew="${r.crew.id}" data-testid="ranked-crew" aria-selected="${chosen ? 'true' : 'false'}"><span class="muted">${i + 1}</span>
    <span><b>${r.crew.name}</b> <span class="muted">${word('crew', r.state)}${r.fix_age_s > 120 ? html` · ${gettext('position %(age)s old', { age: span(r.fix_age_s) })}` : ''}</span></span><span class="drive">${minutes(r)} <span class="muted">${distance(r.metres)}</span></span>
    <span class="reasons">${bars(r.reasons || []).slice(0, 5).map((b) => html`<span>${b.text}</span><span class="bar-cell"><i data-good="${b.good ? 'true' : 'false'}" data-share="${Math.round(b.share * 100)}"></i></span>`)}</span>
    ${chosen && i > 0 ? html`<span class="what-if" data-testid="what-if" role="status">${state.cost ? gettext('Instead of the first: %(cost)s', { cost: state.cost }) : gettext('Asking what it would cost…')}</span>` : ''}</li>`;
}

/** @param {any[]} list @param {boolean} busy */
function orders(list, busy) {
  return html`<section><h3>${gettext('Work orders')}</h3><ul>${list.map((o) => html`<li class="row" data-testid="work-order" data-state="${o.state}"><b>${word('order', o.kind)}</b> <span class="muted">${o.number}</span> ${o.crew ? o.crew.name : ''} <span class="chip">${word('state', o.state)}</span>${o.target ? html` <span class="muted">${gettext('to %(place)s', { place: o.target })}</span>` : ''}
    ${o.state === 'dispatched' && o.answer_by && o.dispatched_at ? html`<span class="asked" data-testid="no-answer" data-sent="${o.dispatched_at}" data-by="${o.answer_by}">${noAnswer(o, Date.now())}</span>` : ''}${o.end_reason ? html`<span class="muted">${o.end_reason === 'no_answer' ? gettext('no answer') : o.end_reason}</span>` : ''}${o.follows ? html`<span class="muted">${gettext('follows %(number)s', { number: o.follows })}</span>` : ''}
    ${o.eta_at && ['dispatched', 'accepted', 'en_route'].includes(o.state) ? html`<span title="${clock(o.eta_at)}">${arrives(o.eta_at)}</span>` : ''}
    ${o.way_problem ? html`<span class="chip bad" data-testid="way-problem">${o.way_problem}</span>` : ''}
    ${o.recallable && !busy ? html`<button class="quiet" data-do="recall" data-number="${o.number}" data-testid="recall">${gettext('Take it back')}</button>` : ''}
    ${(o.photos || []).length ? photoStrip(o.photos) : ''}</li>`)}</ul></section>`;
}

/** The engineer's map at this place, with the main picked. @param {any} d */
function toNetwork(d) {
  const [lon, lat] = d.geometry ? d.geometry.coordinates : [];
  return typeof lon === 'number' ? `/network${toHash({ zoom: 17, lon, lat, id: d.plan.target })}` : `/network#id=${encodeURIComponent(d.plan.target)}`;
}

/** @param {any} d */
export function planSection(d) {
  const plan = d.plan;
  if (!plan) return '';
  const turned = plan.valves.filter((/** @type {any} */ v) => v.state === 'closed').length;
  const hydraulics = plan.hydraulics || {};
  return html`<section data-testid="plan"><h3><span>${gettext('Shut-off plan')}</span>${plan.target ? html`<a href="${toNetwork(d)}" data-testid="to-network">${gettext('pipe %(id)s', { id: plan.target })}</a>` : ''}</h3>
    ${(plan.warnings || []).map((/** @type {any} */ w) => html`<p class="warning">${w.text}</p>`)}
    <div class="bigfigs"><div><b>${figure(plan.customers_off)}</b><span>${plan.state === 'draft' ? gettext('customers would be off') : plan.state === 'restored' ? gettext('customers were off') : gettext('customers off')}</span></div><div><b>${turned}/${plan.valves.length}</b><span>${gettext('valves closed')}</span></div>
      <div><b>${hydraulics.status === 'done' ? figure(hydraulics.below_service) : '–'}</b><span>${hydraulics.status === 'pending' ? gettext('low pressure: computing') : gettext('more with low pressure')}</span></div></div>
    ${(plan.priority_customers || []).length ? html`<ul class="watch">${plan.priority_customers.map((/** @type {any} */ c) => html`<li><span><b>${c.name}</b> ${word('use', c.class)} <span class="muted">${c.phone_masked || ''}</span></span><span>${c.hours_left === null || c.hours_left === undefined ? '' : gettext('water for %(hours)s h', { hours: figure(c.hours_left, c.hours_left < 10 ? 1 : 0) })}</span></li>`)}</ul>` : ''}
    <ol class="valves">${plan.valves.map((/** @type {any} */ v) => html`<li data-state="${v.state}"><i class="sign ${v.state === 'closed' ? 'closed' : v.state === 'cannot_close' ? 'seized' : 'valve'}">${v.sequence}</i><span>${v.label || v.id} <span class="muted">${word('condition', v.condition)}${v.minimal ? '' : html` · ${gettext('spare')}`}</span></span><span>${word('valve', v.state)}</span></li>`)}</ol>
    ${(plan.hydrants_lost || []).length ? html`<p class="muted">${ngettext('%(count)s hydrant without water: tell the fire service', '%(count)s hydrants without water: tell the fire service', plan.hydrants_lost.length)}</p>` : ''}
  </section>${plan.state === 'restored' ? '' : planHydraulics(plan.hydraulics)}`;
}
