// @ts-check
// Written work beside the telephone: what is offered to me, what I have in hand, the answer.
import { api } from '../api.js';
import { $, html, onDo, render } from '../html.js';
import { gettext, ngettext } from '../i18n.js';
import { on } from '../live.js';
import { ago } from '../time.js';
import { complain, toast } from '../toast.js';

/** @type {any[]} */ let mine = [];
let waiting = 0;
/** What is being typed, by item: a redraw must not lose it. @type {Map<string, string>} */ const typed = new Map();

/** @param {any} item */
function card(item) {
  const open = item.state === 'open';
  const id = String(item.id);
  return html`<li class="item" data-testid="item" data-item="${id}" data-state="${item.state}"><p class="row spread"><b>${item.customer || item.name || item.from}</b><span class="muted">${item.label} · ${ago(item.received_at)}</span></p>
    ${item.subject ? html`<p><b>${item.subject}</b></p>` : ''}<p class="text">${item.text}</p>
    ${open ? html`${item.reachable ? html`<label for="reply-${id}">${gettext('Answer by text')}</label><textarea id="reply-${id}" data-reply="${id}" maxlength="600" rows="3" data-testid="item-reply">${typed.get(id) || ''}</textarea>` : html`<p class="muted">${item.from.includes('@') ? html`<a href="mailto:${item.from}?subject=${encodeURIComponent(`Re: ${item.subject}`)}">${item.from}</a>` : item.from}</p>`}
      <div class="row"><button type="button" class="main" data-do="done" data-item="${id}" data-outcome="answered" data-testid="item-answer">${item.reachable ? gettext('Send') : gettext('Answered')}</button><button type="button" data-do="done" data-item="${id}" data-outcome="nothing">${gettext('Nothing to do')}</button><button type="button" class="quiet" data-do="pass" data-item="${id}">${gettext('Give back')}</button></div>`
    : html`<div class="row"><button type="button" class="main" data-do="take" data-item="${id}" data-testid="item-take">${gettext('Take it')}</button><button type="button" class="quiet" data-do="pass" data-item="${id}" data-testid="item-pass">${gettext('Not now')}</button></div>`}</li>`;
}

function draw() {
  const holder = $('#items');
  holder.hidden = !mine.length && !waiting;
  render(holder, html`<h2>${gettext('Written work')}</h2>${waiting ? html`<p class="muted">${ngettext('%(count)s message waits', '%(count)s messages wait', waiting)}</p>` : ''}<ul class="plain">${mine.map(card)}</ul>`);
}

async function read() {
  const now = await api.get('/api/items');
  mine = now.mine;
  waiting = now.waiting;
  draw();
}

/** @param {HTMLElement} el @param {Record<string, string>} body */
async function act(el, body) {
  try {
    await api.post(`/api/items/${el.dataset.item}`, body);
    if (body.act === 'done') { typed.delete(String(el.dataset.item)); toast(gettext('Done.'), 'ok'); }
  } catch (error) { complain(error); }
  await read();
}

onDo($('#items'), {
  take: (/** @type {HTMLElement} */ el) => { act(el, { act: 'take' }).catch(complain); },
  pass: (/** @type {HTMLElement} */ el) => { act(el, { act: 'pass' }).catch(complain); },
  done: (/** @type {HTMLElement} */ el) => {
    const outcome = el.dataset.outcome || '';
    act(el, { act: 'done', outcome, reply: outcome === 'answered' ? typed.get(String(el.dataset.item)) || '' : '' }).catch(complain);
  },
});
$('#items').addEventListener('input', (event) => {
  if (event.target instanceof HTMLTextAreaElement && event.target.dataset.reply) typed.set(event.target.dataset.reply, event.target.value);
});
on('item.received item.offered item.taken item.passed item.done resumed', () => { read().catch(() => undefined); });
read().catch(complain);
