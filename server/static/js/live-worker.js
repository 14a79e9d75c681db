// @ts-check
// One worker for all tabs of this browser holds the one connection to /live: over HTTP/1.1 the
// seventh tab with a connection of its own would not even load.
import { hold } from './sse.js';

/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {any} */
let state = { kind: 'state', state: 'connecting' };
/** @type {any} */
let beat = null;
let started = '';

/** @param {any} news */
function tell(news) {
  if (news.kind === 'state') state = news;
  if (news.kind === 'event') beat = { kind: 'alive', at: Date.now() };
  for (const port of ports) port.postMessage(news);
}

/** @type {any} */ (self).onconnect = (/** @type {MessageEvent} */ event) => {
  const port = event.ports[0];
  ports.add(port);
  port.onmessage = (message) => {
    if (message.data.kind === 'bye') { ports.delete(port); return; }
    if (message.data.kind !== 'hello') return;
    if (!started) { started = message.data.address; hold(started, tell); }
    port.postMessage(state);
    if (beat) port.postMessage(beat);
  };
  port.start();
};
