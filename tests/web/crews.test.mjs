// Where the crews are on the maps of dispatcher, desk and wall. In Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { isLater, move, take } = await js('map/crews.js');
const gantt = await js('dispatch/gantt.js');

const at = (seconds) => new Date(Date.parse('2026-03-01T02:00:00Z') + seconds * 1000).toISOString();
const read = (id, lon, seconds) => ({ type: 'Feature', geometry: lon === null ? null : { type: 'Point', coordinates: [lon, 60] }, properties: { id, name: `Crew ${id}`, state: 'available', fix_time: seconds === null ? null : at(seconds), heading: 0 } });
const told = (id, lon, seconds) => ({ id, lon, lat: 60, heading: 90, speed_mps: 5, fix_time: at(seconds), state: 'en_route' });

test('an answer that was older than the stream does not take a crew back', () => {
  const crews = new Map();
  take(crews, [read(1, 24.1, 0), read(2, 24.2, null)]);
  assert.equal(move(crews, [told(1, 24.5, 10), told(2, 24.6, 10)]), false);
  take(crews, [read(1, 24.1, 0), read(2, 24.2, null)]);
  assert.deepEqual([...crews.values()].map((c) => [c.name, c.lon, c.fix_time, c.heading]), [['Crew 1', 24.5, at(10), 90], ['Crew 2', 24.6, at(10), 90]]);
  take(crews, [read(1, 24.9, 20), read(2, 24.2, 10)]);
  assert.deepEqual([...crews.values()].map((c) => c.lon), [24.9, 24.2]);
});

test('what a crew is doing is the answer’s even where its place is the stream’s', () => {
  const crews = new Map([['1', { ...told(1, 24.5, 10), name: 'Crew 1' }]]);
  take(crews, [read(1, 24.1, 0)]);
  assert.equal(crews.get('1').state, 'available');
});

test('who has gone home is drawn no more, and a late position does not bring them back', () => {
  const crews = new Map();
  take(crews, [read(1, 24.1, 0), read(2, 24.2, 0)]);
  take(crews, [read(2, 24.2, 0)]);
  assert.equal(move(crews, [told(1, 24.1, 5)]), true, 'somebody nobody told us of: read again');
  assert.deepEqual([...crews.keys()], ['2']);
});

test('a crew that has no place yet is known all the same', () => {
  const crews = new Map();
  take(crews, [read(3, null, null)]);
  assert.equal(crews.get('3').lon, undefined);
  assert.equal(move(crews, [told(3, 24.3, 1)]), false);
  assert.deepEqual([crews.get('3').lon, crews.get('3').name], [24.3, 'Crew 3']);
});

test('a position out of its order moves nobody back, on the map or on the board', () => {
  const crews = new Map();
  take(crews, [read(1, 24.1, 10)]);
  move(crews, [told(1, 24.0, 5)]);
  assert.equal(crews.get('1').lon, 24.1);
  const board = { crews: [{ id: 1, lon: 24.1, lat: 60, fix_time: at(10), orders: [] }] };
  gantt.patch(board, 'positions', { crews: [told(1, 24.0, 5)] });
  assert.equal(board.crews[0].lon, 24.1);
  gantt.patch(board, 'positions', { crews: [told(1, 24.7, 15)] });
  assert.deepEqual([board.crews[0].lon, board.crews[0].stale], [24.7, false]);
});

test('a known time is later than none, and none is later than nothing', () => {
  assert.deepEqual([isLater({ fix_time: at(1) }, { fix_time: null }), isLater({ fix_time: at(1) }, { fix_time: at(1) }), isLater({ fix_time: null }, {}), isLater(undefined, {})], [true, false, false, false]);
});
