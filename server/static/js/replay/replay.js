// @ts-check
// `t`: the page turns back to a past moment. The same map and list; nothing can be changed there.
import { api, Refused } from '../api.js';
import { open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { keys } from '../keys.js';
import { mapTheme } from '../map/style.js';
import { page as about } from '../page.js';
import { clock as clockTime } from '../time.js';
import { complain } from '../toast.js';
import { word } from '../words.js';
import { beginning, clockAt, faster, seek, SPEEDS, stack, tick } from './clock.js';
import { addPast, layersOf, LIVING, PAST, summary } from './past.js';

const DAY = 24 * 3600e3;
const WINDOWS = [3600e3, 6 * 3600e3, DAY, 7 * DAY];
const EVERY = 450; // ms between two pictures while it plays
const AGAIN = 1500; // ms until a picture that could not be had is asked for again
const FAMILIES = ['calls', 'incidents', 'orders', 'valves', 'water', 'promises'];
/** @type {Record<string, () => string>} */
const NAMES = { calls: () => gettext('calls'), incidents: () => gettext('incidents'), orders: () => gettext('orders'), valves: () => gettext('valves'), water: () => gettext('water'), promises: () => gettext('promises') };

/** @param {number} at ms, in the utility's zone, to the second */
export function written(at) {
  return new Intl.DateTimeFormat(about.lang === 'zh-hans' ? 'zh-CN' : 'en-GB', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: about.tz }).format(new Date(at));
}

/** @param {number} at */
const clockOf = (at) => clockTime(new Date(at).toISOString(), true);

/** @param {import('../dispatch/page.js').DispatchPage} page
 * @param {{show: (picture: any | null) => void, moment: (at: string | null) => void}} host `show` draws a picture (null: now again) */
