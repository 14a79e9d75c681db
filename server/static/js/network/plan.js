// @ts-check
// A trace as the screen shows it: what is drawn and what is said.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { spread } from '../map/layers.js';
import { figure } from '../time.js';
import { word } from '../words.js';
import { asLength } from './geodesy.js';

/** @typedef {{kind: string, target: string, valves: any[], already: string[], lines: any, unintended: any, off: number, classes: Record<string, number>, priority: any[],
 *   hydrants: string[], warnings: {code: string, text: string}[], alternatives: any[], metres: number, pipes: number, sources: string[], reached: boolean, sewers: boolean}} Found */

/** @param {any} a the server's answer @param {string} kind @returns {Found} */
export function readTrace(a, kind) {
  const none = { type: 'MultiLineString', coordinates: [] };
  const drawn = a.drawn || {};
  const premises = a.premises || { total: 0, by_class: {} };
  return {
    kind, target: a.target, valves: a.valves || [], already: a.already_closed || [], lines: drawn.pipes || a.geometry || none, unintended: drawn.unintended || none,
    off: premises.total, classes: premises.by_class, priority: a.priority_customers || [], hydrants: a.hydrants_lost || [], warnings: a.warnings || [], alternatives: a.alternatives || [],
    // A run of sewers names its mains and where it ends; a trace its pipes and sources.
    metres: a.length_m || 0, pipes: (a.pipes || a.sewers || []).length, sources: a.sources || a.ends || [], reached: a.reached !== false, sewers: Boolean(a.sewers),
  };
}

/** Numbered discs in closing order. @param {any[]} valves */
export function discs(valves) {
  const list = valves.filter((v) => typeof v.lon === 'number');
  const offsets = spread(list);
  return { type: 'FeatureCollection', features: list.map((v, i) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [v.lon, v.lat] }, properties: { id: v.id, sequence: v.sequence || i + 1, state: v.state === 'closed' || v.state === 'cannot_close' ? v.state : 'open', icon: offsets[i].map((px) => px / 0.85), text: offsets[i].map((px) => px / 13) } })) };
}

/** The server says it in the reader's language. @param {{code: string, text: string}} w */
export const warningText = (w) => w.text || w.code;

/** Priority first, then the others, each with its count. @param {Record<string, number>} classes @returns {[string, number][]} */
export function byClass(classes) {
  const first = ['dialysis', 'hospital', 'care', 'school'];
  const rank = (/** @type {string} */ use) => (first.includes(use) ? first.indexOf(use) : first.length);
  return Object.entries(classes).sort((a, b) => rank(a[0]) - rank(b[0]) || b[1] - a[1]);
}

/** @param {Found} found @param {{inoperable: Set<string>, closed: Set<string>}} whatIf */
export function planPanel(found, whatIf) {
  if (found.kind !== 'isolate') return tracePanel(found);
  const asked = whatIf.inoperable.size + whatIf.closed.size;
  return html`<section data-testid="trace-plan" data-kind="isolate" data-off="${found.off}"><h3><span>${gettext('To isolate %(id)s', { id: found.target })}</span>${asked ? html`<span class="chip warn">${gettext('what if')}</span>` : ''}</h3>
    ${whatIfPart(whatIf)}
    ${found.warnings.map((w) => html`<p class="warning" data-code="${w.code}">${warningText(w)}</p>`)}
    <div class="bigfigs"><div><b data-testid="trace-off">${figure(found.off)}</b><span>${gettext('customers off')}</span></div><div><b data-testid="trace-valves">${found.valves.length}</b><span>${gettext('valves to close')}</span></div><div><b>${found.hydrants.length}</b><span>${gettext('hydrants lost')}</span></div></div>
    ${found.priority.length ? html`<ul class="watch">${found.priority.map((c) => html`<li><span><b>${c.name || c.premise}</b> ${word('use', c.class)}</span><span>${typeof c.hours_left === 'number' ? gettext('water for %(hours)s h', { hours: figure(c.hours_left, c.hours_left < 10 ? 1 : 0) }) : ''}</span></li>`)}</ul>` : ''}
    ${found.valves.length ? html`<ol class="valves">${found.valves.map((v, i) => html`<li data-testid="trace-valve" data-id="${v.id}"><i class="sign ${v.state === 'closed' ? 'closed' : 'valve'}">${v.sequence || i + 1}</i>
      <span><button class="link" data-do="pick" data-id="${v.id}">${v.label || v.id}</button> <span class="muted">${v.diameter_mm ? `DN${figure(v.diameter_mm)} ` : ''}${word('condition', v.condition)}${v.turns ? html`, ${ngettext('%(count)s turn', '%(count)s turns', v.turns)}` : ''}${v.minimal === false ? html`, ${gettext('spare')}` : ''}</span></span>
      <button class="quiet" data-do="stuck" data-id="${v.id}" title="${gettext('What if it will not turn?')}">${gettext('stuck?')}</button></li>`)}</ol>` : html`<p class="muted">${gettext('No valve has to be closed.')}</p>`}
    ${byClass(found.classes).length ? html`<p class="muted">${byClass(found.classes).map(([use, n]) => html`<span class="nowrap">${figure(n)} ${word('use', use)}</span> `)}</p>` : ''}
    ${found.hydrants.length ? html`<p>${gettext('Hydrants without water: tell the fire service.')} <span class="muted">${found.hydrants.slice(0, 12).map((h) => html`<button class="link" data-do="pick" data-id="${h}">${h}</button> `)}</span></p>` : ''}
    ${found.already.length ? html`<p class="muted">${gettext('Shut already: %(ids)s', { ids: found.already.join(', ') })}</p>` : ''}
    ${alternativesPart(found.alternatives)}
    <p class="row"><button data-do="fit">${gettext('Show all of it')}</button><button class="quiet" data-do="clear">${gettext('Clear')} <kbd>Esc</kbd></button></p></section>`;
}

