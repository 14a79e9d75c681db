// @ts-check
// The form that closes or slows streets: where, why, until when. Pure but for reading the form.
import { html } from '../html.js';
import { gettext } from '../i18n.js';
import { clock, distance } from '../time.js';
import { untilText } from '../map/closures.js';

export const reasons = () => ({ flood: gettext('flooded'), excavation: gettext('our trench'), event: gettext('event'), accident: gettext('accident'), works: gettext('roadworks'), other: gettext('other') });
const compass = () => ({ n: gettext('north'), ne: gettext('north-east'), e: gettext('east'), se: gettext('south-east'), s: gettext('south'), sw: gettext('south-west'), w: gettext('west'), nw: gettext('north-west') });
/** How long, in minutes; '' is "until lifted". */
const LASTS = () => [['60', gettext('1 hour')], ['240', gettext('4 hours')], ['720', gettext('12 hours')], ['1440', gettext('1 day')], ['', gettext('until lifted')]];

/** @typedef {{kind: 'area', corners: number[][]} | {kind: 'circle', centre: number[], radius: number} | {kind: 'street', at: any}} Where */

/** @param {Where | null} where @param {{problem: string, drawing: string}} state */
export function closureForm(where, state) {
  return html`<form id="closure-form" data-testid="closure-form" aria-label="${gettext('Close or slow streets')}">
    ${state.problem ? html`<p class="warning" role="alert" data-testid="closure-problem">${state.problem}</p>` : ''}
    <fieldset><legend>${gettext('Where')}</legend>
      <div class="row"><button type="button" data-do="closure-draw" data-testid="closure-draw" aria-pressed="${state.drawing === 'area' ? 'true' : 'false'}">${gettext('Draw an area')}</button>
        <button type="button" data-do="closure-point" data-testid="closure-point" aria-pressed="${state.drawing === 'street' ? 'true' : 'false'}">${gettext('Point at a street')}</button></div>
      ${state.drawing ? html`<p class="hint" role="status">${state.drawing === 'area' ? gettext('Click the corners, Enter ends. By keyboard: arrow keys move the map, Space sets a corner in its middle, Backspace takes one back, Esc gives up.') : gettext('Click a street. By keyboard: arrow keys move the map, Space takes the street in its middle.')}</p>` : html`<p class="where" data-testid="closure-where">${whereText(where)}</p>`}
      ${where && where.kind === 'street' && where.at.directions.length > 1 ? html`<label for="closure-way">${gettext('Direction')}</label><select id="closure-way" name="way"><option value="">${gettext('both')}</option>${where.at.directions.map((/** @type {any} */ d, /** @type {number} */ i) => html`<option value="${i}">${gettext('only towards the %(where)s', { where: compass()[/** @type {'n'} */ (d.towards)] })}</option>`)}</select>` : ''}
      <div class="pair"><label for="closure-centre">${gettext('or a circle: lon,lat')}</label><label for="closure-radius">${gettext('radius, m')}</label>
        <input id="closure-centre" name="centre" autocomplete="off" inputmode="text" data-testid="closure-centre" placeholder="${gettext('middle of the map')}"><input id="closure-radius" name="radius" inputmode="numeric" data-testid="closure-radius"></div>
    </fieldset>
    <div class="pair"><label for="closure-reason">${gettext('Reason')}</label><label for="closure-lasts">${gettext('How long')}</label>
      <select id="closure-reason" name="reason" data-testid="closure-reason">${Object.entries(reasons()).map(([code, text]) => html`<option value="${code}">${text}</option>`)}</select>
      <select id="closure-lasts" name="lasts" data-testid="closure-lasts">${LASTS().map(([minutes, text]) => html`<option value="${minutes}">${text}</option>`)}</select></div>
    <div class="pair"><label for="closure-from">${gettext('Begins (empty: now)')}</label><label for="closure-kph">${gettext('Only slow, km/h')}</label>
      <input id="closure-from" name="from" type="datetime-local" data-testid="closure-from"><input id="closure-kph" name="kph" inputmode="numeric" placeholder="${gettext('closed to traffic')}" data-testid="closure-kph"></div>
    <input id="closure-note" name="note" maxlength="300" autocomplete="off" aria-label="${gettext('Note')}" placeholder="${gettext('Note')}">
    <div class="row"><button class="main" data-testid="closure-send">${gettext('Close streets')} <kbd>Ctrl Enter</kbd></button><button type="button" class="quiet" data-do="closure-cancel">${gettext('Cancel')}</button></div></form>`;
}

