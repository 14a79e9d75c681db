// @ts-check
// Lines: outside lines by group, the house's own telephones, each with a sign and a word.
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { share } from '../share.js';
import { ago, figure } from '../time.js';
import { word } from '../words.js';

/** @param {any} l */
const group = (l) => html`<tr data-testid="trunk" data-line="${l.name}" data-state="${l.state}"><th scope="row">${l.name}${l.site ? html` <span class="muted">${l.site}</span>` : ''}</th><td>${l.up ? html`<meter min="0" max="${l.channels}" value="${Math.min(l.busy, l.channels)}" aria-label="${gettext('%(a)s of %(b)s busy', { a: l.busy, b: l.channels })}"></meter>` : html`<span class="chip bad">${word('line', 'down')}</span>`}</td><td class="n">${l.up ? html`${figure(l.busy)} / ${figure(l.channels)}` : html`<span class="muted">${ago(l.since)}</span>`}</td></tr>`;
/** @param {any} l */
const phone = (l) => html`<li class="line" data-testid="line" data-state="${l.state}" title="${word('line', l.state)}, ${ago(l.since)}"><i class="sign" aria-hidden="true"></i>${l.name}<span class="sr"> ${word('line', l.state)}</span></li>`;

/** @param {any} floor */
export function start(floor) {
  floor.hear((/** @type {any} */ now) => {
    const l = now.lines;
    const list = $('#lines-list');
    if (!l || (!l.trunks.list.length && !l.internal.list.length && !l.agents.length)) { render(list, html`<p class="empty">${gettext('The exchange has not told of any line yet.')}</p>`); return; }
    render(list, html`${l.stale ? html`<p class="warning">${gettext('The exchange has been silent since %(time)s.', { time: ago(l.seen_at) })}</p>` : ''}
      <h3>${gettext('Outside lines')} <b>${share(l.trunks.occupancy)}</b></h3><table><tbody>${l.trunks.list.map(group)}</tbody></table>
      <h3>${gettext('Internal lines')} <b>${share(l.internal.occupancy)}</b> <span class="muted">${figure(l.internal.busy)} / ${figure(l.internal.registered)}</span></h3><ul class="lines-grid">${l.internal.list.map(phone)}</ul>
      <h3>${gettext('Telephones of agents')}</h3><ul class="lines-grid">${l.agents.map(phone)}</ul>`);
  });
}
