// @ts-check
// What the server refused, beside the fields that it names; what was typed stays.
import { Refused } from './api.js';
import { complain } from './toast.js';

/** As wrong, described by the element of that id; as right again without one. @param {Element} input @param {string} [by] */
function mark(input, by = '') {
  if (by) { input.setAttribute('aria-invalid', 'true'); input.setAttribute('aria-describedby', by); } else { input.removeAttribute('aria-invalid'); input.removeAttribute('aria-describedby'); }
}

/** Put the server's words beside their fields, and the focus into the first.
 * @param {HTMLElement} form @param {unknown} error
 * @param {Record<string, string>} [names] the form's names for fields that the server calls otherwise */
export function showErrors(form, error, names = {}) {
  form.querySelectorAll('.error').forEach((e) => e.remove());
  form.querySelectorAll('[aria-invalid]').forEach((e) => mark(e));
  if (!(error instanceof Refused)) { complain(error); return; }
  /** @type {{note: HTMLElement, input: HTMLElement | null} | null} */ let first = null;
  error.errors.forEach((problem, n) => {
    const name = names[problem.field] || problem.field;
    const input = name ? form.querySelector(`[name="${CSS.escape(name)}"]`) : null;
    const note = document.createElement('p');
    note.className = 'error'; note.id = `error-${n}`; note.setAttribute('role', 'alert'); note.textContent = problem.text; note.dataset.testid = 'form-error';
    const place = input instanceof HTMLElement && input.closest('.field, fieldset');
    first = first || { note, input: place ? input : null };
    if (!place) { form.append(note); return; }
    place.append(note);
    place.closest('details')?.setAttribute('open', '');
    if (input.getAttribute('type') !== 'checkbox') mark(input, note.id);
    place.addEventListener('input', () => { note.remove(); mark(input); }, { once: true });
  });
  if (!first) return;
  first.input?.focus();
  first.note.scrollIntoView({ block: 'nearest' });
}
