// @ts-check
// The utility map as a MapLibre style: quiet streets and buildings, pipes blue and as wide as their
// diameter, closed and seized valves unmistakable. No glyph server: labels use the vendored fonts.

/** Colours of the map; tokens.css has the same words for the page around it. */
export const PALETTE = {
  light: { ground: '#f4f4f1', water: '#d5e3ee', green: '#e6ede0', building: '#e2e2dd', road: '#ffffff', roadEdge: '#d8d7d0', ink: '#3c4650', halo: '#fbfbf9',
    pipe: '#1572b8', main: '#0b4f8a', pipeClosed: '#8a949d', valve: '#0b4f8a', paper: '#ffffff', hydrant: '#b3261e', premise: '#6b7680', off: '#c9281c', route: '#1d5fc4', routeCase: '#ffffff', suspect: '#b35900' },
  dark: { ground: '#10161c', water: '#14222e', green: '#131d19', building: '#1b242c', road: '#29333c', roadEdge: '#161d24', ink: '#a9b6c1', halo: '#10161c',
    pipe: '#3f9ae0', main: '#76c0ff', pipeClosed: '#66727d', valve: '#9fd2ff', paper: '#10161c', hydrant: '#ff8a7a', premise: '#8b98a3', off: '#ff6a58', route: '#8fc1ff', routeCase: '#06121c', suspect: '#ffb454' },
};

/** @typedef {typeof PALETTE.light} Colours */

/** @param {Record<string, string>} fonts addresses of the vendored woff2 files */
function faces(fonts) {
  const han = { url: fonts.han, 'unicode-range': ['U+2E80-9FFF', 'U+F900-FAFF', 'U+FE30-FE4F', 'U+FF00-FFEF'] };
  return {
    'Map Regular': [{ url: fonts.latin, 'unicode-range': ['U+0000-024F', 'U+2000-206F'] }, han],
    'Map Bold': [{ url: fonts.bold, 'unicode-range': ['U+0000-024F', 'U+2000-206F'] }, han],
  };
}

/** Width in pixels by diameter: a 1,000 mm main must not look like a 100 mm pipe at any zoom. */
export const pipeWidth = ['interpolate', ['exponential', 1.5], ['zoom'],
  10, ['interpolate', ['linear'], ['to-number', ['get', 'dn'], 100], 100, 0.3, 1000, 1.6],
  14, ['interpolate', ['linear'], ['to-number', ['get', 'dn'], 100], 100, 1.0, 300, 2.2, 1000, 5],
  18, ['interpolate', ['linear'], ['to-number', ['get', 'dn'], 100], 100, 3.0, 300, 6, 1000, 14]];

const roadWidth = ['interpolate', ['exponential', 1.6], ['zoom'],
  11, ['match', ['get', 'klass'], ['motorway', 'trunk', 'primary'], 1.4, ['secondary', 'tertiary'], 0.8, 0.2],
  15, ['match', ['get', 'klass'], ['motorway', 'trunk', 'primary'], 8, ['secondary', 'tertiary'], 6, ['footway', 'path', 'steps', 'cycleway', 'pedestrian'], 1.2, 4],
  18, ['match', ['get', 'klass'], ['motorway', 'trunk', 'primary'], 28, ['secondary', 'tertiary'], 24, ['footway', 'path', 'steps', 'cycleway', 'pedestrian'], 4, 17]];

/** Half a pixel more on each side: the edge of the road under its surface. */
const casingWidth = ['interpolate', ['exponential', 1.6], ['zoom'],
  11, 0.4,
  15, ['match', ['get', 'klass'], ['motorway', 'trunk', 'primary'], 10, ['secondary', 'tertiary'], 8, ['footway', 'path', 'steps', 'cycleway', 'pedestrian'], 0, 5.5],
  18, ['match', ['get', 'klass'], ['motorway', 'trunk', 'primary'], 31, ['secondary', 'tertiary'], 27, ['footway', 'path', 'steps', 'cycleway', 'pedestrian'], 0, 19]];

const isClosed = ['any', ['==', ['get', 'state'], 'closed'], ['all', ['!', ['has', 'state']], ['==', ['to-string', ['get', 'normally_open']], 'false']]];
const isSeized = ['any', ['==', ['get', 'operable'], 'no'], ['==', ['get', 'state'], 'cannot_close']];

