// @ts-check
// Articles: found, read, written in both languages, every edition kept.
import { api, Refused } from './api.js';
import { offer } from './command.js';
import { $, html, onDo, render } from './html.js';
import { gettext } from './i18n.js';
import { keys } from './keys.js';
import { articleText } from './knowledge/text.js';
import { KINDS } from './desk/questions.js';
import { page } from './page.js';
import { clock } from './time.js';
import { complain, toast } from './toast.js';
import { word } from './words.js';

const VERDICTS = [['inside_shutoff', () => gettext('inside a shut-off')], ['planned_notice', () => gettext('planned shut-off')], ['same_segment', () => gettext('others called from there')], ['probable_burst', () => gettext('near a probable burst')]];
const mayWrite = ['supervisor', 'engineer'].includes(page.role);
/** @type {any[]} */ let list = [];
/** @type {any} */ let shown = null;
let turn = 0;

async function find() {
  const query = /** @type {HTMLInputElement} */ ($('#find')).value.trim();
  const mine = ++turn;
  try {
    const answer = await api.get(`/api/articles?q=${encodeURIComponent(query)}`);
    if (mine !== turn) return;
    list = answer.articles;
    drawList();
  } catch (error) { complain(error); }
}

function drawList() {
  render($('#articles'), html`${list.map((a) => html`<li><a href="#${a.code}" aria-current="${shown && shown.code === a.code ? 'true' : 'false'}" data-testid="article-row">${a.title}</a></li>`)}${list.length ? '' : html`<li class="muted">${gettext('Nothing found yet.')}</li>`}`);
}

/** @param {string} code @param {string} [edition] */
async function show(code, edition) {
  try {
    shown = await api.get(`/api/articles/${encodeURIComponent(code)}${edition ? `?edition=${edition}` : ''}`);
    drawList();
    drawArticle();
  } catch (error) { complain(error); }
}

function drawArticle() {
  const a = shown; const last = a.editions[0].number;
  render($('#article'), html`<h2>${a.title}</h2>${a.retired ? html`<p class="warning">${gettext('Retired: it is suggested no more.')}</p>` : ''}${a.edition === last ? '' : html`<p class="warning">${gettext('Edition %(number)s, as it was.', { number: a.edition })}</p>`}
    ${articleText(a.body)}
    <p class="tags">${a.troubles.map((/** @type {string} */ t) => html`<span class="chip">${word('kind', t)}</span>`)}${VERDICTS.filter(([code]) => a.verdicts.includes(code)).map(([, text]) => html`<span class="chip">${/** @type {() => string} */ (text)()}</span>`)}</p>
    <p class="muted">${gettext('Edition %(number)s by %(by)s, %(at)s', { number: a.edition, by: a.by, at: clock(a.at, true) })}</p>
    ${mayWrite ? html`<p class="row"><button data-do="edit" data-testid="edit-article">${a.edition === last ? gettext('Write a new edition') : gettext('Write on from this edition')}</button>${a.edition === last ? '' : html`<button data-do="back" data-testid="bring-back">${gettext('Bring this edition back')}</button>`}${a.retired ? '' : html`<button data-do="retire">${gettext('Retire')}</button>`}</p>` : ''}
    <details class="editions"><summary>${gettext('Editions')} (${a.editions.length})</summary><ul>${a.editions.map((/** @type {any} */ e) => html`<li><a href="#${a.code}/${e.number}">${e.number}</a> <span>${e.title}</span> <span class="muted">${e.by}, ${clock(e.at, true)}</span></li>`)}</ul></details>`);
}

