// @ts-check
// One shut-off in pieces: head, valves, notice, permits, overlaps, who is off, what happened.
import { html } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { clock, figure, span } from '../time.js';
import { word } from '../words.js';
import { hours, noticeLine, stateKind, stateWord } from './parts.js';

/** The word and key of each step on the page. @type {Record<string, {word: () => string, key: string}>} */
export const STEPS = {
  approve: { word: () => gettext('Approve'), key: 'a' }, notify: { word: () => gettext('Send the notice'), key: 'n' }, release: { word: () => gettext('Release the valves'), key: 'r' },
  dispatch: { word: () => gettext('Put on the dispatcher’s list'), key: 'd' }, work_done: { word: () => gettext('Work is done'), key: 'w' }, restore: { word: () => gettext('Everybody is back'), key: 'b' }, close: { word: () => gettext('Close the file'), key: 'f' },
  expect: { word: () => gettext('Another time'), key: 't' }, revise: { word: () => gettext('Change'), key: 'e' }, permit: { word: () => gettext('Add a permit'), key: 'p' }, cancel: { word: () => gettext('Cancel it'), key: 'x' },
};

/** What comes next stands first and is blue. @param {any} s */
export function steps(s) {
  const list = Object.keys(STEPS).filter((v) => s.allowed.includes(v) && useful(s, v));
  const main = list.find((v) => ['approve', 'notify', 'release', 'work_done', 'restore', 'close'].includes(v));
  return html`<div class="row">${list.map((v) => html`<button class="${v === main ? 'main' : ''}" data-do="step" data-step="${v}" data-testid="step-${v}">${STEPS[v].word()} <kbd>${STEPS[v].key.toUpperCase()}</kbd></button>`)}</div>`;
}

/** @param {any} s @param {string} verb */
export function useful(s, verb) {
  const valves = s.valves.map((/** @type {any} */ v) => v.state);
  if (verb === 'notify') return s.notice && (s.state === 'approved' ? s.notice.total === 0 : false);
  if (verb === 'release') return s.planned && valves.includes('requested') && (s.state !== 'approved' || s.notice.total > 0);
  if (verb === 'dispatch') return !s.incident;
  if (verb === 'work_done') return !s.work_done_at && Boolean(s.isolated_at || valves.includes('closed'));
  if (verb === 'restore') return Boolean(s.work_done_at) && !valves.includes('closed');
  if (verb === 'permit') return s.planned || s.permits_missing.length > 0;
  return true;
}

/** @param {any} s */
export function head(s) {
  const off = ['active', 'partly_restored'].includes(s.state);
  return html`<div class="head panel"><div class="row"><h1 data-testid="shutoff-title">${s.number}: ${s.cause || (s.planned ? gettext('planned works') : gettext('burst or leak'))}</h1><span class="chip ${stateKind(s.state)}" data-testid="shutoff-state" data-state="${s.state}">${stateWord(s.state)}</span>${s.incident ? html`<a class="chip" href="/dispatch#${s.incident}">${s.incident}</a>` : ''}</div>
    <div class="big"><div><b data-testid="off-now">${off ? figure(s.off_now) : figure(s.customers)}</b><span>${off ? gettext('without water of %(total)s', { total: figure(s.customers) }) : gettext('customers inside')}</span></div>
      <div><b class="plainly">${hours(s)}</b><span>${!s.planned ? gettext('hours') : off || s.restored_at ? gettext('told: %(from)s to %(to)s', { from: clock(s.from, true), to: clock(s.to, true) }) : gettext('planned hours')}</span></div>
      ${s.started_at || s.since ? html`<div><b>${figure(Math.round(s.minutes))}</b><span>${gettext('customer-minutes so far')}</span></div>` : ''}
      ${s.confirmed ? html`<div><b>${figure(s.confirmed)}</b><span>${gettext('confirmed by callers')}</span></div>` : ''}</div>
    <div class="line"><span>${gettext('Target')}: <b>${s.targets.join(', ')}</b></span><span>${s.streets.join(', ')}</span><span>${gettext('written by %(who)s', { who: s.author || '–' })}</span>${s.approved_by ? html`<span>${gettext('approved by %(who)s, %(time)s', { who: s.approved_by, time: clock(s.approved_at, true) })}</span>` : ''}</div>
    ${s.work ? html`<p class="note">${s.work}</p>` : ''}
    ${s.overrides.map((/** @type {any} */ o) => html`<p class="warning"><b>${gettext('Emergency')}</b>: ${o.reason} <span class="muted">${o.by}, ${clock(o.at, true)}</span></p>`)}
    ${s.own && s.state === 'draft' ? html`<p class="muted">${gettext('You wrote this; somebody else has to approve it.')}</p>` : ''}
    ${steps(s)}</div>`;
}

