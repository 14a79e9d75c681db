// @ts-check
// The board under the map: one row per crew, what waits above, all of it by mouse or by keyboard.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { keys } from '../keys.js';
import { page as about } from '../page.js';
import { complain } from '../toast.js';
import { count, crewRow, hours, lay, waitingRow } from './board-rows.js';
import { barId, cells, go, patch, rowsOf, SPANS, stretch, waitId } from './gantt.js';
import { mover } from './moving.js';
import { askProposal } from './proposal.js';

const FILTERS = /** @type {const} */ (['all', 'busy', 'free']);
const SMALLEST = 96;

/** What is remembered in this browser; a private window remembers nothing. @param {string} name @param {string} [value] */
function memory(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(`standpipe.board.${name}`, value);
    return localStorage.getItem(`standpipe.board.${name}`);
  } catch { return null; }
}

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  const stage = $('#stage');
  const holder = $('#board');
  const rows = $('#board-rows');
  /** @type {any} */ let board = null;
  /** @type {string | null} */ let current = null;
  let hoursShown = Number(memory('hours')) || 6;
  let shift = 0;
  /** @type {'all' | 'busy' | 'free'} */ let filter = 'all';
  let reading = 0;
  /** What the stream told while the board is being read: the answer may be older. @type {[string, any][] | null} */ let heard = null;

  const view = () => stretch(Date.now(), hoursShown, shift);
  const crewsShown = () => (board ? rowsOf(board.crews, view(), filter) : []);

  function draw() {
    if (!board || page.replaying() || holder.hidden) return;
    const now = Date.now();
    const shown = crewsShown();
    const all = cells(board.waiting, shown, now);
    if (!all.flat().some((cell) => cell.id === current)) current = all[0]?.[0]?.id ?? null;
    const chosen = page.selected();
    const look = { window: view(), now, staleAfter: about.stale_fix_s, offset: offset(now), due: (/** @type {any} */ id) => { const p = page.incident(id); return p ? p.due_at : null; }, current, chosen: chosen ? String(chosen.id) : null, target: moving.target() };
    render(rows, html`${hours(look)}${waitingRow(board.waiting, look)}${shown.map((c) => crewRow(c, look))}${shown.length ? '' : html`<p class="empty">${gettext('No crew is on shift.')}</p>`}`);
    lay(rows);
    $('#board-count').textContent = count(shown.length, rowsOf(board.crews, view(), 'all').length);
    $('#board-span').textContent = gettext('%(n)s h', { n: hoursShown });
    const proposals = board.crews.reduce((/** @type {number} */ n, /** @type {any} */ c) => n + c.proposed.length, 0);
    $('#board-propose').hidden = !proposals || !page.mayAct;
    $('#board-proposals').textContent = String(proposals);
    moving.mark(rows);
  }

  async function read() {
    const mine = ++reading;
    heard = [];
    const { from, to } = view();
    try {
      const answer = await api.get(`/api/board?from=${encodeURIComponent(new Date(from).toISOString())}&to=${encodeURIComponent(new Date(to).toISOString())}`);
      if (mine !== reading) return;
      board = answer;
      for (const [name, data] of heard || []) if (patch(board, name, data)) soon();
      draw();
    } catch (error) { if (mine === reading) complain(error); }
    if (mine === reading) heard = null;
  }
  let later = 0;
  const soon = () => { clearTimeout(later); later = window.setTimeout(read, 400); };

  /** @param {string | null} id */
  function focus(id) {
    current = id;
    draw();
    const cell = id && document.getElementById(id);
    if (!cell) return;
    cell.focus({ preventScroll: true });
    cell.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }

  /** What stands under the keyboard: an order, a proposal or something that waits. @param {string | null} id */
  function item(id) {
    if (!board || !id) return null;
    const waits = board.waiting.find((/** @type {any} */ w) => waitId(w) === id);
    if (waits) return { kind: 'wait', incident: waits.incident, incident_number: waits.number, order: waits, crew: null };
    for (const crew of board.crews) {
      const order = [...crew.orders, ...crew.proposed].find((o) => barId(o) === id);
      if (order) return { kind: order.state === 'proposed' ? 'proposed' : 'order', incident: order.incident, incident_number: order.incident_number, order, crew };
    }
    return null;
  }

  const moving = mover({ page, rows, board: () => board, crews: crewsShown, item, draw, read, focus, say: (text) => { $('#board-say').textContent = text; } });

  /** @param {number} by */
  function zoom(by) {
    const at = Math.max(0, Math.min(SPANS.length - 1, SPANS.indexOf(hoursShown) + by));
    hoursShown = SPANS[at]; memory('hours', String(hoursShown)); read(); draw();
  }
  /** @param {number} by */
  function pan(by) { shift = by === 0 ? 0 : shift + (by * hoursShown) / 3; read(); draw(); }

  /** @param {number} px */
  function height(px) {
    const most = Math.max(SMALLEST, stage.clientHeight - 160);
    const kept = Math.round(Math.max(SMALLEST, Math.min(most, px)));
    stage.style.setProperty('--board', `${kept}px`);
    memory('height', String(kept));
    $('#board-edge').setAttribute('aria-valuenow', String(kept));
    if (page.map) page.map.resize();
  }

  /** @param {boolean} shown */
  function show(shown) {
    holder.hidden = !shown;
    stage.dataset.board = shown ? 'shown' : 'hidden';
    memory('shown', shown ? 'yes' : 'no');
    if (page.map) page.map.resize();
    if (shown) draw(); else $('#incidents').focus();
  }

  /** `b`: to the board; pressed there, the board goes. */
  function toggle() {
    if (page.replaying()) return;
    if (holder.hidden) { show(true); focus(current); }
    else if (holder.contains(document.activeElement)) show(false);
    else focus(current);
  }

  async function propose() {
    if (!board || !page.mayAct || page.replaying()) return;
    if (await askProposal(board, page)) await read();
  }

  /** A pinned proposal: the plan may choose again. @param {string | null} id */
  async function unpin(id) {
    const found = item(id);
    if (!found || found.kind !== 'proposed' || !found.order.pinned || !page.mayAct || page.replaying()) return;
    try {
      const { results } = await api.get('/api/plan/wishes');
      const wish = results.find((/** @type {any} */ w) => w.kind === 'pin' && w.incident === found.incident && w.crew.id === found.crew.id);
      if (wish) await api.post(`/api/plan/wishes/${wish.id}/end`, {});
      page.toast(gettext('The plan chooses again for %(number)s.', { number: found.incident_number }));
      await read();
    } catch (error) { complain(error); }
  }

  rows.addEventListener('keydown', (event) => {
    if (moving.key(event)) return;
    const at = event.target instanceof Element && event.target.closest('[data-cell]');
    if (!at || event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key;
    if (['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End'].includes(key) && board) {
      event.preventDefault();
      focus(go(cells(board.waiting, crewsShown(), Date.now()), at.id, /** @type {any} */ (key)));
    } else if (key === 'Enter') {
      const found = item(at.id);
      if (found) { event.preventDefault(); page.select(found.incident); }
    }
  });
  rows.addEventListener('focusin', (event) => { if (event.target instanceof Element && event.target.closest('[data-cell]')) { current = event.target.id; rows.querySelectorAll('[data-cell]').forEach((cell) => { /** @type {HTMLElement} */ (cell).tabIndex = cell.id === current ? 0 : -1; }); } });
  rows.addEventListener('click', (event) => {
    const cell = event.target instanceof Element && event.target.closest('[data-incident]');
    if (cell instanceof HTMLElement && !moving.dragged()) page.select(cell.dataset.incident || null);
  });

  const edge = $('#board-edge');
  edge.addEventListener('pointerdown', (event) => {
    event.preventDefault(); edge.setPointerCapture(event.pointerId);
    const move = (/** @type {PointerEvent} */ e) => height(stage.getBoundingClientRect().bottom - e.clientY);
    edge.addEventListener('pointermove', move);
    edge.addEventListener('pointerup', () => edge.removeEventListener('pointermove', move), { once: true });
  });
  edge.addEventListener('keydown', (event) => {
    const by = { ArrowUp: 24, ArrowDown: -24 }[event.key];
    if (by) { event.preventDefault(); height(holder.clientHeight + by); }
  });

  keys(
    { key: 'b', text: gettext('to the board; pressed there, hide it'), run: toggle },
    { key: 'm', text: gettext('on the board: move an order or send what waits (up, down, Enter)'), run: () => { if (page.mayAct && !page.replaying() && holder.contains(document.activeElement)) moving.begin(current); } },
    { key: 'u', text: gettext('on the board: let the plan choose again for what was pinned'), run: () => { if (holder.contains(document.activeElement)) unpin(current); } },
    { key: 'p', text: gettext('look through the proposal and accept it'), run: () => { propose(); } },
    { key: '+', text: gettext('board: fewer hours'), run: () => zoom(-1) }, { key: '=', text: '', run: () => zoom(-1) },
    { key: '-', text: gettext('board: more hours'), run: () => zoom(1) },
    { key: '[', text: gettext('board: earlier'), run: () => pan(-1) }, { key: ']', text: gettext('board: later'), run: () => pan(1) }, { key: '0', text: gettext('board: back to now'), run: () => pan(0) },
    { key: 'f', text: gettext('board: all crews, those with work, those without'), run: () => { filter = FILTERS[(FILTERS.indexOf(filter) + 1) % FILTERS.length]; holder.dataset.filter = filter; draw(); } },
  );
  holder.addEventListener('click', (event) => {
    const button = event.target instanceof Element && event.target.closest('[data-board]');
    const verb = button instanceof HTMLElement ? button.dataset.board : '';
    if (verb === 'hide') show(false);
    else if (verb === 'in') zoom(-1);
    else if (verb === 'out') zoom(1);
    else if (verb === 'now') pan(0);
    else if (verb === 'propose') propose();
  });
  $('#board-show').addEventListener('click', () => { show(true); focus(current); });

  /** @param {string} name @param {any} data */
  const tell = (name, data) => { if (heard) heard.push([name, data]); return patch(board, name, data); };
  page.on('order.changed crew.changed', (data) => { if (tell('order' in data ? 'order.changed' : 'crew.changed', data)) soon(); else draw(); });
  page.on('positions', (data) => {
    const seen = board && board.crews.some((/** @type {any} */ c) => c.stale && data.crews.some((/** @type {any} */ p) => p.id === c.id));
    tell('positions', data);
    if (seen && !moving.busy()) draw();
  });
  page.on('incident.opened incident.changed plan.changed order.reoffered incident.no_candidate roster.changed shift.began shift.ended resumed', soon);
  page.onSelected(draw);
  // What is due next is the list's to say: two promises for one incident would be one too many.
  page.onListed(() => { if (!moving.busy()) draw(); });
  page.onReplay((at) => { if (at === null) { holder.hidden = memory('shown') === 'no'; read(); } else { moving.end(); holder.hidden = true; } });
  setInterval(() => { if (!moving.busy()) draw(); }, 5000);

  holder.hidden = memory('shown') === 'no';
  stage.dataset.board = holder.hidden ? 'hidden' : 'shown';
  const kept = Number(memory('height'));
  if (kept) height(kept);
  read();
}

/** How far the utility's clock is ahead of UTC now, so that full hours are its own. @param {number} now */
function offset(now) {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: about.tz, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(new Date(now));
  const of = (/** @type {string} */ type) => Number(parts.find((p) => p.type === type)?.value);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second')) - Math.floor(now / 1000) * 1000;
}
