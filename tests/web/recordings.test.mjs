// The picture of a recording's sound, and pins of calls, in Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { path, picture, rows, share, squeeze } = await js('recordings/wave.js');

test('however long the call, the loudest moments stay in the picture', () => {
  const peaks = Array.from({ length: 36000 }, (_, i) => (i === 17999 ? 255 : 3));
  const small = squeeze(peaks, 600);
  assert.equal(small.length, 600);
  assert.equal(Math.max(...small), 255);
  assert.equal(small.indexOf(255), Math.floor((17999 * 600) / 36000));
  assert.deepEqual(squeeze([1, 2, 3], 600), [1, 2, 3]);
});

test('silence is a thin line, full loudness fills the row', () => {
  assert.equal(path([0], 40), 'M0.5 19.5V20.5');
  assert.equal(path([255], 40), 'M0.5 0.0V40.0');
});

test('a place in the sound stays inside it', () => {
  assert.equal(share(30, 60), 0.5);
  assert.equal(share(-3, 60), 0);
  assert.equal(share(99, 60), 1);
  assert.equal(share(5, 0), 0);
});

test('both voices have a row each; a message has one', () => {
  const leg = (name) => ({ leg: name, label: name, peaks: [1, 2] });
  assert.deepEqual(rows([leg('both'), leg('caller'), leg('agent')]).map((l) => l.leg), ['caller', 'agent']);
  assert.deepEqual(rows([leg('message')]).map((l) => l.leg), ['message']);
  assert.deepEqual(rows([{ ...leg('both'), peaks: [] }]), []);
});

test('what was silent for payment is hatched where it was', () => {
  const peaks = new Array(100).fill(9);
  const drawn = String(picture({ seconds: 10, pauses: [{ from_s: 2, to_s: 5 }], legs: [{ leg: 'both', label: '<both>', peaks }] }));
  assert.match(drawn, /class="pause" x="20\.0" y="0" width="30\.0"/);
  assert.ok(!drawn.includes('<both>'));
});
