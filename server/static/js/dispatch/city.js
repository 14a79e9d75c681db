// @ts-check
// The city in one line: what is open, who is free, who is dry, what was announced, what breaks next.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, figure, until } from '../time.js';
import { word } from '../words.js';

const SIGN = /** @type {Record<string, string>} */ ({ available: 'free', en_route: 'moving', on_site: 'site' });

/** @param {any} c GET /api/city @param {number} now */
export function line(c, now) {
  const due = c.next_breach ? until(c.next_breach.due_at, now) : null;
  const crews = ['available', 'assigned', 'en_route', 'on_site', 'break'].filter((s) => c.crews_by_state[s]);
  return html`<span class="group" data-testid="city-incidents">${['P1', 'P2', 'P3', 'P4'].map((p) => html`<span class="one" data-none="${c.incidents_by_priority[p] ? 'false' : 'true'}" title="${gettext('open incidents, %(p)s', { p })}"><b class="prio" data-p="${p}">${p.slice(1)}</b>${figure(c.incidents_by_priority[p])}</span>`)}</span>
    <span class="group" data-testid="city-crews">${crews.map((s) => html`<span class="one" title="${word('crew', s)}"><i class="sign ${SIGN[s] || 'other'}"></i>${figure(c.crews_by_state[s])} <span class="label">${word('crew', s)}</span></span>`)}${crews.length ? '' : html`<span class="one">${gettext('no crew on shift')}</span>`}</span>
    <span class="group one" data-testid="city-dry"><i class="sign hatch"></i><b>${figure(c.customers_without_water)}</b> <span class="label">${gettext('customers without water')}</span></span>
    <span class="group one" data-testid="city-notices"><b>${figure(c.notices)}</b> <span class="label">${ngettext('shut-off announced', 'shut-offs announced', c.notices)}</span></span>
    <span class="group one grow" data-testid="city-breach">${due ? html`<span class="due" data-level="${due.level}" title="${clock(c.next_breach.due_at, true)}">${c.next_breach.incident}: ${word('clock', c.next_breach.kind)}, ${due.text}</span>` : html`<span class="muted">${gettext('no promise is running')}</span>`}</span>`;
}

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  const holder = $('#city');
  /** @type {any} */ let city = null;
  const draw = () => { if (city && !page.replaying()) render(holder, line(city, Date.now())); };
  let last = 0;
  let timer = 0;
  async function read() {
    last = Date.now();
    try { city = await api.get('/api/city'); holder.dataset.state = 'known'; draw(); } catch { holder.dataset.state = 'old'; }
  }
  // However much happens, once a second at the most.
  const soon = () => { clearTimeout(timer); timer = window.setTimeout(read, Math.max(150, 1000 - (Date.now() - last))); };
  page.on('incident.opened incident.changed order.changed crew.changed shift.began shift.ended shutoff.started shutoff.water_back shutoff.restored shutoff.changed shutoff.cancelled clock.escalated resumed', soon);
  page.onReplay((at) => { holder.hidden = at !== null; if (at === null) read(); });
  setInterval(draw, 5000);
  setInterval(read, 60000);
  read();
}
