// @ts-check
// "Where is it?" answered as one types: address, crossing, valve or hydrant number, coordinates.
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { word } from '../words.js';

const CHINESE = /[\u3400-\u9fff]/;
/** One Chinese character says something, one Latin letter does not. @param {string} query */
const tooShort = (query) => query.length < (CHINESE.test(query) ? 1 : 2);
/** Sure enough to be taken by an Enter pressed before the list was there. */
const SURE = 0.95;

/** @param {HTMLInputElement} input @param {HTMLElement} list @param {{near: () => number[] | null, choose: (place: any) => void}} options */
export function placeSearch(input, list, options) {
  /** @type {any[]} */ let results = [];
  let at = 0; let turn = 0; let timer = 0; let hurried = false; let stale = false; let taken = '';
  /** @type {AbortController | null} */ let running = null;
  function close() { list.hidden = true; input.setAttribute('aria-expanded', 'false'); input.removeAttribute('aria-activedescendant'); results = []; }
  /** @param {string} note */
  function draw(note) {
    list.hidden = false; stale = false; list.removeAttribute('aria-busy'); input.setAttribute('aria-expanded', 'true');
    render(list, html`${results.map((r, i) => html`<li role="option" id="${list.id}-${i}" data-i="${i}" aria-selected="${i === at ? 'true' : 'false'}" data-testid="place-result" data-grade="${r.grade}"><span>${r.text}${r.note ? html`<small>${r.note}</small>` : ''}</span><span class="muted">${word('grade', r.grade)}</span></li>`)}${note ? html`<li class="note">${note}</li>` : ''}`);
    if (!results.length) { input.removeAttribute('aria-activedescendant'); return; }
    input.setAttribute('aria-activedescendant', `${list.id}-${at}`);
    const chosen = list.querySelector('[aria-selected="true"]');
    if (chosen) chosen.scrollIntoView({ block: 'nearest' });
  }
  async function search() {
    const query = input.value.trim();
    const mine = ++turn;
    if (running) running.abort();
    if (tooShort(query)) { close(); return; }
    running = new AbortController();
    const near = options.near();
    try {
      const answer = await api.get(`/api/places?typing=1&q=${encodeURIComponent(query)}${near ? `&near=${near[0]},${near[1]}` : ''}`, { signal: running.signal });
      // An answer to letters that are not there any more is no answer.
      if (mine !== turn) return;
      results = answer.results || []; at = 0;
      if (hurried && results.length && results[0].confidence >= SURE && results[0].inside !== false) { take(0); return; }
      hurried = false;
      draw(answer.refused ? answer.refused : results.length ? '' : gettext('Nothing found. Try street and number, “street / street”, a valve number, or click the map.'));
    } catch (error) {
      if (mine === turn && !(error instanceof DOMException)) { results = []; draw(error instanceof Error ? error.message : String(error)); }
    }
  }
  /** @param {number} i */
  function take(i) { const place = results[i]; if (!place) return; hurried = false; input.value = place.text; close(); turn += 1; options.choose(place); taken = input.value; }
  /** The list is of letters that were there before: it stays to be read, not to be taken. */
  function typed() { hurried = false; stale = true; list.setAttribute('aria-busy', 'true'); clearTimeout(timer); timer = window.setTimeout(search, 120); }
  // While characters are being composed the letters are not what is meant yet.
  input.addEventListener('input', (event) => { if (!(event instanceof InputEvent && event.isComposing)) typed(); });
  input.addEventListener('compositionend', typed);
  input.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (list.hidden || stale || !results.length) {
      // What was taken already is done with: Enter may send the form.
      if (event.key === 'Enter' && input.value === taken) return;
      if (event.key === 'Enter' && !event.ctrlKey && !tooShort(input.value.trim())) { hurried = true; clearTimeout(timer); search(); event.preventDefault(); }
      else if (event.key === 'ArrowDown' && !tooShort(input.value.trim())) { search(); event.preventDefault(); }
      else if (event.key === 'Escape' && !list.hidden) { close(); event.stopPropagation(); event.preventDefault(); }
      return;
    }
    if (event.key === 'ArrowDown') { at = Math.min(results.length - 1, at + 1); draw(''); event.preventDefault(); }
    else if (event.key === 'ArrowUp') { at = Math.max(0, at - 1); draw(''); event.preventDefault(); }
    else if (event.key === 'Enter' && !event.ctrlKey) { take(at); event.preventDefault(); }
    else if (event.key === 'Escape') { turn += 1; close(); event.stopPropagation(); event.preventDefault(); }
  });
  input.addEventListener('blur', () => setTimeout(() => { turn += 1; close(); }, 200));
  list.addEventListener('mousedown', (event) => {
    const item = event.target instanceof Element ? event.target.closest('[data-i]') : null;
    if (item instanceof HTMLElement) { event.preventDefault(); take(Number(item.dataset.i)); }
  });
}
