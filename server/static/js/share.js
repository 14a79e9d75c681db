// @ts-check
import { figure } from './time.js';

/** A share (0..1) as a percentage; '–' when the denominator was zero (null), never 0 % or 100 %.
 * @param {unknown} value @param {number} [digits] */
export function share(value, digits = 0) {
  return typeof value === 'number' && Number.isFinite(value) ? `${figure(value * 100, digits)} %` : '–';
}