/** @type {Record<string, () => string>} */
export const VALVE = {
  requested: () => gettext('to close'), authorised: () => gettext('released'), closed: () => gettext('shut'), cannot_close: () => gettext('cannot close'),
  reopened: () => gettext('open again'), left_closed: () => gettext('stays closed'), dropped: () => gettext('not needed'),
};

/** @param {any} s @param {string} chosen @param {string} radio */
export function valves(s, chosen, radio) {
  const may = (/** @type {string} */ v) => s.allowed.includes(v);
  const turn = may('close_valve') || may('open_valve');
  return html`<section class="panel"><header><h2>${gettext('Valves, in closing order')}</h2>${turn ? html`<label class="row">${gettext('Crew by radio')} <input id="radio" maxlength="80" value="${radio}" placeholder="${gettext('who says so')}" data-testid="radio"></label>` : ''}</header>
    ${(s.leans_on || []).length ? html`<p class="warning">${gettext('Counts on valves another job closes: %(valves)s.', { valves: s.leans_on.join(', ') })}</p>` : ''}
    <ol class="valves">${s.valves.map((/** @type {any} */ v, /** @type {number} */ i) => html`<li data-state="${v.state}" data-valve="${v.id}" data-testid="valve-row" ${v.id === chosen ? html`data-chosen` : ''}><span class="n">${v.sequence || i + 1}</span>
      <span><b>${v.label || v.id}</b> <span class="chip ${v.state === 'cannot_close' ? 'bad' : v.state === 'reopened' ? 'ok' : ''}">${(VALVE[v.state] || VALVE.requested)()}</span>${v.minimal ? '' : html` <span class="muted">${gettext('no water behind it')}</span>`}<br>
        <span class="muted">DN${v.diameter_mm}${v.turns ? html`, ${gettext('%(n)s turns', { n: v.turns })}` : ''}, ${word('condition', v.condition)}${v.reason ? html`, ${v.reason}` : ''}${v.done_at ? html` · ${gettext('closed %(time)s', { time: clock(v.done_at) })}` : ''}${v.reversed_at ? html` · ${gettext('opened %(time)s', { time: clock(v.reversed_at) })}` : ''}${v.by ? html` · ${v.by}` : ''}${v.said_by ? html` (${v.said_by})` : ''}</span></span>
      <span class="row">${buttons(v, may, s)}</span></li>`)}</ol>
    ${(s.reopening || []).length ? html`<p class="muted">${gettext('Open in this order')}: ${s.reopening.map((/** @type {any} */ r, /** @type {number} */ i) => html`${i ? ', ' : ''}<b>${r.valve}</b> ${ngettext('(%(count)s back)', '(%(count)s back)', r.back)}`)}. ${gettext('Fill slowly from the first, let the air out high.')}</p>` : ''}
    ${(s.alternatives || []).length && s.valves.some((/** @type {any} */ v) => ['requested', 'authorised'].includes(v.state)) ? html`<details><summary>${gettext('If a valve will not turn')}</summary><ul>${s.alternatives.map((/** @type {any} */ a) => html`<li><b>${a.valve}</b>: ${ngettext('%(count)s more customer', '%(count)s more customers', a.extra)}, ${ngettext('%(count)s valve', '%(count)s valves', a.valves)}</li>`)}</ul></details>` : ''}</section>`;
}

/** @param {any} v @param {(verb: string) => boolean} may @param {any} s */
function buttons(v, may, s) {
  const list = [];
  const ready = s.planned ? ['authorised', 'cannot_close'].includes(v.state) : ['requested', 'authorised', 'cannot_close'].includes(v.state);
  if ((ready || (v.state === 'reopened' && s.state === 'active')) && may('close_valve')) list.push(['close_valve', gettext('Is shut'), 'C']);
  if (['requested', 'authorised'].includes(v.state) && may('cannot_close')) list.push(['cannot_close', gettext('Cannot close'), '']);
  if (['closed', 'left_closed'].includes(v.state) && may('open_valve')) list.push(['open_valve', gettext('Is open again'), 'O']);
  if (v.state === 'closed' && may('leave_closed') && s.work_done_at) list.push(['leave_closed', gettext('Stays closed'), '']);
  return list.map(([verb, text, key]) => html`<button data-do="valve" data-verb="${verb}" data-valve="${v.id}" data-testid="${verb}-${v.id}">${text}${key ? html` <kbd>${key}</kbd>` : ''}</button>`);
}

