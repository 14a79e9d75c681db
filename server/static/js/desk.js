// @ts-check
// The agent's desk: telephone, verdict, contact form, small map. One key registers.
import { api, Refused } from './api.js';
import { offer, matches, placesGo } from './command.js';
import { Draft, WITHOUT_CALL } from './desk/draft.js';
import { showNear } from './desk/near.js';
import { owed } from './desk/owed.js';
import { askPause } from './desk/pause.js';
import * as alarm from './desk/alarm.js';
import { suggest } from './desk/articles.js';
import { readBill, verify } from './desk/bill.js';
import { DeskPhone } from './desk/deskphone.js';
import { handing } from './desk/handing.js';
import { keypad } from './desk/keypad.js';
import * as listeners from './desk/listeners.js';
import { pausing } from './desk/pausing.js';
import { callPanel, customer, form, identity, queue, questionList, verdict } from './desk/parts.js';
import { drawLocation, isPlace, ring } from './desk/located.js';
import { placeSearch } from './desk/places.js';
import { relevant } from './desk/questions.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { move as moveCrews, take as takeCrews } from './map/crews.js';
import { crewData, incidentData } from './map/layers.js';
import { makeMap } from './map/map.js';
import { page } from './page.js';
import { pooled } from './pooled.js';
import { Softphone } from './softphone.js';
import { stopwatch } from './time.js';
import { complain, toast } from './toast.js';
import { word } from './words.js';

/** @type {any} */ let me = null;
/** The one in this browser, or the one on the desk. @type {any} */ let phone = null;
/** @type {any[]} */ let calls = [];
/** @type {any} */ let card = null;
/** @type {Draft | null} */ let draft = null;
/** @type {any} */ let done = null;
/** @type {any} */ let map = null;
/** @type {string | null} */ let current = null;
/** Calls this agent has put away; they must not pop again. @type {Set<string>} */ const put_away = new Set();
let errors = /** @type {Record<string, string>} */ ({});
let sending = false;

const mine = (/** @type {any} */ call) => call.agent && me && [me.user, me.name, me.extension].includes(typeof call.agent === 'string' ? call.agent : call.agent.user || call.agent.name);
const liveCall = () => calls.find((c) => String(c.id) === current) || null;

function drawLeft() {
  if (handing.step && !(phone && phone.busy)) handing.close();
  const typing = document.activeElement && document.activeElement.id === 'hand-to';
  render($('#call'), callPanel(phone, liveCall(), card));
  if (handing.step === 'choosing') {
    handing.list();
    const input = /** @type {HTMLInputElement | null} */ (document.getElementById('hand-to'));
    if (input) { input.value = handing.text; if (typing) input.focus(); }
  }
  alarm.alarm(phone);
  render($('#queue'), queue(calls, current, me ? me.user : ''));
  ticking();
}

function drawState() {
  const holder = $('#my-state');
  if (!me) return;
  holder.hidden = false;
  const state = me.state || 'signed_out';
  // A state left over from a call that is gone must not lock the agent out.
  const onCall = ['talking', 'ringing', 'hold'].includes(state) && ((phone && phone.busy) || calls.some((c) => c.id === me.call));
  render(holder, html`<span class="chip ${state === 'ready' ? 'ok' : state === 'paused' || state === 'signed_out' ? 'warn' : ''}" data-testid="agent-state" data-state="${state}">${word('agent', state)}</span>
    ${state === 'ready' ? html`<button data-do="pause" data-testid="state-pause">${gettext('Pause')}</button>` : onCall ? '' : html`<button class="main" data-do="ready" data-testid="state-ready">${gettext('Take calls')}</button>`}`);
}

function drawMiddle() {
  const place = $('#contact');
  $('#idle').hidden = Boolean(card);
  $('#card').hidden = !card;
  if (!card) return;
  render($('#verdict'), card.manual ? html`<h1>${gettext('New contact')}</h1>` : html`${verdict(card)}${identity(card)}`);
  render(place, form(draft ? draft.value : {}, card, errors, done));
  tips();
  if (!card.manual) drawCustomer();
  if (!done) wireForm();
}

