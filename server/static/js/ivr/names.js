// @ts-check
// The words of the menu's parts.
import { html } from '../html.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';

/** The reader's language, as the telephone names it. */
export const OWN = page.lang === 'zh-hans' ? 'zh' : 'en';

/** @type {Record<string, () => string>} */
export const KIND = {
  say: () => gettext('Announcement'), menu: () => gettext('Choice by key'), ask: () => gettext('Ask for a number'), enquiry: () => gettext('Look something up'), hours: () => gettext('Opening hours'),
  language: () => gettext('Language'), transfer: () => gettext('To a person'), message: () => gettext('Leave a message'), callback: () => gettext('Be called back'), end: () => gettext('Goodbye'),
};
/** @type {Record<string, () => string>} */
export const ENQUIRY = { verdict: () => gettext('What is known of the caller’s place'), outage: () => gettext('Is the water off there'), bill: () => gettext('The bill (after account and second number)'), bill_ticket: () => gettext('Ticket: look up the bill and call'), ticket: () => gettext('Progress of a ticket (after its second number)') };
/** @type {Record<string, () => string>} */
export const ASKED = { account: () => gettext('Account number'), factor: () => gettext('Last digits of the meter, or PIN'), ticket: () => gettext('Ticket number'), ticket_factor: () => gettext('Last digits of the telephone given') };
/** @type {Record<string, () => string>} */
export const RESULT = { known: () => gettext('something is known'), nothing: () => gettext('nothing is known'), unknown: () => gettext('place not known'), ok: () => gettext('found'), wrong: () => gettext('numbers do not match'), down: () => gettext('cannot be looked up'), open: () => gettext('open'), closed: () => gettext('closed'), refused: () => gettext('number refused') };
/** @type {Record<string, () => string>} */
export const TONGUE = { en: () => gettext('English'), zh: () => gettext('Mandarin'), other: () => gettext('the other language') };
/** @type {Record<string, () => string>} */
export const TEMPLATE = { short: () => gettext('The short one: notice and a person'), full: () => gettext('The full one: bills, water off, tickets, call-back') };

/** @type {Record<string, string>} */
const SHAPE = {
  say: 'M4 10h4l5-4v14l-5-4H4z', menu: 'M5 6h3v3H5zM11 6h3v3h-3zM17 6h3v3h-3zM5 12h3v3H5zM11 12h3v3h-3zM17 12h3v3h-3z', ask: 'M4 6h16v10H9l-5 4z', enquiry: 'M10 4a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15 15l6 6', hours: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 7v5l4 2',
  language: 'M3 5h18v12H8l-5 4z', transfer: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4 21c1-5 4-7 8-7s7 2 8 7z', message: 'M3 6h18v12H3zM3 6l9 7 9-7', callback: 'M5 4h4l2 5-3 2c1 3 3 5 6 6l2-3 5 2v4c-9 1-17-7-16-16z', end: 'M4 12h16',
};

/** @param {string} kind */
export function icon(kind) { return html`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" aria-hidden="true"><path d="${SHAPE[kind] || SHAPE.end}"/></svg>`; }

/** @param {Record<string, () => string>} table @param {string} name */
export function said(table, name) { return table[name] ? table[name]() : name; }

/** Titles that came along with a template. @type {Record<string, () => string>} */
const TITLE = {
  'Account number': () => gettext('Account number'), 'After the notice': () => gettext('After the notice'), 'Anything else?': () => gettext('Anything else?'), 'Be called back': () => gettext('Be called back'), 'Bill': () => gettext('Bill'), 'Bills cannot be read': () => gettext('Bills cannot be read'), 'Goodbye': () => gettext('Goodbye'), 'Leave a message': () => gettext('Leave a message'), 'Main menu': () => gettext('Main menu'), 'Meter\'s last digits or PIN': () => gettext('Meter\'s last digits or PIN'), 'Progress of a ticket': () => gettext('Progress of a ticket'), 'Report it': () => gettext('Report it'), 'Telephone\'s last digits': () => gettext('Telephone\'s last digits'), 'The other language': () => gettext('The other language'), 'Ticket for the bill': () => gettext('Ticket for the bill'), 'Ticket\'s number': () => gettext('Ticket\'s number'), 'To a person': () => gettext('To a person'), 'Water off': () => gettext('Water off'), 'Water off at an account\'s place': () => gettext('Water off at an account\'s place'), 'What we know of the caller\'s place': () => gettext('What we know of the caller\'s place'), 'Which place': () => gettext('Which place'), 'Who we are': () => gettext('Who we are'),
};

/** How a node is called: its title in the reader's words where it came along, else as it was given. @param {any} tree @param {string} name */
export function called(tree, name) {
  const node = tree.nodes[name];
  if (!node) return name;
  return node.title ? said(TITLE, node.title) : said(KIND, node.kind);
}
