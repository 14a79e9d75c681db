// @ts-check
// What the panels over the dispatch map share: a row of buttons that unfold them, a place among the
// others, and a form whose typed values outlive a redraw.

/** @param {import('./page.js').DispatchPage} page @param {string} name its class @param {string} title
 * @returns {{bar: HTMLElement, holder: HTMLElement, focusOn: (selector: string) => void}} */
export function makePanel(page, name, title) {
  const bar = document.createElement('div');
  bar.className = 'row';
  page.tools.append(bar);
  const holder = document.createElement('section');
  holder.className = `map-panel ${name}`;
  holder.tabIndex = -1; // a click in it gives it the room: closures.css
  holder.setAttribute('aria-label', title);
  page.panels.append(holder);
  const focusOn = (/** @type {string} */ selector) => { const found = holder.querySelector(selector); if (found instanceof HTMLElement) found.focus(); };
  return { bar, holder, focusOn };
}

/** What stands in the panel's form; nothing without one. @param {HTMLElement} holder @returns {Record<string, string>} */
export function typed(holder) {
  const form = holder.querySelector('form');
  return form ? /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form))) : {};
}

/** After a redraw: what had been typed stands in the form again, which sends itself by its button and by Ctrl Enter.
 * @param {HTMLElement} holder @param {Record<string, string>} fields @param {() => void} send */
export function wireForm(holder, fields, send) {
  const form = holder.querySelector('form');
  if (!form) return;
  for (const [name, value] of Object.entries(fields)) { const field = form.elements.namedItem(name); if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value; }
  form.addEventListener('submit', (event) => { event.preventDefault(); send(); });
  form.addEventListener('keydown', (event) => { if (event.key === 'Enter' && event.ctrlKey) { event.preventDefault(); send(); } });
}
