// @ts-check
// What to ask and say: articles that fit the trouble chosen and what is known of the place.
import { api } from '../api.js';
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { articleText } from '../knowledge/text.js';

let asked = '';
/** @param {HTMLElement | null} holder @param {string} trouble @param {string} verdict */
export async function suggest(holder, trouble, verdict) {
  if (!holder) return;
  const about = `trouble=${encodeURIComponent(trouble)}&verdict=${encodeURIComponent(verdict)}`;
  if (about === asked) return;
  asked = about;
  const found = trouble || verdict ? await api.get(`/api/articles?${about}`).catch(() => null) : null;
  if (asked !== about) return;
  const articles = found ? found.articles : [];
  holder.hidden = !articles.length;
  render(holder, html`<h3>${gettext('What to ask and say')}</h3>${articles.map((/** @type {any} */ a) => html`<details data-testid="suggested"><summary>${a.title}</summary>${articleText(a.body)}<a href="/knowledge#${a.code}" target="_blank" rel="noopener">${gettext('Open')}</a></details>`)}`);
}
