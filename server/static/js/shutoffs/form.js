// @ts-check
// Writing down planned works, and changing them: which assets, when, why, and what it does to the street.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { showErrors } from '../problems.js';

/** A moment as a field of the utility's clock takes it. @param {number | string} at */
export function local(at) {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: page.tz, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' }).format(new Date(at)).replace(' ', 'T');
}

/** The day after tomorrow at nine: early enough for the notice of most works. */
function soon() {
  const day = local(Date.now() + 48 * 3600e3).slice(0, 10);
  return [`${day}T09:00`, `${day}T13:00`];
}

/** Ask for the works and send them to `address`; the answer, or null when dismissed.
 * @param {string} address @param {any} [known] @param {any} [extra] @returns {Promise<any>} */
export function planForm(address, known = {}, extra = {}) {
  const [starts, ends] = soon();
  const has = (/** @type {string} */ w) => (known.works || []).includes(w) ? html`checked` : '';
  return new Promise((done) => {
    /** @type {any} */ let answer = null;
    const dialog = open(html`<form novalidate data-testid="plan-form"><h2>${known.number ? gettext('Change %(number)s', { number: known.number }) : gettext('Plan works')}</h2>
      <div class="field"><label for="targets">${gettext('Pipes, valves or hydrants to take out of service')}</label><input id="targets" name="targets" autocomplete="off" spellcheck="false" value="${(known.targets || []).join(' ')}" data-testid="plan-targets"><span class="muted">${gettext('Several are isolated together.')} <a href="/network">${gettext('Choose on the map')}</a></span></div>
      <div class="pair"><div class="field"><label for="from">${gettext('Water off')}</label><input id="from" name="from" type="datetime-local" value="${known.from ? local(known.from) : starts}" data-testid="plan-from"></div><div class="field"><label for="to">${gettext('Water back')}</label><input id="to" name="to" type="datetime-local" value="${known.to ? local(known.to) : ends}" data-testid="plan-to"></div></div>
      <div class="field"><label for="reason">${gettext('Why, as customers are told')}</label><input id="reason" name="reason" maxlength="200" value="${known.reason || ''}" data-testid="plan-reason"></div>
      <div class="field"><label for="work">${gettext('What is done')}</label><textarea id="work" name="work" maxlength="4000">${known.work || ''}</textarea></div>
      <div class="checks"><label><input type="checkbox" name="works" value="road" ${has('road')}>${gettext('the road is opened')}</label><label><input type="checkbox" name="works" value="lane" ${has('lane')}>${gettext('a lane is closed')}</label><label><input type="checkbox" name="works" value="hot" ${has('hot')}>${gettext('a flame is used')}</label></div>
      <div class="row"><button class="main" data-testid="plan-save">${gettext('Make the plan')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const data = new FormData(form);
      const text = (/** @type {string} */ name) => String(data.get(name) || '');
      const button = /** @type {HTMLButtonElement} */ ($('button.main', form));
      button.disabled = true;
      try {
        answer = await api.post(address, { ...extra, targets: text('targets').split(/[\s,,、]+/).filter(Boolean), from: text('from'), to: text('to'), reason: text('reason'), work: text('work'), works: data.getAll('works').map(String) });
        dialog.close();
      } catch (error) { showErrors(form, error, { target: 'targets' }); } finally { button.disabled = false; }
    });
    dialog.addEventListener('close', () => done(answer));
    const first = /** @type {HTMLInputElement} */ ($('#targets', dialog));
    if (first.value && !known.number) $('#reason', dialog).focus(); else first.focus();
  });
}
