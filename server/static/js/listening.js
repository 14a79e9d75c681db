// @ts-check
// Listening in, from whichever page: the supervisor's own telephone in this browser, the mode, the end.
import { api } from './api.js';
import { html } from './html.js';
import { gettext } from './i18n.js';
import { on } from './live.js';
import { page } from './page.js';
import { Softphone } from './softphone.js';
import { complain, toast } from './toast.js';

const ANSWER_WITHIN_MS = 25000;
const READY_WITHIN_MS = 6000;
/** @type {[string, () => string, () => string][]} mode, its verb, what it does */
export const MODES = [
  ['listen', () => gettext('Listen in'), () => gettext('You hear both; nobody hears you.')],
  ['whisper', () => gettext('Whisper'), () => gettext('The agent hears you, the caller does not.')],
  ['barge', () => gettext('Barge in'), () => gettext('Both hear you.')],
];

/** One for a page. `changed` is told whenever what it shows may be another. @param {() => void} changed */
export function listening(changed) {
  /** @type {Softphone | null} */ let phone = null;
  /** @type {any} */ let me = null;
  /** @type {any} */ let row = null;
  let askedAt = 0;
  const audio = document.createElement('audio');
  audio.autoplay = true;
  audio.dataset.testid = 'listen-audio';
  document.body.append(audio);

  async function read() {
    try {
      const all = (await api.get('/api/supervision')).supervisions;
      row = all.find((/** @type {any} */ s) => s.supervisor === page.user) || null;
      changed();
    } catch { /* the next word of the server brings it */ }
  }

  /** What we asked to be called for is answered by itself; every other call rings. */
  function follow() {
    const p = phone;
    if (p && p.state === 'ringing' && p.session && Date.now() - askedAt < ANSWER_WITHIN_MS) {
      if ((p.session.request.getHeader('X-SP-Supervise') || '').startsWith('spy-')) p.answer();
    }
    changed();
  }

  /** The telephone of this browser, registered; nothing where there is none, or it is in another tab. */
  async function ready() {
    if (!me) me = await api.get('/api/me');
    if (!me.sip) return;
    if (!phone) { phone = new Softphone(me.sip, audio, follow); phone.start(); }
    const until = Date.now() + READY_WITHIN_MS;
    while (!['registered', 'ringing', 'answering', 'talking', 'held', 'elsewhere', 'failed'].includes(phone.state) && Date.now() < until) await new Promise((done) => { setTimeout(done, 100); });
    if (phone.state === 'failed') throw new Error(phone.problem);
  }

  const self = {
    get row() { return row; },
    get problem() { return phone && phone.problem; },
    get elsewhere() { return Boolean(phone && phone.state === 'elsewhere'); },
    /** @param {{username: string, name: string}} agent @param {string} mode */
    async start(agent, mode) {
      try {
        await ready();
        askedAt = Date.now();
        row = await api.post(`/api/agents/${encodeURIComponent(agent.username)}/listen`, { mode });
        if (!row.started_at && (!phone || self.elsewhere)) toast(gettext('Your telephone rings: lift it to listen to %(name)s.', { name: agent.name }));
        changed();
      } catch (error) { complain(error); }
    },
    /** The same agent in another mode. @param {string} mode */
    change(mode) { if (row) self.start({ username: row.agent, name: row.agent_name }, mode); },
    async stop() {
      if (!row) return;
      try { await api.delete(`/api/agents/${encodeURIComponent(row.agent)}/listen`); } catch (error) { complain(error); }
      if (phone && phone.busy) phone.hangup();
      read();
    },
  };

  on('supervision.started supervision.changed supervision.ended resumed', (data) => {
    if (data.supervisor && data.supervisor !== page.user) return;
    if (data.why === 'no_answer' && row && data.channel === row.channel) toast(gettext('Your telephone was not answered: nobody is listened to.'), 'bad');
    read();
  });
  read();
  return self;
}

/** Who is listened to, the modes as buttons, the end. @param {ReturnType<typeof listening>} ear */
export function strip(ear) {
  const row = ear.row;
  if (!row) return html``;
  const [, , says] = MODES.find(([mode]) => mode === row.mode) || MODES[0];
  return html`<div class="listening" data-testid="listening" data-mode="${row.mode}" data-started="${row.started_at ? 'true' : 'false'}"><p role="status"><b>${row.agent_name}</b>: ${row.started_at ? says() : gettext('Your telephone is being called…')}</p>
    <div class="row"><span class="modes">${MODES.map(([mode, verb]) => html`<button type="button" data-do="mode" data-mode="${mode}" data-key="mode-${mode}" data-testid="mode-${mode}" aria-pressed="${row.mode === mode ? 'true' : 'false'}" ${row.started_at ? '' : html`disabled`}>${verb()}</button>`)}</span><button type="button" class="stop" data-do="unlisten" data-key="unlisten" data-testid="listen-stop">${gettext('Stop listening')}</button></div>
    ${ear.problem ? html`<p class="warning" role="alert">${ear.problem}</p>` : ''}</div>`;
}
