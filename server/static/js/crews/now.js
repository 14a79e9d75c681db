// @ts-check
// What every crew is doing: state, since when, who said so; breaks; who looked at its track.
import { api } from '../api.js';
import { askReason, open } from '../ask.js';
import { $, html, onDo, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { page } from '../page.js';
import { ago, clock, span } from '../time.js';
import { complain, toast } from '../toast.js';
import { word } from '../words.js';

const root = $('#now');

/** @param {any} c where a crew is expected to be */
function duty(c) {
  if (c.leave) return html`<span class="chip warn">${gettext('the whole crew is away')}</span> ${clock(c.leave_until, true)}`;
  if (c.on_shift) return html`${gettext('on shift until %(time)s', { time: clock(c.until) })}`;
  if (c.on_call) return html`<span class="chip">${gettext('on call')}</span> ${gettext('on the road in %(n)s min', { n: c.call_out_min })}`;
  return html`<span class="muted">${gettext('off shift')}</span>`;
}

/** @param {any} c */
function state(c) {
  if (!c.on_shift) return '';
  const kind = { available: 'ok', out_of_service: 'bad', break: 'warn' }[/** @type {'break'} */ (c.state)] || '';
  const left = c.state_until ? (Date.parse(c.state_until) - Date.now()) / 1000 : 0;
  return html`<span class="chip ${kind}">${word('crew', c.state)}</span> ${left > 0 ? html`<span class="muted">${gettext('%(time)s more', { time: span(left) })}</span>` : c.since ? html`<span class="muted" title="${clock(c.since, true)}">${ago(c.since)}</span>` : ''}${c.reason ? html`<br><span class="muted">${c.reason}</span>` : ''}`;
}

/** @param {any} c */
const hours = (c) => (c.worked_h === null ? html`<span class="muted">–</span>` : html`${gettext('%(h)s h worked', { h: c.worked_h })}${c.rest_h !== null && c.rest_h < 11 ? html` <span class="chip warn">${gettext('%(h)s h rest', { h: c.rest_h })}</span>` : ''}${c.nights >= 5 ? html` <span class="chip warn">${ngettext('%(count)s night', '%(count)s nights', c.nights)}</span>` : ''}`);

/** @param {any} c */
const row = (c) => html`<tr data-testid="crew-now" data-crew="${c.id}"><th scope="row">${c.name}<br><span class="muted">${c.plate}</span>${c.vehicle_out ? html` <span class="chip bad">${c.vehicle_out}</span>` : ''}</th><td>${state(c)}</td><td>${duty(c)}</td>
  <td>${c.here === null || !(c.on_shift || c.on_call) ? html`<span class="muted">–</span>` : ngettext('%(count)s there', '%(count)s there', c.here)}${c.gone.length ? html`<br><span class="muted">${gettext('away: %(names)s', { names: c.gone.join(', ') })}</span>` : ''}</td><td>${hours(c)}</td>
  <td class="acts">${c.on_shift && c.state === 'available' ? html`<button type="button" data-do="pause" data-crew="${c.id}" data-testid="crew-break">${gettext('Break')}</button><button type="button" data-do="out" data-crew="${c.id}">${gettext('Out of service')}</button>` : ''}${['break', 'out_of_service', 'off_duty'].includes(c.state) && c.on_shift ? html`<button type="button" data-do="back" data-crew="${c.id}" data-testid="crew-back">${gettext('Back to work')}</button>` : ''}<button type="button" class="quiet" data-do="history" data-crew="${c.id}">${gettext('What it did')}</button>${page.role === 'supervisor' ? html`<button type="button" class="quiet" data-do="views" data-crew="${c.id}">${gettext('Who looked')}</button>` : ''}</td></tr>`;

export async function read() {
  const { crews } = await api.get('/api/crews/now');
  const onShift = crews.filter((/** @type {any} */ c) => c.on_shift);
  const rest = crews.filter((/** @type {any} */ c) => !c.on_shift);
  const free = onShift.filter((/** @type {any} */ c) => c.state === 'available').length;
  render(root, crews.length ? html`<p class="sum">${gettext('%(on)s of %(all)s crews on shift, %(free)s free', { on: onShift.length, all: crews.length, free })}</p>
    <div class="scroll"><table class="cards"><thead><tr><th>${gettext('Crew')}</th><th>${gettext('State')}</th><th>${gettext('Duty')}</th><th>${gettext('People')}</th><th>${gettext('Last 24 hours')}</th><th></th></tr></thead><tbody>${[...onShift, ...rest].map(row)}</tbody></table></div>` : html`<p class="empty">${gettext('No crew is registered.')}</p>`);
}

/** @param {HTMLElement} target @param {any} body @param {string} said */
async function set(target, body, said) {
  try { await api.post(`/api/crews/${target.dataset.crew}/status`, body); toast(said); await read(); } catch (error) { complain(error); }
}

/** @param {HTMLElement} target */
function pause(target) {
  const dialog = open(html`<form><h2>${gettext('Break')}</h2><div class="field"><label for="minutes">${gettext('Minutes')}</label><input id="minutes" name="minutes" type="number" min="1" max="240" value="30" required></div><p class="muted">${gettext('It ends by itself. For an emergency dispatch offers the crew with what is left of it.')}</p><div class="row"><button class="main" data-testid="break-send">${gettext('Begin')}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', (event) => { event.preventDefault(); dialog.close(); set(target, { state: 'break', minutes: Number(new FormData(form).get('minutes')) }, gettext('The break has begun.')); });
  $('input', dialog).focus();
}

onDo(root, {
  pause,
  out: async (target) => { const reason = await askReason(gettext('Take the crew out of service?'), gettext('Out of service')); if (reason) set(target, { state: 'out_of_service', reason }, gettext('The crew is out of service.')); },
  back: (target) => { set(target, { state: 'available' }, gettext('The crew is back at work.')); },
  history: async (target) => {
    try {
      const found = await api.get(`/api/crews/${target.dataset.crew}/status`);
      const dialog = open(html`<div class="stack"><h2>${gettext('%(crew)s, last 24 hours', { crew: found.crew })}</h2>${found.intervals.length ? html`<table><tbody>${found.intervals.map((/** @type {any} */ i) => html`<tr><td>${clock(i.from, true)}–${clock(i.to)}</td><td>${word('crew', i.state)}${i.reason ? html`<br><span class="muted">${i.reason}</span>` : ''}</td><td class="muted">${i.by}</td></tr>`)}</tbody></table>` : html`<p class="empty">${gettext('Nothing has changed in this time.')}</p>`}<div class="row"><button type="button" data-cancel>${gettext('Close')}</button></div></div>`);
      dialog.classList.add('drill');
    } catch (error) { complain(error); }
  },
  views: async (target) => {
    try {
      const { views } = await api.get(`/api/crews/${target.dataset.crew}/track-views`);
      open(html`<div class="stack"><h2>${gettext('Who looked at the track')}</h2><p class="muted">${gettext('The crew sees the same list.')}</p>${views.length ? html`<table><tbody>${views.map((/** @type {any} */ v) => html`<tr><td>${clock(v.at, true)}</td><td>${v.by}</td><td>${v.reason}</td></tr>`)}</tbody></table>` : html`<p class="empty">${gettext('Nobody has.')}</p>`}<div class="row"><button type="button" data-cancel>${gettext('Close')}</button></div></div>`);
    } catch (error) { complain(error); }
  },
});

