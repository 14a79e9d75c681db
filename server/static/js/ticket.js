// @ts-check
// One ticket, whole: what was promised, what was said, who did what; its next legal steps.
import { amend } from './amend.js';
import { api } from './api.js';
import { surroundings } from './around.js';
import { photoStrip, showPhoto } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page as me } from './page.js';
import { listenTo } from './recordings/player.js';
import { ratingFact } from './recordings/state.js';
import { ago, clock, stopwatch } from './time.js';
import { complain, toast } from './toast.js';
import { word } from './words.js';

const number = $('#ticket').dataset.number || '';
const REASON = new Set(['return', 'suspend', 'reopen', 'cancel']);
const mayDispatch = () => Boolean(document.querySelector('.bar nav a[href="/dispatch"]'));
let shownVersion = '';
/** What was found around the place, kept over redraws. @type {{place: any, incident: any, found: any}} */
const around = { place: null, incident: null, found: null };

/** The sound of the ticket's call, where this person may hear it. @param {any} t @returns {Promise<any[]>} */
async function soundOf(t) {
  if (!t.call || !['agent', 'supervisor', 'auditor'].includes(me.role)) return [];
  if (me.role === 'auditor') return [{ call: t.call }];
  const card = await api.get(`/api/calls/${encodeURIComponent(t.call)}`).catch(() => null);
  return card && card.recording ? [{ ...card.recording, call: t.call, rating: card.rating }] : [];
}

/** @param {any[]} list */
function recordings(list) {
  if (!list.length) return '';
  return html`<section class="panel"><h2>${gettext('Recording')}</h2>${list.map((r) => html`<button type="button" data-do="hear" data-call="${r.call}" data-testid="recording-open">${gettext('Listen, with a reason')}</button>${r.rating ? html`<dl class="facts">${ratingFact(r.rating)}</dl>` : ''}<p class="muted">${r.seconds ? `${stopwatch(r.seconds)} · ` : ''}${r.sha256 ? html`SHA-256 <code title="${r.sha256}">${r.sha256.slice(0, 12)}…</code> · ` : ''}${gettext('every play is written to the log')}</p>`)}</section>`;
}

/** What was texted about this ticket, to whom. @param {any[]} list */
function texts(list) {
  if (!list.length) return '';
  return html`<section class="panel"><h2>${gettext('Messages')}</h2><ol class="lines" data-testid="ticket-messages">${list.map((m) => html`<li><time title="${clock(m.at, true)}">${clock(m.at)}</time><span>${m.body} <span class="muted">${m.to_masked} · ${word('sms', m.state)}</span></span></li>`)}</ol></section>`;
}

/** What the crews at its incident photographed. @param {any} t @returns {Promise<(string | number)[]>} */
async function picturesOf(t) {
  const incident = t.incident && await api.get(`/api/incidents/${encodeURIComponent(t.incident.id)}`).catch(() => null);
  return incident ? (incident.work_orders || []).flatMap((/** @type {any} */ o) => o.photos || []) : [];
}

async function lookAround() {
  const place = around.place;
  if (!place) return;
  try { around.found = await api.get(`/api/nearby?lon=${place.lon}&lat=${place.lat}${around.incident ? `&incident=${around.incident.id}` : ''}`); } catch (error) { complain(error); return; }
  render(document.getElementById('around'), surroundings(around.found, number));
}

