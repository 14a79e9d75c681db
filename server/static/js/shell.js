// @ts-check
// What every signed-in page does: live stream, keys, command box.
import { matches, offer, openCommand } from './command.js';
import { onDo } from './html.js';
import { gettext } from './i18n.js';
import { keys, listen, showKeys } from './keys.js';
import { connect } from './live.js';
import { page } from './page.js';

if (page.user && document.body.dataset.page) {
  listen();
  keys(
    { key: 'Ctrl-k', text: gettext('Search or command'), run: openCommand, always: true },
    { key: '/', text: gettext('Search or command'), run: openCommand },
    { key: '?', text: gettext('Keys of this page'), run: showKeys },
  );
  onDo(document.body, { command: openCommand, keys: showKeys });
  offer((query) => Array.from(document.querySelectorAll('.bar nav a'))
    .filter((link) => query && matches(query, link.textContent, link.getAttribute('href')))
    .map((link) => ({ title: (link.textContent || '').trim(), detail: gettext('page'), run: () => { location.href = /** @type {HTMLAnchorElement} */ (link).href; } })));
  // On a phone the row of pages is scrolled: it begins with the one that is open in sight.
  const here = document.querySelector('.bar nav a[aria-current]');
  if (here) here.scrollIntoView({ block: 'nearest', inline: 'center' });
  connect();
}
