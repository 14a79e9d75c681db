// @ts-check
// Members of crews, what they may do and until when.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { day } from '../time.js';
import { complain } from '../toast.js';
import { ask } from './forms.js';

const root = $('#people');
/** @type {any} */ let data = null;

/** @param {any} c */
const certificate = (c) => html`<button type="button" class="chip ${c.level === 'out' ? 'bad' : c.level ? 'warn' : ''}" data-do="certificate" data-id="${c.id}" title="${c.number}">${c.label}${c.expires_on ? html` <span>${c.level === 'out' ? gettext('ran out %(day)s', { day: day(c.expires_on) }) : c.level ? gettext('until %(day)s', { day: day(c.expires_on) }) : ''}</span>` : ''}</button>`;

/** @param {any} w */
const warning = (w) => html`<li><b>${w.who}</b> <span class="muted">${w.crew}</span> ${w.label}: ${w.level === 'out' ? html`<span class="chip bad">${gettext('ran out %(day)s', { day: day(w.expires_on) })}</span>` : html`<span class="chip warn">${gettext('until %(day)s', { day: day(w.expires_on) })}</span>`}</li>`;

/** @param {any} c */
const crew = (c) => html`<section class="panel" data-testid="crew-people"><header class="row spread"><h2>${c.name}</h2><button type="button" class="quiet" data-do="add" data-crew="${c.id}">${gettext('Add a person')}</button></header>
  ${c.members.length ? html`<ul class="people">${c.members.map((/** @type {any} */ m) => html`<li><button type="button" class="quiet who" data-do="member" data-id="${m.id}"><b>${m.name}</b>${m.lead ? html` <span class="muted">${gettext('lead')}</span>` : ''}</button><span class="chips">${m.certificates.map(certificate)}<button type="button" class="quiet" data-do="certify" data-id="${m.id}" aria-label="${gettext('Add a certificate')}">+</button></span></li>`)}</ul>` : html`<p class="muted">${gettext('Nobody is registered; what the crew as a whole may do counts.')}</p><p class="chips">${c.own.map((/** @type {any} */ k) => html`<span class="chip ${k.level === 'out' ? 'bad' : k.level ? 'warn' : ''}">${k.label}</span>`)}</p>`}</section>`;

export async function read() {
  data = await api.get('/api/people');
  render(root, html`${data.warnings.length ? html`<section class="panel"><h2>${gettext('Runs out within 30 days')}</h2><ul class="warnings">${data.warnings.map(warning)}</ul></section>` : ''}${data.crews.length ? html`<div class="crew-cards">${data.crews.map(crew)}</div>` : html`<p class="empty">${gettext('No crew is registered.')}</p>`}`);
}

/** @returns {[any, any]} member and crew */
function find(/** @type {number} */ id) {
  for (const c of data.crews) for (const m of c.members) if (m.id === id) return [m, c];
  return [null, null];
}

/** @param {Promise<any>} sent */
async function then(sent) { try { if (await sent) await read(); } catch (error) { complain(error); } }

const send = (/** @type {string} */ verb) => html`<div class="row"><button class="main">${verb}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div>`;

/** @param {any} member @param {number} crewId */
function person(member, crewId) {
  const m = member || { name: '', mobile: '', lead: false };
  return ask(html`<h2>${member ? m.name : gettext('Add a person')}</h2><div class="field"><label for="name">${gettext('Name')}</label><input id="name" name="name" value="${m.name}" maxlength="60" required></div>
    <div class="field"><label for="mobile">${gettext('Mobile')}</label><input id="mobile" name="mobile" value="${m.mobile}" maxlength="24"></div>
    <div class="field"><label for="crew">${gettext('Crew')}</label><select id="crew" name="crew">${data.crews.map((/** @type {any} */ c) => html`<option value="${c.id}"${c.id === crewId ? html` selected` : ''}>${c.name}</option>`)}</select></div>
    <label class="tick"><input type="checkbox" name="lead"${m.lead ? html` checked` : ''}> ${gettext('leads the crew')}</label>${member ? html`<label class="tick"><input type="checkbox" name="left"> ${gettext('has left')}</label>` : ''}${send(gettext('Keep'))}`, async (form) => {
    const body = { name: form.get('name'), mobile: form.get('mobile'), crew: Number(form.get('crew')), lead: form.has('lead'), active: !form.has('left') };
    if (member) await api.put(`/api/people/${member.id}`, body); else await api.post('/api/people', body);
  });
}

/** @param {any} member @param {any} known a certificate to renew, or null */
const certify = (member, known) => ask(html`<h2>${gettext('%(name)s: certificate', { name: member.name })}</h2>
  <div class="field"><label for="skill">${gettext('Skill')}</label><select id="skill" name="skill">${data.skills.map((/** @type {any} */ s) => html`<option value="${s.code}"${known && known.skill === s.code ? html` selected` : ''}>${s.label}</option>`)}</select></div>
  <div class="field"><label for="expires_on">${gettext('Good through (empty: does not run out)')}</label><input id="expires_on" name="expires_on" type="date" value="${known && known.expires_on ? known.expires_on : ''}"></div>
  <div class="field"><label for="number">${gettext('Number')}</label><input id="number" name="number" maxlength="40" value="${known ? known.number : ''}"></div>${known ? html`<label class="tick"><input type="checkbox" name="withdraw"> ${gettext('withdraw it')}</label>` : ''}${send(gettext('Keep'))}`, async (form) => {
  if (known && form.has('withdraw')) { await api.post(`/api/certificates/${known.id}/withdraw`, {}); return; }
  await api.post(`/api/people/${member.id}/certificates`, { skill: form.get('skill'), expires_on: form.get('expires_on') || null, number: form.get('number') });
});

onDo(root, {
  add: (target) => { then(person(null, Number(target.dataset.crew))); },
  member: (target) => { const [m, c] = find(Number(target.dataset.id)); if (m) then(person(m, c.id)); },
  certify: (target) => { const [m] = find(Number(target.dataset.id)); if (m) then(certify(m, null)); },
  certificate: (target) => {
    for (const c of data.crews) for (const m of c.members) { const known = m.certificates.find((/** @type {any} */ k) => k.id === Number(target.dataset.id)); if (known) then(certify(m, known)); }
  },
});

/** How many certificates need somebody's attention. */
export const warnings = async () => (await api.get('/api/people')).warnings;