export function replay(page, host) {
  const stage = $('#stage');
  const bar = $('#replay');
  const banner = $('#replay-banner');
  /** @type {import('./clock.js').Clock | null} */ let clock = null;
  /** @type {{from: number, to: number}} */ let bounds = { from: 0, to: 0 };
  let span = 6 * 3600e3;
  /** @type {any} */ let range = null;
  /** @type {number | null} */ let earliest = null;
  let asking = false;
  let wanted = false;
  let turn = 0;
  let failed = 0;
  let retry = 0;
  let layered = false;
  let settled = false;
  /** @type {string} */ let kind = '';
  /** @type {string} */ let told = '';

  /** @param {string | null} [at] ISO; a minute ago without */
  async function begin(at) {
    if (clock) return;
    const now = Date.now();
    const start = at ? Date.parse(at) : now - 60e3;
    clock = clockAt(Number.isFinite(start) ? Math.min(start, now) : now - 60e3);
    bounds = { from: Math.min(now - span, clock.at - span / 2), to: now };
    stage.dataset.replay = 'on';
    document.body.dataset.replay = 'on';
    if (!bar.firstElementChild) build();
    bar.hidden = banner.hidden = false;
    host.moment(new Date(clock.at).toISOString());
    page.whenMap((map) => {
      if (!layered) { addPast(map, mapTheme()); layered = true; }
      for (const id of LIVING) if (map.getLayer(id)) map.setLayoutProperty(id, 'visibility', clock ? 'none' : 'visible');
    });
    draw();
    $('#replay-slider').focus();
    await measure();
    // A record younger than the moment: from its beginning.
    if (clock && earliest !== null && clock.at < earliest) clock = { ...clock, at: earliest };
    look();
  }

  function end() {
    if (!clock) return;
    clock = null; told = ''; failed = 0; turn += 1;
    delete stage.dataset.replay; delete document.body.dataset.replay;
    bar.hidden = banner.hidden = true;
    const map = page.map;
    if (map) {
      for (const id of LIVING) if (map.getLayer(id)) map.setLayoutProperty(id, 'visibility', 'visible');
      for (const source of PAST) if (map.getSource(source)) map.put(source, null);
    }
    history.replaceState(null, '', location.pathname + location.hash);
    host.show(null);
    host.moment(null);
    if (map) map.resize();
  }

  /** How much happened when. */
  async function measure() {
    try {
      range = await api.get(`/api/replay/range?from=${new Date(bounds.from).toISOString()}&to=${new Date(bounds.to).toISOString()}`);
      earliest = beginning(range.earliest);
    } catch (error) { complain(error); }
    if (!clock) return;
    // A record younger than the stretch: a shorter stretch, while there is one.
    const shorter = earliest === null ? undefined : WINDOWS.filter((w) => w < span && Date.now() - w <= /** @type {number} */ (earliest)).pop();
    if (shorter && !settled) { span = shorter; settled = true; frame(clock.at); return; }
    settled = true;
    drawDensity(); draw();
  }

  /** Ask for the picture of the clock's moment; one question at a time, and the last moment always. */
  async function look() {
    if (!clock) return;
    if (asking) { wanted = true; return; }
    asking = true;
    clearTimeout(retry);
    const mine = turn;
    const { at } = clock;
    try {
      const picture = await api.get(`/api/replay?at=${encodeURIComponent(new Date(at).toISOString())}`);
      if (clock && mine === turn) { show(picture); told = summary(picture); }
      failed = 0;
    } catch (error) {
      if (clock && mine === turn) {
        clock = { ...clock, playing: false };
        told = gettext('There is no picture of this moment yet.');
        const again = error instanceof Refused && error.again;
        if (!failed || !again) complain(error);
        // An overloaded server is asked again: the banner must not stand over the picture of another moment.
        if (again) { failed += 1; retry = window.setTimeout(() => { if (mine === turn) look(); }, Math.min(AGAIN * failed, 10e3)); }
      }
    } finally { asking = false; }
    draw();
    if (wanted && clock) { wanted = false; look(); }
  }

  /** @param {any} picture */
  function show(picture) {
    host.moment(picture.at);
    host.show(picture);
    if (page.map) for (const [source, data] of Object.entries(layersOf(picture))) page.map.put(source, data);
    history.replaceState(null, '', `?at=${encodeURIComponent(picture.at)}${location.hash}`);
  }

  /** @param {number} at */
  function to(at) {
    if (!clock) return;
    const oldest = earliest ?? at;
    clock = seek(clock, at, { from: oldest, to: Date.now() });
    if (clock.at < bounds.from || clock.at > bounds.to) frame(clock.at);
    draw(); look();
  }

  /** The stretch of the slider around a moment. @param {number} at */
  function frame(at) {
    const end_ = Math.min(Date.now(), at + span / 2);
    bounds = { from: end_ - span, to: end_ };
    measure();
  }

  /** @param {1 | -1} by */
  async function hop(by) {
    if (!clock) return;
    try {
      const { found } = await api.get(`/api/replay/next?at=${encodeURIComponent(new Date(clock.at).toISOString())}&direction=${by > 0 ? 'on' : 'back'}${kind ? `&kind=${kind}` : ''}`);
      if (!found) { page.toast(gettext('Nothing more of that kind.')); return; }
      // A little after it, so that it has happened.
      to(Date.parse(found.at) + (by > 0 ? 1 : -1));
      page.toast([NAMES[found.family](), found.number, found.action ? word('step', found.action) : ''].filter(Boolean).join(' · '));
    } catch (error) { complain(error); }
  }

  function goTo() {
    if (!clock) return;
    const local = (/** @type {number} */ at) => { const p = new Intl.DateTimeFormat('sv-SE', { timeZone: about.tz, dateStyle: 'short', timeStyle: 'short' }).format(new Date(at)); return p.replace(' ', 'T'); };
    const dialog = open(html`<form><h2>${gettext('Go to a moment')}</h2><div class="field"><label for="replay-when">${gettext('Day and time (%(zone)s)', { zone: about.tz })}</label><input id="replay-when" name="when" type="datetime-local" required value="${local(clock.at)}" max="${local(Date.now())}"></div><p class="muted">${earliest ? gettext('The record begins %(when)s.', { when: written(earliest) }) : ''}</p><div class="row"><button class="main">${gettext('Go')} <kbd>Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    $('form', dialog).addEventListener('submit', (event) => {
      event.preventDefault();
      const typed = /** @type {HTMLInputElement} */ ($('#replay-when', dialog)).value;
      dialog.close();
      to(fromZone(typed));
    });
  }

  /** The bar is built once: a slider that is being dragged must not be replaced under the hand. */
  function build() {
    render(banner, html`<b class="re-sign">${gettext('REPLAY')}</b><time id="replay-at" data-testid="replay-at"></time><span class="muted">${about.tz}</span><span class="re-told" id="replay-told"></span><span class="grow"></span><span>${gettext('Nothing can be changed here.')}</span><button type="button" data-replay="end" data-testid="replay-end">${gettext('Back to now')} <kbd>Esc</kbd></button>`);
    render(bar, html`<div class="re-time"><svg class="re-density" id="replay-density" viewBox="0 0 1600 40" preserveAspectRatio="none" aria-hidden="true"></svg>
        <input type="range" id="replay-slider" data-testid="replay-slider" step="1" aria-label="${gettext('Moment')}"></div>
      <div class="re-tools"><span class="muted" id="replay-from"></span><button type="button" data-replay="back" aria-label="${gettext('last before')}">◂ <kbd>,</kbd></button><button type="button" class="main" id="replay-play" data-replay="play" data-testid="replay-play"></button><button type="button" data-replay="next" aria-label="${gettext('next')}">▸ <kbd>.</kbd></button>
        <span class="re-speeds">${SPEEDS.map((s) => html`<button type="button" class="quiet" data-replay="speed" data-speed="${s}">${s}×</button>`)}</span>
        <label class="re-kind"><span class="sr">${gettext('Jump to')}</span><select id="replay-kind" data-testid="replay-kind">${['', ...FAMILIES].map((f) => html`<option value="${f}">${f ? NAMES[f]() : gettext('everything')}</option>`)}</select></label>
        <span class="re-legend">${FAMILIES.map((f) => html`<span><i data-family="${f}"></i>${NAMES[f]()}</span>`)}</span><span class="grow"></span>
        <button type="button" class="quiet" data-replay="go">${gettext('Go to…')} <kbd>G</kbd></button><button type="button" class="quiet" data-replay="out" aria-label="${gettext('longer stretch')}">−</button><span id="replay-span"></span><button type="button" class="quiet" data-replay="in" aria-label="${gettext('shorter stretch')}">+</button><span class="muted" id="replay-to"></span></div>`);
  }

  /** @param {string} id @param {string} text */
  const put = (id, text) => { const e = $(`#replay-${id}`); if (e.textContent !== text) e.textContent = text; };

  function draw() {
    if (!clock) return;
    const { at, playing, speed: pace } = clock;
    put('at', written(at)); $('#replay-at').dataset.at = new Date(at).toISOString();
    put('told', told); put('from', clockOf(bounds.from)); put('to', clockOf(bounds.to)); put('span', word('re', String(span / 3600e3)));
    render($('#replay-play'), html`${playing ? gettext('Pause') : gettext('Play')} <kbd>${gettext('Space')}</kbd>`);
    bar.querySelectorAll('[data-speed]').forEach((b) => b.setAttribute('aria-pressed', String(Number(/** @type {HTMLElement} */ (b).dataset.speed) === pace)));
    const slider = /** @type {HTMLInputElement} */ ($('#replay-slider'));
    slider.min = String(Math.round(bounds.from / 1000)); slider.max = String(Math.round(bounds.to / 1000)); slider.value = String(Math.round(at / 1000));
    slider.setAttribute('aria-valuetext', written(at));
  }

  function drawDensity() {
    const whole = bounds.to - bounds.from;
    const columns = stack((range && range.families) || {}, 160);
    render(document.getElementById('replay-density'), html`${columns.map((c) => html`<rect data-family="${c.family}" x="${(c.x * 1600).toFixed(1)}" y="${(40 - (c.y + c.height) * 40).toFixed(2)}" width="${(c.width * 1600 - 1).toFixed(1)}" height="${(c.height * 40).toFixed(2)}"></rect>`)}${earliest && earliest > bounds.from ? html`<rect data-family="none" x="0" y="0" height="40" width="${(((Math.min(earliest, bounds.to) - bounds.from) / whole) * 1600).toFixed(1)}"></rect>` : ''}`);
  }

  /** @param {number} by */
  function zoom(by) {
    if (!clock) return;
    span = WINDOWS[Math.max(0, Math.min(WINDOWS.length - 1, WINDOWS.indexOf(span) + by))];
    frame(clock.at);
    draw();
  }
  function play() { if (clock) { clock = { ...clock, playing: !clock.playing && clock.at < Date.now() - 1000 }; before = performance.now(); draw(); } }
  /** @param {number} s */
  const speed = (s) => { if (clock) { clock = { ...clock, speed: s }; draw(); } };

  /** The keys of a replay; true when it was one. @param {KeyboardEvent} event */
  function key(event) {
    if (!clock || event.ctrlKey || event.altKey || event.metaKey || document.querySelector('dialog[open]')) return false;
    const slider = event.target instanceof HTMLInputElement && event.target.id === 'replay-slider';
    if (!slider && event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return false;
    const step = event.shiftKey ? 600e3 : 60e3;
    if (event.key === ' ' && !(event.target instanceof Element && event.target.closest('button'))) play();
    else if (event.key === 'ArrowLeft') to(clock.at - step);
    else if (event.key === 'ArrowRight') to(clock.at + step);
    else if (event.key === 'Home') to(bounds.from);
    else if (event.key === 'End') to(bounds.to);
    else if (event.key === '.') hop(1);
    else if (event.key === ',') hop(-1);
    else if (event.key === 'g') goTo();
    else if (event.key === '>' || event.key === '<') { clock = faster(clock, event.key === '>' ? 1 : -1); draw(); }
    else if (event.key === '+' || event.key === '-') zoom(event.key === '+' ? -1 : 1);
    else if (event.key === 't' || (event.key === 'Escape' && !page.selected())) end();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
  document.addEventListener('keydown', key, true);
  bar.addEventListener('input', (event) => { if (event.target instanceof HTMLInputElement && clock) { clock = { ...clock, playing: false }; to(Number(event.target.value) * 1000); } });
  bar.addEventListener('change', (event) => { if (event.target instanceof HTMLSelectElement) { kind = event.target.value; $('#replay-slider').focus(); } });
  const pressed = (/** @type {Event} */ event) => {
    const button = event.target instanceof Element && event.target.closest('[data-replay]');
    if (!(button instanceof HTMLElement)) return;
    const verb = button.dataset.replay;
    if (verb === 'end') end(); else if (verb === 'play') play(); else if (verb === 'next') hop(1); else if (verb === 'back') hop(-1);
    else if (verb === 'go') goTo(); else if (verb === 'in') zoom(-1); else if (verb === 'out') zoom(1); else if (verb === 'speed') speed(Number(button.dataset.speed));
  };
  bar.addEventListener('click', pressed); banner.addEventListener('click', pressed);

  let before = performance.now();
  setInterval(() => {
    const now = performance.now();
    const passed = now - before;
    before = now;
    if (!clock || !clock.playing) return;
    clock = tick(clock, passed, Date.now());
    if (clock.at > bounds.to) frame(clock.at);
    draw(); look();
  }, EVERY);

  keys({ key: 't', text: gettext('back in time: replay (Space plays, arrows and Shift arrows move, . and , jump, Esc ends)'), run: () => { begin(); } });
  const asked = new URLSearchParams(location.search).get('at');
  if (asked) begin(asked);
  return { begin, end };
}

/** A time typed in the utility's zone, as a moment. @param {string} typed "2026-03-01T02:20" */
export function fromZone(typed, zone = about.tz) {
  const naive = Date.parse(`${typed}Z`);
  let at = naive;
  for (let i = 0; i < 2; i += 1) {
    const p = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(new Date(at)).replace(' ', 'T');
    at += naive - Date.parse(`${p}Z`);
  }
  return at;
}
