// @ts-check
// The prompts: their words, which recording is heard, and a dialog to record, upload or have one spoken.
import { api, Refused } from '../api.js';
import { open } from '../ask.js';
import { $, html, onDo, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { upload as send } from '../imports/upload.js';
import { page } from '../page.js';
import { clock, figure } from '../time.js';
import { complain, toast } from '../toast.js';
import { OWN, TONGUE, said } from './names.js';
import { sound, spoken } from './preview.js';
import { record, telephone } from './recorder.js';

/** @type {any[]} */ let rows = [];
/** @type {any[]} */ let alarms = [];
const mayChange = page.role === 'supervisor';
let wanted = '';

export const words = (/** @type {string} */ name, language = OWN) => { const row = rows.find((p) => p.name === name && p.language === language); return row ? row.text : ''; };

/** @param {string} name @param {string} language @param {number} [number] the version; the one that is heard when left out */
export function play(name, language = OWN, number) {
  const row = rows.find((p) => p.name === name && p.language === language);
  sound(`/api/ivr/prompts/${name}/${language}/${number ?? (row && row.in_use) ?? 0}?at=${Date.now()}`);
}

export async function read() {
  const seen = await api.get('/api/ivr/prompts');
  rows = seen.prompts;
  alarms = seen.alarms;
  show();
}

const lost = (/** @type {any} */ p) => alarms.some((a) => a.name === p.name && a.language === p.language);

function show() {
  const list = rows.filter((p) => !wanted || `${p.name} ${p.text}`.toLowerCase().includes(wanted));
  const body = html`${list.map((p) => html`<tr data-testid="prompt-row" data-name="${p.name}" data-language="${p.language}" data-alarm="${lost(p)}"><td><b>${p.name}</b><br><span class="muted">${said(TONGUE, p.language)}</span></td><td class="words" lang="${p.language === 'zh' ? 'zh-Hans' : 'en'}">${p.text || html`<span class="muted">${gettext('no words written down')}</span>`}</td>
    <td>${lost(p) ? html`<span class="chip bad">${gettext('missing')}</span>` : p.in_use === null ? html`<span class="chip warn">${gettext('none is heard')}</span>` : p.in_use ? html`<span class="chip ok">${gettext('version %(n)s', { n: p.in_use })}</span>` : html`<span class="chip">${gettext('built in')}</span>`}</td>
    <td><div class="row"><button type="button" class="quiet" data-do="play" aria-label="${gettext('Play')}">▶</button><button type="button" class="quiet" data-do="takes" data-testid="prompt-open">${ngettext('%(count)s version…', '%(count)s versions…', p.versions.length + (p.built_in ? 1 : 0))}</button></div></td></tr>`)}`;
  if (document.querySelector('#prompt-list')) { render($('#prompt-list'), body); return; }
  render($('#pane-prompts'), html`<div class="stack"><div class="row spread"><input type="search" class="filter" id="prompt-filter" placeholder="${gettext('Find a prompt')}" aria-label="${gettext('Find a prompt')}" value="${wanted}">${mayChange ? html`<button type="button" data-do="own" data-testid="prompt-own">${gettext('A prompt of your own')}</button>` : ''}</div>
    <div class="panel scroll"><table class="prompts" aria-label="${gettext('Prompts')}"><thead><tr><th>${gettext('Prompt')}</th><th>${gettext('Words')}</th><th>${gettext('Heard now')}</th><th></th></tr></thead><tbody id="prompt-list">${body}</tbody></table></div></div>`);
}

/** @param {HTMLElement} part */
const rowOf = (part) => { const line = part.closest('tr'); return rows.find((p) => line && p.name === line.dataset.name && p.language === line.dataset.language); };

/** @param {any} p @param {Blob} file @param {string} source @param {string} text */
function upload(p, file, source, text) {
  const form = new FormData();
  form.append('file', file, `${p.name}.wav`);
  form.append('source', source);
  form.append('text', text);
  return send(`/api/ivr/prompts/${p.name}/${p.language}`, form, () => undefined);
}

/** @param {any} p */
function takes(p) {
  const dialog = open(html`<div class="stack"><h2>${p.name} · ${said(TONGUE, p.language)}</h2><div id="take-problem"></div><ul class="takes" id="take-list"></ul>
    ${mayChange ? html`<div class="field"><label for="take-text">${gettext('Words')}</label><textarea id="take-text" maxlength="600" data-testid="take-text">${p.text || p.words}</textarea></div>
    <div class="row"><button type="button" id="take-hear">${gettext('Listen')}</button><button type="button" id="take-speak" data-testid="take-speak">${gettext('Have it spoken')}</button><button type="button" id="take-record" data-testid="take-record">${gettext('Record')}</button><label class="button" for="take-file">${gettext('Upload…')}</label><input type="file" class="sr" id="take-file" accept="audio/*" data-testid="take-file"></div>
    <div id="take-meter" hidden><p class="recording" role="status" id="take-clock"></p><div class="meter"><i></i></div></div>` : ''}<div class="row"><button type="button" data-cancel>${gettext('Close')}</button></div></div>`);
  const list = () => {
    const now = rows.find((r) => r.name === p.name && r.language === p.language) || p;
    const all = [...now.versions, ...(now.built_in ? [{ number: 0, source_label: gettext('built in'), text: now.words }] : [])];
    render($('#take-list', dialog), html`${all.map((v) => html`<li data-testid="take" data-number="${v.number}"><button type="button" class="quiet" data-do="take-play" data-number="${v.number}" aria-label="${gettext('Play')}">▶</button><span><b>${v.number ? gettext('version %(n)s', { n: v.number }) : gettext('built in')}</b>${v.number ? html` · ${v.source_label} · ${figure(v.seconds, 1)} s<br><span class="muted">${v.made_by}, ${clock(v.made_at, true)}</span>` : ''}</span>${now.in_use === v.number ? html`<span class="chip ok">${gettext('heard now')}</span>` : mayChange ? html`<button type="button" data-do="take-use" data-number="${v.number}" data-testid="take-use">${gettext('Let callers hear this')}</button>` : ''}</li>`)}`);
  };
  list();
  const text = () => /** @type {HTMLTextAreaElement} */ ($('#take-text', dialog)).value;
  const trouble = (/** @type {unknown} */ error) => render($('#take-problem', dialog), error ? html`<p class="warning" role="alert">${error instanceof Error ? error.message : String(error)}</p>` : html``);
  const doing = async (/** @type {() => Promise<any>} */ work, /** @type {string} */ done) => {
    try { trouble(''); await work(); if (done) toast(done); await read(); list(); } catch (error) { trouble(error); }
  };
  const kept = gettext('Kept. Callers hear it once you say so.');
  onDo(dialog, {
    'take-play': (part) => play(p.name, p.language, Number(part.dataset.number)),
    'take-use': (part) => doing(() => api.post(`/api/ivr/prompts/${p.name}/${p.language}/use`, { number: Number(part.dataset.number) }), gettext('The next caller hears it.')),
  });
  if (!mayChange) return;
  $('#take-hear', dialog).onclick = async () => { try { trouble(''); sound(await spoken(text(), p.language)); } catch (error) { trouble(error); } };
  $('#take-speak', dialog).onclick = () => doing(() => api.post(`/api/ivr/prompts/${p.name}/${p.language}`, { text: text() }), kept);
  const file = /** @type {HTMLInputElement} */ ($('#take-file', dialog));
  file.onchange = () => { const chosen = file.files && file.files[0]; file.value = ''; if (chosen) doing(() => uploaded(p, chosen, text(), dialog), kept); };
  recording(p, dialog, text, doing, kept, trouble);
}

/** A file as it is; what is no telephone sound may be turned into it. @param {any} p @param {File} file @param {string} text @param {HTMLElement} dialog */
async function uploaded(p, file, text, dialog) {
  try {
    await upload(p, file, 'uploaded', text);
  } catch (error) {
    const form = error instanceof Refused && error.errors.some((e) => ['form', 'codec', 'too_long'].includes(e.code));
    if (!form) throw error;
    render($('#take-problem', dialog), html`<p class="warning" role="alert">${error instanceof Error ? error.message : ''} <button type="button" id="take-convert" data-testid="take-convert">${gettext('Turn it into telephone sound')}</button></p>`);
    await new Promise((done, stop) => { $('#take-convert', dialog).onclick = () => file.arrayBuffer().then(telephone).then((made) => upload(p, made, 'uploaded', text)).then(done, stop); });
  }
}

/** @param {any} p @param {HTMLElement} dialog @param {() => string} text @param {(work: () => Promise<any>, done: string) => Promise<void>} doing @param {string} kept @param {(error: unknown) => void} trouble */
function recording(p, dialog, text, doing, kept, trouble) {
  const button = $('#take-record', dialog);
  /** @type {{stop: () => Promise<Blob>} | null} */ let running = null;
  const stop = async () => { const was = running; running = null; button.textContent = gettext('Record'); $('#take-meter', dialog).hidden = true; return was ? was.stop() : null; };
  button.onclick = async () => {
    if (running) { const made = await stop(); if (made) await doing(() => upload(p, made, 'recorded', text()), kept); return; }
    try {
      trouble('');
      running = await record((level, seconds) => { $('.meter i', dialog).style.width = `${Math.min(100, level * 130)}%`; $('#take-clock', dialog).textContent = `● ${figure(seconds, 0)} s`; });
      button.textContent = gettext('Stop and keep');
      $('#take-meter', dialog).hidden = false;
    } catch (error) { trouble(error instanceof DOMException ? gettext('The browser was not allowed to use the microphone.') : error); }
  };
  dialog.addEventListener('close', () => { stop(); });
}

function own() {
  const dialog = open(html`<form><h2>${gettext('A prompt of your own')}</h2><div class="field"><label for="own-name">${gettext('Name')}</label><input id="own-name" name="name" required pattern="[a-z][a-z0-9\\-]*" maxlength="40" placeholder="holiday-notice" autocomplete="off"></div><p class="muted">${gettext('Small letters, digits and hyphens. A menu can say it once it is there in both languages.')}</p><div class="row"><button class="main">${gettext('Next')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  $('form', dialog).addEventListener('submit', (event) => {
    event.preventDefault();
    const name = /** @type {HTMLInputElement} */ ($('#own-name', dialog)).value.trim();
    dialog.close();
    for (const language of ['zh', 'en']) if (!rows.some((p) => p.name === name && p.language === language)) rows.unshift({ name, language, built_in: false, words: '', text: '', in_use: null, versions: [] });
    show();
    takes(rows.find((p) => p.name === name && p.language === 'en'));
  });
  $('#own-name', dialog).focus();
}

export function start() {
  const pane = $('#pane-prompts');
  onDo(pane, { play: (part) => { const p = rowOf(part); if (p) play(p.name, p.language); }, takes: (part) => { const p = rowOf(part); if (p) takes(p); }, own });
  pane.addEventListener('input', (event) => { if (event.target instanceof HTMLInputElement && event.target.id === 'prompt-filter') { wanted = event.target.value.trim().toLowerCase(); show(); } });
  return read().catch(complain);
}
