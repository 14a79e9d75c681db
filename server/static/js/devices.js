// @ts-check
// Phones and vehicle units: which need a person, in plain words; register one, revoke one.
import { api, newKey } from './api.js';
import { askReason, open } from './ask.js';
import { $, html, onDo, render } from './html.js';
import { gettext, ngettext } from './i18n.js';
import { keys } from './keys.js';
import { ago, clock, figure } from './time.js';
import { complain, toast } from './toast.js';

/** @type {any[]} */ let devices = [];
/** @type {Record<string, [string, () => string]>} */
const VERDICT = { bad: ['bad', () => gettext('act now')], warn: ['warn', () => gettext('look at it')], good: ['ok', () => gettext('in order')], off: ['', () => gettext('silent')] };

/** @param {any} d */
function numbers(d) {
  if (!d.fixes) return html`<span class="muted">–</span>`;
  const more = [
    d.late ? gettext('%(n)s late', { n: figure(d.late, 0) }) : '', d.jumps ? gettext('%(n)s jumped', { n: figure(d.jumps, 0) }) : '',
    d.inaccurate ? gettext('%(n)s vague', { n: figure(d.inaccurate, 0) }) : '', gettext('95 of 100 within %(n)s s', { n: figure(d.delay_s, d.delay_s < 10 ? 1 : 0) }),
  ].filter(Boolean).join(', ');
  return html`${figure(d.fixes, 0)} <span class="muted">${more}</span>`;
}

/** @param {any} d */
function row(d) {
  const [chip, word] = VERDICT[d.verdict] || VERDICT.off;
  return html`<tr data-testid="device-row" data-name="${d.name}" tabindex="0"><td><b>${d.name}</b><br><span class="muted">${d.kind_label}</span></td>
    <td>${d.crew || html`<span class="muted">–</span>`}${d.plate ? html`<br><span class="muted">${d.plate}</span>` : ''}</td>
    <td class="body"><span class="chip ${chip}">${word()}</span> ${d.why.map((/** @type {string} */ w, /** @type {number} */ i) => (i ? html`<br>${w}` : w))}</td>
    <td>${d.fix_time ? html`<span title="${clock(d.fix_time, true)}">${ago(d.fix_time)}</span>` : html`<span class="muted">${gettext('never')}</span>`}${d.battery === null ? '' : html`<br><span class="muted">${gettext('battery %(n)s %', { n: figure(d.battery, 0) })}</span>`}</td>
    <td>${numbers(d)}</td>
    <td>${d.revoked_at ? html`<span class="muted">${clock(d.revoked_at, true)}</span>` : html`<button class="quiet" data-do="revoke" data-name="${d.name}" data-testid="device-revoke">${gettext('Revoke…')}</button>`}</td></tr>`;
}

async function read() {
  const hours = /** @type {HTMLSelectElement} */ ($('#hours')).value;
  devices = (await api.get(`/api/devices/health?hours=${hours}`)).devices;
  const bad = devices.filter((d) => d.verdict === 'bad').length;
  $('#summary').textContent = bad ? ngettext('%(count)s device needs a person now.', '%(count)s devices need a person now.', bad) : gettext('No device needs a person now.');
  render($('#devices'), devices.length ? html`${devices.map(row)}` : html`<tr><td colspan="6" class="empty">${gettext('There is no device yet. A crew’s phone appears here when it signs in.')}</td></tr>`);
}

/** @param {string} name */
async function revoke(name) {
  const reason = await askReason(gettext('Revoke %(name)s: it is signed out at once', { name }), gettext('Revoke'));
  if (!reason) return;
  await api.post(`/api/devices/${encodeURIComponent(name)}/revoke`, { reason, key: newKey() });
  toast(gettext('%(name)s is out.', { name }), 'ok');
  await read();
}

function register() {
  const dialog = open(html`<form><h2>${gettext('Register a device')}</h2>
    <div class="field"><label for="name">${gettext('Name, also at the broker')}</label><input id="name" name="name" required maxlength="64" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" autocomplete="off"></div>
    <div class="field"><label for="kind">${gettext('Kind')}</label><select id="kind" name="kind"><option value="tracker">${gettext('vehicle unit')}</option><option value="other">${gettext('other device')}</option></select></div>
    <div class="field"><label for="vehicle">${gettext('Vehicle (plate)')}</label><input id="vehicle" name="vehicle" maxlength="16" autocomplete="off"></div>
    <div class="field"><label for="crew">${gettext('or crew (code)')}</label><input id="crew" name="crew" maxlength="50" autocomplete="off"></div>
    <p class="bad" id="problem" role="alert" hidden></p>
    <div class="row"><button class="main" data-testid="device-send">${gettext('Register')} <kbd>Ctrl Enter</kbd></button><button type="button" data-cancel>${gettext('Cancel')}</button></div></form>`);
  const form = /** @type {HTMLFormElement} */ ($('form', dialog));
  const key = newKey();
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      const made = await api.post('/api/devices', { ...Object.fromEntries(new FormData(form)), key });
      dialog.close();
      secret(made.name, made.secret);
      await read();
    } catch (error) {
      const line = $('#problem', dialog);
      line.hidden = false;
      line.textContent = error instanceof Error ? error.message : String(error);
    }
  });
  $('#name', dialog).focus();
}

/** @param {string} name @param {string} word */
function secret(name, word) {
  const dialog = open(html`<h2>${gettext('Secret of %(name)s', { name })}</h2><p>${gettext('It is shown this once. Put it into the device now; whoever loses it registers again.')}</p>
    <p><code data-testid="device-secret">${word}</code></p><div class="row"><button data-cancel class="main">${gettext('Close')}</button></div>`);
  $('[data-cancel]', dialog).focus();
}

onDo($('#devices'), { revoke: (/** @type {HTMLElement} */ el) => { revoke(el.dataset.name || '').catch(complain); } });
$('#new').addEventListener('click', register);
$('#hours').addEventListener('change', () => { read().catch(complain); });
keys({ key: 'n', text: gettext('register a device'), run: register });
read().catch(complain);
setInterval(() => { if (!document.hidden && !document.querySelector('dialog')) read().catch(() => undefined); }, 30000);
