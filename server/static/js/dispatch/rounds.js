// @ts-check
// A planned round on the dispatch page: what can wait, on few crews with little driving; kept, the plan
// holds to it and nobody is sent. A part of the page: see page.js.
import { api } from '../api.js';
import { matches, offer } from '../command.js';
import { html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { keys } from '../keys.js';
import { bounds } from '../map/layers.js';
import { addRoundLayers } from '../map/round.js';
import { mapTheme } from '../map/style.js';
import { complain } from '../toast.js';
import { makePanel } from './panel.js';
import { crewsInOrder, keptText, kindChoice, kindsOf, roundAddress, roundData, roundList, rowsToKeep } from './round-list.js';

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  if (!page.mayAct) return;
  /** @type {any} */ let round = null;
  /** @type {Set<number> | null} */ let crews = null;
  /** @type {Set<string>} */ let left = new Set();
  /** @type {any[]} */ let refused = [];
  /** @type {[string, string][]} */ let kinds = [];
  let kind = '';
  /** @type {number[]} */ let stand = [];
  /** @type {number | null} */ let shown = null;
  let unfolded = false;
  let keeping = false;
  let turn = 0;

  const { bar, holder } = makePanel(page, 'rounds', gettext('Planned round'));

  /** @param {number | null} crew */
  function show(crew) { shown = crew; if (page.map) page.map.getSource('round').setData(roundData(round, crew)); }

  /** The keys went to a crew whose way leads out of the picture: all of it, so that it can be judged. */
  function bringIntoView() {
    const box = page.map && bounds(roundData(round, shown).features.map((/** @type {any} */ f) => f.geometry));
    if (!box) return;
    const seen = page.map.getBounds();
    if (!box.every((/** @type {any} */ corner) => seen.contains(corner))) page.map.fitBounds(box, { padding: 80, maxZoom: 16.5, duration: 0 });
  }

  function draw() {
    render(bar, html`<button type="button" id="round-button" data-do="round" data-testid="round-button" aria-expanded="${unfolded ? 'true' : 'false'}">${gettext('Round')} <kbd>R</kbd></button>`);
    holder.hidden = !unfolded;
    if (!unfolded) { render(holder, html``); show(null); return; }
    render(holder, html`<header class="row spread"><h2>${gettext('Planned round')}</h2><button class="quiet" id="round-close" data-do="round" aria-label="${gettext('Close')}">✕</button></header>
      <p class="muted">${gettext('What can wait, with little driving. Kept, the plan holds to it; nobody is sent before you say so.')}</p>
      ${refused.length ? html`<div class="warning" role="alert" data-testid="round-refused">${refused.map((r) => html`<p>${r.text}</p>`)}</div>` : ''}
      ${kindChoice(kinds, kind)}
      ${round ? roundList(round, left, stand) : html`<p class="muted" role="status">${gettext('Planning …')}</p>`}`);
  }

  async function read() {
    const mine = ++turn;
    holder.setAttribute('aria-busy', 'true');
    try {
      const answer = await api.get(roundAddress(crews, kind));
      if (mine !== turn) return;
      round = answer;
      if (!kind) kinds = kindsOf(round);
      stand = crewsInOrder(round, stand).map((c) => c.id);
      left = new Set();
      show(null);
      draw();
    } catch (error) { if (mine === turn) { complain(error); if (!round) fold(false); } } finally { if (mine === turn) holder.removeAttribute('aria-busy'); }
  }

  async function keep() {
    const rows = round && unfolded ? rowsToKeep(round, left) : [];
    if (keeping || !rows.length || holder.hasAttribute('aria-busy') || page.replaying()) return;
    keeping = true;
    try {
      const answer = await api.post('/api/rounds/keep', { rows });
      refused = answer.refused;
      page.toast(keptText(answer), refused.length ? 'bad' : 'ok');
      if (!refused.length) { fold(false); return; }
      await read();
    } catch (error) { complain(error); } finally { keeping = false; }
  }

  /** @param {boolean} [on] */
  function fold(on) {
    unfolded = on === undefined ? !unfolded : on;
    if (page.replaying()) unfolded = false;
    turn += 1;
    round = null; crews = null; kind = ''; kinds = []; stand = []; refused = [];
    draw();
    if (!unfolded) return;
    document.getElementById('round-close')?.focus();
    read().then(() => { const first = holder.querySelector('.round-stops input'); if (first instanceof HTMLElement && document.activeElement?.id === 'round-close') first.focus(); });
  }

  const verbs = {
    round: () => fold(), 'round-keep': () => { keep(); },
    'round-row': (/** @type {HTMLElement} */ box) => { const row = box.dataset.row || ''; if (box instanceof HTMLInputElement && box.checked) left.delete(row); else left.add(row); draw(); },
    'round-crew': (/** @type {HTMLElement} */ box) => {
      crews = new Set([...holder.querySelectorAll('[data-do="round-crew"]')].filter((b) => b instanceof HTMLInputElement && b.checked).map((b) => Number(b instanceof HTMLElement ? b.dataset.id : 0)));
      refused = [];
      read();
    },
  };
  onDo(bar, verbs);
  onDo(holder, verbs);
  holder.addEventListener('change', (event) => { if (event.target instanceof HTMLSelectElement && event.target.id === 'round-kind') { kind = event.target.value; refused = []; read(); } });
  // The way of the crew under the keys or the mouse; a list that moves under a resting mouse is no look at it.
  /** @param {Event} event */
  const look = (event) => {
    const row = event.target instanceof Element ? event.target.closest('[data-crew]') : null;
    if (row instanceof HTMLElement && Number(row.dataset.crew) !== shown) show(Number(row.dataset.crew));
  };
  holder.addEventListener('focusin', (event) => {
    const before = shown;
    look(event);
    if (shown !== before) bringIntoView();
  });
  holder.addEventListener('mousemove', (event) => { if (event.movementX || event.movementY) look(event); });
  holder.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && event.ctrlKey) { event.preventDefault(); keep(); return; }
    const boxes = [...holder.querySelectorAll('input[type=checkbox]')];
    const at = boxes.indexOf(/** @type {Element} */ (document.activeElement));
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && at >= 0) { event.preventDefault(); event.stopPropagation(); /** @type {HTMLElement} */ (boxes[Math.max(0, Math.min(boxes.length - 1, at + by))]).focus(); }
    if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); fold(false); document.getElementById('round-button')?.focus(); }
  });
  keys({ key: 'r', text: gettext('planned round for what can wait'), run: () => fold() });
  offer((query) => [{ title: gettext('Planned round'), detail: 'R', run: () => fold(true) }].filter((hit) => query && matches(query, hit.title)));
  page.whenMap((map) => { addRoundLayers(map, mapTheme()); });
  page.onReplay(() => { if (unfolded) fold(false); });
  draw();
}
