// @ts-check
// One door to the server: JSON in and out, CSRF header, idempotency key, one error shape.
import { gettext } from './i18n.js';
import { page } from './page.js';

/** @typedef {{field: string, code: string, text: string}} Problem */

export class Refused extends Error {
  /** @param {number} status @param {Problem[]} errors @param {any} body */
  constructor(status, errors, body) {
    super(errors.map((e) => e.text).join(' ') || gettext('The server refused (%(status)s).', { status }));
    this.status = status; this.errors = errors; this.body = body;
  }
  /** The lost connection and the overloaded server may be tried again; a refusal may not. */
  get again() { return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504; }
}

/** @param {string} cookies @param {string} name */
export function cookie(cookies, name) {
  for (const part of cookies.split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return decodeURIComponent(part.slice(at + 1).trim());
  }
  return '';
}

/** Errors of an answer in the one shape, whatever came back (a proxy's page, DRF's detail, nothing).
 * @param {number} status @param {any} body @returns {Problem[]} */
export function problems(status, body) {
  if (body && Array.isArray(body.errors)) {
    return body.errors.map((/** @type {any} */ e) => ({ field: String(e.field || ''), code: String(e.code || ''), text: String(e.text || '') }));
  }
  if (body && typeof body.detail === 'string') return [{ field: '', code: '', text: body.detail }];
  if (status === 401 || status === 403) return [{ field: '', code: 'signed_out', text: gettext('You are signed out, or your role may not do this.') }];
  if (status === 404) return [{ field: '', code: 'not_found', text: gettext('There is no such thing here.') }];
  return [{ field: '', code: '', text: gettext('The server refused (%(status)s).', { status }) }];
}

/** A key that makes a repeated write harmless: the server gives the first answer again. */
export function newKey() {
  if (globalThis.crypto && crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** @param {string} method @param {string} address @param {any} [body] @param {{signal?: AbortSignal, keepalive?: boolean}} [more] @returns {Promise<any>} */
async function ask(method, address, body, more = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') {
    headers['X-CSRFToken'] = cookie(document.cookie, page.csrf_cookie);
    headers['Content-Type'] = 'application/json';
    if (body && body.key) headers['Idempotency-Key'] = body.key;
  }
  let answer;
  try {
    answer = await fetch(address, { method, headers, credentials: 'same-origin', body: body === undefined ? undefined : JSON.stringify(body), ...more });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refused(0, [{ field: '', code: 'offline', text: gettext('The server cannot be reached. Nothing is lost; try again.') }], null);
  }
  const text = await answer.text();
  let data = null;
  try { data = text ? JSON.parse(text) : null; } catch { data = null; }
  if (!answer.ok) throw new Refused(answer.status, problems(answer.status, data), data);
  return data;
}

/** Work that is given up after so many milliseconds: a screen that hangs for days waits for no answer for ever.
 * @template T @param {number} ms @param {(signal: AbortSignal) => Promise<T>} work */
export async function within(ms, work) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ms);
  try { return await work(stop.signal); } finally { clearTimeout(timer); }
}

export const api = {
  /** @param {string} address @param {{signal?: AbortSignal}} [more] */
  get: (address, more) => ask('GET', address, undefined, more),
  /** @param {string} address @param {any} body @param {{keepalive?: boolean}} [more] */
  put: (address, body, more) => ask('PUT', address, body, more),
  /** @param {string} address */
  delete: (address) => ask('DELETE', address),
  /** A write with its idempotency key; lost connections are tried again with the same key.
   * @param {string} address @param {any} body */
  async post(address, body) {
    const keyed = { key: newKey(), ...body };
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask('POST', address, keyed);
      } catch (error) {
        if (!(error instanceof Refused) || !error.again || attempt >= 2) throw error;
        await new Promise((done) => { setTimeout(done, 400 * 2 ** attempt); });
      }
    }
  },
};
