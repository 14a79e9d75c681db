// @ts-check
// The schema map: which layer is what, and which column says what of it.
import { html } from '../html.js';
import { gettext } from '../i18n.js';
import { figure } from '../time.js';
import { term } from './terms.js';

/** @typedef {{role: string, columns: Record<string, string>, units: Record<string, string>, values: any, defaults: Record<string, any>, prefix: string, sure: number}} LayerMap */

/** @param {any} draft @returns {any} a copy to edit */
export function copyMap(draft) { return JSON.parse(JSON.stringify(draft.schema_map || { layers: {} })); }

/** @param {any} layer @param {LayerMap} map @param {string} attribute @param {any} about */
function pair(layer, map, attribute, about) {
  const column = map.columns[attribute] || '';
  const id = `${layer.name}.${attribute}`;
  const field = layer.fields.find((/** @type {any} */ f) => f.name === column);
  const needed = about.needed && !column;
  return html`<div class="pair"><label for="${id}" class="${needed ? 'needed' : ''}">${term('is', attribute)}${about.needed ? ' *' : ''}</label>
    <select id="${id}" data-map="column" data-layer="${layer.name}" data-attribute="${attribute}"><option value="">${gettext('– none –')}</option>${layer.fields.map((/** @type {any} */ f) => html`<option value="${f.name}" ${f.name === column ? html`selected` : ''}>${f.name}</option>`)}</select>
    ${about.units.length && column ? html`<select class="unit" aria-label="${gettext('unit')}" data-map="unit" data-layer="${layer.name}" data-attribute="${attribute}" id="${id}.unit">${about.units.map((/** @type {string} */ u) => html`<option ${u === (map.units[attribute] || about.units[0]) ? html`selected` : ''}>${u}</option>`)}</select>` : html`<span></span>`}
    ${field && field.examples.length ? html`<span class="seen" title="${field.examples.join(' · ')}">${field.examples.join(' · ')}</span>` : ''}
    ${needed && attribute !== 'id' ? html`<input class="seen" id="${id}.all" data-map="default" data-layer="${layer.name}" data-attribute="${attribute}" placeholder="${gettext('or one value for all')}" value="${map.defaults[attribute] ?? ''}">` : ''}</div>`;
}

/** @param {any} layer @param {LayerMap} map */
function preview(layer, map) {
  const names = layer.fields.map((/** @type {any} */ f) => f.name);
  if (!layer.sample.length || !names.length) return '';
  const used = Object.fromEntries(Object.entries(map.columns).map(([a, c]) => [c, a]));
  return html`<div class="preview" tabindex="0" role="region" aria-label="${gettext('First records of %(layer)s', { layer: layer.name })}"><table><thead><tr>${names.map((/** @type {string} */ n) => html`<th class="${used[n] ? 'used' : ''}">${n}${used[n] ? html`<br>${term('is', used[n])}` : ''}</th>`)}</tr></thead>
    <tbody>${layer.sample.map((/** @type {any} */ row) => html`<tr>${names.map((/** @type {string} */ n) => html`<td>${row[n] ?? ''}</td>`)}</tr>`)}</tbody></table></div>`;
}

