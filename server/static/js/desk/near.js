// @ts-check
// Shut-offs around the caller's place: those covering it, else the nearest, so that "no" is never bare.
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { clock, distance } from '../time.js';
import { stateKind, stateWord } from '../shutoffs/parts.js';

let asked = '';

/** @param {any} s */
function line(s) {
  const off = s.since && ['active', 'partly_restored'].includes(s.state);
  return html`<li data-testid="near-shutoff"><a href="/shutoffs/${s.number}" target="_blank">${s.number}</a> <span class="chip ${stateKind(s.state)}">${stateWord(s.state)}</span> ${typeof s.distance_m === 'number' ? html`<b>${distance(s.distance_m)}</b>` : ''}<br>
    ${off ? gettext('off since %(since)s, back about %(back)s', { since: clock(s.since), back: clock(s.back_at) }) : gettext('planned %(from)s to %(to)s', { from: clock(s.from, true), to: clock(s.to, true) })} <span class="muted">${s.cause} · ${s.streets.slice(0, 4).join(', ')}</span></li>`;
}

/** @param {HTMLElement | null} holder @param {any} place {lon, lat} and perhaps a premise */
export async function showNear(holder, place) {
  if (!holder) return;
  const at = place && (place.premise ? `premise=${encodeURIComponent(place.premise)}` : typeof place.lon === 'number' ? `near=${place.lon},${place.lat}` : '');
  if (!at) { asked = ''; holder.hidden = true; return; }
  if (at === asked) return;
  asked = at;
  const found = await api.get(`/api/shutoffs?${at}`).catch(() => null);
  if (asked !== at) return;
  holder.hidden = !found || !(found.covering.length || found.nearest.length);
  if (holder.hidden) return;
  render(holder, html`<h3>${found.covering.length ? gettext('Shut-offs at this place') : gettext('No shut-off here; the nearest')}</h3><ul class="near">${(found.covering.length ? found.covering : found.nearest.slice(0, 3)).map(line)}</ul>`);
}
