// The dispatch page's own modules, in Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { makePage } = await js('dispatch/page.js');

const host = () => makePage({ select: () => {}, selected: () => null, incident: () => null, mayAct: true, tools: null, legend: null });

test('a part that came before the map gets it when it is drawn, one that came after gets it at once', () => {
  const made = host();
  const seen = [];
  made.page.whenMap((map) => seen.push(['before', map.name]));
  assert.equal(made.page.map, null);
  made.drawn({ name: 'map' });
  made.page.whenMap((map) => seen.push(['after', map.name]));
  assert.deepEqual(seen, [['before', 'map'], ['after', 'map']]);
});

test('parts hear whenever the open incidents have been read', () => {
  const made = host();
  let heard = 0;
  made.page.onListed(() => { heard += 1; });
  made.tellListed(); made.tellListed();
  assert.equal(heard, 2);
});

test('parts hear once that the past is shown, where it moves to, and that it is over', () => {
  const made = host();
  const heard = [];
  made.page.onReplay((at) => heard.push([at, made.page.replaying()]));
  for (const at of ['2026-03-01T02:00:00Z', '2026-03-01T02:00:00Z', '2026-03-01T02:00:01Z', null, null]) made.tellReplay(at);
  assert.deepEqual(heard, [['2026-03-01T02:00:00Z', true], ['2026-03-01T02:00:01Z', true], [null, false]]);
});

// -- the board ------------------------------------------------------------------------------------

const gantt = await js('dispatch/gantt.js');
const { noAnswer } = await js('dispatch/board-rows.js');
const { sentence } = await js('dispatch/whatif.js');
const { changes, outcome } = await js('dispatch/proposal.js');
const NOW = Date.parse('2026-03-01T02:00:00Z');
const at = (minutes) => new Date(NOW + minutes * 60000).toISOString();
const order = (more) => ({
  number: 'W-1', incident: 1, incident_number: 'I-1', kind: 'repair', priority: 'P1', state: 'en_route', held: true, movable: true,
  planned: { start: at(-20), arrive: at(-5), end: at(115) }, actual: { start: at(-18), arrive: null, end: null }, ...more,
});

test('now stands at a third of the board, and the hours above it are full hours of the utility', () => {
  const window = gantt.stretch(NOW, 6);
  assert.equal(gantt.share(NOW, window), 1 / 3);
  assert.deepEqual([gantt.share(NOW - 1e9, window), gantt.share(NOW + 1e9, window)], [0, 1]);
  assert.deepEqual(gantt.ticks(window).map((t) => new Date(t).toISOString().slice(11, 16)), ['00:00', '01:00', '02:00', '03:00', '04:00', '05:00']);
  // Half an hour ahead of UTC, as in India: their full hours are half past here.
  assert.deepEqual(gantt.ticks(gantt.stretch(NOW, 3), 5.5 * gantt.HOUR).map((t) => new Date(t).toISOString().slice(11, 16)), ['01:30', '02:30', '03:30']);
});

test('a crew that should have been there is late by the minute, and its work moves with it', () => {
  const b = gantt.bar(order(), NOW);
  assert.deepEqual([b.late, b.what], [300, 'arrival']);
  assert.deepEqual([b.travel, b.work], [{ from: NOW - 18 * 60000, to: NOW }, { from: NOW, to: NOW + 120 * 60000 }]);
  assert.equal(gantt.bar(order({ planned: { start: at(-20), arrive: at(3), end: at(123) } }), NOW).late, 0);
});

test('on site the work runs to its end, and over it while the crew is still there', () => {
  const there = { actual: { start: at(-60), arrive: at(-50), end: null }, planned: { start: at(-60), arrive: at(-48), end: at(-10) } };
  const b = gantt.bar(order(there), NOW);
  assert.deepEqual([b.work, b.late, b.what], [{ from: NOW - 50 * 60000, to: NOW }, 600, 'work']);
  const done = gantt.bar(order({ ...there, state: 'completed', actual: { ...there.actual, end: at(-20) } }), NOW);
  assert.deepEqual([done.work.to, done.late, done.over], [NOW - 20 * 60000, 0, true]);
});

