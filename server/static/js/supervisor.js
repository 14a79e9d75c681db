// @ts-check
// The supervisor's page: one reading of the floor a second at most, handed to every section.
// A section is a module in supervisor/ with `start(floor)`; it shows its own part of the page.
import { api } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { on } from './live.js';
import { pooled } from './pooled.js';
import { figure, span, stopwatch } from './time.js';
import * as boards from './supervisor/boards.js';
import * as campaigns from './supervisor/campaigns.js';
import * as figures from './supervisor/figures.js';
import * as forecast from './supervisor/forecast.js';
import * as grid from './supervisor/grid.js';
import * as inside from './supervisor/inside.js';
import * as lines from './supervisor/lines.js';
import * as listen from './supervisor/listen.js';
import * as queues from './supervisor/queues.js';
import * as recordings from './supervisor/recordings.js';
import * as shutOut from './supervisor/shut_out.js';
import * as staffing from './supervisor/staffing.js';

/** @typedef {{name: string, text: string, fits: (agent: any) => boolean, run: (agent: any) => void}} AgentAction */

/** What a section gets: the readings, and the buttons it may put on an agent. */
export const floor = {
  /** @type {any} */ now: null,
  /** @type {AgentAction[]} */ actions: [],
  /** @type {((now: any) => void)[]} */ readers: [],
  /** Hear each reading; at once when there is one. @param {(now: any) => void} reader */
  hear(reader) { floor.readers.push(reader); if (floor.now) reader(floor.now); },
  /** A button on every agent it fits. @param {AgentAction} action */
  offer(action) { floor.actions.push(action); },
};

let readAt = 0;
let reading = false;

async function read() {
  if (reading) return;
  reading = true;
  try {
    floor.now = await api.get('/api/supervisor');
    readAt = Date.now();
    for (const reader of floor.readers) reader(floor.now);
  } catch { /* the age beside the title grows and says so */ } finally { reading = false; }
  age();
}

const soon = pooled(read, 400);

function age() {
  const seconds = readAt ? (Date.now() - readAt) / 1000 : 0;
  const old = $('#floor-age');
  old.dataset.level = seconds > 15 ? 'late' : 'ok';
  old.textContent = !readAt ? '' : seconds > 15 ? gettext('These figures are %(age)s old.', { age: span(seconds) }) : '';
}

floor.hear((now) => {
  const waiting = now.queues.reduce((/** @type {number} */ n, /** @type {any} */ q) => n + q.waiting, 0);
  const longest = Math.max(0, ...now.queues.map((/** @type {any} */ q) => q.longest_wait_s || 0));
  const state = (/** @type {string} */ s) => now.agents.filter((/** @type {any} */ a) => a.state === s).length;
  const tile = (/** @type {string} */ name, /** @type {string} */ value, /** @type {string} */ id, level = '') => html`<div class="tile" data-level="${level}"><span>${name}</span><b data-testid="floor-${id}">${value}</b></div>`;
  render($('#numbers'), html`${tile(gettext('Waiting now'), figure(waiting), 'waiting')}${tile(gettext('Longest wait'), waiting ? stopwatch(longest) : '–', 'longest', longest > 60 ? 'late' : longest > 15 ? 'soon' : '')}
    ${tile(gettext('Agents ready'), figure(state('ready')), 'ready')}${tile(gettext('Agents talking'), figure(state('talking') + state('hold')), 'talking')}${tile(gettext('Agents paused'), figure(state('paused')), 'paused')}`);
});

for (const section of [grid, queues, lines, inside, listen, recordings, forecast, staffing, boards, figures, campaigns, shutOut]) section.start(floor);
on('call.ringing call.queued call.offered call.answered call.ended agent.changed shutoff.started shutoff.restored resumed', soon);
setInterval(read, 5000);
setInterval(age, 1000);
read();
