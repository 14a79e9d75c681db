// @ts-check
// Server-sent events from a byte stream. Read with fetch instead of EventSource, because only then
// the last event's id can be sent again after *any* kind of failure, 502 and half-open lines included.

/** @typedef {{event: string, id: string, data: string}} Message */

/** Feed text as it comes; whole messages come out.
 * @param {(message: Message) => void} emit */
export function parser(emit) {
  let rest = '';
  let event = '';
  let data = /** @type {string[]} */ ([]);
  let id = '';
  /** @param {string} line */
  function take(line) {
    if (line === '') {
      if (data.length || event) emit({ event: event || 'message', id, data: data.join('\n') });
      event = ''; data = [];
      return;
    }
    if (line.startsWith(':')) return;
    const at = line.indexOf(':');
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else if (field === 'id' && !value.includes('\0')) id = value;
  }
  return (/** @type {string} */ chunk) => {
    rest += chunk;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() || '';
    lines.forEach(take);
  };
}

/** Wait before the next attempt: 0.5, 1, 2, 4 … 15 s, with jitter so that a hundred browsers do
 * not come back in the same second. @param {number} attempt @param {number} [chance] 0..1 */
export function backoff(attempt, chance = Math.random()) {
  return Math.round(Math.min(15000, 500 * 2 ** Math.min(attempt, 10)) * (0.75 + chance / 2));
}

/** Hold one stream open for ever. `tell` gets {kind: 'event' | 'state', ...}.
 * @param {string} address @param {(news: any) => void} tell @param {{silence?: number, fetcher?: typeof fetch}} [options] */
export function hold(address, tell, options = {}) {
  const silence = options.silence || 15000;
  const fetcher = options.fetcher || fetch.bind(globalThis);
  let last = '';
  let attempt = 0;
  let stopped = false;
  /** @type {AbortController | null} */
  let current = null;

  async function once() {
    const controller = new AbortController();
    current = controller;
    let timer = setTimeout(() => controller.abort(), silence);
    try {
      const answer = await fetcher(address, { headers: { Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) }, credentials: 'same-origin', cache: 'no-store', signal: controller.signal, redirect: 'manual' });
      if (answer.status === 401 || answer.status === 403 || answer.type === 'opaqueredirect') { tell({ kind: 'state', state: 'signed_out' }); attempt = 6; return; }
      if (!answer.ok || !answer.body) throw new Error(`live stream answered ${answer.status}`);
      tell({ kind: 'state', state: 'open', resumed: last !== '' });
      const decoder = new TextDecoder();
      const feed = parser((message) => {
        if (message.id) last = message.id;
        attempt = 0;
        tell({ kind: 'event', ...message });
      });
      const reader = answer.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(timer);
        timer = setTimeout(() => controller.abort(), silence);
        feed(decoder.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  (async () => {
    while (!stopped) {
      try { await once(); } catch (error) { if (!stopped) tell({ kind: 'state', state: 'lost', why: String(error) }); }
      if (stopped) return;
      await new Promise((done) => { setTimeout(done, backoff(attempt)); });
      attempt += 1;
    }
  })();
  return () => { stopped = true; if (current) current.abort(); };
}
