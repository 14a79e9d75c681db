// Watched areas on the dispatch page: what is drawn, what the form asks for. In Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { areaData } = await js('map/areas.js');
const { areaForm, areaRow, atFields, fieldsOf, requestOf } = await js('dispatch/area-form.js');

const RING = [[24.9, 60.1], [24.91, 60.1], [24.91, 60.11]];
const area = (id, kind = 'danger', more = {}) => ({ type: 'Feature', geometry: { type: 'Polygon', coordinates: [RING] }, properties: { id, kind, name: `Area ${id}`, kind_label: kind, dwell_s: null, ...more } });

test('minutes of staying are asked of the server in seconds, and none is nobody told', () => {
  assert.deepEqual(requestOf({ name: 'Pit', name_zh: '坑', kind: 'danger', minutes: '15' }, RING), { name: 'Pit', name_zh: '坑', kind: 'danger', corners: RING, dwell_s: 900 });
  assert.equal(requestOf({ minutes: ' 1,5 ' }, RING).dwell_s, 90);
  assert.equal(requestOf({ minutes: '  ' }, RING).dwell_s, null);
});

test('a time that is no number goes as it was typed, so that it is refused and not forgotten', () => {
  assert.equal(requestOf({ minutes: 'ten' }, RING).dwell_s, 'ten');
  assert.equal(requestOf({ minutes: '0' }, RING).dwell_s, 0);
});

test('the form of an area there is holds what it is, and asks for the same again', () => {
  for (const dwell of [null, 7, 90, 100, 604800]) {
    const there = area(3, 'depot', { names: { en: 'Yard', zh: '场地' }, name: '场地', dwell_s: dwell });
    const asked = requestOf(fieldsOf(there), RING);
    assert.deepEqual(asked, { name: 'Yard', name_zh: '场地', kind: 'depot', corners: RING, dwell_s: dwell });
  }
  assert.match(areaForm(RING, { problems: {}, drawing: false, changes: 'Yard' }).text, /<h3>Change Yard<\/h3>/);
});

test('a refusal stands at its field, one of no field above the form', () => {
  const problems = atFields([{ field: 'name', text: 'Give it a name.' }, { field: '', text: 'No line.' }, { field: 'key', text: 'Again.' }]);
  assert.deepEqual(problems, { name: 'Give it a name.', '': 'No line. Again.' });
  const form = areaForm(RING, { problems, drawing: false }).text;
  assert.match(form, /<input id="area-name"[^>]*aria-invalid="true" aria-describedby="area-error-name"/);
  assert.match(form, /id="area-error-name"[^>]*data-field="name">Give it a name\./);
  assert.doesNotMatch(form, /<input id="area-minutes"[^>]*aria-invalid/);
});

test('a hidden layer shows nothing but the area under the eyes', () => {
  const areas = [area(1), area(2, 'depot')];
  const drawn = (on, chosen) => areaData(areas, on, chosen).features.map((f) => [f.properties.id, f.properties.chosen]);
  assert.deepEqual(drawn(true, 2), [[1, false], [2, true]]);
  assert.deepEqual(drawn(false, 2), [[2, true]]);
  assert.deepEqual(drawn(false, null), []);
});

test('who may only look has no button to remove, and a name is never markup', () => {
  const row = areaRow(area(1, 'danger', { name: '<b>Pit</b>', dwell_s: 600 }), false, false).text;
  assert.doesNotMatch(row, /area-remove|area-change/);
  assert.match(row, /&lt;b&gt;Pit/);
  assert.match(areaRow(area(1), true, false).text, /data-testid="area-remove"/);
});
