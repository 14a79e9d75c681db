// @ts-check
// Watched areas on the dispatch page: the layer, the list, drawing one and taking one away. A part of the
// page: see page.js.
import { api, Refused } from '../api.js';
import { open } from '../ask.js';
import { matches, offer } from '../command.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { keys } from '../keys.js';
import { addAreaLayers, areaData, SKETCH } from '../map/areas.js';
import { draw, sketch } from '../map/drawing.js';
import { bounds } from '../map/layers.js';
import { mapTheme } from '../map/style.js';
import { complain } from '../toast.js';
import { areaForm, areaRow, atFields, fieldsOf, requestOf } from './area-form.js';
import { makePanel, typed, wireForm } from './panel.js';

const OWNER = 'areas';

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  /** @type {any[]} */ let areas = [];
  /** @type {number[][]} */ let corners = [];
  /** @type {number | null} */ let chosen = null;
  /** @type {(() => void) | null} */ let stopDrawing = null;
  /** @type {Record<string, string>} */ let problems = {};
  /** The area that is changed; null while a new one is drawn. @type {any} */ let held = null;
  /** @type {Record<string, string> | null} */ let filled = null;
  let on = true;
  let unfolded = false;
  let asking = false;
  let sending = false;

  const { bar, holder, focusOn } = makePanel(page, 'areas', gettext('Areas'));
  page.legend(html`<li><i class="sign area-danger"></i>${gettext('danger area')}</li>`);
  page.legend(html`<li><i class="sign area-quiet"></i>${gettext('area that is watched')}</li>`);

  const mayAct = () => page.mayAct && !page.replaying();

  // A telephone and the list alone show no map.
  const mapSeen = () => page.map !== null && page.map.getContainer().offsetParent !== null;

  function drawMap() { if (page.map) page.map.getSource('areas').setData(areaData(areas, on, unfolded ? chosen : null)); }

  function drawAll() {
    render(bar, html`<button type="button" id="areas-button" data-do="areas" data-testid="areas-button" aria-expanded="${unfolded ? 'true' : 'false'}">${gettext('Areas')} <kbd>Z</kbd></button>`);
    drawMap();
    drawPanel();
  }

  function drawPanel() {
    holder.hidden = !unfolded;
    if (!unfolded) { render(holder, html``); return; }
    // What somebody has typed stays; the form is drawn anew only by what happens to it.
    const fields = filled || (asking ? typed(holder) : {});
    filled = null;
    render(holder, html`<header class="row spread"><h2>${gettext('Areas')}</h2><button class="quiet" data-do="areas" aria-label="${gettext('Close')}">✕</button></header>
      ${asking ? areaForm(corners, { problems, drawing: stopDrawing !== null, changes: held ? held.properties.name : '' }) : !mayAct() ? '' : mapSeen() ? html`<button class="main" id="area-new" data-do="area-new" data-testid="area-new">${gettext('Draw an area to watch')}</button>` : html`<p class="muted">${gettext('An area is drawn on the map, and there is none here.')}</p>`}
      ${mapSeen() ? html`<label class="check"><input type="checkbox" id="areas-on" data-do="areas-on" data-testid="areas-on" ${on ? html`checked` : ''}>${gettext('Show areas on the map')}</label>` : ''}
      ${areas.length ? html`<ul class="areas-list">${areas.map((area) => areaRow(area, mayAct(), area.properties.id === chosen))}</ul>` : html`<p class="muted">${gettext('No area is watched yet. A danger area tells you at once when a vehicle comes in.')}</p>`}`);
    wireForm(holder, fields, send);
  }

  const find = (/** @type {string | undefined} */ id) => areas.find((a) => String(a.properties.id) === id);

  async function read() {
    areas = (await api.get('/api/fences')).features;
    if (!areas.some((a) => a.properties.id === chosen)) chosen = null;
    if (held && !areas.some((a) => a.properties.id === held.properties.id)) {
      // Somebody took away what is being changed here.
      page.toast(gettext('%(name)s is watched no longer.', { name: held.properties.name }), 'bad');
      cancel();
    }
    drawAll();
  }

  function endDrawing() {
    if (stopDrawing) stopDrawing();
    stopDrawing = null;
    if (page.clicksTaken() === OWNER) page.takeClicks(null);
  }

  function show() { if (page.map) page.map.getSource(SKETCH).setData(sketch(corners)); }

  function beginDrawing() {
    if (!mapSeen()) { page.toast(gettext('An area is drawn on the map, and there is none here.')); return; }
    endDrawing();
    const before = corners;
    corners = []; delete problems.corners;
    const lost = () => { endDrawing(); corners = before; show(); drawPanel(); };
    page.takeClicks(OWNER, lost);
    stopDrawing = draw(page.map, {
      source: SKETCH,
      done: (drawn) => { endDrawing(); corners = drawn; show(); drawPanel(); focusOn('#area-name'); },
      given: () => { lost(); focusOn('#area-draw'); },
    });
    drawPanel();
  }

  async function send() {
    if (sending) return;
    sending = true;
    const asked = requestOf(typed(holder), corners);
    const was = held;
    try {
      const made = await api.post(was ? `/api/fences/${was.properties.id}/change` : '/api/fences', asked);
      cancel();
      chosen = made.id;
      page.toast(was ? gettext('%(name)s is changed.', { name: asked.name }) : gettext('%(name)s is watched.', { name: asked.name }));
      await read();
      focusOn(`#area-${made.id}`);
    } catch (error) {
      if (!(error instanceof Refused) || !asking) { complain(error); return; }
      problems = atFields(error.errors);
      drawPanel();
      focusOn('[aria-invalid="true"]');
    } finally { sending = false; }
  }

  function cancel() {
    endDrawing();
    asking = false; corners = []; problems = {}; held = null;
    show();
    drawPanel();
  }

  /** @param {any} area */
  function remove(area) {
    const { id, name } = area.properties;
    const dialog = open(html`<form data-testid="area-removing"><h2>${gettext('Remove %(name)s', { name })}</h2><p>${gettext('Nobody is told any more who comes in, stays or goes. What was told stays in the log.')}</p>
      <div class="row"><button class="main" data-testid="area-remove-yes">${gettext('Remove')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel autofocus>${gettext('Cancel')}</button></div></form>`);
    $('form', dialog).addEventListener('submit', async (event) => {
      event.preventDefault();
      dialog.close();
      try { await api.post(`/api/fences/${id}/remove`, {}); page.toast(gettext('%(name)s is watched no longer.', { name })); } catch (error) { complain(error); }
      await read().catch(complain);
      focusOn('#area-new');
    });
  }

  function fold() {
    unfolded = !unfolded;
    if (!unfolded && asking) cancel();
    if (!unfolded) chosen = null;
    drawAll();
    if (unfolded) focusOn('#area-new');
  }

  function ask() {
    if (!mayAct()) return;
    if (!mapSeen()) { page.toast(gettext('An area is drawn on the map, and there is none here.')); return; }
    if (asking) cancel();
    unfolded = true; asking = true;
    drawAll();
    focusOn('#area-draw');
  }

  /** @param {any} area */
  function change(area) {
    if (asking) cancel();
    held = area; asking = true; chosen = area.properties.id;
    corners = area.geometry.coordinates[0].slice(0, -1);
    filled = fieldsOf(area);
    show();
    drawAll();
    focusOn('#area-name');
  }

  function toggle() { on = !on; drawAll(); }

  const verbs = {
    areas: fold, 'areas-on': toggle, 'area-new': ask, 'area-draw': beginDrawing,
    'area-cancel': () => { const back = held ? `#area-change-${held.properties.id}` : '#area-new'; cancel(); focusOn(back); },
    'area-change': (/** @type {HTMLElement} */ b) => { const area = find(b.dataset.id); if (area && mayAct()) change(area); },
    'area-show': (/** @type {HTMLElement} */ b) => {
      const area = find(b.dataset.id);
      if (!area) return;
      chosen = chosen === area.properties.id ? null : area.properties.id;
      drawAll();
      const box = bounds([area.geometry]);
      if (chosen !== null && box && page.map) page.map.fitBounds(box, { padding: 80, maxZoom: 16.5, duration: 0 });
    },
    'area-remove': (/** @type {HTMLElement} */ b) => { const area = find(b.dataset.id); if (area) remove(area); },
  };
  onDo(bar, verbs);
  onDo(holder, verbs);
  keys({ key: 'z', text: gettext('watched areas: list, draw, change, remove'), run: fold });
  offer((query) => [
    ...(mayAct() ? [{ title: gettext('Draw an area to watch'), detail: '', run: ask }] : []),
    { title: on ? gettext('Hide areas on the map') : gettext('Show areas on the map'), detail: '', run: toggle },
  ].filter((hit) => query && matches(query, hit.title)));

  page.whenMap((map) => { addAreaLayers(map, mapTheme()); drawAll(); });
  page.on('fences.changed resumed', () => { read().catch(() => undefined); });
  page.onReplay(() => { if (asking) cancel(); drawAll(); });
  read().catch(complain);
}
