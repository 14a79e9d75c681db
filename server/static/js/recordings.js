// @ts-check
// The page of recordings: search, hear with a reason, hold, class; alarms and gaps above and below.
import { api } from './api.js';
import { askReason, open } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page } from './page.js';
import { ask, play } from './recordings/player.js';
import { keepingOf, ratingFact, sizeText } from './recordings/state.js';
import { clock, stopwatch } from './time.js';
import { complain, toast } from './toast.js';
import { word } from './words.js';

/** @type {any[]} */ let rows = [];
/** @type {any} */ let state = null;
/** @type {any} */ let shown = null;
let asked = new URLSearchParams(location.search);
/** @type {(() => void) | null} */ let ending = null;
const boss = page.role === 'supervisor';
const form = /** @type {HTMLFormElement} */ ($('#search'));

/** @param {any} r */
const line = (r) => html`<tr tabindex="-1" data-do="choose" data-call="${r.call}" data-testid="rec-row" class="${r.removed_at ? 'gone' : ''}" aria-selected="${shown && shown.call === r.call ? 'true' : 'false'}"><td title="${clock(r.started_at, true)}">${clock(r.started_at, true)}</td>
  <td>${r.customer ? html`${r.customer}<br>` : ''}<span class="muted">${r.from_masked || gettext('number hidden')}</span>${r.ticket ? html` <span class="chip">${r.ticket}</span>` : ''}</td><td>${r.agent_name || (r.kind === 'message' ? gettext('message') : '–')}</td><td class="n">${stopwatch(r.seconds)}</td>
  <td>${r.removed_at ? gettext('removed') : r.retention ? word('retention', r.retention) : gettext('not sealed yet')}${r.held ? html` <span class="chip warn">${gettext('legal hold')}</span>` : ''}</td></tr>`;

async function read() {
  try {
    const answer = await api.get(`/api/recordings?${asked}`);
    rows = answer.recordings;
    $('#rec-count').textContent = ngettext('%(count)s recording', '%(count)s recordings', answer.total);
    draw();
    render($('#pages'), answer.pages > 1 ? html`<button type="button" data-do="page" data-page="${answer.page - 1}" ${answer.page > 1 ? '' : html`disabled`}>${gettext('Newer')}</button><span>${answer.page} / ${answer.pages}</span><button type="button" data-do="page" data-page="${answer.page + 1}" ${answer.page < answer.pages ? '' : html`disabled`}>${gettext('Older')}</button>` : html``);
  } catch (error) { complain(error); }
}

function draw() {
  render($('#list'), rows.length ? html`${rows.map(line)}` : html`<tr><td colspan="5" class="empty">${asked.toString() ? gettext('No recording fits.') : gettext('There is no recording yet. Answered calls appear here a second after their end.')}</td></tr>`);
  const chosen = document.querySelector('#list tr[aria-selected="true"]') || document.querySelector('#list tr[data-call]');
  if (chosen instanceof HTMLElement) chosen.tabIndex = 0;
}

async function readState() {
  try {
    state = await api.get('/api/recordings/state');
    render($('#alarms'), html`${state.alarms.map((/** @type {any} */ a) => html`<li data-testid="alarm" data-code="${a.code}"><b>${a.text}</b> <span class="muted">${gettext('since %(at)s', { at: clock(a.since, true) })}</span></li>`)}`);
    render($('#keeping'), keepingOf(state));
    const picker = /** @type {HTMLSelectElement} */ ($('#retention'));
    if (picker.options.length === 1) for (const name of Object.keys(state.retention)) picker.add(new Option(word('retention', name), name));
    picker.value = asked.get('retention') || '';
    const gaps = (await api.get('/api/recordings/gaps')).gaps;
    $('#gaps').hidden = !gaps.length;
    render($('#gaps'), html`<h2 id="gaps-title">${gettext('Answered calls without their recording')}</h2><div class="scroll"><table class="cards"><thead><tr><th>${gettext('Call')}</th><th>${gettext('Caller')}</th><th>${gettext('Agent')}</th><th>${gettext('What')}</th><th class="n">${gettext('Lacking')}</th><th></th></tr></thead><tbody>${gaps.map((/** @type {any} */ g) => html`<tr data-testid="gap" data-call="${g.call}" class="${g.closed_at ? 'gone' : ''}"><td>${clock(g.started_at, true)}</td><td>${g.from_masked || gettext('number hidden')}</td><td>${g.agent || '–'}</td><td>${g.label}</td><td class="n">${stopwatch(g.seconds)}</td>
      <td>${g.closed_at ? (g.closed_how === 'found' ? gettext('turned up %(at)s', { at: clock(g.closed_at, true) }) : html`${g.closed_by}: ${g.note}`) : boss ? html`<button type="button" data-do="gap" data-id="${g.id}" data-testid="gap-close">${gettext('Say why…')}</button>` : gettext('open')}</td></tr>`)}</tbody></table></div>`);
  } catch (error) { complain(error); }
}

