// @ts-check
// Signs of the engineer's map, drawn on a canvas. What something is stands in its shape; colour only adds.
import { addIcons } from '../map/icons.js';
import { PALETTE } from '../map/style.js';

const SCALE = 2;

/** Colours beside those of every map. */
export const MORE = {
  light: { sewer: '#7a4a1e', sewerSoft: '#a9835c', zone: '#6a3fa0', dma: '#0f7d6c', trace: '#b0267e', picked: '#f5a300', station: '#5d4aa8', source: '#08306b', node: '#43566a', measure: '#16202a', arrow: '#ffffff' },
  dark: { sewer: '#c99a66', sewerSoft: '#8a6a45', zone: '#b79af0', dma: '#4fd0b5', trace: '#ff8fcf', picked: '#ffc84a', station: '#a99af0', source: '#b8dcff', node: '#9fb4c6', measure: '#f2f6f9', arrow: '#08131d' },
};

/** @param {number} size @param {(pen: CanvasRenderingContext2D) => void} draw */
function picture(size, draw) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * SCALE;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.scale(SCALE, SCALE);
  pen.lineJoin = 'round';
  pen.lineCap = 'round';
  draw(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** Name of a valve's sign from its attributes, as an expression. */
export const valveSign = ['concat', 'v-',
  ['case', ['==', ['get', 'state'], 'closed'], 'closed', 'open'],
  ['match', ['get', 'operable'], 'no', '-seized', 'unknown', '-unknown', ''],
  ['case', ['==', ['to-string', ['get', 'accessible']], 'false'], '-buried', ''],
  ['case', ['!=', ['==', ['get', 'state'], 'closed'], ['!', ['to-boolean', ['get', 'normally_open']]]], '-odd', '']];

/** @param {CanvasRenderingContext2D} pen @param {[number, number][]} points @param {boolean} [close] */
function path(pen, points, close = true) {
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  if (close) pen.closePath();
}

/** One valve: bow-tie hollow (open) or filled (closed); crossed (seized); with a mark of doubt; under a
 * ground line (paved over); in a ring when it stands as it should not.
 * @param {CanvasRenderingContext2D} pen @param {any} c @param {{closed: boolean, turns: string, buried: boolean, odd: boolean}} v */
export function drawValve(pen, c, v) {
  const [x, y, w, h] = [15, 16, 9, 6];
  const ink = v.closed ? c.off : c.valve;
  if (v.odd) { pen.beginPath(); pen.arc(x, y, 13, 0, 7); pen.fillStyle = c.paper; pen.globalAlpha = 0.75; pen.fill(); pen.globalAlpha = 1; pen.lineWidth = 2.2; pen.strokeStyle = c.off; pen.stroke(); }
  const bow = () => path(pen, [[x - w, y - h], [x + w, y + h], [x + w, y - h], [x - w, y + h]]);
  bow(); pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke();
  pen.fillStyle = v.closed ? ink : c.paper; pen.fill();
  pen.lineWidth = 2; pen.strokeStyle = ink; pen.stroke();
  if (v.turns === 'seized') {
    const cross = () => { pen.beginPath(); pen.moveTo(x - 8, y - 9); pen.lineTo(x + 8, y + 9); pen.moveTo(x + 8, y - 9); pen.lineTo(x - 8, y + 9); pen.stroke(); };
    pen.lineWidth = 5; pen.strokeStyle = c.paper; cross();
    pen.lineWidth = 2.6; pen.strokeStyle = c.ink; cross();
  }
  if (v.turns === 'unknown') { pen.font = '600 12px "Standpipe Sans", sans-serif'; pen.textAlign = 'center'; pen.lineWidth = 3.5; pen.strokeStyle = c.paper; pen.strokeText('?', x + 10, y - 5); pen.fillStyle = c.ink; pen.fillText('?', x + 10, y - 5); }
  if (v.buried) {
    pen.lineWidth = 2; pen.strokeStyle = c.ink;
    pen.beginPath(); pen.moveTo(x - 10, y - 10); pen.lineTo(x + 6, y - 10); pen.stroke();
    for (const dx of [-8, -4, 0, 4]) { pen.beginPath(); pen.moveTo(x + dx, y - 10); pen.lineTo(x + dx + 3, y - 14); pen.lineWidth = 1.4; pen.stroke(); }
  }
}

/** Register all signs; those of dispatch too (hatch, numbered discs). @param {any} map @param {'light' | 'dark'} theme */
export function addSigns(map, theme) {
  addIcons(map, theme);
  const c = { ...PALETTE[theme], ...MORE[theme] };
  /** @param {string} name @param {number} size @param {(pen: CanvasRenderingContext2D) => void} draw */
  const add = (name, size, draw) => { if (map.hasImage(name)) map.removeImage(name); map.addImage(name, picture(size, draw), { pixelRatio: SCALE }); };
  for (const closed of [false, true]) for (const turns of ['', '-seized', '-unknown']) for (const buried of ['', '-buried']) for (const odd of ['', '-odd']) {
    add(`v-${closed ? 'closed' : 'open'}${turns}${buried}${odd}`, 30, (pen) => drawValve(pen, c, { closed, turns: turns.slice(1), buried: Boolean(buried), odd: Boolean(odd) }));
  }
  for (const [name, sign] of Object.entries(SIGNS)) add(name, sign.size, (pen) => sign.draw(pen, c));
}

/** @param {CanvasRenderingContext2D} pen @param {any} c @param {string} ink */
function coat(pen, c, ink) { pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke(); pen.fillStyle = c.paper; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = ink; pen.stroke(); }

/** All signs of one shape; those on lines point to the right, which is the way of the line.
 * @type {Record<string, {size: number, draw: (pen: CanvasRenderingContext2D, c: any) => void}>} */
export const SIGNS = {
  'n-flow': { size: 12, draw: (pen, c) => { path(pen, [[2, 1.5], [10.5, 6], [2, 10.5], [4.2, 6]]); pen.lineWidth = 1.2; pen.strokeStyle = c.halo; pen.stroke(); pen.fillStyle = c.main; pen.fill(); } },
  'n-sewer-flow': { size: 12, draw: (pen, c) => { path(pen, [[2.5, 2], [9.5, 6], [2.5, 10]], false); pen.lineWidth = 4; pen.strokeStyle = c.halo; pen.stroke(); pen.lineWidth = 1.8; pen.strokeStyle = c.sewer; pen.stroke(); } },
  'n-trace-flow': { size: 16, draw: (pen, c) => { path(pen, [[3, 2], [14, 8], [3, 14], [6, 8]]); pen.lineWidth = 2.5; pen.strokeStyle = c.halo; pen.stroke(); pen.fillStyle = c.trace; pen.fill(); } },
  'n-pump': { size: 26, draw: (pen, c) => { pen.beginPath(); pen.arc(13, 13, 9.5, 0, 7); coat(pen, c, c.main); path(pen, [[8.2, 6.5], [20, 13], [8.2, 19.5]]); pen.fillStyle = c.main; pen.fill(); } },
  'n-prv': { size: 28, draw: (pen, c) => { path(pen, [[4, 7], [24, 19], [24, 7], [4, 19]]); coat(pen, c, c.main); path(pen, [[14, 13], [24, 7], [24, 19]]); pen.fillStyle = c.main; pen.fill(); pen.beginPath(); pen.moveTo(8, 24.5); pen.lineTo(19, 24.5); pen.moveTo(15.5, 22); pen.lineTo(19.5, 24.5); pen.lineTo(15.5, 27); pen.lineWidth = 1.6; pen.strokeStyle = c.main; pen.stroke(); } },
  'n-check': { size: 24, draw: (pen, c) => { path(pen, [[5, 5], [18, 12], [5, 19]]); coat(pen, c, c.main); pen.beginPath(); pen.moveTo(19.5, 5); pen.lineTo(19.5, 19); pen.lineWidth = 2.6; pen.stroke(); } },
  'n-throttle': { size: 24, draw: (pen, c) => { path(pen, [[4, 6], [20, 18], [20, 6], [4, 18]]); coat(pen, c, c.main); pen.beginPath(); pen.arc(12, 12, 2.4, 0, 7); pen.fillStyle = c.main; pen.fill(); } },
  'n-hydrant': { size: 18, draw: (pen, c) => { pen.beginPath(); pen.arc(9, 9, 5.5, 0, 7); coat(pen, c, c.hydrant); pen.beginPath(); pen.arc(9, 9, 2, 0, 7); pen.fillStyle = c.hydrant; pen.fill(); } },
  'n-hydrant-fire': { size: 22, draw: (pen, c) => { pen.beginPath(); pen.rect(3, 3, 16, 16); coat(pen, c, c.hydrant); pen.beginPath(); pen.arc(11, 11, 5, 0, 7); pen.fillStyle = c.hydrant; pen.fill(); } },
  'n-tank': { size: 28, draw: (pen, c) => { path(pen, [[5, 5], [23, 5], [23, 18], [17, 18], [17, 24], [11, 24], [11, 18], [5, 18]]); coat(pen, c, c.source); pen.beginPath(); pen.rect(6.5, 11, 15, 6); pen.fillStyle = c.source; pen.fill(); } },
  'n-reservoir': { size: 28, draw: (pen, c) => { path(pen, [[4, 6], [24, 6], [20, 22], [8, 22]]); coat(pen, c, c.source); path(pen, [[6, 12], [22, 12], [19.5, 21], [8.5, 21]]); pen.fillStyle = c.source; pen.fill(); } },
  'n-station': { size: 24, draw: (pen, c) => { pen.beginPath(); pen.rect(4, 4, 16, 16); coat(pen, c, c.station); path(pen, [[12, 6.5], [17, 14], [7, 14]]); pen.fillStyle = c.station; pen.fill(); pen.beginPath(); pen.moveTo(8, 17); pen.lineTo(16, 17); pen.lineWidth = 2; pen.strokeStyle = c.station; pen.stroke(); } },
  'n-manhole': { size: 14, draw: (pen, c) => { pen.beginPath(); pen.arc(7, 7, 4.5, 0, 7); coat(pen, c, c.sewer); pen.beginPath(); pen.moveTo(4.4, 7); pen.lineTo(9.6, 7); pen.lineWidth = 1.4; pen.stroke(); } },
  'n-gully': { size: 12, draw: (pen, c) => { pen.beginPath(); pen.rect(3, 3, 6, 6); coat(pen, c, c.sewer); } },
  'n-outfall': { size: 22, draw: (pen, c) => { path(pen, [[4, 5], [18, 11], [4, 17]]); coat(pen, c, c.sewer); pen.fillStyle = c.sewer; pen.fill(); } },
  'n-sewage-pump': { size: 22, draw: (pen, c) => { pen.beginPath(); pen.arc(11, 11, 7.5, 0, 7); coat(pen, c, c.sewer); path(pen, [[7, 6.5], [16, 11], [7, 15.5]]); pen.fillStyle = c.sewer; pen.fill(); } },
  'n-node': { size: 8, draw: (pen, c) => { pen.beginPath(); pen.arc(4, 4, 2.2, 0, 7); pen.fillStyle = c.node; pen.fill(); pen.lineWidth = 1; pen.strokeStyle = c.halo; pen.stroke(); } },
  'n-stuck': { size: 34, draw: (pen, c) => { pen.lineWidth = 6; pen.strokeStyle = c.paper; path(pen, [[6, 6], [28, 28]], false); pen.stroke(); path(pen, [[28, 6], [6, 28]], false); pen.stroke(); pen.lineWidth = 3.2; pen.strokeStyle = c.trace; path(pen, [[6, 6], [28, 28]], false); pen.stroke(); path(pen, [[28, 6], [6, 28]], false); pen.stroke(); } },
  'n-shut': { size: 34, draw: (pen, c) => { pen.beginPath(); pen.rect(4, 4, 26, 26); pen.lineWidth = 6; pen.strokeStyle = c.paper; pen.stroke(); pen.lineWidth = 3.2; pen.strokeStyle = c.trace; pen.stroke(); } },
};
