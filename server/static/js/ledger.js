// @ts-check
// Minutes without water: a period, the moment whose knowledge is asked for, and who said so.
import { api } from './api.js';
import { open } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { around, beside, shifted } from './ledger/period.js';
import { page } from './page.js';
import { share } from './share.js';
import { clock, figure } from './time.js';
import { complain } from './toast.js';

const form = /** @type {HTMLFormElement} */ ($('#period'));
const field = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ ($(`#${id}`));
const today = new Intl.DateTimeFormat('en-CA', { timeZone: page.tz }).format(new Date());
const locale = page.lang === 'zh-hans' ? 'zh-CN' : 'en-GB';

/** What the address says is what is shown, so that a link is a finding. */
const said = new URLSearchParams(location.search);
const isDay = (/** @type {string | null} */ text) => Boolean(text && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)));
let unit = ['day', 'week', 'month', 'year', 'custom'].includes(said.get('unit') || '') ? String(said.get('unit')) : 'month';
/** @type {[string, string]} */
let span = isDay(said.get('from')) && isDay(said.get('to')) && String(said.get('from')) < String(said.get('to')) ? [String(said.get('from')), String(said.get('to'))] : around(unit === 'custom' ? 'month' : unit, today);
let asOf = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(said.get('as_of') || '') ? String(said.get('as_of')) : '';
let grouping = 'by_zone';
let turn = 0;

const query = () => { const q = new URLSearchParams({ from: span[0], to: span[1] }); if (asOf) q.set('as_of', asOf); return q; };
const minutes = (/** @type {number | null} */ n) => (typeof n === 'number' ? gettext('%(n)s min', { n: figure(n, n && n < 100 ? 1 : 0) }) : '–');

