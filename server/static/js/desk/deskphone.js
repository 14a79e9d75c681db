// @ts-check
// A telephone on the desk, steered from the screen: the exchange does what the buttons say. It is
// answered at the telephone itself.
import { talk } from './talk.js';

/** Looks like the softphone to the page. */
export class DeskPhone {
  /** @param {(phone: DeskPhone) => void} changed */
  constructor(changed) {
    this.changed = changed; this.onDesk = true; this.up = true; this.problem = ''; this.callId = ''; this.why = '';
    /** @type {import('../softphone.js').PhoneState} */ this.state = 'registered';
    this.muted = false; this.since = 0;
  }

  get busy() { return ['ringing', 'talking', 'held'].includes(this.state); }
  start() { /* it is always on */ }
  leave() { /* the telephone stays */ }
  /** @param {string} _call */ expect(_call) { /* it rings; lift it */ }

  /** What the server says this agent is doing. @param {any} me */
  follow(me) {
    const state = /** @type {Record<string, any>} */ ({ ringing: 'ringing', talking: 'talking', hold: 'held' })[me.state] || 'registered';
    const call = me.call || '';
    if (state === this.state && call === this.callId) return;
    if (state === 'registered') this.muted = false;
    if (state === 'talking' && this.state !== 'held') this.since = Date.now();
    this.state = state; this.callId = call;
    this.changed(this);
  }

  /** @param {string} act @param {any} [more] */
  act(act, more) { return talk(this.callId, act, more); }

  answer() { /* lifted by hand */ }
  hangup() { return this.act('hangup'); }
  hold() { return this.act('hold', { on: this.state !== 'held' }); }
  async mute() { if (await this.act('mute', { on: !this.muted })) { this.muted = !this.muted; this.changed(this); } }
  /** @param {string} key */ press(key) { return this.act('key', { key }); }
}
