// @ts-check
// The telephone menu: read the tree, edit a draft, try it, publish it, roll back.
import { api, Refused } from './api.js';
import { askReason, open } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import * as editor from './ivr/editor.js';
import { KIND, said, TEMPLATE } from './ivr/names.js';
import * as preview from './ivr/preview.js';
import * as prompts from './ivr/prompts.js';
import { drawing, order } from './ivr/tree.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page } from './page.js';
import { clock } from './time.js';
import { complain, toast } from './toast.js';

const mayChange = page.role === 'supervisor';
/** @type {any} */ let about = null;
/** @type {any} */ let shown = null;
let saving = 0;
let unsaved = false;

/** @type {import('./ivr/editor.js').Desk} */
const desk = {
  tree: { start: '', nodes: {} }, chosen: '', edits: false, about: null, problems: [],
  changed() { unsaved = true; drawTree(); window.clearTimeout(saving); saving = window.setTimeout(save, 500); },
  words: (prompt) => prompts.words(prompt), play: (prompt) => prompts.play(prompt),
};

/** @param {number} [number] the version to look at: the draft, else the one in force */
async function read(number) {
  about = await api.get('/api/ivr');
  const wanted = number ?? about.draft ?? about.in_force;
  shown = await api.get(`/api/ivr/versions/${wanted}`);
  desk.about = about;
  desk.tree = structuredClone(shown.tree);
  desk.edits = mayChange && shown.state === 'draft';
  desk.problems = shown.problems;
  if (!desk.tree.nodes[desk.chosen]) desk.chosen = desk.tree.start;
  draw();
}

async function save() {
  if (!unsaved || !desk.edits) return;
  unsaved = false;
  try {
    const saved = await api.put(`/api/ivr/versions/${shown.number}`, { tree: desk.tree, edition: shown.edition, note: shown.note });
    shown = { ...saved, tree: shown.tree };
    desk.problems = saved.problems;
    drawHead(); drawTree(); editor.show(desk);
    preview.restart();
  } catch (error) {
    complain(error);
    if (error instanceof Refused && error.status === 409) read();
  }
}

function draw() { drawHead(); drawTree(); editor.show(desk); drawVersions(); preview.restart(); }

function drawHead() {
  const force = about.in_force ? gettext('Version %(n)s is in force', { n: about.in_force }) : gettext('The built-in menu is in force');
  const since = about.publications.length ? gettext('since %(when)s, by %(who)s', { when: clock(about.publications[0].at, true), who: about.publications[0].by }) : '';
  const looking = shown.number === about.in_force ? '' : gettext('you see version %(n)s (%(state)s)', { n: shown.number, state: shown.state_label });
  $('#standing').textContent = [force, since, looking].filter(Boolean).join(' · ');
  const bad = desk.problems.length;
  render($('#acts'), html`${bad ? html`<button type="button" class="quiet" data-do="first-problem" data-testid="ivr-problems"><span class="chip bad">${ngettext('%(count)s problem', '%(count)s problems', bad)}</span></button>` : desk.edits ? html`<span class="chip ok" data-testid="ivr-good">${gettext('can be published')}</span>` : ''}
    ${!mayChange ? '' : desk.edits ? html`<button type="button" data-do="discard">${gettext('Discard')}</button><button type="button" class="main" data-do="publish" data-testid="ivr-publish" ${bad ? html`disabled` : ''}>${gettext('Publish')} <kbd>P</kbd></button>` : about.draft ? html`<button type="button" class="main" data-do="see" data-number="${about.draft}">${gettext('To the draft')} <kbd>E</kbd></button>` : html`<button type="button" class="main" data-do="edit" data-testid="ivr-edit">${gettext('Edit')} <kbd>E</kbd></button>`}`);
  $('#add').hidden = !desk.edits;
  render($('#alarms'), about.alarms.length ? html`<div class="warning" role="alert" data-testid="ivr-alarms"><b>${gettext('Prompts are missing; callers hear the default one.')}</b> ${about.alarms.map((/** @type {any} */ a) => html`<span class="chip bad">${a.name} (${a.language})</span> `)}</div>` : html``);
}

function drawTree() { render($('#tree'), drawing(desk.tree, desk.chosen, new Set(desk.problems.map((p) => p.node)))); }

