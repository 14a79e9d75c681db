// The pure modules of the engineer's map, in Node. Lengths and areas are those of GeographicLib (pyproj).
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { metresBetween, lengthOf, areaOf, asLength, asArea } = await js('network/geodesy.js');
const { toHash, fromHash } = await js('network/permalink.js');
const { assigned, colourOf, legendOf, CHOICES } = await js('network/colours.js');
const { factsOf, kindName, materialName, valveState } = await js('network/attributes.js');
const { groups, remembered } = await js('network/switch.js');
const { measured } = await js('network/measure.js');
const { readTrace, discs, byClass, warningText, planPanel } = await js('network/plan.js');
const { dryArea, networkStyle, PICKED_FROM } = await js('network/style.js');
const { tracesOf, pickedPanel } = await js('network/panel.js');
const { direct } = await js('command.js');

const near = (a, b, by) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);

test('a tape on the ellipsoid says what GeographicLib says, to a millimetre', () => {
  near(metresBetween([24.944, 60.17], [24.954, 60.175]), 786.4232322422196, 1e-3);
  near(metresBetween([108.94, 34.26], [108.95, 34.27]), 1441.7586922143792, 1e-3);
  assert.equal(metresBetween([24.94, 60.17], [24.94, 60.17]), 0);
  near(lengthOf([[24.944, 60.17], [24.954, 60.175], [24.944, 60.17]]), 2 * 786.4232322422196, 2e-3);
  assert.ok(metresBetween([0, 0], [179.9, 0.1]) > 19e6);
});

test('an area is that of GeographicLib to a ten-thousandth, whichever way round it was clicked', () => {
  const ring = [[24.94, 60.17], [24.95, 60.17], [24.95, 60.175], [24.94, 60.175]];
  near(areaOf(ring), 309228.78315258026, 5);
  near(areaOf([...ring].reverse()), areaOf(ring), 1e-6);
  near(areaOf([[108.94, 34.26], [108.96, 34.26], [108.95, 34.275]]), 1532457.3201236725, 150);
  assert.equal(areaOf([[0, 0], [1, 1]]), 0);
  assert.equal(asLength(12.34), '12.3 m');
  assert.equal(asLength(1530), '1.53 km');
  assert.equal(asArea(900), '900 m²');
  assert.equal(asArea(25000), '2.50 ha');
});

test('what is measured is drawn as line or area with its figure', () => {
  const line = measured([[24.94, 60.17]], 'length', [24.95, 60.17]);
  assert.deepEqual(line.data.features.map((f) => f.geometry.type), ['Point', 'LineString', 'Point']);
  assert.equal(line.text, '555 m');
  const area = measured([[24.94, 60.17], [24.95, 60.17], [24.95, 60.175]], 'area');
  assert.ok(area.text.includes('ha'));
  assert.equal(area.data.features.find((f) => f.geometry.type === 'Polygon').geometry.coordinates[0].length, 4);
  assert.equal(measured([], 'length', [1, 1]).text, '');
});

test('the address says where one looks and what is picked, and comes back the same', () => {
  const where = { zoom: 16.5, lon: 24.9441, lat: 60.1702, id: 'V-00 1/b' };
  assert.deepEqual(fromHash(toHash(where)), where);
  assert.deepEqual(fromHash('#id=V-12'), { id: 'V-12' });
  assert.deepEqual(fromHash('#at=24.9,60.1'), { zoom: 17, lon: 24.9, lat: 60.1 });
  for (const bad of ['', '#', '#x', '#1/2', '#a/b/c', '#16/999/60', '#16/24/99', '#//', '#16//60']) assert.deepEqual(fromHash(bad), {}, bad);
  assert.equal(fromHash('#16/24/60/%E0%A4').id, undefined);
});

const summary = { km: 10, materials: [{ value: 'PE', pipes: 3, km: 4 }, { value: 'CI', pipes: 3, km: 5 }, { value: '', pipes: 1, km: 1 }], zones: [{ value: 'low', pipes: 7, km: 10 }],
  diameters: [{ value: 80, pipes: 1, km: 1 }, { value: 150, pipes: 5, km: 6 }, { value: 600, pipes: 1, km: 3 }], decades: [{ value: 1900, pipes: 1, km: 2 }, { value: 1990, pipes: 5, km: 7 }, { value: null, pipes: 1, km: 1 }], roles: [] };

test('the legend follows the choice, sums to the whole and names only what there is', () => {
  for (const choice of ['material', 'age', 'zone', 'diameter']) {
    const rows = legendOf(choice, 'light', summary);
    near(rows.reduce((sum, r) => sum + Number(/[\d.]+/.exec(r.more)[0]), 0), 10, 1e-9);
    assert.equal(new Set(rows.map((r) => r.colour)).size, rows.length);
  }
  assert.deepEqual(legendOf('age', 'light', summary).map((r) => r.text), ['before 1950', '1990–2009', 'not known']);
  assert.deepEqual(legendOf('plain', 'light', summary), []);
});

test('a material keeps its colour whatever else the network is made of', () => {
  const alone = new Map(assigned([{ value: 'PE' }], 'light', ['DI', 'CI', 'PE']));
  const among = new Map(assigned([{ value: 'XX' }, { value: 'PE' }, { value: 'DI' }], 'light', ['DI', 'CI', 'PE']));
  assert.equal(alone.get('PE'), among.get('PE'));
  assert.equal(among.size, 3);
  for (const choice of CHOICES) assert.ok(colourOf(choice, 'dark', summary, '#000'));
  assert.equal(colourOf('zone', 'dark', null, '#000'), '#000');
});

