// @ts-check
// Probable bursts: what calls make likely and nobody has decided. They stand above the incidents;
// the drawer shows which main it may be, and asks for one decision.
import { api, Refused } from '../api.js';
import { askReason } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { bounds, planData, suspectData } from '../map/layers.js';
import { ago, clock, figure } from '../time.js';
import { complain, toast } from '../toast.js';
import { planSection } from './detail.js';

/** A share as people say it: never 0 % or 100 % of something that is only likely. @param {number} share */
export function percent(share) {
  const whole = Math.round(share * 100);
  if (whole < 1) return gettext('under 1 %');
  return gettext('%(n)s %', { n: Math.min(whole, 99) });
}

/** @param {any} b one of the list @param {boolean} chosen */
export function burstRow(b, chosen) {
  return html`<li class="incident suspect" role="option" id="row-b${b.id}" data-do="suspect" data-id="b${b.id}" data-number="${b.number}" data-testid="burst-row" aria-selected="${chosen ? 'true' : 'false'}">
    <b class="sign suspect" aria-hidden="true">?</b>
    <span class="what">${gettext('Probable burst')} <span class="muted">${b.number}</span></span>
    <span class="due" data-level="soon" title="${clock(b.raised_at, true)}">${ago(b.raised_at)}</span>
    <span class="where"><span>${b.address ? gettext('near %(street)s', { street: b.address }) : gettext('place not known yet')}</span></span>
    <span class="more"><span>${told(b)}</span>${b.pipe ? html`<span>${gettext('most likely %(pipe)s (%(share)s)', { pipe: b.pipe, share: percent(b.probability) })}</span>` : ''}</span>
  </li>`;
}

/** @param {any} b */
function told(b) {
  return ngettext('%(count)s caller in %(minutes)s min', '%(count)s callers in %(minutes)s min', b.calls, { minutes: figure(b.minutes) });
}

/** @param {any} d one of them, whole @param {{busy: boolean}} state */
export function burstDetail(d, state) {
  const open = d.state === 'open';
  return html`<header>
    <div class="head"><b class="sign suspect" aria-hidden="true">?</b><h2>${d.address ? gettext('Probable burst near %(street)s', { street: d.address }) : gettext('Probable burst')}</h2>
      <button class="quiet" data-do="back" aria-label="${gettext('Close')}" title="Esc">✕</button></div>
    <div class="row"><span class="chip">${d.number}</span>${open ? '' : html`<span class="chip">${d.state_label}</span>`}<b>${told(d)}</b><span class="muted">${gettext('usual here: %(n)s', { n: figure(d.expected, d.expected < 0.1 ? 3 : 1) })}</span></div>
  </header>
  ${open ? '' : html`<section><p>${d.decided_by || ''} <span class="muted">${clock(d.decided_at)}</span> ${d.reason}${d.incident ? html` <a href="#${d.incident}">${d.incident}</a>` : ''}</p></section>`}
  ${open && !state.busy && d.target ? html`<section><button class="main assign" data-do="take-up" data-testid="burst-confirm" data-pipe="${d.target}"><span>${gettext('Open the incident on %(pipe)s', { pipe: d.target })}</span><span><kbd>Enter</kbd></span></button>
    <p class="row"><span class="muted">${ngettext('%(count)s ticket joins it.', '%(count)s tickets join it.', d.reports.length)}</span> <button class="quiet" data-do="dismiss" data-testid="burst-dismiss">${gettext('No burst, with a reason')} <kbd>D</kbd></button></p></section>` : ''}
  <section data-testid="burst-mains"><h3><span>${gettext('Which main')}</span><span class="muted">${d.method_label}</span></h3>
    ${d.method_note ? html`<p class="muted">${d.method_note}</p>` : ''}
    <ol class="crews">${d.candidates.slice(0, 8).map((/** @type {any} */ c, /** @type {number} */ i) => main(c, i, c.pipe === d.target))}</ol></section>
  ${planSection({ plan: d.plan ? { ...d.plan, state: 'draft', hydraulics: {} } : null, geometry: null })}
  <section><h3>${gettext('Who called')}</h3><ul class="timeline">${d.reports.map((/** @type {any} */ r) => html`<li><time title="${clock(r.at, true)}">${clock(r.at)}</time><span><a href="/tickets/${r.ticket}">${r.ticket}</a> ${r.kind_label} <span class="muted">${r.address}</span></span></li>`)}</ul></section>`;
}

/** @param {any} c @param {number} i @param {boolean} chosen */
function main(c, i, chosen) {
  return html`<li class="ranked" data-do="main" data-pipe="${c.pipe}" data-testid="burst-main" aria-selected="${chosen ? 'true' : 'false'}"><span class="muted">${i + 1}</span>
    <span><b>${c.pipe}</b> <span class="muted">${[c.street, `DN${Math.round(c.diameter_mm)}`, c.material, c.year].filter(Boolean).join(' · ')}</span></span><span class="drive">${percent(c.probability)}</span>
    <span class="reasons"><span class="bar-cell"><i data-share="${Math.round(c.probability * 100)}"></i></span>${c.reasons.map((/** @type {any} */ r) => html`<span class="wide">${r.text}</span>`)}</span></li>`;
}

