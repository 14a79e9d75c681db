// @ts-check
// A line that is down is said in red across the page, within seconds, before the next caller finds out.
import { $ } from '../html.js';
import { gettext } from '../i18n.js';
import { on } from '../live.js';

/** Seconds without a word from the server (it beats every two) before that is said. */
const LOST_AFTER = 5;
let wasUp = false;
let lost = false;

/** @param {any} phone the telephone, or null */
export function alarm(phone) {
  const bar = $('#alarm');
  const down = Boolean(phone && !phone.up && ['connecting', 'registered', 'talking', 'held', 'ringing'].includes(phone.state) && wasUp);
  if (phone && phone.up) wasUp = true;
  bar.hidden = !down && !lost;
  bar.textContent = down ? (phone.busy ? gettext('No connection to the telephone exchange. You may still hear the caller; buttons do not work until it is back.') : gettext('No connection to the telephone exchange: no calls can reach you. Trying again; a desk telephone still works.')) : lost ? gettext('No connection to the server: what you see may be old. Go on typing; nothing is lost.') : '';
}

/** @param {() => any} phone */
export function follow(phone) {
  on('health', (now) => { const gone = now.state === 'stale' || (now.state === 'live' && now.age > LOST_AFTER); if (gone !== lost) { lost = gone; alarm(phone()); } });
}
