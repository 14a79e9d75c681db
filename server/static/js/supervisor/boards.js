// @ts-check
// The display boards: whether they can be reached, what they show, what was put on by hand.
import { api } from '../api.js';
import { open } from '../ask.js';
import { $, html, onDo, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { ago } from '../time.js';
import { complain, toast } from '../toast.js';

async function read() {
  const b = await api.get('/api/led');
  const panel = (/** @type {any} */ p) => html`<li><b>${p.name}</b> <span class="muted">${p.columns} × ${p.rows * 16}</span> ${p.online ? html`<span class="chip ok">${gettext('shows it')}</span>` : html`<span class="chip bad">${gettext('cannot be reached')}</span> <span class="muted">${p.seen_at ? ago(p.seen_at) : ''} ${p.missed ? ngettext('%(count)s change missed; only the last will be sent', '%(count)s changes missed; only the last will be sent', p.missed) : ''} ${p.problem}</span>`} <button type="button" class="quiet" data-do="drop-panel" data-id="${p.id}">${gettext('Remove')}</button></li>`;
  render($('#boards-list'), html`<ul class="boards">${b.panels.map(panel)}</ul>
    ${b.bulletins.length ? html`<ol class="bulletins">${b.bulletins.map((/** @type {any} */ l) => html`<li data-testid="bulletin">${l.text}${l.key.startsWith('hand:') ? html` <button type="button" class="quiet" data-do="down" data-id="${l.key.slice(5)}">${gettext('Take down')}</button>` : ''}</li>`)}</ol>` : html`<p class="empty">${gettext('The boards are dark: there is nothing to say.')}</p>`}
    ${b.replaced.length ? html`<p class="warning" data-testid="replaced">${gettext('Signs the boards do not have:')} ${b.replaced.map((/** @type {any} */ r) => html`<span class="chip">${r.sign} → ${r.by}</span> `)}</p>` : ''}
    <div class="row"><button type="button" data-do="up" data-testid="put-up">${gettext('Put up a text…')}</button><button type="button" class="quiet" data-do="panel">${gettext('Add a board…')}</button><a class="button quiet" href="/led">${gettext('As a page')}</a></div>`);
}

/** @param {import('../html.js').Safe} content @param {(data: FormData) => Promise<any>} send @param {string} said */
function ask(content, send, said) {
  const dialog = open(content);
  $('form', dialog).addEventListener('submit', async (event) => {
    event.preventDefault();
    try { await send(new FormData(/** @type {HTMLFormElement} */ (event.target))); dialog.close(); toast(said); await read(); } catch (error) { complain(error); }
  });
}

const putUp = () => ask(html`<form class="stack"><h2>${gettext('Put up a text')}</h2><div class="field"><label for="led-text">${gettext('Text')}</label><input id="led-text" name="text" maxlength="200" required></div>
  <div class="pair"><div class="field"><label for="led-hours">${gettext('Hours')}</label><input id="led-hours" name="hours" type="number" min="1" max="700" value="4" required></div><div class="field"><label for="led-priority">${gettext('Priority')}</label><input id="led-priority" name="priority" type="number" min="1" max="4" value="3" required></div></div>
  <div class="row"><button class="main" data-testid="put-up-send">${gettext('Put up')}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`,
(data) => api.post('/api/led/bulletins', { kind: 'notice', text: data.get('text'), priority: Number(data.get('priority')), until: new Date(Date.now() + Number(data.get('hours')) * 3600000).toISOString() }), gettext('The text is on the boards.'));

const addPanel = () => ask(html`<form class="stack"><h2>${gettext('Add a board')}</h2><div class="pair"><div class="field"><label for="led-name">${gettext('Name')}</label><input id="led-name" name="name" maxlength="40" required></div><div class="field"><label for="led-language">${gettext('Language')}</label><select id="led-language" name="language"><option value="zh-hans">中文</option><option value="en">English</option></select></div>
  <div class="field"><label for="led-host">${gettext('Controller')}</label><input id="led-host" name="host" required></div><div class="field"><label for="led-port">${gettext('Port')}</label><input id="led-port" name="port" type="number" min="1" max="65535" required></div>
  <div class="field"><label for="led-columns">${gettext('Width in dots')}</label><input id="led-columns" name="columns" type="number" step="8" min="64" max="1024" value="192" required></div><div class="field"><label for="led-rows">${gettext('Rows of 16 dots')}</label><input id="led-rows" name="rows" type="number" min="1" max="8" value="2" required></div></div>
  <div class="row"><button class="main">${gettext('Add')}</button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`,
(data) => api.post('/api/led/panels', { ...Object.fromEntries(data), port: Number(data.get('port')), columns: Number(data.get('columns')), rows: Number(data.get('rows')) }), gettext('The board is added.'));

/** @param {any} _floor */
export function start(_floor) {
  const again = () => read().catch(() => { /* the age in the head says so */ });
  const remove = (/** @type {string} */ door) => async (/** @type {HTMLElement} */ target) => { try { await api.post(`/api/led/${door}/${target.dataset.id}/remove`, {}); await read(); } catch (error) { complain(error); } };
  onDo($('#boards'), { up: putUp, panel: addPanel, down: remove('bulletins'), 'drop-panel': remove('panels') });
  again();
  setInterval(again, 15000);
}