function drawVersions() {
  const templates = html`<div class="row"><span class="muted">${gettext('Begin a draft from')}</span>${about.templates.map((/** @type {string} */ t) => html`<button type="button" data-do="begin" data-base="${t}" data-testid="ivr-begin-${t}">${said(TEMPLATE, t)}</button>`)}</div>`;
  render($('#pane-versions'), html`<div class="stack">${mayChange && !about.draft ? templates : ''}
    <div class="panel scroll"><table class="prompts" aria-label="${gettext('Menu versions')}"><thead><tr><th>${gettext('Version')}</th><th>${gettext('State')}</th><th>${gettext('Changed')}</th><th></th></tr></thead><tbody>${[...about.versions, { number: 0, state: 'published', state_label: gettext('built in'), note: '' }].map((v) => html`<tr data-testid="version-row" data-number="${v.number}"><td><b>${v.number || gettext('built in')}</b>${v.note ? html`<br><span class="muted">${v.note}</span>` : ''}</td><td>${v.number === about.in_force ? html`<span class="chip ok">${gettext('in force')}</span>` : html`<span class="chip">${v.state_label}</span>`}</td><td>${v.changed_at ? `${clock(v.changed_at, true)} ${v.changed_by}` : '–'}</td>
      <td><div class="row"><button type="button" class="quiet" data-do="see" data-number="${v.number}">${gettext('Look')}</button>${mayChange && v.state === 'published' && v.number && v.number !== about.in_force ? html`<button type="button" data-do="roll-back" data-number="${v.number}" data-testid="ivr-roll-back">${gettext('Roll back to it')}</button>` : ''}${mayChange && !about.draft ? html`<button type="button" class="quiet" data-do="begin" data-base="${v.number}">${gettext('Edit a copy')}</button>` : ''}</div></td></tr>`)}</tbody></table></div>
    <div class="panel scroll"><h2>${gettext('What was in force when')}</h2><table class="prompts" aria-label="${gettext('What was in force when')}"><thead><tr><th>${gettext('From')}</th><th>${gettext('Version')}</th><th>${gettext('By')}</th><th>${gettext('Reason')}</th></tr></thead><tbody>${about.publications.map((/** @type {any} */ p) => html`<tr><td>${clock(p.at, true)}</td><td>${p.version}</td><td>${p.by}</td><td class="words">${p.why}</td></tr>`)}${about.publications.length ? '' : html`<tr><td colspan="4" class="empty">${gettext('Nothing was published yet.')}</td></tr>`}</tbody></table></div></div>`);
}

/** @param {string} name */
function choose(name) {
  desk.chosen = name;
  drawTree();
  editor.show(desk);
}

/** @param {string} tab */
function openTab(tab) {
  for (const name of ['tree', 'prompts', 'versions']) {
    $(`#tab-${name}`).setAttribute('aria-selected', String(name === tab));
    $(`#pane-${name}`).hidden = name !== tab;
  }
  if (window.location.hash !== `#${tab}`) window.history.replaceState(null, '', `#${tab}`);
}

/** @param {string} base */
async function begin(base) {
  try { const made = await api.post('/api/ivr/versions', { base }); await read(made.number); openTab('tree'); } catch (error) { complain(error); }
}

/** @param {number} number @param {string} action @param {string} [why] */
async function act(number, action, why = '') {
  try {
    await save();
    await api.post(`/api/ivr/versions/${number}/actions`, { action, why });
    toast(action === 'publish' ? gettext('The next caller hears version %(n)s.', { n: number }) : gettext('The draft is discarded.'));
    await read();
  } catch (error) { complain(error); }
}

async function publish(number = shown.number, rolled = false) {
  const why = await askReason(rolled ? gettext('Roll back to version %(n)s', { n: number }) : gettext('Publish version %(n)s', { n: number }), rolled ? gettext('Roll back') : gettext('Publish'));
  if (why) await act(number, 'publish', why);
}

