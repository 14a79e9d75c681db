// @ts-check
// The readiness report in plain words: verdicts, findings on the map, what was set aside.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { figure } from '../time.js';
import { term } from './terms.js';

const SIGN = { yes: '✓', with_care: '!', no: '✕' };

/** @param {any} readiness */
export function verdicts(readiness) {
  return html`<div class="verdicts">${['locating', 'tracing', 'hydraulics'].filter((v) => readiness.verdicts[v]).map((name) => {
    const v = readiness.verdicts[name];
    return html`<div class="verdict" data-ok="${v.ok}" data-testid="verdict-${name}"><h3>${term('verdict', name)}</h3><span class="says">${SIGN[/** @type {keyof typeof SIGN} */ (v.ok)] || ''} ${term('ok', v.ok)}</span><ul>${v.why.map((/** @type {string} */ w) => html`<li>${w}</li>`)}</ul></div>`;
  })}</div>`;
}

/** Findings as features for the map; those without a place are in the list only. @param {any[]} findings */
export function findingFeatures(findings) {
  return findings.map((f, i) => ({ type: 'Feature', geometry: typeof f.lon === 'number' ? { type: 'Point', coordinates: [f.lon, f.lat] } : null, properties: { id: i, action: f.severity === 'error' ? 'error' : 'warning', label: f.element || '' } }));
}

/** @param {any} readiness @param {number} chosen */
export function findingRows(readiness, chosen) {
  const list = readiness.findings;
  if (!list.length) return html`<p class="empty">${gettext('Nothing was found wrong.')}</p>`;
  return html`${list.slice(0, 500).map((/** @type {any} */ f, /** @type {number} */ i) => html`<button data-do="finding" data-id="${i}" data-key="finding-${i}" aria-current="${i === chosen ? 'true' : 'false'}" data-testid="finding"><span class="chip ${f.severity === 'error' ? 'bad' : 'warn'}">${f.severity === 'error' ? gettext('error') : gettext('doubt')}</span><span>${f.text}</span><small>${f.element || ''}${typeof f.lon === 'number' ? '' : ` ${gettext('no place known')}`}</small></button>`)}
    ${list.length > 500 ? html`<p class="muted">${gettext('%(count)s more; the map shows all with a place.', { count: figure(list.length - 500) })}</p>` : ''}`;
}

/** @param {any} readiness @param {string} id of the holder of the map */
export function reportPart(readiness, id) {
  return html`${verdicts(readiness)}<div class="with-map"><div class="rows" id="${id}-rows" tabindex="0" role="region" aria-label="${gettext('Findings')}">${findingRows(readiness, -1)}</div><div class="map" id="${id}-map" role="region" aria-label="${gettext('Findings on the map')}"></div></div>`;
}

/** @param {any} draft @param {any} quarantine */
export function quarantinePart(draft, quarantine) {
  if (!draft.quarantined) return draft.readiness.verdicts ? html`<section class="panel"><h2>${gettext('Set aside')}</h2><p class="empty">${gettext('Every record could be used.')}</p></section>` : '';
  const rows = quarantine ? quarantine.results : [];
  return html`<section class="panel scroll"><div class="row"><h2>${ngettext('%(count)s record set aside', '%(count)s records set aside', draft.quarantined)}</h2><a class="button" href="/api/network/imports/${draft.number}/quarantine.csv" download data-testid="quarantine-csv">${gettext('As a table (CSV)')}</a></div>
    <p class="muted">${gettext('These records were left out. What is in force under their numbers stays. Correct them in the file, by line, and bring it in again.')}</p>
    <table class="cards"><thead><tr><th>${gettext('Layer')}</th><th>${gettext('Line')}</th><th>${gettext('Number')}</th><th>${gettext('Why')}</th></tr></thead><tbody>${rows.map((/** @type {any} */ q) => html`<tr data-testid="quarantine-row"><td>${q.layer}</td><td>${q.line ?? ''}</td><td>${q.asset}</td><td class="body">${q.text}${q.field ? html` <span class="muted">(${q.field})</span>` : ''}</td></tr>`)}</tbody></table>
    ${draft.quarantined > rows.length ? html`<p class="muted">${gettext('The first %(count)s are shown; the table has all.', { count: figure(rows.length) })}</p>` : ''}</section>`;
}
