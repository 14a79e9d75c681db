// @ts-check
// The pieces of the desk as HTML from data: call controls, queue, verdict, form, customer.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, span } from '../time.js';
import { word } from '../words.js';
import { usage } from './bill.js';
import { handing } from './handing.js';
import { keypad } from './keypad.js';
import { pausing } from './pausing.js';
import { KINDS, questions } from './questions.js';

/** @param {any} phone Softphone or null @param {any} call live call or null @param {any} card */
export function callPanel(phone, call, card) {
  const state = phone ? phone.state : 'off';
  const name = (card && card.name) || (call && call.name) || (phone && phone.busy && phone.from) || '';
  const number = (card && card.from) || (call && call.from_masked) || '';
  const open = ['ringing', 'answering', 'talking', 'held'].includes(state);
  const line = {
    off: gettext('No telephone in this browser'), connecting: gettext('Telephone is connecting…'), registered: phone && phone.onDesk ? gettext('Desk telephone is ready') : gettext('Telephone is ready'), failed: gettext('Telephone does not work'), elsewhere: gettext('Telephone is in another tab'),
    ringing: gettext('Ringing'), answering: gettext('Answering…'), talking: gettext('Talking'), held: gettext('On hold'),
  };
  return html`<p class="phone-line" data-state="${state}" data-up="${phone && phone.up !== undefined && !phone.up && state !== 'off' && state !== 'elsewhere' && state !== 'connecting' ? 'false' : 'true'}" data-testid="phone-state"><i></i>${line[/** @type {'off'} */ (state)]}</p>
    ${phone && phone.problem ? html`<p class="warning" role="alert" data-testid="phone-problem">${phone.problem}</p>` : ''}
    ${open || call ? html`<div class="who"><b>${name || gettext('unknown caller')}</b><span>${number || gettext('number hidden')}</span>
      <span class="clock" data-since="${state === 'talking' || state === 'held' ? phone.since : call ? Date.parse(call.queued_at || call.started_at) : ''}"></span></div>` : ''}
    ${open ? controls(phone, state) : ''}
    ${open ? handing.panel() : ''}`;
}

/** What can be done with the call just now. @param {any} phone @param {string} state */
function controls(phone, state) {
  const inTalk = state === 'talking' || state === 'held';
  return html`${state === 'ringing' && phone.why ? html`<p class="strong" data-testid="why">${{ transfer: gettext('A colleague hands this call to you.'), back: gettext('Nobody took it: it comes back to you.'), consult: gettext('A colleague asks you; the caller waits.'), resume: gettext('Your call is coming back.'), dial: gettext('Your own call: it rings here first.') }[/** @type {'dial'} */ (phone.why)] || ''}</p>` : ''}
    <div class="controls">
      ${state === 'ringing' ? phone.onDesk ? html`<p class="strong wide">${gettext('Lift the desk telephone.')}</p>` : html`<button class="go" data-do="answer" data-testid="answer">${gettext('Answer')} <kbd>Alt A</kbd></button>` : ''}
      <button class="stop" data-do="hangup" data-testid="hangup">${state === 'ringing' ? gettext('Decline') : gettext('Hang up')} <kbd>Alt H</kbd></button>
      ${inTalk ? html`<button data-do="hold" data-testid="hold" aria-pressed="${state === 'held' ? 'true' : 'false'}">${state === 'held' ? gettext('Take back') : gettext('Hold')} <kbd>Alt O</kbd></button>
      <button data-do="mute" data-testid="mute" aria-pressed="${phone.muted ? 'true' : 'false'}">${phone.muted ? gettext('Unmute') : gettext('Mute')} <kbd>Alt M</kbd></button>
      <button class="wide" data-do="transfer" data-testid="transfer" aria-expanded="${handing.step ? 'true' : 'false'}">${gettext('Hand over, ask, three')} <kbd>Alt T</kbd></button>
      <button class="wide" data-do="pause-recording" data-testid="pause-recording" aria-pressed="${pausing.paused && pausing.call === phone.callId ? 'true' : 'false'}">${pausing.paused && pausing.call === phone.callId ? gettext('Record again') : gettext('Do not record: payment')} <kbd>Alt R</kbd></button>
      <details class="keypad" id="keypad" ${keypad.open ? html`open` : ''}><summary>${gettext('Keypad')} <kbd>Alt K</kbd></summary><div>${Array.from('123456789*0#').map((k) => html`<button data-do="tone" data-tone="${k}">${k}</button>`)}</div><p class="pressed" aria-live="polite">${keypad.pressed}</p></details>` : ''}</div>`;
}

