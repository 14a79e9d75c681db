// The dispatch page's own modules, in Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { makePage } = await js('dispatch/page.js');

const host = () => makePage({ select: () => {}, selected: () => null, mayAct: true, tools: null, legend: null });

test('a part that came before the map gets it when it is drawn, one that came after gets it at once', () => {
  const made = host();
  const seen = [];
  made.page.whenMap((map) => seen.push(['before', map.name]));
  assert.equal(made.page.map, null);
  made.drawn({ name: 'map' });
  made.page.whenMap((map) => seen.push(['after', map.name]));
  assert.deepEqual(seen, [['before', 'map'], ['after', 'map']]);
});

test('parts hear once that the past is shown, where it moves to, and that it is over', () => {
  const made = host();
  const heard = [];
  made.page.onReplay((at) => heard.push([at, made.page.replaying()]));
  for (const at of ['2026-03-01T02:00:00Z', '2026-03-01T02:00:00Z', '2026-03-01T02:00:01Z', null, null]) made.tellReplay(at);
  assert.deepEqual(heard, [['2026-03-01T02:00:00Z', true], ['2026-03-01T02:00:01Z', true], [null, false]]);
});
