// @ts-check
// Hear a recording: a reason first, then waveform, seeking, speed, and each voice alone. Everything by keyboard.
import { api } from '../api.js';
import { askReason, open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { stopwatch } from '../time.js';
import { complain } from '../toast.js';
import { picture, share } from './wave.js';

export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const LEG_KEY = { both: '1', caller: '2', agent: '3', message: '4' };

/** @param {string} call @returns {Promise<any>} what the server grants; null when the question was dismissed */
export async function ask(call) {
  const reason = await askReason(gettext('Why do you listen to this recording?'), gettext('Listen'));
  if (reason === null) return null;
  try { return await api.post(`/api/recordings/${encodeURIComponent(call)}/open`, { reason }); } catch (error) { complain(error); return null; }
}

/** Ask, then play in a dialog. @param {string} call @param {string} title */
export async function listenTo(call, title) {
  const told = await ask(call);
  if (!told) return;
  const dialog = open(html`<div class="stack"><h2>${title}</h2><div data-player></div><div class="row"><button type="button" data-cancel>${gettext('Close')}</button></div></div>`);
  dialog.classList.add('player-dialog');
  const end = play($('[data-player]', dialog), told, dialog);
  dialog.addEventListener('close', end);
}

/** Put the player into `holder`; its keys work in `keysOf`. @param {HTMLElement} holder @param {any} told @param {HTMLElement} keysOf
 * @returns {() => void} ends it */
export function play(holder, told, keysOf) {
  const legs = told.legs;
  let leg = legs[0];
  let speed = 1;
  render(holder, html`<div class="player" data-testid="player">
    <div class="wave" role="slider" tabindex="0" aria-label="${gettext('Place in the recording')}" aria-valuemin="0" aria-valuemax="${Math.round(told.seconds)}" data-testid="player-wave">${picture(told)}<i class="head"></i></div>
    <div class="row controls"><button type="button" class="main" data-do="toggle" data-testid="player-toggle">${gettext('Play')} <kbd>Space</kbd></button><time data-testid="player-time"></time>
      ${legs.length > 1 ? html`<span class="choice" role="radiogroup" aria-label="${gettext('Which voice')}">${legs.map((/** @type {any} */ l) => html`<button type="button" role="radio" data-do="leg" data-leg="${l.leg}" data-testid="player-${l.leg}">${l.label} <kbd>${LEG_KEY[/** @type {'both'} */ (l.leg)]}</kbd></button>`)}</span>` : ''}
      <label class="row speed">${gettext('Speed')} <select data-testid="player-speed">${SPEEDS.map((s) => html`<option value="${s}"${s === 1 ? html` selected` : ''}>${s}×</option>`)}</select></label></div>
    <p class="warning" role="alert" data-testid="player-problem" hidden></p>
    <p class="muted">${told.pauses.length ? html`${gettext('Hatched: the recording was silent while payment data were spoken.')} ` : ''}<kbd>←</kbd> <kbd>→</kbd> ${gettext('5 s')}, <kbd>Shift ←</kbd> <kbd>Shift →</kbd> ${gettext('30 s')}, <kbd>&lt;</kbd> <kbd>&gt;</kbd> ${gettext('speed')}. SHA-256 <code data-testid="player-sum"></code></p>
    <audio preload="auto" data-testid="recording-audio"></audio></div>`);
  const audio = /** @type {HTMLAudioElement} */ ($('audio', holder));
  const wave = $('.wave', holder);
  const head = $('.head', wave);
  const problem = $('[role="alert"]', holder);
  const picker = /** @type {HTMLSelectElement} */ ($('select', holder));
  const length = () => (Number.isFinite(audio.duration) ? audio.duration : leg.seconds || told.seconds);

  function show() {
    const at = audio.currentTime;
    $('time', holder).textContent = `${stopwatch(at)} / ${stopwatch(length())}`;
    $('[data-do="toggle"]', holder).firstChild?.replaceWith(`${audio.paused ? gettext('Play') : gettext('Pause playing')} `);
    head.style.left = `${100 * share(at, length())}%`;
    wave.setAttribute('aria-valuenow', String(Math.round(at)));
    wave.setAttribute('aria-valuetext', gettext('%(at)s of %(whole)s', { at: stopwatch(at), whole: stopwatch(length()) }));
    for (const button of holder.querySelectorAll('[data-leg]')) {
      const on = /** @type {HTMLElement} */ (button).dataset.leg === leg.leg;
      if (button.getAttribute('role') === 'radio') button.setAttribute('aria-checked', String(on));
      else button.classList.toggle('aside', leg.leg !== 'both' && !on && legs.length > 1);
    }
    $('[data-testid="player-sum"]', holder).textContent = leg.sha256.slice(0, 16);
    $('[data-testid="player-sum"]', holder).title = leg.sha256;
  }

  /** @param {number} to seconds */
  function seek(to) { audio.currentTime = Math.min(Math.max(0, to), Math.max(0, length() - 0.05)); show(); }
  const toggle = () => { if (audio.paused) audio.play().catch((error) => { problem.hidden = false; problem.textContent = gettext('The browser does not play this: %(why)s', { why: error.message }); }); else audio.pause(); };

  /** Another voice, at the same place. @param {any} other */
  function choose(other) {
    const [at, going] = [audio.currentTime, !audio.paused];
    leg = other;
    problem.hidden = true;
    audio.src = leg.url;
    audio.addEventListener('loadedmetadata', () => { audio.playbackRate = speed; audio.currentTime = Math.min(at, length()); if (going) toggle(); show(); }, { once: true });
    show();
  }

  /** @param {number} to */
  function pace(to) { speed = to; audio.playbackRate = to; picker.value = String(to); }
  /** @param {number} by */
  const faster = (by) => pace(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(speed) + by))]);

  /** @param {PointerEvent} event */
  function point(event) {
    const box = wave.getBoundingClientRect();
    seek(share(event.clientX - box.left, box.width) * length());
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target && target.closest('select, input, textarea')) return;
    const far = event.shiftKey ? 30 : 5;
    const other = legs.find((/** @type {any} */ l) => LEG_KEY[/** @type {'both'} */ (l.leg)] === event.key);
    if (event.key === ' ') { if (target && target.closest('button') && !target.closest('[data-do="toggle"]')) return; toggle(); } else if (event.key === 'ArrowLeft') seek(audio.currentTime - far); else if (event.key === 'ArrowRight') seek(audio.currentTime + far);
    else if (event.key === 'Home') seek(0); else if (event.key === 'End') seek(length());
    else if (event.key === '<' || event.key === ',') faster(-1); else if (event.key === '>' || event.key === '.') faster(1);
    else if (other) choose(other); else return;
    event.preventDefault();
  }

  const stop = new AbortController();
  const listen = { signal: stop.signal };
  wave.addEventListener('pointerdown', (event) => { wave.setPointerCapture(event.pointerId); point(event); }, listen);
  wave.addEventListener('pointermove', (event) => { if (wave.hasPointerCapture(event.pointerId)) point(event); }, listen);
  keysOf.addEventListener('keydown', key, listen);
  holder.addEventListener('click', (event) => {
    const pressed = event.target instanceof Element ? event.target.closest('[data-do]') : null;
    if (!(pressed instanceof HTMLElement)) return;
    if (pressed.dataset.do === 'toggle') toggle();
    if (pressed.dataset.do === 'leg') choose(legs.find((/** @type {any} */ l) => l.leg === pressed.dataset.leg));
  }, listen);
  picker.addEventListener('change', () => pace(Number(picker.value)), listen);
  for (const news of ['timeupdate', 'play', 'pause', 'seeked', 'ended', 'loadedmetadata']) audio.addEventListener(news, show, listen);
  audio.addEventListener('error', () => { problem.hidden = false; problem.textContent = gettext('The recording does not come any more: the link has ended, or the file is damaged. Open it again.'); }, listen);
  audio.src = leg.url;
  show();
  wave.focus();
  return () => { stop.abort(); audio.pause(); audio.removeAttribute('src'); audio.load(); };
}
