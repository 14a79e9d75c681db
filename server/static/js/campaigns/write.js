// @ts-check
// The form of a campaign: where the numbers come from, what is said, when and how often.
import { api, Refused } from '../api.js';
import { open } from '../ask.js';
import { $, html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { DAY } from '../time.js';
import { showErrors } from '../problems.js';
import { complain } from '../toast.js';

/** @type {[string, () => string][]} */
const KINDS = [['outage', () => gettext('Water off')], ['dunning', () => gettext('Unpaid bills')], ['survey', () => gettext('Survey after closed tickets')], ['callback', () => gettext('Calls we owe')], ['list', () => gettext('List of numbers')]];
/** @type {[string, () => string][]} */
const MODES = [['notice', () => gettext('Notice: a recorded text, no agent')], ['progressive', () => gettext('Progressive: rings when an agent is free')], ['preview', () => gettext('Preview: the agent reads first and rings')]];
/** @type {Record<string, {en: string, 'zh-hans': string}>} both languages are content: customers hear their own */
const TEXT = {
  outage: { en: 'This is {utility}. The water at {address} is off since {start}. We expect it back by {end}.', 'zh-hans': '您好,这里是{utility}。{address}自{start}起停水,预计{end}恢复供水。' },
  dunning: { en: 'This is {utility}. There is an unpaid water bill for {address}. Please pay it, or call us if you cannot.', 'zh-hans': '您好,这里是{utility}。{address}有水费尚未缴纳,请尽快缴费,如有困难请来电联系。' },
  survey: { en: 'This is {utility}. You had a report with us, ticket {ticket}. We have one short question.', 'zh-hans': '您好,这里是{utility}。您的服务单{ticket}已办结,请回答一个简短的问题。' },
  callback: { en: 'This is {utility}. You tried to reach us.', 'zh-hans': '您好,这里是{utility},您之前曾来电。' },
  list: { en: 'This is {utility}.', 'zh-hans': '您好,这里是{utility}。' },
};
const CONFIRM = { code: 'understood', keys: '1', en: 'Press one to confirm that you have understood.', 'zh-hans': '确认收到请按一。' };
const SCORE = { code: 'satisfied', keys: '12345', en: 'How satisfied are you, from one, not at all, to five, very much?', 'zh-hans': '请对我们的服务评分,一分不满意,五分非常满意。' };

/** What the server calls a field of this form. */
const FIELD = { 'text.en': 'en', 'text.zh-hans': 'zh', gap_s: 'gap', weekdays: 'weekday', questions: 'confirm', 'source.shut_off': 'shut_off', 'source.least': 'least', 'source.days': 'days', 'source.numbers': 'numbers' };

/** The server counts the gap in seconds, the form in minutes. @param {unknown} error */
function inMinutes(error) {
  if (error instanceof Refused) for (const problem of error.errors) if (problem.field === 'gap_s') problem.text = gettext('Say between 1 and %(most)s minutes.', { most: 7 * 24 * 60 });
  return error;
}

/** @param {string} kind @param {any[]} shutoffs */
function source(kind, shutoffs) {
  if (kind === 'outage') return html`<div class="field"><label for="shut_off">${gettext('Shut-off')}</label><select id="shut_off" name="shut_off" required>${shutoffs.map((s) => html`<option value="${s.number}">${s.number} ${s.address || s.reason || ''}</option>`)}</select>${shutoffs.length ? '' : html`<span class="muted">${gettext('There is no shut-off under way or decided.')}</span>`}</div>`;
  if (kind === 'dunning') return html`<div class="field"><label for="least">${gettext('Owes at least')}</label><input id="least" name="least" inputmode="decimal" value="20"></div><div class="field"><label for="days">${gettext('Overdue for more than (days)')}</label><input id="days" name="days" type="number" min="0" value="30"></div>`;
  if (kind === 'survey') return html`<div class="field"><label for="days">${gettext('Closed in the last (days)')}</label><input id="days" name="days" type="number" min="1" max="90" value="7"></div>`;
  if (kind === 'list') return html`<div class="field"><label for="numbers">${gettext('Numbers, one a line, a name after a comma')}</label><textarea id="numbers" name="numbers" rows="4" required></textarea></div>`;
  return html`<p class="muted">${gettext('Everybody we owe a call.')}</p>`;
}

/** @param {string} name @param {string} label @param {any} value @param {string} [more] */
const number = (name, label, value, more = '1') => html`<div class="field"><label for="${name}">${label}</label><input id="${name}" name="${name}" type="number" step="${more}" value="${value}"></div>`;

/** @param {any} old the campaign to change, or null for a new one @returns {Promise<any>} what was saved, or null */
export async function write(old) {
  /** @type {any[]} */ let shutoffs = [];
  if (!old) { try { shutoffs = (await api.get('/api/shutoffs')).shutoffs.filter((/** @type {any} */ s) => ['active', 'partly_restored', 'approved', 'noticed'].includes(s.state)); } catch (error) { complain(error); } }
  return new Promise((done) => {
    const kind = old ? old.kind : shutoffs.length ? 'outage' : 'list';
    const text = old ? old.text : TEXT[kind];
    const codes = old ? old.questions.map((/** @type {any} */ q) => q.code) : ['understood'];
    const days = old ? old.weekdays : [0, 1, 2, 3, 4, 5, 6];
    const dialog = open(html`<form novalidate data-testid="campaign-form"><h2>${old ? gettext('Change %(name)s', { name: old.name }) : gettext('New campaign')}</h2>
      <div class="pair"><div class="field"><label for="name">${gettext('Name of the campaign')}</label><input id="name" name="name" required maxlength="120" value="${old ? old.name : ''}" data-testid="campaign-name"></div>
      ${old ? '' : html`<div class="field"><label for="kind">${gettext('About')}</label><select id="kind" name="kind" data-testid="campaign-kind">${KINDS.map(([k, t]) => html`<option value="${k}" ${k === kind ? html`selected` : ''}>${t()}</option>`)}</select></div>`}</div>
      ${old ? '' : html`<div id="source" class="pair">${source(kind, shutoffs)}</div>`}
      ${old && old.state !== 'draft' ? '' : html`<div class="field"><label for="mode">${gettext('How')}</label><select id="mode" name="mode" data-testid="campaign-mode">${MODES.map(([m, t]) => html`<option value="${m}" ${old && old.mode === m ? html`selected` : ''}>${t()}</option>`)}</select></div>`}
      <div class="pair"><div class="field"><label for="en">${gettext('Text in English')}</label><textarea id="en" name="en" rows="4" maxlength="600">${text.en || ''}</textarea></div><div class="field"><label for="zh">${gettext('Text in Chinese')}</label><textarea id="zh" name="zh" rows="4" maxlength="600">${text['zh-hans'] || ''}</textarea></div></div>
      <fieldset><legend>${gettext('Asked afterwards')}</legend><label><input type="checkbox" name="confirm" ${codes.includes('understood') ? html`checked` : ''}> ${gettext('press 1 to confirm')}</label><label><input type="checkbox" name="score" ${codes.includes('satisfied') ? html`checked` : ''}> ${gettext('how satisfied, 1 to 5')}</label></fieldset>
      <div class="pair"><div class="field"><label for="opens">${gettext('Calls from')}</label><input id="opens" name="opens" type="time" value="${old ? old.opens : '09:00'}" required></div><div class="field"><label for="closes">${gettext('until')}</label><input id="closes" name="closes" type="time" value="${old ? old.closes : '20:00'}" required></div></div>
      <fieldset><legend>${gettext('On')}</legend>${Object.values(DAY).map((d, n) => html`<label><input type="checkbox" name="weekday" value="${n}" ${days.includes(n) ? html`checked` : ''}> ${d()}</label>`)}</fieldset>
      <details data-key="rules"><summary>${gettext('Tries, pace, answering machines')}</summary><div class="pair">${number('most_tries', gettext('Tries at most'), old ? old.most_tries : 3)}${number('gap', gettext('Minutes between two tries'), old ? Math.round(old.gap_s / 60) : 60)}${number('channels', gettext('Lines at most'), old ? old.channels : 5)}${number('ratio', gettext('Lines for each free agent'), old ? old.ratio : 1, '0.1')}${number('ring_s', gettext('Rings for (seconds)'), old ? old.ring_s : 25)}</div>
      <fieldset><label><input type="checkbox" name="screen" ${old && old.screen ? html`checked` : ''}> ${gettext('listen first whether a person answers')}</label><label><input type="checkbox" name="machine_hears" ${!old || old.machine_hears ? html`checked` : ''}> ${gettext('machines hear the text too')}</label></fieldset></details>
      <div class="row"><button class="main" data-testid="campaign-save">${gettext('Save')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
    dialog.classList.add('campaign-form');
    const form = /** @type {HTMLFormElement} */ ($('form', dialog));
    /** @type {any} */ let saved = null;
    let own = Boolean(old);
    for (const field of ['#en', '#zh']) $(field, dialog).addEventListener('input', () => { own = true; });
    if (!old) {
      $('#kind', dialog).addEventListener('change', () => {
        const now = String(new FormData(form).get('kind'));
        render($('#source', dialog), source(now, shutoffs));
        if (!own) { /** @type {HTMLTextAreaElement} */ ($('#en', dialog)).value = TEXT[now].en; /** @type {HTMLTextAreaElement} */ ($('#zh', dialog)).value = TEXT[now]['zh-hans']; }
        /** @type {HTMLInputElement} */ ($('[name="score"]', dialog)).checked = now === 'survey';
        /** @type {HTMLInputElement} */ ($('[name="confirm"]', dialog)).checked = now === 'outage' || now === 'list';
      });
    }
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const v = new FormData(form);
      const has = (/** @type {string} */ name) => v.get(name) !== null;
      const body = {
        name: v.get('name'), mode: v.get('mode') || undefined, text: { en: v.get('en'), 'zh-hans': v.get('zh') },
        questions: [...(has('confirm') ? [CONFIRM] : []), ...(has('score') ? [SCORE] : [])], opens: v.get('opens'), closes: v.get('closes'), weekdays: v.getAll('weekday').map(Number),
        most_tries: Number(v.get('most_tries')), gap_s: Number(v.get('gap')) * 60, channels: Number(v.get('channels')), ratio: Number(v.get('ratio')), ring_s: Number(v.get('ring_s')), screen: has('screen'), machine_hears: has('machine_hears'),
        ...(old ? {} : { kind: v.get('kind'), source: Object.fromEntries(['shut_off', 'least', 'days', 'numbers'].filter(has).map((f) => [f, v.get(f)])) }),
      };
      try {
        saved = old ? await api.put(`/api/campaigns/${old.number}`, body) : await api.post('/api/campaigns', body);
        dialog.close();
      } catch (error) {
        showErrors(form, inMinutes(error), FIELD);
      }
    });
    dialog.addEventListener('close', () => done(saved));
    $('#name', dialog).focus();
  });
}
