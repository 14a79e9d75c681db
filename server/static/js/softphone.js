// @ts-check
// The agent's telephone in the browser: SIP over WebSocket, sound by WebRTC. Everything that can go
// wrong (microphone, permission, registration, silence) is said in plain words.
import { gettext } from './i18n.js';
import { backoff } from './sse.js';

/** How often the exchange is asked whether it is there, and how long it may take to say so: a line
 * that is cut without a word shows within five seconds. */
const ASK_EVERY = 2500;
const ASK_WAIT = 2000;
/** Q.850's "disk or interface gone" (44): the exchange keeps the caller for who says it. */
const AGAIN = 'Reason: Q.850;cause=44';
const KEPT = 'standpipe.talk';
const KEPT_FOR = 60000;
/** An INVITE within this time after a click on a number is the call that was asked for. */
const DIALLED_FOR = 20000;

/** So often in a row one site may not answer before another one is tried. */
const TRIES_A_SITE = 2;
/** So many looks (ASK_EVERY) in a row without an answer and without sound, and the site is dead. */
const DEAD_LOOKS = 3;

/** @typedef {'off' | 'connecting' | 'registered' | 'failed' | 'elsewhere' | 'ringing' | 'answering' | 'talking' | 'held'} PhoneState */

export class Softphone {
  /** @param {{ws: string, further_ws?: string[], uri: string, user: string, password: string}} account @param {HTMLAudioElement} audio @param {(phone: Softphone) => void} changed */
  constructor(account, audio, changed) {
    this.account = account; this.audio = audio; this.changed = changed;
    /** @type {PhoneState} */ this.state = 'off';
    this.problem = ''; this.callId = ''; this.muted = false; this.since = 0;
    /** @type {any} */ this.session = null; /** @type {any} */ this.agent = null; /** @type {any} */ this.registerer = null;
    /** @type {any} */ this.sip = null;
    this.attempt = 0;
    /** The sites where this line may register, the home site first. */ this.servers = [account.ws, ...(account.further_ws || [])];
    this.site = 0;
    /** Looks in a row at which nothing came, and what had come at the last. */ this.silent = 0; this.packets = 0;
    /** Whether the exchange answers. */ this.up = false;
    /** Why it rings, where it is no new call: transfer, back, consult, resume, dial. */ this.why = '';
    this.expecting = ''; this.expectingUntil = 0;
    Object.defineProperty(window, '__softphone', { configurable: true, value: {
      get state() { return /** @type {any} */ (this)._phone.state; }, get callId() { return /** @type {any} */ (this)._phone.callId; },
      get up() { return /** @type {any} */ (this)._phone.up; }, get problem() { return /** @type {any} */ (this)._phone.problem; }, stats: () => this.stats(), _phone: this } });
  }

  /** @param {PhoneState} state @param {string} [problem] */
  set(state, problem = '') { this.state = state; this.problem = problem; this.changed(this); }

  get busy() { return ['ringing', 'answering', 'talking', 'held'].includes(this.state); }

  /** Register. Only one tab is the telephone; the others say so and take over when it closes. */
  async start() {
    if (!navigator.mediaDevices) { this.set('failed', gettext('This page is not on a secure address, so the browser gives no microphone. Use https, or a telephone on the desk.')); return; }
    if (navigator.locks) {
      let mine = false;
      const waiting = navigator.locks.request(`standpipe phone ${this.account.user}`, async () => { mine = true; this.open(); await new Promise(() => undefined); });
      waiting.catch(() => undefined);
      setTimeout(() => { if (!mine) this.set('elsewhere', gettext('Your telephone is open in another tab.')); }, 800);
    } else { this.open(); }
  }

  async open() {
    this.set('connecting');
    try {
      this.sip = this.sip || await import('sip');
    } catch { this.set('failed', gettext('The telephone could not be loaded. Reload the page.')); return; }
    this.build();
    addEventListener('pagehide', () => this.leave());
    addEventListener('offline', () => this.reachable(false));
    this.connect();
    setInterval(() => { this.ask(); this.look(); }, ASK_EVERY);
  }