function tips() { suggest(document.getElementById('articles'), (draft && draft.value.kind) || '', (card && card.verdict && card.verdict.code !== 'nothing_known' && card.verdict.code) || ''); }

function drawCustomer() {
  const shown = document.getElementById('bill');
  const same = shown && shown.dataset.account === (card.customer ? card.customer.account : '');
  if (same && document.activeElement && document.activeElement.id === 'factor') return;
  render($('#customer'), customer(card));
  const bill = document.getElementById('bill');
  if (bill) bill.dataset.account = card.customer.account;
  readBill(card.customer);
}

/** The verdict from the list of calls, while the whole card is still being read: who it is and what
 * is known there must stand on the screen before the telephone is lifted. */
function drawEarly() {
  const call = liveCall();
  if (card || !call || !call.verdict) return;
  $('#idle').hidden = true;
  $('#card').hidden = false;
  render($('#verdict'), verdict(call));
  render($('#contact'), html`<p class="muted">${gettext('Reading the card…')}</p>`);
}

function wireForm() {
  const input = /** @type {HTMLInputElement} */ ($('#place'));
  placeSearch(input, $('#place-list'), {
    near: () => (card && card.place ? [card.place.lon, card.place.lat] : null),
    choose: (found) => setPlace({ lon: found.lon, lat: found.lat, address: found.text, grade: found.grade, asset: found.asset || undefined }),
  });
  drawLocation(card && card.location, draft && draft.value.place);
}

/** @param {any} place */
function setPlace(place) {
  if (!draft || done) return;
  draft.set({ place, place_text: place.address || '' });
  errors = { ...errors, place: '' };
  const input = /** @type {HTMLInputElement | null} */ (document.getElementById('place'));
  if (input) { input.value = place.address || ''; input.removeAttribute('aria-invalid'); }
  const note = document.querySelector('.located');
  if (note) note.textContent = gettext('On the map at %(lon)s, %(lat)s', { lon: Number(place.lon).toFixed(5), lat: Number(place.lat).toFixed(5) });
  drawLocation(card && card.location, place);
  pin(place);
}

/** Words typed over a chosen place are no longer that place. @param {string} text */
function unplace(text) {
  if (!draft) return;
  draft.set({ place_text: text, place: null });
  const note = document.querySelector('.located');
  if (note) note.textContent = gettext('Not located yet');
  if (map) map.put('pin', null);
}

/** @param {any} place */
function pin(place) {
  showNear(document.getElementById('near'), place);
  if (!map || !place || typeof place.lon !== 'number') return;
  map.put('pin', { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [place.lon, place.lat] } });
  map.jumpTo({ center: [place.lon, place.lat], zoom: Math.max(16.5, map.getZoom()) });
}

function drawMap() {
  const place = card && card.place;
  showNear(document.getElementById('near'), (draft && draft.value.place) || place);
  if (!map) return;
  map.put('route', null);
  if (place) showLines(place);
  const at = (draft && draft.value.place) || place;
  map.put('pin', at && typeof at.lon === 'number' ? { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [at.lon, at.lat] } } : null);
  if (at && typeof at.lon === 'number') map.jumpTo({ center: [at.lon, at.lat], zoom: 16.8 });
}

/** The service line and main of the caller's place, by their ids. @param {any} place */
async function showLines(place) {
  const ids = [place.service, place.pipe].filter((id) => typeof id === 'string' && id);
  const found = await Promise.all(ids.map((id) => api.get(`/api/assets/${encodeURIComponent(id)}`).catch(() => null)));
  if (!map || !card || card.place !== place) return;
  map.put('route', { type: 'FeatureCollection', features: found.filter((f) => f && f.geometry) });
}

/** @param {'saving' | 'saved' | 'kept'} state */
function saved(state) {
  const note = document.getElementById('saved');
  if (!note) return;
  note.dataset.state = state;
  note.textContent = { saving: gettext('saving…'), saved: gettext('saved'), kept: gettext('no connection: kept in this browser') }[state];
}

