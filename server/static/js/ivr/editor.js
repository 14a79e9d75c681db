// @ts-check
// One node as a form. Reading is for everybody who sees the page; fields are open in a draft alone.
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { DAY } from '../time.js';
import { ASKED, called, ENQUIRY, KIND, RESULT, said, TONGUE } from './names.js';
import { order } from './tree.js';

/** @typedef {{tree: any, chosen: string, edits: boolean, about: any, problems: any[], changed: () => void, words: (prompt: string) => string, play: (prompt: string) => void}} Desk */

const KEYS = ['2', '3', '4', '5', '6', '7', '8', '9', '*', '#'];

/** @param {Desk} desk @param {string} value @param {string} name @param {string} empty */
function target(desk, value, name, empty) {
  return html`<select name="${name}" data-testid="ivr-${name}">${empty || !value ? html`<option value="">${empty || '–'}</option>` : ''}${order(desk.tree).map((n) => html`<option value="${n}" ${n === value ? html`selected` : ''}>${called(desk.tree, n)} (${n})</option>`)}${value && !desk.tree.nodes[value] ? html`<option value="${value}" selected>${value} ?</option>` : ''}</select>`;
}

/** @param {Record<string, () => string>} table @param {string[]} names @param {string} value @param {string} field */
function choice(table, names, value, field) {
  return html`<select name="${field}" data-testid="ivr-${field}">${names.includes(value) ? '' : html`<option value="">–</option>`}${names.map((n) => html`<option value="${n}" ${n === value ? html`selected` : ''}>${said(table, n)}</option>`)}</select>`;
}

/** @param {Desk} desk @param {any} node */
function says(desk, node) {
  const list = node.say || [];
  return html`<fieldset><legend>${gettext('What is heard')}</legend><div class="list">${list.map((/** @type {string} */ prompt, /** @type {number} */ i) => {
    const plain = prompt.replace('other:', '');
    return html`<div><div class="line"><select name="say" data-index="${i}" data-testid="ivr-say">${desk.about.prompts.includes(plain) ? '' : html`<option value="${prompt}" selected>${prompt} ?</option>`}${desk.about.prompts.flatMap((/** @type {string} */ p) => [html`<option value="${p}" ${p === prompt ? html`selected` : ''}>${p}</option>`, ...(p === plain && (prompt !== plain || p === 'other-language') ? [html`<option value="other:${p}" ${prompt === `other:${p}` ? html`selected` : ''}>${p} (${TONGUE.other()})</option>`] : [])])}</select><button type="button" class="quiet" data-do="play-prompt" data-prompt="${plain}" aria-label="${gettext('Play')}">▶</button><button type="button" class="quiet edit" data-do="unsay" data-index="${i}" aria-label="${gettext('Remove')}">✕</button></div><p class="words">${desk.words(plain)}</p></div>`;
  })}<button type="button" class="quiet edit" data-do="say-more">+ ${gettext('another prompt')}</button></div></fieldset>`;
}

/** @param {Desk} desk @param {any} node */
function keyed(desk, node) {
  const keys = Object.entries(node.keys || {}).sort();
  const free = KEYS.filter((k) => !(node.keys || {})[k]);
  return html`<fieldset><legend>${gettext('Keys')}</legend><div class="list">${keys.map(([key, way]) => html`<div class="line keyed" data-key-row="${key}"><select name="key" data-was="${key}" aria-label="${gettext('Key')}">${[key, ...free].sort().map((k) => html`<option ${k === key ? html`selected` : ''}>${k}</option>`)}</select>${target(desk, String(way), 'way', '')}<button type="button" class="quiet edit" data-do="unkey" data-key="${key}" aria-label="${gettext('Remove')}">✕</button></div>`)}${free.length ? html`<button type="button" class="quiet edit" data-do="key-more" data-testid="ivr-key-more">+ ${gettext('another key')}</button>` : ''}</div></fieldset>`;
}

