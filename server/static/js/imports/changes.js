// @ts-check
// What would change: counts by kind, the list, and the map.
import { html } from '../html.js';
import { gettext } from '../i18n.js';
import { figure } from '../time.js';
import { tallies } from './list.js';
import { legend } from './overlay.js';
import { term } from './terms.js';

/** @param {any} value */
function show(value) {
  if (value === null || value === undefined || value === '') return '–';
  if (typeof value === 'boolean') return value ? gettext('yes') : gettext('no');
  if (typeof value === 'number') return String(Math.round(value * 1e6) / 1e6);
  return typeof value === 'object' ? '…' : String(value);
}

/** @param {any} p properties of one change */
function said(p) {
  if (p.action === 'kept' || (p.action === 'removed' && p.fields.length)) return p.fields.map((/** @type {string} */ f) => term('why', f)).join(', ');
  if (p.action !== 'changed') return '';
  return p.fields.map((/** @type {string} */ f) => f === 'geom' ? gettext('moved') : `${term('is', f)} ${show(p.before[f])} → ${show(p.after[f])}`).join(' · ');
}

/** @param {any[]} features @param {any} chosen */
export function changeRows(features, chosen) {
  return html`${features.slice(0, 500).map((f) => { const p = f.properties; return html`<button data-do="change" data-id="${p.id}" data-key="change-${p.id}" aria-current="${String(p.id) === String(chosen) ? 'true' : 'false'}" data-testid="change"><span class="chip ${{ added: 'ok', changed: 'warn', removed: 'bad' }[/** @type {string} */ (p.action)] || ''}">${term('action', p.action)}</span><span><strong>${p.asset}</strong> <span class="muted">${term('kind', p.kind)}</span></span><small>${said(p)}</small></button>`; })}
    ${features.length > 500 ? html`<p class="muted">${gettext('%(count)s more; the map shows all with a place.', { count: figure(features.length - 500) })}</p>` : ''}`;
}

/** Features ready for the map. @param {any[]} features */
export function changeFeatures(features) {
  return features.filter((f) => f.geometry).map((f) => ({ ...f, properties: { id: f.properties.id, action: f.properties.action, label: `${f.properties.asset} ${term('action', f.properties.action)}` } }));
}

/** @param {any} draft @param {any} changes GeoJSON or null @param {{kind: string, action: string}} filter */
export function changesPart(draft, changes, filter) {
  const kinds = Object.keys(draft.summary);
  const features = changes ? changes.features : [];
  return html`<section class="panel stack" aria-labelledby="changes-head"><h2 id="changes-head">${draft.state === 'approved' ? gettext('What changed') : gettext('What would change')}</h2>${tallies(draft.summary)}
    ${kinds.length ? html`<div class="filters"><select data-filter="kind" id="filter-kind" aria-label="${gettext('Kind')}"><option value="">${gettext('all kinds')}</option>${kinds.map((k) => html`<option value="${k}" ${k === filter.kind ? html`selected` : ''}>${term('kind', k)}</option>`)}</select>
      <select data-filter="action" id="filter-action" aria-label="${gettext('What happens')}"><option value="">${gettext('all changes')}</option>${['added', 'changed', 'removed', 'kept'].map((a) => html`<option value="${a}" ${a === filter.action ? html`selected` : ''}>${term('action', a)}</option>`)}</select>${changes && changes.truncated ? html`<span class="muted">${gettext('The first %(count)s are drawn; choose a kind to see others.', { count: figure(features.length) })}</span>` : ''}</div>${legend()}
    <div class="with-map"><div class="rows" id="changes-rows" tabindex="0" role="region" aria-label="${gettext('Changes')}">${changeRows(features, null)}</div><div class="map" id="changes-map" role="region" aria-label="${gettext('Changes on the map')}"></div></div>` : html`<p class="empty">${gettext('Nothing: the files say what is in force.')}</p>`}</section>`;
}
