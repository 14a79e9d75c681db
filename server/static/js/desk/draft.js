// @ts-check
// The contact as typed, saved while it is typed: to the server, and to this browser until the
// server has it. Nothing typed is lost by a dead line, a closed tab or a dropped call.
import { api } from '../api.js';

const PREFIX = 'standpipe.draft.';
/** A contact without a call (a letter, a visitor): its draft lives in this browser alone. */
export const WITHOUT_CALL = 'new';

export class Draft {
  /** @param {string} call @param {any} stored the server's copy @param {(state: 'saving' | 'saved' | 'kept') => void} tell */
  constructor(call, stored, tell) {
    this.call = call; this.tell = tell;
    this.value = /** @type {any} */ ({ ...stored, ...Draft.kept(call) });
    this.timer = 0; this.touched = Boolean(stored && stored.note); this.sending = false; this.again = false;
  }

  /** What this browser still holds of a call. @param {string} call */
  static kept(call) {
    try { return JSON.parse(localStorage.getItem(PREFIX + call) || '{}'); } catch { return {}; }
  }

  /** @param {any} change */
  set(change) {
    Object.assign(this.value, change);
    this.touched = true;
    try { localStorage.setItem(PREFIX + this.call, JSON.stringify(this.value)); } catch { /* private window: the server copy remains */ }
    this.tell('saving');
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.save(), 350);
  }

  async save() {
    clearTimeout(this.timer);
    // What was only prefilled is nobody's draft.
    if (!this.touched) return;
    if (this.call === WITHOUT_CALL) { this.tell('saved'); return; }
    if (this.sending) { this.again = true; return; }
    this.sending = true;
    const sent = JSON.stringify(this.value);
    try {
      await api.put(`/api/calls/${encodeURIComponent(this.call)}/draft`, this.value, { keepalive: true });
      if (JSON.stringify(this.value) === sent) { this.forget(); this.tell('saved'); }
    } catch {
      this.tell('kept');
      this.timer = window.setTimeout(() => this.save(), 3000);
    }
    this.sending = false;
    if (this.again) { this.again = false; this.save(); }
  }

  /** Stop saving: registered, or the server has it. */
  close() { clearTimeout(this.timer); this.forget(); }
  forget() { try { localStorage.removeItem(PREFIX + this.call); } catch { /* private window */ } }
}
