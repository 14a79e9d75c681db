// @ts-check
// The page of a crew on its way renews itself: the server draws it, this only fetches it again.
const EVERY_MS = 15000;

async function renew() {
  if (document.hidden) return;
  const answer = await fetch(window.location.href, { cache: 'no-store', credentials: 'same-origin' });
  if (answer.status === 429) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('state');
  const now = document.getElementById('state');
  if (!fresh || !now) return;
  now.replaceWith(document.adoptNode(fresh));
  if (fresh.dataset.over !== undefined) window.clearInterval(timer);
}

const timer = window.setInterval(() => { renew().catch(() => { /* without a network the page stays as it was; the next try is near */ }); }, EVERY_MS);
