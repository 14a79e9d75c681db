// @ts-check
// The page behind the link a caller gets by SMS: one button, one position, once.
const button = /** @type {HTMLButtonElement} */ (document.getElementById('show'));

/** @param {'thanks' | 'failed'} what @param {string} [text] the server's own words, if it refused */
function say(what, text) {
  const line = /** @type {HTMLElement} */ (document.getElementById(what));
  if (text) line.textContent = text;
  line.hidden = false;
  button.disabled = what === 'thanks';
}

button.addEventListener('click', () => {
  button.disabled = true;
  if (!navigator.geolocation) { say('failed'); return; }
  navigator.geolocation.getCurrentPosition(async ({ coords }) => {
    try {
      const answer = await fetch(button.dataset.to || '', {
        method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy }),
      });
      if (answer.ok) { say('thanks'); return; }
      const body = await answer.json().catch(() => ({}));
      say('failed', body.errors && body.errors[0] ? body.errors[0].text : '');
    } catch { say('failed'); }
  }, () => say('failed'), { enableHighAccuracy: true, timeout: 20000 });
});
