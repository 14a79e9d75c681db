// @ts-check
// The microphone as a telephone hears it: 8 kHz, 16 bit, one channel, in a WAV file.
import { gettext } from '../i18n.js';

const RATE = 8000;
const MOST_S = 60;

/** Samples of -1 to 1 as a WAV file. @param {Float32Array} samples @returns {Blob} */
export function wav(samples) {
  const data = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (/** @type {number} */ at, /** @type {string} */ word) => { for (let i = 0; i < word.length; i += 1) data.setUint8(at + i, word.charCodeAt(i)); };
  text(0, 'RIFF'); data.setUint32(4, 36 + samples.length * 2, true); text(8, 'WAVEfmt ');
  data.setUint32(16, 16, true); data.setUint16(20, 1, true); data.setUint16(22, 1, true);
  data.setUint32(24, RATE, true); data.setUint32(28, RATE * 2, true); data.setUint16(32, 2, true); data.setUint16(34, 16, true);
  text(36, 'data'); data.setUint32(40, samples.length * 2, true);
  samples.forEach((s, i) => data.setInt16(44 + i * 2, Math.round(Math.max(-1, Math.min(1, s)) * 32767), true));
  return new Blob([data.buffer], { type: 'audio/wav' });
}

/** Without the quiet at both ends, and as loud as the other prompts (peak 0.7). @param {Float32Array} samples */
export function trimmed(samples) {
  const loud = 0.02;
  let first = samples.findIndex((s) => Math.abs(s) > loud);
  let last = samples.length - 1;
  while (last > first && Math.abs(samples[last]) <= loud) last -= 1;
  if (first < 0) { first = 0; last = samples.length - 1; }
  const part = samples.slice(Math.max(0, first - RATE / 5), Math.min(samples.length, last + RATE / 5));
  const peak = part.reduce((most, s) => Math.max(most, Math.abs(s)), 0);
  return peak > loud ? part.map((s) => s * (0.7 / peak)) : part;
}

/** Any sound a browser can read, as the telephone plays it. @param {ArrayBuffer} data @returns {Promise<Blob>} */
export async function telephone(data) {
  const context = new OfflineAudioContext(1, 1, RATE);
  const read = await context.decodeAudioData(data);
  const offline = new OfflineAudioContext(1, Math.max(1, Math.ceil(Math.min(read.duration, MOST_S + 1) * RATE)), RATE);
  const source = offline.createBufferSource();
  source.buffer = read;
  source.connect(offline.destination);
  source.start();
  return wav(trimmed((await offline.startRendering()).getChannelData(0)));
}

/** Begin to record; call `stop` for the file. Raises when there is no microphone.
 * @param {(level: number, seconds: number) => void} heard told ten times a second @returns {Promise<{stop: () => Promise<Blob>}>} */
export async function record(heard) {
  if (!navigator.mediaDevices || !window.MediaRecorder) throw new Error(gettext('This browser gives no microphone to a page.'));
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false } });
  const context = new AudioContext();
  const meter = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(meter);
  const recorder = new MediaRecorder(stream);
  /** @type {Blob[]} */ const parts = [];
  recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
  const began = Date.now();
  const levels = new Float32Array(meter.fftSize);
  const timer = setInterval(() => {
    meter.getFloatTimeDomainData(levels);
    const seconds = (Date.now() - began) / 1000;
    heard(levels.reduce((most, s) => Math.max(most, Math.abs(s)), 0), seconds);
    if (seconds >= MOST_S && recorder.state === 'recording') recorder.stop();
  }, 100);
  const ended = new Promise((done) => { recorder.addEventListener('stop', done, { once: true }); });
  recorder.start();
  return {
    async stop() {
      if (recorder.state === 'recording') recorder.stop();
      await ended;
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      await context.close();
      return telephone(await new Blob(parts).arrayBuffer());
    },
  };
}
