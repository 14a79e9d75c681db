// The pure modules of the pages, in Node without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const js = (name) => import(new URL(`../../server/static/js/${name}`, import.meta.url).href);
const { html, escape } = await js('html.js');
const { fill, gettext, ngettext } = await js('i18n.js');
const time = await js('time.js');
const { share } = await js('share.js');
const { cookie, problems, Refused } = await js('api.js');
const { parser, backoff, hold } = await js('sse.js');
const { byBreach, move, nextKind, bars } = await js('dispatch/order.js');
const { nameOf } = await js('keys.js');
const layers = await js('map/layers.js');
const { changes } = await js('amend.js');
const { totals } = await js('dispatch/rows.js');
const { relevant, questions, KINDS } = await js('desk/questions.js');
const { matches, direct } = await js('command.js');
const { style } = await js('map/style.js');
const period = await js('ledger/period.js');
const { planHydraulics } = await js('plan-hydraulics.js');

test('a name with markup in it stays text', () => {
  const evil = '<img src=x onerror=alert(1)>"\'`&';
  assert.equal(String(html`<b title="${evil}">${evil}</b>`), `<b title="${escape(evil)}">${escape(evil)}</b>`);
  assert.ok(!String(html`${evil}`).includes('<img'));
  assert.equal(String(html`<ul>${['<', html`<li>${1}</li>`, null, false, 0]}</ul>`), '<ul>&lt;<li>1</li>0</ul>');
});

test('named values are filled, unknown names stay visible', () => {
  assert.equal(fill('%(a)s of %(b)s', { a: 1 }), '1 of %(b)s');
  assert.equal(gettext('%(n)s min', { n: 3 }), '3 min');
  assert.equal(ngettext('%(count)s day', '%(count)s days', 2), '2 days');
});

test('time is shown as what matters', () => {
  const now = Date.parse('2026-11-23T03:00:00Z');
  assert.deepEqual(time.until('2026-11-23T03:12:30Z', now), { level: 'soon', text: '12 min to breach', seconds: 750 });
  assert.equal(time.until('2026-11-23T02:56:00Z', now).text, '4 min late');
  assert.equal(time.until('2026-11-23T02:56:00Z', now).level, 'late');
  assert.equal(time.until('2026-11-23T05:00:00Z', now).level, 'ok');
  assert.equal(time.until(null, now).seconds, Infinity);
  assert.equal(time.until('nonsense', now).level, 'none');
  assert.equal(time.span(40), '40 s');
  assert.equal(time.span(3 * 3600 + 5 * 60), '3 h 5 min');
  assert.equal(time.span(50 * 3600), '2 days');
  assert.equal(time.stopwatch(75), '1:15');
  assert.equal(time.stopwatch(3675), '1:01:15');
  assert.equal(time.ago('2026-11-23T02:59:20Z', now), '40 s ago');
  assert.equal(time.clock('not a time'), '–');
});

test('nothing to divide by is a dash, never nought or a hundred per cent', () => {
  assert.equal(share(null), '–');
  assert.equal(share(NaN), '–');
  assert.equal(share(0), '0 %');
  assert.equal(share(0.943, 1), '94.3 %');
});

test('the cookie is found whatever stands around it', () => {
  assert.equal(cookie('a=1; standpipe_csrf=x%3Dy; b=2', 'standpipe_csrf'), 'x=y');
  assert.equal(cookie('xstandpipe_csrf=no', 'standpipe_csrf'), '');
});

test('every refusal has the one shape, a proxy page included', () => {
  assert.deepEqual(problems(400, { errors: [{ field: 'place', code: 'required', text: 'Where?' }] }), [{ field: 'place', code: 'required', text: 'Where?' }]);
  assert.equal(problems(403, null)[0].code, 'signed_out');
  assert.equal(problems(502, null).length, 1);
  assert.equal(new Refused(503, problems(503, null), null).again, true);
  assert.equal(new Refused(409, problems(409, null), null).again, false);
});

test('events come out whole however the bytes are cut', () => {
  const text = ': hi\nevent: a\nid: 7-1\ndata: {"x":1}\n\ndata: one\ndata: two\n\r\nid: 8-2\r\nevent: b\r\ndata: 3\r\n\r\n';
  for (let cut = 1; cut < text.length; cut += 1) {
    const seen = [];
    const feed = parser((m) => seen.push(m));
    feed(text.slice(0, cut)); feed(text.slice(cut));
    assert.deepEqual(seen.filter((m) => m.data), [
      { event: 'a', id: '7-1', data: '{"x":1}' }, { event: 'message', id: '7-1', data: 'one\ntwo' }, { event: 'b', id: '8-2', data: '3' }], `cut at ${cut}`);
  }
});

