// @ts-check
// A planned round as a list: crews with their stops in order, and what does not fit. Pure.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, figure, span } from '../time.js';

/** What to ask for: no crews said is all on shift, no kind is every kind. @param {Set<number> | null} crews @param {string} [kind] */
export function roundAddress(crews, kind = '') {
  const asked = [crews === null ? '' : `crews=${[...crews].sort((a, b) => a - b).join(',')}`, kind ? `kinds=${encodeURIComponent(kind)}` : ''].filter(Boolean).join('&');
  return asked ? `/api/rounds?${asked}` : '/api/rounds';
}

/** Kinds of incident in a round, with their names. @param {any} round @returns {[string, string][]} */
export function kindsOf(round) {
  const found = new Map([...round.rows, ...round.waiting].map((r) => [r.incident_kind, r.kind_label]));
  return [...found].sort((a, b) => a[1].localeCompare(b[1]));
}

/** @param {[string, string][]} kinds @param {string} chosen */
export function kindChoice(kinds, chosen) {
  return kinds.length < 2 ? '' : html`<div class="field"><label for="round-kind">${gettext('Kind')}</label><select id="round-kind" data-testid="round-kind"><option value="">${gettext('everything that can wait')}</option>${kinds.map(([code, text]) => html`<option value="${code}" ${code === chosen ? html`selected` : ''}>${text}</option>`)}</select></div>`;
}

/** The rows to keep: all of the round but those left out. @param {any} round @param {Set<string>} left */
export function rowsToKeep(round, left) {
  return round.rows.filter((/** @type {any} */ r) => !left.has(r.row)).map((/** @type {any} */ r) => ({ row: r.row, crew: r.crew }));
}

/** What became of it: each row stands for itself. @param {any} answer of POST /api/rounds/keep */
export function keptText(answer) {
  return ngettext('%(count)s stop is kept: the plan holds to it.', '%(count)s stops are kept: the plan holds to them.', answer.kept.length);
}

/** Stops of a round by crew, in order. @param {any} round @param {number} crew */
export function stopsOf(round, crew) {
  return round.rows.filter((/** @type {any} */ r) => r.crew === crew).sort((/** @type {any} */ a, /** @type {any} */ b) => a.position - b.position);
}

/** Crews that drive first, then the others by name; those on the screen already stay where they stand.
 * @param {any} round @param {number[]} [stand] ids @returns {any[]} */
export function crewsInOrder(round, stand = []) {
  const place = (/** @type {any} */ c) => { const at = stand.indexOf(c.id); return at < 0 ? stand.length : at; };
  return [...round.crews].sort((a, b) => place(a) - place(b) || Number(b.stops > 0) - Number(a.stops > 0) || a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** The way of one crew and its stops with their numbers, for the map.
 * @param {any} round @param {number | null} crew */
export function roundData(round, crew) {
  const features = [];
  const found = round && round.crews.find((/** @type {any} */ c) => c.id === crew);
  if (found && found.course) {
    features.push({ type: 'Feature', properties: {}, geometry: found.course });
    stopsOf(round, found.id).forEach((/** @type {any} */ r, /** @type {number} */ i) => {
      features.push({ type: 'Feature', properties: { label: String(i + 1) }, geometry: { type: 'Point', coordinates: [r.lon, r.lat] } });
    });
  }
  return { type: 'FeatureCollection', features };
}

const minutes = (/** @type {number} */ n) => gettext('%(n)s min of driving', { n: figure(n, n < 10 ? 1 : 0) });

/** @param {any} r @param {boolean} left */
function stopRow(r, left) {
  return html`<li data-testid="round-stop" data-incident="${r.incident}"><label><input type="checkbox" id="round-${r.row}" data-do="round-row" data-row="${r.row}" ${left ? '' : html`checked`}>
    <b class="prio" data-p="${r.priority}">${r.priority.slice(1)}</b><span><b>${r.number}</b> ${r.kind_label}<br><span class="muted">${r.address || ''}</span></span>
    <span class="when"><time title="${clock(r.arrive, true)}">${clock(r.arrive)}</time>${r.late_s > 60 ? html`<br><span class="late">${gettext('%(time)s late', { time: span(r.late_s) })}</span>` : ''}</span></label></li>`;
}

/** @param {any} round as GET /api/rounds gives it @param {Set<string>} left rows left out @param {number[]} [stand] crews on the screen */
export function roundList(round, left, stand = []) {
  if (!round.rows.length && !round.waiting.length) return html`<p class="muted" data-testid="round-empty">${gettext('There is nothing that can wait: no open incident of priority 3 or 4 without a crew.')}</p>`;
  return html`${round.crews.length ? html`<ul class="round-crews">${crewsInOrder(round, stand).map((c) => {
    const stops = stopsOf(round, c.id);
    return html`<li data-crew="${c.id}" data-testid="round-crew"><label class="check"><input type="checkbox" id="round-crew-${c.id}" data-do="round-crew" data-id="${c.id}" ${c.chosen ? html`checked` : ''}><b>${c.name}</b> <span class="muted">${!c.chosen ? gettext('not in this round') : stops.length ? [ngettext('%(count)s stop', '%(count)s stops', stops.length), minutes(c.driven_min)].join(' · ') : gettext('is not needed')}${c.chosen && c.busy && stops.length ? html` · ${gettext('after what it has')}` : ''}</span></label>
      ${stops.length ? html`<ol class="round-stops">${stops.map((/** @type {any} */ r) => stopRow(r, left.has(r.row)))}</ol>` : ''}</li>`;
  })}</ul>` : html`<p class="warning">${gettext('No crew is on shift that could take anything.')}</p>`}
    ${round.waiting.length ? html`<section><h3>${gettext('Does not fit')}</h3><ul class="round-waiting">${round.waiting.map((/** @type {any} */ w) => html`<li data-testid="round-waiting" data-why="${w.why}"><b>${w.number}</b> ${w.kind_label} <span class="muted">${w.why_text}</span></li>`)}</ul></section>` : ''}
    ${round.rows.length ? html`<div class="row spread foot"><b data-testid="round-driven">${minutes(round.driven_min)}</b><button class="main" id="round-keep" data-do="round-keep" data-testid="round-keep" ${round.rows.every((/** @type {any} */ r) => left.has(r.row)) ? html`disabled` : ''}>${gettext('Keep')} <kbd>Ctrl Enter</kbd></button></div>` : ''}`;
}
