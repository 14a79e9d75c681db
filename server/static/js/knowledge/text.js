// @ts-check
// The text of an article: paragraphs, and lists of lines that begin with a hyphen. Nothing else.
import { html } from '../html.js';

/** @param {string} text */
export function articleText(text) {
  return html`<div class="article-text">${text.split(/\n\s*\n/).map((part) => {
    const lines = part.split('\n').map((line) => line.trim()).filter(Boolean);
    const items = lines.filter((line) => line.startsWith('- '));
    const rest = lines.filter((line) => !line.startsWith('- '));
    return html`${rest.length ? html`<p>${rest.join(' ')}</p>` : ''}${items.length ? html`<ul>${items.map((line) => html`<li>${line.slice(2)}</li>`)}</ul>` : ''}`;
  })}</div>`;
}
