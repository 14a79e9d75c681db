// @ts-check
// Somebody digs near the mains: may they, what lies there, what the damage cost.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { clock, distance, figure } from '../time.js';
import { toast } from '../toast.js';

/** @param {string} code */
export function digVerdict(code) {
  if (code === 'permitted') return html`<span class="chip ok">${gettext('has a permit')}</span>`;
  if (code === 'danger') return html`<span class="chip bad">${gettext('on a main, no permit')}</span>`;
  if (code === 'near_main') return html`<span class="chip">${gettext('near a main, no permit')}</span>`;
  return html`<span class="chip">${gettext('no main near')}</span>`;
}

/** @param {any} dig as the API gives it */
export function digSection(dig) {
  if (!dig) return '';
  return html`<section data-testid="dig"><h3><span>${gettext('Digging here')}</span>${digVerdict(dig.verdict)}</h3>
    ${dig.permit ? html`<p>${gettext('Permit %(number)s of %(holder)s until %(end)s.', { number: dig.permit.number, holder: dig.permit.holder, end: clock(dig.permit.valid_to, true) })} ${dig.permit.conditions}</p>` : html`<p class="warning">${gettext('No permit covers this place now: have the work stopped.')}</p>`}
    ${dig.mains.length ? html`<ul>${dig.mains.slice(0, 6).map((/** @type {any} */ m) => html`<li><a href="/network#asset=${encodeURIComponent(m.asset)}">${m.asset}</a> DN${figure(m.diameter_mm, 0)}${m.trunk ? html` <span class="chip">${gettext('trunk main')}</span>` : ''} <span class="muted">${distance(m.distance_m)}</span></li>`)}</ul>` : html`<p class="muted">${gettext('No main within 50 m.')}</p>`}
    ${(dig.claims || []).map((/** @type {any} */ c) => html`<p>${gettext('Claim %(number)s: %(total)s, %(who)s', { number: c.number, total: c.total, who: c.liable })} <span class="chip">${c.state_label}</span></p>`)}
    <button class="quiet" data-do="claim" data-testid="claim">${gettext('Claim for damage')}</button></section>`;
}

/** The form of a claim, one line for each thing it cost. @param {string} incident its number @param {() => void} done */
export function askClaim(incident, done) {
  const dialog = open(html`<form data-testid="claim-form"><h2>${gettext('Claim for damage')}</h2><div id="claim-problem"></div><div class="field"><label for="liable">${gettext('Who pays')}</label><input id="liable" name="liable" required maxlength="120"></div>
    <div class="field"><label for="items">${gettext('What it cost, one a line: thing, then amount')}</label><textarea id="items" name="items" required rows="5" placeholder="${gettext('Clamp DN150 412.50')}"></textarea></div>
    <div class="field"><label for="water">${gettext('Water lost, m³')}</label><input id="water" name="water" inputmode="decimal"></div>
    <div class="row"><button class="main">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const v = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
    try {
      const made = await api.post('/api/claims', { incident, liable: v.liable, water_m3: v.water, items: readItems(v.items) });
      dialog.close(); toast(gettext('%(number)s is written down.', { number: made.number })); done();
    } catch (error) { render($('#claim-problem', dialog), html`<p class="warning" role="alert">${error instanceof Error ? error.message : String(error)}</p>`); }
  });
  $('#liable', dialog).focus();
}

/** "Clamp DN150 412.50" as {what, amount}: the last word of a line is the amount. @param {string} text */
export function readItems(text) {
  return text.split('\n').map((line) => line.trim()).filter(Boolean).map((line) => {
    const cut = line.search(/\S+$/);
    return { what: line.slice(0, cut).replace(/[,;:：，；]\s*$/, '').trim(), amount: line.slice(cut).replace(',', '.') };
  });
}