/** @param {any} t @param {any[]} sounds @param {(string | number)[]} pictures */
function page(t, sounds, pictures) {
  return html`<header class="row"><b class="prio" data-p="${t.priority || 'P4'}">${(t.priority || 'P4').slice(1)}</b><h1 data-testid="ticket-title">${t.number}: ${t.kind_label || word('kind', t.kind)}</h1><span class="chip" data-testid="ticket-state" data-state="${t.state}">${word('state', t.state)}</span></header>
    <div class="row">${(t.allowed || []).map((/** @type {string} */ a) => html`<button data-do="act" data-action="${a}" data-testid="action-${a}">${word('action', a)}</button>`)}${t.amendable ? html`<button data-do="amend" data-testid="amend-open">${gettext('Put right')} <kbd>E</kbd></button>` : ''}</div>
    <div class="columns"><div class="stack"><section class="panel"><dl class="facts"><dt>${gettext('Customer')}</dt><dd>${t.customer || '–'} <span class="muted">${t.phone_masked || ''}</span></dd>
      <dt>${gettext('Where')}</dt><dd>${t.address || (t.place ? `${t.place.lon.toFixed(5)}, ${t.place.lat.toFixed(5)}` : gettext('not located'))}</dd><dt>${gettext('Opened')}</dt><dd title="${clock(t.opened_at, true)}">${clock(t.opened_at, true)}, ${ago(t.opened_at)}</dd>
      ${t.incident ? html`<dt>${gettext('Incident')}</dt><dd>${mayDispatch() ? html`<a href="/dispatch#${t.incident.number}">${t.incident.number}</a>` : t.incident.number} <span class="muted">${word('state', t.incident.state)}</span>${t.incident.pipe && document.querySelector('.bar nav a[href="/network"]') ? html` <a href="/network#id=${encodeURIComponent(t.incident.pipe)}" data-testid="to-network">${gettext('pipe %(id)s', { id: t.incident.pipe })}</a>` : ''}</dd>` : ''}
      ${t.note ? html`<dt>${gettext('Note')}</dt><dd class="note">${t.note}</dd>` : ''}
      ${t.result ? html`<dt>${gettext('Result')}</dt><dd>${t.result}</dd>` : ''}${t.cause ? html`<dt>${gettext('Cause')}</dt><dd>${t.cause}</dd>` : ''}</dl></section>
      ${recordings(sounds)}${pictures.length ? html`<section class="panel"><h2>${gettext('Pictures')}</h2>${photoStrip(pictures)}</section>` : ''}${t.place ? html`<section class="panel"><h2>${gettext('Within 200 m')}</h2><div id="around">${around.found ? surroundings(around.found, number) : html`<button class="quiet" data-do="around" data-testid="look-around">${gettext('Look around')} <kbd>A</kbd></button>`}</div></section>` : ''}${texts(t.messages || [])}</div>
    <div class="stack"><section class="panel"><h2>${gettext('Timeline')}</h2><ol class="lines">${(t.timeline || []).map((/** @type {any} */ e) => html`<li><time title="${clock(e.at, true)}">${clock(e.at)}</time><span>${word('step', e.what)}${e.text ? html`: ${e.text}` : ''} <span class="muted">${e.who || ''}</span></span></li>`)}</ol></section>
      ${t.audit ? html`<section class="panel"><h2>${gettext('Who did what')}</h2><div class="scroll"><table data-testid="audit"><tr><th>${gettext('When')}</th><th>${gettext('Who')}</th><th>${gettext('Step')}</th><th>${gettext('From')}</th><th>${gettext('To')}</th></tr>${t.audit.map((/** @type {any} */ a) => html`<tr><td title="${clock(a.at, true)}">${clock(a.at)}</td><td>${a.by} <span class="muted">${a.role || ''}</span></td><td>${word('step', a.action.replace(/^ticket\./, ''))}${a.note ? html`<br><span class="muted">${a.note}</span>` : ''}</td><td>${a.from ? word('state', a.from) : ''}</td><td>${a.to ? word('state', a.to) : ''}</td></tr>`)}</table></div></section>` : ''}</div></div>`;
}

async function read() {
  try {
    const t = await api.get(`/api/tickets/${encodeURIComponent(number)}`);
    around.place = t.place; around.incident = t.incident;
    const [sounds, pictures] = await Promise.all([soundOf(t), picturesOf(t)]);
    const version = JSON.stringify([t, sounds, pictures]);
    // Redrawing would stop a recording that somebody is listening to.
    if (version === shownVersion) return;
    const playing = Array.from(document.querySelectorAll('audio')).some((a) => !a.paused);
    if (playing) return;
    shownVersion = version;
    render($('#ticket'), page(t, sounds, pictures));
  } catch (error) { if (!shownVersion) render($('#ticket'), html`<h1>${number}</h1><p class="warning">${error instanceof Error ? error.message : String(error)}</p>`); else complain(error); }
}

/** @param {string} action @returns {Promise<any>} */
function ask(action) {
  return new Promise((done) => {
    const dialog = document.createElement('dialog');
    document.body.append(dialog);
    const resolve = action === 'resolve';
    render(dialog, html`<form><h2>${word('action', action)}</h2>${resolve ? html`<div class="field"><label for="result">${gettext('Result')}</label><textarea id="result" name="result" required></textarea></div><div class="field"><label for="cause">${gettext('Cause')}</label><input id="cause" name="cause" required maxlength="60"></div>` : html`<div class="field"><label for="reason">${gettext('Reason')}</label><textarea id="reason" name="reason" required minlength="3"></textarea></div>`}
      <div class="row"><button class="main">${word('action', action)}</button><button type="button" data-cancel>${gettext('Back')}</button></div></form>`);
    let answer = /** @type {any} */ (null);
    $('form', dialog).addEventListener('submit', (event) => { event.preventDefault(); answer = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ ($('form', dialog)))); dialog.close(); });
    $('[data-cancel]', dialog).onclick = () => dialog.close();
    dialog.addEventListener('close', () => { dialog.remove(); done(answer); });
    dialog.showModal();
  });
}

onDo($('#ticket'), { act: async (button) => {
  const action = button.dataset.action || '';
  const more = REASON.has(action) || action === 'resolve' ? await ask(action) : {};
  if (!more) return;
  try { await api.post(`/api/tickets/${encodeURIComponent(number)}/actions`, { action, ...more }); toast(gettext('Done.')); } catch (error) { complain(error); }
  read();
}, amend: () => { putRight(); }, around: () => { lookAround(); }, hear: (button) => { listenTo(button.dataset.call || '', gettext('The call of %(number)s', { number })); }, photo: (button) => showPhoto(button.dataset.id || '') });
async function putRight() { try { await amend(number, 'note'); } catch (error) { complain(error); } read(); }
keys({ key: 'a', text: gettext('look around the place'), run: () => { lookAround(); } }, { key: 'e', text: gettext('put right what was written down'), run: () => { if (document.querySelector('[data-testid=amend-open]')) putRight(); } });
on('ticket.changed order.changed incident.changed call.recorded sms.sent resumed', () => { read(); });
setInterval(read, 30000);
read();