/** @param {any} layer @param {LayerMap} map @param {any} draft @param {boolean} may @param {Set<string>} folded */
function layerPart(layer, map, draft, may, folded) {
  const origin = draft.suggested[layer.name];
  const attributes = Object.entries(draft.vocabulary[map.role] || {});
  const fixed = layer.format === 'inp';
  // Columns of places are for tables; a drawn layer has its geometry.
  const shown = attributes.filter(([name]) => layer.shape === 'none' || !['x', 'y', 'x2', 'y2', 'wkt'].includes(name));
  return html`<details class="layer" data-layer-part="${layer.name}" ${folded.has(layer.name) ? '' : html`open`}><summary><strong>${layer.name}</strong><span class="muted">${figure(layer.count)} ${term('shape', layer.shape)}${layer.crs && layer.crs.epsg ? ` · EPSG:${layer.crs.epsg}` : ''}${layer.encoding && !/^utf-?8$/i.test(layer.encoding) ? ` · ${layer.encoding}` : ''}</span>
      <span class="chip ${map.role === 'ignore' ? '' : 'ok'}">${term('role', map.role)}</span>${origin === 'remembered' ? html`<span class="chip">${gettext('as the last time')}</span>` : origin === 'suggested' ? html`<span class="chip ${map.sure < 0.6 ? 'warn' : ''}">${map.sure < 0.6 ? gettext('a guess: please look') : gettext('suggested')}</span>` : ''}</summary>
    ${fixed ? html`<p class="muted">${gettext('An EPANET file says itself what everything is.')}</p>` : html`<fieldset ${may ? '' : html`disabled`} class="stack bare"><div class="pair"><label for="${layer.name}.role">${gettext('This layer holds')}</label><select id="${layer.name}.role" data-map="role" data-layer="${layer.name}">${Object.keys(draft.vocabulary).map((r) => html`<option value="${r}" ${r === map.role ? html`selected` : ''}>${term('role', r)}</option>`)}</select></div>
    <div class="pairs">${shown.map(([name, about]) => pair(layer, map, name, about))}</div></fieldset>`}${preview(layer, map)}</details>`;
}

/** @param {any} draft @param {any} edited @param {string} crs @param {boolean} may @param {Set<string>} folded */
export function mapEditor(draft, edited, crs, may, folded) {
  const said = draft.layers.map((/** @type {any} */ l) => l.crs).filter((/** @type {any} */ c) => c && c.epsg);
  const named = [...new Map(said.map((/** @type {any} */ c) => [c.epsg, c])).values()];
  const silent = draft.layers.some((/** @type {any} */ l) => l.shape !== 'none' && !(l.crs && l.crs.epsg));
  return html`<section class="panel" aria-labelledby="map-head"><h2 id="map-head">${gettext('What the columns mean')}</h2>
    <div class="field crs"><label for="draft-crs">${gettext('Coordinate system')}</label><input id="draft-crs" value="${crs}" maxlength="12" placeholder="${silent ? 'EPSG:4547' : gettext('as the files say')}" ${may ? '' : html`disabled`} data-testid="crs">
      <span class="muted">${named.length ? gettext('The files say: %(systems)s. Leave it empty unless they are wrong.', { systems: named.map((/** @type {any} */ c) => `EPSG:${c.epsg} ${c.name}`).join(', ') }) : gettext('The files do not say in which system they are drawn. Surveyors know it; it is checked against the city.')}</span></div>
    ${draft.layers.map((/** @type {any} */ layer) => edited.layers[layer.name] ? layerPart(layer, edited.layers[layer.name], draft, may, folded) : '')}
    ${may ? html`<div class="row"><button class="main" data-do="build" data-testid="build">${gettext('Check and compare')}</button><span class="muted">${gettext('The network in force stays as it is.')}</span></div>` : ''}</section>`;
}

/** Take a changed field into the map; true when the page has to be drawn again.
 * @param {any} edited @param {any} vocabulary @param {HTMLInputElement | HTMLSelectElement} field */
export function take(edited, vocabulary, field) {
  const map = edited.layers[field.dataset.layer || ''];
  if (!map) return false;
  const attribute = field.dataset.attribute || '';
  if (field.dataset.map === 'role') {
    map.role = field.value;
    map.sure = 1;
    const known = vocabulary[map.role] || {};
    for (const part of ['columns', 'units', 'values', 'defaults']) map[part] = Object.fromEntries(Object.entries(map[part]).filter(([a]) => a in known));
    return true;
  }
  if (field.dataset.map === 'unit') { map.units[attribute] = field.value; return false; }
  if (field.dataset.map === 'default') {
    if (field.value.trim()) map.defaults[attribute] = Number.isFinite(Number(field.value)) ? Number(field.value) : field.value.trim(); else delete map.defaults[attribute];
    return false;
  }
  if (field.value) map.columns[attribute] = field.value; else delete map.columns[attribute];
  delete map.units[attribute];
  delete map.values[attribute];
  return true;
}
