// @ts-check
// What the colour of a main says, by choice, and the legend that goes with it.
import { gettext } from '../i18n.js';
import { figure } from '../time.js';
import { materialName } from './attributes.js';

/** @typedef {'plain' | 'material' | 'age' | 'zone' | 'diameter' | 'segment'} Choice */
/** @typedef {{value: any, pipes: number, km: number}} Share */
/** @typedef {{materials: Share[], zones: Share[], diameters: Share[], decades: Share[], roles: Share[], km: number}} Summary */
/** @typedef {{colour: string, text: string, more?: string}} Entry */

export const CHOICES = /** @type {Choice[]} */ (['plain', 'material', 'age', 'zone', 'diameter', 'segment']);

// Told apart by most colour-blind eyes, on both grounds; no red, which means "off".
const KINDS = {
  light: ['#0072b2', '#c77f00', '#00805c', '#a8508a', '#5d4aa8', '#7a5c1e', '#0f8b8d', '#4a8fc4'],
  dark: ['#4fa9ea', '#f0b040', '#35c795', '#e29ac6', '#a99af0', '#c9a66b', '#4fd0d0', '#9fd2ff'],
};
const AGES = { light: ['#7f3b08', '#b85a06', '#d9932f', '#6c86bd', '#27519e'], dark: ['#e07b39', '#f0a050', '#f5cf8a', '#9ab0e0', '#6f9bff'] };
const SIZES = { light: ['#7fb0d8', '#4f94cc', '#2a78b8', '#155a96', '#08306b'], dark: ['#4a7ba5', '#5c9fd4', '#86c1f0', '#b8dcff', '#eaf5ff'] };
const NONE = { light: '#8a929a', dark: '#77838e' };
/** First years and first millimetres of the classes; the class below the first has no lower end. */
export const AGE_STEPS = [1950, 1970, 1990, 2010];
export const SIZE_STEPS = [100, 200, 300, 600];

const KNOWN = ['DI', 'CI', 'PE', 'PVC', 'ST', 'AC', 'GI', 'PCCP'];

/** Each value its colour: known materials always the same, others by turn.
 * @param {Share[]} shares @param {'light' | 'dark'} theme @param {string[]} [known] @returns {[string, string][]} */
export function assigned(shares, theme, known = []) {
  const names = shares.map((s) => String(s.value || '')).filter(Boolean);
  const order = [...known.filter((k) => names.includes(k)), ...names.filter((n) => !known.includes(n)).sort()];
  return order.map((name, i) => {
    const at = known.indexOf(name);
    return [name, KINDS[theme][(at >= 0 ? at : known.length + i) % KINDS[theme].length]];
  });
}

/** The colour of mains as an expression. @param {Choice} choice @param {'light' | 'dark'} theme @param {Summary | null} summary @param {any} plain */
export function colourOf(choice, theme, summary, plain) {
  const none = NONE[theme];
  if (choice === 'material' || choice === 'zone') {
    const pairs = summary ? assigned(choice === 'zone' ? summary.zones : summary.materials, theme, choice === 'zone' ? [] : KNOWN) : [];
    if (!pairs.length) return plain;
    return ['match', ['coalesce', ['get', choice], ''], ...pairs.flat(), none];
  }
  if (choice === 'age') return ['case', ['!', ['to-boolean', ['get', 'year']]], none, ['step', ['to-number', ['get', 'year'], 0], AGES[theme][0], ...AGE_STEPS.flatMap((year, i) => [year, AGES[theme][i + 1]])]];
  if (choice === 'diameter') return ['step', ['to-number', ['get', 'dn'], 0], SIZES[theme][0], ...SIZE_STEPS.flatMap((mm, i) => [mm, SIZES[theme][i + 1]])];
  if (choice === 'segment') {
    const count = KINDS[theme].length;
    return ['case', ['has', 'segment'], ['match', ['%', ['to-number', ['get', 'segment'], 0], count], ...KINDS[theme].flatMap((colour, i) => [i, colour]), none], none];
  }
  return plain;
}

/** @param {Choice} choice */
export function choiceName(choice) {
  return { plain: gettext('use'), material: gettext('material'), age: gettext('year laid'), zone: gettext('pressure zone'), diameter: gettext('diameter'), segment: gettext('valve segment') }[choice];
}

/** @param {Share[]} shares @param {(value: any) => boolean} fits */
function km(shares, fits) { return shares.filter((s) => fits(s.value)).reduce((sum, s) => sum + s.km, 0); }

/** @param {number} length */
function asKm(length) { return gettext('%(n)s km', { n: figure(length, length < 10 ? 1 : 0) }); }

/** The legend of a choice, with kilometres of main; classes nothing falls into are left out.
 * @param {Choice} choice @param {'light' | 'dark'} theme @param {Summary | null} summary @returns {Entry[]} */
export function legendOf(choice, theme, summary) {
  if (!summary) return [];
  /** @type {[string, string, number][]} */ let rows = [];
  if (choice === 'material' || choice === 'zone') {
    const shares = choice === 'zone' ? summary.zones : summary.materials;
    rows = assigned(shares, theme, choice === 'zone' ? [] : KNOWN).map(([name, colour]) => [colour, choice === 'material' ? materialName(name) : name, km(shares, (v) => v === name)]);
    rows.push([NONE[theme], gettext('not known'), km(shares, (v) => !v)]);
  } else if (choice === 'age') {
    rows = classes(AGE_STEPS, (low, high) => (low === null ? gettext('before %(year)s', { year: high }) : high === null ? gettext('%(year)s and later', { year: low }) : `${low}–${high - 1}`))
      .map(([text, low, high], i) => [AGES[theme][i], text, km(summary.decades, (v) => Boolean(v) && v >= low && v < high)]);
    rows.push([NONE[theme], gettext('not known'), km(summary.decades, (v) => !v)]);
  } else if (choice === 'diameter') {
    rows = classes(SIZE_STEPS, (low, high) => (low === null ? `< DN${high}` : high === null ? `≥ DN${low}` : `DN${low}–${high - 1}`))
      .map(([text, low, high], i) => [SIZES[theme][i], text, km(summary.diameters, (v) => v >= low && v < high)]);
  }
  return rows.filter(([, , length]) => length > 0).map(([colour, text, length]) => ({ colour, text, more: asKm(length) }));
}

/** @param {number[]} steps @param {(low: number | null, high: number | null) => string} name @returns {[string, number, number][]} */
function classes(steps, name) {
  return [null, ...steps].map((low, i) => {
    const high = i < steps.length ? steps[i] : null;
    return [name(low, high), low === null ? -Infinity : low, high === null ? Infinity : high];
  });
}