test('an asset is told in words and units, and what is not recorded is left out', () => {
  const facts = new Map(factsOf('valve', { id: 'V1', state: 'closed', normally_open: true, operable: 'no', accessible: false, diameter_mm: 150, turns: 20, gas: true, pipe: 'P1', node: 'A', closes: 'clockwise', chamber_depth_m: 1.5 }));
  assert.equal(facts.get('Stands'), 'closed, normally open, seized, paved over');
  assert.equal(facts.get('Diameter'), 'DN150');
  assert.equal(facts.get('Chamber depth'), '1.5 m');
  assert.ok(facts.get('Foul air'));
  assert.equal(valveState({ state: 'closed', normally_open: false, operable: 'yes' }), 'closed, as it should be');
  assert.equal(new Map(factsOf('pipe', { id: 'P1', diameter_mm: 150, material: '', year: null })).has('Cover'), false);
  assert.equal(materialName('DI'), 'DI ductile iron');
  assert.equal(kindName('control', { kind: 'pump' }), 'Pump');
  assert.deepEqual(factsOf('nothing', {}), []);
});

test('every layer of the switch is in the style, and what was remembered wins', () => {
  const style = networkStyle('light', { origin: 'http://x', fonts: { latin: '', bold: '', han: '' }, version: '3' });
  const ids = new Set(style.layers.map((l) => l.id));
  for (const layer of groups().flatMap((g) => g.layers)) for (const id of layer.layers) assert.ok(ids.has(id), `${layer.id}: ${id}`);
  for (const [id] of PICKED_FROM) assert.ok(ids.has(id), id);
  for (const layer of style.layers) if (layer.source) assert.ok(style.sources[layer.source], layer.source);
  assert.equal(ids.size, style.layers.length);
  assert.equal(remembered('{"mains": false, "nonsense": 3}').mains, false);
  assert.equal(remembered('not json').mains, true);
  assert.equal(remembered(null).dmas, false);
  assert.equal('nonsense' in remembered('{"nonsense": true}'), false);
});

const line = { type: 'MultiLineString', coordinates: [[[24.9, 60.1], [24.91, 60.1]]] };
const answer = { target: 'P3', kind: 'isolate', valves: [{ id: 'V2', lon: 24.9, lat: 60.1, sequence: 1, state: 'open', condition: 'yes', minimal: true }], drawn: { pipes: line, unintended: { type: 'MultiLineString', coordinates: [] } },
  premises: { total: 2, by_class: { home: 1, hospital: 1 }, ids: ['a', 'b'] }, priority_customers: [{ premise: 'a', name: 'Clinic', class: 'hospital', hours_left: 2 }], hydrants_lost: ['H1'], warnings: [{ code: 'unintended', text: 'as said' }] };

test('a plan is drawn and counted as the server gives it, a run of sewers too', () => {
  const found = readTrace(answer, 'isolate');
  assert.equal(found.off, 2);
  assert.equal(discs(found.valves).features[0].properties.sequence, 1);
  assert.equal(dryArea(found.lines, found.unintended).features.length, 2);
  assert.deepEqual(byClass({ home: 9, school: 1, dialysis: 2 }).map(([use]) => use), ['dialysis', 'school', 'home']);
  const run = readTrace({ target: 'SW-1', sewers: ['SW-1', 'SW-2'], ends: ['MH-9'], length_m: 80, geometry: line }, 'downstream');
  assert.deepEqual([run.pipes, run.sources, run.lines], [2, ['MH-9'], line]);
  assert.ok(String(planPanel(run, { inoperable: new Set(), closed: new Set() })).includes('ends'));
});

test('warnings stand in the words of the server, which speaks the language of the reader', () => {
  assert.equal(warningText({ code: 'unintended', text: '2 pipes' }), '2 pipes');
  assert.equal(warningText({ code: 'strange', text: '' }), 'strange');
});

test('alternatives stand as the server ranks them: by who is harmed', () => {
  const found = readTrace({ ...answer, alternatives: [{ valve: 'V2', extra_customers: 0 }, { valve: 'V9', extra_customers: 3, critical_customers: 1 }, { valve: 'V7', isolates: false }] }, 'isolate');
  const text = String(planPanel(found, { inoperable: new Set(['V5']), closed: new Set() }));
  assert.ok(text.indexOf('without V2') < text.indexOf('without V9'));
  assert.ok(text.includes('nobody more') && text.includes('+3 customers') && text.includes('1 of priority') && text.includes('cannot be isolated'));
  assert.ok(text.includes('V5: will not turn'));
});

test('what can be asked of an asset hangs on its kind, and its name is escaped', () => {
  assert.deepEqual(tracesOf('sewer'), ['upstream', 'downstream']);
  assert.deepEqual(tracesOf('premise'), []);
  const none = { inoperable: new Set(), closed: new Set() };
  const text = String(pickedPanel({ id: '<img>', kind: 'pipe', properties: {}, more: { segment: null, neighbours: [], incidents: [], shut_offs: [] } }, none, ''));
  assert.ok(!text.includes('<img>'));
});
