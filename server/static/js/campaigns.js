// @ts-check
// Calls that we make: the campaigns, one of them in full, the agent's record, the ladder for bills.
import { $, onDo } from './html.js';
import { gettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import { page } from './page.js';
import { pooled } from './pooled.js';
import { complain } from './toast.js';
import * as agent from './campaigns/agent.js';
import * as arrears from './campaigns/arrears.js';
import * as donotcall from './campaigns/donotcall.js';
import * as list from './campaigns/list.js';
import { write } from './campaigns/write.js';

const boss = page.role === 'supervisor';
const TABS = /** @type {const} */ ({ calls: list, arrears, donotcall });
/** @type {keyof typeof TABS} */ let tab = 'calls';

async function read() {
  try { await TABS[tab].read(); } catch (error) { complain(error); }
}
const soon = pooled(read, 700);

/** @param {keyof typeof TABS} name */
function show(name) {
  tab = name;
  for (const other of Object.keys(TABS)) $(`#${other}`).hidden = other !== name;
  for (const button of document.querySelectorAll('[data-tab]')) button.setAttribute('aria-pressed', String(button.getAttribute('data-tab') === name));
  read();
}

async function create() {
  if (!boss) return;
  const made = await write(null);
  if (made) { list.choose(made.number); read(); }
}

onDo(document.body, {
  tab: (target) => show(/** @type {keyof typeof TABS} */ (target.dataset.tab)),
  ...list.verbs(boss, read), ...arrears.verbs(boss, read), ...donotcall.verbs(boss, read), ...agent.verbs(),
});
$('#new').hidden = !boss;
$('#new').addEventListener('click', create);
keys(
  { key: 'c', text: boss ? gettext('new campaign') : '', run: create },
  { key: 'j', text: gettext('next'), run: () => list.move(1) }, { key: 'k', text: gettext('previous'), run: () => list.move(-1) },
  ...agent.table(),
);
on('campaign.changed arrears.changed resumed', soon);
// Calls come and go faster than events are told: while something runs the figures are read again.
setInterval(() => { if (tab === 'calls' && list.running()) read(); }, 3000);
if (['agent', 'supervisor'].includes(page.role)) agent.start();
const named = location.hash.slice(1);
if (named in TABS) show(/** @type {keyof typeof TABS} */ (named));
else { if (named) list.choose(named); read(); }
