// @ts-check
// The picked asset in words, with what can be asked of it; and the panel of layers and legend.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { figure, ago } from '../time.js';
import { word } from '../words.js';
import { factsOf, kindName } from './attributes.js';
import { CHOICES, choiceName, legendOf } from './colours.js';
import { asLength } from './geodesy.js';
import { groups } from './switch.js';

/** Which traces an asset can answer. @param {string} kind */
export function tracesOf(kind) {
  if (['pipe', 'valve', 'node', 'hydrant', 'control'].includes(kind)) return ['isolate', 'upstream', 'downstream', 'connected', 'source_path'];
  if (kind === 'service') return ['isolate', 'source_path'];
  return kind === 'sewer' || kind === 'manhole' ? ['upstream', 'downstream'] : [];
}

const KEY_OF = /** @type {Record<string, string>} */ ({ isolate: 'I', upstream: 'U', downstream: 'D', connected: 'C', source_path: 'S' });
const verb = (/** @type {string} */ trace) => ({ isolate: gettext('Isolate'), upstream: gettext('Upstream'), downstream: gettext('Downstream'), connected: gettext('Connected'), source_path: gettext('To the source') })[trace] || trace;

/** @param {{id: string, kind: string, properties: any, more: any}} picked @param {{inoperable: Set<string>, closed: Set<string>}} whatIf @param {any} plan what was traced last */
export function pickedPanel(picked, whatIf, plan) {
  const { id, kind, properties: p, more } = picked;
  const mark = whatIf.inoperable.has(id) ? gettext('will not turn') : whatIf.closed.has(id) ? gettext('shut already') : '';
  return html`<header><div class="head"><h2 data-testid="picked" data-id="${id}" data-kind="${kind}">${kindName(kind, p)} ${id}</h2><button class="quiet" data-do="unpick" aria-label="${gettext('Close')}" title="Esc">✕</button></div>
    ${mark ? html`<span class="chip warn">${gettext('what if')}: ${mark}</span>` : ''}</header>
    <section class="verbs">${tracesOf(kind).map((trace) => html`<button data-do="trace" data-kind="${trace}" data-testid="trace-${trace}" class="${trace === 'isolate' ? 'main' : ''}">${verb(trace)} <kbd>${KEY_OF[trace]}</kbd></button>`)}
      ${kind === 'valve' ? html`<button data-do="mark" data-testid="mark">${gettext('What if')} <kbd>X</kbd></button>` : ''}</section>
    ${plan}
    <section><dl class="facts">${factsOf(kind, p).map(([label, text]) => html`<dt>${label}</dt><dd>${text}</dd>`)}</dl></section>
    ${openNow(more)}
    ${more && more.segment ? html`<section><h3>${gettext('Valve segment %(n)s', { n: more.segment.number })}</h3><p>${ngettext('%(count)s main', '%(count)s mains', more.segment.pipes)}, ${asLength(more.segment.length_m)}, ${ngettext('%(count)s service line', '%(count)s service lines', more.segment.services)}</p></section>` : ''}
    ${more && more.neighbours && more.neighbours.length ? html`<section><h3>${gettext('Joined to')}</h3><ul class="neighbours">${more.neighbours.map((/** @type {any} */ n) => html`<li><button class="link" data-do="pick" data-id="${n.id}">${n.id}</button> <span class="muted">${kindName(n.kind)}</span></li>`)}</ul></section>` : ''}`;
}

/** Incidents and shut-offs on it now. @param {any} more */
function openNow(more) {
  if (!more || (!more.incidents.length && !more.shut_offs.length)) return '';
  return html`<section data-testid="open-here"><h3>${gettext('Open here')}</h3><ul>
    ${more.shut_offs.map((/** @type {any} */ s) => html`<li class="row"><span class="chip bad">${gettext('shut-off')}</span> <a href="/shutoffs/${s.number}">${s.number}</a> <span class="muted">${s.started_at ? ago(s.started_at) : ''}</span></li>`)}
    ${more.incidents.map((/** @type {any} */ i) => html`<li class="row"><b class="prio" data-p="${i.priority}">${i.priority.slice(1)}</b> <a href="/dispatch#${i.number}">${i.number}</a> ${word('kind', i.kind)} <span class="muted">${word('state', i.state)}${i.here ? '' : html`, ${gettext('same segment')}`}</span></li>`)}</ul></section>`;
}

