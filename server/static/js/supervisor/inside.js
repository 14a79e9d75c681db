// @ts-check
// Callers who stand in a shut-off we know of: the same trouble, so the same sentence for all.
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { clock, figure } from '../time.js';

/** @param {any} floor */
export function start(floor) {
  floor.hear((/** @type {any} */ now) => {
    render($('#inside-list'), now.inside.length ? html`<table><thead><tr><th>${gettext('Shut-off')}</th><th class="n">${gettext('now')}</th><th class="n">${gettext('today')}</th><th class="n">${gettext('needed nobody')}</th><th class="n">${gettext('back about')}</th></tr></thead>
      <tbody>${now.inside.map((/** @type {any} */ s) => html`<tr data-testid="inside-row" data-number="${s.shut_off}"><th scope="row"><a href="/shutoffs/${s.shut_off}">${s.shut_off}</a> <span class="muted">${s.address}</span></th><td class="n">${figure(s.now)}</td><td class="n">${figure(s.today)}</td><td class="n">${figure(s.informed)}</td><td class="n">${s.back_at ? clock(s.back_at) : '–'}</td></tr>`)}</tbody></table>` : html`<p class="empty">${gettext('No caller of today stands in a shut-off.')}</p>`);
  });
}
