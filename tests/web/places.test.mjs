// What is told of places: surroundings in brief, and what became of the link a caller was sent.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { inBrief, surroundings } = await js('around.js');
const { isPlace, locationLine, ring } = await js('desk/located.js');

test('the incident itself is not counted among what happened around it', () => {
  const found = { incident: [{ id: 'I-1' }, { id: 'I-2' }], shutoff: [{ id: 'A-1' }, { id: 'A-1' }], picture: [{ id: '4' }], pictures_unplaced_here: [{ id: '5' }] };
  assert.equal(inBrief(found, 'I-1'), '1 incident · 1 shut-off · 2 pictures');
  assert.equal(inBrief({}), '');
});

test('pictures carry crew and date, unplaced ones stand apart', () => {
  const shown = String(surroundings({ picture: [{ id: '4', about: 'Crew <North>', taken_at: '2026-03-01T08:30:00Z' }], pictures_unplaced_here: [{ id: '5', about: '', taken_at: null }] }));
  assert.ok(shown.includes('Crew &lt;North&gt;') && shown.includes('/api/photos/4'));
  assert.ok(shown.indexOf('/api/photos/5') > shown.indexOf('do not say where'));
  assert.ok(shown.includes('date unknown'));
});

test('a street in ten pieces is one street', () => {
  const street = Array.from({ length: 10 }, () => ({ id: 'Mill Street', distance_m: 4 }));
  assert.equal(String(surroundings({ street })).split('Mill Street').length, 2);
});

test('a rough fix is an area and is never offered as a place', () => {
  const rough = { lon: 24.9, lat: 60.1, accuracy_m: 900, rough: true, at: '2026-03-01T08:30:00Z' };
  assert.ok(!isPlace(rough) && !isPlace(null) && !isPlace({ asked_at: '2026-03-01T08:30:00Z' }));
  assert.ok(!String(locationLine(rough, null)).includes('take-shown'));
  const fine = { ...rough, rough: false, accuracy_m: 12, datum: 'unsure' };
  assert.ok(isPlace(fine));
  assert.ok(String(locationLine(fine, null)).includes('take-shown'));
  assert.ok(!String(locationLine(fine, { lon: 24.9, lat: 60.1 })).includes('take-shown'));
  assert.ok(String(locationLine(fine, null)).includes('China'));
});

test('the ring around a rough fix is as wide as the fix may be wrong', () => {
  const { coordinates } = ring({ lon: 24.9, lat: 60.1, accuracy_m: 1105.74 }).geometry;
  assert.deepEqual(coordinates[0].map((v) => Math.round(v * 1e6)), coordinates[48].map((v) => Math.round(v * 1e6)));
  assert.ok(Math.abs(Math.max(...coordinates.map((c) => c[1])) - 60.11) < 1e-6);
});
