// @ts-check
// Five figures, each with its definition, its two counts and its course.
import { api } from './api.js';
import { $, html, render } from './html.js';
import { gettext } from './i18n.js';
import { share } from './share.js';
import { clock, figure, span } from './time.js';
import { complain } from './toast.js';

/** @param {any} f */
function shown(f) {
  if (f.value === null || f.value === undefined) return '–';
  if (f.unit === 'share') return share(f.value, 1);
  if (f.unit === 's' || f.unit === 'seconds') return span(f.value);
  return `${figure(f.value, Number.isInteger(f.value) ? 0 : 1)}${f.unit && f.unit !== 'count' ? ` ${f.unit}` : ''}`;
}

/** Figures as a list, whether they come as a list or by name. @param {any} answer */
function list(answer) {
  const figures = answer.figures || answer;
  return Array.isArray(figures) ? figures : Object.entries(figures).filter(([, f]) => f && typeof f === 'object' && 'definition' in f).map(([name, f]) => ({ name, .../** @type {any} */ (f) }));
}

/** @type {any[]} */ const charts = [];

/** @param {HTMLElement} holder @param {any} f @param {any} echarts */
function chart(holder, f, echarts) {
  const css = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
  const drawn = echarts.init(holder, null, { renderer: 'svg' });
  const points = (f.series || []).map((/** @type {any} */ p) => [Date.parse(p.at || p.t), p.value ?? p.v]).sort((/** @type {number[]} */ a, /** @type {number[]} */ b) => a[0] - b[0]);
  drawn.setOption({
    animation: false, grid: { left: 44, right: 8, top: 8, bottom: 22 }, textStyle: { fontFamily: 'inherit', color: colour('--ink-3') },
    xAxis: { type: 'time', axisLine: { lineStyle: { color: colour('--line-strong') } }, axisLabel: { hideOverlap: true, color: colour('--ink-3'), formatter: (/** @type {number} */ at) => clock(new Date(at).toISOString()) } },
    yAxis: { type: 'value', scale: f.unit !== 'count', splitLine: { lineStyle: { color: colour('--line') } }, axisLabel: { color: colour('--ink-3'), formatter: (/** @type {number} */ v) => f.unit === 'share' ? `${Math.round(v * 100)} %` : figure(v) } },
    tooltip: { trigger: 'axis', renderMode: 'richText', valueFormatter: (/** @type {any} */ v) => shown({ ...f, value: v }) },
    series: [{ type: 'line', data: points, showSymbol: points.length < 3, symbolSize: 6, lineStyle: { width: 2, color: colour('--accent') }, itemStyle: { color: colour('--accent') } }],
  });
  charts.push(drawn);
}

async function read() {
  const form = /** @type {HTMLFormElement} */ ($('#range'));
  const data = new FormData(form);
  try {
    const answer = await api.get(`/api/bi/summary?from=${encodeURIComponent(String(data.get('from') || ''))}&to=${encodeURIComponent(String(data.get('to') || ''))}`);
    const figures = list(answer);
    render($('#figures'), figures.length ? html`${figures.map((f, i) => html`<article class="panel figure" data-testid="figure" data-name="${f.name}"><h2>${f.title || f.label || f.name}</h2><p class="value">${shown(f)}</p>
      <p class="counts">${f.denominator !== undefined && f.denominator !== null ? gettext('%(a)s of %(b)s', { a: figure(f.numerator), b: figure(f.denominator) }) : ''}</p>
      ${(f.series || []).length ? html`<div class="chart" data-chart="${i}"></div>` : html`<p class="muted">${gettext('Nothing was counted in this time.')}</p>`}<p class="definition">${f.definition}</p></article>`)}` : html`<p class="empty">${gettext('Nothing was counted in this time.')}</p>`);
    charts.splice(0).forEach((c) => c.dispose());
    const holders = document.querySelectorAll('[data-chart]');
    if (!holders.length) return;
    const echarts = await import('echarts');
    holders.forEach((holder) => chart(/** @type {HTMLElement} */ (holder), figures[Number(/** @type {HTMLElement} */ (holder).dataset.chart)], echarts));
  } catch (error) { complain(error); }
}

const day = (/** @type {number} */ shift) => new Date(Date.now() + shift * 86400000).toISOString().slice(0, 10);
/** @type {HTMLInputElement} */ ($('#from')).value = day(-6);
/** @type {HTMLInputElement} */ ($('#to')).value = day(0);
$('#range').addEventListener('change', read);
$('#range').addEventListener('submit', (event) => { event.preventDefault(); read(); });
addEventListener('resize', () => charts.forEach((c) => c.resize()));
read();
