// @ts-check
// The command box, Ctrl-K everywhere: tickets, incidents, crews, assets, places and verbs.
import { api } from './api.js';
import { gettext } from './i18n.js';
import { html, render, $ } from './html.js';
import { until } from './time.js';
import { word } from './words.js';

/** @typedef {{title: string, detail?: string, run: () => void}} Hit */
/** @type {((query: string) => Hit[])[]} */
const sources = [];
/** @type {(place: any) => void} */
let onPlace = (place) => {
  if (place.asset && maySee('/network')) location.href = `/network#id=${encodeURIComponent(place.asset)}`;
  else location.href = `${maySee('/dispatch') ? '/dispatch' : '/network'}#at=${place.lon},${place.lat}`;
};

/** A page adds its own hits (verbs, what it already holds in memory). @param {(query: string) => Hit[]} source */
export function offer(source) { sources.push(source); }
/** What choosing a place does on this page. @param {(place: any) => void} handler */
export function placesGo(handler) { onPlace = handler; }

/** Do all words of the query occur? @param {string} query @param {...(string | undefined | null)} texts */
export function matches(query, ...texts) {
  const all = texts.filter(Boolean).join(' ').toLowerCase();
  return query.toLowerCase().split(/\s+/).filter(Boolean).every((part) => all.includes(part));
}

/** Whether the bar offers this page. @param {string} path */
const maySee = (path) => typeof document === 'undefined' || Boolean(document.querySelector(`.bar nav a[href="${path}"]`));
const mayDispatch = () => maySee('/dispatch');

/** @param {string} query @returns {Hit[]} hits that need no server */
export function direct(query) {
  const hits = [];
  const ticket = /^#?((?:T-?)\d+)$/i.exec(query);
  if (ticket) hits.push({ title: gettext('Ticket %(number)s', { number: ticket[1].toUpperCase() }), detail: gettext('go'), run: () => { location.href = `/tickets/${encodeURIComponent(ticket[1].toUpperCase())}`; } });
  const incident = /^(I-?\d+)$/i.exec(query);
  const toIncident = incident ? { title: gettext('Incident %(number)s', { number: incident[1].toUpperCase() }), detail: gettext('go'), run: () => { location.href = `/dispatch#${encodeURIComponent(incident[1].toUpperCase())}`; } } : null;
  if (toIncident) hits.push(toIncident);
  return mayDispatch() ? hits : hits.filter((hit) => hit !== toIncident);
}

/** @type {any} */
let cache = { at: 0, incidents: [], crews: [] };
async function known() {
  if (Date.now() - cache.at < 20000) return cache;
  const [incidents, crews] = await Promise.all([api.get('/api/incidents?open=1').catch(() => null), api.get('/api/crews').catch(() => null)]);
  cache = { at: Date.now(), incidents: incidents ? incidents.features : [], crews: crews ? crews.features : [] };
  return cache;
}

export function openCommand() {
  if (document.querySelector('dialog.command')) return;
  const dialog = document.createElement('dialog');
  dialog.className = 'command';
  document.body.append(dialog);
  render(dialog, html`<input type="search" role="combobox" aria-expanded="true" aria-controls="command-hits" autocomplete="off" spellcheck="false"
    aria-label="${gettext('Search or command')}" placeholder="${gettext('Ticket, incident, crew, valve, address, crossing, or a command')}" data-testid="command-input">
    <ul id="command-hits" role="listbox"></ul>`);
  const input = /** @type {HTMLInputElement} */ ($('input', dialog));
  const list = $('ul', dialog);
  /** @type {Hit[]} */
  let hits = [];
  let at = 0;
  let turn = 0;

  function draw() {
    render(list, html`${hits.map((hit, i) => html`<li role="option" data-i="${i}" aria-selected="${i === at ? 'true' : 'false'}"><span>${hit.title}</span><span class="muted">${hit.detail || ''}</span></li>`)}
      ${hits.length === 0 && input.value ? html`<p class="muted">${gettext('Nothing found yet.')}</p>` : ''}`);
    const chosen = list.querySelector('[aria-selected="true"]');
    if (chosen) chosen.scrollIntoView({ block: 'nearest' });
  }
  function choose(/** @type {number} */ i) {
    const hit = hits[i];
    if (!hit) return;
    dialog.close();
    hit.run();
  }
  async function search() {
    const query = input.value.trim();
    const mine = ++turn;
    const local = [...sources.flatMap((source) => source(query)), ...direct(query)];
    hits = local.slice(0, 12); at = 0; draw();
    if (!query) return;
    const [places, all, told] = await Promise.all([api.get(`/api/places?typing=1&q=${encodeURIComponent(query)}`).catch(() => ({ results: [] })), known(), maySee('/knowledge') ? api.get(`/api/articles?q=${encodeURIComponent(query)}`).catch(() => null) : null]);
    if (mine !== turn) return;
    const more = [];
    for (const f of mayDispatch() ? all.incidents : []) {
      const p = f.properties;
      if (matches(query, p.number, p.address, p.kind_label)) more.push({ title: `${p.number} ${p.kind_label || word('kind', p.kind)}, ${p.address || ''}`, detail: until(p.due_at).text, run: () => { location.href = `/dispatch#${p.number}`; } });
    }
    for (const f of all.crews) {
      const p = f.properties;
      if (matches(query, p.name, p.plate, p.vehicle)) more.push({ title: p.name, detail: word('crew', p.state), run: () => onPlace({ lon: f.geometry.coordinates[0], lat: f.geometry.coordinates[1], text: p.name }) });
    }
    for (const a of told ? told.articles.slice(0, 4) : []) more.push({ title: a.title, detail: gettext('article'), run: () => { open(`/knowledge#${a.code}`, '_blank', 'noopener'); } });
    for (const place of places.results || []) more.push({ title: place.text, detail: [word('grade', place.grade), place.note].filter(Boolean).join(' · '), run: () => onPlace(place) });
    const seen = new Set(hits.map((hit) => hit.title));
    hits = [...hits, ...more.filter((hit) => !seen.has(hit.title) && seen.add(hit.title))].slice(0, 14);
    draw();
  }
  let timer = 0;
  input.addEventListener('input', () => { clearTimeout(timer); timer = window.setTimeout(search, 120); });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') { at = Math.min(hits.length - 1, at + 1); draw(); event.preventDefault(); }
    else if (event.key === 'ArrowUp') { at = Math.max(0, at - 1); draw(); event.preventDefault(); }
    else if (event.key === 'Enter' && !event.isComposing) { choose(at); event.preventDefault(); }
  });
  list.addEventListener('click', (event) => {
    const item = event.target instanceof Element ? event.target.closest('li') : null;
    if (item) choose(Number(item.dataset.i));
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
  search();
}