let turn = 0;
/** Show a call's card. @param {string | null} id @param {boolean} [force] read again */
async function open(id, force = false) {
  if (id === current && card && !force) return;
  const changed = id !== current;
  const mineTurn = ++turn;
  if (changed && draft && !done) draft.save();
  current = id;
  if (changed) { card = null; draft = null; done = null; errors = {}; }
  drawLeft();
  if (id === null) { drawMiddle(); drawMap(); return; }
  drawEarly();
  try {
    const answer = await api.get(`/api/calls/${encodeURIComponent(id)}`);
    if (mineTurn !== turn) return;
    const known = card;
    card = answer;
    if (!draft || changed) {
      draft = new Draft(id, { ...prefill(answer), ...answer.draft }, saved);
      document.title = `☎ ${String(answer.name || answer.from || '').slice(0, 40)} · Standpipe`;
    }
    // While somebody types only what the server says is redrawn, never the form.
    if (known) { render($('#verdict'), html`${verdict(card)}${identity(card)}`); drawCustomer(); } else drawMiddle();
    drawLeft(); drawMap();
  } catch (error) { if (mineTurn === turn) complain(error); }
}

/** A letter, a visitor, a message: the same form without a call. */
function compose() {
  if (current && !done) return;
  turn += 1;
  current = WITHOUT_CALL; done = null; errors = {};
  card = { id: WITHOUT_CALL, manual: true, name: '', from: '', verdict: {}, matches: [] };
  draft = new Draft(WITHOUT_CALL, { channel: 'visit' }, saved);
  drawMiddle(); drawMap();
  const first = document.querySelector('#contact input');
  if (first instanceof HTMLElement) first.focus();
}

/** @param {any} answer */
function prefill(answer) {
  const place = answer.place && typeof answer.place.lon === 'number' ? { lon: answer.place.lon, lat: answer.place.lat, address: answer.place.address || '', premise: answer.place.premise || '' } : null;
  return { place, kind: answer.verdict && ['inside_shutoff', 'same_segment', 'probable_burst'].includes(answer.verdict.code) ? 'no_water' : undefined };
}

/** A card that only announced a call goes away when somebody else takes it or the caller gives up; one that was worked on stays. */
function letGo() {
  if (!current || current === WITHOUT_CALL || !draft || done || draft.touched || (phone && phone.callId === current && phone.busy)) return;
  const call = liveCall();
  const over = !call && !(card && card.agent);
  const taken = call && call.agent && !mine(call);
  if (over || taken) { put_away.add(current); open(null); }
}

/** Which call should be in front: the one in my telephone, mine on a desk telephone, else the one now coming in while I am free. */
function choose() {
  if (phone && phone.busy && phone.callId) { open(phone.callId); return; }
  const held = calls.find((c) => (mine(c) || (me && me.call === c.id)) && ['ringing', 'ivr', 'queued', 'talking'].includes(c.state) && !put_away.has(String(c.id)));
  if (held) { open(String(held.id)); return; }
  if (current && !done) return;
  if (done || !me || me.state !== 'ready') return;
  const next = calls.find((c) => !c.agent && ['ringing', 'ivr', 'queued'].includes(c.state) && !put_away.has(String(c.id)));
  if (next) open(String(next.id));
}

async function readCalls() {
  calls = (await api.get('/api/calls/live')).filter((/** @type {any} */ c) => c.state !== 'ended');
  letGo();
  choose();
  drawLeft();
  drawState();
  drawEarly();
}

