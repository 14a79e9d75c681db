// @ts-check
// The vehicle layer of the dispatch page: plates, speed, where they head, how old and how vague the
// fix is; who has probably arrived; the track of a crew. A part of the page: see page.js.
import { api } from '../api.js';
import { open } from '../ask.js';
import { matches, offer } from '../command.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { keys } from '../keys.js';
import { accuracyData, addVehicleLayers, ageOf, speedText, trackData, vehicleData, wayText } from '../map/vehicles.js';
import { mapTheme } from '../map/style.js';
import { page as settings } from '../page.js';
import { clock, distance, span } from '../time.js';
import { complain } from '../toast.js';

const AGAIN_MS = 10000;

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  /** @type {Map<string, any>} */ const vehicles = new Map();
  let on = true;
  /** @type {{ crew: number, name: string } | null} */ let track = null;
  /** @type {string} */ let shown = '';

  const bar = document.createElement('div');
  bar.className = 'row';
  page.tools.append(bar);
  const card = document.createElement('section');
  card.className = 'vehicle-card';
  card.hidden = true;
  card.setAttribute('aria-label', gettext('Vehicle'));
  const facts = document.createElement('div');
  // Drawn once a track is read and not with each position: it is scrolled and clicked.
  const ways = document.createElement('div');
  ways.hidden = true;
  card.append(facts, ways);
  page.tools.after(card);

  /** @param {string} id @param {any} data */
  const put = (id, data) => { if (page.map && page.map.getSource(id)) page.map.getSource(id).setData(data); };
  const nothing = { type: 'FeatureCollection', features: [] };

  function draw() {
    render(bar, html`<button type="button" id="vehicles-button" data-do="vehicles" data-testid="vehicles-button" aria-pressed="${on ? 'true' : 'false'}">${gettext('Vehicles')} <kbd>V</kbd></button>${track ? html`<button type="button" class="quiet" data-do="no-track">${gettext('Track of %(crew)s', { crew: track.name })} ✕</button>` : ''}`);
    const list = on && !page.replaying() ? Array.from(vehicles.values()) : [];
    put('vehicles', vehicleData(list, settings.stale_fix_s, Date.now()));
    put('vehicle-accuracy', accuracyData(list));
    drawCard();
  }

  function drawCard() {
    const v = vehicles.get(shown);
    card.hidden = !v || page.replaying();
    if (!v || card.hidden) return;
    const age = ageOf(v, Date.now());
    const stale = age > settings.stale_fix_s;
    const drives = [speedText(v.speed_mps), speedText(v.speed_mps) ? wayText(v.heading) : '', v.motion_label].filter(Boolean).join(', ');
    ways.hidden = !track || track.crew !== v.crew;
    render(facts, html`<header class="row spread"><h2>${v.plate || v.crew_name || v.device}</h2><button class="quiet" data-do="close" aria-label="${gettext('Close')}">✕</button></header>
      <dl><dt>${gettext('Crew')}</dt><dd>${v.crew_name || gettext('nobody drives it')}</dd>
      <dt>${gettext('Last position')}</dt><dd class="${stale ? 'bad' : ''}" title="${clock(v.fix_time, true)}">${gettext('%(span)s ago', { span: span(age) })}</dd>
      <dt>${gettext('Drives')}</dt><dd>${stale ? html`<span class="muted">${gettext('not known now')}</span>` : drives || '–'}</dd>
      ${v.street ? html`<dt>${gettext('Street')}</dt><dd>${v.street}</dd>` : ''}
      <dt>${gettext('Accurate to')}</dt><dd>${v.accuracy_m ? distance(v.accuracy_m) : '–'}</dd></dl>
      ${v.crew && settings.role === 'supervisor' ? html`<button data-do="track" data-testid="track-ask">${gettext('Track…')}</button>` : ''}`);
  }

  /** How far the crew drove, and on which streets it was when. @param {any} drive of the device that said most */
  function drawWays(drive) {
    render(ways, !drive ? html`` : html`<h3>${gettext('%(distance)s along the streets', { distance: distance(drive.metres) })}</h3>
      <ol class="stretches" data-testid="stretches">${drive.stretches.map((/** @type {any} */ s) => html`<li><button class="quiet" data-do="to-stretch" data-lon="${s.lon}" data-lat="${s.lat}"><time>${clock(s.from)}–${clock(s.to)}</time> ${s.street || html`<span class="muted">${s.street === null ? gettext('away from the streets') : gettext('a street without a name')}</span>`}</button></li>`)}</ol>`);
  }

  async function read() {
    const answer = await api.get('/api/vehicles');
    vehicles.clear();
    for (const f of answer.features) { const [lon, lat] = f.geometry.coordinates; vehicles.set(f.properties.device, { ...f.properties, lon, lat }); }
    draw();
  }

  /** Which device speaks for a crew now. @param {number} crew */
  const ofCrew = (crew) => { for (const v of vehicles.values()) if (v.crew === crew) return v; return null; };

  /** @param {number} crew @param {string} name */
  function askTrack(crew, name) {
    const dialog = open(html`<form><h2>${gettext('Where was %(crew)s?', { crew: name })}</h2><p class="muted">${gettext('That you looked is written down, with the reason.')}</p>
      <div class="field"><label for="track-hours">${gettext('Last hours')}</label><select id="track-hours" name="hours"><option value="1">1</option><option value="4" selected>4</option><option value="12">12</option><option value="24">24</option></select></div>
      <div class="field"><label for="track-why">${gettext('Reason')}</label><input id="track-why" name="reason" required minlength="3" maxlength="200" autocomplete="off" data-testid="track-why"></div>
      <div class="row"><button class="main" data-testid="track-send">${gettext('Show')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const asked = new FormData(form);
      dialog.close();
      try {
        const found = await api.get(`/api/crews/${crew}/track?hours=${asked.get('hours')}&reason=${encodeURIComponent(String(asked.get('reason')))}`);
        const data = trackData(found.fixes);
        put('track', data);
        track = { crew, name };
        drawWays(found.drives[0]);
        draw();
        if (!data.features.length) page.toast(gettext('No position of %(crew)s in these hours.', { crew: name }));
      } catch (error) { complain(error); }
    });
    $('#track-why', dialog).focus();
  }

  const toggle = () => { on = !on; draw(); };
  /** @type {Record<string, (target: HTMLElement) => void>} */
  const verbs = {
    vehicles: toggle,
    'no-track': () => { track = null; put('track', nothing); draw(); },
    'to-stretch': (target) => { if (page.map) page.map.flyTo({ center: [Number(target.dataset.lon), Number(target.dataset.lat)], zoom: Math.max(15, page.map.getZoom()), duration: 0 }); },
    close: () => { shown = ''; drawCard(); },
    track: () => { const v = vehicles.get(shown); if (v) askTrack(v.crew, v.crew_name); },
  };
  onDo(bar, verbs);
  onDo(card, verbs);
  keys({ key: 'v', text: gettext('vehicles: plates, speed, accuracy'), run: toggle });
  offer((query) => (query ? Array.from(vehicles.values()) : []).map((v) => ({
    title: [v.plate, v.crew_name].filter(Boolean).join(' · ') || v.device, detail: gettext('Vehicle'),
    run: () => { shown = v.device; drawCard(); if (page.map) page.map.flyTo({ center: [v.lon, v.lat], zoom: Math.max(15, page.map.getZoom()), duration: 0 }); },
  })).filter((hit) => matches(query, hit.title)));

  page.whenMap((map) => {
    addVehicleLayers(map, mapTheme());
    /** @param {any} event @param {(f: any) => any} find */
    const pick = (event, find) => { if (page.clicksTaken()) return; const v = find(event.features[0]); if (v) { shown = v.device; drawCard(); } };
    map.on('click', 'crews', (/** @type {any} */ e) => pick(e, (f) => ofCrew(Number(f.properties.id))));
    map.on('click', 'vehicles', (/** @type {any} */ e) => pick(e, (f) => vehicles.get(f.properties.device)));
    read().catch(() => undefined);
  });
  page.on('positions', (data) => {
    for (const p of data.crews || []) { const v = ofCrew(p.id); if (v) Object.assign(v, { lon: p.lon, lat: p.lat, heading: p.heading, speed_mps: p.speed_mps, fix_time: p.fix_time }); }
    draw();
  });
  page.on('resumed', () => { read().catch(() => undefined); });
  page.on('arrival.suggested', (data) => {
    const v = ofCrew(data.crew);
    page.toast(gettext('%(crew)s stands at the place of %(number)s. Has it arrived? It has not said so.', { crew: v ? v.crew_name : data.crew, number: data.order }));
  });
  page.on('fence.entered', (data) => {
    if (data.kind !== 'danger') return;
    const v = data.crew ? ofCrew(data.crew) : vehicles.get(data.device);
    page.toast(gettext('%(who)s is in the danger area %(name)s.', { who: v ? v.crew_name || v.plate : data.device, name: settings.lang.startsWith('zh') && data.name_zh ? data.name_zh : data.name }), 'bad');
  });
  page.onReplay(() => draw());
  setInterval(() => { if (!document.hidden && !page.replaying()) read().catch(() => undefined); }, AGAIN_MS);
  draw();
}
