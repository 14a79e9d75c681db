// @ts-check
// What stood and stands within 200 m of the chosen incident, folded up in its drawer.
import { surroundings, inBrief } from '../around.js';
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';

/** Going down the list must not ask about every incident on the way. */
const PAUSE_MS = 350;

/** @param {import('./page.js').DispatchPage} page */
export function start(page) {
  /** @type {{id: string, found: any, open: boolean} | null} */ let held = null;
  let timer = 0;

  /** @param {any} incident */
  async function ask(incident) {
    const [lon, lat] = incident.geometry.coordinates;
    const mine = held;
    const found = await api.get(`/api/nearby?lon=${lon}&lat=${lat}&incident=${encodeURIComponent(incident.id)}`).catch(() => null);
    if (!mine || held !== mine) return;
    mine.found = found;
    draw(incident);
  }

  /** @param {any} incident */
  function draw(incident) {
    const drawer = document.getElementById('detail');
    if (!drawer || drawer.hidden || !held || !held.found) return;
    let section = /** @type {HTMLElement | null} */ (drawer.querySelector('[data-part="around"]'));
    if (!section) {
      section = document.createElement('section');
      section.dataset.part = 'around';
      const story = drawer.querySelector('ol.timeline');
      const before = story && story.closest('section');
      if (before) before.before(section); else drawer.append(section);
    }
    const brief = inBrief(held.found, incident.number);
    render(section, html`<details data-testid="around-here" ${held.open ? html`open` : ''}><summary><b>${gettext('Within 200 m')}</b> <span class="muted">${brief || gettext('nothing happened here before')}</span></summary>${surroundings(held.found, incident.number)}</details>`);
    const details = section.querySelector('details');
    if (details) details.addEventListener('toggle', () => { if (held) held.open = details.open; });
  }

  page.onSelected((incident) => {
    clearTimeout(timer);
    const placed = incident && incident.geometry && typeof incident.geometry.coordinates[0] === 'number';
    if (!placed || page.replaying()) { held = null; return; }
    const id = String(incident.id);
    // The drawer is drawn again after this: what was found goes back into it.
    queueMicrotask(() => draw(incident));
    if (held && held.id === id) return;
    held = { id, found: null, open: held ? held.open : false };
    timer = window.setTimeout(() => { ask(incident); }, PAUSE_MS);
  });
}
