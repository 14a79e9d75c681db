// @ts-check
// Parts of the dispatch page that work by themselves (see page.js): one import, one name in PARTS.
import * as areas from './areas.js';
import * as around from './around.js';
import * as board from './board.js';
import * as calls from './calls.js';
import * as city from './city.js';
import * as closures from './closures.js';
import * as rounds from './rounds.js';
import * as vehicles from './vehicles.js';

/** @type {{start: (page: import('./page.js').DispatchPage) => void}[]} */
export const PARTS = [city, board, closures, around, vehicles, areas, rounds, calls];