/** @param {any} s */
export function notice(s) {
  if (!s.planned) return '';
  const n = s.notice;
  const share = n.total ? (100 * n.in_time) / n.total : 0;
  return html`<section class="panel" data-testid="notice"><header><h2>${gettext('Notice')}</h2><span data-testid="notice-line">${noticeLine(n, s.state)}</span></header>
    <p class="muted">${gettext('%(lead)s h before the water goes: by %(time)s. %(share)s % must be told in time.', { lead: figure(n.lead_h), time: clock(n.due_at, true), share: n.share })}</p>
    ${n.total ? html`<div class="bar-of" ${n.enough ? '' : html`data-short`}><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="${share}" height="8"></rect></svg></div>` : html`<p>${gettext('Nobody has been told yet.')}</p>`}
    ${s.notices.some((/** @type {any} */ r) => r.channel === 'letter' && r.state !== 'told') && s.allowed.includes('reached') ? html`<p><button data-do="letters" data-testid="letters-out">${gettext('All letters are out')}</button></p>` : ''}
    <ul class="plain">${s.notices.filter((/** @type {any} */ r) => r.state !== 'told').slice(0, 30).map((/** @type {any} */ r) => html`<li data-testid="notice-row"><span>${r.priority ? html`<b class="soon">▲</b> ` : ''}<b>${r.name || r.address}</b> <span class="muted">${channel(r.channel)} ${r.phone_masked} ${r.name ? r.address : ''}</span><br><span class="${r.state === 'failed' ? 'late' : 'muted'}">${r.to_do} ${r.note}</span></span>
      ${s.allowed.includes('reached') && r.to_do && !(r.channel === 'sms' && r.state === 'waiting') ? html`<span class="row"><button data-do="reached" data-id="${r.id}" data-testid="reached">${gettext('Reached')}</button><button class="quiet" data-do="not-reached" data-id="${r.id}">${gettext('Not reached')}</button></span>` : ''}</li>`)}</ul>
    ${s.notices.some((/** @type {any} */ r) => r.state === 'told') ? html`<details><summary>${ngettext('%(count)s told', '%(count)s told', n.told)}</summary><ul>${s.notices.filter((/** @type {any} */ r) => r.state === 'told').map((/** @type {any} */ r) => html`<li>${r.name || r.address} <span class="muted">${channel(r.channel)} ${clock(r.told_at, true)} ${r.note}</span></li>`)}</ul></details>` : ''}</section>`;
}

/** @param {string} c */
function channel(c) { return { sms: gettext('text'), call: gettext('call'), letter: gettext('letter or poster') }[/** @type {'sms'} */ (c)] || c; }

/** @type {Record<string, () => string>} */
export const PERMIT = {
  road_opening: () => gettext('Road opening'), traffic: () => gettext('Traffic'), night_work: () => gettext('Night work'), fire_service: () => gettext('Notice to the fire service'),
  confined_space: () => gettext('Confined space'), hot_work: () => gettext('Hot work'),
};

/** @param {any} s */
export function permits(s) {
  if (!s.permits.length) return s.planned ? html`<section class="panel"><h2>${gettext('Permits')}</h2><p class="muted">${gettext('None is needed.')}</p></section>` : '';
  return html`<section class="panel" data-testid="permits"><h2>${gettext('Permits')}</h2><ul class="plain">${s.permits.map((/** @type {any} */ p) => html`<li><span><b>${(PERMIT[p.kind] || (() => p.kind))()}</b> ${p.have ? html`<span class="muted">${p.have.number}, ${p.have.issuer}</span>` : ''}</span>
    ${p.valid ? html`<span class="chip ok">${gettext('on record')}</span>` : html`<span class="row"><span class="chip ${s.planned || !p.may_wait ? 'bad' : 'warn'}">${p.have ? gettext('not valid for these hours') : gettext('missing')}</span>${p.file_by ? html`<span class="soon">${gettext('file by %(time)s', { time: clock(p.file_by, true) })}</span>` : ''}</span>`}</li>`)}</ul></section>`;
}

