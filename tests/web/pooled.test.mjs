// Many news, one reading. In Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const { pooled } = await import(new URL('../../server/static/js/pooled.js', import.meta.url).href);

test('news of a busy second are one reading at its end, and what comes later is another', () => {
  const set = [];
  globalThis.window = { setTimeout: (run, ms) => { set.push({ run, ms }); return set.length; } };
  let ran = 0;
  const soon = pooled(() => { ran += 1; }, 700);
  soon(); soon(); soon();
  assert.deepEqual([set.length, set[0].ms, ran], [1, 700, 0]);
  set[0].run();
  assert.equal(ran, 1);
  soon();
  assert.equal(set.length, 2);
  delete globalThis.window;
});

test('news that comes while it runs is not lost', () => {
  const set = [];
  globalThis.window = { setTimeout: (run) => { set.push(run); return set.length; } };
  const soon = pooled(() => { soon(); }, 1);
  soon();
  set[0]();
  assert.equal(set.length, 2);
  delete globalThis.window;
});
