// @ts-check
// What the server says of this page (see server/portal/context.py), read once.

/** @typedef {{lang: string, tz: string, role: string, user: string, topics: string, csrf_cookie: string,
 *   stale_fix_s: number, fonts: Record<string, string>, bounds?: [number, number, number, number], tiles?: string}} PageData */

const script = typeof document === 'undefined' ? null : document.getElementById('page-data');

/** @type {PageData} */
export const page = script && script.textContent
  ? JSON.parse(script.textContent)
  : { lang: 'en', tz: 'UTC', role: '', user: '', topics: '', csrf_cookie: 'csrftoken', stale_fix_s: 120, fonts: {} };
