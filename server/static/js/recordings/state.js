// @ts-check
// How keeping does, in figures: the disk, what is not sealed yet, files by key.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { figure } from '../time.js';

/** @param {number} bytes */
export function sizeText(bytes) {
  if (bytes < 1e6) return `${figure(bytes / 1e3, 0)} kB`;
  return bytes < 1e9 ? `${figure(bytes / 1e6, 1)} MB` : `${figure(bytes / 1e9, 1)} GB`;
}

/** @param {any} s GET /api/recordings/state */
export function keepingOf(s) {
  const old = s.keys.filter((/** @type {any} */ k) => !k.current).reduce((/** @type {number} */ n, /** @type {any} */ k) => n + k.files, 0);
  return html`<h2>${gettext('How recordings are kept')}</h2><div class="disk">${s.disk ? html`<label for="disk-meter">${gettext('Disk: %(percent)s % full, %(free)s free', { percent: figure(s.disk.percent, 1), free: sizeText(s.disk.free) })}</label><meter id="disk-meter" min="0" max="100" low="${s.full_percent - 10}" high="${s.full_percent}" optimum="0" value="${s.disk.percent}">${s.disk.percent}</meter>` : html`<p class="warning">${gettext('The folder of recordings is not there.')}</p>`}</div>
    <p>${ngettext('%(count)s sealed file', '%(count)s sealed files', s.files)}, ${sizeText(s.stored)}${s.plain ? html` · ${ngettext('%(count)s file of Asterisk’s not sealed yet', '%(count)s files of Asterisk’s not sealed yet', s.plain)}` : ''}${old ? html` · ${ngettext('%(count)s file still under an older key', '%(count)s files still under an older key', old)}` : ''}</p>`;
}

/** What the caller said of the talk, as a fact of the call. @param {{score: number | null} | null | undefined} rating */
export const ratingFact = (rating) => rating
  ? html`<dt>${gettext('Rated by the caller')}</dt><dd data-testid="call-rating" data-score="${rating.score === null ? '' : rating.score}">${rating.score === null ? gettext('asked, no answer') : gettext('%(score)s of 5', { score: figure(rating.score) })}</dd>` : '';
