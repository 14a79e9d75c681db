// @ts-check
// Handing a call over: to a colleague at once or after asking, to a queue; three together; back to the caller.
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { on } from '../live.js';
import { complain, toast } from '../toast.js';
import { word } from '../words.js';
import { talk } from './talk.js';

/** What the agent is about: nothing, choosing whom, asking them, all three together.
 * @typedef {'' | 'choosing' | 'asking' | 'talking' | 'three'} Step */

export const handing = {
  /** @type {Step} */ step: '',
  /** @type {any[]} */ colleagues: [], /** @type {any[]} */ queues: [],
  /** @type {{to: string, user: string, name: string} | null} */ whom: null,
  text: '', at: 0, call: '', swapped: false,
  /** @type {() => void} */ changed: () => undefined,

  /** @param {string} call @param {() => void} changed */
  async open(call, changed) {
    this.changed = changed;
    if (this.step) { if (this.step === 'choosing') this.close(); return; }
    Object.assign(this, { step: 'choosing', call, text: '', at: 0, whom: null, swapped: false });
    changed();
    this.focus();
    try { Object.assign(this, await api.get('/api/desk/colleagues')); } catch (error) { complain(error); }
    this.list();
  },
  close() { if (!this.step) return; this.step = ''; this.whom = null; this.changed(); },
  focus() { const input = document.getElementById('hand-to'); if (input) input.focus(); },

  /** Whom the words mean: colleagues, queues, and the number itself where it is one. `acts`: what can be done, first what Enter does. */
  found() {
    const words = this.text.trim().toLowerCase();
    const people = this.colleagues.filter((c) => !words || `${c.name} ${c.user} ${c.extension}`.toLowerCase().includes(words))
      .map((c) => ({ to: c.extension, user: c.user, name: c.name, note: `${c.extension} · ${word('agent', c.state)}`, acts: ['consult', 'transfer'] }));
    const lines = this.queues.filter((q) => !words || `${q.name} ${q.queue}`.toLowerCase().includes(words))
      .map((q) => ({ to: q.queue, user: '', name: q.name, note: this.stands(q), acts: ['queue'] }));
    const digits = words.replace(/[\s()-]/g, '');
    if (/^\+?\d{3,20}$/.test(digits) && !people.some((p) => p.to === digits)) people.push({ to: digits, user: '', name: digits, note: gettext('number outside: ask first only'), acts: ['consult'] });
    return [...people, ...lines];
  },

  /** @param {any} q how a queue stands */
  stands(q) {
    const waiting = gettext('%(n)s waiting', { n: q.waiting });
    const free = q.working ? gettext('%(n)s of %(all)s free', { n: q.free, all: q.working }) : gettext('nobody signed in');
    return [waiting, free, q.mine ? gettext('you answer it too') : ''].filter(Boolean).join(' · ');
  },

  list() {
    const holder = document.getElementById('hand-list');
    if (!holder) return;
    const found = this.found();
    this.at = Math.min(this.at, Math.max(0, found.length - 1));
    render(holder, html`${found.map((p, i) => html`${p.acts[0] === 'queue' && (i === 0 || found[i - 1].acts[0] !== 'queue') ? html`<li role="presentation" class="muted group">${gettext('Queues')}</li>` : ''}<li role="option" data-kind="${p.acts[0] === 'queue' ? 'queue' : 'person'}" aria-selected="${i === this.at ? 'true' : 'false'}" data-testid="hand-row" data-to="${p.to}"><span><b>${p.name}</b><small class="muted">${p.note}</small></span>
      <span class="row">${p.acts[0] === 'consult' ? html`<button type="button" data-do="ask-first" data-i="${i}" data-testid="ask-first">${gettext('Ask first')}</button>` : ''}${p.acts.length > 1 || p.acts[0] === 'queue' ? html`<button type="button" data-do="hand-over" data-i="${i}" data-testid="hand-over">${gettext('Hand over')}</button>` : ''}</span></li>`)}
      ${found.length ? '' : html`<li class="muted">${gettext('Nobody of that name is signed in. A number outside can be asked too.')}</li>`}`);
  },

  panel() {
    if (!this.step) return '';
    if (this.step === 'choosing') {
      return html`<div class="hand" data-testid="hand-panel"><label for="hand-to">${gettext('Hand over to')}</label><input id="hand-to" type="search" autocomplete="off" placeholder="${gettext('Name, line, queue or number')}" data-testid="hand-to">
        <ul id="hand-list" role="listbox"></ul><p class="muted hint"><kbd>↑↓</kbd> <kbd>Enter</kbd> ${gettext('ask first')} · <kbd>Shift Enter</kbd> ${gettext('hand over')} · <kbd>Esc</kbd></p></div>`;
    }
    const name = this.whom ? this.whom.name : '';
    return html`<div class="hand" data-testid="hand-panel" data-step="${this.step}"><p class="strong" role="status">${this.step === 'asking' ? gettext('%(name)s is being rung; the caller hears music.', { name }) : this.step === 'three' ? gettext('You, %(name)s and the caller hear each other.', { name }) : this.swapped ? gettext('You talk with the caller; %(name)s waits.', { name }) : gettext('You talk with %(name)s; the caller hears music.', { name })}</p>
      <div class="controls">${this.step === 'talking' ? html`<button class="main" data-do="talk" data-act="complete" data-testid="hand-complete">${gettext('Hand over')} <kbd>Alt G</kbd></button><button data-do="talk" data-act="conference" data-testid="hand-three">${gettext('All three')} <kbd>Alt J</kbd></button>
        <button data-do="talk" data-act="swap" data-testid="hand-swap">${gettext('Swap')} <kbd>Alt S</kbd></button>` : ''}${this.step === 'three' ? '' : html`<button data-do="talk" data-act="abort" data-testid="hand-abort">${gettext('Back to the caller')} <kbd>Alt B</kbd></button>`}</div></div>`;
  },

  /** @param {number} i @param {boolean} first ask them before */
  async hand(i, first) {
    const whom = this.found()[i];
    if (!whom) return;
    // Nobody can be asked for a whole queue: either key hands over.
    const act = whom.acts[0] === 'queue' ? 'queue' : first ? 'consult' : 'transfer';
    if (!whom.acts.includes(act)) return;
    this.whom = whom;
    if (!await talk(this.call, act, { to: whom.to })) return;
    if (act === 'consult') { this.step = 'asking'; this.changed(); } else { toast(gettext('Handed to %(name)s.', { name: whom.name })); this.close(); }
  },

  /** A button of the consultation. @param {string} act */
  async press(act) {
    if (this.step !== 'talking' && !(act === 'abort' && this.step === 'asking')) return;
    if (!await talk(this.call, act)) return;
    if (act === 'conference') this.step = 'three';
    else if (act === 'swap') this.swapped = !this.swapped;
    else { if (act === 'complete' && this.whom) toast(gettext('Handed to %(name)s.', { name: this.whom.name })); this.step = ''; }
    this.changed();
  },

  /** @param {KeyboardEvent} event keys of the list */
  key(event) {
    if (!(event.target instanceof HTMLInputElement) || event.target.id !== 'hand-to') return;
    const many = this.found().length;
    if (event.key === 'ArrowDown') this.at = Math.min(many - 1, this.at + 1);
    else if (event.key === 'ArrowUp') this.at = Math.max(0, this.at - 1);
    else if (event.key === 'Enter' && !event.isComposing) { event.preventDefault(); this.hand(this.at, !event.shiftKey); return; }
    else if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); this.close(); return; }
    else return;
    event.preventDefault();
    this.list();
    document.querySelector('#hand-list [aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  },

  /** Follow what the exchange says of the call in hand. */
  follow() {
    const about = (/** @type {any} */ data) => this.step && data.call === this.call;
    const them = (/** @type {any} */ data) => this.whom && [this.whom.user, this.whom.to].includes(String(data.agent));
    on('call.consulted', (data) => { if (about(data) && this.step === 'asking') { this.step = 'talking'; this.changed(); } });
    on('call.not_taken call.left', (data) => {
      if (!about(data) || !them(data)) return;
      if (data.state !== 'ended') toast(gettext('%(name)s is not on the line any more; the caller is with you.', { name: this.whom ? this.whom.name : '' }));
      this.close();
    });
    on('call.transferred call.ended', (data) => { if (about(data)) this.close(); });
    on('call.transfer_failed', (data) => { toast(gettext('%(to)s did not take the call; it comes back.', { to: String(data.to) })); });
    document.addEventListener('keydown', (event) => this.key(event), true);
    document.addEventListener('input', (event) => { if (event.target instanceof HTMLInputElement && event.target.id === 'hand-to') { this.text = event.target.value; this.at = 0; this.list(); } });
  },
};
