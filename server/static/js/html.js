// @ts-check
// HTML from data without holes: every value put into html`...` is escaped, unless it is itself
// the result of html`...`. Nothing else in this code base writes innerHTML.

/** @type {Record<string, string>} */
const ENTITY = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '`': '&#96;' };

/** @param {unknown} value */
export function escape(value) {
  return String(value).replace(/[&<>"'`]/g, (sign) => ENTITY[sign]);
}

export class Safe {
  /** @param {string} text */
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}

/** @param {unknown} value @returns {string} */
function show(value) {
  if (value === null || value === undefined || value === false || value === true) return '';
  if (value instanceof Safe) return value.text;
  if (Array.isArray(value)) return value.map(show).join('');
  return escape(value);
}

/** @param {TemplateStringsArray} parts @param {unknown[]} values */
export function html(parts, ...values) {
  let out = parts[0];
  values.forEach((value, i) => { out += show(value) + parts[i + 1]; });
  return new Safe(out);
}

/** Replace what an element holds, keeping focus, scroll and unfolded parts (details with a data-key)
 * where the same element comes back.
 * @param {Element | null} element @param {Safe} safe */
export function render(element, safe) {
  if (!element) return;
  const focused = document.activeElement;
  const id = focused && element.contains(focused) ? focused.id || focused.getAttribute('data-key') : '';
  const attribute = focused && focused.id ? 'id' : 'data-key';
  const top = element.scrollTop;
  const unfolded = [...element.querySelectorAll('details[data-key][open]')].map((part) => part.getAttribute('data-key') || '');
  element.innerHTML = safe.text;
  for (const key of unfolded) element.querySelector(`details[data-key="${CSS.escape(key)}"]`)?.setAttribute('open', '');
  element.scrollTop = top;
  if (id) {
    const again = element.querySelector(`[${attribute}="${CSS.escape(id)}"]`);
    if (again instanceof HTMLElement) again.focus({ preventScroll: true });
  }
}

/** @param {string} selector @param {ParentNode} [root] @returns {HTMLElement} */
export function $(selector, root = document) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`no ${selector} on this page`);
  return found;
}

/** Run a handler for the nearest ancestor with data-do, so that redrawn lists need no new listeners.
 * @param {Element} root @param {Record<string, (target: HTMLElement, event: Event) => void>} verbs */
export function onDo(root, verbs) {
  root.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target.closest('[data-do]') : null;
    if (!(target instanceof HTMLElement) || !root.contains(target)) return;
    const verb = verbs[target.dataset.do || ''];
    if (verb) verb(target, event);
  });
}
