// @ts-check
// A telephone to try the menu on: the server walks it with the same interpreter as for callers.
import { api, cookie } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { complain } from '../toast.js';
import { called, OWN, RESULT, said, TONGUE } from './names.js';

/** @type {Record<string, () => string>} */
const KNOWN = { nothing: () => gettext('nothing'), shutoff: () => gettext('the water is off'), planned: () => gettext('planned work'), nearby: () => gettext('neighbours have called'), burst: () => gettext('probable burst'), elsewhere: () => gettext('trouble elsewhere'), places: () => gettext('two homes, one number') };
/** @type {Record<string, () => string>} */
const OUTCOME = { queue: () => gettext('To a person'), message: () => gettext('To the voice mail'), end: () => gettext('The call ends') };

/** @type {any[]} */ let inputs = [];
const about = { language: OWN, known: 'nothing', hidden: false };
/** @type {any} */ let walked = null;
/** @type {() => any} */ let tree = () => null;
/** @type {(prompt: string, language: string) => void} */ let play = () => {};
/** @type {(node: string) => void} */ let follow = () => {};
let problem = '';

/** @param {{tree: () => any, play: (prompt: string, language: string) => void, follow: (node: string) => void}} desk */
export function start(desk) { ({ tree, play, follow } = desk); inputs = []; walk(); }

/** From the beginning, with what is in the tree now. */
export function restart() { inputs = []; walk(); }

let asked = 0;

export async function walk() {
  if (!tree()) return;
  asked += 1;
  const mine = asked;
  let found = walked;
  let trouble = '';
  try {
    found = await api.post('/api/ivr/preview', { tree: tree(), inputs, ...about });
  } catch (error) {
    trouble = error instanceof Error ? error.message : String(error);
  }
  // A slower answer to an older question is not shown.
  if (mine !== asked) return;
  walked = found;
  problem = trouble;
  show();
}

/** @param {any} input */
export function give(input) {
  if (problem || !walked || walked.state === 'over') return;
  inputs = [...inputs, input];
  walk().then(() => { if (walked) follow(walked.node); });
}

function show() {
  const over = walked && walked.state === 'over';
  const asking = walked && walked.state === 'asking';
  const keys = walked ? walked.keys : [];
  const select = (/** @type {string} */ name, /** @type {Record<string, () => string>} */ table, /** @type {string[]} */ list, /** @type {string} */ value) => html`<select id="try-${name}" data-try="${name}">${list.map((n) => html`<option value="${n}" ${n === value ? html`selected` : ''}>${said(table, n)}</option>`)}</select>`;
  render($('#preview'), html`<div class="stack"><div class="node-form"><div class="two"><div class="field"><label for="try-known">${gettext('Known of the place')}</label>${select('known', KNOWN, Object.keys(KNOWN), about.known)}</div><div class="field"><label for="try-language">${gettext('Language')}</label>${select('language', TONGUE, ['en', 'zh'], about.language)}</div></div><label class="row"><input type="checkbox" data-try="hidden" ${about.hidden ? html`checked` : ''}> ${gettext('number withheld')}</label></div>
    ${problem ? html`<p class="warning" role="alert">${problem}</p>` : walked ? html`<ol class="said" data-testid="ivr-said" aria-live="polite">${walked.said.map((/** @type {any} */ s, /** @type {number} */ i) => html`<li><button type="button" class="quiet" data-do="hear" data-index="${i}" aria-label="${gettext('Play')}">▶</button><p lang="${s.language === 'zh' ? 'zh-Hans' : 'en'}">${s.text || s.prompt}</p></li>`)}</ol>
    ${inputs.length ? html`<p class="muted">${gettext('Pressed')}: ${inputs.map((i) => html`<kbd>${i.key || (i.silence ? '…' : said(RESULT, i.result))}</kbd> `)}</p>` : ''}
    ${over ? html`<p class="ended" data-testid="ivr-outcome"><b>${said(OUTCOME, walked.outcome)}</b>${walked.queue ? html` · ${walked.queue}` : ''}${walked.priority ? html` · ${gettext('place %(n)s', { n: walked.priority })}` : ''}</p>` : html`<p class="muted">${called(tree(), walked.node)}</p>`}` : html`<p class="empty">…</p>`}
    ${asking ? html`<div class="row">${walked.results.map((/** @type {string} */ r) => html`<button type="button" data-do="result" data-result="${r}">${said(RESULT, r)}</button>`)}</div>` : html`<div class="pad" role="group" aria-label="${gettext('Keypad')}">${[...'123456789*0#'].map((k) => html`<button type="button" data-do="press" data-key="${k}" data-testid="ivr-press-${k}" data-on="${keys.includes(k)}" ${over ? html`disabled` : ''}>${k}</button>`)}</div><div class="row"><button type="button" data-do="silence" ${over ? html`disabled` : ''}>${gettext('Silence')}</button></div>`}
    <div class="row"><button type="button" class="quiet" data-do="again" data-testid="ivr-again">${gettext('Ring again')}</button></div></div>`);
  const list = document.querySelector('.said');
  if (list) list.scrollTop = list.scrollHeight;
}

/** @param {HTMLElement} part */
export function changed(part) {
  const name = part.dataset.try || '';
  if (name === 'hidden') about.hidden = /** @type {HTMLInputElement} */ (part).checked;
  else if (name === 'known' || name === 'language') about[name] = /** @type {HTMLSelectElement} */ (part).value;
  restart();
}

/** @param {number} index */
export async function hear(index) {
  const line = walked.said[index];
  if (!line.sentence) { play(line.prompt, line.language); return; }
  try { sound(await spoken(line.text, line.language)); } catch (error) { complain(error); }
}

/** A text as sound. @param {string} text @param {string} language */
export async function spoken(text, language) {
  const answer = await fetch('/api/ivr/speak', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRFToken': cookie(document.cookie, page.csrf_cookie) }, body: JSON.stringify({ text, language }) });
  if (!answer.ok) throw new Error(gettext('The voice cannot speak this just now.'));
  return answer.blob();
}

const speaker = new Audio();
let held = '';

/** Play a file or what was just made; what played before stops. @param {string | Blob} what */
export function sound(what) {
  if (held) URL.revokeObjectURL(held);
  held = what instanceof Blob ? URL.createObjectURL(what) : '';
  speaker.src = what instanceof Blob ? held : what;
  speaker.play().catch(() => complain(gettext('This recording is not there.')));
}