/** The list, the drawer and the two decisions.
 * @param {{map: () => any, mayAct: boolean, opened: (number: string, id: number) => void, closed: () => void}} page */
export function probableBursts(page) {
  /** @type {any[]} */ let list = [];
  /** @type {any} */ let shown = null;
  /** @type {string | null} */ let chosen = null;
  let busy = false;
  let turn = 0;

  function drawList() {
    const holder = $('#bursts');
    holder.hidden = !list.length;
    render(holder, html`${list.map((b) => burstRow(b, `b${b.id}` === chosen))}`);
  }

  function draw() {
    const map = page.map();
    if (shown) {
      const holder = $('#detail');
      holder.hidden = false;
      render(holder, burstDetail(shown, { busy: busy || !page.mayAct }));
      holder.querySelectorAll('[data-share]').forEach((bar) => { if (bar instanceof HTMLElement) bar.style.width = `${bar.dataset.share}%`; });
    }
    if (!map) return;
    const drawn = suspectData(shown);
    map.put('suspects', drawn.mains);
    map.put('suspect-calls', drawn.calls);
    if (!shown) return;
    const plan = planData(shown.state === 'open' ? shown.plan : null);
    map.put('shutoff', plan.shutoff);
    map.put('plan-valves', plan.valves);
    map.put('chosen', null);
    map.put('route', null);
    map.resize();
  }

  async function read() {
    try { list = (await api.get('/api/bursts')).bursts; } catch (error) { complain(error); }
    drawList();
    if (chosen) await show(chosen, shown ? shown.target : '', false);
  }

  /** @param {string} id 'b' and the number of the row @param {string} [pipe] @param {boolean} [fly] */
  async function show(id, pipe = '', fly = true) {
    const mine = ++turn;
    chosen = id;
    drawList();
    try {
      const answer = await api.get(`/api/bursts/${id.slice(1)}${pipe ? `?pipe=${encodeURIComponent(pipe)}` : ''}`);
      if (mine !== turn) return;
      shown = answer;
      draw();
      const map = page.map();
      const box = bounds([...answer.candidates.slice(0, 8).map((/** @type {any} */ c) => c.geometry), ...answer.reports.map((/** @type {any} */ r) => ({ coordinates: [r.lon, r.lat] }))]);
      if (map && fly && box) map.fitBounds(box, { padding: 80, maxZoom: 16.5, duration: 0 });
    } catch (error) { if (mine === turn) complain(error); }
  }

  function close() {
    if (chosen === null && !shown) return;
    turn += 1;
    chosen = null; shown = null;
    drawList(); draw();
  }

  /** @param {() => Promise<any>} ask */
  async function decide(ask) {
    if (busy || !shown || shown.state !== 'open' || !page.mayAct) return;
    busy = true; draw();
    try { await ask(); } catch (error) {
      const by = error instanceof Refused && error.body && error.body.incident;
      complain(by ? gettext('Somebody else has taken it up: %(number)s.', { number: by }) : error);
      await show(chosen || '', '', false);
    } finally { busy = false; draw(); await read(); }
  }

  return {
    read, close, draw, drawList,
    choose: show,
    chosen: () => chosen,
    ids: () => list.map((b) => `b${b.id}`),
    /** @param {string} pipe */
    target: (pipe) => { if (chosen) show(chosen, pipe, false); },
    /** The main of this place in the list. @param {number} n */
    nth: (n) => { const c = shown && shown.candidates[n]; if (c && chosen) show(chosen, c.pipe, false); },
    takeUp: () => decide(async () => {
      const answer = await api.post(`/api/bursts/${shown.id}/confirm`, { pipe: shown.target });
      toast(gettext('%(number)s is open on %(pipe)s; the tickets have joined it.', { number: answer.incident, pipe: answer.pipe }));
      close();
      page.opened(answer.incident, answer.incident_id);
    }),
    dismiss: async () => {
      if (!shown || shown.state !== 'open' || !page.mayAct) return;
      const reason = await askReason(gettext('%(number)s is no burst', { number: shown.number }), gettext('Dismiss'));
      if (reason) await decide(async () => { await api.post(`/api/bursts/${shown.id}/dismiss`, { reason }); close(); page.closed(); });
    },
    /** @param {any} data of burst.suspected */
    heard: (data) => { toast(ngettext('Probable burst near %(street)s: %(count)s caller.', 'Probable burst near %(street)s: %(count)s callers.', data.calls || 0, { street: data.address || '?' })); },
  };
}
