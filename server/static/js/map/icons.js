// @ts-check
// Map signs drawn by us on a canvas: shape for priority, letter for kind, form for a crew's state.
import { PALETTE } from './style.js';

const SIZE = 36;
const SCALE = 2;

/** @param {(pen: CanvasRenderingContext2D) => void} draw @param {number} [size] */
export function picture(draw, size = SIZE) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * SCALE;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.scale(SCALE, SCALE);
  pen.lineJoin = 'round';
  pen.lineCap = 'round';
  draw(pen);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

/** @param {CanvasRenderingContext2D} pen @param {number} sides @param {number} radius @param {number} turn */
function polygon(pen, sides, radius, turn) {
  pen.beginPath();
  for (let i = 0; i < sides; i += 1) {
    const angle = turn + (i / sides) * 2 * Math.PI;
    pen.lineTo(SIZE / 2 + radius * Math.cos(angle), SIZE / 2 + radius * Math.sin(angle));
  }
  pen.closePath();
}

/** P1 octagon, P2 diamond, P3 circle, P4 square: readable without colour. Over: a smaller circle.
 * @param {CanvasRenderingContext2D} pen @param {string} priority */
function outline(pen, priority) {
  if (priority === 'P1') polygon(pen, 8, 15, Math.PI / 8);
  else if (priority === 'P2') polygon(pen, 4, 16.5, 0);
  else if (priority === 'P3') { pen.beginPath(); pen.arc(SIZE / 2, SIZE / 2, 13, 0, 2 * Math.PI); }
  else if (priority === 'P4') { pen.beginPath(); pen.rect(6.5, 6.5, 23, 23); }
  else { pen.beginPath(); pen.arc(SIZE / 2, SIZE / 2, 11, 0, 2 * Math.PI); }
}

const PRIORITY = { P1: ['#d3311a', '#ffffff'], P2: ['#ef8a1d', '#1d1104'], P3: ['#f2c230', '#1d1504'], P4: ['#7d8892', '#ffffff'] };
/** @type {Record<string, string>} */
export const LETTER = { burst: 'B', leak: 'L', no_water: 'N', low_pressure: 'P', quality: 'Q', discoloured: 'Q', meter: 'M', hydrant: 'H', sewer: 'S', construction: 'C', defect: 'D', planned: 'W', enquiry: 'E' };