  /** The line at the site in turn. */
  build() {
    const { UserAgent, Registerer, RegistererState } = this.sip;
    const { uri, user, password } = this.account;
    const agent = new UserAgent({
      uri: UserAgent.makeURI(uri.startsWith('sip:') ? uri : `sip:${uri}`), transportOptions: { server: this.servers[this.site] }, authorizationUsername: user, authorizationPassword: password, logLevel: 'error',
      sessionDescriptionHandlerFactoryOptions: { iceGatheringTimeout: 500, peerConnectionConfiguration: { iceServers: [] } },
      delegate: {
        onInvite: (/** @type {any} */ invitation) => this.incoming(invitation),
        onDisconnect: (/** @type {any} */ error) => { if (agent !== this.agent) return; this.reachable(false); if (error) this.reconnect(); },
      },
    });
    this.agent = agent;
    this.registerer = new Registerer(agent, { expires: 120 });
    this.registerer.stateChange.addListener((/** @type {any} */ state) => {
      if (agent === this.agent && state === RegistererState.Registered) { this.attempt = 0; this.reachable(true); if (!this.busy) this.set('registered'); }
    });
  }

  /** A site that does not come back is left for the next one; a talk on it is never given up for that. */
  nextSite() {
    if (this.busy || this.servers.length < 2 || this.attempt % TRIES_A_SITE) return;
    this.site = (this.site + 1) % this.servers.length;
    const left = this.agent;
    this.build();
    left.stop().catch(() => undefined);
  }

  /** A site that dies hangs up nobody, and one that loses its power closes no connection: the talk would stand
   * for ever and the line would never leave. While sound arrives the talk goes on, whoever answers; a caller
   * on hold is left to the server's word (`over`). */
  async look() {
    if (this.up || this.state === 'failed' || this.state === 'held') { this.silent = 0; return; }
    const packets = this.busy ? (await this.stats()).inbound.packets : 0;
    this.silent = packets === this.packets ? this.silent + 1 : 0;
    this.packets = packets;
    if (!this.up && this.silent >= DEAD_LOOKS && (this.busy || this.agent.isConnected())) this.giveUp();
  }

  /** The server says that this call is over. @param {string} call */
  over(call) { if (!this.up && this.busy && call === this.callId) this.giveUp(); }

  /** Neither answer nor sound: begin anew, here or at the next site. Where the caller is still there, the
   * exchange rings here first and the talk goes on. */
  giveUp() {
    const { session, agent } = this;
    this.keep();
    this.session = null; this.muted = false; this.why = ''; this.silent = 0; this.audio.srcObject = null;
    if (session) Promise.resolve().then(() => session.dispose()).catch(() => undefined);
    clearTimeout(this.timer); this.timer = undefined; this.attempt = 0;
    this.build();
    agent.stop().catch(() => undefined);
    this.state = 'connecting';
    this.reconnect();
  }

  /** The page goes: reloaded, closed, crashed into. The exchange keeps the caller some seconds and rings
   * here first when this page is back. */
  leave() {
    if (this.keep()) this.session.bye({ requestOptions: { extraHeaders: [AGAIN] } }).catch(() => undefined);
    if (this.registerer) this.registerer.unregister().catch(() => undefined);
  }

  /** Note the talk that may be taken up again. @returns {boolean} whether there is one */
  keep() {
    if (!this.session || !this.sip || this.session.state !== this.sip.SessionState.Established) return false;
    try { sessionStorage.setItem(KEPT, JSON.stringify({ call: this.callId, at: Date.now(), muted: this.muted, held: this.state === 'held' })); } catch { /* private window: answered by hand */ }
    return true;
  }

