// @ts-check
// Closed streets on the dispatch page: the layer, the list, the form, a crew's trench, and who is
// within some minutes. A part of the page: see page.js.
import { api } from '../api.js';
import { offer, matches } from '../command.js';
import { $, html, onDo, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { keys } from '../keys.js';
import { addClosureLayers, closureData, signPlace, withinData } from '../map/closures.js';
import { draw, sketch } from '../map/drawing.js';
import { mapTheme } from '../map/style.js';
import { arrives, distance } from '../time.js';
import { complain } from '../toast.js';
import { closureForm, closureRow, requestOf, suggestion } from './closure-form.js';
import { makePanel, typed, wireForm } from './panel.js';

const MINUTES = '5,10,15';
const WITHIN_AGAIN_MS = 20000;

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  /** @type {any[]} */ let changes = [];
  let unfolded = false;
  let asking = false;
  let within = false;
  /** @type {import('./closure-form.js').Where | null} */ let where = null;
  /** @type {(() => void) | null} */ let stopDrawing = null;
  let drawing = '';
  let problem = '';
  /** @type {string | null} */ let moment = null;

  const { bar, holder, focusOn } = makePanel(page, 'closures', gettext('Streets'));
  page.legend(html`<li><i class="sign street-closed"></i>${gettext('street closed')}</li>`);
  page.legend(html`<li><i class="sign street-slow"></i>${gettext('slow street')}</li>`);

  const open = () => changes.filter((c) => c.state === 'in_force' || c.state === 'planned');
  const suggested = () => changes.filter((c) => c.state === 'suggested');
  const mayAct = () => page.mayAct && !page.replaying();

  function drawAll() {
    const count = open().length;
    render(bar, html`<button type="button" id="closures-button" data-do="closures" data-testid="closures-button" aria-expanded="${unfolded ? 'true' : 'false'}">${gettext('Streets')}${count ? html` <b class="count" title="${ngettext('%(count)s street change', '%(count)s street changes', count)}">${count}</b>` : ''} <kbd>S</kbd></button>
      <button type="button" id="within-button" data-do="within" data-testid="within-button" aria-pressed="${within ? 'true' : 'false'}">${gettext('Within 15 min')} <kbd>W</kbd></button>`);
    if (page.map) page.map.getSource('closures').setData(closureData(changes));
    drawPanel();
  }

  function drawPanel() {
    const asked = suggested();
    holder.hidden = !unfolded && !asked.length;
    // What somebody has typed stays; the form is drawn anew only by what happens to it.
    const fields = asking ? typed(holder) : {};
    render(holder, html`${asked.map((change, i) => suggestion(change, i === 0, mayAct()))}
      ${unfolded ? html`<header class="row"><h2>${gettext('Streets')}</h2><button class="quiet" data-do="closures" aria-label="${gettext('Close')}">✕</button></header>
        ${asking ? closureForm(where, { problem, drawing }) : mayAct() ? html`<button class="main" data-do="closure-new" data-testid="closure-new">${gettext('Close or slow streets')} <kbd>N</kbd></button>` : ''}
        ${changes.length > asked.length ? html`<ul class="closures-list">${changes.filter((c) => c.state !== 'suggested').map((c) => closureRow(c, mayAct()))}</ul>` : html`<p class="muted">${gettext('No street is closed.')}</p>`}` : ''}`);
    wireForm(holder, fields, send);
  }

  async function read() {
    const answer = await api.get(`/api/streets/changes${moment ? `?at=${encodeURIComponent(moment)}` : ''}`);
    changes = answer.changes;
    drawAll();
  }

  function endDrawing() {
    if (stopDrawing) stopDrawing();
    stopDrawing = null; drawing = '';
    if (page.clicksTaken() === 'closures') page.takeClicks(null);
  }

  /** @param {'area' | 'street'} what */
  function beginDrawing(what) {
    if (!page.map) { page.toast(gettext('Without the map, give a circle: its middle and radius.')); return; }
    endDrawing();
    drawing = what;
    page.takeClicks('closures', () => { endDrawing(); drawPanel(); });
    stopDrawing = draw(page.map, {
      point: what === 'street',
      done: async (corners) => {
        endDrawing();
        try {
          where = what === 'area' ? { kind: 'area', corners } : { kind: 'street', at: await api.get(`/api/streets/at?lon=${corners[0][0]}&lat=${corners[0][1]}`) };
          problem = '';
          if (where.kind === 'street') page.map.getSource('closing').setData({ type: 'Feature', properties: {}, geometry: where.at.course });
        } catch (error) { problem = error instanceof Error ? error.message : String(error); }
        drawPanel();
        focusOn('#closure-reason');
      },
      given: () => { endDrawing(); drawPanel(); },
    });
    drawPanel();
  }

  async function send() {
    const middle = page.map ? page.map.getCenter().toArray() : null;
    try {
      const made = await api.post('/api/streets/changes', requestOf(typed(holder), where, Date.now(), middle));
      page.toast(gettext('%(streets)s: done.', { streets: made.streets.slice(0, 3).join(', ') || gettext('a street without a name') }));
      cancel();
      await read();
    } catch (error) { problem = error instanceof Error ? error.message : String(error); drawPanel(); }
  }

  function cancel() {
    endDrawing();
    asking = false; where = null; problem = '';
    if (page.map) page.map.getSource('closing').setData(sketch([]));
    drawPanel();
  }

  /** @param {string} id @param {string} step @param {Record<string, any>} body */
  async function step(id, step, body) {
    try { await api.post(`/api/streets/changes/${encodeURIComponent(id)}/${step}`, body); } catch (error) { complain(error); }
    await read().catch(complain);
  }

  const find = (/** @type {string | undefined} */ id) => changes.find((c) => String(c.id) === id);

  /** @param {boolean} [on] */
  function fold(on) {
    unfolded = on === undefined ? !unfolded : on;
    if (!unfolded && asking) cancel();
    drawAll();
    if (unfolded) focusOn('[data-do="closure-new"]');
  }

  function ask() {
    if (!mayAct()) return;
    unfolded = true; asking = true;
    drawAll();
    focusOn('[data-do="closure-draw"]');
  }

  // In a metropolis the ground takes a while to draw: never two at once, and never most of the time.
  let resting = 0;
  async function readWithin() {
    if (!page.map || !within || Date.now() < resting) return;
    const began = Date.now();
    resting = Infinity;
    try {
      const answer = await api.get(`/api/streets/isochrone?minutes=${MINUTES}`);
      if (!within) return;
      page.map.getSource('within').setData(withinData(answer));
      if (!answer.origins) page.toast(gettext('No crew is free: nobody is within 15 minutes.'));
    } catch (error) { complain(error); } finally { resting = Date.now() + 10 * (Date.now() - began); }
  }

  function toggleWithin() {
    if (!page.map) { page.toast(gettext('The shading needs the map.')); return; }
    within = !within;
    if (!within) page.map.getSource('within').setData(sketch([]));
    drawAll();
    if (resting !== Infinity) resting = 0;
    readWithin();
  }

  const verbs = {
    closures: () => fold(), within: toggleWithin, 'closure-new': ask, 'closure-cancel': cancel,
    'closure-draw': () => beginDrawing('area'), 'closure-point': () => beginDrawing('street'),
    'closure-accept': (/** @type {HTMLElement} */ b) => { step(b.dataset.id || '', 'accept', {}); },
    'closure-lift': (/** @type {HTMLElement} */ b) => { step(b.dataset.id || '', 'lift', {}); },
    'closure-endless': (/** @type {HTMLElement} */ b) => { step(b.dataset.id || '', 'extend', { ends_at: '' }); },
    'closure-extend': (/** @type {HTMLElement} */ b) => {
      const change = find(b.dataset.id);
      const from = Math.max(Date.now(), change && change.ends_at ? Date.parse(change.ends_at) : 0);
      step(b.dataset.id || '', 'extend', { ends_at: new Date(from + 3600000).toISOString() });
    },
    'closure-show': (/** @type {HTMLElement} */ b) => {
      const change = find(b.dataset.id);
      const at = change && signPlace(change);
      if (at && page.map) page.map.flyTo({ center: at, zoom: Math.max(15.5, page.map.getZoom()), duration: 0 });
    },
  };
  onDo(bar, verbs);
  onDo(holder, verbs);
  const accept = () => { const first = suggested()[0]; if (first && mayAct()) step(String(first.id), 'accept', {}); };
  keys(
    { key: 's', text: gettext('closed streets: list and form'), run: () => fold() },
    { key: 'n', text: gettext('close or slow streets'), run: ask },
    { key: 'a', text: gettext('close the street at the trench a crew reported'), run: accept },
    { key: 'w', text: gettext('shade what free crews reach within 15 minutes'), run: toggleWithin },
  );
  offer((query) => [
    { title: gettext('Close or slow streets'), detail: 'N', run: ask }, { title: gettext('Within 15 min'), detail: 'W', run: toggleWithin },
  ].filter((hit) => query && matches(query, hit.title)));

  page.whenMap((map) => { addClosureLayers(map, mapTheme()); map.on('click', 'closure-sign', () => { if (!page.clicksTaken()) fold(true); }); drawAll(); });
  page.on('streets.changed resumed', () => { read().catch(() => undefined); readWithin(); });
  page.on('crew.changed shift.began shift.ended', () => { readWithin(); });
  setInterval(() => { readWithin(); if (!asking) drawAll(); }, WITHIN_AGAIN_MS);
  page.on('order.changed', (data) => {
    const streets = (data.streets || []).join(', ') || gettext('a street without a name');
    if (data.action === 'rerouted') page.toast(gettext('%(crew)s goes another way to %(number)s because of %(streets)s, there %(eta)s.', { crew: data.crew_name, number: data.number, streets, eta: arrives(data.eta_at) }));
    if (data.action === 'cut_off') page.toast(gettext('%(crew)s: no street leads to %(number)s now; straight line %(far)s.', { crew: data.crew_name, number: data.number, far: distance(data.straight_m) }), 'bad');
  });
  let later = 0;
  page.onReplay((at) => {
    const began = moment === null || at === null;
    moment = at;
    if (began) { cancel(); if (within) toggleWithin(); }
    // The past moves many times a second while it plays.
    clearTimeout(later);
    later = window.setTimeout(() => { read().catch(complain); }, began ? 0 : 400);
  });
  read().catch(complain);
}