test('waiting between attempts grows, is bounded and differs between browsers', () => {
  assert.ok(backoff(0, 0) < backoff(3, 0));
  assert.ok(backoff(99, 1) <= 15000 * 1.25);
  assert.notEqual(backoff(3, 0), backoff(3, 1));
});

test('a broken stream comes back with the last id it saw', async () => {
  const asked = [];
  const news = [];
  let turn = 0;
  const body = (text) => new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode(text)); c.close(); } });
  const fetcher = async (_address, options) => {
    asked.push(options.headers['Last-Event-ID']);
    turn += 1;
    if (turn === 1) return { ok: true, status: 200, type: 'basic', body: body('event: a\nid: 5-9\ndata: 1\n\n') };
    if (turn === 2) return { ok: false, status: 502, type: 'basic', body: null };
    return { ok: true, status: 200, type: 'basic', body: body('event: b\nid: 6-1\ndata: 2\n\n') };
  };
  await new Promise((done) => {
    const stop = hold('/live', (n) => { news.push(n); if (n.event === 'b') { stop(); done(); } }, { fetcher });
  });
  assert.deepEqual(asked, [undefined, '5-9', '5-9']);
  assert.deepEqual(news.filter((n) => n.kind === 'event').map((n) => n.event), ['a', 'b']);
  assert.ok(news.some((n) => n.state === 'lost'));
});

test('the list is by time to breach; no clock comes last; ties go by priority and number', () => {
  const at = (m) => new Date(Date.UTC(2026, 10, 23, 3, m)).toISOString();
  const list = [{ number: 'I-10', priority: 'P1', due_at: null }, { number: 'I-2', priority: 'P2', due_at: at(9) }, { number: 'I-3', priority: 'P1', due_at: at(9) }, { number: 'I-9', priority: 'P3', due_at: at(1) }, { number: 'I-1', priority: 'P1', due_at: null }];
  assert.deepEqual(list.sort(byBreach).map((p) => p.number), ['I-9', 'I-3', 'I-2', 'I-1', 'I-10']);
});

test('j and k stop at the ends of the list', () => {
  assert.equal(move([], null, 1), null);
  assert.equal(move(['a', 'b'], null, 1), 'a');
  assert.equal(move(['a', 'b'], null, -1), 'b');
  assert.equal(move(['a', 'b'], 'b', 1), 'b');
  assert.equal(move(['a', 'b'], 'gone', 1), 'a');
});

test('Enter sends a first crew, never silently a second', () => {
  assert.equal(nextKind({ work_orders: [] }), 'repair');
  assert.equal(nextKind({ work_orders: [{ kind: 'repair', state: 'en_route' }] }), null);
  assert.equal(nextKind({ work_orders: [{ kind: 'repair', state: 'declined' }] }), 'repair');
  assert.equal(nextKind({ work_orders: [{ kind: 'notices', state: 'en_route' }] }), 'repair');
});

test('reasons become bars by share of the largest', () => {
  assert.deepEqual(bars([{ text: 'drive', weight: 200 }, { text: 'skill', weight: -50 }, { text: 'none', weight: 0 }]), [
    { text: 'drive', good: false, share: 1 }, { text: 'skill', good: true, share: 0.25 }, { text: 'none', good: false, share: 0 }]);
  assert.deepEqual(bars([]), []);
});

test('keys have one name on every keyboard', () => {
  const press = (key, more = {}) => nameOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more });
  assert.equal(press('k', { ctrlKey: true }), 'Ctrl-k');
  assert.equal(press('k', { metaKey: true }), 'Ctrl-k');
  assert.equal(press('Enter', { shiftKey: true }), 'Shift-Enter');
  assert.equal(press('?', { shiftKey: true }), '?');
  assert.equal(press('J'), 'j');
});

test('a crew off shift is not drawn; a stale one carries its age', () => {
  const now = Date.parse('2026-11-23T03:00:00Z');
  const crew = (more) => ({ id: 1, name: 'Crew 1', lon: 24.9, lat: 60.1, fix_time: '2026-11-23T02:59:50Z', state: 'available', ...more });
  const drawn = layers.crewData([crew({}), crew({ id: 2, state: 'off_duty' }), crew({ id: 3, fix_time: '2026-11-23T02:50:00Z', state: 'en_route', heading: 90 }), crew({ id: 4, lon: undefined })], 120, now);
  assert.deepEqual(drawn.features.map((f) => f.properties.id), [1, 3]);
  assert.equal(drawn.features[1].properties.label, 'Crew 1 (10 min)');
  assert.equal(drawn.features[1].properties.turn, 90);
  assert.equal(drawn.features[0].properties.stale, false);
});

