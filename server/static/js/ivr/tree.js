// @ts-check
// The menu as a tree: every node once, where a caller first gets to it, with the key that leads there.
import { html } from '../html.js';
import { gettext } from '../i18n.js';
import { called, icon, KIND, RESULT, said } from './names.js';

/** The ways on from a node as [how, key, target]. @param {any} node @returns {[string, string, string][]} */
export function ways(node) {
  /** @type {[string, string, string][]} */
  const out = Object.entries(node.keys || {}).sort().map(([key, way]) => ['', key, String(way)]);
  for (const [result, way] of Object.entries(node.ways || {})) out.push([said(RESULT, result), '', String(way)]);
  if (node.next && !Object.values(node.ways || {}).includes(node.next)) out.push([node.ways && Object.keys(node.ways).length ? gettext('otherwise') : '', '', node.next]);
  if (node.otherwise) out.push([gettext('silence'), '', node.otherwise]);
  return out;
}

/** Nodes in the order of the drawing; what nobody reaches comes last. @param {any} tree @returns {string[]} */
export function order(tree) {
  /** @type {string[]} */ const seen = [];
  const walk = (/** @type {string} */ name) => {
    if (!tree.nodes[name] || seen.includes(name)) return;
    seen.push(name);
    for (const [, , way] of ways(tree.nodes[name])) walk(way);
  };
  walk(tree.start);
  for (const way of Object.values(tree.keys || {})) walk(String(way));
  for (const name of Object.keys(tree.nodes)) walk(name);
  return seen;
}

/** For each node the one it is drawn under: the first on the shortest way. @param {any} tree @returns {Map<string, string>} */
export function parents(tree) {
  /** @type {Map<string, string>} */ const found = new Map([[tree.start, '']]);
  const todo = [tree.start];
  while (todo.length) {
    const name = /** @type {string} */ (todo.shift());
    for (const [, , way] of ways(tree.nodes[name])) if (tree.nodes[way] && !found.has(way)) { found.set(way, name); todo.push(way); }
  }
  return found;
}

/** @param {any} tree @param {string} chosen @param {Set<string>} bad names of nodes with problems */
export function drawing(tree, chosen, bad) {
  /** @type {Set<string>} */ const drawn = new Set();
  const under = parents(tree);
  const branch = (/** @type {string} */ name, /** @type {string} */ how, /** @type {string} */ key, /** @type {string} */ from) => {
    const node = tree.nodes[name];
    const again = drawn.has(name) || !node || (under.has(name) && under.get(name) !== from);
    if (!again) drawn.add(name);
    const line = html`<button type="button" class="leaf" role="treeitem" data-do="choose" data-node="${name}" ${again ? html`data-again="true"` : html`id="leaf-${name}"`} data-testid="ivr-leaf" aria-current="${!again && name === chosen ? 'true' : 'false'}" data-bad="${bad.has(name) || !node ? 'true' : 'false'}">${key ? html`<kbd>${key}</kbd>` : ''}${again ? html`<span class="again">${how ? html`${how} ` : ''}→ ${called(tree, name)}</span>` : html`${icon(node.kind)}<span>${how ? html`<span class="muted">${how}: </span>` : ''}${called(tree, name)}<small>${said(KIND, node.kind)}</small></span>${bad.has(name) ? html`<span class="chip bad">!</span>` : ''}`}</button>`;
    if (again) return line;
    const on = ways(node);
    // A lone way on is the next step, not a branch.
    const inner = on.map(([h, k, way]) => branch(way, h, k, name));
    /** @type {any} */ const out = on.length === 1 && !on[0][1] ? html`${line}${inner}` : html`${line}${on.length ? html`<div class="branch" role="group">${inner}</div>` : ''}`;
    return out;
  };
  const body = branch(tree.start, '', '', '');
  const keys = Object.entries(tree.keys || {}).sort();
  const lost = () => Object.keys(tree.nodes).filter((name) => !drawn.has(name)).map((name) => branch(name, gettext('nobody gets here'), '', ''));
  const shortcuts = keys.map(([key, way]) => branch(String(way), gettext('anywhere'), key, ''));
  return html`<div class="always"><p><kbd>1</kbd> ${gettext('Emergency, in front of the queue: at every level')}</p><p><kbd>0</kbd> ${gettext('A person: at every level')}</p></div><div class="branch" role="tree">${body}${shortcuts}${lost()}</div>`;
}
