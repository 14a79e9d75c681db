// @ts-check
// "Where is it?" answered as one types: address, crossing, valve or hydrant number, coordinates.
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { word } from '../words.js';

/** @param {HTMLInputElement} input @param {HTMLElement} list @param {{near: () => number[] | null, choose: (place: any) => void}} options */
export function placeSearch(input, list, options) {
  /** @type {any[]} */ let results = [];
  let at = 0; let turn = 0; let timer = 0;
  /** @type {AbortController | null} */ let running = null;
  function close() { list.hidden = true; input.setAttribute('aria-expanded', 'false'); results = []; }
  /** @param {string} note */
  function draw(note) {
    list.hidden = false; input.setAttribute('aria-expanded', 'true');
    render(list, html`${results.map((r, i) => html`<li role="option" id="place-${i}" data-i="${i}" aria-selected="${i === at ? 'true' : 'false'}" data-testid="place-result"><span>${r.text}</span><span class="muted">${word('grade', r.grade)}</span></li>`)}${note ? html`<li class="note">${note}</li>` : ''}`);
    input.setAttribute('aria-activedescendant', results.length ? `place-${at}` : '');
  }
  async function search() {
    const query = input.value.trim();
    const mine = ++turn;
    if (query.length < 2) { close(); return; }
    if (running) running.abort();
    running = new AbortController();
    const near = options.near();
    try {
      const answer = await api.get(`/api/places?q=${encodeURIComponent(query)}${near ? `&near=${near[0]},${near[1]}` : ''}`, { signal: running.signal });
      if (mine !== turn) return;
      results = answer.results || []; at = 0;
      draw(answer.refused ? answer.refused : results.length ? '' : gettext('Nothing found. Try street and number, “street / street”, a valve number, or click the map.'));
    } catch (error) {
      if (mine === turn && !(error instanceof DOMException)) { results = []; draw(error instanceof Error ? error.message : String(error)); }
    }
  }
  /** @param {number} i */
  function take(i) { const place = results[i]; if (!place) return; input.value = place.text; close(); turn += 1; options.choose(place); }
  input.addEventListener('input', () => { clearTimeout(timer); timer = window.setTimeout(search, 150); });
  input.addEventListener('keydown', (event) => {
    if (list.hidden || event.isComposing) return;
    if (event.key === 'ArrowDown') { at = Math.min(results.length - 1, at + 1); draw(''); event.preventDefault(); }
    else if (event.key === 'ArrowUp') { at = Math.max(0, at - 1); draw(''); event.preventDefault(); }
    else if (event.key === 'Enter' && !event.ctrlKey) { take(at); event.preventDefault(); }
    else if (event.key === 'Escape') { close(); event.stopPropagation(); event.preventDefault(); }
  });
  input.addEventListener('blur', () => setTimeout(close, 200));
  list.addEventListener('mousedown', (event) => {
    const item = event.target instanceof Element ? event.target.closest('[data-i]') : null;
    if (item instanceof HTMLElement) { event.preventDefault(); take(Number(item.dataset.i)); }
  });
}