/** @param {string} call */
async function choose(call) {
  try {
    const detail = await api.get(`/api/recordings/${encodeURIComponent(call)}`);
    if (!shown || shown.call !== call) stop();
    shown = detail;
    drawDetail();
    draw();
  } catch (error) { complain(error); }
}

function stop() { if (ending) ending(); ending = null; }

function drawDetail() {
  const d = shown;
  const panel = $('#detail');
  panel.dataset.empty = 'false';
  const player = panel.querySelector('[data-player]');
  render(panel, html`<header class="row spread"><h2>${clock(d.started_at, true)}, ${stopwatch(d.seconds)}</h2>${d.held ? html`<span class="chip warn">${gettext('legal hold')}</span>` : ''}</header><div data-player></div>
    ${d.removed_at ? html`<p class="warning">${gettext('Removed %(at)s.', { at: clock(d.removed_at, true) })}</p>` : html`<div class="row"><button type="button" class="main" data-do="listen" data-testid="rec-listen">${gettext('Listen')} <kbd>L</kbd></button>
      ${boss ? html`<button type="button" data-do="class" data-testid="rec-class">${gettext('Keep as…')}</button>` : ''}<button type="button" data-do="hold" data-testid="rec-hold">${d.held ? gettext('Lift the legal hold…') : gettext('Legal hold…')}</button></div>`}
    <dl class="facts"><dt>${gettext('Caller')}</dt><dd>${d.customer} ${d.from_masked || gettext('number hidden')}</dd><dt>${gettext('Agent')}</dt><dd>${d.agent_name || '–'}</dd>${d.ticket ? html`<dt>${gettext('Ticket')}</dt><dd><a href="/tickets/${d.ticket}">${d.ticket}</a></dd>` : ''}
      <dt>${gettext('Call')}</dt><dd><code>${d.call}</code></dd>${d.retention ? html`<dt>${gettext('Kept as')}</dt><dd>${word('retention', d.retention)}, ${gettext('until %(at)s', { at: clock(d.keep_until, true) })} ${new Date(d.keep_until).getFullYear()}</dd>` : ''}
      ${d.talk_s === null ? '' : html`<dt>${gettext('Talk, by the exchange')}</dt><dd>${stopwatch(d.talk_s)}</dd>`}${ratingFact(d.rating)}</dl>
    ${d.files.length ? html`<details data-key="files"><summary>${gettext('Files and checksums')}</summary><table><tbody>${d.files.map((/** @type {any} */ f) => html`<tr><td>${f.label}${f.repaired ? html` <span class="chip warn">${gettext('repaired')}</span>` : ''}</td><td class="n">${stopwatch(f.seconds)}</td><td class="n">${sizeText(f.size)}</td><td><code title="${f.sha256}">${f.sha256.slice(0, 16)}…</code></td></tr>`)}</tbody></table></details>` : ''}
    ${d.holds.map((/** @type {any} */ h) => html`<p>${gettext('Legal hold')}: ${h.reason} <span class="muted">${h.by}, ${clock(h.at, true)}${h.lifted_at ? html`; ${gettext('lifted')}: ${h.lifted_why}, ${h.lifted_by}, ${clock(h.lifted_at, true)}` : ''}</span></p>`)}
    <details data-key="log" open><summary>${gettext('Who asked for it, and why')}</summary>${d.log.length ? html`<ul class="lines" data-testid="rec-log">${d.log.map((/** @type {any} */ a) => html`<li><time title="${clock(a.at, true)}">${clock(a.at)}</time><span>${a.by}: ${word('recording', a.action.replace('recording.', ''))}${a.note ? html` · ${a.note}` : ''}</span></li>`)}</ul>` : html`<p class="muted">${gettext('Nobody yet.')}</p>`}</details>`);
  // What is playing goes on while the facts around it are drawn again.
  if (ending && player) $('[data-player]', panel).replaceWith(player);
}

