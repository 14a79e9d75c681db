// @ts-check
// Watched areas as the map draws them: quiet outlines; a danger area in the colour of danger and with a
// double line, so that it is told without the colour too.
const EMPTY = { type: 'FeatureCollection', features: [] };
const INK = { light: { quiet: '#5b6773', danger: '#b3261e', paper: '#ffffff', drawn: '#0b63a5' }, dark: { quiet: '#8b98a3', danger: '#ff8a7a', paper: '#10161c', drawn: '#5fb0ee' } };

/** Where an area that is being drawn is shown: see drawing.js. */
export const SKETCH = 'area-sketch';

/** @param {any} map @param {'light' | 'dark'} theme */
export function addAreaLayers(map, theme) {
  const c = INK[theme];
  const below = map.getLayer('pipes-case') ? 'pipes-case' : undefined;
  const names = map.getLayer('incidents') ? 'incidents' : undefined;
  for (const id of ['areas', SKETCH]) map.addSource(id, { type: 'geojson', data: EMPTY });
  const danger = ['==', ['get', 'kind'], 'danger'];
  const chosen = ['get', 'chosen'];
  map.addLayer({ id: 'area-ground', type: 'fill', source: 'areas', paint: { 'fill-color': ['case', danger, c.danger, c.quiet], 'fill-opacity': ['case', chosen, 0.2, danger, 0.1, 0] } }, below);
  map.addLayer({ id: 'area-edge', type: 'line', source: 'areas', filter: ['!', danger], paint: { 'line-color': c.quiet, 'line-width': ['case', chosen, 3, 1.5], 'line-dasharray': [4, 2] } }, names);
  map.addLayer({ id: 'area-danger', type: 'line', source: 'areas', filter: danger, paint: { 'line-color': c.danger, 'line-width': ['case', chosen, 3, 1.6], 'line-gap-width': 2.5 } }, names);
  map.addLayer({ id: 'area-names', type: 'symbol', source: 'areas', minzoom: 12, layout: { 'text-field': ['get', 'name'], 'text-font': ['Map Regular'], 'text-size': 12 }, paint: { 'text-color': ['case', danger, c.danger, c.quiet], 'text-halo-color': c.paper, 'text-halo-width': 1.5 } }, names);
  map.addLayer({ id: 'area-sketch-ground', type: 'fill', source: SKETCH, filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': c.drawn, 'fill-opacity': 0.2 } });
  map.addLayer({ id: 'area-sketch-edge', type: 'line', source: SKETCH, filter: ['!=', ['geometry-type'], 'Point'], paint: { 'line-color': c.drawn, 'line-width': 3, 'line-dasharray': [2, 1] } });
  map.addLayer({ id: 'area-sketch-corner', type: 'circle', source: SKETCH, filter: ['==', ['geometry-type'], 'Point'], paint: { 'circle-radius': 5, 'circle-color': c.paper, 'circle-stroke-color': c.drawn, 'circle-stroke-width': 2.5 } });
}

/** What the map gets: nothing while the layer is off, but the one under the eyes always.
 * @param {any[]} areas features of GET /api/fences @param {boolean} on @param {number | null} chosen */
export function areaData(areas, on, chosen) {
  return {
    type: 'FeatureCollection',
    features: areas.filter((area) => on || area.properties.id === chosen)
      .map((area) => ({ ...area, properties: { ...area.properties, chosen: area.properties.id === chosen } })),
  };
}