/** @param {string} name @param {string} text @param {any} value @param {string} kind @param {number} [least] @param {number} [most] */
function field(name, text, value, kind, least, most) {
  return html`<div class="field"><label for="f-${name}">${text}</label><input id="f-${name}" name="${name}" type="${kind}" value="${value}" ${least === undefined ? '' : html`min="${least}" max="${most}" step="${name === 'wait_s' ? '0.5' : '1'}"`} maxlength="80" data-testid="ivr-${name}"></div>`;
}

/** @param {Desk} desk @param {any} node */
function body(desk, node) {
  const has = (/** @type {string} */ f) => desk.about.kinds[node.kind].includes(f);
  return html`${has('say') ? says(desk, node) : ''}
    ${has('what') ? html`<div class="field"><label>${node.kind === 'ask' ? gettext('Which number') : gettext('What is looked up')}</label>${node.kind === 'ask' ? choice(ASKED, desk.about.asked, node.what, 'what') : choice(ENQUIRY, Object.keys(desk.about.enquiries), node.what, 'what')}</div>` : ''}
    ${has('least') ? html`<div class="two">${field('least', gettext('Digits at least'), node.least ?? 3, 'number', 3, 20)}${field('most', gettext('Digits at most'), node.most ?? 20, 'number', 3, 20)}</div><p class="muted">${gettext('Alone and followed by silence or #, 1 is an emergency and 0 a person here too. Star begins again.')}</p>` : ''}
    ${has('language') ? html`<div class="field"><label>${gettext('From here on')}</label>${choice(TONGUE, ['en', 'zh', 'other'], node.language, 'language')}</div>` : ''}
    ${has('days') ? html`<fieldset><legend>${gettext('Open on')}</legend><div class="days">${Object.keys(DAY).map((d) => html`<label><input type="checkbox" name="days" value="${d}" ${(node.days || []).includes(d) ? html`checked` : ''}> ${said(DAY, d)}</label>`)}</div></fieldset><div class="two">${field('opens', gettext('From'), node.opens || '08:00', 'time')}${field('closes', gettext('to'), node.closes || '16:00', 'time')}</div>
      <div class="field"><label for="f-holidays">${gettext('Closed on these days')}</label><input id="f-holidays" name="holidays" value="${(node.holidays || []).join(' ')}" placeholder="2026-12-25 2027-01-01"></div>` : ''}
    ${has('keys') ? keyed(desk, node) : ''}
    ${has('ways') ? html`<fieldset><legend>${gettext('And then')}</legend><div class="list">${(node.kind === 'hours' ? ['open', 'closed'] : desk.about.enquiries[node.what] || []).map((/** @type {string} */ r) => html`<div class="line way"><span>${said(RESULT, r)}</span>${target(desk, (node.ways || {})[r] || '', `way:${r}`, node.kind === 'hours' ? '' : gettext('as otherwise'))}</div>`)}</div></fieldset>` : ''}
    ${has('next') ? html`<div class="field"><label>${node.kind === 'enquiry' ? gettext('Otherwise') : gettext('Then')}</label>${target(desk, node.next || '', 'next', '')}</div>` : ''}
    ${has('tries') ? html`<div class="two">${field('tries', gettext('Said so many times'), node.tries ?? 3, 'number', 1, 5)}${field('wait_s', gettext('Seconds to press'), node.wait_s ?? 4, 'number', 1, 15)}</div>` : ''}
    ${has('otherwise') ? html`<div class="field"><label>${gettext('After silence')}</label>${target(desk, node.otherwise || '', 'otherwise', gettext('a person'))}</div>` : ''}
    ${has('priority') ? field('priority', gettext('Place in the queue (0 usual, 9 in front)'), node.priority ?? 0, 'number', 0, 9) : ''}
    ${desk.about.queues.length ? html`<div class="field"><label for="f-queue">${gettext('Queue for a person from here')}</label><select id="f-queue" name="queue"><option value="">${gettext('the usual one')}</option>${desk.about.queues.map((/** @type {string} */ q) => html`<option ${q === node.queue ? html`selected` : ''}>${q}</option>`)}</select></div>` : ''}`;
}

