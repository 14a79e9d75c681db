// What the map makes of vehicles and tracks.
import assert from 'node:assert/strict';
import test from 'node:test';

globalThis.document = { getElementById: () => null, documentElement: { lang: 'en', dataset: {} }, cookie: '' };
const { accuracyData, speedText, trackData, vehicleData, wayText } = await import('../../server/static/js/map/vehicles.js');

const NOW = Date.parse('2026-11-26T12:00:00Z');
const van = { device: 'van-7', plate: 'ABC-1', crew: 3, lon: 24.9, lat: 60.2, heading: 90, speed_mps: 10, accuracy_m: 20, fix_time: '2026-11-26T11:59:50Z' };
const drawn = (more) => vehicleData([{ ...van, ...more }], 120, NOW).features[0].properties;

test('a vehicle that drives has an arrow where it heads and its speed in km/h', () => {
  assert.deepEqual([drawn({}).icon, drawn({}).turn, drawn({}).label], ['vehicle-arrow', 90, 'ABC-1 · 36 km/h']);
});

test('an old fix is faded, says its age and points nowhere', () => {
  const old = drawn({ fix_time: '2026-11-26T11:50:00Z' });
  assert.ok(old.stale);
  assert.equal(old.icon, '');
  assert.match(old.label, /ABC-1 · 10/);
});

test('a vehicle that nobody drives has a sign of its own', () => {
  const pool = drawn({ crew: null, speed_mps: 0 });
  assert.deepEqual([pool.icon, pool.alone], ['vehicle-dot', true]);
});

test('the circle is as wide as the fix is vague, and not drawn where it would be a dot', () => {
  const ring = accuracyData([van]).features[0].geometry.coordinates[0];
  assert.ok(Math.abs((ring[8][1] - 60.2) * 111320 - 20) < 0.1);
  assert.equal(accuracyData([{ ...van, accuracy_m: 2 }]).features.length, 0);
});

test('a track is cut where nothing was heard for five minutes, and jumps are not on it', () => {
  const at = (m) => new Date(NOW + m * 60000).toISOString();
  const lines = trackData([[1, 1, at(0), ''], [2, 1, at(1), ''], [9, 9, at(1.5), 'jump'], [3, 1, at(2), 'late'], [4, 1, at(20), ''], [5, 1, at(21), '']])
    .features.filter((f) => f.geometry.type === 'LineString').map((f) => f.geometry.coordinates);
  assert.deepEqual(lines, [[[1, 1], [2, 1], [3, 1]], [[4, 1], [5, 1]]]);
});

test('headings and speeds in words', () => {
  assert.equal(wayText(350), 'north');
  assert.equal(wayText(null), '');
  assert.equal(speedText(0.2), '');
});
