// @ts-check
// Every agent: what they do, why, for how long, with whom. Other sections add buttons.
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { stopwatch } from '../time.js';
import { word } from '../words.js';

const ORDER = ['talking', 'hold', 'ringing', 'wrap', 'ready', 'paused', 'signed_out'];
/** Seconds in a state after which it is worth a look. @type {Record<string, number>} */
const LONG = { ringing: 15, talking: 600, hold: 120, wrap: 180, paused: 1800 };

/** @param {any} floor */
export function start(floor) {
  /** @type {any[]} */ let agents = [];
  let readAt = 0;

  /** @param {any} a */
  const elapsed = (a) => a.seconds + (Date.now() - readAt) / 1000;

  /** @param {any} a */
  function card(a) {
    const seconds = elapsed(a);
    const acts = floor.actions.filter((/** @type {any} */ act) => act.fits(a));
    return html`<li class="agent" data-testid="agent" data-agent="${a.username}" data-state="${a.state}"><i class="sign" aria-hidden="true"></i>
      <div class="who"><b>${a.name}</b><span class="muted">${a.extension || gettext('no line')}</span></div>
      <div class="what"><b>${word('agent', a.state)}</b>${a.state === 'signed_out' ? '' : html` <time data-since="${a.username}" data-level="${seconds > (LONG[a.state] || Infinity) ? 'soon' : ''}">${stopwatch(seconds)}</time>`}${a.reason ? html`<span class="why">${word('pause', a.reason)}</span>` : ''}</div>
      ${a.call ? html`<div class="with">${a.call.name || a.call.from_masked || gettext('number hidden')} ${a.call.name ? html`<span class="muted">${a.call.from_masked}</span>` : ''}${a.call.verdict === 'inside_shutoff' ? html` <span class="chip bad">${gettext('inside a shut-off')}</span>` : ''}</div>` : ''}
      ${acts.length ? html`<div class="acts">${acts.map((/** @type {any} */ act) => html`<button type="button" class="quiet" data-do="act" data-act="${act.name}" data-key="${act.name}-${a.username}" data-agent="${a.username}" data-testid="agent-${act.name}">${act.text}</button>`)}</div>` : ''}</li>`;
  }

  function draw() {
    const here = agents.filter((a) => a.state !== 'signed_out');
    const count = new Map(ORDER.map((s) => [s, agents.filter((a) => a.state === s).length]));
    render($('#grid-states'), html`${ORDER.filter((s) => s !== 'signed_out' && count.get(s)).map((s) => html`<span class="chip">${word('agent', s)} ${count.get(s)}</span>`)}`);
    const sorted = agents.slice().sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.seconds - a.seconds);
    render($('#grid-list'), sorted.length ? html`${sorted.map(card)}${here.length ? '' : html`<li class="empty">${gettext('Nobody is signed in to the queue.')}</li>`}` : html`<li class="empty">${gettext('Nobody is signed in to the queue.')}</li>`);
  }

  floor.hear((/** @type {any} */ now) => { agents = now.agents; readAt = Date.now(); draw(); });
  onDo($('#grid'), { act: (target) => {
    const agent = agents.find((a) => a.username === target.dataset.agent);
    const act = floor.actions.find((/** @type {any} */ one) => one.name === target.dataset.act);
    if (agent && act) act.run(agent);
  } });
  setInterval(() => {
    for (const node of document.querySelectorAll('#grid-list time[data-since]')) {
      const agent = agents.find((a) => a.username === /** @type {HTMLElement} */ (node).dataset.since);
      if (!agent) continue;
      const seconds = elapsed(agent);
      node.textContent = stopwatch(seconds);
      /** @type {HTMLElement} */ (node).dataset.level = seconds > (LONG[agent.state] || Infinity) ? 'soon' : '';
    }
  }, 1000);
}
