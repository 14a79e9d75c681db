// A planned round on the dispatch page: what is shown and what is kept. In Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { crewsInOrder, keptText, kindChoice, kindsOf, roundAddress, roundData, roundList, rowsToKeep, stopsOf } = await js('dispatch/round-list.js');

const stop = (crew, position, more = {}) => ({ row: `${crew}${position}:repair:0`, crew, position, incident: crew * 10 + position, number: `I-${crew}${position}`, priority: 'P3', kind_label: 'Hydrant', address: '<Mill> Street', arrive: '2026-11-27T10:00:00Z', late_s: 0, lon: 24 + position, lat: 60, ...more });
const crew = (id, stops, more = {}) => ({ id, name: `Crew ${id}`, chosen: true, busy: false, stops, driven_min: 12, course: stops ? { type: 'MultiLineString', coordinates: [[[23, 60], [24, 60]]] } : null, ...more });
const round = { rows: [stop(1, 1), stop(1, 0), stop(2, 0, { late_s: 600 })], waiting: [{ number: 'I-9', kind_label: 'Meter', why: 'no_skill', why_text: 'no crew has the skills' }], crews: [crew(1, 2), crew(2, 1), crew(3, 0, { chosen: false })], driven_min: 24 };

test('all crews on shift are asked for unless some are chosen', () => {
  assert.equal(roundAddress(null), '/api/rounds');
  assert.equal(roundAddress(new Set([9, 2])), '/api/rounds?crews=2,9');
  assert.equal(roundAddress(new Set()), '/api/rounds?crews=');
  assert.equal(roundAddress(new Set([2]), 'meter'), '/api/rounds?crews=2&kinds=meter');
  assert.equal(roundAddress(null, 'hydrant'), '/api/rounds?kinds=hydrant');
});

test('a row left out is not kept, and each row says its crew', () => {
  assert.deepEqual(rowsToKeep(round, new Set(['11:repair:0'])), [{ row: '10:repair:0', crew: 1 }, { row: '20:repair:0', crew: 2 }]);
  assert.deepEqual(stopsOf(round, 1).map((r) => r.position), [0, 1]);
});

test('crews that drive stand first, then the others by name', () => {
  const crews = [crew(10, 0), crew(9, 0), crew(2, 1)];
  assert.deepEqual(crewsInOrder({ crews }).map((c) => c.id), [2, 9, 10]);
  assert.deepEqual(crewsInOrder({ crews }, [10, 9]).map((c) => c.id), [10, 9, 2], 'nothing jumps under the mouse');
});

test('the kinds to choose from are those of the round, and one alone is no choice', () => {
  const mixed = { rows: [stop(1, 0, { incident_kind: 'meter', kind_label: 'Meter' })], waiting: [{ incident_kind: 'hydrant', kind_label: 'Hydrant' }, { incident_kind: 'meter', kind_label: 'Meter' }] };
  assert.deepEqual(kindsOf(mixed), [['hydrant', 'Hydrant'], ['meter', 'Meter']]);
  assert.match(kindChoice(kindsOf(mixed), 'meter').text, /value="meter" selected/);
  assert.equal(String(kindChoice([['meter', 'Meter']], '')), '');
});

test('the map shows one crew, its stops numbered in their order', () => {
  const data = roundData(round, 1);
  assert.deepEqual(data.features.map((f) => [f.geometry.type, f.properties.label]), [['MultiLineString', undefined], ['Point', '1'], ['Point', '2']]);
  assert.deepEqual(data.features[1].geometry.coordinates, [24, 60]);
  assert.deepEqual([roundData(round, 3).features, roundData(round, null).features, roundData(null, 1).features], [[], [], []]);
});

test('the list says what is late, what does not fit and why, and nothing is markup', () => {
  const text = roundList(round, new Set()).text;
  assert.match(text, /&lt;Mill&gt; Street/);
  assert.match(text, /class="late"/);
  assert.match(text, /data-why="no_skill"[^]*no crew has the skills/);
  assert.match(text, /not in this round/);
});

test('with every row left out there is nothing to keep, and an empty round says so', () => {
  assert.match(roundList(round, new Set(round.rows.map((r) => r.row))).text, /data-testid="round-keep" disabled/);
  assert.doesNotMatch(roundList(round, new Set()).text, /data-testid="round-keep" disabled/);
  assert.match(roundList({ rows: [], waiting: [], crews: [], driven_min: 0 }, new Set()).text, /round-empty/);
  assert.match(keptText({ kept: [{}, {}] }), /2 stops/);
});
