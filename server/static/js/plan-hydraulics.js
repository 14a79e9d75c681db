// @ts-check
// What a shut-off does to those outside it, and the way back: one block, from the JSON the worker
// stored (server/outages/hydraulics.py has the shape). Worst news first, long lists folded away.
import { html } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { clock, distance, figure } from './time.js';
import { word } from './words.js';

/** @type {Record<string, () => string>} */
const WHY_NOT = {
  too_large: () => gettext('the network is too large to simulate'),
  timeout: () => gettext('the simulation took too long'),
  unbalanced: () => gettext('the simulation found no solution'),
  no_answer: () => gettext('the simulation gave no answer'),
  failed: () => gettext('the records do not allow a simulation'),
};

/** @type {Record<string, () => string>} */
const REFUSED = {
  low_pressure: () => gettext('pressure would not hold'), others_fall: () => gettext('others would fall short'),
  too_high: () => gettext('pressure too high'), contaminated: () => gettext('contaminated water would come in'),
  not_solved: () => gettext('the simulation found no solution'), nobody: () => gettext('feeds nobody'),
};

/** @type {Record<string, () => string>} */
const PLACE = {
  dead_end: () => gettext('dead end'), high_point: () => gettext('high point'), low_point: () => gettext('low point'),
  smallest: () => gettext('smallest valve with water behind it'), strongest: () => gettext('most pressure behind it'), only_one: () => gettext('the only one with water behind it'),
  nearest: () => gettext('nearest the source next'), spare: () => gettext('no water behind it, last'),
};

/** The whole block; nothing where nobody asked for a simulation. @param {any} h hydraulics of a plan */
export function planHydraulics(h) {
  if (!h || !h.status) return '';
  if (h.status === 'pending') return html`<section class="hydraulics" data-testid="hydraulics" data-status="pending"><h3>${gettext('Pressures')}</h3><p class="muted">${gettext('Being computed…')}</p></section>`;
  return html`<section class="hydraulics" data-testid="hydraulics" data-status="${h.status}"><h3><span>${gettext('Pressures')}</span>${h.from && h.status === 'done' ? html`<span class="muted">${gettext('%(from)s, for %(hours)s h', { from: clock(h.from, true), hours: figure(h.hours, h.hours % 1 ? 1 : 0) })}</span>` : ''}</h3>
    ${h.status === 'done' ? effects(h) : html`<p class="warning" title="${h.reason || ''}">${gettext('Topology only: %(why)s. Who falls short beside those cut off is not known.', { why: (WHY_NOT[h.why] || WHY_NOT.no_answer)() })}</p>`}
    ${options(h.restoration || [])}${handOut(h.standpipes || [])}${wayBack(h)}
  </section>`;
}

/** @param {any} h */
function effects(h) {
  const lost = h.fire_lost || [];
  const brown = h.brown_water || { count: 0, streets: [] };
  return html`<ul class="effects">
    <li data-bad="${h.below_service ? 'true' : 'false'}" data-testid="pressure">${pressure(h)}
      ${(h.below_premises || []).length ? html`<details data-key="short-of-pressure"><summary>${gettext('Which customers')}</summary><ul>${h.below_premises.map((/** @type {any} */ p) => html`<li><span>${p.address || p.premise}</span> <span class="muted">${gettext('%(m)s m at %(at)s', { m: figure(p.least_m, 0), at: clock(p.at) })}</span></li>`)}</ul>${h.below_service > h.below_premises.length ? html`<p class="muted">${gettext('and %(count)s more', { count: h.below_service - h.below_premises.length })}</p>` : ''}</details>` : ''}</li>
    ${(h.tanks || []).filter((/** @type {any} */ t) => t.hours !== null).map((/** @type {any} */ t) => html`<li data-bad="true" data-testid="tank">${t.hours < 0.1 ? gettext('Tank %(id)s is empty at once.', { id: t.id }) : gettext('Tank %(id)s is empty after %(hours)s h.', { id: t.id, hours: figure(t.hours, 1) })}</li>`)}
    ${lost.length ? html`<li data-bad="true" data-testid="fire-lost">${ngettext('%(count)s fire point outside loses its flow: tell the fire service.', '%(count)s fire points outside lose their flow: tell the fire service.', lost.length)}
      <span class="muted">${lost.slice(0, 8).map((/** @type {any} */ f) => html`<b>${f.hydrant}</b>${f.critical ? html` (${gettext('counted on')})` : ''} ${gettext('%(before)s to %(after)s L/s', { before: figure(f.before_m3s * 1000), after: figure(f.after_m3s * 1000) })}; `)}${lost.length > 8 ? '…' : ''}</span></li>` : ''}
    ${brown.count ? html`<li data-bad="true" data-testid="brown-water">${ngettext('Brown water may come in %(count)s main', 'Brown water may come in %(count)s mains', brown.count)}${brown.premises ? html`, ${ngettext('%(count)s customer on it', '%(count)s customers on them', brown.premises)}` : ''}${brown.streets.length ? html`<br><span class="muted">${brown.streets.slice(0, 6).join(', ')}${brown.streets.length > 6 ? '…' : ''}</span>` : ''}</li>` : ''}
  </ul>`;
}