/** @param {any[]} found */
export function findings(found) {
  return html`${found.map((f) => html`<div class="finding" data-testid="finding"><span><a href="/shutoffs/${f.number}"><b>${f.number}</b></a> ${stateWord(f.state)}, ${clock(f.from, true)} – ${clock(f.to, true)}</span>
    ${f.together_count ? html`<b>${ngettext('%(count)s customer is dry only because of both', '%(count)s customers are dry only because of both', f.together_count)}</b>` : ''}
    ${f.priority.length ? html`<span>▲ ${f.priority.map((/** @type {any} */ p) => `${p.name} (${word('use', p.class)})`).join(', ')}</span>` : ''}
    ${f.zones.length ? html`<span>${gettext('Pressure zones without any water: %(zones)s', { zones: f.zones.join(', ') })}</span>` : ''}
    ${f.premises ? html`<span>${ngettext('%(count)s customer in both', '%(count)s customers in both', f.premises)}</span>` : ''}
    ${f.pipes ? html`<span>${ngettext('%(count)s pipe in both', '%(count)s pipes in both', f.pipes)}</span>` : ''}
    ${(f.valves || []).length ? html`<span>${gettext('both turn %(valves)s', { valves: f.valves.join(', ') })}</span>` : ''}</div>`)}`;
}

/** @param {any} s */
export function whoIsOff(s) {
  const off = ['active', 'partly_restored'].includes(s.state);
  const by = off ? s.off_by_class : s.by_class;
  return html`<section class="panel"><h2>${off ? gettext('Without water now') : gettext('Who is inside')}</h2><p>${Object.entries(by).map(([use, n]) => html`<span class="chip">${word('use', use)} <b>${figure(/** @type {number} */ (n))}</b></span> `)}</p>
    ${s.priority_list.length ? html`<ul class="plain">${s.priority_list.map((/** @type {any} */ p) => html`<li><span>▲ <b>${p.name}</b> <span class="muted">${word('use', p.class)}, ${p.address} ${p.phone_masked}</span></span><span class="${p.hours_left ? '' : 'late'}">${p.hours_left ? gettext('own water for %(hours)s h', { hours: figure(p.hours_left, p.hours_left % 1 ? 1 : 0) }) : gettext('no water of their own')}</span></li>`)}</ul>` : ''}
    ${s.hydrants_lost.length ? html`<p class="soon">${ngettext('%(count)s hydrant without water', '%(count)s hydrants without water', s.hydrants_lost.length)}: ${s.hydrants_lost.slice(0, 12).join(', ')}</p>` : ''}
    ${(s.warnings || []).map((/** @type {any} */ w) => html`<p class="warning">${w.text}</p>`)}</section>`;
}

/** @type {Record<string, () => string>} */
const DONE = {
  'shutoff.plan': () => gettext('planned'), 'shutoff.revise': () => gettext('changed'), 'shutoff.permit': () => gettext('permit on record'), 'shutoff.approve': () => gettext('approved'), 'shutoff.notify': () => gettext('notice sent'),
  'shutoff.noticed': () => gettext('notice is out'), 'shutoff.reached': () => gettext('reached'), 'shutoff.not_reached': () => gettext('not reached'), 'shutoff.release': () => gettext('valves released'), 'shutoff.dispatch': () => gettext('on the dispatcher’s list'), 'shutoff.override': () => gettext('emergency'),
  'shutoff.start': () => gettext('water off'), 'shutoff.part': () => gettext('partly back'), 'shutoff.restore': () => gettext('water back'), 'shutoff.work_done': () => gettext('work done'), 'shutoff.expect': () => gettext('another time'), 'shutoff.close': () => gettext('file closed'), 'shutoff.cancel': () => gettext('cancelled'),
  'valve.close': () => gettext('valve closed'), 'valve.open': () => gettext('valve opened'), 'valve.cannot_close': () => gettext('valve cannot be closed'), 'valve.left_closed': () => gettext('valve stays closed'),
};

/** @param {any} s */
export function timeline(s) {
  return html`<section class="panel"><h2>${gettext('Who did what')}</h2><ol class="lines" data-testid="timeline">${s.timeline.map((/** @type {any} */ e) => html`<li><time title="${clock(e.at, true)}">${clock(e.at)}</time><span>${(DONE[e.what] || (() => e.what))()}${e.what.startsWith('valve.') ? html` <b>${e.subject}</b>` : ''}${e.text ? html`: ${e.text}` : ''} <span class="muted">${e.who}</span></span></li>`)}</ol></section>`;
}

/** @param {any} s */
export function lasts(s) { return s.from && s.to ? span((Date.parse(s.to) - Date.parse(s.from)) / 1000) : ''; }