test('an order that ended on the way has no work and is not late', () => {
  const b = gantt.bar(order({ state: 'declined', actual: { start: null, arrive: null, end: at(-15) } }), NOW);
  assert.deepEqual([b.travel.to, b.work.to - b.work.from, b.late], [NOW - 15 * 60000, 0, 0]);
});

const crew = (id, more) => ({ id, code: `c${id}`, name: `Crew ${id}`, state: 'available', on_shift: true, shift: [{ starts: at(-120), ends: at(360) }], orders: [], proposed: [], ...more });
const board = () => ({
  crews: [crew(10), crew(2, { orders: [order()], state: 'en_route' }), crew(3, { proposed: [order({ number: null, row: 0, incident: 7, incident_number: 'I-7', state: 'proposed', held: false, late_s: 240, planned: { start: at(0), arrive: at(9), end: at(90) } })] }), crew(4, { on_shift: false, shift: [] })],
  waiting: [{ incident: 7, kind: 'repair', number: 'I-7' }, { incident: 9, kind: 'valves', number: 'I-9' }], plan: { version: 3 },
});

test('off shift and without work there is no row; rows stand by code as people count', () => {
  const window = gantt.stretch(NOW, 6);
  assert.deepEqual(gantt.rowsOf(board().crews, window).map((c) => c.id), [2, 3, 10]);
  assert.deepEqual(gantt.rowsOf(board().crews, window, 'busy').map((c) => c.id), [2, 3]);
  assert.deepEqual(gantt.rowsOf(board().crews, window, 'free').map((c) => c.id), [10]);
});

test('arrows lead along a row, and up and down to the bar nearest in time', () => {
  const b = board();
  const rows = gantt.cells(b.waiting, gantt.rowsOf(b.crews, gantt.stretch(NOW, 6)), NOW);
  const path = (start, ...keys) => keys.reduce((id, key) => gantt.go(rows, id, `Arrow${key}`), start);
  assert.equal(gantt.go(rows, null, 'ArrowDown'), 'wait-7-repair');
  assert.equal(path('wait-7-repair', 'Right'), 'wait-9-valves');
  assert.equal(path('wait-9-valves', 'Down'), 'crewrow-2');
  assert.equal(path('crewrow-2', 'Right'), 'bar-W-1');
  assert.equal(path('bar-W-1', 'Down'), 'bar-p7-repair-0');
  assert.equal(path('bar-p7-repair-0', 'Down'), 'crewrow-10');
  assert.equal(path('crewrow-10', 'Down', 'Down'), 'crewrow-10');
  assert.equal(gantt.go(rows, 'bar-W-1', 'Home'), 'crewrow-2');
});

test('an event changes the board where it can, and asks for it again where it cannot', () => {
  const b = board();
  assert.equal(gantt.patch(b, 'order.changed', { number: 'W-1', crew: 2, state: 'on_site', action: 'arrive', at: at(1), eta_at: null }), false);
  assert.deepEqual([b.crews[1].orders[0].actual.arrive, b.crews[1].orders[0].movable], [at(1), false]);
  assert.equal(gantt.patch(b, 'crew.changed', { crew: 2, state: 'on_site' }), false);
  assert.equal(b.crews[1].state, 'on_site');
  assert.equal(gantt.patch(b, 'positions', { crews: [{ id: 2, lon: 1, lat: 2, fix_time: at(0) }] }), false);
  assert.equal(b.crews[1].fix_time, at(0));
  for (const [name, data] of [['order.changed', { number: 'W-9', crew: 3, state: 'dispatched' }], ['order.changed', { number: 'W-1', crew: 3, state: 'dispatched' }], ['order.changed', { number: 'W-1', crew: 2, state: 'completed', action: 'complete', at: at(2) }], ['crew.changed', { crew: 99, state: 'available' }], ['plan.changed', {}]]) {
    assert.equal(gantt.patch(b, name, data), true, name);
  }
});

test('what another crew costs is one sentence, and small change elsewhere is left out', () => {
  assert.equal(sentence({ minutes_later: 4.2, others: [{ incident: 17, number: 'I-17', minutes_later: 12 }, { incident: 18, number: 'I-18', minutes_later: 0.3 }], breaches: ['I-17'], total_s: 1 }), 'here +4 min; I-17 +12 min and late');
  assert.equal(sentence({ minutes_later: 0, others: [{ incident: 3, number: 'I-3', minutes_later: null, waits: true }], breaches: [{ incident: 3, number: 'I-3' }], total_s: 0 }), 'here ±0 min; I-3 has nobody');
  assert.equal(sentence({ minutes_later: null, others: [], total_s: null }), 'here: no way there');
  assert.equal(sentence({ minutes_later: -1, others: [], total_s: 0 }), 'here −1 min');
});

