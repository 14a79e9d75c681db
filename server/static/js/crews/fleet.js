// @ts-check
// Vehicles: whose, what is on them, what is due.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { day } from '../time.js';
import { complain } from '../toast.js';
import { word } from '../words.js';
import { ask } from './forms.js';

const root = $('#fleet');
/** @type {any} */ let data = null;
/** @type {any[]} */ let crews = [];

/** @param {any} v */
const row = (v) => html`<tr data-testid="vehicle-row"><th scope="row">${v.plate}<br><span class="muted">${word('vehicle', v.kind)}</span></th><td>${v.crew ? v.crew.name : html`<span class="muted">${gettext('spare')}</span>`}</td><td>${v.equipment_labels.join(', ') || html`<span class="muted">–</span>`}</td><td>${v.valve_keys_mm.length ? v.valve_keys_mm.map((/** @type {number} */ mm) => `DN${mm}`).join(', ') : html`<span class="muted">${gettext('not written down')}</span>`}</td><td>${v.unit || html`<span class="muted">–</span>`}</td>
  <td>${v.inspection_due ? html`<span class="${v.level ? `chip ${v.level === 'out' ? 'bad' : 'warn'}` : ''}">${day(v.inspection_due)}</span>` : html`<span class="muted">–</span>`}</td><td>${v.out_of_service ? html`<span class="chip bad">${v.out_of_service}</span>` : html`<span class="muted">${gettext('in service')}</span>`}</td><td><button type="button" class="quiet" data-do="vehicle" data-id="${v.id}">${gettext('Change')}</button></td></tr>`;

export async function read() {
  const [found, board] = await Promise.all([api.get('/api/fleet'), api.get('/api/crews/now')]);
  data = found; crews = board.crews;
  render(root, html`<p class="row"><button type="button" data-do="vehicle">${gettext('Add a vehicle')}</button></p>${data.vehicles.length ? html`<div class="scroll"><table class="cards"><thead><tr><th>${gettext('Vehicle')}</th><th>${gettext('Crew')}</th><th>${gettext('Equipment')}</th><th>${gettext('Valve keys up to')}</th><th>${gettext('Tracker')}</th><th>${gettext('Inspection due')}</th><th>${gettext('State')}</th><th></th></tr></thead><tbody>${data.vehicles.map(row)}</tbody></table></div>` : html`<p class="empty">${gettext('No vehicle is registered.')}</p>`}`);
}

/** @param {any} v */
const form = (v) => ask(html`<h2>${v.id ? v.plate : gettext('Add a vehicle')}</h2>
  <div class="two"><div class="field"><label for="plate">${gettext('Plate')}</label><input id="plate" name="plate" value="${v.plate}" maxlength="16" required></div><div class="field"><label for="kind">${gettext('Kind')}</label><input id="kind" name="kind" value="${v.kind}" maxlength="30" list="kinds"><datalist id="kinds"><option value="van"><option value="truck"><option value="jetting truck"></datalist></div></div>
  <div class="field"><label for="crew">${gettext('Crew')}</label><select id="crew" name="crew"><option value="">${gettext('spare')}</option>${crews.map((c) => html`<option value="${c.id}"${v.crew && v.crew.id === c.id ? html` selected` : ''}>${c.name}</option>`)}</select></div>
  <fieldset><legend>${gettext('Equipment')}</legend><div class="ticks">${data.equipment.map((/** @type {any} */ e) => html`<label><input type="checkbox" name="equipment" value="${e.code}"${v.equipment.includes(e.code) ? html` checked` : ''}> ${e.label}</label>`)}</div></fieldset>
  <div class="two"><div class="field"><label for="keys">${gettext('Valve keys up to DN, with commas')}</label><input id="keys" name="keys" value="${v.valve_keys_mm.join(', ')}" inputmode="numeric"></div><div class="field"><label for="unit">${gettext('Tracker')}</label><input id="unit" name="unit" value="${v.unit}" maxlength="64"></div></div>
  <div class="two"><div class="field"><label for="inspection_due">${gettext('Inspection due')}</label><input id="inspection_due" name="inspection_due" type="date" value="${v.inspection_due || ''}"></div><div class="field"><label for="out">${gettext('Out of service because (empty: in service)')}</label><input id="out" name="out" value="${v.out_of_service}" maxlength="120"></div></div>
  <div class="row"><button class="main">${gettext('Keep')}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div>`, async (said) => {
  const body = { plate: said.get('plate'), kind: said.get('kind'), crew: said.get('crew') || null, unit: said.get('unit'), equipment: said.getAll('equipment'), valve_keys_mm: String(said.get('keys')).split(/[,,、\s]+/).filter(Boolean), inspection_due: said.get('inspection_due') || null, out_of_service: said.get('out') };
  if (v.id) await api.put(`/api/fleet/${v.id}`, body); else await api.post('/api/fleet', body);
});

onDo(root, {
  vehicle: async (target) => {
    const known = data.vehicles.find((/** @type {any} */ v) => v.id === Number(target.dataset.id));
    try { if (await form(known || { plate: '', kind: 'van', equipment: [], valve_keys_mm: [], unit: '', out_of_service: '' })) await read(); } catch (error) { complain(error); }
  },
});