async function listen() {
  if (!shown || shown.removed_at) return;
  const call = shown.call;
  const told = await ask(call);
  if (!told || !shown || shown.call !== call) return;
  stop();
  ending = play($('[data-player]', $('#detail')), told, document.body);
  choose(call);
}

async function hold() {
  const held = shown.held;
  const reason = await askReason(held ? gettext('Lift the legal hold') : gettext('Put this recording under a legal hold'), held ? gettext('Lift it') : gettext('Hold it'));
  if (!reason) return;
  try { await api.post(`/api/recordings/${encodeURIComponent(shown.call)}/hold`, { on: !held, reason }); toast(held ? gettext('The hold is lifted.') : gettext('Nothing of it is removed until the hold is lifted.')); choose(shown.call); read(); } catch (error) { complain(error); }
}

function keepAs() {
  const dialog = open(html`<form><h2>${gettext('Keep this recording as')}</h2><div class="field"><label for="class">${gettext('Class')}</label><select id="class" name="retention">${Object.entries(state.retention).map(([name, days]) => html`<option value="${name}"${shown.retention === name ? html` selected` : ''}>${word('retention', name)}: ${ngettext('%(count)s day', '%(count)s days', /** @type {number} */ (days))}</option>`)}</select></div>
    <div class="field"><label for="reason">${gettext('Reason')}</label><input id="reason" name="reason" required minlength="3" maxlength="200" autocomplete="off"></div><div class="row"><button class="main">${gettext('Keep')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const asking = /** @type {HTMLFormElement} */ ($('form', dialog));
  asking.addEventListener('submit', async (event) => {
    event.preventDefault();
    try { await api.post(`/api/recordings/${encodeURIComponent(shown.call)}/retention`, Object.fromEntries(new FormData(asking))); dialog.close(); choose(shown.call); read(); } catch (error) { complain(error); }
  });
}

/** @param {string} id */
async function closeGap(id) {
  const note = await askReason(gettext('Why is this recording missing?'), gettext('Write it down'));
  if (!note) return;
  try { await api.post(`/api/recordings/gaps/${encodeURIComponent(id)}`, { note }); readState(); } catch (error) { complain(error); }
}

function search() {
  asked = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value) asked.set(name, String(value));
  history.replaceState(null, '', asked.toString() ? `?${asked}` : location.pathname);
  read();
}

/** @param {number} by */
function move(by) {
  const lines = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#list tr[data-call]')]);
  const now = lines.findIndex((l) => l === document.activeElement || (shown && l.dataset.call === shown.call && document.activeElement === document.body));
  const next = lines[Math.max(0, Math.min(lines.length - 1, now + by))];
  if (next) { for (const l of lines) l.tabIndex = -1; next.tabIndex = 0; next.focus(); }
}

onDo(document.body, {
  choose: (target) => { choose(String(target.dataset.call)); }, listen: () => { listen(); }, hold: () => { hold(); }, class: keepAs,
  gap: (target) => { closeGap(String(target.dataset.id)); }, page: (target) => { asked.set('page', String(target.dataset.page)); read(); },
});
form.addEventListener('submit', (event) => { event.preventDefault(); search(); });
form.addEventListener('change', search);
$('#list').addEventListener('keydown', (event) => {
  const row = event.target instanceof HTMLElement ? event.target.closest('tr[data-call]') : null;
  if (row instanceof HTMLElement && event.key === 'Enter') { event.preventDefault(); choose(String(row.dataset.call)); }
});
keys(
  { key: '/', text: gettext('search recordings'), run: () => $('#q').focus() },
  { key: 'j', text: gettext('next recording'), run: () => move(1) }, { key: 'ArrowDown', text: '', run: () => move(1) },
  { key: 'k', text: gettext('recording before'), run: () => move(-1) }, { key: 'ArrowUp', text: '', run: () => move(-1) },
  { key: 'l', text: gettext('listen, with a reason'), run: () => { listen(); } },
);
for (const [name, value] of asked) { const field = form.elements.namedItem(name); if (field instanceof HTMLInputElement && field.type === 'checkbox') field.checked = value === '1'; else if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value; }
on('call.recorded resumed', () => { read(); });
on('recordings.alarm recordings.gap', () => { readState(); });
read();
readState();
setInterval(() => { if (!document.hidden && !document.querySelector('dialog')) readState(); }, 20000);