async function register() {
  if (!draft || done || sending || !card || !current) return;
  sending = true;
  const v = draft.value;
  const answers = relevant(v.kind, v.symptoms || {});
  // A place nobody could find is kept in the words that were used.
  const note = [v.note || '', !v.place && v.place_text ? gettext('Where, as the caller said: %(text)s', { text: v.place_text }) : ''].filter(Boolean).join('\n');
  const joins = card.incident && v.join !== false ? card.incident.id ?? card.incident.number : undefined;
  try {
    const answer = await api.post(card.manual ? '/api/tickets' : `/api/calls/${encodeURIComponent(current)}/register`, {
      ...(card.manual ? { channel: v.channel || 'visit' } : {}), kind: v.kind || '', place: v.place || null, symptoms: answers, note, name: v.name ?? card.name ?? '', phone: v.phone ?? card.from ?? '', ...(joins === undefined ? {} : { join_incident: joins }),
    });
    draft.close();
    const number = (/** @type {any} */ x) => (x && typeof x === 'object' ? x.number : x) || null;
    done = { ticket: number(answer.ticket), incident: number(answer.incident) };
    errors = {};
    drawMiddle();
    toast(gettext('Ticket %(number)s is registered.', { number: done.ticket }));
  } catch (error) {
    errors = {};
    if (error instanceof Refused) {
      for (const e of error.errors) {
        const field = ['kind', 'place', 'symptoms', 'note', 'name', 'phone'].find((f) => e.field === f || e.field.startsWith(`${f}.`)) || '';
        errors[field] = errors[field] ? `${errors[field]} ${e.text}` : e.text;
      }
    } else errors[''] = String(error);
    drawMiddle();
    const first = document.querySelector('#contact [aria-invalid="true"]');
    if (first instanceof HTMLElement) first.focus();
  } finally { sending = false; }
}

function next() {
  if (phone && phone.busy) return;
  if (current && current !== WITHOUT_CALL) put_away.add(current);
  document.title = gettext('Desk');
  open(null).then(() => { choose(); });
}

/** Text the caller a link; their position comes back as an event. @param {HTMLButtonElement} button */
async function askWhere(button) {
  if (!current) return;
  button.disabled = true;
  try {
    await api.post(`/api/calls/${encodeURIComponent(current)}/location-link`, {});
    if (card) card.location = { asked_at: new Date().toISOString() };
    drawLocation(card && card.location, draft && draft.value.place);
  } catch (error) { button.disabled = false; complain(error); }
}

function takeShown() {
  const at = card && card.location;
  if (isPlace(at)) setPlace({ lon: at.lon, lat: at.lat, address: gettext('shown by the caller’s telephone') });
}

/** The agent asked and knows now which account it is. @param {string} account */
async function identify(account) {
  if (!current || !draft) return;
  try {
    const answer = await api.post(`/api/calls/${encodeURIComponent(current)}/identify`, { account });
    card = answer;
    if (answer.place && !draft.value.place) draft.set({ place: { lon: answer.place.lon, lat: answer.place.lat, address: answer.place.address, premise: answer.place.premise }, place_text: answer.place.address });
    draft.set({ name: answer.name });
    drawMiddle(); drawMap();
  } catch (error) { complain(error); }
}

/** @param {'ready' | 'paused' | 'signed_out'} state @param {string} [reason] */
async function setState(state, reason) {
  try { const answer = await api.post('/api/me/state', { state, ...(reason ? { reason } : {}) }); me.state = (answer && answer.state) || state; drawState(); choose(); } catch (error) { complain(error); }
}

const inTalk = () => Boolean(phone && ['talking', 'held'].includes(phone.state));

function handOver() { if (inTalk() && phone.callId) handing.open(phone.callId, drawLeft); }

function unrecorded() { if (inTalk()) pausing.toggle(phone.callId, drawLeft); }

/** Click to dial: my telephone first, then the number. @param {string} number @param {{account?: string, subject?: string}} more */
async function dial(number, more) {
  if (!number || (phone && phone.busy)) return;
  try {
    const known = card && card.customer ? { account: card.customer.account } : {};
    if (phone) phone.expect('?');
    const answer = await api.post('/api/desk/dial', { number, ...known, ...more });
    if (phone && phone.expecting) phone.expect(answer.call);
    else if (phone && phone.callId === '?') { phone.callId = answer.call; open(answer.call); }
    toast(gettext('Ringing %(number)s: your telephone first.', { number }));
  } catch (error) { if (phone) phone.expect(''); complain(error); }
}

