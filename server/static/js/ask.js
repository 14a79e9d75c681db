// @ts-check
// Small questions in a dialog: a reason that goes to the log, a picture to look at.
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';

/** A dialog that is gone when it is closed; its cancel button and Ctrl-Enter work. @param {any} content */
export function open(content) {
  const dialog = document.createElement('dialog');
  document.body.append(dialog);
  render(dialog, content);
  $('[data-cancel]', dialog).onclick = () => dialog.close();
  const form = dialog.querySelector('form');
  if (form) form.addEventListener('keydown', (event) => { if (event.key === 'Enter' && event.ctrlKey) { event.preventDefault(); form.requestSubmit(); } });
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
  return dialog;
}

/** @param {string} title @param {string} verb the button's word @returns {Promise<string | null>} null when dismissed */
export function askReason(title, verb) {
  return new Promise((done) => {
    const dialog = open(html`<form><h2>${title}</h2><div class="field"><label for="why">${gettext('Reason')}</label><textarea id="why" name="reason" required minlength="3" maxlength="200" data-testid="reason"></textarea></div>
      <div class="row"><button class="main" data-testid="reason-send">${verb} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    /** @type {string | null} */ let answer = null;
    form.addEventListener('submit', (event) => { event.preventDefault(); answer = String(new FormData(form).get('reason')).trim(); dialog.close(); });
    dialog.addEventListener('close', () => done(answer));
    $('textarea', dialog).focus();
  });
}

/** Whether it is meant; the way back has the focus. @param {string} title @param {string} text @param {string} verb the button's word @returns {Promise<boolean>} */
export function askYes(title, text, verb) {
  return new Promise((done) => {
    const dialog = open(html`<form data-testid="ask-yes"><h2>${title}</h2><p>${text}</p><div class="row"><button class="main" data-testid="yes">${verb} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    let answer = false;
    $('form', dialog).addEventListener('submit', (event) => { event.preventDefault(); answer = true; dialog.close(); });
    dialog.addEventListener('close', () => done(answer));
    $('[data-cancel]', dialog).focus();
  });
}

/** What crews photographed, as a strip of small pictures; each opens with `showPhoto`. @param {(string | number)[]} ids */
export function photoStrip(ids) {
  return html`<div class="photos">${ids.map((id) => html`<button type="button" class="photo" data-do="photo" data-id="${id}" data-testid="photo"><img src="/api/photos/${id}" loading="lazy" alt="${gettext('Picture from the crew')}"></button>`)}</div>`;
}

/** @param {string} id */
export function showPhoto(id) {
  const dialog = open(html`<img src="/api/photos/${id}" alt="${gettext('Picture from the crew')}"><div class="row"><a class="button" href="/api/photos/${id}" download>${gettext('Keep a copy')}</a><button data-cancel>${gettext('Close')}</button></div>`);
  dialog.classList.add('picture');
}