/** @param {any} a article or null for a new one @param {Record<string, string>} [errors] */
function drawForm(a, errors = {}) {
  const bad = (/** @type {string} */ name) => errors[name] ? html`<span class="error">${errors[name]}</span>` : '';
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string} */ value, long = false) => html`<div class="field"><label for="f-${name}">${label}</label>${long ? html`<textarea id="f-${name}" name="${name}" maxlength="8000">${value}</textarea>` : html`<input id="f-${name}" name="${name}" maxlength="120" value="${value}">`}${bad(name)}</div>`;
  render($('#article'), html`<form data-testid="article-form" novalidate><div class="pair">${field('title', gettext('Title, English'), a ? a.titles.en : '')}${field('title_zh', gettext('Title, Chinese'), a ? a.titles.zh : '')}</div>
    <div class="pair">${field('body', gettext('Text, English'), a ? a.bodies.en : '', true)}${field('body_zh', gettext('Text, Chinese'), a ? a.bodies.zh : '', true)}</div><p class="muted">${gettext('An empty line begins a paragraph, a hyphen a line of a list.')}</p>
    <fieldset><legend>${gettext('Suggested for')}</legend>${KINDS.map((kind) => html`<label><input type="checkbox" name="troubles" value="${kind}" ${a && a.troubles.includes(kind) ? html`checked` : ''}> ${word('kind', kind)}</label>`)}</fieldset>
    <fieldset><legend>${gettext('and when the caller is')}</legend>${VERDICTS.map(([code, text]) => html`<label><input type="checkbox" name="verdicts" value="${code}" ${a && a.verdicts.includes(code) ? html`checked` : ''}> ${/** @type {() => string} */ (text)()}</label>`)}</fieldset>
    ${errors[''] ? html`<p class="warning" role="alert">${errors['']}</p>` : ''}<p class="row"><button class="main" data-testid="save-article">${gettext('Save as a new edition')}</button><button type="button" data-do="cancel">${gettext('Cancel')}</button></p></form>`);
  const first = document.getElementById('f-title');
  if (first) first.focus();
}

let editing = /** @type {any} */ (null);
$('#article').addEventListener('submit', async (event) => {
  event.preventDefault();
  const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
  const said = { ...Object.fromEntries(['title', 'title_zh', 'body', 'body_zh'].map((name) => [name, String(data.get(name) || '')])), troubles: data.getAll('troubles'), verdicts: data.getAll('verdicts'), ...(editing ? { edition: editing.editions[0].number } : {}) };
  try {
    shown = await api.post(editing ? `/api/articles/${encodeURIComponent(editing.code)}` : '/api/articles', said);
    toast(gettext('Saved as edition %(number)s.', { number: shown.edition }));
    editing = null;
    location.hash = shown.code;
    drawArticle(); find();
  } catch (error) {
    /** @type {Record<string, string>} */ const errors = {};
    if (error instanceof Refused) for (const e of error.errors) errors[['title', 'title_zh', 'body', 'body_zh'].includes(e.field) ? e.field : ''] = e.text; else errors[''] = String(error);
    drawForm({ titles: { en: said.title, zh: said.title_zh }, bodies: { en: said.body, zh: said.body_zh }, troubles: said.troubles, verdicts: said.verdicts }, errors);
  }
});

/** @param {any} body */
async function step(body) {
  try { shown = await api.post(`/api/articles/${encodeURIComponent(shown.code)}/steps`, body); drawArticle(); find(); } catch (error) { complain(error); }
}

onDo(document.body, {
  new: () => { editing = null; drawForm(null); }, edit: () => { editing = shown; drawForm(shown); },
  cancel: () => { editing = null; if (shown) drawArticle(); else render($('#article'), html``); },
  retire: () => step({ step: 'retire' }), back: () => step({ step: 'bring_back', edition: shown.edition }),
});
function follow() { const [code, edition] = decodeURIComponent(location.hash.slice(1)).split('/'); if (code && !editing) show(code, edition); }
addEventListener('hashchange', follow);
$('#find').addEventListener('input', () => { find(); });
$('#new').hidden = !mayWrite;
keys({ key: '/', text: gettext('search in articles'), run: () => $('#find').focus() });
offer((query) => (mayWrite && query && gettext('New article').toLowerCase().includes(query.toLowerCase()) ? [{ title: gettext('New article'), run: () => drawForm(null) }] : []));
find(); follow();