test('how long nobody answers is counted, with the moment of the next offer', () => {
  assert.equal(noAnswer({ dispatched_at: at(-2), answer_by: at(1) }, NOW + 10000), 'no answer for 2:10, re-offered at 3:00');
  assert.equal(noAnswer({ dispatched_at: at(-2), answer_by: null }, NOW), '');
});

test('the proposal is a list of what would change, soonest first', () => {
  assert.equal(outcome({ sent: [{}, {}], queued: [{}], refused: [{ text: 'Crew 3 has just been sent elsewhere.' }] }), '2 orders are sent. 1 stays planned, after what the crew has. Crew 3 has just been sent elsewhere.');
  assert.deepEqual(changes(board()).map((c) => [c.incident, c.crew.name, c.now, c.first]), [['I-7', 'Crew 3', null, true]]);
});

// -- replay ---------------------------------------------------------------------------------------

const replay = await js('replay/clock.js');
const { fromZone } = await js('replay/replay.js');
const past = await js('replay/past.js');

test('the first moment of a record is not before its first event, which counts in microseconds', () => {
  const first = '2026-11-27T00:10:01.763482Z';
  assert.equal(replay.beginning(first), Date.parse('2026-11-27T00:10:01.764Z'));
  assert.equal(replay.beginning(null), null);
});

test('the clock of a replay runs at its speed, stops at now and never leaves the record', () => {
  let clock = { ...replay.clockAt(1000), playing: true, speed: 60 };
  clock = replay.tick(clock, 500, 100000);
  assert.equal(clock.at, 31000);
  clock = replay.tick(clock, 5000, 100000);
  assert.deepEqual([clock.at, clock.playing], [100000, false]);
  assert.equal(replay.seek(clock, -5, { from: 10, to: 20 }).at, 10);
  assert.equal(replay.faster({ ...clock, speed: 600 }, 1).speed, 600);
  assert.equal(replay.faster({ ...clock, speed: 60 }, -1).speed, 10);
});

test('the slider shows one burst beside a hundred calls', () => {
  const columns = replay.stack({ calls: [100, 0, 0, 0], incidents: [0, 0, 1, 0] }, 4);
  assert.deepEqual(columns.map((c) => [c.family, c.x]), [['calls', 0], ['incidents', 0.5]]);
  assert.ok(columns[1].height >= 0.1 && columns[0].height === 1);
  assert.deepEqual(replay.stack({}, 4), []);
  assert.equal(replay.stack({ calls: [1, 1, 1, 1] }, 2).length, 2);
});

test('a time typed in the zone of the utility is that moment, in summer and in winter', () => {
  assert.equal(new Date(fromZone('2026-07-01T12:00', 'Europe/Helsinki')).toISOString(), '2026-07-01T09:00:00.000Z');
  assert.equal(new Date(fromZone('2026-01-01T12:00', 'Asia/Shanghai')).toISOString(), '2026-01-01T04:00:00.000Z');
});

test('a ticket of an incident on the map is told by the incident', () => {
  const picture = { closures: { type: 'FeatureCollection', features: [] }, incidents: { features: [{ properties: { id: 1 } }] }, water: { dry: [[1, 2]], back: [] }, valves: [{ id: 'V1', state: 'cannot_close', lon: 1, lat: 2 }], calls: [{ id: 'c', state: 'talking', lon: null, lat: null }], tickets: [{ number: 'T-1', incident: 1, kind: 'burst', lon: 1, lat: 2 }, { number: 'T-2', incident: null, kind: 'meter', lon: 3, lat: 4 }] };
  const drawn = past.layersOf(picture);
  assert.deepEqual(drawn['past-tickets'].features.map((f) => f.properties.number), ['T-2']);
  assert.equal(drawn['past-valves'].features[0].properties.icon, 'valve-seized');
  assert.deepEqual([drawn['past-dry'].features.length, drawn['past-calls'].features.length], [1, 0]);
});