/** @param {any[]} calls @param {string | null} current @param {string} me */
export function queue(calls, current, me) {
  const waiting = calls.filter((c) => ['ringing', 'ivr', 'queued'].includes(c.state));
  return html`<h3>${ngettext('%(count)s caller waiting', '%(count)s callers waiting', waiting.length)}</h3>
    <ul class="queue">${calls.filter((c) => c.state !== 'ended').map((c) => html`<li data-do="call" data-id="${c.id}" data-testid="queue-row" aria-current="${c.id === current ? 'true' : 'false'}" tabindex="0">
      <span><b>${c.name || c.from_masked || gettext('number hidden')}</b> <span class="muted">${word('call', c.state)}${c.agent ? html` · ${c.agent === me ? gettext('me') : c.agent}` : ''}</span></span>
      <span class="clock" data-since="${Date.parse(c.queued_at || c.started_at)}"></span>
      ${c.verdict && c.verdict.code && c.verdict.code !== 'nothing_known' ? html`<span class="verdict-line">${c.verdict.text}</span>` : ''}</li>`)}</ul>
    ${calls.length === 0 ? html`<p class="muted">${gettext('The line is quiet.')}</p>` : ''}`;
}

/** @param {any} card */
export function verdict(card) {
  const v = card.verdict || {};
  const code = v.code || 'nothing_known';
  return html`<div class="verdict" data-code="${code}"><p class="sentence" data-testid="verdict" data-code="${code}">${v.text || gettext('Nothing is known about this place.')}</p>
    <dl class="evidence">${(v.evidence || []).map((/** @type {any} */ e) => html`<div><dt>${e.label}</dt><dd>${e.value}</dd></div>`)}</dl></div>`;
}

/** @param {any} card */
export function identity(card) {
  if (card.identity === 'one' && card.customer) return '';
  return html`<div class="identity"><p class="${card.identity === 'many' ? 'strong' : 'muted'}">${word('identity', card.identity)}</p>
    ${card.identity === 'many' ? html`<ul>${(card.matches || []).map((/** @type {any} */ m) => html`<li><button type="button" data-do="match" data-account="${m.account}">${m.name}, ${m.address}</button></li>`)}</ul>` : ''}</div>`;
}

/** @param {any} draft @param {any} card @param {Record<string, string>} errors @param {any} done ticket or null */
export function form(draft, card, errors, done) {
  const error = (/** @type {string} */ name) => errors[name] ? html`<span class="error" id="error-${name}">${errors[name]}</span>` : '';
  const bad = (/** @type {string} */ name) => errors[name] ? html`aria-invalid="true" aria-describedby="error-${name}"` : '';
  if (done) {
    return html`<div class="done" role="status"><p>${gettext('Registered')}</p><p class="number"><a href="/tickets/${done.ticket}" data-testid="ticket-number">${done.ticket}</a></p>
      ${done.incident ? html`<p>${gettext('Incident %(number)s', { number: done.incident })}</p>` : ''}<button data-do="next" type="button" data-testid="next">${gettext('Done with this call')} <kbd>Esc</kbd></button></div>`;
  }
  return html`<fieldset class="kinds"><legend>${gettext('What')}</legend><div>${KINDS.map((kind) => html`<label><input type="radio" name="kind" value="${kind}" data-testid="kind-${kind}" ${draft.kind === kind ? html`checked` : ''}><span>${word('kind', kind)}</span></label>`)}</div>${error('kind')}</fieldset>
    <div class="field place"><label for="place">${gettext('Where')}</label><input id="place" name="place_text" role="combobox" aria-expanded="false" aria-controls="place-list" autocomplete="off" data-testid="place-input" value="${(draft.place && draft.place.address) || draft.place_text || ''}" placeholder="${gettext('Address, crossing, valve or hydrant number; or click the map')}" ${bad('place')}>
      <ul id="place-list" role="listbox" hidden></ul><p class="located" data-testid="located">${draft.place ? gettext('On the map at %(lon)s, %(lat)s', { lon: Number(draft.place.lon).toFixed(5), lat: Number(draft.place.lat).toFixed(5) }) : gettext('Not located yet')}</p>${card.from ? html`<button type="button" class="quiet" data-do="where" data-testid="ask-location">${gettext('Text a link that shows the position')}</button>` : ''}<p class="located" id="shown-where" role="status" data-testid="shown-where"></p>${error('place')}</div>
    <div id="questions">${questionList(draft)}</div>${error('symptoms')}
    <div class="field"><label for="note">${gettext('In the caller’s words')}</label><textarea id="note" name="note" maxlength="4000" data-testid="note" ${bad('note')}>${draft.note || ''}</textarea>${error('note')}</div>
    <div class="two"><div class="field"><label for="name">${gettext('Caller')}</label><input id="name" name="name" maxlength="80" autocomplete="off" value="${draft.name ?? card.name ?? ''}" ${bad('name')}>${error('name')}</div>
      <div class="field"><label for="phone">${gettext('Call back on')}</label><input id="phone" name="phone" maxlength="24" autocomplete="off" inputmode="tel" value="${draft.phone ?? card.from ?? ''}" ${bad('phone')}>${error('phone')}</div></div>
    ${card.manual ? html`<div class="field"><label for="channel">${gettext('How it reached us')}</label><select id="channel" name="channel" data-testid="channel">${['visit', 'letter', 'phone', 'sms', 'web'].map((c) => html`<option value="${c}" ${draft.channel === c ? html`selected` : ''}>${word('channel', c)}</option>`)}</select></div>` : ''}
    ${card.incident ? html`<label class="join"><input type="checkbox" name="join" ${draft.join === false ? '' : html`checked`} data-testid="join"><span>${gettext('Belongs to incident %(number)s, which is already open', { number: card.incident.number })}</span></label>` : ''}
    ${errors[''] ? html`<p class="warning" role="alert">${errors['']}</p>` : ''}
    <div class="submit"><button class="main" data-testid="register">${gettext('Register')} <kbd>Ctrl Enter</kbd></button><span class="muted" id="saved" data-testid="draft-state"></span></div>`;
}

