// @ts-check
// What lies where, how much of it is promised and to which order; counting and moving.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { complain } from '../toast.js';
import { ask } from './forms.js';

const root = $('#stock');
/** @type {any} */ let data = null;

const size = (/** @type {any} */ s) => `DN${s.diameter_mm}${s.to_mm ? `–${s.to_mm}` : ''}`;

/** @param {any} s */
const piece = (s) => html`<tr data-testid="stock-row" ${s.free ? '' : html`data-none`}><th scope="row">${s.label} <span class="size">${size(s)}</span> <span class="muted">${s.materials.join('/')}</span></th><td class="n"><b>${s.free}</b>${s.reserved ? html` <span class="muted">${gettext('of %(n)s', { n: s.quantity })}</span>` : ''}</td><td>${s.held.map((/** @type {any} */ h) => html`<span class="chip">${h.quantity} → ${h.order} ${h.crew}</span> `)}</td>
  <td class="acts"><button type="button" class="quiet" data-do="count" data-id="${s.id}">${gettext('Count')}</button>${s.free ? html`<button type="button" class="quiet" data-do="move" data-id="${s.id}">${gettext('Move')}</button>` : ''}</td></tr>`;

/** @param {any} p */
const place = (p) => html`<section class="panel" data-testid="stock-place"><header class="row spread"><h2>${p.name}</h2><button type="button" class="quiet" data-do="add" data-kind="${p.kind}" data-id="${p.id}">${gettext('Add')}</button></header>${p.stock.length ? html`<table><thead><tr><th></th><th class="n">${gettext('free')}</th><th>${gettext('promised')}</th><th></th></tr></thead><tbody>${p.stock.map(piece)}</tbody></table>` : html`<p class="muted">${gettext('Nothing is written down here.')}</p>`}</section>`;

export async function read() {
  data = await api.get('/api/stock');
  const depots = data.places.filter((/** @type {any} */ p) => p.kind === 'depot');
  const vans = data.places.filter((/** @type {any} */ p) => p.kind === 'vehicle');
  render(root, html`${data.empty.length ? html`<p class="warning">${gettext('Nothing free anywhere: %(what)s', { what: data.empty.map((/** @type {any} */ e) => `${e.label} ${size(e)}`).join(', ') })}</p>` : ''}
    ${depots.length ? '' : html`<p class="muted">${gettext('No depot is registered; crews are sent by the city\'s own.')}</p>`}<div class="crew-cards">${[...depots, ...vans].map(place)}</div>`);
}

/** @returns {[any, any]} piece and place */
function find(/** @type {number} */ id) {
  for (const p of data.places) for (const s of p.stock) if (s.id === id) return [s, p];
  return [null, null];
}

const where = (/** @type {any} */ p) => ({ [p.kind]: p.id });
const send = (/** @type {string} */ verb) => html`<div class="row"><button class="main">${verb}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div>`;
const quantity = (/** @type {string} */ label, /** @type {number} */ n, /** @type {number} */ least) => html`<div class="field"><label for="quantity">${label}</label><input id="quantity" name="quantity" type="number" min="${least}" value="${n}" required></div>`;

/** @param {any} s @param {any} p */
const count = (s, p) => ask(html`<h2>${gettext('Stock-take')}: ${s.label} ${size(s)}</h2><p class="muted">${p.name}</p>${quantity(gettext('So many lie there'), s.quantity, 0)}${send(gettext('Keep'))}`, async (said) => {
  await api.post('/api/stock', { ...where(p), item: s.item, diameter_mm: s.diameter_mm, to_mm: s.to_mm, materials: s.materials, quantity: Number(said.get('quantity')) });
});

/** @param {any} s @param {any} p */
const move = (s, p) => ask(html`<h2>${gettext('Move')}: ${s.label} ${size(s)}</h2><p class="muted">${p.name}</p>${quantity(gettext('How many'), 1, 1)}
  <div class="field"><label for="to">${gettext('to')}</label><select id="to" name="to">${data.places.filter((/** @type {any} */ o) => o !== p).map((/** @type {any} */ o) => html`<option value="${o.kind}:${o.id}">${o.name}</option>`)}</select></div>${send(gettext('Move'))}`, async (said) => {
  const [kind, id] = String(said.get('to')).split(':');
  await api.post(`/api/stock/${s.id}/actions`, { action: 'move', quantity: Number(said.get('quantity')), [kind]: Number(id) });
});

/** @param {any} p */
const add = (p) => ask(html`<h2>${p.name}</h2><div class="field"><label for="item">${gettext('What')}</label><select id="item" name="item">${data.items.map((/** @type {any} */ i) => html`<option value="${i.code}">${i.label}</option>`)}</select></div>
  <div class="two"><div class="field"><label for="diameter_mm">${gettext('from DN')}</label><input id="diameter_mm" name="diameter_mm" type="number" min="1" required></div><div class="field"><label for="to_mm">${gettext('to DN (empty: the same)')}</label><input id="to_mm" name="to_mm" type="number" min="1"></div></div>
  <div class="field"><label for="materials">${gettext('Materials, with commas (empty: all)')}</label><input id="materials" name="materials"></div>${quantity(gettext('So many lie there'), 1, 0)}${send(gettext('Keep'))}`, async (said) => {
  await api.post('/api/stock', { ...where(p), item: said.get('item'), diameter_mm: Number(said.get('diameter_mm')), to_mm: said.get('to_mm') ? Number(said.get('to_mm')) : null, materials: String(said.get('materials')).split(/[,,、\s]+/).filter(Boolean), quantity: Number(said.get('quantity')) });
});

/** @param {Promise<any>} sent */
async function then(sent) { try { if (await sent) await read(); } catch (error) { complain(error); } }

onDo(root, {
  count: (target) => { const [s, p] = find(Number(target.dataset.id)); if (s) then(count(s, p)); },
  move: (target) => { const [s, p] = find(Number(target.dataset.id)); if (s) then(move(s, p)); },
  add: (target) => { const p = data.places.find((/** @type {any} */ o) => o.kind === target.dataset.kind && o.id === Number(target.dataset.id)); if (p) then(add(p)); },
});