  /** The talk this page had when it was loaded again. @returns {{call: string, at: number, muted: boolean, held: boolean} | null} */
  static kept() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT) || 'null');
      return kept && Date.now() - kept.at < KEPT_FOR ? kept : null;
    } catch { return null; }
  }

  /** @param {boolean} up */
  reachable(up) { if (this.up !== up) { this.up = up; this.changed(this); } }

  /** Whether the exchange still hears us. Any answer is one. */
  ask() {
    if (!this.agent || !this.agent.isConnected() || this.asking) return;
    const core = this.agent.userAgentCore;
    const me = this.agent.configuration.uri;
    const request = core.makeOutgoingRequestMessage('OPTIONS', this.sip.UserAgent.makeURI(`sip:${me.host}`), me, me, {});
    const late = setTimeout(() => { this.asking = false; this.reachable(false); }, ASK_WAIT);
    const here = () => { clearTimeout(late); this.asking = false; this.reachable(true); };
    this.asking = true;
    core.request(request, { onAccept: here, onReject: here });
  }

  /** A number was clicked: the next ringing is that call. @param {string} call */
  expect(call) { this.expecting = call; this.expectingUntil = Date.now() + DIALLED_FOR; }

  async connect() {
    try {
      if (this.agent.isConnected()) { /* only register again */ } else if (this.agent.state === 'Started') await this.agent.reconnect(); else await this.agent.start();
      await this.registerer.register({ requestDelegate: { onReject: (/** @type {any} */ response) => {
        const code = response.message.statusCode;
        this.set('failed', code === 401 || code === 403 ? gettext('The telephone exchange refused the name or password of your line (%(code)s).', { code }) : gettext('The telephone exchange refused to register your line (%(code)s).', { code }));
        this.reconnect();
      } } });
    } catch { this.reconnect(); }
  }

  reconnect() {
    if (!this.busy && this.state !== 'failed') this.set('connecting', gettext('No connection to the telephone exchange. Trying again; a desk telephone still works.'));
    if (this.timer) return;
    this.timer = setTimeout(() => { this.timer = undefined; this.nextSite(); this.connect(); }, backoff(this.attempt));
    this.attempt += 1;
  }

  /** @param {any} invitation */
  incoming(invitation) {
    if (this.busy) { invitation.reject({ statusCode: 486 }); return; }
    this.session = invitation;
    this.why = invitation.request.getHeader('X-SP-Why') || '';
    this.callId = invitation.request.getHeader('X-SP-Call-Id') || '';
    if (!this.callId && this.expecting && Date.now() < this.expectingUntil) { this.callId = this.expecting; this.why = 'dial'; }
    this.expecting = '';
    this.from = invitation.remoteIdentity.displayName || invitation.remoteIdentity.uri.user || '';
    const { SessionState } = this.sip;
    invitation.stateChange.addListener((/** @type {any} */ state) => {
      if (this.session !== invitation) return;
      if (state === SessionState.Established) { this.listen(); this.since = Date.now(); this.set('talking'); this.restore(); }
      if (state === SessionState.Terminated) { this.session = null; this.muted = false; this.why = ''; this.audio.srcObject = null; this.set('registered', this.state === 'answering' ? this.problem : ''); }
    });
    this.set('ringing');
    const kept = Softphone.kept();
    if (this.why === 'dial' || (this.why === 'resume' && kept && kept.call === this.callId)) this.answer();
  }

  /** As it was before the page was loaded again. */
  async restore() {
    const kept = Softphone.kept();
    try { sessionStorage.removeItem(KEPT); } catch { /* private window */ }
    if (this.why !== 'resume' || !kept || kept.call !== this.callId) return;
    if (kept.muted && !this.muted) this.mute();
    if (kept.held) await this.hold();
  }

  async answer() {
    if (this.state !== 'ringing') return;
    // Ask for the microphone first: a refusal then has its own words and the call goes on ringing.
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: false });
      stream.getTracks().forEach((track) => track.stop());
    } catch (error) {
      const name = error instanceof DOMException ? error.name : '';
      this.set('ringing', name === 'NotAllowedError' ? gettext('The browser does not let this page use the microphone. Allow it beside the address, then answer.') : name === 'NotFoundError' ? gettext('No microphone is connected.') : gettext('The microphone does not work (%(name)s).', { name }));
      return;
    }
    if (this.state !== 'ringing') return;
    this.set('answering');
    try {
      await this.session.accept({ sessionDescriptionHandlerOptions: { constraints: { audio: true, video: false } } });
    } catch (error) {
      this.problem = gettext('The call could not be answered: %(why)s', { why: error instanceof Error ? error.message : String(error) });
      this.changed(this);
    }
  }

  get connection() { const handler = this.session && this.session.sessionDescriptionHandler; return handler ? handler.peerConnection : null; }

  listen() {
    const pc = this.connection;
    if (!pc) return;
    const stream = new MediaStream();
    pc.getReceivers().forEach((/** @type {RTCRtpReceiver} */ r) => { if (r.track) stream.addTrack(r.track); });
    this.audio.srcObject = stream;
    this.audio.play().catch(() => { this.problem = gettext('The browser blocks the sound until you click on this page.'); this.changed(this); });
    pc.addEventListener('connectionstatechange', () => {
      if (pc.connectionState === 'failed') { this.problem = gettext('The sound cannot get through (network). Hang up and call back.'); this.changed(this); }
    });
    // "Established" says nothing about sound: look after three seconds whether any arrived.
    const session = this.session;
    setTimeout(async () => {
      if (this.session !== session) return;
      if ((await this.stats()).inbound.packets === 0) { this.problem = gettext('The call stands, but no sound arrives.'); this.changed(this); }
    }, 3000);
  }

  async hangup() {
    const session = this.session;
    if (!session) return;
    const { SessionState } = this.sip;
    try {
      if (session.state === SessionState.Initial) await session.reject({ statusCode: 486 });
      else if (session.state === SessionState.Establishing) await session.reject();
      else if (session.state === SessionState.Established) await session.bye();
    } catch (error) { this.problem = String(error); }
    if (session.state === SessionState.Terminated || this.session !== session) return;
    this.session = null; this.muted = false; this.set('registered');
  }

  mute() {
    const pc = this.connection;
    if (!pc) return;
    this.muted = !this.muted;
    pc.getSenders().forEach((/** @type {RTCRtpSender} */ s) => { if (s.track) s.track.enabled = !this.muted; });
    this.changed(this);
  }

  async hold() {
    if (!this.session || (this.state !== 'talking' && this.state !== 'held')) return;
    const hold = this.state === 'talking';
    this.session.sessionDescriptionHandlerOptionsReInvite = { hold };
    try {
      await this.session.invite({ requestDelegate: { onAccept: () => this.set(hold ? 'held' : 'talking'), onReject: () => { this.problem = gettext('Hold was refused.'); this.changed(this); } } });
    } catch { this.problem = gettext('Hold was refused.'); this.changed(this); }
  }

  /** @param {string} tone */
  press(tone) {
    const handler = this.session && this.session.sessionDescriptionHandler;
    if (!/^[0-9*#]$/.test(tone) || !handler || !handler.sendDtmf(tone)) { this.problem = gettext('The key was not sent.'); this.changed(this); }
  }

  /** What the sound does, for tests and for "no sound arrives". */
  async stats() {
    const found = { inbound: { packets: 0, lost: 0, level: 0, energy: 0 }, outbound: { packets: 0 }, connection: 'none' };
    const pc = this.connection;
    if (!pc) return found;
    found.connection = pc.connectionState;
    (await pc.getStats()).forEach((/** @type {any} */ row) => {
      if (row.type === 'inbound-rtp' && row.kind === 'audio') found.inbound = { packets: row.packetsReceived || 0, lost: row.packetsLost || 0, level: row.audioLevel || 0, energy: row.totalAudioEnergy || 0 };
      if (row.type === 'outbound-rtp' && row.kind === 'audio') found.outbound = { packets: row.packetsSent || 0 };
    });
    return found;
  }
}