/** @param {Desk} desk */
export function show(desk) {
  const node = desk.tree.nodes[desk.chosen];
  const home = $('#node');
  if (!node) { render(home, html`<p class="empty">${gettext('Choose a node of the tree.')}</p>`); return; }
  const wrong = desk.problems.filter((p) => p.node === desk.chosen);
  render(home, html`<form class="node-form" data-testid="ivr-form"><p class="row"><span class="chip">${said(KIND, node.kind)}</span> <span class="muted">${desk.chosen}</span></p>
    ${wrong.length ? html`<ul class="errors" role="alert">${wrong.map((p) => html`<li>${p.text}</li>`)}</ul>` : ''}
    ${field('title', gettext('Title'), node.title || '', 'text')}${body(desk, node)}
    ${desk.edits ? html`<div class="row"><button type="button" class="quiet" data-do="start-here" ${desk.tree.start === desk.chosen ? html`disabled` : ''}>${gettext('Begin the call here')}</button><button type="button" class="quiet" data-do="remove" data-testid="ivr-remove" ${desk.tree.start === desk.chosen ? html`disabled` : ''}>${gettext('Remove this node')}</button></div>` : ''}</form>`);
  if (!desk.edits) {
    for (const part of home.querySelectorAll('input, select')) part.setAttribute('disabled', '');
    for (const part of home.querySelectorAll('.edit')) part.setAttribute('hidden', '');
  }
}

/** Take a changed field into the node. @param {Desk} desk @param {HTMLInputElement | HTMLSelectElement} input */
export function take(desk, input) {
  const node = desk.tree.nodes[desk.chosen];
  if (!node) return;
  const { name, value } = input;
  const number = input.type === 'number' ? Number(value) : NaN;
  if (name === 'say') node.say[Number(input.dataset.index)] = value;
  else if (name === 'key') { node.keys[value] = node.keys[input.dataset.was || '']; delete node.keys[input.dataset.was || '']; }
  else if (name === 'way') { const row = input.closest('[data-key-row]'); if (row instanceof HTMLElement) node.keys[row.dataset.keyRow || ''] = value; }
  else if (name.startsWith('way:')) { node.ways = { ...node.ways }; if (value) node.ways[name.slice(4)] = value; else delete node.ways[name.slice(4)]; }
  else if (name === 'days') node.days = [...document.querySelectorAll('#node [name=days]:checked')].map((d) => /** @type {HTMLInputElement} */ (d).value);
  else if (name === 'holidays') node.holidays = value.split(/[\s,;]+/).filter(Boolean);
  else if (input.type === 'number') node[name] = Number.isFinite(number) && value !== '' ? number : value;
  else if (['title', 'queue', 'otherwise'].includes(name) && !value) delete node[name];
  else node[name] = value;
  if (name === 'what' && node.kind === 'enquiry') node.ways = {};
  desk.changed();
}

/** A new node of a kind, with what it needs to be understood. @param {string} kind @param {any} tree */
export function blank(kind, tree) {
  const first = tree.start;
  /** @type {Record<string, any>} */
  const made = {
    say: { say: ['recorded'], next: first }, menu: { say: ['choose-key'], keys: { 2: first } }, ask: { say: ['ask-account'], what: 'account', least: 4, most: 16, next: first }, enquiry: { what: 'outage', ways: {}, next: first },
    hours: { days: ['mon', 'tue', 'wed', 'thu', 'fri'], opens: '08:00', closes: '16:00', ways: { open: first, closed: first } }, language: { language: 'other', next: first }, transfer: {}, message: {}, callback: { next: first }, end: { say: ['goodbye'] },
  };
  return { kind, ...made[kind] };
}
