// @ts-check
// How many agents the coming half hours need, beside those planned; try other terms; plan shifts.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';
import { share } from '../share.js';
import { clock, figure, stopwatch } from '../time.js';
import { complain, toast } from '../toast.js';

/** @type {any} */ let last = null;
/** @type {any[]} */ let people = [];

/** @param {any} s */
const shown = (s) => { const from = new Date(Date.now() - 1800000).toISOString(); return s.calls !== null && Date.parse(s.at) >= Date.parse(from); };

/** @param {any} p */
function table(p) {
  const rows = p.rows.filter(shown).slice(0, 24);
  const t = p.terms;
  const assumed = ['aht_s', 'patience_s', 'shrinkage'].filter((name) => !t.measured.includes(name));
  const names = /** @type {Record<string, string>} */ ({ aht_s: gettext('handling time'), patience_s: gettext('patience'), shrinkage: gettext('shrinkage') });
  if (!rows.length) return html`<p class="empty">${p.label}</p>`;
  return html`${p.label ? html`<p class="warning">${p.label}</p>` : ''}
    ${p.simulated ? html`<p class="warning" data-testid="staffing-simulated">${gettext('Today is out of line, so a simulation with the %(n)s agents who are here:', { n: p.simulated.agents })} ${p.simulated.slots.map((/** @type {any} */ s) => html`<span class="chip">${clock(s.at)} ${share(s.service_level)}, ${gettext('%(share)s give up', { share: share(s.abandoned) })}</span> `)}</p>` : ''}
    <div class="scroll"><table class="need"><thead><tr><th scope="row">${gettext('From')}</th>${rows.map((/** @type {any} */ r) => html`<th class="n">${clock(r.at)}</th>`)}</tr></thead><tbody>
    <tr><th scope="row">${gettext('Calls')}</th>${rows.map((/** @type {any} */ r) => html`<td class="n">${figure(r.calls, r.calls < 10 ? 1 : 0)}</td>`)}</tr>
    <tr><th scope="row">${gettext('At the telephones')}</th>${rows.map((/** @type {any} */ r) => html`<td class="n"><b data-testid="agents-needed">${figure(r.agents)}</b></td>`)}</tr>
    <tr><th scope="row">${gettext('… if nobody gave up (Erlang C)')}</th>${rows.map((/** @type {any} */ r) => html`<td class="n muted">${figure(r.agents_c)}</td>`)}</tr>
    <tr><th scope="row">${gettext('On the roster')}</th>${rows.map((/** @type {any} */ r) => html`<td class="n">${figure(r.rostered)}</td>`)}</tr>
    <tr><th scope="row">${gettext('Planned')}</th>${rows.map((/** @type {any} */ r) => html`<td class="n">${figure(r.planned)}</td>`)}</tr>
    <tr><th scope="row">${gettext('Too many or too few')}</th>${rows.map((/** @type {any} */ r) => html`<td class="n${r.gap < 0 ? ' bad' : ''}">${r.gap > 0 ? '+' : ''}${figure(r.gap)}</td>`)}</tr></tbody></table></div>
    <p class="muted" data-testid="staffing-assumptions">${gettext('%(share)s answered within %(s)s s; handling %(aht)s, patience %(patience)s, shrinkage %(shrinkage)s.', { share: share(t.target), s: figure(t.within_s), aht: stopwatch(t.aht_s), patience: stopwatch(t.patience_s), shrinkage: share(t.shrinkage) })}
      ${assumed.length ? gettext('Assumed, not measured: %(names)s.', { names: assumed.map((n) => names[n]).join(', ') }) : ''} ${gettext('Erlang A, which takes for granted: %(list)s.', { list: p.assumptions.join(' · ') })}
      ${p.trunks ? gettext('Outside lines so that one call in a hundred finds none free in the busiest half hour: %(n)s (Erlang B).', { n: figure(p.trunks) }) : ''}</p>`;
}

/** @param {any} t */
function terms(t) {
  const field = (/** @type {string} */ name, /** @type {string} */ text, /** @type {unknown} */ value, /** @type {string} */ step) => html`<label for="t-${name}">${text}</label><input id="t-${name}" name="${name}" type="number" step="${step}" value="${value}">`;
  return html`${field('aht_s', gettext('handling, s'), t.aht_s, '1')}${field('patience_s', gettext('patience, s'), t.patience_s, '1')}${field('shrinkage', gettext('shrinkage'), t.shrinkage, '0.01')}${field('target', gettext('share in time'), t.target, '0.01')}${field('within_s', gettext('within, s'), t.within_s, '1')}<button type="button" data-do="shifts" data-testid="agent-shifts">${gettext('Shifts…')}</button>`;
}

async function read() {
  const form = /** @type {HTMLFormElement} */ ($('#staffing-terms'));
  const asked = new URLSearchParams();
  if (last) for (const [name, value] of new FormData(form)) if (String(last.terms[name]) !== String(value)) asked.set(name, String(value));
  const found = await api.get(`/api/staffing?${asked}`);
  if (!last) { last = found; render(form, terms(found.terms)); }
  render($('#staffing-table'), table(found));
}

async function shifts() {
  const dialog = open(html`<h2>${gettext('Shifts of agents')}</h2><div id="shift-list"></div>
    <form class="stack"><div class="pair"><div class="field"><label for="shift-agent">${gettext('Agent')}</label><select id="shift-agent" name="agent">${people.map((a) => html`<option value="${a.username}">${a.name}</option>`)}</select></div><div></div>
    <div class="field"><label for="shift-starts">${gettext('From')}</label><input id="shift-starts" name="starts" type="datetime-local" required></div><div class="field"><label for="shift-ends">${gettext('to')}</label><input id="shift-ends" name="ends" type="datetime-local" required></div></div>
    <div class="row"><button class="main" data-testid="shift-save">${gettext('Plan')}</button><button type="button" data-cancel>${gettext('Close')}</button></div></form>`);
  const draw = async () => {
    const rows = await api.get('/api/agent-shifts');
    render($('#shift-list', dialog), rows.length ? html`<div class="seen"><table><tbody>${rows.map((/** @type {any} */ s) => html`<tr><th scope="row">${s.name}</th><td>${clock(s.starts, true)} – ${clock(s.ends)}</td><td class="acts"><button type="button" class="quiet" data-do="drop" data-id="${s.id}">${gettext('Remove')}</button></td></tr>`)}</tbody></table></div>` : html`<p class="empty">${gettext('No shift is planned.')}</p>`);
  };
  onDo(dialog, { drop: async (target) => { try { await api.post(`/api/agent-shifts/${target.dataset.id}/remove`, {}); await draw(); } catch (error) { complain(error); } } });
  $('form', dialog).addEventListener('submit', async (event) => {
    event.preventDefault();
    const data = new FormData(/** @type {HTMLFormElement} */ (event.target));
    try { await api.post('/api/agent-shifts', { agent: data.get('agent'), starts: data.get('starts'), ends: data.get('ends') }); toast(gettext('The shift is planned.')); await draw(); await read(); } catch (error) { complain(error); }
  });
  await draw();
}

/** @param {any} floor */
export function start(floor) {
  const again = () => read().catch((error) => { if (last) complain(error); });
  floor.hear((/** @type {any} */ now) => { people = now.agents.filter((/** @type {any} */ a) => a.extension); });
  if (page.role !== 'supervisor') return;
  onDo($('#staffing'), { shifts: () => { shifts().catch(complain); } });
  $('#staffing-terms').addEventListener('change', again);
  $('#staffing-terms').addEventListener('submit', (event) => { event.preventDefault(); again(); });
  again();
  setInterval(again, 120000);
}
