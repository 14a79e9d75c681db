// @ts-check
// Silence in the recording while card or account numbers are spoken. It ends by itself with the call.
import { api } from '../api.js';
import { on } from '../live.js';
import { complain } from '../toast.js';

export const pausing = {
  call: '', paused: false,
  /** @param {string} call @param {() => void} changed */
  async toggle(call, changed) {
    if (!call) return;
    try {
      const answer = await api.post(`/api/calls/${encodeURIComponent(call)}/pause-recording`, { on: !(this.call === call && this.paused) });
      Object.assign(this, { call, paused: answer.paused });
      changed();
    } catch (error) { complain(error); }
  },
  /** @param {() => void} changed */
  follow(changed) { on('recording.paused recording.resumed', (data) => { if (data.call) { Object.assign(this, { call: data.call, paused: Boolean(data.paused) }); changed(); } }); },
};