function name() {
  const day = (/** @type {string} */ iso, /** @type {Intl.DateTimeFormatOptions} */ shape) => new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...shape }).format(new Date(`${iso}T00:00:00Z`));
  const last = shifted(span[1], -1);
  if (unit === 'day') return day(span[0], { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
  if (unit === 'month') return day(span[0], { month: 'long', year: 'numeric' });
  if (unit === 'year') return day(span[0], { year: 'numeric' });
  return `${day(span[0], { day: 'numeric', month: 'short' })} – ${day(last, { day: 'numeric', month: 'short', year: 'numeric' })}`;
}

/** Two parts of a whole, with their words and numbers. @param {string} a @param {number} first @param {string} b @param {number} second */
function parts(a, first, b, second) {
  const whole = first + second;
  const cut = whole ? (100 * first) / whole : 0;
  return html`<div class="parts"><svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">${whole ? html`<rect width="${cut}" height="4"></rect><rect class="b" x="${cut}" width="${100 - cut}" height="4"></rect>` : ''}</svg>
    <dl><i></i><dt>${a}</dt><dd>${minutes(first)}</dd><i class="b"></i><dt>${b}</dt><dd>${minutes(second)}</dd></dl></div>`;
}

/** @param {string} id @param {string} title @param {any} value @param {any} counts @param {string} definition */
const card = (id, title, value, counts, definition) => html`<article class="panel figure" data-testid="ledger-figure" data-name="${id}"><h2>${title}</h2>${value ? html`<p class="value">${value}</p>` : ''}<div class="counts">${counts}</div><p class="definition">${definition}</p></article>`;

/** @param {any} l */
function figures(l) {
  const d = l.definitions;
  return html`${card('minutes', gettext('Customer-minutes lost'), figure(l.minutes, 0), ngettext('%(count)s premise was without water', '%(count)s premises were without water', l.premises, { count: figure(l.premises) }), d.minutes)}
    ${card('per_property', gettext('Per property served'), html`${figure(l.per_property, 2)} <small>${gettext('min')}</small>`, gettext('%(a)s min over %(b)s properties', { a: figure(l.minutes, 1), b: figure(l.properties) }), d.per_property)}
    ${card('over_3h_per_property', gettext('Per property, 3 h and more'), html`${figure(l.over_3h_per_property, 2)} <small>${gettext('min')}</small>`, gettext('%(a)s min over %(b)s properties', { a: figure(l.over[0].minutes, 1), b: figure(l.properties) }), d.over_3h_per_property)}
    ${card('interruptions', gettext('Interruptions'), figure(l.interruptions), gettext('%(a)s per property; %(b)s min on average', { a: figure(l.interruptions_per_property, 3), b: figure(l.mean_minutes, 2) }), d.interruptions)}
    ${card('over', gettext('By length'), '', html`<table><tbody>${l.over.map((/** @type {any} */ o) => html`<tr><th>${gettext('%(n)s h and more', { n: o.hours })}</th><td class="n strong">${figure(o.interruptions)}</td><td class="n">${minutes(o.minutes)}</td></tr>`)}</tbody></table>`, d.over)}
    ${card('planned', gettext('Planned or not'), '', parts(gettext('unplanned'), l.unplanned, gettext('planned'), l.planned), d.planned)}
    ${card('confirmed', gettext('How sure it is'), '', parts(gettext('confirmed'), l.confirmed, gettext('modelled'), l.modelled), d.confirmed)}`;
}

/** @param {any} s */
const ended = (s) => (s.ended_at ? clock(s.ended_at, true) : html`<span class="still">${gettext('still off')}</span>`);

/** @param {any} answer */
function shutOffs(answer) {
  const rows = answer.shut_offs;
  return html`<header><h2>${gettext('Shut-offs')}</h2>${answer.truncated ? html`<span class="muted">${gettext('the first %(n)s', { n: rows.length })}</span>` : ''}</header>${rows.length ? html`<div class="scroll"><table class="cards"><thead><tr><th>${gettext('Number')}</th><th>${gettext('Cause')}</th><th>${gettext('Place')}</th><th>${gettext('Water off')}</th><th>${gettext('Water back')}</th><th class="n">${gettext('Customers')}</th><th class="n">${gettext('Minutes lost')}</th><th class="n">${gettext('Confirmed')}</th><th></th></tr></thead>
    <tbody>${rows.map((/** @type {any} */ s) => html`<tr data-testid="ledger-shutoff"><td><a href="/shutoffs/${s.number}">${s.number}</a></td><td><span class="chip">${s.cause_label}</span></td><td class="place wide">${s.place}</td><td data-label="${gettext('Water off')}">${clock(s.started_at, true)}</td><td data-label="${gettext('Water back')}">${ended(s)}</td>
      <td class="n" data-label="${gettext('Customers')}">${figure(s.premises)}</td><td class="n" data-label="${gettext('Minutes lost')}">${figure(s.minutes, 0)}</td><td class="n" data-label="${gettext('Confirmed')}">${share(s.confirmed_share)}</td><td class="wide"><button type="button" class="quiet" data-do="who" data-number="${s.number}" data-testid="ledger-who">${gettext('Premises')}</button></td></tr>`)}</tbody></table></div>
    <p class="muted">${gettext('Each shut-off is charged all its own minutes; where two cover one house the column adds up to more than the whole.')}</p>` : html`<p class="empty" data-testid="ledger-empty">${gettext('Nobody was without water in this time, as far as was known.')}</p>`}`;
}

/** @param {string} title @param {any[]} rows @param {any} [extra] */
const group = (title, rows, extra = '') => html`<section class="panel"><header><h2>${title}</h2>${extra}</header><div class="scroll"><table><thead><tr><th></th><th class="n">${gettext('Customers')}</th><th class="n">${gettext('Minutes lost')}</th><th class="n">${gettext('of it planned')}</th><th class="n">${gettext('3 h and more')}</th></tr></thead>
  <tbody>${rows.map((r) => html`<tr><td>${r.label || r.key || gettext('none')}</td><td class="n">${figure(r.premises)}</td><td class="n">${figure(r.minutes, 0)}</td><td class="n">${figure(r.planned, 0)}</td><td class="n">${figure(r.over_3h)}</td></tr>`)}</tbody></table></div></section>`;

/** @param {any} l @param {any} s */
function groups(l, s) {
  if (!l.interruptions) return html``;
  const choice = (/** @type {string} */ key, /** @type {string} */ text) => html`<option value="${key}"${grouping === key ? html` selected` : ''}>${text}</option>`;
  return html`${group(gettext('By class of use'), l.by_class)}${group(gettext('By part of the network'), l[grouping], html`<select id="grouping" aria-label="${gettext('Part of the network')}">${choice('by_zone', gettext('pressure zone'))}${choice('by_dma', gettext('metered area'))}${choice('by_district', gettext('district'))}</select>`)}
    <section class="panel"><header><h2>${gettext('By cause')}</h2></header><table><thead><tr><th></th><th class="n">${gettext('Shut-offs')}</th><th class="n">${gettext('Minutes lost')}</th></tr></thead><tbody>${s.by_cause.map((/** @type {any} */ c) => html`<tr><td>${c.label}</td><td class="n">${figure(c.shut_offs)}</td><td class="n">${figure(c.minutes, 0)}</td></tr>`)}</tbody></table></section>`;
}

/** @type {any} */ let drawn = null;
/** @param {any} course */
async function chart(course) {
  const some = course.rows.some((/** @type {any} */ r) => r.planned || r.unplanned);
  $('#course-panel').hidden = !some;
  if (drawn) { drawn.dispose(); drawn = null; }
  if (!some) return;
  const echarts = await import('echarts');
  const css = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ token) => css.getPropertyValue(token).trim();
  const label = { color: colour('--ink-3'), fontSize: 11 };
  const cut = { hour: [11, 16], day: [5, 10], month: [0, 7], year: [0, 4] }[/** @type {'hour'} */ (course.unit)] || [0, 10];
  drawn = echarts.init($('#course'), null, { renderer: 'svg' });
  const bar = (/** @type {string} */ title, /** @type {string} */ key, /** @type {string} */ tint) => ({ name: title, type: 'bar', stack: 'all', data: course.rows.map((/** @type {any} */ r) => Math.round(r[key])), itemStyle: { color: colour(tint) }, barMaxWidth: 26 });
  drawn.setOption({
    animation: false, grid: { left: 8, right: 8, top: 28, bottom: 4, containLabel: true }, tooltip: { trigger: 'axis', renderMode: 'richText' }, legend: { top: 0, right: 0, textStyle: { ...label, fontSize: 12 }, itemWidth: 12, itemHeight: 12, selectedMode: false },
    xAxis: { type: 'category', data: course.rows.map((/** @type {any} */ r) => String(r.at).slice(cut[0], cut[1])), axisTick: { show: false }, axisLine: { lineStyle: { color: colour('--line-strong') } }, axisLabel: { ...label, hideOverlap: true } },
    yAxis: { type: 'value', name: gettext('min'), nameTextStyle: label, minInterval: 1, splitLine: { lineStyle: { color: colour('--line') } }, axisLabel: label },
    series: [bar(gettext('unplanned'), 'unplanned', '--accent'), bar(gettext('planned'), 'planned', '--line-strong')],
  });
}

