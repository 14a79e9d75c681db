// @ts-check
// Who of the supervisors hears this agent's talk, and how, where the house lets agents know.
import { api } from '../api.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { on } from '../live.js';
import { clock } from '../time.js';

/** @type {Record<string, (who: {name: string, at: string}) => string>} */
const SAYS = {
  listen: (who) => gettext('%(name)s has been listening since %(at)s. Neither you nor the caller hears them.', who),
  whisper: (who) => gettext('%(name)s has been speaking to you since %(at)s. The caller does not hear them.', who),
  barge: (who) => gettext('%(name)s has been speaking with you and the caller since %(at)s.', who),
};

let turn = 0;
let live = false;

/** @param {{supervisor: string, mode: string, since: string}[] | undefined} all */
function show(all) {
  const bar = $('#listeners');
  bar.hidden = !all || all.length === 0;
  render(bar, html`${(all || []).map((one) => html`<p data-testid="listener" data-mode="${one.mode}"><i aria-hidden="true"></i>${(SAYS[one.mode] || SAYS.listen)({ name: one.supervisor, at: clock(one.since) })}</p>`)}`);
}

/** How it is now; an answer that news has overtaken is not shown. */
async function read() {
  const mine = ++turn;
  const me = await api.get('/api/me').catch(() => null);
  if (me && mine === turn) show(me.listeners);
}

/** The server tells this agent's screens alone. Read when the stream stands, so nothing falls between. */
export function follow() {
  on('supervision.shown', (data) => { turn += 1; show(data.listeners); });
  on('health', (now) => { if (now.state === 'live' && !live) { live = true; read(); } });
  on('resumed', read);
  read();
}
