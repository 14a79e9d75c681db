// The roster's days and hours, in Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const week = await import(new URL('../../server/static/js/crews/week.js', import.meta.url).href);
const HELSINKI = 'Europe/Helsinki';

test('a moment stands on the day and at the time of the utility\'s clock', () => {
  assert.deepEqual(week.wall('2026-03-01T22:30:00Z', HELSINKI), { day: '2026-03-02', time: '00:30' });
  assert.deepEqual(week.wall('2026-07-01T20:00:00Z', 'Asia/Shanghai'), { day: '2026-07-02', time: '04:00' });
});

test('a week begins on Monday, over the end of a year too', () => {
  assert.equal(week.monday('2026-01-01'), '2025-12-29');
  assert.equal(week.monday('2026-03-02'), '2026-03-02');
  assert.equal(week.shifted('2026-12-31', 1), '2027-01-01');
});

test('a copied night keeps its times on the wall when the clocks change', () => {
  const night = { starts: '2026-03-20T18:00:00Z', ends: '2026-03-21T06:00:00Z' };
  assert.deepEqual(week.pasted(night, '2026-03-28', HELSINKI), { starts: '2026-03-28T20:00', ends: '2026-03-29T08:00' });
});

test('leave until midnight does not touch the day after', () => {
  const days = ['2026-03-01', '2026-03-02', '2026-03-03'];
  assert.deepEqual(week.touching({ starts: '2026-02-28T22:00:00Z', ends: '2026-03-02T22:00:00Z' }, days, HELSINKI), ['2026-03-01', '2026-03-02']);
});

test('hours are told as short as they can be', () => {
  assert.equal(week.short('08:00', '20:00'), '08–20');
  assert.equal(week.short('22:30', '06:00'), '22:30–06');
});

test('a day has 25 hours when the clocks go back', () => {
  const start = Date.parse('2026-10-24T21:00:00Z');
  const hours = Array.from({ length: 49 }, (_, n) => new Date(start + n * 3600e3).toISOString());
  const days = week.byDay(hours, hours.map(() => 1), HELSINKI);
  assert.deepEqual(Object.entries(days).map(([d, h]) => [d, h.length]), [['2026-10-25', 25], ['2026-10-26', 24]]);
});

test('hours without anybody are told as stretches, what is over is left out', () => {
  const hours = ['08', '09', '10', '11', '12', '13'].map((h) => `2026-03-02T${h}:00:00.000Z`);
  assert.deepEqual(week.holes(hours, [0, 0, 1, 0, 0, 2], Date.parse('2026-03-02T09:30:00Z')), [
    { starts: '2026-03-02T09:00:00.000Z', ends: '2026-03-02T10:00:00.000Z' }, { starts: '2026-03-02T11:00:00.000Z', ends: '2026-03-02T13:00:00.000Z' },
  ]);
});