test('the area without water closes its rings and lies around the pipe', () => {
  const area = layers.around({ type: 'LineString', coordinates: [[24.94, 60.17], [24.942, 60.17]] }, 20);
  assert.equal(area.coordinates.length, 1);
  const ring = area.coordinates[0][0];
  assert.deepEqual(ring[0], ring[ring.length - 1]);
  const [[w, s], [e, n]] = layers.bounds([area]);
  assert.ok(w < 24.94 && e > 24.942 && s < 60.17 && n > 60.17);
  assert.ok(Math.abs((n - 60.17) * 111320 - 20) < 0.5);
  assert.equal(layers.bounds([null]), null);
});

test('an incident sits on the map by shape and letter, one without a place does not', () => {
  const drawn = layers.incidentData([
    { geometry: { type: 'Point', coordinates: [1, 2] }, properties: { id: 1, number: 'I-1', kind: 'burst', priority: 'P1' } },
    { geometry: null, properties: { id: 2, number: 'I-2', kind: 'leak', priority: 'P2' } },
    { geometry: { type: 'Point', coordinates: [1, 2] }, properties: { id: 3, number: 'I-3', kind: 'unheard of', priority: 'P4' } }]);
  assert.deepEqual(drawn.features.map((f) => f.properties.icon), ['incident-P1-B', 'incident-P4-?']);
});

test('where the water is back the sign is hollow, under all others, and nobody is affected any more', () => {
  const open = { id: 1, number: 'I-1', kind: 'burst', priority: 'P1', state: 'repaired', customers_off: 4 };
  const over = { ...open, id: 2, number: 'I-2', state: 'restored', customers_off: 10 };
  const drawn = layers.incidentData([open, over].map((properties) => ({ geometry: { type: 'Point', coordinates: [1, 2] }, properties })));
  assert.deepEqual(drawn.features.map((f) => f.properties.icon), ['incident-P1-B', 'incident-over-B']);
  assert.ok(drawn.features[1].properties.sort < drawn.features[0].properties.sort);
  assert.equal(totals([over]), '1 without a crew · 0 customers affected');
  assert.equal(totals([open, over]), '2 without a crew · 4 customers affected');
});

test('only what differs from what was looked at is put right', () => {
  const ticket = { kind: 'leak', customer: 'Anna', note: 'wet', phone_masked: '040****101' };
  const typed = { kind: 'leak', name: 'Anna ', note: 'wet', phone: '' };
  assert.deepEqual(changes(ticket, typed, null), {});
  assert.deepEqual(changes(ticket, { ...typed, kind: 'burst', note: '' }, { lon: 1, lat: 2 }), { kind: 'burst', note: '', place: { lon: 1, lat: 2 } });
  assert.deepEqual(changes({ ...ticket, customer: undefined, note: undefined }, { ...typed, name: '', note: '', phone: ' 0401 ' }, null), { phone: '0401' });
});

test('answers to questions of another kind are not sent', () => {
  assert.deepEqual(relevant('burst', { spouting: 'yes', extent: 'unit', flooding: '' }), { spouting: 'yes' });
  assert.deepEqual(questions('unheard of'), []);
  assert.ok(KINDS.includes('burst') && KINDS.includes('enquiry'));
});

test('the command box knows numbers without asking the server', () => {
  assert.equal(direct('t-1001').length, 1);
  assert.equal(direct('I-4').length, 1);
  assert.equal(direct('Bulevardi').length, 0);
  assert.ok(matches('burst bule', 'Burst main', 'Bulevardi 6'));
  assert.ok(!matches('leak', 'Burst main', null));
});

test('the map style uses our tiles and fonts only, and no layer without a source', () => {
  const s = style('dark', { origin: 'http://127.0.0.1:1', fonts: { latin: 'http://127.0.0.1:1/a', bold: 'http://127.0.0.1:1/b', han: 'http://127.0.0.1:1/c' }, version: '9' });
  assert.equal(s.glyphs, undefined);
  for (const source of Object.values(s.sources)) assert.match(source.tiles[0], /^http:\/\/127\.0\.0\.1:1\/tiles\/.*\?v=9$/);
  for (const layer of s.layers) assert.ok(layer.type === 'background' || s.sources[layer.source], layer.id);
});