/** @param {any} draft */
export function questionList(draft) {
  const answers = draft.symptoms || {};
  return html`${questions(draft.kind).map((q) => html`<div class="question"><span id="q-${q.name}">${q.text()}</span>
    ${q.options ? html`<span role="radiogroup" aria-labelledby="q-${q.name}">${q.options.map(([value, text]) => html`<label><input type="radio" name="symptom-${q.name}" value="${value}" ${answers[q.name] === value ? html`checked` : ''}><span>${text()}</span></label>`)}</span>` : html`<input name="symptom-${q.name}" aria-labelledby="q-${q.name}" maxlength="120" value="${answers[q.name] || ''}">`}</div>`)}`;
}

/** @param {any} card */
export function customer(card) {
  const c = card.customer;
  if (!c) return html`<p class="muted">${gettext('No customer record for this caller.')}</p>`;
  return html`<h2>${c.name}</h2><p>${(c.flags || []).map((/** @type {any} */ f) => html`<span class="chip ${['medical', 'vulnerable', 'key'].includes(f.code) || f.code.startsWith('priority') ? 'care' : 'warn'}" data-testid="flag" data-code="${f.code}">${f.text}</span> `)}</p>
    <dl class="facts"><dt>${gettext('Account')}</dt><dd>${c.account}</dd><dt>${gettext('Address')}</dt><dd>${c.address}</dd><dt>${gettext('Meter')}</dt><dd>${c.meter ? `${c.meter.serial}, DN${c.meter.diameter_mm}` : '–'}</dd></dl>
    <div id="bill" aria-live="polite">${usage(c.usage || [], c.bill && c.bill.anomaly)}</div>
    <form class="verify" data-testid="verify"><label for="factor">${gettext('Who calls? Last 4 digits of the meter, or PIN')}</label><input id="factor" name="factor" inputmode="numeric" autocomplete="off" maxlength="12"><button>${gettext('Check')}</button><output></output></form>
    ${(c.open_tickets || []).length ? html`<h3>${gettext('Open tickets')}</h3><ul>${c.open_tickets.map((/** @type {any} */ t) => html`<li><a href="/tickets/${t.number}" target="_blank" rel="noopener">${t.number}</a> ${word('kind', t.kind)} <span class="muted">${word('state', t.state)}</span></li>`)}</ul>` : ''}
    ${(c.last_contacts || []).length ? html`<h3>${gettext('Last contacts')}</h3><ul>${c.last_contacts.map((/** @type {any} */ k) => html`<li><span class="muted" title="${clock(k.at, true)}">${clock(k.at, true)}</span> ${word('channel', k.channel)} ${k.incident || ''}</li>`)}</ul>` : ''}
    ${card.nearest_crew ? html`<p class="muted">${gettext('Nearest crew: %(name)s, %(time)s away', { name: card.nearest_crew.name, time: span(card.nearest_crew.seconds) })}</p>` : ''}`;
}
