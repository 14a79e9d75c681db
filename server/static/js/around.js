// @ts-check
// What stands and stood around a place: assets, past trouble, streets, houses, and pictures.
import { html } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { clock, distance } from './time.js';

const SHOWN = 5;
const PICTURES = 12;

/** @returns {[string, string][]} kinds in the order in which they are read */
const kinds = () => [['incident', gettext('Incidents')], ['ticket', gettext('Tickets')], ['shutoff', gettext('Shut-offs')], ['defect', gettext('Defects')], ['permit', gettext('Digging permits')], ['pipe', gettext('Pipes')], ['valve', gettext('Valves')], ['hydrant', gettext('Hydrants')], ['sewer', gettext('Sewers')], ['station', gettext('Secondary-supply stations')], ['street', gettext('Streets')], ['place', gettext('Places')], ['building', gettext('Buildings')]];

/** The same street in ten pieces is one street. @param {any[]} rows */
function once(rows) {
  const seen = new Set();
  return rows.filter((row) => row.id && !seen.has(row.id) && seen.add(row.id));
}

/** @param {string} kind @param {any} row */
function named(kind, row) {
  if (kind === 'ticket') return html`<a href="/tickets/${row.id}" title="${row.about || ''}">${row.id}</a>`;
  if (kind === 'incident' && typeof document !== 'undefined' && document.querySelector('.bar nav a[href="/dispatch"]')) return html`<a href="/dispatch#${row.id}" title="${row.about || ''}">${row.id}</a>`;
  if (kind === 'shutoff') return html`<a href="/shutoffs/${row.id}" title="${row.about || ''}">${row.id}</a>`;
  return html`<span title="${row.about || ''}">${row.id}</span>`;
}

/** @param {any[]} list pictures with crew and date; each opens large */
function pictures(list) {
  return html`<div class="photos dated">${list.slice(0, PICTURES).map((p) => html`<figure><button type="button" class="photo" data-do="photo" data-id="${p.id}" data-testid="photo"><img src="/api/photos/${p.id}" loading="lazy" decoding="async" alt="${gettext('Picture from the crew')}"></button><figcaption>${p.about || gettext('nobody known')}<br>${p.taken_at ? clock(p.taken_at, true) : gettext('date unknown')}</figcaption></figure>`)}</div>
    ${list.length > PICTURES ? html`<p class="muted">${ngettext('and %(count)s more', 'and %(count)s more', list.length - PICTURES)}</p>` : ''}`;
}

/** What was found, in words, nearest first. @param {any} found as GET /api/nearby answers @param {string} [besides] number of what is looked at itself */
export function surroundings(found, besides = '') {
  const here = found.pictures_unplaced_here || [];
  return html`<dl class="facts" data-testid="around">${kinds().map(([kind, title]) => {
    const rows = (kind === 'building' ? found.building || [] : once(found[kind] || [])).filter((/** @type {any} */ row) => row.id !== besides);
    if (!rows.length) return '';
    if (kind === 'building') return html`<dt>${title}</dt><dd>${rows.length}</dd>`;
    return html`<dt>${title}</dt><dd>${rows.slice(0, SHOWN).map((/** @type {any} */ row, /** @type {number} */ i) => html`${i ? ', ' : ''}${named(kind, row)} <span class="muted">${distance(row.distance_m)}</span>`)}${rows.length > SHOWN ? html` <span class="muted">${ngettext('and %(count)s more', 'and %(count)s more', rows.length - SHOWN)}</span>` : ''}</dd>`;
  })}</dl>
    ${(found.picture || []).length ? html`<h3>${gettext('Pictures taken here')}</h3>${pictures(found.picture)}` : ''}
    ${here.length ? html`<h3>${gettext('Pictures that do not say where they were taken')}</h3>${pictures(here)}` : ''}`;
}

/** One line that says whether looking is worth it. @param {any} found @param {string} [besides] */
export function inBrief(found, besides = '') {
  /** @param {string} kind */
  const count = (kind) => once(found[kind] || []).filter((row) => row.id !== besides).length;
  const seen = (found.picture || []).length + (found.pictures_unplaced_here || []).length;
  return [
    count('incident') ? ngettext('%(count)s incident', '%(count)s incidents', count('incident')) : '',
    count('shutoff') ? ngettext('%(count)s shut-off', '%(count)s shut-offs', count('shutoff')) : '',
    count('defect') ? ngettext('%(count)s defect', '%(count)s defects', count('defect')) : '',
    count('permit') ? ngettext('%(count)s digging permit', '%(count)s digging permits', count('permit')) : '',
    seen ? ngettext('%(count)s picture', '%(count)s pictures', seen) : '',
  ].filter(Boolean).join(' · ');
}
