// @ts-check
// All shut-offs: what is off now, what comes, and the next fourteen days as a board.
import { api } from './api.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page } from './page.js';
import { planForm } from './shutoffs/form.js';
import { hours, noticeLine, overlapLine, stateKind, stateWord } from './shutoffs/parts.js';
import { clock, figure } from './time.js';
import { complain } from './toast.js';

/** @type {any} */ let data = null;
let chosen = '';
const mayPlan = ['engineer', 'supervisor'].includes(page.role);

/** @param {any} s */
function row(s) {
  const off = s.state === 'active' || s.state === 'partly_restored';
  return html`<li data-state="${s.state}" data-number="${s.number}" data-testid="shutoff-row" ${s.number === chosen ? html`data-chosen` : ''}><a href="/shutoffs/${s.number}">
    <span class="no"><b>${s.number}</b><span class="chip ${stateKind(s.state)}">${stateWord(s.state)}</span></span>
    <span class="what"><b>${s.cause || (s.planned ? gettext('planned works') : gettext('burst or leak'))}</b><span class="muted">${s.streets.slice(0, 5).join(', ')}${s.streets.length > 5 ? '…' : ''}</span> ${overlapLine(s)}</span>
    <span class="when">${hours(s)}</span>
    <span class="many">${off ? html`<b>${figure(s.off_now)}</b> <span class="muted">${gettext('of %(total)s without water', { total: figure(s.customers) })}</span>` : html`<b>${figure(s.customers)}</b> <span class="muted">${ngettext('customer', 'customers', s.customers)}</span>`}
      ${s.priority_customers ? html`<br><span class="soon">${ngettext('%(count)s priority customer', '%(count)s priority customers', s.priority_customers)}</span>` : ''}
      ${s.notice ? html`<br>${noticeLine(s.notice, s.state)}` : ''}</span></a></li>`;
}

/** @param {string} title @param {any[]} rows @param {string} none */
const section = (title, rows, none) => html`<h2>${title} <span class="muted">${rows.length || ''}</span></h2>${rows.length ? html`<ol class="rows">${rows.map(row)}</ol>` : html`<p class="muted">${none}</p>`}`;

function draw() {
  const all = data.shutoffs;
  const going = all.filter((/** @type {any} */ s) => ['active', 'partly_restored'].includes(s.state));
  const ahead = all.filter((/** @type {any} */ s) => ['draft', 'approved', 'noticed'].includes(s.state));
  const over = all.filter((/** @type {any} */ s) => ['restored', 'closed'].includes(s.state));
  render($('#list'), html`${section(gettext('Water off now'), going, gettext('Everybody has water, as far as valves tell.'))}${section(gettext('To come'), ahead, gettext('Nothing is planned.'))}${over.length ? section(gettext('Over, last two days'), over, '') : ''}`);
  const dry = going.reduce((/** @type {number} */ n, /** @type {any} */ s) => n + s.off_now, 0);
  $('#sum').textContent = dry ? ngettext('%(count)s customer without water', '%(count)s customers without water', dry, { count: figure(dry) }) : '';
  board([...going, ...ahead.filter((/** @type {any} */ s) => s.planned)]);
}

/** @param {any[]} list */
function board(list) {
  const start = Date.parse(data.from); const length = data.days * 86400e3;
  const days = Array.from({ length: data.days }, (_, i) => new Date(start + i * 86400e3 + 43200e3));
  const name = new Intl.DateTimeFormat(page.lang === 'zh-hans' ? 'zh-CN' : 'en-GB', { weekday: 'short', day: 'numeric', timeZone: page.tz });
  const place = (/** @type {number} */ at) => Math.min(100, Math.max(0, ((at - start) / length) * 100));
  const bars = list.map((s) => {
    const from = Date.parse(s.since || s.from); const to = Math.max(Date.parse(s.since ? s.back_at : s.to), s.since ? Date.now() : 0);
    return { s, left: place(from), width: place(to) - place(from), seen: to > start && from < start + length };
  }).filter((b) => b.seen);
  render($('#board'), html`<h2>${gettext('The next 14 days')}</h2><div class="board" data-testid="board"><span></span><div class="days">${days.map((d) => html`<span class="${[0, 6].includes(d.getDay()) ? 'off' : ''}">${name.format(d)}</span>`)}</div>
    ${bars.map((b) => html`<a href="/shutoffs/${b.s.number}">${b.s.number}</a><div class="track"><i data-left="${place(Date.now())}"></i><a href="/shutoffs/${b.s.number}" data-state="${b.s.state}" data-left="${b.left}" data-width="${b.width}" ${b.s.overlaps.length ? html`data-overlap` : ''} title="${b.s.number} ${clock(b.s.since || b.s.from, true)} – ${clock(b.s.back_at || b.s.to, true)}" aria-label="${b.s.number} ${stateWord(b.s.state)}"></a></div>`)}</div>
    ${bars.length ? '' : html`<p class="muted">${gettext('Nothing is planned.')}</p>`}`);
  // Places on the board are computed: a style in the markup would be refused by the page's policy.
  document.querySelectorAll('#board [data-left]').forEach((e) => { if (e instanceof HTMLElement) { e.style.left = `${e.dataset.left}%`; if (e.dataset.width) e.style.width = `${e.dataset.width}%`; } });
}

async function read() {
  try { data = await api.get('/api/shutoffs'); draw(); } catch (error) { complain(error); }
}

/** @param {number} step */
function move(step) {
  const rows = data ? data.shutoffs.map((/** @type {any} */ s) => s.number) : [];
  if (!rows.length) return;
  chosen = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(chosen) + step))];
  draw();
  document.querySelector('[data-chosen]')?.scrollIntoView({ block: 'nearest' });
}

/** @param {string} [asset] */
async function plan(asset = '') {
  if (!mayPlan) return;
  const made = await planForm('/api/shutoffs', asset ? { targets: [asset] } : {});
  if (made) location.href = `/shutoffs/${made.number}`;
}

$('#plan').hidden = !mayPlan;
onDo(document.body, { plan: () => plan() });
keys(
  { key: 'j', text: gettext('Next shut-off'), run: () => move(1) }, { key: 'k', text: gettext('Previous shut-off'), run: () => move(-1) },
  { key: 'Enter', text: gettext('Open it'), run: () => { if (chosen) location.href = `/shutoffs/${chosen}`; } },
  ...(mayPlan ? [{ key: 'n', text: gettext('Plan works'), run: () => { plan(); } }] : []),
);
on('shutoff.planned shutoff.replanned shutoff.started shutoff.changed shutoff.water_back shutoff.restored shutoff.cancelled valve.closed valve.opened resumed', () => { read(); });
setInterval(() => { if (data) draw(); }, 30000);
await read();
const asked = new URLSearchParams(location.search).get('plan');
if (asked !== null) plan(asked.slice(0, 60));