/** A premise: no asset of ours, but on the map. @param {any} p attributes in the tile @param {string} service its line, where it is on the screen */
export function premisePanel(p, service) {
  return html`<header><div class="head"><h2 data-testid="picked" data-id="${p.id}" data-kind="premise">${gettext('Premises')} ${p.id}</h2><button class="quiet" data-do="unpick" aria-label="${gettext('Close')}" title="Esc">✕</button></div></header>
    <section><dl class="facts"><dt>${gettext('Class')}</dt><dd>${word('use', p.use)}</dd><dt>${gettext('Water')}</dt><dd>${p.off ? gettext('without water') : gettext('on, as far as is known')}</dd>
    ${service ? html`<dt>${gettext('Service line')}</dt><dd><button class="link" data-do="pick" data-id="${service}">${service}</button></dd>` : ''}</dl></section>`;
}

/** Layers, the meaning of colour, and the signs. @param {Record<string, boolean>} shown @param {import('./colours.js').Choice} choice @param {'light' | 'dark'} theme @param {any} summary @param {number} zoom */
export function layersPanel(shown, choice, theme, summary, zoom) {
  const legend = legendOf(choice, theme, summary);
  return html`<p class="put-away"><b>${gettext('Layers')}</b><button class="quiet" data-do="layers" aria-label="${gettext('Close')}">✕</button></p><label class="field">${gettext('Colour of mains by')}<select id="colour-by" data-testid="colour-by">${CHOICES.map((c) => html`<option value="${c}" ${c === choice ? html`selected` : ''}>${choiceName(c)}</option>`)}</select></label>
    ${legend.length ? html`<ul class="swatches" data-testid="legend">${legend.map((e) => html`<li><i class="swatch" data-colour="${e.colour}"></i><span>${e.text}</span><span class="muted">${e.more || ''}</span></li>`)}</ul>` : ''}
    ${choice === 'segment' ? html`<p class="muted">${gettext('Neighbouring segments have different colours; valves are the borders. From zoom 14.')}</p>` : ''}
    ${(choice === 'material' || choice === 'age') && zoom < 11 ? html`<p class="muted">${gettext('Material and year are told apart from zoom 11.')}</p>` : ''}
    ${groups().map((g) => html`<fieldset><legend>${g.text}</legend>${g.layers.map((l) => html`<label class="check"><input type="checkbox" id="layer-${l.id}" data-layer="${l.id}" ${shown[l.id] ? html`checked` : ''}><span>${l.text}</span>${l.from && zoom < l.from ? html`<span class="muted">${gettext('from zoom %(z)s', { z: figure(l.from, l.from % 1 ? 1 : 0) })}</span>` : ''}</label>`)}</fieldset>`)}
    <details open><summary>${gettext('Signs')}</summary>${signs(summary)}</details>`;
}

/** @param {any} summary */
function signs(summary) {
  const row = (/** @type {string} */ sign, /** @type {string} */ text) => html`<li><canvas class="mapsign" width="60" height="60" data-sign="${sign}"></canvas><span>${text}</span></li>`;
  const line = (/** @type {string} */ name, /** @type {string} */ text) => html`<li><i class="mapline ${name}"></i><span>${text}</span></li>`;
  const roles = ((summary && summary.roles) || []).map((/** @type {any} */ r) => r.value);
  return html`<ul class="signs">
    ${line('thin', gettext('main, as wide as its diameter'))}${roles.includes('transmission') ? line('double', gettext('transmission main')) : ''}${roles.includes('raw') ? line('rawline', gettext('raw water')) : ''}${line('shut', gettext('main that is shut'))}
    ${row('n-flow', gettext('direction of flow, from topology; none where it may be either'))}
    ${row('v-open', gettext('valve open'))}${row('v-closed', gettext('valve closed'))}${row('v-closed-odd', gettext('stands as it should not'))}${row('v-open-seized', gettext('seized'))}${row('v-open-unknown', gettext('not known whether it turns'))}${row('v-open-buried', gettext('paved over'))}
    ${row('n-pump', gettext('pump, and which way'))}${row('n-prv', gettext('pressure reducing valve'))}${row('n-check', gettext('check valve'))}
    ${row('n-hydrant', gettext('hydrant'))}${row('n-hydrant-fire', gettext('the fire service counts on it'))}${row('n-tank', gettext('tank'))}${row('n-reservoir', gettext('reservoir'))}${row('n-station', gettext('secondary-supply station'))}
    ${line('zone', gettext('pressure zone'))}${line('dma', gettext('metered area'))}${line('sewerline', gettext('sewer, with its direction'))}${row('n-manhole', gettext('manhole'))}${row('n-outfall', gettext('outfall'))}
    ${line('off', gettext('open shut-off'))}${line('hatched', gettext('falls dry by the plan; weaker: not meant to'))}${line('traced', gettext('traced'))}</ul>`;
}
