// @ts-check
// Putting a ticket right: what it is, where it is, in whose words. Where somebody else has changed
// it meanwhile both versions stand side by side, and nothing typed is lost.
import { api, Refused } from './api.js';
import { open } from './ask.js';
import { KINDS } from './desk/questions.js';
import { placeSearch } from './desk/places.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { toast } from './toast.js';
import { word } from './words.js';

/** The words for the fields of a ticket. @type {Record<string, () => string>} */
const FIELD = { kind: () => gettext('What'), place: () => gettext('Where'), note: () => gettext('Note'), name: () => gettext('Customer'), phone: () => gettext('Telephone') };

/** Only what differs from the ticket that was looked at. @param {any} ticket @param {{kind: string, name: string, note: string, phone: string}} typed @param {any} place */
export function changes(ticket, typed, place) {
  /** @type {Record<string, any>} */
  const found = {};
  if (typed.kind !== ticket.kind) found.kind = typed.kind;
  if (typed.name.trim() !== (ticket.customer || '')) found.name = typed.name.trim();
  if (typed.note !== (ticket.note || '')) found.note = typed.note;
  if (typed.phone.trim()) found.phone = typed.phone.trim();
  if (place) found.place = place;
  return found;
}

/** @param {any[]} differences */
function quarrel(differences) {
  return html`<div class="warning" role="alert" data-testid="amend-differences"><p>${gettext('Somebody else has changed this ticket. Compare, and save again.')}</p>
    <table><thead><tr><th></th><th>${gettext('There now')}</th><th>${gettext('Yours')}</th></tr></thead><tbody>${differences.map((d) => html`<tr><td>${(FIELD[d.field] || (() => d.field))()}</td><td>${d.field === 'kind' ? word('kind', d.now) : d.now || '–'}</td><td>${d.field === 'kind' ? word('kind', d.yours) : d.yours || '–'}</td></tr>`)}</tbody></table></div>`;
}

/** Opens the form for a ticket and waits until it is closed. `first` is the field to begin with.
 * @param {string} number @param {'place' | 'note'} [first] @returns {Promise<void>} */
export async function amend(number, first = 'place') {
  const address = `/api/tickets/${encodeURIComponent(number)}`;
  const ticket = await api.get(address);
  let edition = ticket.edition;
  /** @type {any} */ let place = null;
  return new Promise((done) => {
    const dialog = open(html`<form data-testid="amend"><h2>${gettext('Put right: %(number)s', { number })}</h2><div id="amend-problem"></div>
      <div class="field"><label for="amend-kind">${gettext('What')}</label><select id="amend-kind" name="kind" data-testid="amend-kind">${KINDS.map((k) => html`<option value="${k}" ${k === ticket.kind ? html`selected` : ''}>${word('kind', k)}</option>`)}</select></div>
      <div class="field place"><label for="amend-place">${gettext('Where')}</label><input id="amend-place" name="place" autocomplete="off" role="combobox" aria-expanded="false" aria-controls="amend-places" value="${ticket.address || ''}" placeholder="${gettext('Street and number, crossing, valve, coordinates')}" data-testid="amend-place"><ul id="amend-places" class="places" role="listbox" hidden></ul></div>
      <div class="field"><label for="amend-note">${gettext('Note')}</label><textarea id="amend-note" name="note" maxlength="4000" data-testid="amend-note">${ticket.note || ''}</textarea></div>
      <div class="field"><label for="amend-name">${gettext('Customer')}</label><input id="amend-name" name="name" maxlength="80" value="${ticket.customer || ''}"></div>
      <div class="field"><label for="amend-phone">${gettext('Telephone')}</label><input id="amend-phone" name="phone" inputmode="tel" maxlength="24" placeholder="${ticket.phone_masked || ''}"></div>
      <div class="row"><button class="main" data-testid="amend-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    const input = /** @type {HTMLInputElement} */ ($('#amend-place', dialog));
    placeSearch(input, $('#amend-places', dialog), {
      near: () => (ticket.place ? [ticket.place.lon, ticket.place.lat] : null),
      choose: (found) => { place = { lon: found.lon, lat: found.lat, address: found.text }; },
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const typed = /** @type {any} */ (Object.fromEntries(new FormData(form)));
      // Words that were typed but not chosen from the list are kept as words.
      const worded = typed.place.trim() !== (ticket.address || '') && (!place || place.address !== typed.place);
      const wanted = changes(ticket, typed, worded ? { address: typed.place.trim() } : place);
      if (!Object.keys(wanted).length) { dialog.close(); return; }
      const button = /** @type {HTMLButtonElement} */ ($('button.main', form));
      button.disabled = true;
      try {
        await api.post(`${address}/amend`, { edition, ...wanted });
        toast(gettext('Saved.'));
        dialog.close();
      } catch (error) {
        const answer = error instanceof Refused ? error.body : null;
        if (answer && answer.differences) { edition = answer.edition; render($('#amend-problem', dialog), quarrel(answer.differences)); }
        else render($('#amend-problem', dialog), html`<p class="warning" role="alert">${error instanceof Error ? error.message : String(error)}</p>`);
      } finally { button.disabled = false; }
    });
    dialog.addEventListener('close', () => done());
    const start = /** @type {HTMLElement} */ ($(first === 'note' ? '#amend-note' : '#amend-place', dialog));
    start.focus();
    if (start instanceof HTMLInputElement) start.select();
  });
}
