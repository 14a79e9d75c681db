// @ts-check
// Listen in from the floor: buttons on every agent who talks, the modes while it runs, keys.
import { $, html, onDo, render } from '../html.js';
import { gettext } from '../i18n.js';
import { keys } from '../keys.js';
import { listening, MODES, strip } from '../listening.js';

/** @param {any} floor */
export function start(floor) {
  const panel = $('#listen');
  const ear = listening(draw);

  function draw() {
    panel.hidden = !ear.row;
    render(panel, ear.row ? html`<h2>${gettext('Listening in')}</h2>${strip(ear)}` : html``);
  }

  for (const [mode, verb] of MODES) {
    floor.offer({
      name: mode, text: verb(), run: (/** @type {any} */ agent) => { ear.start(agent, mode); },
      fits: (/** @type {any} */ agent) => (agent.state === 'talking' || agent.state === 'hold') && agent.extension,
    });
  }
  onDo(panel, { mode: (target) => { ear.change(String(target.dataset.mode)); }, unlisten: () => { ear.stop(); } });
  keys(
    { key: '4', text: gettext('listen only'), run: () => ear.change('listen') }, { key: '5', text: gettext('whisper to the agent'), run: () => ear.change('whisper') },
    { key: '6', text: gettext('speak with both'), run: () => ear.change('barge') }, { key: '0', text: gettext('stop listening'), run: () => { ear.stop(); } },
  );
}