/** @param {{inoperable: Set<string>, closed: Set<string>}} whatIf */
function whatIfPart(whatIf) {
  if (!whatIf.inoperable.size && !whatIf.closed.size) return '';
  const chip = (/** @type {string} */ id, /** @type {string} */ text) => html`<button class="chip warn" data-do="unmark" data-id="${id}" data-testid="what-if" title="${gettext('Take this back')}">${id}: ${text} ✕</button>`;
  return html`<p class="row">${Array.from(whatIf.inoperable, (id) => chip(id, gettext('will not turn')))}${Array.from(whatIf.closed, (id) => chip(id, gettext('shut already')))}</p>`;
}

/** As the server ranks them, the least harm first. @param {any[]} list */
function alternativesPart(list) {
  if (!list.length) return '';
  return html`<h4>${gettext('If one of them does not turn')}</h4><ul class="others">${list.slice(0, 8).map((a) => html`<li data-testid="alternative"><button class="link" data-do="stuck" data-id="${a.valve}">${gettext('without %(id)s', { id: a.valve })}</button>
    <span>${a.isolates === false ? html`<b>${gettext('cannot be isolated')}</b>` : a.extra_customers ? gettext('+%(n)s customers', { n: figure(a.extra_customers) }) : gettext('nobody more')}${a.critical_customers ? html`, ${gettext('%(n)s of priority', { n: figure(a.critical_customers) })}` : ''}</span></li>`)}</ul>`;
}

/** @param {string} kind */
export function kindOfTrace(kind) {
  return { isolate: gettext('isolate'), upstream: gettext('upstream'), downstream: gettext('downstream'), connected: gettext('connected'), source_path: gettext('way to the source') }[kind] || kind;
}

/** @param {Found} found */
function tracePanel(found) {
  return html`<section data-testid="trace-plan" data-kind="${found.kind}"><h3>${kindOfTrace(found.kind)}: ${found.target}</h3>
    ${found.reached || found.warnings.length ? '' : html`<p class="warning">${gettext('No source reaches this part of the network.')}</p>`}
    ${found.warnings.map((w) => html`<p class="warning">${warningText(w)}</p>`)}
    <div class="bigfigs"><div><b data-testid="trace-length">${found.metres ? asLength(found.metres) : '–'}</b><span>${gettext('of mains')}</span></div><div><b>${found.pipes || '–'}</b><span>${gettext('mains')}</span></div><div><b>${found.sources.length}</b><span>${found.sewers ? gettext('ends') : gettext('sources')}</span></div></div>
    ${found.sources.length ? html`<p>${found.sources.slice(0, 12).map((id) => html`<button class="link" data-do="pick" data-id="${id}">${id}</button> `)}</p>` : ''}
    <p class="row"><button data-do="fit">${gettext('Show all of it')}</button><button class="quiet" data-do="clear">${gettext('Clear')} <kbd>Esc</kbd></button></p></section>`;
}
