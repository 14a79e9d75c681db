// @ts-check
// The proposal as a list of what would change, accepted row by row or whole.
import { api, Refused } from '../api.js';
import { open } from '../ask.js';
import { $, html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { arrives, clock, span } from '../time.js';
import { complain, toast } from '../toast.js';
import { word } from '../words.js';

/** What the proposal changes: each stop with where the incident stands now. Pure.
 * @param {any} board @returns {{row: any, crew: any, incident: string, now: string | null, first: boolean}[]} */
export function changes(board) {
  const held = new Map();
  for (const crew of board.crews) for (const o of crew.orders) if (o.held) held.set(`${o.incident} ${o.kind}`, crew.name);
  return board.crews.flatMap((/** @type {any} */ crew) => crew.proposed.map((/** @type {any} */ stop, /** @type {number} */ i) => ({ row: stop, crew, incident: stop.incident_number, now: held.get(`${stop.incident} ${stop.kind}`) || null, first: i === 0 && !crew.orders.some((/** @type {any} */ o) => o.held) })))
    .sort((/** @type {any} */ a, /** @type {any} */ b) => Date.parse(a.row.planned.arrive) - Date.parse(b.row.planned.arrive));
}

/** What became of it: each row stands for itself. Pure. @param {any} answer of POST /api/plan/accept */
export function outcome(answer) {
  return [ngettext('%(count)s order is sent.', '%(count)s orders are sent.', answer.sent.length),
    answer.queued.length ? ngettext('%(count)s stays planned, after what the crew has.', '%(count)s stay planned, after what the crews have.', answer.queued.length) : '',
    ...answer.refused.map((/** @type {any} */ r) => r.text)].filter(Boolean).join(' ');
}

/** @param {any} board @param {import('./page.js').DispatchPage} page @returns {Promise<boolean>} whether anything was accepted */
export function askProposal(board, page) {
  const list = changes(board);
  if (!list.length) { page.toast(gettext('There is nothing to propose: nothing waits that a crew could take.')); return Promise.resolve(false); }
  return new Promise((done) => {
    const dialog = open(html`<form data-testid="proposal"><h2>${gettext('What the proposal changes')}</h2>
      <ul class="proposal">${list.map((c, i) => html`<li><label><input type="checkbox" name="row" value="${i}" checked ${i === 0 ? html`autofocus` : ''}>
        <b class="prio" data-p="${c.row.priority}">${c.row.priority.slice(1)}</b>
        <span><b>${c.incident}</b> ${word('order', c.row.kind)}, ${c.row.address || ''}<br><span class="muted">${c.now ? gettext('%(now)s has it now', { now: c.now }) : gettext('nobody has it now')}</span></span>
        <span>→ <b>${c.crew.name}</b>${c.first ? '' : html` <span class="muted">${gettext('after what it has')}</span>`}<br><span title="${clock(c.row.planned.arrive)}">${arrives(c.row.planned.arrive)}</span>${c.row.late_s > 60 ? html` <span class="late"><i aria-hidden="true"></i>${gettext('%(time)s late', { time: span(c.row.late_s) })}</span>` : ''}</span></label></li>`)}</ul>
      <p class="muted">${gettext('Arrows go through the list, Space leaves one out.')}</p>
      <div class="row"><button class="main" data-testid="proposal-accept">${gettext('Accept')} <kbd>Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    dialog.classList.add('wide');
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    let accepted = false;
    form.addEventListener('keydown', (event) => {
      const boxes = [...form.querySelectorAll('input[type=checkbox]')];
      const at = boxes.indexOf(/** @type {Element} */ (document.activeElement));
      const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
      if (by && at >= 0) { event.preventDefault(); /** @type {HTMLElement} */ (boxes[Math.max(0, Math.min(boxes.length - 1, at + by))]).focus(); }
    });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const rows = new FormData(form).getAll('row').map((i) => ({ row: list[Number(i)].row.row, crew: list[Number(i)].crew.id }));
      if (!rows.length) { dialog.close(); return; }
      const button = /** @type {HTMLButtonElement} */ ($('[data-testid=proposal-accept]', form));
      button.disabled = true;
      try {
        const answer = await api.post('/api/plan/accept', { rows });
        accepted = true;
        toast(outcome(answer), answer.refused.length ? 'bad' : 'ok');
      } catch (error) {
        complain(error);
        accepted = error instanceof Refused && error.status === 409; // it has changed: read it again
      }
      dialog.close();
    });
    dialog.addEventListener('close', () => done(accepted));
  });
}