/** @param {'light' | 'dark'} theme @param {{origin: string, fonts: Record<string, string>, version?: string}} options */
export function style(theme, options) {
  const c = PALETTE[theme];
  const v = options.version ? `?v=${encodeURIComponent(options.version)}` : '';
  /** @param {string} layer @param {number} min @param {number} max */
  const source = (layer, min, max) => ({ type: 'vector', tiles: [`${options.origin}/tiles/${layer}/{z}/{x}/{y}.mvt${v}`], minzoom: min, maxzoom: max });
  /** @param {string} layer */
  const of = (layer) => ({ source: layer, 'source-layer': layer });
  return {
    version: 8,
    'font-faces': faces(options.fonts),
    sources: {
      streets: source('streets', 10, 16), buildings: source('buildings', 13, 16), pipes: source('pipes', 10, 16),
      valves: source('valves', 14, 16), hydrants: source('hydrants', 14, 16), premises: source('premises', 16, 16), places: source('places', 12, 16),
    },
    layers: [
      { id: 'ground', type: 'background', paint: { 'background-color': c.ground } },
      { id: 'buildings', type: 'fill', ...of('buildings'), minzoom: 13.5, paint: { 'fill-color': c.building, 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13.5, 0, 15, 1] } },
      { id: 'road-edge', type: 'line', ...of('streets'), minzoom: 13, layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c.roadEdge, 'line-width': casingWidth } },
      { id: 'roads', type: 'line', ...of('streets'), layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c.road, 'line-width': roadWidth } },
      { id: 'pipes-case', type: 'line', ...of('pipes'), minzoom: 15, layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': c.halo, 'line-opacity': 0.7, 'line-width': pipeWidth, 'line-gap-width': 1 } },
      { id: 'pipes', type: 'line', ...of('pipes'), layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: { 'line-color': ['case', ['to-boolean', ['get', 'closed']], c.pipeClosed, ['>=', ['to-number', ['get', 'dn'], 0], 300], c.main, c.pipe], 'line-width': pipeWidth } },
      { id: 'pipes-closed', type: 'line', ...of('pipes'), minzoom: 13, filter: ['to-boolean', ['get', 'closed']], paint: { 'line-color': c.off, 'line-width': 1.5, 'line-dasharray': [1, 3] } },
      { id: 'premises', type: 'circle', ...of('premises'), minzoom: 16, paint: { 'circle-radius': ['interpolate', ['linear'], ['zoom'], 16, 2, 19, 5],
        'circle-color': ['case', ['to-boolean', ['get', 'off']], c.off, ['match', ['get', 'use'], ['hospital', 'dialysis', 'school', 'care'], '#8a3fc0', c.premise]],
        'circle-stroke-color': c.halo, 'circle-stroke-width': 1 } },
      { id: 'hydrants', type: 'symbol', ...of('hydrants'), minzoom: 15.5, layout: { 'icon-image': 'hydrant', 'icon-allow-overlap': true, 'icon-size': ['interpolate', ['linear'], ['zoom'], 15, 0.6, 18, 1] } },
      { id: 'valves', type: 'symbol', ...of('valves'), minzoom: 14.5, layout: { 'icon-allow-overlap': true, 'icon-size': ['interpolate', ['linear'], ['zoom'], 14, ['case', isClosed, 0.8, isSeized, 0.8, 0.4], 18, 1],
        'icon-image': ['case', isSeized, 'valve-seized', isClosed, 'valve-closed', 'valve-open'] } },
      { id: 'road-names', type: 'symbol', ...of('streets'), minzoom: 14.5, filter: ['!=', ['coalesce', ['get', 'name'], ''], ''],
        layout: { 'symbol-placement': 'line', 'text-field': ['get', 'name'], 'text-font': ['Map Regular'], 'text-size': ['interpolate', ['linear'], ['zoom'], 14, 10, 18, 13], 'symbol-spacing': 320 },
        paint: { 'text-color': c.ink, 'text-halo-color': c.halo, 'text-halo-width': 1.4 } },
      { id: 'pipe-names', type: 'symbol', ...of('pipes'), minzoom: 17, layout: { 'symbol-placement': 'line', 'text-field': ['concat', 'DN', ['to-string', ['get', 'dn']]], 'text-font': ['Map Bold'], 'text-size': 11, 'text-offset': [0, 0.9], 'symbol-spacing': 260 },
        paint: { 'text-color': c.main, 'text-halo-color': c.halo, 'text-halo-width': 1.4 } },
      { id: 'place-names', type: 'symbol', ...of('places'), minzoom: 12, layout: { 'text-field': ['coalesce', ['get', 'name'], ''], 'text-font': ['Map Bold'], 'text-size': 12, 'text-max-width': 8 },
        filter: ['match', ['get', 'kind'], ['suburb', 'neighbourhood', 'quarter', 'hospital', 'depot', 'city'], true, false],
        paint: { 'text-color': c.ink, 'text-halo-color': c.halo, 'text-halo-width': 1.5 } },
    ],
  };
}

/** Which of the two maps the page's theme asks for. */
export function mapTheme() {
  const wanted = document.documentElement.dataset.theme;
  if (wanted === 'dark' || wanted === 'light') return wanted;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}
