// @ts-check
// The map's own box: an asset by how its number begins.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { kindName } from './attributes.js';

/** @param {HTMLElement} holder with an input and a list @param {(id: string) => void} choose */
export function finder(holder, choose) {
  const input = /** @type {HTMLInputElement} */ ($('input', holder));
  const list = $('ul', holder);
  /** @type {{id: string, kind: string}[]} */ let hits = [];
  let at = 0;
  let turn = 0;
  let timer = 0;
  function draw() {
    list.hidden = !input.value.trim();
    input.setAttribute('aria-expanded', String(!list.hidden));
    render(list, hits.length ? html`${hits.map((hit, i) => html`<li role="option" data-i="${i}" data-testid="asset-hit" data-id="${hit.id}" aria-selected="${i === at ? 'true' : 'false'}"><b>${hit.id}</b><span class="muted">${kindName(hit.kind)}</span></li>`)}`
      : html`<li class="note">${input.value.trim().length < 2 ? gettext('Two characters at least.') : gettext('Nothing in the network is called so.')}</li>`);
  }
  async function search() {
    const mine = ++turn;
    const query = input.value.trim();
    const answer = query.length < 2 ? { results: [] } : await api.get(`/api/find-assets?q=${encodeURIComponent(query)}`).catch(() => ({ results: [] }));
    if (mine !== turn) return;
    hits = answer.results; at = 0;
    draw();
  }
  function take(/** @type {number} */ i) {
    if (!hits[i]) return;
    const { id } = hits[i];
    input.value = ''; hits = []; turn += 1;
    draw(); input.blur();
    choose(id);
  }
  input.addEventListener('input', () => { clearTimeout(timer); timer = window.setTimeout(search, 120); });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') { at = Math.max(0, Math.min(hits.length - 1, at + (event.key === 'ArrowDown' ? 1 : -1))); draw(); event.preventDefault(); }
    else if (event.key === 'Enter' && !event.isComposing) { event.preventDefault(); if (hits.length) take(at); else { clearTimeout(timer); search().then(() => { if (hits.length === 1) take(0); }); } }
    else if (event.key === 'Escape') { input.value = ''; hits = []; draw(); input.blur(); event.stopPropagation(); }
  });
  list.addEventListener('mousedown', (event) => {
    const item = event.target instanceof Element ? event.target.closest('li[data-i]') : null;
    if (item instanceof HTMLElement) { event.preventDefault(); take(Number(item.dataset.i)); }
  });
  return { focus() { input.focus(); input.select(); } };
}
