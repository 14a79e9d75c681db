// Closures on the dispatch page: what is drawn, and what the form asks for. In Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { closureData, signPlace, withinData } = await js('map/closures.js');
const { sketch, asPolygon } = await js('map/drawing.js');
const { requestOf } = await js('dispatch/closure-form.js');

const NOON = Date.parse('2026-03-01T12:00:00Z');
const change = (state, lines, more = {}) => ({ id: 1, kind: 'closed', state, course: { coordinates: lines }, area: null, ends_at: null, ...more });

test('the sign stands in the middle of the longest stretch', () => {
  const at = signPlace(change('in_force', [[[0, 0], [0, 0.01]], [[1, 0], [1, 0.02], [1, 0.06]]]));
  assert.deepEqual(at.map((v) => Number(v.toFixed(6))), [1, 0.03]);
  assert.equal(signPlace(change('in_force', [])), null);
});

test('what is over is not drawn, what is suggested is', () => {
  const states = ['in_force', 'planned', 'suggested', 'ended', 'lifted'];
  const drawn = closureData(states.map((state) => change(state, [[[0, 0], [0, 1]]])));
  assert.deepEqual([...new Set(drawn.features.map((f) => f.properties.state))], ['in_force', 'planned', 'suggested']);
  assert.deepEqual(drawn.features.slice(0, 2).map((f) => f.geometry.type), ['LineString', 'Point']);
});

test('an area needs three corners and closes itself', () => {
  assert.equal(asPolygon([[0, 0], [1, 0]]), null);
  assert.deepEqual(asPolygon([[0, 0], [1, 0], [1, 1]]).coordinates, [[[0, 0], [1, 0], [1, 1], [0, 0]]]);
  assert.deepEqual(sketch([[0, 0], [1, 0]], [1, 1]).features.map((f) => f.geometry.type), ['Point', 'Point', 'Polygon']);
});

test('a drawn area for four hours', () => {
  const body = requestOf({ reason: 'flood', lasts: '240' }, { kind: 'area', corners: [[0, 0], [1, 0], [1, 1]] }, NOON, null);
  assert.deepEqual([body.reason, body.ends_at, body.area.coordinates[0].length], ['flood', '2026-03-01T16:00:00.000Z', 4]);
});

test('a circle without a middle is round the middle of the map, and until lifted has no end', () => {
  const body = requestOf({ reason: 'event', radius: '80', lasts: '' }, null, NOON, [24.9, 60.1]);
  assert.deepEqual([body.centre, body.radius_m, body.ends_at], [[24.9, 60.1], '80', undefined]);
});

test('a street both ways, or one of its directions, or only slow', () => {
  const where = { kind: 'street', at: { lon: 1, lat: 2, directions: [{ edge: [1, 2, 0] }, { edge: [2, 1, 0] }] } };
  assert.deepEqual(requestOf({ reason: 'works' }, where, NOON, null).edges, [[1, 2, 0], [2, 1, 0]]);
  assert.deepEqual(requestOf({ reason: 'works', way: '1' }, where, NOON, null).edges, [[2, 1, 0]]);
  const slow = requestOf({ reason: 'works', kph: '20' }, where, NOON, null);
  assert.deepEqual([slow.kind, slow.kph, slow.centre, slow.edges], ['slowed', '20', [1, 2], undefined]);
});

test('the ground within some minutes carries its minutes', () => {
  const data = withinData({ features: [{ properties: { what: 'area', minutes: 5 } }, { properties: { what: 'streets', minutes: 5 } }] });
  assert.equal(data.features.length, 1);
});
