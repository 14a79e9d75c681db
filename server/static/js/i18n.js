// @ts-check
// Words for the reader. Django's JavaScriptCatalog puts gettext and ngettext on the window;
// where it is absent (tests in Node) the English text is used as it stands.

/** Put named values into a text: fill('%(n)s left', {n: 3}). A name without a value stays visible.
 * @param {string} text @param {Record<string, unknown>} [values] */
export function fill(text, values) {
  if (!values) return text;
  return text.replace(/%\((\w+)\)s/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @param {string} text @param {Record<string, unknown>} [values] @returns {string} */
export function gettext(text, values) {
  const catalogue = /** @type {any} */ (globalThis).django;
  return fill(catalogue && catalogue.gettext ? catalogue.gettext(text) : text, values);
}

/** @param {string} one @param {string} many @param {number} count @param {Record<string, unknown>} [values] */
export function ngettext(one, many, count, values) {
  const catalogue = /** @type {any} */ (globalThis).django;
  const text = catalogue && catalogue.ngettext ? catalogue.ngettext(one, many, count) : count === 1 ? one : many;
  return fill(text, { count, ...values });
}