/** @type {[any, any] | null} */ let shown = null;
async function read() {
  turn += 1;
  const mine = turn;
  field('unit').value = unit; field('from').value = span[0]; field('to').value = shifted(span[1], -1); field('as-of').value = asOf;
  $('#custom').hidden = unit !== 'custom'; $('#now').hidden = !asOf; $('#period-name').textContent = name();
  const asked = query();
  history.replaceState(null, '', `?${new URLSearchParams({ unit, ...Object.fromEntries(asked) })}`);
  field('csv').setAttribute('href', `/api/ledger.csv?${asked}`);
  try {
    const both = await Promise.all([api.get(`/api/ledger?${asked}`), api.get(`/api/ledger/shutoffs?${asked}`)]);
    if (mine !== turn) return; // another period was chosen meanwhile
    const [ledger, offs] = shown = /** @type {[any, any]} */ (both);
    const known = $('#known');
    known.toggleAttribute('data-past', Boolean(asOf));
    const when = new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', hour12: false, timeZone: page.tz }).format(new Date(ledger.as_of));
    known.textContent = asOf ? gettext('As known on %(when)s. What was recorded later is left out.', { when }) : gettext('As known now, %(when)s. What is still off counts up to now.', { when });
    render($('#figures'), figures(ledger));
    render($('#shut-offs'), shutOffs(offs));
    render($('#groups'), groups(ledger, offs));
    await chart(ledger.course);
  } catch (error) { if (mine === turn) complain(error); }
}

