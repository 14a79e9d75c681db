// @ts-check
// What a part of the dispatch page gets to work with. A part is a module beside this one that exports
// `start(page)`; parts.js imports it and names it once. Parts do not import each other.
import { html, render } from '../html.js';
import { on } from '../live.js';
import { toast } from '../toast.js';

/** @typedef {object} DispatchPage
 * @property {any} map the MapLibre map with `.put(source, data)`; null before it is drawn and without WebGL
 * @property {(run: (map: any) => void) => void} whenMap runs once the map is drawn (at once when it is); never without WebGL
 * @property {(names: string, run: (data: any) => void) => void} on live events by name, several separated by blanks; 'resumed' after a pause: read again
 * @property {(incident: string | number | null) => void} select choose an incident by its id; null closes the drawer
 * @property {() => any} selected the chosen incident as GET /api/incidents/<id> gives it, or null
 * @property {(id: string | number) => any} incident what the list knows of an open incident, or null
 * @property {(run: (incident: any) => void) => void} onSelected told whenever another incident is chosen, read again, or none (null)
 * @property {(run: () => void) => void} onListed told whenever the open incidents have been read
 * @property {(text: string, kind?: 'ok' | 'bad') => void} toast
 * @property {boolean} mayAct false for those who only look
 * @property {() => boolean} replaying the past is shown: nothing may be changed, and nothing live may be drawn
 * @property {(run: (at: string | null) => void) => void} onReplay told when replay starts or moves (the moment, ISO) and when it ends (null)
 * @property {HTMLElement} tools a row over the map for a part's own buttons
 * @property {(line: import('../html.js').Safe) => void} legend adds a line to the signs: html`<li>…</li>`
 * @property {HTMLElement} panels under those buttons: a part's list and form, one below the other
 * @property {(owner: string | null, lost?: () => void) => void} takeClicks while a part draws on the map, a click chooses nothing; null gives it back; `lost` when another part begins to draw
 * @property {() => string | null} clicksTaken who draws now
 */

/** @param {{select: (id: string | null) => void, selected: () => any, incident: (id: string) => any, mayAct: boolean, tools: HTMLElement, panels: HTMLElement, legend: HTMLElement}} host */
export function makePage(host) {
  /** @type {any} */ let map = null;
  /** @type {((map: any) => void)[]} */ const waiting = [];
  /** @type {((incident: any) => void)[]} */ const followers = [];
  /** @type {(() => void)[]} */ const readers = [];
  /** @type {((at: string | null) => void)[]} */ const rewound = [];
  /** @type {string | null} */ let moment = null;
  /** @type {string | null} */ let drawing = null;
  /** @type {(() => void) | null} */ let ending = null;
  /** @type {DispatchPage} */
  const page = {
    get map() { return map; },
    whenMap: (run) => { if (map) run(map); else waiting.push(run); },
    on,
    select: (id) => host.select(id === null ? null : String(id)),
    selected: host.selected,
    incident: (id) => host.incident(String(id)),
    onSelected: (run) => { followers.push(run); },
    onListed: (run) => { readers.push(run); },
    toast,
    mayAct: host.mayAct,
    replaying: () => moment !== null,
    onReplay: (run) => { rewound.push(run); },
    tools: host.tools,
    panels: host.panels,
    legend: (line) => { const holder = document.createElement('ul'); render(holder, html`${line}`); host.legend.append(...holder.children); },
    takeClicks: (owner, lost) => {
      const before = owner && drawing && owner !== drawing ? ending : null;
      ending = lost || null; drawing = owner;
      if (before) before();
      if (map) map.getCanvas().style.cursor = owner ? 'crosshair' : '';
    },
    clicksTaken: () => drawing,
  };
  return {
    page,
    /** @param {any} made */
    drawn: (made) => { map = made; for (const run of waiting.splice(0)) run(map); },
    /** @param {any} incident */
    tellSelected: (incident) => { for (const run of followers) run(incident); },
    tellListed: () => { for (const run of readers) run(); },
    /** @param {string | null} at */
    tellReplay: (at) => { if (at === moment) return; moment = at; for (const run of rewound) run(at); },
  };
}
