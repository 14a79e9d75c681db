// @ts-check
// A moment of the past as the page draws it: what stands on the map, and one incident as it was.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { LETTER } from '../map/icons.js';
import { PALETTE } from '../map/style.js';
import { arrives, clock, span, until } from '../time.js';
import { word } from '../words.js';

const POINT = (/** @type {number[]} */ at, /** @type {any} */ properties) => ({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } });
const all = (/** @type {any[]} */ features) => ({ type: 'FeatureCollection', features });

/** What replay adds to the map, by source. @param {any} picture GET /api/replay */
export function layersOf(picture) {
  const known = picture.incidents.features.map((/** @type {any} */ f) => f.properties.id);
  return {
    'past-dry': all(picture.water.dry.map((/** @type {number[]} */ at) => POINT(at, {}))),
    'past-back': all(picture.water.back.map((/** @type {number[]} */ at) => POINT(at, {}))),
    'past-valves': all(picture.valves.map((/** @type {any} */ v) => POINT([v.lon, v.lat], { id: v.id, icon: v.state === 'closed' ? 'valve-closed' : 'valve-seized' }))),
    'past-calls': all(picture.calls.filter((/** @type {any} */ c) => typeof c.lon === 'number').map((/** @type {any} */ c) => POINT([c.lon, c.lat], { state: c.state, letter: '✆' }))),
    // A ticket on an incident is told by its sign; the others stand for themselves.
    'past-tickets': all(picture.tickets.filter((/** @type {any} */ t) => typeof t.lon === 'number' && !known.includes(t.incident)).map((/** @type {any} */ t) => POINT([t.lon, t.lat], { number: t.number, letter: LETTER[t.kind] || '?' }))),
  };
}

/** The sources of a replay. */
export const PAST = ['past-dry', 'past-back', 'past-valves', 'past-calls', 'past-tickets'];

/** Layers for these sources, under crews and incidents. @param {any} map @param {'light' | 'dark'} theme */
export function addPast(map, theme) {
  const c = PALETTE[theme];
  for (const id of PAST) map.addSource(id, { type: 'geojson', data: all([]) });
  const size = (/** @type {number} */ near) => ['interpolate', ['linear'], ['zoom'], 11, near / 3, 15, near, 18, near * 1.6];
  map.addLayer({ id: 'past-back', type: 'circle', source: 'past-back', paint: { 'circle-radius': size(4), 'circle-color': c.paper, 'circle-stroke-color': c.pipe, 'circle-stroke-width': 2 } }, 'route-case');
  map.addLayer({ id: 'past-dry', type: 'circle', source: 'past-dry', paint: { 'circle-radius': size(4.5), 'circle-color': c.off, 'circle-stroke-color': c.paper, 'circle-stroke-width': 1 } }, 'route-case');
  map.addLayer({ id: 'past-valves', type: 'symbol', source: 'past-valves', layout: { 'icon-image': ['get', 'icon'], 'icon-allow-overlap': true, 'text-field': ['step', ['zoom'], '', 14.5, ['get', 'id']], 'text-font': ['Map Bold'], 'text-size': 11, 'text-offset': [0, 1.4], 'text-optional': true }, paint: { 'text-color': c.ink, 'text-halo-color': c.halo, 'text-halo-width': 1.5 } });
  map.addLayer({ id: 'past-tickets', type: 'circle', source: 'past-tickets', paint: { 'circle-radius': 5, 'circle-color': c.premise, 'circle-stroke-color': c.paper, 'circle-stroke-width': 1.5 } });
  map.addLayer({ id: 'past-calls', type: 'circle', source: 'past-calls', paint: { 'circle-radius': 8, 'circle-color': ['match', ['get', 'state'], 'talking', c.route, c.paper], 'circle-stroke-color': c.route, 'circle-stroke-width': 3 } });
}

/** What of the living map says how things stand now, and must not be seen in the past. */
export const LIVING = ['pipes-closed', 'premises', 'valves', 'shutoff-area', 'shutoff-line', 'plan-valves', 'suspects', 'suspects-case', 'suspect-calls', 'route-case', 'route-line'];

/** One line over the list. @param {any} picture */
export function summary(picture) {
  const waiting = picture.calls.filter((/** @type {any} */ c) => c.state !== 'talking').length;
  return [
    ngettext('%(count)s premise without water', '%(count)s premises without water', picture.water.off),
    ngettext('%(count)s ticket open', '%(count)s tickets open', picture.tickets.length),
    ngettext('%(count)s call, %(waiting)s waiting', '%(count)s calls, %(waiting)s waiting', picture.calls.length, { waiting }),
    picture.crews_hidden ? gettext('crews are not shown to your role') : ngettext('%(count)s crew on shift', '%(count)s crews on shift', picture.crews.features.length),
  ].join(' · ');
}

/** The drawer: an incident as it was. @param {any} p its properties then @param {any} picture @param {any} whole what is known of it now, for its timeline; or null */
export function pastDetail(p, picture, whole) {
  const at = Date.parse(picture.at);
  const due = until(p.due_at, at);
  const orders = picture.orders.filter((/** @type {any} */ o) => o.incident === p.id);
  const tickets = picture.tickets.filter((/** @type {any} */ t) => t.incident === p.id);
  const steps = ((whole && whole.timeline) || []).filter((/** @type {any} */ e) => Date.parse(e.at) <= at).sort((/** @type {any} */ a, /** @type {any} */ b) => Date.parse(b.at) - Date.parse(a.at));
  return html`<header><div class="head"><b class="prio" data-p="${p.priority}">${p.priority.slice(1)}</b><h2>${p.kind_label}, ${p.address || gettext('place not known yet')}</h2><button class="quiet" data-do="back" aria-label="${gettext('Close')}" title="Esc">✕</button></div>
    <div class="row"><span class="due" data-level="${due.level}" title="${clock(p.due_at, true)}">${due.text}${p.due_what ? html` <span class="muted">(${word('clock', p.due_what)})</span>` : ''}</span><span class="chip">${p.number}</span><span class="chip">${word('state', p.state)}</span><span class="chip warn">${gettext('as it was')}</span></div></header>
  <section><h3>${gettext('Work orders')}</h3>${orders.length ? html`<ul>${orders.map((/** @type {any} */ o) => html`<li class="row" data-testid="past-order" data-state="${o.state}"><b>${word('order', o.kind)}</b> <span class="muted">${o.number}</span> ${o.crew ? o.crew.name : ''} <span class="chip">${word('state', o.state)}</span>${o.eta_at && ['dispatched', 'accepted', 'en_route'].includes(o.state) ? html`<span title="${clock(o.eta_at)}">${arrives(o.eta_at, at)}</span>` : ''}</li>`)}</ul>` : html`<p class="muted">${gettext('no crew')}</p>`}</section>
  ${tickets.length ? html`<section><h3>${gettext('Tickets')}</h3><ul>${tickets.map((/** @type {any} */ t) => html`<li><a href="/tickets/${t.number}">${t.number}</a> <span class="muted">${word('state', t.state)}</span></li>`)}</ul></section>` : ''}
  <section><h3>${gettext('Timeline')}</h3><ol class="timeline">${steps.map((/** @type {any} */ e) => html`<li><time title="${clock(e.at, true)}">${clock(e.at)}</time><span>${word('step', e.what)}${e.text ? html`: ${e.text}` : ''} <span class="who">${e.who || ''}</span> <span class="muted">${gettext('%(time)s before', { time: span((at - Date.parse(e.at)) / 1000) })}</span></span></li>`)}</ol></section>`;
}