test('a period is the calendar one that holds the day, and its neighbours touch it', () => {
  assert.deepEqual(period.around('day', '2026-12-31'), ['2026-12-31', '2027-01-01']);
  assert.deepEqual(period.around('week', '2026-11-29'), ['2026-11-23', '2026-11-30'], 'Sunday ends the week');
  assert.deepEqual(period.around('month', '2024-02-29'), ['2024-02-01', '2024-03-01']);
  assert.deepEqual(period.around('year', '2026-07-01'), ['2026-01-01', '2027-01-01']);
  for (const unit of ['day', 'week', 'month', 'year', 'custom']) {
    const span = unit === 'custom' ? ['2026-03-27', '2026-04-02'] : period.around(unit, '2026-03-31');
    const [before, after] = [period.beside(unit, span, -1), period.beside(unit, span, 1)];
    assert.equal(before[1], span[0], unit);
    assert.equal(after[0], span[1], unit);
    assert.deepEqual(period.beside(unit, after, -1), span, unit);
  }
});

test('what a shut-off does outside is said in words, worst first, and names stay text', () => {
  assert.equal(String(planHydraulics(undefined)), '');
  assert.ok(String(planHydraulics({ status: 'pending' })).includes('Being computed'));
  const done = String(planHydraulics({
    status: 'done', from: '2026-11-26T04:00:00Z', hours: 3, below_service: 3, worst_node: 'J-1', worst_m: 4.2, worst_drop_m: 30, worst_at: '2026-11-26T05:00:00Z',
    below_premises: [{ premise: 'x', address: '<b>Mill Street 1</b>', least_m: 4.2, at: '2026-11-26T05:00:00Z' }],
    tanks: [{ id: 'T-01', hours: 3.37 }, { id: 'T-02', hours: null }],
    fire_lost: [{ hydrant: 'H-1', before_m3s: 0.06, after_m3s: 0.011, critical: true }],
    brown_water: { count: 2, premises: 5, streets: ['Mill Street'], pipes: [] },
    restoration: [{ valves: ['V-1', 'V-2'], premises: 9, turns: 40, lowest_m: 20, operable: 'yes', accessible: false, accepted: true, refused: [] }, { valves: ['V-3'], premises: 0, turns: 1, operable: 'yes', accessible: true, accepted: false, refused: ['too_high'] }],
    standpipes: [{ kind: 'standpipe', hydrant: 'H-9', persons: 40, litres_a_day: 400, farthest_m: 210, street: 'Mill Street' }],
    reopening: [{ sequence: 1, code: 'fill', asset: 'V-8', why: 'smallest', diameter_mm: 100 }],
  }));
  for (const said of ['3 more customers', 'J-1', 'T-01 is empty after 3.4 h', 'H-1', 'counted on', '60 to 11 L/s', '2 mains', 'V-1 + V-2', 'paved over', '9 customers back', 'pressure too high', '0.4 m³ a day', 'H-9', 'V-8 alone, DN100']) assert.ok(done.includes(said), said);
  assert.ok(!done.includes('T-02') && !done.includes('<b>Mill Street 1'));
  const blind = String(planHydraulics({ status: 'topology_only', why: 'timeout', reason: '"><script>', reopening: [] }));
  assert.ok(blind.includes('took too long') && !blind.includes('<script>'));
});

const { shapes, roundUp } = await js('wall/chart.js');

test("today's picture: bars of what came, a band where something was expected, gaps where nothing is known", () => {
  const none = Array(48).fill(null);
  const empty = shapes({ slot: 3, actual: none, expected: none, low: none, high: none, updated: none });
  assert.deepEqual([empty.bars.length, empty.line, empty.band, empty.top], [0, '', '', 5]);
  const list = (values) => [...values, ...Array(48 - values.length).fill(null)];
  const s = shapes({ slot: 2, actual: list([4, 0, 12]), expected: list([5, 5, 5]), low: list([2, 2, 2]), high: list([9, 9, 9]), updated: none });
  assert.deepEqual(s.bars.map((b) => b.over), [false, true]);
  assert.equal(s.top, 20);
  assert.ok(s.bars[1].y < s.bars[0].y && Math.abs(s.bars[1].y + s.bars[1].height - 100) < 1e-9);
  assert.equal((s.line.match(/M/g) || []).length, 1);
  assert.equal(s.now, 20);
  assert.deepEqual([4, 6, 11, 99, 1800].map(roundUp), [5, 10, 20, 100, 2000]);
});