function add() {
  if (!desk.edits) return;
  const dialog = open(html`<form data-testid="ivr-add-form"><h2>${gettext('Add a node')}</h2><div class="field"><label for="add-kind">${gettext('What it does')}</label><select id="add-kind" name="kind">${Object.keys(KIND).map((k) => html`<option value="${k}">${said(KIND, k)}</option>`)}</select></div><div class="field"><label for="add-name">${gettext('Name')}</label><input id="add-name" name="name" required pattern="[a-z][a-z0-9\\-]*" maxlength="40" autocomplete="off"></div><p class="muted">${gettext('Small letters, digits and hyphens. Then let a key or another node lead to it.')}</p><div class="row"><button class="main">${gettext('Add')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const { kind, name } = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
    if (desk.tree.nodes[name]) { complain(gettext('There is a node of that name.')); return; }
    dialog.close();
    desk.tree.nodes[name] = editor.blank(kind, desk.tree);
    desk.chosen = name;
    desk.changed();
    editor.show(desk);
  });
  $('#add-kind', dialog).focus();
}

/** @param {string} name without which the tree is left */
function remove(name) {
  delete desk.tree.nodes[name];
  desk.chosen = desk.tree.start;
  desk.changed();
  editor.show(desk);
}

/** @param {number} by */
function move(by) {
  const names = order(desk.tree);
  const next = names[Math.max(0, Math.min(names.length - 1, names.indexOf(desk.chosen) + by))];
  if (next) { choose(next); document.getElementById(`leaf-${next}`)?.scrollIntoView({ block: 'nearest' }); }
}

const edit = () => { if (!mayChange || desk.edits) return; if (about.draft) read(about.draft); else begin(about.in_force ? String(about.in_force) : 'full'); };
const node = () => desk.tree.nodes[desk.chosen];
onDo(document.body, {
  tab: (part) => openTab(part.dataset.tab || 'tree'),
  choose: (part) => choose(part.dataset.node || ''),
  edit, add,
  begin: (part) => begin(part.dataset.base || ''),
  see: (part) => { read(Number(part.dataset.number)).then(() => openTab('tree')).catch(complain); },
  publish: () => publish(),
  'roll-back': (part) => publish(Number(part.dataset.number), true),
  discard: async () => { await act(shown.number, 'discard'); },
  'first-problem': () => { const first = desk.problems.find((p) => desk.tree.nodes[p.node]); if (first) choose(first.node); else if (desk.problems.length) complain(desk.problems[0].text); },
  'play-prompt': (part) => prompts.play(part.dataset.prompt || ''),
  unsay: (part) => { node().say.splice(Number(part.dataset.index), 1); desk.changed(); editor.show(desk); },
  'say-more': () => { node().say = [...(node().say || []), about.prompts[0]]; desk.changed(); editor.show(desk); },
  unkey: (part) => { delete node().keys[part.dataset.key || '']; desk.changed(); editor.show(desk); },
  'key-more': () => { const free = ['2', '3', '4', '5', '6', '7', '8', '9', '*', '#'].find((k) => !(node().keys || {})[k]); if (free) { node().keys = { ...node().keys, [free]: desk.tree.start }; desk.changed(); editor.show(desk); } },
  'start-here': () => { desk.tree.start = desk.chosen; desk.changed(); editor.show(desk); },
  remove: () => remove(desk.chosen),
  press: (part) => preview.give({ key: part.dataset.key }),
  silence: () => preview.give({ silence: true }),
  result: (part) => preview.give({ result: part.dataset.result }),
  again: () => preview.restart(),
  hear: (part) => preview.hear(Number(part.dataset.index)),
});
$('#node').addEventListener('change', (event) => {
  const input = event.target;
  if (!(input instanceof HTMLInputElement || input instanceof HTMLSelectElement)) return;
  editor.take(desk, input);
  if (input.name === 'key' || input.name === 'what' || input.name === 'say') editor.show(desk);
});
$('#node').addEventListener('submit', (event) => event.preventDefault());
$('#preview').addEventListener('change', (event) => { if (event.target instanceof HTMLElement) preview.changed(event.target); });
// While the telephone has the focus, number keys are the telephone's.
$('#preview').addEventListener('keydown', (event) => { if (/^[0-9*#]$/.test(event.key) && !(event.target instanceof HTMLSelectElement)) { event.preventDefault(); event.stopPropagation(); preview.give({ key: event.key }); } });
keys(
  { key: '1', text: gettext('menu'), run: () => openTab('tree') }, { key: '2', text: gettext('prompts'), run: () => openTab('prompts') }, { key: '3', text: gettext('versions'), run: () => openTab('versions') },
  { key: 'j', text: gettext('next'), run: () => move(1) }, { key: 'k', text: gettext('previous'), run: () => move(-1) },
  { key: 'e', text: gettext('edit'), run: edit }, { key: 'n', text: gettext('add a node'), run: add }, { key: 'p', text: gettext('publish'), run: () => { if (desk.edits && !desk.problems.length) publish(); } },
  { key: 't', text: gettext('try it: then press the telephone’s keys'), run: () => { openTab('tree'); $('#preview [data-key="2"]').focus(); } },
);
on('ivr.changed prompt.missing prompt.changed resumed', () => { if (!unsaved) read(shown ? shown.number : undefined).catch(() => read().catch(complain)); prompts.read().catch(complain); });
openTab(['prompts', 'versions'].includes(window.location.hash.slice(1)) ? window.location.hash.slice(1) : 'tree');
prompts.start().then(() => read()).then(() => preview.start({ tree: () => desk.tree, play: (prompt, language) => prompts.play(prompt, language), follow: (name) => { if (desk.tree.nodes[name]) choose(name); } })).catch(complain);
window.addEventListener('beforeunload', (event) => { if (unsaved) event.preventDefault(); });