/** @param {Where | null} where */
function whereText(where) {
  if (!where) return gettext('No place yet.');
  if (where.kind === 'area') return gettext('An area of %(count)s corners.', { count: where.corners.length });
  if (where.kind === 'circle') return gettext('Within %(radius)s.', { radius: distance(where.radius) });
  return where.at.street || gettext('a street without a name');
}

/** The request of a filled form; `now` in milliseconds, `middle` the map's, for a circle without a place.
 * @param {Record<string, string>} fields @param {Where | null} where @param {number} now @param {number[] | null} middle */
export function requestOf(fields, where, now, middle) {
  /** @type {Record<string, any>} */
  const body = { reason: fields.reason, note: fields.note || '' };
  const starts = fields.from ? Date.parse(fields.from) : now;
  if (fields.from) body.starts_at = fields.from;
  if (fields.lasts && Number.isFinite(starts)) body.ends_at = new Date(starts + Number(fields.lasts) * 60000).toISOString();
  if (fields.kph) { body.kind = 'slowed'; body.kph = fields.kph; }
  if (fields.radius || fields.centre) { body.centre = fields.centre || middle; body.radius_m = fields.radius; }
  else if (where && where.kind === 'area') body.area = { type: 'Polygon', coordinates: [[...where.corners, where.corners[0]]] };
  else if (where && where.kind === 'street') {
    if (fields.kph) { body.centre = [where.at.lon, where.at.lat]; body.radius_m = 2; }
    else if (fields.way) body.edges = [where.at.directions[Number(fields.way)].edge];
    else body.edges = where.at.directions.map((/** @type {any} */ d) => d.edge);
  }
  return body;
}

/** @param {any} change as the API gives it @param {boolean} mayAct */
export function closureRow(change, mayAct) {
  const state = { planned: gettext('planned'), ended: gettext('over'), lifted: gettext('lifted'), suggested: gettext('suggested'), in_force: '' }[/** @type {'planned'} */ (change.state)];
  const over = change.state === 'ended' || change.state === 'lifted';
  return html`<li class="closure ${over ? 'over' : ''}" data-testid="closure" data-id="${change.id}" data-state="${change.state}">
    <button class="quiet name" data-do="closure-show" data-id="${change.id}"><i class="sign ${change.kind === 'slowed' ? 'street-slow' : 'street-closed'}"></i><span>${change.streets.length ? change.streets.slice(0, 3).join(', ') : gettext('a street without a name')}${change.streets.length > 3 ? '…' : ''}</span></button>
    <span class="muted">${[change.reason_label, change.kph ? gettext('%(n)s km/h', { n: change.kph }) : '', change.one_way ? gettext('one direction') : '', change.order, change.note].filter(Boolean).join(' · ')}</span>
    <span title="${clock(change.ends_at || change.lifted_at, true)}">${state ? html`<span class="chip">${state}</span> ` : ''}${over ? (change.lifted_by || '') : untilText(change)}</span>
    ${mayAct && !over && change.state !== 'suggested' ? html`<span class="row"><button class="quiet" data-do="closure-extend" data-id="${change.id}" data-testid="closure-extend">${gettext('1 h longer')}</button>${change.ends_at ? html`<button class="quiet" data-do="closure-endless" data-id="${change.id}">${gettext('until lifted')}</button>` : ''}<button class="quiet" data-do="closure-lift" data-id="${change.id}" data-testid="closure-lift">${gettext('Open the street')}</button></span>` : ''}</li>`;
}

/** A trench that a crew reported: one key closes the street. @param {any} change @param {boolean} first @param {boolean} mayAct */
export function suggestion(change, first, mayAct) {
  return html`<div class="suggestion" role="status" data-testid="closure-suggested" data-id="${change.id}"><p><b>${change.order}</b> ${gettext('A trench is open in %(street)s. Close the street?', { street: change.streets.join(', ') || gettext('a street without a name') })}</p>
    ${mayAct ? html`<div class="row"><button class="main" data-do="closure-accept" data-id="${change.id}" data-testid="closure-accept">${gettext('Close the street')}${first ? html` <kbd>A</kbd>` : ''}</button><button class="quiet" data-do="closure-lift" data-id="${change.id}">${gettext('Not needed')}</button><button class="quiet" data-do="closure-show" data-id="${change.id}">${gettext('Show')}</button></div>` : ''}</div>`;
}