/** Who was dry in a shut-off; each premise opens its facts. @param {string} number */
async function who(number) {
  try {
    const answer = await api.get(`/api/ledger/shutoffs/${encodeURIComponent(number)}?${query()}`);
    const dialog = open(html`<div class="stack"><h2>${gettext('Without water in %(number)s', { number })}</h2><div class="scroll" data-list></div><div class="row"><button type="button" data-do="back" hidden>${gettext('Back to the list')}</button><button type="button" data-cancel>${gettext('Close')}</button></div></div>`);
    dialog.classList.add('drill');
    const list = $('[data-list]', dialog);
    const back = $('[data-do="back"]', dialog);
    const everybody = () => { back.hidden = true; render(list, html`<table><thead><tr><th>${gettext('Premise')}</th><th>${gettext('Class')}</th><th>${gettext('Water off')}</th><th>${gettext('Water back')}</th><th class="n">${gettext('Minutes lost')}</th></tr></thead><tbody>${answer.premises.map((/** @type {any} */ p) => html`<tr><td><button type="button" class="quiet" data-do="premise" data-code="${p.premise}" data-testid="ledger-premise">${p.address}</button></td><td>${p.class_label}</td><td>${clock(p.off_at, true)}</td><td>${ended({ ended_at: p.on_at })}</td><td class="n">${figure(p.minutes, 1)}</td></tr>`)}</tbody></table>${answer.truncated ? html`<p class="muted">${gettext('The export has them all.')}</p>` : ''}`); };
    everybody();
    onDo(dialog, {
      back: everybody,
      premise: async (target) => {
        try {
          const found = await api.get(`/api/ledger/premises/${encodeURIComponent(String(target.dataset.code))}${asOf ? `?as_of=${asOf}` : ''}`);
          render(list, facts(found));
          back.hidden = false; back.focus();
        } catch (error) { complain(error); }
      },
    });
  } catch (error) { complain(error); }
}

/** @param {any} p */
const facts = (p) => html`<h3>${p.address} · ${p.premise}</h3><table data-testid="ledger-facts"><thead><tr><th>${gettext('Said')}</th><th>${gettext('Happened')}</th><th>${gettext('Recorded')}</th><th>${gettext('Basis')}</th><th>${gettext('Who said so')}</th><th>${gettext('Shut-off')}</th></tr></thead>
  <tbody>${p.facts.map((/** @type {any} */ f) => html`<tr${f.taken_back ? html` class="off-record"` : ''}><td>${f.kind_label}</td><td>${f.kind === 'void' ? '' : clock(f.at, true)}</td><td>${clock(f.recorded_at, true)}</td><td>${f.basis_label}</td><td>${f.by}${f.source ? html` · ${f.source_label}` : ''}</td><td>${f.shut_off}</td></tr>`)}</tbody></table>`;

onDo(document.body, {
  earlier: () => { span = beside(unit, span, -1); read(); },
  later: () => { span = beside(unit, span, 1); read(); },
  now: () => { asOf = ''; read(); },
  who: (target) => { who(String(target.dataset.number)); },
});
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('change', (event) => {
  const changed = /** @type {HTMLElement} */ (event.target).id;
  if (changed === 'unit') { unit = field('unit').value; if (unit !== 'custom') span = around(unit, span[0] <= today && today < span[1] ? today : span[0]); }
  if (changed === 'as-of') asOf = field('as-of').value.slice(0, 16);
  if ((changed === 'from' || changed === 'to') && field('from').value && field('to').value) span = [field('from').value, shifted(field('to').value, 1)];
  read();
});
$('#groups').addEventListener('change', (event) => { grouping = /** @type {HTMLSelectElement} */ (event.target).value; if (shown) render($('#groups'), groups(...shown)); });
addEventListener('resize', () => { if (drawn) drawn.resize(); });
read();
