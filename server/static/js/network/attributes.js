// @ts-check
// What is known of an asset, in words and units, in the order an engineer asks for it.
import { gettext } from '../i18n.js';
import { ago, figure } from '../time.js';

/** @type {Record<string, () => string>} */
const KIND = {
  pipe: () => gettext('Main'), valve: () => gettext('Valve'), hydrant: () => gettext('Hydrant'), control: () => gettext('Control'), node: () => gettext('Node'),
  service: () => gettext('Service line'), station: () => gettext('Secondary-supply station'), sewer: () => gettext('Sewer'), manhole: () => gettext('Manhole'), premise: () => gettext('Premises'),
  tank: () => gettext('Tank'), reservoir: () => gettext('Reservoir'), junction: () => gettext('Node'), pump: () => gettext('Pump'), prv: () => gettext('Pressure reducing valve'),
  psv: () => gettext('Pressure sustaining valve'), fcv: () => gettext('Flow control valve'), check: () => gettext('Check valve'), tcv: () => gettext('Throttle valve'),
  gully: () => gettext('Gully'), outfall: () => gettext('Outfall'),
};

/** @param {string} kind @param {any} [p] its attributes, where the sort matters more than the class */
export function kindName(kind, p = {}) {
  const finer = ['control', 'node', 'manhole'].includes(kind) && p.kind && KIND[p.kind] ? p.kind : kind;
  return KIND[finer] ? KIND[finer]() : kind;
}

/** @type {Record<string, () => string>} */
const MATERIAL = {
  DI: () => gettext('ductile iron'), CI: () => gettext('cast iron'), PE: () => gettext('polyethylene'), PVC: () => gettext('PVC-U'), ST: () => gettext('steel'), AC: () => gettext('asbestos cement'),
  GI: () => gettext('galvanised iron'), PCCP: () => gettext('prestressed concrete'), CON: () => gettext('concrete'), VC: () => gettext('vitrified clay'), PP: () => gettext('polypropylene'), CU: () => gettext('copper'),
};

/** @param {string | null | undefined} code */
export function materialName(code) {
  if (!code) return gettext('not known');
  return MATERIAL[code] ? `${code} ${MATERIAL[code]()}` : code;
}

/** @type {Record<string, () => string>} */
const WORD = {
  raw: () => gettext('raw water'), transmission: () => gettext('transmission main'), distribution: () => gettext('distribution main'),
  gate: () => gettext('gate valve'), butterfly: () => gettext('butterfly valve'), foul: () => gettext('foul water'), storm: () => gettext('storm water'), combined: () => gettext('combined sewer'),
  clockwise: () => gettext('clockwise'), anticlockwise: () => gettext('anticlockwise'), underground: () => gettext('underground'), pillar: () => gettext('pillar'), washout: () => gettext('washout'),
};
/** @param {any} code */
const say = (code) => (code && WORD[code] ? WORD[code]() : code || '');

/** @param {any} n @param {string} unit @param {number} [digits] */
function measure(n, unit, digits = 0) { return typeof n === 'number' && Number.isFinite(n) ? `${figure(n, digits)} ${unit}` : ''; }

/** @param {any} yes @param {string} [unknown] */
function yesNo(yes, unknown = '') { return yes === true ? gettext('yes') : yes === false ? gettext('no') : unknown; }

/** How a valve stands, in one line: position, whether it should, whether it turns. @param {any} p */
export function valveState(p) {
  const shut = p.state === 'closed';
  const odd = shut === Boolean(p.normally_open);
  const parts = [shut ? gettext('closed') : gettext('open')];
  if (odd) parts.push(shut ? gettext('normally open') : gettext('normally closed'));
  else if (shut) parts.push(gettext('as it should be'));
  if (p.operable === 'no') parts.push(gettext('seized'));
  else if (p.operable === 'unknown') parts.push(gettext('not known whether it turns'));
  if (p.accessible === false) parts.push(gettext('paved over'));
  return parts.join(', ');
}

