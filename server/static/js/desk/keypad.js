// @ts-check
// The telephone's keys, on the screen and, while the keypad is open, on the keyboard.
import { typing } from '../keys.js';

export const keypad = {
  /** It stays open, and shows what was pressed, while the rest is drawn again. */ open: false, pressed: '',
  /** The telephone, while somebody talks at it. @type {() => any} */ talking: () => null,

  /** @param {string} key */
  press(key) {
    const phone = this.talking();
    if (!phone) return;
    phone.press(key);
    this.pressed = (this.pressed + key).slice(-16);
    const line = document.querySelector('.pressed');
    if (line) line.textContent = this.pressed;
  },

  /** @param {() => void} draw */
  toggle(draw) {
    this.open = !this.open; this.pressed = '';
    draw();
    const first = document.querySelector('#keypad summary');
    if (this.open && first instanceof HTMLElement) first.focus();
  },

  /** @param {() => any} talking */
  follow(talking) {
    this.talking = talking;
    // With the keypad open and nothing being typed, the keys of the keyboard are those of the telephone.
    document.addEventListener('keydown', (event) => {
      if (!this.open || !talking() || event.ctrlKey || event.altKey || event.metaKey || !/^[0-9*#]$/.test(event.key) || typing(event.target)) return;
      event.preventDefault();
      this.press(event.key);
    });
    document.addEventListener('toggle', (event) => { if (event.target instanceof HTMLDetailsElement && event.target.id === 'keypad') this.open = event.target.open; }, true);
  },
};
