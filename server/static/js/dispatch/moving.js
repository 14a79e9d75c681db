// @ts-check
// Moving on the board: an order to another crew, or something that waits to a crew; by keys or by mouse.
// The bar stands at its new place at once; if somebody else was quicker, both versions are shown.
import { api, Refused } from '../api.js';
import { askReason, open } from '../ask.js';
import { $, html } from '../html.js';
import { gettext } from '../i18n.js';
import { complain, toast } from '../toast.js';
import { word } from '../words.js';
import { asker, sentence } from './whatif.js';

const FAR = 6; // pixels after which a press is a drag

/** @typedef {{kind: string, incident: number, incident_number: string, order: any, crew: any}} Item */

/** @param {{page: import('./page.js').DispatchPage, rows: HTMLElement, board: () => any, crews: () => any[], item: (id: string | null) => Item | null,
 *   draw: () => void, read: () => Promise<void>, focus: (id: string | null) => void, say: (text: string) => void}} host */
export function mover(host) {
  /** @type {{item: Item, id: string, target: any} | null} */ let held = null;
  let sending = false;
  let moved = false;
  let turn = 0;
  const costs = asker();

  /** A crew with a job in hand is planned for, one without is sent. @param {any} target */
  const busyCrew = (target) => target.orders.some((/** @type {any} */ o) => o.held) || !target.on_shift;

  /** @param {any} target */
  async function over(target) {
    if (!held || held.target === target) return;
    held.target = target;
    host.draw();
    tell('');
    if (!target || (held.item.crew && target.id === held.item.crew.id)) return;
    const mine = ++turn;
    try {
      const cost = await costs.cost(held.item.incident, target.id);
      if (mine === turn && held) tell(sentence(cost));
    } catch (error) { if (mine === turn && held) tell(error instanceof Error ? error.message : String(error)); }
  }

  /** @param {string} cost */
  function tell(cost) {
    if (!held) return;
    const { item, target } = held;
    const where = target ? target.name : gettext('choose a crew');
    const does = !target || target === item.crew ? gettext('arrows choose the crew, Esc leaves it') : item.kind !== 'order' && busyCrew(target) ? gettext('Enter plans it for them, after what they have') : gettext('Enter sends them, Esc leaves it');
    host.say([gettext('%(what)s to %(where)s', { what: item.incident_number, where }), cost, does].filter(Boolean).join(' · '));
  }

  /** @param {string | null} id */
  function begin(id) {
    const item = host.item(id);
    if (!item || !host.page.mayAct || sending) return;
    if (item.kind === 'order' && !item.order.movable) { toast(gettext('%(number)s is being worked on: take it back or leave it.', { number: item.order.number || '' })); return; }
    costs.forget();
    held = { item, id: id || '', target: null };
    const crews = host.crews();
    const here = crews.findIndex((c) => item.crew && c.id === item.crew.id);
    over(crews[Math.max(0, here)] || null);
    host.page.select(item.incident);
  }

  function end() { held = null; turn += 1; host.say(''); host.draw(); }

  /** True when the key was for moving. @param {KeyboardEvent} event */
  function key(event) {
    if (!held) return false;
    const crews = host.crews();
    const at = crews.indexOf(crews.find((c) => held?.target && c.id === held.target.id));
    if (event.key === 'Escape') { const back = held.id; event.preventDefault(); end(); host.focus(back); return true; }
    if (event.key === 'Enter') { event.preventDefault(); drop(); return true; }
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      over(crews[Math.max(0, Math.min(crews.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1)))]);
      scroll();
      return true;
    }
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') { event.preventDefault(); return true; }
    return false;
  }

  function scroll() {
    const row = held && held.target && host.rows.querySelector(`[data-testid=crew-row][data-crew="${held.target.id}"]`);
    if (row) row.scrollIntoView({ block: 'nearest' });
  }

  async function drop() {
    if (!held || sending) return;
    const { item, target, id } = held;
    if (!target || (item.crew && target.id === item.crew.id)) { end(); host.focus(id); return; }
    held = null; host.say('');
    sending = true;
    const planned = item.kind !== 'order' && busyCrew(target);
    place(item, target);
    try {
      await send(item, target, planned, '');
      toast(planned ? gettext('%(number)s is planned for %(crew)s.', { crew: target.name, number: item.incident_number }) : gettext('%(crew)s has %(number)s.', { crew: target.name, number: item.incident_number }));
    } catch (error) { complain(error); } finally {
      sending = false;
      await host.read();
      const again = document.getElementById(id) ? id : [...host.rows.querySelectorAll(`[data-crew="${target.id}"] [data-cell][data-incident="${item.incident}"]`)].map((e) => e.id)[0] || null;
      host.focus(again || `crewrow-${target.id}`);
    }
  }

  /** Show it at once where it will be. @param {Item} item @param {any} target */
  function place(item, target) {
    const board = host.board();
    const order = { pinned: false, movable: false, held: false, actual: {}, ...item.order, pending: true };
    if (!order.planned) {
      const begin = new Date().toISOString();
      order.planned = { start: begin, arrive: begin, end: new Date(Date.now() + 3600e3).toISOString() };
      Object.assign(order, { incident_number: item.incident_number, state: 'proposed' });
    }
    for (const crew of board.crews) for (const list of ['orders', 'proposed']) crew[list] = crew[list].filter((/** @type {any} */ o) => o !== item.order);
    board.waiting = board.waiting.filter((/** @type {any} */ w) => w !== item.order);
    const row = board.crews.find((/** @type {any} */ c) => c.id === target.id);
    if (row) row[order.state === 'proposed' ? 'proposed' : 'orders'].push(order);
    host.draw();
  }

  /** @param {Item} item @param {any} target @param {boolean} planned @param {string} reason @returns {Promise<void>} */
  async function send(item, target, planned, reason) {
    const body = { crew: target.id, ...(reason ? { reason } : {}) };
    try {
      if (planned) await api.post('/api/plan/wishes', { ...body, incident: item.incident, kind: 'pin', order_kind: item.order.kind || 'repair' });
      else if (item.kind === 'order') await api.post(`/api/orders/${encodeURIComponent(item.order.number)}/move`, { ...body, version: item.order.version });
      else await api.post(`/api/incidents/${encodeURIComponent(item.incident)}/assign`, { ...body, kind: item.order.kind || 'repair' });
    } catch (error) {
      if (error instanceof Refused && error.errors.some((e) => e.field === 'reason') && !reason) {
        const why = await askReason(error.message, gettext('Move it'));
        if (!why) throw new Error(gettext('Nothing was moved.'));
        await send(item, target, planned, why);
      } else if (error instanceof Refused && error.status === 409) {
        await host.read();
        await both(item, target, planned, reason, error);
      } else throw error;
    }
  }

  /** Somebody was quicker: what was meant, what is now, and the choice. @param {Item} item @param {any} target @param {boolean} planned @param {string} reason @param {Refused} error */
  async function both(item, target, planned, reason, error) {
    const board = host.board();
    const now = item.order.number ? board.crews.flatMap((/** @type {any} */ c) => c.orders.map((/** @type {any} */ o) => ({ crew: c, order: o }))).find((/** @type {any} */ x) => x.order.number === item.order.number) : null;
    const again = now && now.order.movable && now.crew.id !== target.id;
    const yes = await new Promise((done) => {
      const dialog = open(html`<form data-testid="board-conflict"><h2>${gettext('Somebody else was quicker')}</h2><p>${error.message}</p>
        <dl class="facts"><dt>${gettext('You wanted')}</dt><dd>${gettext('%(what)s to %(where)s', { what: item.incident_number, where: target.name })}</dd>
        <dt>${gettext('It was')}</dt><dd>${item.crew ? item.crew.name : gettext('without a crew')}, ${word('state', item.order.state === 'proposed' ? 'created' : item.order.state)}</dd>
        <dt>${gettext('It is now')}</dt><dd>${now ? html`${now.crew.name}, ${word('state', now.order.state)}` : gettext('see the board')}</dd></dl>
        <div class="row">${again ? html`<button class="main" name="go">${gettext('Move it all the same')}</button>` : ''}<button type="button" data-cancel ${again ? '' : html`autofocus`}>${gettext('Leave it as it is now')}</button></div></form>`);
      let answer = false;
      $('form', dialog).addEventListener('submit', (event) => { event.preventDefault(); answer = true; dialog.close(); });
      dialog.addEventListener('close', () => done(answer));
    });
    if (yes && now) await send({ ...item, order: now.order, crew: now.crew }, target, planned, reason);
    else throw new Error(gettext('Nothing was moved.'));
  }

  host.rows.addEventListener('pointerdown', (event) => {
    moved = false;
    const cell = event.target instanceof Element && event.target.closest('[data-movable]');
    if (!(cell instanceof HTMLElement) || event.button !== 0 || !host.page.mayAct || sending) return;
    const { id } = cell;
    const [x, y] = [event.clientX, event.clientY];
    const move = (/** @type {PointerEvent} */ e) => {
      if (!held && Math.hypot(e.clientX - x, e.clientY - y) < FAR) return;
      if (!held) {
        const item = host.item(id);
        if (!item) return;
        costs.forget();
        held = { item, id, target: null };
        moved = true;
        host.rows.dataset.dragging = 'true';
      }
      const row = document.elementsFromPoint(e.clientX, e.clientY).map((el) => el.closest('[data-testid=crew-row]')).find(Boolean);
      const crew = row instanceof HTMLElement ? host.crews().find((c) => String(c.id) === row.dataset.crew) : null;
      over(crew || null);
    };
    const done = (/** @type {PointerEvent} */ e) => {
      removeEventListener('pointermove', move); removeEventListener('pointerup', done); removeEventListener('pointercancel', done);
      delete host.rows.dataset.dragging;
      if (!held || !moved) return;
      if (e.type === 'pointerup' && held.target) drop(); else end();
    };
    addEventListener('pointermove', move); addEventListener('pointerup', done); addEventListener('pointercancel', done);
  });

  return {
    begin, end, key,
    busy: () => held !== null || sending,
    /** Whether the press that has just ended was a drag: a click follows it. */
    dragged: () => moved,
    target: () => (held && held.target ? String(held.target.id) : null),
    /** @param {HTMLElement} rows */
    mark: (rows) => { if (held) { const cell = document.getElementById(held.id); if (cell && rows.contains(cell)) cell.dataset.moving = 'true'; } },
  };
}
