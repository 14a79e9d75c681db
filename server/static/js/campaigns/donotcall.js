// @ts-check
// Numbers that no campaign rings.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { showErrors } from '../problems.js';
import { clock } from '../time.js';
import { complain } from '../toast.js';

const may = ['agent', 'supervisor'].includes(page.role);

export async function read() {
  const rows = (await api.get('/api/do-not-call')).results;
  render($('#donotcall'), html`<header class="row spread"><h2>${gettext('Do not call')}</h2>${may ? html`<button type="button" class="main" data-do="dnc-add" data-testid="dnc-add">${gettext('Add a number…')}</button>` : ''}</header><p class="muted">${gettext('No campaign rings these numbers. An agent may still call by hand.')}</p>
    <table class="cards" aria-label="${gettext('Do not call')}"><thead><tr><th>${gettext('Telephone number')}</th><th>${gettext('Reason')}</th><th>${gettext('By')}</th><th></th></tr></thead><tbody>${rows.length ? rows.map((/** @type {any} */ r) => html`<tr data-testid="dnc-row"><td>${r.number_masked}</td><td class="body">${r.reason}</td><td>${r.by} <span class="muted">${clock(r.at, true)}</span></td><td class="acts">${page.role === 'supervisor' ? html`<button type="button" class="quiet" data-do="dnc-remove" data-id="${r.id}">${gettext('Allow calls again')}</button>` : ''}</td></tr>`) : html`<tr><td colspan="4" class="empty">${gettext('Nobody has asked for it.')}</td></tr>`}</tbody></table>`);
}

/** @param {boolean} boss @param {() => void} again */
export const verbs = (boss, again) => ({
  'dnc-add': () => {
    const dialog = open(html`<form novalidate><h2>${gettext('Do not call')}</h2><div class="field"><label for="dnc">${gettext('Telephone number')}</label><input id="dnc" name="number" type="tel" required data-testid="dnc-number"></div><div class="field"><label for="why">${gettext('Reason')}</label><input id="why" name="reason" maxlength="200"></div><div class="row"><button class="main" data-testid="dnc-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    form.addEventListener('submit', async (event) => { event.preventDefault(); try { await api.post('/api/do-not-call', Object.fromEntries(new FormData(form))); dialog.close(); again(); } catch (error) { showErrors(form, error); } });
    $('#dnc', dialog).focus();
  },
  'dnc-remove': async (/** @type {HTMLElement} */ target) => {
    if (!boss) return;
    try { await api.post(`/api/do-not-call/${target.dataset.id}/remove`, {}); } catch (error) { complain(error); }
    again();
  },
});