/** Register every sign on a map. @param {any} map @param {'light' | 'dark'} theme */
export function addIcons(map, theme) {
  const c = PALETTE[theme];
  const free = theme === 'dark' ? '#4fd093' : '#12714a';
  const moving = theme === 'dark' ? '#5fa5ff' : '#1d5fc4';
  const site = theme === 'dark' ? '#f2f6f9' : '#16202a';
  /** @param {string} name @param {ImageData} image */
  const add = (name, image) => { if (map.hasImage(name)) map.removeImage(name); map.addImage(name, image, { pixelRatio: SCALE }); };

  // Where the water is back the sign is hollow: it must not compete with what still runs out.
  const signs = { ...PRIORITY, over: [c.paper, c.premise] };
  for (const [priority, [fill, ink]] of Object.entries(signs)) {
    for (const letter of new Set([...Object.values(LETTER), '?'])) {
      add(`incident-${priority}-${letter}`, picture((pen) => {
        outline(pen, priority);
        pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke();
        pen.fillStyle = fill; pen.fill();
        if (priority === 'over') { pen.lineWidth = 2.5; pen.strokeStyle = ink; pen.stroke(); }
        pen.fillStyle = ink; pen.font = '600 15px "Standpipe Sans", sans-serif'; pen.textAlign = 'center'; pen.textBaseline = 'middle';
        pen.fillText(letter, SIZE / 2, SIZE / 2 + 1);
      }));
    }
  }
  add('incident-chosen', picture((pen) => { pen.beginPath(); pen.arc(27, 27, 23, 0, 2 * Math.PI); pen.lineWidth = 3; pen.strokeStyle = c.ink; pen.stroke(); }, 54));
  add('crew-available', picture((pen) => { pen.beginPath(); pen.arc(18, 18, 9.5, 0, 7); pen.fillStyle = c.paper; pen.fill(); pen.lineWidth = 4; pen.strokeStyle = free; pen.stroke(); }));
  add('crew-en_route', picture((pen) => { pen.beginPath(); pen.moveTo(18, 4); pen.lineTo(29, 30); pen.lineTo(18, 24); pen.lineTo(7, 30); pen.closePath(); pen.lineWidth = 4; pen.strokeStyle = c.paper; pen.stroke(); pen.fillStyle = moving; pen.fill(); }));
  add('crew-on_site', picture((pen) => { pen.beginPath(); pen.rect(8, 8, 20, 20); pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke(); pen.fillStyle = site; pen.fill(); }));
  add('crew-other', picture((pen) => { pen.beginPath(); pen.arc(18, 18, 8, 0, 7); pen.fillStyle = c.premise; pen.fill(); pen.lineWidth = 2.5; pen.strokeStyle = c.paper; pen.stroke(); }));

  /** Bow-tie, the engineer's valve sign. @param {CanvasRenderingContext2D} pen */
  const bow = (pen) => { pen.beginPath(); pen.moveTo(3, 6); pen.lineTo(19, 16); pen.lineTo(19, 6); pen.lineTo(3, 16); pen.closePath(); };
  add('valve-open', picture((pen) => { bow(pen); pen.fillStyle = c.paper; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = c.valve; pen.stroke(); }, 22));
  add('valve-closed', picture((pen) => { bow(pen); pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke(); pen.fillStyle = c.off; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = c.off; pen.stroke(); }, 22));
  add('valve-seized', picture((pen) => { bow(pen); pen.fillStyle = c.paper; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = c.ink; pen.stroke(); pen.lineWidth = 3; pen.strokeStyle = c.off; pen.beginPath(); pen.moveTo(3, 3); pen.lineTo(19, 19); pen.moveTo(19, 3); pen.lineTo(3, 19); pen.stroke(); }, 22));
  add('hydrant', picture((pen) => { pen.beginPath(); pen.arc(8, 8, 5, 0, 7); pen.fillStyle = c.paper; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = c.hydrant; pen.stroke(); pen.beginPath(); pen.arc(8, 8, 1.8, 0, 7); pen.fillStyle = c.hydrant; pen.fill(); }, 16));

  /** The numbered disc of a valve in closing order. @param {string} state */
  const disc = (state) => picture((pen) => {
    pen.beginPath(); pen.arc(18, 18, 12, 0, 7); pen.lineWidth = 5; pen.strokeStyle = c.paper; pen.stroke();
    pen.fillStyle = state === 'closed' ? c.off : c.paper; pen.fill(); pen.lineWidth = 3; pen.strokeStyle = c.off; pen.stroke();
    if (state === 'cannot_close') { pen.lineWidth = 3; pen.beginPath(); pen.moveTo(7, 7); pen.lineTo(29, 29); pen.moveTo(29, 7); pen.lineTo(7, 29); pen.stroke(); }
  });
  for (const state of ['open', 'closed', 'cannot_close']) add(`order-${state}`, disc(state));

  // Diagonal hatch, 45 degrees, seamless: out of water.
  const hatch = document.createElement('canvas');
  hatch.width = hatch.height = 16;
  const pen = /** @type {CanvasRenderingContext2D} */ (hatch.getContext('2d'));
  pen.strokeStyle = c.off; pen.lineWidth = 3.5;
  for (const shift of [-16, 0, 16]) { pen.beginPath(); pen.moveTo(shift - 2, 18); pen.lineTo(shift + 18, -2); pen.stroke(); }
  add('hatch', pen.getImageData(0, 0, 16, 16));
}