const contact = $('#contact');
contact.addEventListener('input', (event) => {
  const field = event.target;
  if (!draft || !(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement)) return;
  if (field.name.startsWith('symptom-')) draft.set({ symptoms: { ...(draft.value.symptoms || {}), [field.name.slice(8)]: field.value } });
  else if (field.name === 'join') draft.set({ join: /** @type {HTMLInputElement} */ (field).checked });
  else if (field.name === 'kind') { draft.set({ kind: field.value }); tips(); render($('#questions'), questionList(draft.value)); }
  else if (field.name === 'place_text') unplace(field.value);
  else if (field.name) draft.set({ [field.name]: field.value });
});
contact.addEventListener('submit', (event) => { event.preventDefault(); register(); });
contact.addEventListener('keydown', (event) => {
  // Enter in a one-line field must not register by accident; Ctrl-Enter does.
  if (event.key === 'Enter' && !event.ctrlKey && event.target instanceof HTMLInputElement) event.preventDefault();
});

onDo(document.body, {
  answer: () => phone && phone.answer(), hangup: () => phone && phone.hangup(), hold: () => phone && phone.hold(), mute: () => phone && phone.mute(),
  tone: (button) => keypad.press(button.dataset.tone || ''),
  transfer: handOver, talk: (button) => handing.press(button.dataset.act || ''), 'ask-first': (button) => handing.hand(Number(button.dataset.i), true), 'hand-over': (button) => handing.hand(Number(button.dataset.i), false),
  'pause-recording': unrecorded,
  dial: (button) => dial(button.dataset.number || '', { subject: button.dataset.ticket || '' }),
  call: (row) => open(row.dataset.id || null), next, ready: () => setState('ready'), pause: () => { askPause(setState).catch(complain); },
  compose, owed: (button) => owed.settle(button),
  'take-shown': takeShown, where: (button) => askWhere(/** @type {HTMLButtonElement} */ (button)),
  match: (button) => identify(button.dataset.account || ''),
});
keys(
  { key: 'Ctrl-Enter', text: gettext('register the contact'), run: register, always: true },
  { key: 'Alt-a', text: gettext('answer'), run: () => { if (phone) phone.answer(); }, always: true },
  { key: 'Alt-h', text: gettext('hang up or decline'), run: () => { if (phone) phone.hangup(); }, always: true },
  { key: 'Alt-o', text: gettext('hold, take back'), run: () => { if (phone) phone.hold(); }, always: true },
  { key: 'Alt-t', text: gettext('hand over, ask a colleague, three together'), run: handOver, always: true },
  { key: 'Alt-g', text: gettext('hand over to the colleague asked'), run: () => handing.press('complete'), always: true },
  { key: 'Alt-j', text: gettext('all three together'), run: () => handing.press('conference'), always: true },
  { key: 'Alt-s', text: gettext('swap caller and colleague'), run: () => handing.press('swap'), always: true },
  { key: 'Alt-b', text: gettext('back to the caller'), run: () => handing.press('abort'), always: true },
  { key: 'Alt-r', text: gettext('stop and go on recording'), run: unrecorded, always: true },
  { key: 'Alt-k', text: gettext('keypad; then 0 to 9, * and #'), run: () => keypad.toggle(drawLeft), always: true },
  { key: 'Alt-d', text: gettext('ring the caller’s number'), run: () => dial((draft && draft.value.phone) || (card && card.from) || '', {}), always: true },
  { key: 'Alt-m', text: gettext('mute'), run: () => { if (phone) phone.mute(); }, always: true },
  { key: 'Alt-w', text: gettext('go to “where”'), run: () => { const input = document.getElementById('place'); if (input) input.focus(); }, always: true },
  { key: 'Alt-n', text: gettext('new contact without a call'), run: compose, always: true },
  { key: 'Escape', text: gettext('done with this call'), run: () => { if (done) next(); } },
);
offer((query) => [{ title: gettext('Take calls'), run: () => setState('ready') }, { title: gettext('Pause'), run: () => { askPause(setState).catch(complain); } }, { title: gettext('Register'), detail: 'Ctrl Enter', run: register }].filter((hit) => query && matches(query, hit.title)));
placesGo((place) => setPlace({ lon: place.lon, lat: place.lat, address: place.text }));

