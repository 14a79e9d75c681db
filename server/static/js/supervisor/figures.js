// @ts-check
// Every figure of a period: all together, and by queue, hour or agent. Its definition on hover.
import { api } from '../api.js';
import { shifted, wall } from '../crews/week.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { share } from '../share.js';
import { clock, figure, stopwatch } from '../time.js';

const part = (/** @type {any} */ v) => share(v, 1);
const time = (/** @type {any} */ v) => (typeof v === 'number' ? stopwatch(v) : '–');
const count = (/** @type {any} */ v) => figure(v);

/** Name in the answer, what it is called, what it is made of, how it is written.
 * @type {() => [string, string, string, (v: any) => string][]} */
const ROWS = () => [
  ['offered', gettext('offered'), gettext('joined a queue, without those who hung up within 5 s'), count],
  ['short_abandons', gettext('hung up at once'), gettext('within 5 s of joining, unanswered'), count],
  ['answered', gettext('taken by agents'), gettext('an agent picked up'), count],
  ['abandoned', gettext('abandoned'), gettext('hung up unanswered after 5 s or more'), count],
  ['overflowed', gettext('overflowed'), gettext('left the queue another way: a message, a call-back'), count],
  ['waiting_still', gettext('still waiting'), '', count],
  ['connect_rate', gettext('connect rate'), gettext('answered / offered'), part],
  ['service_level', gettext('service level'), gettext('answered within 15 s / offered: who gave up stays in the denominator'), part],
  ['service_level_without_abandons', gettext('… without early abandons'), gettext('who gave up within 15 s leaves the denominator'), part],
  ['asa_s', gettext('mean wait'), gettext('of the answered'), time],
  ['longest_answered_s', gettext('longest wait'), gettext('of the answered'), time],
  ['abandon_rate', gettext('abandon rate'), gettext('abandoned / offered'), part],
  ['aht_s', gettext('handling'), gettext('(talk + hold + wrap-up) / answered'), time],
  ['talk_s', gettext('talk'), '', time], ['hold_s', gettext('on hold'), '', time], ['wrap_s', gettext('wrap-up'), '', time],
  ['occupancy', gettext('occupancy'), gettext('(talk + hold + wrap-up) / (that + ready)'), part],
  ['utilisation', gettext('utilisation'), gettext('(talk + hold + wrap-up) / signed in'), part],
  ['adherence', gettext('adherence'), gettext('signed in while planned / planned'), part],
  ['shrinkage', gettext('shrinkage'), gettext('planned, but not available / planned'), part],
  ['transfer_rate', gettext('transfers'), gettext('for each answered call'), part],
  ['hold_rate', gettext('holds'), gettext('for each answered call'), part],
  ['repeat_rate', gettext('repeat calls'), gettext('had called within 7 days before / answered'), part],
  ['fcr', gettext('solved at once'), gettext('no other call of the premise about the same within 7 days / answered with a premise'), part],
  ['containment', gettext('solved in the menu'), gettext('ended content in the menu / entered it'), part],
  ['satisfaction', gettext('content'), gettext('rated 4 or 5 / rated'), part],
  ['response_rate', gettext('rated'), gettext('rated / asked'), part],
];

async function read() {
  const data = new FormData(/** @type {HTMLFormElement} */ ($('#figures-range')));
  const f = await api.get(`/api/figures?from=${data.get('from')}&to=${shifted(String(data.get('to')), 1)}`);
  const by = String(data.get('by'));
  const columns = f[by] || [];
  const name = (/** @type {any} */ c) => (by === 'hours' ? clock(c.at, Date.parse(f.to) - Date.parse(f.from) > 90000000) : c.name);
  const lines = html`<p>${gettext('Outside lines %(a)s, internal lines %(b)s occupied over the period.', { a: part(f.trunk_occupancy), b: part(f.internal_occupancy) })}</p>`;
  render($('#figures-table'), html`${lines}<div class="scroll"><table class="need"><thead><tr><th></th><th class="n">${gettext('all')}</th>${columns.map((/** @type {any} */ c) => html`<th class="n">${name(c)}</th>`)}</tr></thead>
    <tbody>${ROWS().map(([key, text, made, write]) => html`<tr data-figure="${key}"><th scope="row" title="${made}">${text}<small>${made}</small></th><td class="n"><b>${write(f.all[key])}</b></td>${columns.map((/** @type {any} */ c) => html`<td class="n">${write(c[key])}</td>`)}</tr>`)}</tbody></table></div>`);
}

/** @param {any} _floor */
export function start(_floor) {
  const today = wall(new Date().toISOString(), page.tz).day;
  /** @type {HTMLInputElement} */ ($('#figures-from')).value = today;
  /** @type {HTMLInputElement} */ ($('#figures-to')).value = today;
  const again = () => read().catch((error) => render($('#figures-table'), html`<p class="warning">${error.message}</p>`));
  $('#figures-range').addEventListener('change', again);
  $('#figures-range').addEventListener('submit', (event) => { event.preventDefault(); again(); });
  again();
  setInterval(again, 60000);
}
