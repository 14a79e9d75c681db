// @ts-check
// What the exchange does with a call for its agent: hold, mute, a key, hand over, ask.
import { api } from '../api.js';
import { complain } from '../toast.js';

/** @param {string} call @param {string} act @param {any} [more] @returns {Promise<boolean>} whether it was done */
export async function talk(call, act, more = {}) {
  if (!call) return false;
  try { await api.post(`/api/calls/${encodeURIComponent(call)}/talk`, { act, ...more }); return true; } catch (error) { complain(error); return false; }
}
