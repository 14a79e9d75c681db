// @ts-check
// The page behind the link a caller gets by SMS: one button, one position, once.
// A plain script in the words of 2010, so that an old or cheap telephone runs it as well.
(function () {
  'use strict';
  var button = document.getElementById('show');
  var lines = ['thanks', 'rough', 'denied', 'failed', 'wait'];

  /** Shows one line, with the server's own words if it refused. */
  function say(what, text) {
    for (var i = 0; i < lines.length; i += 1) document.getElementById(lines[i]).hidden = lines[i] !== what;
    if (text) document.getElementById(what).textContent = text;
    button.disabled = what === 'thanks' || what === 'wait';
  }

  function answered(request) {
    var body = {};
    try { body = JSON.parse(request.responseText) || {}; } catch (error) { body = {}; }
    if (request.status >= 200 && request.status < 300) say(body.rough ? 'rough' : 'thanks');
    else say('failed', body.errors && body.errors[0] ? body.errors[0].text : '');
  }

  function send(coords) {
    var request = new XMLHttpRequest();
    request.open('POST', button.getAttribute('data-to'));
    request.setRequestHeader('Content-Type', 'application/json');
    request.onload = function () { answered(request); };
    request.onerror = function () { say('failed'); };
    request.send(JSON.stringify({ lon: coords.longitude, lat: coords.latitude, accuracy_m: coords.accuracy }));
  }

  button.onclick = function () {
    if (!navigator.geolocation) { say('failed'); return; }
    say('wait');
    navigator.geolocation.getCurrentPosition(
      function (found) { send(found.coords); },
      function (error) { say(error.code === 1 ? 'denied' : 'failed'); },
      { enableHighAccuracy: true, timeout: 20000, maximumAge: 0 }
    );
  };
}());
