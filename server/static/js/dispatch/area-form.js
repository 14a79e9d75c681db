// @ts-check
// The form that draws a watched area, and the list of those there are. Pure.
import { html } from '../html.js';
import { gettext } from '../i18n.js';
import { span } from '../time.js';

/** Kinds of areas, the one that cannot wait first. */
const KINDS = () => [['danger', gettext('Danger area')], ['depot', gettext('Depot')], ['district', gettext('District')], ['other', gettext('Other area')]];
const FIELDS = ['name', 'name_zh', 'kind', 'dwell_s', 'corners'];

/** What the server does not want, by field; what belongs to none stands under ''.
 * @param {{field: string, text: string}[]} errors @returns {Record<string, string>} */
export function atFields(errors) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const e of errors) {
    const field = FIELDS.includes(e.field) ? e.field : '';
    found[field] = found[field] ? `${found[field]} ${e.text}` : e.text;
  }
  return found;
}

/** The request of a filled form. A time that is no number goes as it was typed: the server says what is wrong.
 * @param {Record<string, string>} fields @param {number[][]} corners */
export function requestOf(fields, corners) {
  const typed = (fields.minutes || '').trim();
  const minutes = Number(typed.replace(',', '.'));
  return {
    name: fields.name || '', name_zh: fields.name_zh || '', kind: fields.kind || '', corners,
    dwell_s: typed === '' ? null : Number.isFinite(minutes) ? Math.round(minutes * 60) : typed,
  };
}

/** The filled form of an area there is. @param {any} area a feature of GET /api/fences @returns {Record<string, string>} */
export function fieldsOf(area) {
  const a = area.properties;
  return { name: a.names.en, name_zh: a.names.zh, kind: a.kind, minutes: a.dwell_s ? String(Math.round((a.dwell_s / 60) * 100) / 100) : '' };
}

/** @param {number[][]} corners @param {{problems: Record<string, string>, drawing: boolean, changes?: string}} state `changes`: the name of the area that is changed */
export function areaForm(corners, state) {
  const p = state.problems;
  const bad = (/** @type {string} */ field) => p[field] ? html`aria-invalid="true" aria-describedby="area-error-${field}"` : '';
  const note = (/** @type {string} */ field) => p[field] ? html`<p class="error" role="alert" id="area-error-${field}" data-testid="area-error" data-field="${field}">${p[field]}</p>` : '';
  const title = state.changes ? gettext('Change %(name)s', { name: state.changes }) : gettext('Draw an area to watch');
  return html`<form id="area-form" novalidate data-testid="area-form" aria-label="${title}">
    ${state.changes ? html`<h3>${title}</h3>` : ''}${note('')}
    <fieldset><legend>${gettext('Where')}</legend>
      <div class="row"><button type="button" id="area-draw" data-do="area-draw" data-testid="area-draw" aria-pressed="${state.drawing ? 'true' : 'false'}" ${bad('corners')}>${corners.length ? gettext('Draw it again') : gettext('Draw an area')}</button></div>
      ${state.drawing ? html`<p class="hint" role="status">${gettext('Click the corners, Enter ends. By keyboard: arrow keys move the map, Space sets a corner in its middle, Backspace takes one back, Esc gives up.')}</p>` : html`<p class="where" data-testid="area-where">${corners.length ? gettext('An area of %(count)s corners.', { count: corners.length }) : gettext('No place yet.')}</p>`}${note('corners')}</fieldset>
    <div class="field"><label for="area-name">${gettext('Name of the area')}</label><input id="area-name" name="name" maxlength="60" autocomplete="off" data-testid="area-name" ${bad('name')}>${note('name')}</div>
    <div class="field"><label for="area-name-zh">${gettext('Name in Chinese')}</label><input id="area-name-zh" name="name_zh" maxlength="60" autocomplete="off" lang="zh-Hans" data-testid="area-name-zh" ${bad('name_zh')}>${note('name_zh')}</div>
    <div class="pair"><div class="field"><label for="area-kind">${gettext('Kind')}</label><select id="area-kind" name="kind" data-testid="area-kind" ${bad('kind')}>${KINDS().map(([code, text]) => html`<option value="${code}">${text}</option>`)}</select>${note('kind')}</div>
      <div class="field"><label for="area-minutes">${gettext('Tell me after minutes of staying')}</label><input id="area-minutes" name="minutes" inputmode="decimal" autocomplete="off" placeholder="${gettext('not at all')}" data-testid="area-minutes" ${bad('dwell_s')}>${note('dwell_s')}</div></div>
    <div class="row"><button class="main" data-testid="area-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" class="quiet" data-do="area-cancel" data-testid="area-cancel">${gettext('Cancel')}</button></div></form>`;
}

/** @param {any} area a feature of GET /api/fences @param {boolean} mayAct @param {boolean} chosen */
export function areaRow(area, mayAct, chosen) {
  const a = area.properties;
  return html`<li class="area" data-testid="area" data-id="${a.id}" data-kind="${a.kind}">
    <button class="quiet name" id="area-${a.id}" data-do="area-show" data-id="${a.id}" aria-pressed="${chosen ? 'true' : 'false'}"><i class="sign ${a.kind === 'danger' ? 'area-danger' : 'area-quiet'}"></i><span>${a.name}</span></button>
    <span class="muted">${[a.kind_label, a.dwell_s ? gettext('told after %(time)s', { time: span(a.dwell_s) }) : ''].filter(Boolean).join(' · ')}</span>
    ${mayAct ? html`<span class="does"><button class="quiet" id="area-change-${a.id}" data-do="area-change" data-id="${a.id}" data-testid="area-change" aria-label="${gettext('Change %(name)s', { name: a.name })}">${gettext('Change')}</button><button class="quiet" id="area-remove-${a.id}" data-do="area-remove" data-id="${a.id}" data-testid="area-remove" aria-label="${gettext('Remove %(name)s', { name: a.name })}">${gettext('Remove')}</button></span>` : ''}</li>`;
}
