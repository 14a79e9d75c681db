// @ts-check
// Calls of now on the map: who waits, who talks, from where. A supervisor listens in from the pin.
import { api } from '../api.js';
import { matches, offer } from '../command.js';
import { html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { listening, MODES, strip } from '../listening.js';
import { picture } from '../map/icons.js';
import { mapTheme, PALETTE } from '../map/style.js';
import { page as settings } from '../page.js';
import { pooled } from '../pooled.js';
import { stopwatch } from '../time.js';
import { word } from '../words.js';

const HEARS_CALLS = ['supervisor', 'dispatcher'];
const NOTHING = { type: 'FeatureCollection', features: [] };

/** Calls with a place, as the map takes them. @param {any[]} calls */
export function callData(calls) {
  return { type: 'FeatureCollection', features: calls.filter((c) => c.state !== 'ended' && typeof c.lon === 'number').map((c) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [c.lon, c.lat] }, properties: { id: c.id, state: c.state === 'talking' ? 'talking' : 'waiting' } })) };
}

/** A speech bubble: filled while somebody talks, hollow while one waits. @param {string} paper @param {string} ink @param {boolean} full */
function bubble(paper, ink, full) {
  return picture((pen) => {
    pen.beginPath();
    pen.roundRect(4, 4, 22, 15, 5);
    pen.moveTo(10, 18); pen.lineTo(8, 27); pen.lineTo(17, 18);
    pen.lineWidth = 5; pen.strokeStyle = paper; pen.stroke();
    pen.lineWidth = 2; pen.strokeStyle = ink; pen.fillStyle = full ? ink : paper; pen.stroke(); pen.fill();
    pen.fillStyle = full ? paper : ink;
    for (const x of [10, 15, 20]) { pen.beginPath(); pen.arc(x, 11.5, 1.8, 0, 2 * Math.PI); pen.fill(); }
  }, 30);
}

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  if (!HEARS_CALLS.includes(settings.role)) return;
  /** @type {any[]} */ let calls = [];
  let shown = '';
  const boss = settings.role === 'supervisor';
  const ear = boss ? listening(() => drawCard()) : null;
  const card = document.createElement('section');
  card.className = 'vehicle-card call-card';
  card.hidden = true;
  card.dataset.testid = 'call-card';
  card.setAttribute('aria-label', gettext('Call'));
  page.tools.after(card);
  page.legend(html`<li><i class="sign call"></i>${gettext('call: filled while somebody talks')}</li>`);

  function drawCard() {
    const c = calls.find((one) => one.id === shown && one.state !== 'ended');
    card.hidden = page.replaying() || (!c && !(ear && ear.row));
    if (card.hidden) return;
    const heard = ear && ear.row;
    render(card, html`<header class="row spread"><h2>${c ? c.name || c.from_masked || gettext('number hidden') : heard.agent_name}</h2><button class="quiet" data-do="close" aria-label="${gettext('Close')}">✕</button></header>
      ${c ? html`<dl><dt>${gettext('Call')}</dt><dd>${word('call', c.state)} <time data-since="${c.queued_at || c.started_at}"></time></dd>${c.agent ? html`<dt>${gettext('Agent')}</dt><dd>${c.agent_name || c.agent}</dd>` : ''}${c.verdict && c.verdict.code !== 'nothing_known' ? html`<dt>${gettext('Verdict')}</dt><dd>${c.verdict.text}</dd>` : ''}</dl>` : ''}
      ${boss && c && c.agent && c.state === 'talking' && !(heard && heard.agent === c.agent) ? html`<div class="row modes">${MODES.map(([mode, verb]) => html`<button type="button" data-do="ear" data-mode="${mode}" data-key="ear-${mode}" data-testid="pin-${mode}">${verb()}</button>`)}</div>` : ''}${ear ? strip(ear) : ''}`);
    tick();
  }

  function tick() {
    for (const node of card.querySelectorAll('time[data-since]')) node.textContent = stopwatch((Date.now() - Date.parse(/** @type {HTMLElement} */ (node).dataset.since || '')) / 1000);
  }

  function draw() {
    if (page.map && page.map.getSource('calls')) page.map.getSource('calls').setData(page.replaying() ? NOTHING : callData(calls));
    drawCard();
  }

  let turn = 0;
  async function read() {
    const mine = ++turn;
    try { const answer = await api.get('/api/calls/live'); if (mine === turn) { calls = answer; draw(); } } catch { /* the stale banner says so */ }
  }
  const soon = pooled(read, 300);

  /** @param {any} c */
  const listen = (c, mode = 'listen') => { if (ear && c && c.agent) ear.start({ username: c.agent, name: c.agent_name || c.agent }, mode); };
  onDo(card, {
    close: () => { shown = ''; if (ear && ear.row) ear.stop(); card.hidden = true; },
    ear: (target) => listen(calls.find((c) => c.id === shown), String(target.dataset.mode)),
    mode: (target) => { if (ear) ear.change(String(target.dataset.mode)); },
    unlisten: () => { if (ear) ear.stop(); },
  });
  offer((query) => (query ? calls : []).filter((c) => c.state === 'talking' && c.agent).map((c) => ({
    title: boss ? gettext('Listen to %(agent)s', { agent: c.agent_name || c.agent }) : `${c.agent_name || c.agent}`, detail: c.name || c.from_masked || gettext('call'),
    run: () => { shown = c.id; drawCard(); if (typeof c.lon === 'number' && page.map) page.map.flyTo({ center: [c.lon, c.lat], zoom: Math.max(15, page.map.getZoom()), duration: 0 }); if (boss) listen(c); },
  })).filter((hit) => matches(query, hit.title, hit.detail)));
  page.whenMap((map) => {
    const c = PALETTE[mapTheme()];
    map.addImage('call-talking', bubble(c.paper, c.route, true), { pixelRatio: 2 });
    map.addImage('call-waiting', bubble(c.paper, c.route, false), { pixelRatio: 2 });
    map.addSource('calls', { type: 'geojson', data: NOTHING });
    map.addLayer({ id: 'calls', type: 'symbol', source: 'calls', layout: { 'icon-image': ['concat', 'call-', ['get', 'state']], 'icon-anchor': 'bottom-left', 'icon-allow-overlap': true } });
    map.on('click', 'calls', (/** @type {any} */ e) => { if (page.clicksTaken()) return; shown = String(e.features[0].properties.id); drawCard(); const first = card.querySelector('button[data-do="ear"]'); if (first instanceof HTMLElement) first.focus(); });
    map.on('mouseenter', 'calls', () => { if (!page.clicksTaken()) map.getCanvas().style.cursor = 'pointer'; });
    map.on('mouseleave', 'calls', () => { if (!page.clicksTaken()) map.getCanvas().style.cursor = ''; });
    draw();
  });
  page.on('call.ringing call.queued call.offered call.answered call.identified call.ended resumed', soon);
  page.onReplay(() => draw());
  setInterval(tick, 1000);
  read();
}
