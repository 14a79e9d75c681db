// @ts-check
// Lengths and areas on the WGS 84 ellipsoid: what a tape would say, not what the projection draws.
import { gettext } from '../i18n.js';
import { figure } from '../time.js';

const A = 6378137;
const F = 1 / 298.257223563;
const B = A * (1 - F);
const E2 = F * (2 - F);
const RAD = Math.PI / 180;

/** Metres along the geodesic between two places (Vincenty's inverse formula, to a millimetre within
 * a city; nearly opposite places of the globe, where it finds no answer, give the mean sphere's).
 * @param {number[]} from [lon, lat] degrees @param {number[]} to */
export function metresBetween(from, to) {
  const L = (to[0] - from[0]) * RAD;
  const u1 = Math.atan((1 - F) * Math.tan(from[1] * RAD));
  const u2 = Math.atan((1 - F) * Math.tan(to[1] * RAD));
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  let lambda = L;
  for (let turn = 0; turn < 60; turn += 1) {
    const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
    const sinSigma = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
    if (sinSigma === 0) return 0;
    const cosSigma = s1 * s2 + c1 * c2 * cl;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (c1 * c2 * sl) / sinSigma;
    const cos2Alpha = 1 - sinAlpha ** 2;
    const cosM = cos2Alpha === 0 ? 0 : cosSigma - (2 * s1 * s2) / cos2Alpha;
    const C = (F / 16) * cos2Alpha * (4 + F * (4 - 3 * cos2Alpha));
    const before = lambda;
    lambda = L + (1 - C) * F * sinAlpha * (sigma + C * sinSigma * (cosM + C * cosSigma * (2 * cosM ** 2 - 1)));
    if (Math.abs(lambda - before) > 1e-12) continue;
    const k = (cos2Alpha * (A * A - B * B)) / (B * B);
    const a = 1 + (k / 16384) * (4096 + k * (-768 + k * (320 - 175 * k)));
    const b = (k / 1024) * (256 + k * (-128 + k * (74 - 47 * k)));
    const delta = b * sinSigma * (cosM + (b / 4) * (cosSigma * (2 * cosM ** 2 - 1) - (b / 6) * cosM * (4 * sinSigma ** 2 - 3) * (4 * cosM ** 2 - 3)));
    return B * a * (sigma - delta);
  }
  const half = Math.sin(((to[1] - from[1]) * RAD) / 2) ** 2 + Math.cos(from[1] * RAD) * Math.cos(to[1] * RAD) * Math.sin(L / 2) ** 2;
  return 2 * 6371008.8 * Math.asin(Math.min(1, Math.sqrt(half)));
}

/** @param {number[][]} points */
export function lengthOf(points) {
  return points.slice(1).reduce((sum, point, i) => sum + metresBetween(points[i], point), 0);
}

/** q of the ellipsoid, whose share is the sine of the authalic latitude. @param {number} lat degrees */
function q(lat) {
  const s = Math.sin(lat * RAD);
  const e = Math.sqrt(E2);
  return (1 - E2) * (s / (1 - E2 * s * s) - Math.log((1 - e * s) / (1 + e * s)) / (2 * e));
}

/** Square metres within a ring of places, open or closed, either way round.
 * @param {number[][]} points */
export function areaOf(points) {
  if (points.length < 3) return 0;
  let sum = 0;
  points.forEach((point, i) => {
    const next = points[(i + 1) % points.length];
    sum += (next[0] - point[0]) * RAD * (q(point[1]) + q(next[1]));
  });
  return Math.abs((sum * A * A) / 4);
}

/** @param {number} metres */
export function asLength(metres) {
  return metres < 1000 ? gettext('%(n)s m', { n: figure(metres, metres < 100 ? 1 : 0) }) : gettext('%(n)s km', { n: figure(metres / 1000, 2) });
}

/** @param {number} square metres */
export function asArea(square) {
  return square < 10000 ? gettext('%(n)s m²', { n: figure(square, 0) }) : gettext('%(n)s ha', { n: figure(square / 10000, 2) });
}