/** @type {Record<string, (p: any) => [string, any][]>} */
const FACTS = {
  pipe: (p) => [
    [gettext('Use'), say(p.role)], [gettext('Diameter'), p.diameter_mm ? `DN${figure(p.diameter_mm)}` : ''], [gettext('Material'), materialName(p.material)],
    [gettext('Laid'), p.year ? String(p.year) : gettext('not known')], [gettext('Length'), measure(p.length_m, 'm', 1)], [gettext('Cover'), measure(p.depth_m, 'm', 1)],
    [gettext('Street'), p.street], [gettext('Pressure zone'), p.zone], [gettext('Metered area'), p.dma],
    [gettext('State'), p.closed ? gettext('shut, conducts nothing') : p.one_way ? gettext('one way only, with a check valve') : ''],
    [gettext('Segment'), p.segment === null || p.segment === undefined ? '' : String(p.segment)], [gettext('Id in the file'), p.origin && p.origin !== p.id ? p.origin : ''],
  ],
  valve: (p) => [
    [gettext('Stands'), valveState(p)], [gettext('Sort'), say(p.kind)], [gettext('Diameter'), p.diameter_mm ? `DN${figure(p.diameter_mm)}` : ''],
    [gettext('Turns to close'), p.turns ? figure(p.turns) : gettext('not known')], [gettext('Closes'), say(p.closes)], [gettext('Can be reached'), yesNo(p.accessible, gettext('not known'))],
    [gettext('Chamber depth'), measure(p.chamber_depth_m, 'm', 1)], [gettext('Foul air'), p.gas ? gettext('met here: measure before entering') : ''],
    [gettext('Last turned'), p.last_operated_at ? ago(p.last_operated_at) : gettext('never, as far as is known')], [gettext('On main'), p.pipe], [gettext('At node'), p.node],
  ],
  hydrant: (p) => [
    [gettext('Sort'), say(p.kind)], [gettext('Outlet'), p.outlet_mm ? `DN${figure(p.outlet_mm)}` : ''], [gettext('Flow at 0.1 MPa'), p.flow_m3s ? measure(p.flow_m3s * 1000, 'L/s', 1) : ''],
    [gettext('Fire service counts on it'), yesNo(p.fire_critical)], [gettext('Fit for a standpipe'), yesNo(p.standpipe)], [gettext('At node'), p.node],
  ],
  control: (p) => [
    [gettext('State'), p.closed ? gettext('closed') : gettext('open')], [gettext('Diameter'), p.diameter_mm ? `DN${figure(p.diameter_mm)}` : ''], [gettext('Setting'), setting(p)],
    [gettext('Direction'), p.kind === 'tcv' ? gettext('both ways') : gettext('from %(a)s to %(b)s only', { a: p.start, b: p.end })],
  ],
  node: (p) => [
    [gettext('Elevation'), measure(p.elevation_m, 'm', 1)], [gettext('Head'), measure(p.head_m, 'm', 1)], [gettext('Pressure zone'), p.zone], [gettext('Metered area'), p.dma],
  ],
  service: (p) => [
    [gettext('Diameter'), p.diameter_mm ? `DN${figure(p.diameter_mm)}` : ''], [gettext('Material'), p.material ? materialName(p.material) : ''], [gettext('Premises'), p.premise], [gettext('Taps'), p.pipe],
    [gettext('Tap'), typeof p.measure === 'number' ? gettext('at %(share)s % of the main', { share: figure(p.measure * 100, 0) }) : ''], [gettext('Through station'), p.station],
  ],
  station: (p) => [
    [gettext('Tank'), measure(p.tank_m3, 'm³', 0)], [gettext('Demand'), measure(p.demand_m3h, 'm³/h', 1)], [gettext('Lasts'), p.tank_m3 && p.demand_m3h ? gettext('%(hours)s h when full', { hours: figure(p.tank_m3 / p.demand_m3h, 1) }) : ''],
    [gettext('Floors'), p.floors], [gettext('Run by'), p.operator], [gettext('Fed by'), p.service],
  ],
  sewer: (p) => [
    [gettext('Carries'), say(p.carries)], [gettext('Diameter'), p.diameter_mm ? `DN${figure(p.diameter_mm)}` : ''], [gettext('Material'), materialName(p.material)], [gettext('Laid'), p.year ? String(p.year) : gettext('not known')],
    [gettext('Length'), measure(p.length_m, 'm', 1)], [gettext('Inverts'), typeof p.invert_start_m === 'number' && typeof p.invert_end_m === 'number' ? `${figure(p.invert_start_m, 2)} → ${figure(p.invert_end_m, 2)} m` : ''],
    [gettext('Runs'), gettext('from %(a)s to %(b)s', { a: p.start, b: p.end })], [gettext('Street'), p.street],
  ],
  manhole: (p) => [[gettext('Ground'), measure(p.ground_m, 'm', 2)], [gettext('Invert'), measure(p.invert_m, 'm', 2)], [gettext('Depth'), typeof p.ground_m === 'number' && typeof p.invert_m === 'number' ? measure(p.ground_m - p.invert_m, 'm', 2) : '']],
};

/** @param {any} p */
function setting(p) {
  if (typeof p.setting !== 'number') return '';
  if (p.kind === 'prv' || p.kind === 'psv') return measure(p.setting, 'm', 1);
  return p.kind === 'fcv' ? measure(p.setting * 1000, 'L/s', 1) : figure(p.setting, 2);
}

/** [label, text] of everything known; what is not recorded is left out. @param {string} kind @param {any} p @returns {[string, string][]} */
export function factsOf(kind, p) {
  const rows = FACTS[kind] ? FACTS[kind](p) : [];
  return rows.filter(([, text]) => text !== '' && text !== null && text !== undefined).map(([label, text]) => [label, String(text)]);
}
