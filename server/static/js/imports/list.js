// @ts-check
// The list: bring files in, what is on its way, the versions and what each changed.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { ago, clock, figure } from '../time.js';
import { size, term } from './terms.js';

/** {kind: {action: n}} as words and numbers. @param {any} summary @param {boolean} [short] */
export function tallies(summary, short = false) {
  const parts = [];
  for (const [kind, counts] of Object.entries(summary || {})) {
    const said = ['added', 'changed', 'removed', 'kept'].filter((a) => counts[a] && !(short && a === 'kept'));
    if (said.length) parts.push(html`<span class="tally-kind">${term('kind', kind)}: ${said.map((a, i) => html`${i ? ', ' : ''}<span class="tally" data-action="${a}"><b>${figure(counts[a])}</b> ${term('action', a)}</span>`)}</span>`);
  }
  return parts.length ? html`<div class="tallies">${parts}</div>` : html`<span class="muted">${gettext('nothing')}</span>`;
}

/** @param {string} state */
export function chip(state) {
  const kind = { ready: 'ok', approved: 'ok', refused: 'bad', building: 'warn', received: 'warn', approving: 'warn' }[state] || '';
  return html`<span class="chip ${kind}" data-testid="import-state" data-state="${state}">${term('state', state)}</span>`;
}

/** @param {any} draft */
export function progress(draft) {
  if (!['received', 'building', 'approving'].includes(draft.state)) return '';
  return html`<div class="stack"><progress max="100" value="${draft.percent || 2}" aria-label="${gettext('How far it is')}"></progress><span class="muted">${term('step', draft.step || 'wait')} · ${draft.percent || 0} %</span></div>`;
}

/** @param {any} draft */
function draftRow(draft) {
  const name = draft.kind === 'rollback' ? gettext('Back to version %(number)s', { number: draft.back_to }) : draft.name;
  return html`<tr data-testid="import-row"><td><a href="#${draft.number}" data-key="${draft.number}">${draft.number}</a></td><td class="body"><strong>${name}</strong>${draft.source ? html`<br><span class="muted">${draft.source}</span>` : ''}</td>
    <td>${chip(draft.state)}${progress(draft)}</td><td>${draft.by}<br><span class="muted" title="${clock(draft.at, true)}">${ago(draft.at)}</span></td></tr>`;
}

/** @param {any} version @param {boolean} may */
function versionRow(version, may) {
  const what = version.kind === 'load' ? html`<span class="muted">${gettext('%(pipes)s pipes, %(valves)s valves', { pipes: figure(version.counts.pipes || 0), valves: figure(version.counts.valves || 0) })}</span>` : tallies(version.summary, true);
  const title = version.kind === 'rollback' ? gettext('Back to version %(number)s', { number: version.back_to }) : version.source.startsWith('{') ? gettext('city') : version.source;
  return html`<tr class="${version.in_force ? 'now' : ''}" data-testid="version-row"><td><strong>${version.number}</strong>${version.in_force ? html` <span class="chip ok">${gettext('in force')}</span>` : ''}</td>
    <td class="body">${title} <span class="muted">${term('version', version.kind)}</span>${version.note ? html`<br><span class="muted">“${version.note}”</span>` : ''}</td><td class="body">${what}</td>
    <td>${version.by}<br><span class="muted" title="${clock(version.at, true)}">${ago(version.at)}</span></td>
    <td class="acts">${version.import ? html`<a class="button" href="#${version.import}">${gettext('What changed')}</a> ` : ''}${may && version.can_return ? html`<button data-do="back" data-number="${version.number}" data-key="back-${version.number}" data-testid="roll-back">${gettext('Go back to it')}</button>` : ''}</td></tr>`;
}

/** @param {string[]} sources */
function bring(sources) {
  return html`<section class="panel stack" aria-labelledby="bring"><h2 id="bring">${gettext('Bring files in')}</h2>
    <form id="upload" class="stack"><div class="drop" id="drop"><label for="files">${gettext('Drop files here, or choose them')}</label><input type="file" id="files" name="files" multiple data-testid="files">
      <span class="muted">${gettext('GeoPackage, Shapefile (all its parts, or a zip), GeoJSON, CSV or EPANET. Several files are read together.')}</span><span id="chosen"></span></div>
    <div class="three"><div class="field"><label for="name">${gettext('Name of the import')}</label><input id="name" name="name" maxlength="120" placeholder="${gettext('Survey of the harbour, November')}"></div>
      <div class="field"><label for="source">${gettext('Who it comes from')}</label><input id="source" name="source" maxlength="60" list="sources" placeholder="${gettext('surveyors')}"><datalist id="sources">${sources.map((s) => html`<option value="${s}"></option>`)}</datalist></div>
      <div class="field"><label for="crs">${gettext('Coordinate system, if the files do not say')}</label><input id="crs" name="crs" maxlength="12" placeholder="EPSG:4547"></div></div>
    <div class="row"><button class="main" data-testid="upload">${gettext('Read the files')}</button><span class="muted">${gettext('Nothing changes until somebody approves it.')}</span></div><div id="upload-progress" role="status"></div></form></section>`;
}

/** @param {any} overview @param {boolean} may whether this person may change anything */
export function listPage(overview, may) {
  const drafts = overview.imports;
  return html`<div class="head"><h1>${gettext('Versions of the network')}</h1><span class="muted">${overview.in_force ? gettext('Version %(number)s is in force', { number: overview.in_force }) : gettext('No network is loaded yet.')}</span>
      ${overview.in_force ? html`<span class="row">${['gpkg', 'geojson', 'inp', 'csv'].map((f) => html`<a class="button quiet" href="/api/network/export?format=${f}" download>${f === 'gpkg' ? gettext('Export as GeoPackage') : f === 'geojson' ? 'GeoJSON' : f === 'inp' ? 'EPANET' : 'CSV'}</a>`)}</span>` : ''}</div>
    ${may ? bring(overview.sources) : ''}
    <section class="panel scroll"><h2>${gettext('On the way')}</h2>${drafts.length ? html`<table class="cards"><thead><tr><th>${gettext('Number')}</th><th>${gettext('Import')}</th><th>${gettext('State')}</th><th>${gettext('By')}</th></tr></thead><tbody>${drafts.map(draftRow)}</tbody></table>` : html`<p class="empty">${gettext('Nothing is on its way. A survey, a repair or a new quarter comes in as files.')}</p>`}</section>
    <section class="panel scroll"><h2>${gettext('Versions')}</h2>${overview.versions.length ? html`<table class="cards"><thead><tr><th>${gettext('Version')}</th><th>${gettext('Where from')}</th><th>${gettext('What changed')}</th><th>${gettext('By')}</th><th></th></tr></thead><tbody>${overview.versions.map((/** @type {any} */ v) => versionRow(v, may))}</tbody></table>` : html`<p class="empty">${gettext('No network is loaded yet.')}</p>`}</section>
    <section class="panel" id="now-report"><div class="row"><h2>${gettext('What the network in force is fit for')}</h2><button data-do="readiness" data-testid="readiness-now">${gettext('Look')}</button></div><div id="now"></div></section>`;
}

/** @param {FileList | File[]} files */
export function chosen(files) {
  const list = Array.from(files);
  const total = list.reduce((sum, f) => sum + f.size, 0);
  return list.length ? html`${ngettext('%(count)s file, %(size)s', '%(count)s files, %(size)s', list.length, { size: size(total) })}: ${list.map((f) => f.name).join(', ')}` : html``;
}
