// @ts-check
// Taking another crew than the first: which, and why. The reason goes to the log.
import { html, render, $ } from '../html.js';
import { gettext } from '../i18n.js';
import { span } from '../time.js';
import { word } from '../words.js';

/** @param {any} ranking @param {string | null} chosen crew id @param {string | null} kind
 * @returns {Promise<{crew: any, reason: string, kind: string} | null>} null when dismissed */
export function askAnother(ranking, chosen, kind) {
  return new Promise((done) => {
    const dialog = document.createElement('dialog');
    document.body.append(dialog);
    const crews = ranking.ranked.map((/** @type {any} */ r) => r);
    const preset = chosen || (crews[1] ? String(crews[1].crew.id) : crews[0] ? String(crews[0].crew.id) : '');
    render(dialog, html`<form><h2>${gettext('Send another crew')}</h2>
      <div class="field"><label for="other-crew">${gettext('Crew')}</label><select id="other-crew" name="crew" required data-testid="other-crew">${crews.map((/** @type {any} */ r) => html`<option value="${r.crew.id}" ${String(r.crew.id) === preset ? html`selected` : ''}>${r.crew.name}, ${typeof r.seconds === 'number' ? span(r.seconds) : gettext('no way there')}</option>`)}</select></div>
      <div class="field"><label for="other-kind">${gettext('To do')}</label><select id="other-kind" name="kind">${['repair', 'valves', 'notices', 'inspect'].map((k) => html`<option value="${k}" ${k === (kind || 'valves') ? html`selected` : ''}>${word('order', k)}</option>`)}</select></div>
      <div class="field"><label for="other-reason">${gettext('Why not the first?')}</label><textarea id="other-reason" name="reason" required minlength="3" maxlength="500" data-testid="other-reason"></textarea></div>
      <div class="row"><button class="main" data-testid="other-send">${gettext('Send')}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    let answer = /** @type {any} */ (null);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const crew = crews.find((/** @type {any} */ r) => String(r.crew.id) === data.get('crew'));
      answer = { crew: crew.crew, reason: String(data.get('reason')).trim(), kind: String(data.get('kind')) };
      dialog.close();
    });
    $('[data-cancel]', dialog).onclick = () => dialog.close();
    form.addEventListener('keydown', (event) => { if (event.key === 'Enter' && event.ctrlKey) form.requestSubmit(); });
    dialog.addEventListener('close', () => { dialog.remove(); done(answer); });
    dialog.showModal();
    $('textarea', dialog).focus();
  });
}
