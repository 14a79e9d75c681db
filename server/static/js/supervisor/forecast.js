// @ts-check
// Today against its forecast, the days to come, how the forecast was judged, days out of line.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { share } from '../share.js';
import { day, figure } from '../time.js';
import { complain, toast } from '../toast.js';
import { chart } from '../wall/chart.js';

/** @param {any} t today by half hour, as lists */
const lists = (t) => ({ slot: t.slot, ...Object.fromEntries(['actual', 'expected', 'low', 'high', 'updated'].map((name) => [name, t.slots.map((/** @type {any} */ s) => s[name])])) });

/** @param {any} q */
function judged(q) {
  const m = q && q.measures && q.measures['7'];
  if (!m) return '';
  return html`<p class="muted">${gettext('Tried on %(days)s days of the past, a week ahead: off by %(wape)s of all calls, "as a week ago" by %(naive)s; MASE %(mase)s; %(held)s within the 90 % band.', { days: m.days, wape: share(m.wape, 1), naive: share(m.naive_wape, 1), mase: figure(m.mase, 2), held: share(m.coverage) })}</p>`;
}

async function read() {
  const f = await api.get('/api/forecast?days=14');
  const t = f.today;
  const note = typeof t.expected_so_far === 'number' ? gettext('%(n)s came, %(a)s expected by now, %(b)s by tonight', { n: figure(t.offered), a: figure(t.expected_so_far), b: figure(t.updated_today ?? t.expected_today) }) : gettext('%(n)s came', { n: figure(t.offered) });
  render($('#forecast-note'), html`<span>${note}</span>${t.label ? html`<span class="chip warn" data-testid="forecast-label">${t.label}</span>` : ''}<button type="button" class="quiet" data-do="outlier" data-on="${t.on}" data-to="${t.outlier ? '' : 'true'}" data-testid="forecast-outlier">${t.outlier ? gettext('Today counts after all') : gettext('Today is out of line')}</button>`);
  render($('#forecast-chart'), html`${chart(lists(t), note)}<p class="hours muted"><span>00</span><span>06</span><span>12</span><span>18</span><span>24</span></p>${judged(f.quality)}`);
  render($('#forecast-days'), f.days.length ? html`<table><thead><tr><th>${gettext('Day')}</th><th class="n">${gettext('expected')}</th><th class="n">${gettext('90 % band')}</th></tr></thead><tbody>${f.days.map((/** @type {any} */ d) => html`<tr><th scope="row">${day(d.on)}${d.kind ? html` <span class="chip">${d.name || (d.kind === 'holiday' ? gettext('holiday') : gettext('works'))}</span>` : ''}</th><td class="n">${figure(d.expected)}</td><td class="n">${figure(d.low)} – ${figure(d.high)}</td></tr>`)}</tbody></table>` : html`<p class="empty">${t.label}</p>`);
}

/** @param {any} _floor */
export function start(_floor) {
  const again = () => read().catch(() => { /* the age in the head says so */ });
  onDo($('#forecast'), { outlier: async (target) => {
    try { await api.post('/api/forecast/days', { on: target.dataset.on, outlier: target.dataset.to === 'true' }); toast(gettext('Written down.')); await read(); } catch (error) { complain(error); }
  } });
  again();
  setInterval(again, 60000);
}
