// @ts-check
// Every queue now: how many wait, how long the first of them has, who works there.
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { figure, stopwatch } from '../time.js';

/** @param {any} floor */
export function start(floor) {
  floor.hear((/** @type {any} */ now) => {
    render($('#queues-list'), html`<table><thead><tr><th>${gettext('Queue')}</th><th class="n">${gettext('waiting')}</th><th class="n">${gettext('Longest wait')}</th><th class="n">${gettext('Wait now')}</th><th class="n">${gettext('free of working')}</th></tr></thead>
      <tbody>${now.queues.map((/** @type {any} */ q) => html`<tr data-testid="queue" data-queue="${q.queue}"><th scope="row">${q.name || q.queue}</th><td class="n">${figure(q.waiting)}${q.kept ? html` <span class="muted" title="${gettext('Callers who wait for our call')}">+${figure(q.kept)}</span>` : ''}</td><td class="n">${q.waiting ? stopwatch(q.longest_wait_s) : '–'}</td><td class="n">${q.expected_wait_s === null ? '–' : stopwatch(q.expected_wait_s)}</td><td class="n">${figure(q.free)} / ${figure(q.working)}</td></tr>`)}</tbody></table>`);
  });
}
