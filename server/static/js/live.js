// @ts-check
// The page's end of the live stream: `on(name, handler)`, the dot with its age, the stale banner.
import { gettext } from './i18n.js';
import { page } from './page.js';
import { hold } from './sse.js';
import { span } from './time.js';

const STALE_AFTER = 15000;
/** @type {Map<string, Set<(data: any) => void>>} */
const handlers = new Map();
let lastAlive = 0;
let state = 'connecting';

/** Hear an event by name; '*' hears all; 'resumed' comes after every new connection: read again.
 * @param {string} name @param {(data: any) => void} handler */
export function on(name, handler) {
  for (const one of name.split(' ')) {
    if (!handlers.has(one)) handlers.set(one, new Set());
    /** @type {Set<any>} */ (handlers.get(one)).add(handler);
  }
}

/** @param {string} name @param {any} data */
function dispatch(name, data) {
  for (const handler of handlers.get(name) || []) {
    try { handler(data); } catch (error) { console.error(`live ${name}`, error); }
  }
}

/** @param {any} news */
function receive(news) {
  if (news.kind === 'alive') { lastAlive = Math.max(lastAlive, news.at); show(); return; }
  if (news.kind === 'state') {
    const before = state;
    state = news.state;
    if (state === 'open') { lastAlive = Date.now(); if (before !== 'connecting' || news.resumed) dispatch('resumed', {}); }
    show();
    return;
  }
  lastAlive = Date.now();
  if (state !== 'open') state = 'open';
  show();
  if (news.event === 'beat') return;
  let data = null;
  try { data = JSON.parse(news.data); } catch { return; }
  dispatch(news.event, data);
  dispatch('*', { event: news.event, data });
}

/** @returns {{state: 'live' | 'stale' | 'connecting' | 'signed_out', age: number}} age in seconds */
export function health(now = Date.now()) {
  if (state === 'signed_out') return { state: 'signed_out', age: (now - lastAlive) / 1000 };
  if (!lastAlive) return { state: 'connecting', age: 0 };
  const age = (now - lastAlive) / 1000;
  return { state: now - lastAlive > STALE_AFTER || state === 'lost' ? 'stale' : 'live', age };
}

function show() {
  const now = health();
  const words = {
    live: gettext('live'), connecting: gettext('connecting'), signed_out: gettext('signed out'),
    stale: gettext('stale %(age)s', { age: span(now.age) }),
  };
  const dot = document.getElementById('live');
  if (dot) {
    dot.dataset.state = now.state;
    const text = dot.querySelector('span');
    if (text && text.textContent !== words[now.state]) text.textContent = words[now.state];
    dot.title = gettext('Last word from the server %(age)s ago', { age: span(now.age) });
  }
  const banner = document.getElementById('stale-banner');
  if (banner) {
    const bad = now.state === 'stale' || now.state === 'signed_out';
    banner.hidden = !bad;
    if (bad) banner.textContent = now.state === 'signed_out'
      ? gettext('You are signed out. What you typed is kept; sign in again in another tab.')
      : gettext('Connection lost. What you see is %(age)s old. You can go on typing; it catches up by itself.', { age: span(now.age) });
  }
  document.documentElement.dataset.live = now.state;
  dispatch('health', now);
}

/** @param {string} [topics] */
export function connect(topics = page.topics) {
  const address = `${location.origin}/live?topics=${encodeURIComponent(topics)}`;
  setInterval(show, 1000);
  if (typeof SharedWorker === 'undefined') { hold(address, receive); return; }
  try {
    const worker = new SharedWorker(new URL('./live-worker.js', import.meta.url), { type: 'module', name: `standpipe ${page.user} ${topics}` });
    worker.onerror = () => { hold(address, receive); };
    worker.port.onmessage = (event) => receive(event.data);
    worker.port.postMessage({ kind: 'hello', address });
    addEventListener('pagehide', () => worker.port.postMessage({ kind: 'bye' }));
    addEventListener('pageshow', (event) => { if (event.persisted) worker.port.postMessage({ kind: 'hello', address }); });
  } catch {
    hold(address, receive);
  }
}