/** @param {any} h */
function pressure(h) {
  const worst = typeof h.worst_m === 'number' ? gettext('lowest %(m)s m at %(node)s at %(at)s, %(drop)s m under the usual', { m: figure(h.worst_m, 1), node: h.worst_node, at: clock(h.worst_at), drop: figure(Math.max(0, h.worst_drop_m || 0), 1) }) : '';
  if (h.below_service) return html`<b>${ngettext('%(count)s more customer falls below service pressure', '%(count)s more customers fall below service pressure', h.below_service)}</b>${worst ? html`<br><span class="muted">${worst}</span>` : ''}`;
  return html`${gettext('Pressure holds for everybody else')}${worst ? html`<br><span class="muted">${worst}</span>` : ''}`;
}

/** @param {any[]} list */
function options(list) {
  const good = list.filter((o) => o.accepted);
  const bad = list.filter((o) => !o.accepted);
  if (!list.length) return '';
  return html`<h4>${gettext('Feed them another way')}</h4>
    ${good.length ? html`<ol class="ways" data-testid="restoration">${good.slice(0, 3).map((o) => html`<li><span><b>${o.valves.join(' + ')}</b> <span class="muted">${word('condition', o.operable)}${o.accessible ? '' : html` · ${gettext('paved over')}`}</span></span><span>${ngettext('%(count)s customer back', '%(count)s customers back', o.premises)} <span class="muted">${ngettext('%(count)s turn', '%(count)s turns', o.turns)}${typeof o.lowest_m === 'number' ? html` · ${gettext('at least %(m)s m', { m: figure(o.lowest_m) })}` : ''}</span></span></li>`)}</ol>` : html`<p class="muted">${gettext('No closed valve helps.')}</p>`}
    ${good.length > 3 ? html`<p class="muted">${gettext('Would do as well: %(valves)s', { valves: good.slice(3).map((o) => o.valves.join(' + ')).join(', ') })}</p>` : ''}
    ${bad.length ? html`<details data-key="refused-options"><summary>${gettext('Tried and refused: %(count)s', { count: bad.length })}</summary><ul>${bad.map((o) => html`<li>${o.valves.join(' + ')} <span class="muted">${o.refused.map((/** @type {string} */ r) => (REFUSED[r] || (() => r))()).join(', ')}</span></li>`)}</ul></details>` : ''}`;
}

/** @param {any[]} list */
function handOut(list) {
  if (!list.length) return '';
  const litres = list.reduce((sum, p) => sum + p.litres_a_day, 0);
  return html`<h4><span>${gettext('Water to fetch')}</span> <span class="muted">${gettext('%(m3)s m³ a day', { m3: figure(litres / 1000, 1) })}</span></h4>
    <ul class="ways" data-testid="standpipes">${list.map((p) => html`<li data-kind="${p.kind}"><span>${p.kind === 'standpipe' ? html`${gettext('Standpipe on')} <b>${p.hydrant}</b>` : p.kind === 'tanker' ? gettext('Tanker') : gettext('Bring to the door')}${p.street ? html` <span class="muted">${p.street}</span>` : ''}</span><span>${ngettext('%(count)s person', '%(count)s people', p.persons)}${p.kind === 'none' ? '' : html` <span class="muted">${gettext('%(far)s at most', { far: distance(p.farthest_m) })}</span>`}</span></li>`)}</ul>`;
}

/** @param {any} h */
function wayBack(h) {
  const steps = h.reopening || [];
  if (!steps.length) return '';
  return html`<details class="way-back" data-key="way-back" data-testid="reopening"><summary>${gettext('Bringing the water back: %(count)s steps', { count: steps.length })}</summary>
    ${h.contamination_suspected ? html`<p class="warning">${gettext('Contamination suspected: no flushing before a sample is taken.')}</p>` : ''}
    <ol>${steps.map((/** @type {any} */ s) => html`<li data-code="${s.code}">${step(s)}${s.why ? html` <span class="muted">${(PLACE[s.why] || (() => s.why))()}</span>` : ''}</li>`)}</ol></details>`;
}

/** @param {any} s one step @returns {unknown} */
function step(s) {
  const flow = figure((s.flow_m3s || 0) * 1000);
  switch (s.code) {
    case 'air': return gettext('Open hydrant %(id)s to let the air out, until water runs without it', { id: s.asset });
    case 'no_outlet': return gettext('No hydrant at a high point: let the air out at the highest tap inside');
    case 'fill': return gettext('Fill slowly through valve %(id)s alone, DN%(dn)s', { id: s.asset, dn: figure(s.diameter_mm) });
    case 'flush': return gettext('Flush at hydrant %(id)s with %(flow)s L/s (1.5 m/s), until clear', { id: s.asset, flow });
    case 'sample': return gettext('Take a sample; go on when it is good');
    case 'open': return gettext('Open valve %(id)s', { id: s.asset });
    case 'stay_shut': return gettext('Leave valve %(id)s shut: it is normally closed', { id: s.asset });
    default: return `${s.code} ${s.asset || ''}`;
  }
}
