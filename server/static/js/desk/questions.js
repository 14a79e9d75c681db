// @ts-check
// What to ask for each kind: only questions whose answer changes what is done first.
import { gettext } from '../i18n.js';

/** @typedef {{name: string, text: () => string, options?: [string, () => string][]}} Question */
const yes = () => gettext('yes');
const no = () => gettext('no');
/** @type {[string, () => string][]} */
const YES_NO = [['yes', yes], ['no', no]];
/** @type {[string, () => string][]} */
const EXTENT = [['tap', () => gettext('one tap')], ['unit', () => gettext('one home')], ['building', () => gettext('whole building')], ['street', () => gettext('whole street')]];

/** @type {Record<string, Question[]>} */
const QUESTIONS = {
  burst: [
    { name: 'spouting', text: () => gettext('Is water shooting up?'), options: YES_NO }, { name: 'road_open', text: () => gettext('Is the road broken or sinking?'), options: YES_NO },
    { name: 'flooding', text: () => gettext('Is it running into a building or cellar?'), options: YES_NO }],
  leak: [
    { name: 'before_meter', text: () => gettext('Before or after the meter?'), options: [['before', () => gettext('before')], ['after', () => gettext('after')], ['street', () => gettext('in the street')]] },
    { name: 'cavity', text: () => gettext('Is the ground hollow or icy?'), options: YES_NO }],
  no_water: [{ name: 'extent', text: () => gettext('Who has no water?'), options: EXTENT }, { name: 'since', text: () => gettext('Since when?') }],
  low_pressure: [{ name: 'extent', text: () => gettext('Where is it weak?'), options: EXTENT }, { name: 'floor', text: () => gettext('Which floor?') }, { name: 'since', text: () => gettext('Since when?') }],
  discoloured: [
    { name: 'illness', text: () => gettext('Does anybody feel ill?'), options: YES_NO }, { name: 'chemical', text: () => gettext('Does it smell of chemicals?'), options: YES_NO },
    { name: 'colour', text: () => gettext('Which colour?') }],
  meter: [{ name: 'fault', text: () => gettext('What is wrong with it?'), options: [['stopped', () => gettext('stopped')], ['fast', () => gettext('too fast')], ['broken', () => gettext('broken')], ['frozen', () => gettext('frozen')]] }],
  sewer: [{ name: 'inside', text: () => gettext('Does it overflow inside the building?'), options: YES_NO }],
  hydrant: [{ name: 'open_cover', text: () => gettext('Is a cover missing or open?'), options: YES_NO }, { name: 'running', text: () => gettext('Is water running?'), options: YES_NO }],
  construction: [
    { name: 'still_digging', text: () => gettext('Are they still digging?'), options: YES_NO }, { name: 'water', text: () => gettext('Is water running?'), options: YES_NO },
    { name: 'other_lines', text: () => gettext('Have they met gas or electricity?'), options: YES_NO }],
  enquiry: [],
};

export const KINDS = Object.keys(QUESTIONS);

/** @param {string} kind @returns {Question[]} */
export function questions(kind) { return QUESTIONS[kind] || []; }

/** Keep only answers that belong to the kind now chosen. @param {string} kind @param {Record<string, string>} answers */
export function relevant(kind, answers) {
  const names = new Set(questions(kind).map((q) => q.name));
  return Object.fromEntries(Object.entries(answers || {}).filter(([name, value]) => names.has(name) && value !== ''));
}
