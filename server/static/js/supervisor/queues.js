// @ts-check
// Every queue now: how many wait, how long the first of them has.
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { figure, stopwatch } from '../time.js';

/** @param {any} floor */
export function start(floor) {
  floor.hear((/** @type {any} */ now) => {
    render($('#queues-list'), html`<table><thead><tr><th>${gettext('Queue')}</th><th class="n">${gettext('waiting')}</th><th class="n">${gettext('Longest wait')}</th></tr></thead>
      <tbody>${now.queues.map((/** @type {any} */ q) => html`<tr data-testid="queue" data-queue="${q.queue}"><th scope="row">${q.name || q.queue || gettext('all')}</th><td class="n">${figure(q.waiting)}</td><td class="n">${q.waiting ? stopwatch(q.longest_wait_s) : '–'}</td></tr>`)}</tbody></table>`);
  });
}
