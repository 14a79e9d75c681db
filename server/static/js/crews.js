// @ts-check
// Crews: what they do now, the roster, people, vehicles, stock. Each tab reads when it is looked at.
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { keys } from './keys.js';
import { on } from './live.js';
import * as fleet from './crews/fleet.js';
import * as grid from './crews/grid.js';
import * as now from './crews/now.js';
import * as people from './crews/people.js';
import * as stock from './crews/stock.js';
import { complain, toast } from './toast.js';

const TABS = { now, roster: grid, people, fleet, stock };
/** @typedef {keyof typeof TABS} Tab */
const names = /** @type {Tab[]} */ (Object.keys(TABS));
/** @type {Tab} */ let shown = names.find((n) => n === new URLSearchParams(location.search).get('tab')) || 'now';

async function read() { try { await TABS[shown].read(); } catch (error) { complain(error); } }

/** @param {Tab} tab */
function show(tab) {
  shown = tab;
  history.replaceState(null, '', `?tab=${tab}`);
  for (const name of names) {
    $(`#${name}`).hidden = name !== tab;
    const button = $(`#tab-${name}`);
    button.setAttribute('aria-selected', String(name === tab));
    button.tabIndex = name === tab ? 0 : -1;
  }
  read().then(() => { if (tab === 'roster') grid.focus(); });
}

async function warn() {
  try {
    const found = await people.warnings();
    render($('#warn'), found.length ? html`<button type="button" class="chip warn" data-do="tab" data-tab="people">${ngettext('%(count)s certificate to renew', '%(count)s certificates to renew', found.length)}</button>` : html``);
  } catch (error) { complain(error); }
}

onDo($('.crews'), { tab: (target) => { show(/** @type {Tab} */ (target.dataset.tab)); } });
$('.tabs').addEventListener('keydown', (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {'ArrowLeft'} */ (event.key)];
  if (!step) return;
  event.preventDefault();
  show(names[(names.indexOf(shown) + step + names.length) % names.length]);
  $(`#tab-${shown}`).focus();
});
keys(...names.map((name, n) => ({ key: String(n + 1), text: $(`#tab-${name}`).textContent || '', run: () => show(name) })));

/** Not while somebody is in the middle of something. */
let due = 0;
function soon() {
  clearTimeout(due);
  due = window.setTimeout(() => { if (document.querySelector('dialog[open]')) soon(); else read(); }, 700);
}
on('crew.changed shift.began shift.ended resumed', () => { if (shown === 'now') soon(); });
on('order.changed', () => { if (shown === 'now' || shown === 'stock') soon(); });
on('roster.changed', () => { if (shown !== 'stock') soon(); if (shown === 'people') warn(); });
on('stock.changed', () => { if (shown === 'stock') soon(); });
on('stock.missing', (news) => { toast(gettext('%(crew)s goes without DN%(dn)s for %(order)s: nothing is left.', { crew: news.crew_name, dn: news.diameter_mm, order: news.order }), 'bad'); });
setInterval(() => { if (shown === 'now' && !document.querySelector('dialog[open]')) read(); }, 30000);
warn();
show(shown);