/** @param {any} data */
const subject = (data) => String((data && (data.id || data.call_id || data.call || data.subject)) || '').replace(/^call:/, '');
on('call.ringing call.identified call.queued call.offered call.answered call.transferred call.consulted call.left call.ended call.recorded', (data) => {
  // The event carries the id: the card is asked for at once, beside the list.
  if (data.call && me && me.state === 'ready' && !current && data.state === 'ringing') open(String(data.call));
  readCalls().catch(() => undefined);
  if (current && subject(data) === current) open(current, true);
});
on('call.located', (data) => {
  if (subject(data) !== current || !data.location || !card) return;
  card.location = data.location;
  // A rough fix is a circle to ask about, never a place.
  if (isPlace(data.location)) takeShown();
  else if (map) { map.put('route', ring(data.location)); map.jumpTo({ center: [data.location.lon, data.location.lat], zoom: 13 }); }
  drawLocation(card.location, draft && draft.value.place);
});
on('agent.changed', (data) => {
  if (me && data.agent === me.user) api.get('/api/me').then((answer) => { me = answer; if (phone instanceof DeskPhone) phone.follow(me); drawState(); choose(); }).catch(() => undefined);
});
listeners.follow(); handing.follow(); pausing.follow(drawLeft); alarm.follow(() => phone); keypad.follow(() => (inTalk() ? phone : null));
$('#customer').addEventListener('submit', (event) => { event.preventDefault(); if (event.target instanceof HTMLFormElement && card && card.customer) verify(event.target, card.customer.account); });
// A link followed in a talk opens beside it: leaving the page would leave the caller.
document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
  if (link instanceof HTMLAnchorElement && phone && phone.busy && !phone.onDesk && !link.target) link.target = '_blank';
}, true);
on('resumed', () => { readCalls().catch(() => undefined); if (current && current !== WITHOUT_CALL) open(current, true); });
on('incident.opened incident.changed', () => { readIncidents(); if (current && current !== WITHOUT_CALL && !done) open(current, true); });
on('call.ended', (data) => { if (phone && phone.over) phone.over(subject(data)); });
on('call.ended ticket.changed resumed', () => owed.read());

/** @type {Map<string, any>} */ const crews = new Map();
const drawCrews = () => { if (map) map.put('crews', crewData(crews.values(), page.stale_fix_s, Date.now())); };
async function readCrews() {
  if (!map) return;
  const found = await api.get('/api/crews').catch(() => null);
  if (found) takeCrews(crews, found.features);
  drawCrews();
}
const crewsSoon = pooled(readCrews, 1000);
on('crew.changed shift.began shift.ended resumed', crewsSoon);
on('positions', (data) => { if (map && moveCrews(crews, data.crews || [])) crewsSoon(); drawCrews(); });
async function readIncidents() {
  if (!map) return;
  const answer = await api.get('/api/incidents?open=1').catch(() => null);
  if (answer) map.put('incidents', incidentData(answer.features));
}

function ticking() {
  document.querySelectorAll('.clock[data-since]').forEach((node) => {
    const since = Number(/** @type {HTMLElement} */ (node).dataset.since);
    if (since) node.textContent = stopwatch((Date.now() - since) / 1000);
  });
}
setInterval(ticking, 1000);
owed.read();
addEventListener('pagehide', () => { if (draft && !done) draft.save(); });

(async () => {
  try {
    me = await api.get('/api/me');
    drawState();
    if (me.desk_phone && me.telephone) {
      phone = new DeskPhone(() => { choose(); drawLeft(); });
      phone.follow(me);
    } else if (me.sip && me.sip.ws) {
      phone = new Softphone(me.sip, /** @type {HTMLAudioElement} */ ($('#voice')), () => { choose(); drawLeft(); });
      phone.start();
    }
    await readCalls();
  } catch (error) { complain(error); }
  drawLeft();
})();

makeMap($('#map'), { onFail: (why) => { const note = $('#map-note'); note.textContent = why; note.hidden = false; } }).then(async (made) => {
  map = made;
  if (!map) return;
  Object.defineProperty(window, '__map', { value: map });
  drawMap(); readIncidents();
  readCrews();
  map.on('click', (/** @type {any} */ event) => {
    if (!draft || done) return;
    const place = { lon: Number(event.lngLat.lng.toFixed(6)), lat: Number(event.lngLat.lat.toFixed(6)), address: '' };
    setPlace({ ...place, address: draft.value.place_text || '' });
  });
});
