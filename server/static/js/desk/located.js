// @ts-check
// What became of the link by SMS with which a caller shows where they are.
import { html, render } from '../html.js';
import { gettext } from '../i18n.js';
import { clock } from '../time.js';

/** Whether a location is a place: a rough fix is an area to ask about, never a place. @param {any} at */
export const isPlace = (at) => Boolean(at && typeof at.lon === 'number' && !at.rough);

/** Whether the form stands where the telephone said. @param {any} at @param {any} place */
const taken = (at, place) => Boolean(place && Math.abs(place.lon - at.lon) < 1e-5 && Math.abs(place.lat - at.lat) < 1e-5);

/** @param {any} at location of a call @param {any} place of the form, or null */
export function locationLine(at, place) {
  if (!at || (!at.asked_at && typeof at.lon !== 'number')) return html``;
  if (typeof at.lon !== 'number') return html`${gettext('Link sent at %(time)s; the position appears here.', { time: clock(at.asked_at) })}`;
  const metres = Math.round(at.accuracy_m);
  if (at.rough) return html`<b>${gettext('The telephone knows its place to %(metres)s m only: an area, no place. Ask for a crossing.', { metres })}</b>`;
  return html`${gettext('Shown by the caller’s telephone at %(time)s, to %(metres)s m.', { time: clock(at.at), metres })}
    ${at.datum === 'gcj02' ? html` ${gettext('It came shifted (GCJ-02) and was put right.')}` : ''}${at.datum === 'unsure' ? html` <b>${gettext('Some telephones in China show half a kilometre beside: ask for a crossing.')}</b>` : ''}
    ${taken(at, place) ? '' : html` <button type="button" class="quiet" data-do="take-shown" data-testid="take-shown">${gettext('Take this place')}</button>`}`;
}

/** @param {any} at @param {any} place */
export function drawLocation(at, place) {
  const line = document.getElementById('shown-where');
  if (line) render(line, locationLine(at, place));
}

/** A ring around a rough fix, as wide as it may be wrong. @param {any} at @returns {any} GeoJSON */
export function ring(at) {
  const east = at.accuracy_m / (111320 * Math.cos((at.lat * Math.PI) / 180)); const north = at.accuracy_m / 110574;
  const coordinates = Array.from({ length: 49 }, (_, i) => [at.lon + east * Math.cos((i * Math.PI) / 24), at.lat + north * Math.sin((i * Math.PI) / 24)]);
  return { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } };
}
