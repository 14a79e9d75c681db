// @ts-check
// Five figures, each with its definition, its two counts and its course.
import { api } from './api.js';
import { shifted, wall } from './crews/week.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { page } from './page.js';
import { share } from './share.js';
import { figure } from './time.js';
import { complain } from './toast.js';
import { word } from './words.js';

/** @param {any} f */
function shown(f) {
  if (f.value === null || f.value === undefined) return '–';
  if (f.unit === '%') return share(f.value, 1);
  if (f.unit === 'min') return gettext('%(n)s min', { n: figure(f.value, 2) });
  return figure(f.value, Number.isInteger(f.value) ? 0 : 1);
}

/** The counts behind a figure, so that everybody can divide for themselves. @param {any} f */
function parts(f) {
  const p = f.parts || {};
  if (f.id === 'connect_rate') return gettext('%(a)s of %(b)s; %(c)s hung up at once', { a: figure(p.answered), b: figure(p.offered), c: figure(p.short_abandons) });
  if (f.id === 'minutes_per_property') return gettext('%(a)s min over %(b)s properties', { a: figure(p.minutes, 1), b: figure(p.properties) });
  return 'all' in p ? gettext('%(a)s of %(b)s', { a: figure(p.met), b: figure(p.all) }) : '';
}

/** @type {any[]} */ const charts = [];

/** A small picture: answered over offered by hour, or one bar per kind.
 * @param {HTMLElement} holder @param {any} f @param {any} echarts */
function chart(holder, f, echarts) {
  const css = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
  const label = { color: colour('--ink-3'), fontSize: 11 };
  const drawn = echarts.init(holder, null, { renderer: 'svg' });
  const kinds = f.series[0] && 'kind' in f.series[0];
  const names = f.series.map((/** @type {any} */ row) => (kinds ? word('kind', row.kind) : String(row.at).slice(5, 16).replace('T', ' ')));
  const bar = (/** @type {string} */ name, /** @type {string} */ key, /** @type {string} */ tint) => ({ name, type: 'bar', data: f.series.map((/** @type {any} */ row) => row[key]), itemStyle: { color: colour(tint) }, barGap: '-100%', barMaxWidth: 22 });
  drawn.setOption({
    animation: false, grid: kinds ? { left: 92, right: 28, top: 4, bottom: 4 } : { left: 32, right: 8, top: 8, bottom: 22 }, tooltip: { trigger: 'axis', renderMode: 'richText' },
    [kinds ? 'yAxis' : 'xAxis']: { type: 'category', data: names, inverse: Boolean(kinds), axisTick: { show: false }, axisLine: { lineStyle: { color: colour('--line-strong') } }, axisLabel: { ...label, hideOverlap: true } },
    [kinds ? 'xAxis' : 'yAxis']: { type: 'value', minInterval: 1, show: !kinds, splitLine: { lineStyle: { color: colour('--line') } }, axisLabel: label },
    series: kinds ? [{ ...bar(gettext('Tickets'), 'count', '--accent'), label: { show: true, position: 'right', ...label } }] : [bar(gettext('offered'), 'offered', '--line-strong'), bar(gettext('answered'), 'answered', '--accent')],
  });
  charts.push(drawn);
}

async function read() {
  const form = /** @type {HTMLFormElement} */ ($('#range'));
  const data = new FormData(form);
  try {
    const answer = await api.get(`/api/bi/summary?from=${encodeURIComponent(String(data.get('from') || ''))}&to=${encodeURIComponent(after(String(data.get('to') || '')))}`);
    const figures = answer.figures;
    render($('#figures'), figures.length ? html`${figures.map((/** @type {any} */ f, /** @type {number} */ i) => html`<article class="panel figure" data-testid="figure" data-name="${f.id}"><h2>${f.name}</h2><p class="value">${shown(f)}</p>
      <p class="counts">${parts(f)}</p>
      ${(f.series || []).length ? html`<div class="chart" data-chart="${i}"></div>` : f.value === null ? html`<p class="muted">${gettext('Nothing was counted in this time.')}</p>` : ''}<p class="definition">${f.definition}</p></article>`)}` : html`<p class="empty">${gettext('Nothing was counted in this time.')}</p>`);
    charts.splice(0).forEach((c) => c.dispose());
    const holders = document.querySelectorAll('[data-chart]');
    if (!holders.length) return;
    const echarts = await import('echarts');
    holders.forEach((holder) => chart(/** @type {HTMLElement} */ (holder), figures[Number(/** @type {HTMLElement} */ (holder).dataset.chart)], echarts));
  } catch (error) { complain(error); }
}

/** The range on screen includes its last day; the server's ends before it. @param {string} date '' for none */
const after = (date) => date && shifted(date, 1);

const today = wall(new Date().toISOString(), page.tz).day;
/** @type {HTMLInputElement} */ ($('#from')).value = shifted(today, -6);
/** @type {HTMLInputElement} */ ($('#to')).value = today;
$('#range').addEventListener('change', read);
$('#range').addEventListener('submit', (event) => { event.preventDefault(); read(); });
addEventListener('resize', () => charts.forEach((c) => c.resize()));
read();
