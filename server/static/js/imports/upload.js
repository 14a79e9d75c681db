// @ts-check
// Files to the server, with how far they are.
import { Refused, cookie, problems } from '../api.js';
import { gettext } from '../i18n.js';
import { page } from '../page.js';

/** @param {string} address @param {FormData} form @param {(percent: number) => void} tell @returns {Promise<any>} */
export function upload(address, form, tell) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.setRequestHeader('Accept', 'application/json');
    request.setRequestHeader('X-CSRFToken', cookie(document.cookie, page.csrf_cookie));
    request.upload.onprogress = (event) => { if (event.lengthComputable) tell(Math.round((event.loaded / event.total) * 100)); };
    request.onerror = () => failed(new Refused(0, [{ field: '', code: 'offline', text: gettext('The server cannot be reached. Nothing is lost; try again.') }], null));
    request.onload = () => {
      let data = null;
      try { data = JSON.parse(request.responseText); } catch { data = null; }
      if (request.status >= 200 && request.status < 300) done(data); else failed(new Refused(request.status, problems(request.status, data), data));
    };
    request.send(form);
  });
}
