import { cosPi, exponential, logarithm, power, sinPi, tangentH } from "./elementary.js";

/** What each function makes of n numbers: NumPy's meaning, also of NaN and of zeros; comparisons give 1 and 0. */
const MACHINE_KERNELS = {
  add(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] + b[i]; },
  subtract(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] - b[i]; },
  multiply(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] * b[i]; },
  divide(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] / b[i]; },
  negative(n, out, a) { for (let i = 0; i < n; i++) out[i] = -a[i]; },
  positive(n, out, a) { for (let i = 0; i < n; i++) out[i] = a[i]; },
  reciprocal(n, out, a) { for (let i = 0; i < n; i++) out[i] = 1 / a[i]; },
  square(n, out, a) { for (let i = 0; i < n; i++) out[i] = a[i] * a[i]; },
  sqrt(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.sqrt(a[i]); },
  absolute(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.abs(a[i]); },
  sign(n, out, a) {
    for (let i = 0; i < n; i++) {
      const x = a[i];
      out[i] = x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x;
    }
  },
  maximum(n, out, a, b) {
    for (let i = 0; i < n; i++) {
      const x = a[i];
      out[i] = x > b[i] || x !== x ? x : b[i]; // of two zeros the second, as in NumPy
    }
  },
  minimum(n, out, a, b) {
    for (let i = 0; i < n; i++) {
      const x = a[i];
      out[i] = x < b[i] || x !== x ? x : b[i];
    }
  },
  less(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] < b[i] ? 1 : 0; },
  less_equal(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] <= b[i] ? 1 : 0; },
  greater(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] > b[i] ? 1 : 0; },
  greater_equal(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] >= b[i] ? 1 : 0; },
  equal(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] === b[i] ? 1 : 0; },
  not_equal(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] !== b[i] ? 1 : 0; },
  where(n, out, a, b, c) { for (let i = 0; i < n; i++) out[i] = a[i] ? b[i] : c[i]; },
  power(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] ** b[i]; },
  exp(n, out, a) { for (let i = 0; i < n; i++) out[i] = exponential(a[i]); },
  log(n, out, a) { for (let i = 0; i < n; i++) out[i] = logarithm(a[i]); },
  sin(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.sin(a[i]); },
  cos(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.cos(a[i]); },
  tan(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.tan(a[i]); },
  tanh(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.tanh(a[i]); },
  cos_pi(n, out, a) { for (let i = 0; i < n; i++) out[i] = cosPi(a[i]); },
  sin_pi(n, out, a) { for (let i = 0; i < n; i++) out[i] = sinPi(a[i]); },
  tangent_h(n, out, a) { for (let i = 0; i < n; i++) out[i] = tangentH(a[i]); },
};

/** A program on so many lanes: bind arrays and numbers, then run the calls as often as needed, all in place. */
export class Machine {
  constructor(program, lanes) {
    this.lanes = lanes;
    this.program = program;
    const { arrays, numbers, constants, buffers } = program;
    const rows = Array.from({ length: numbers + constants.length + buffers.length }, () => new Float64Array(lanes));
    constants.forEach((value, i) => rows[numbers + i].fill(value));
    this.first = arrays;
    this.places = [...new Array(arrays).fill(null), ...rows];
    this.held = new Float64Array(numbers); // rows of numbers begin with zeros
  }

  /** Let the program work on these arrays, in its order, each as long as there are lanes. */
  bind(arrays) {
    arrays.forEach((array, place) => (this.places[place] = array));
    const { calls, copies } = this.program;
    const all = [...calls, ...copies.map(([from, to]) => ["positive", [from], to])];
    this.kernels = all.map(([op]) => MACHINE_KERNELS[op]);
    this.rows = all.map(([, places, out]) => [this.places[out], ...places.map((place) => this.places[place])]);
    return this;
  }

  /** Give one of the numbers to all lanes. */
  number(i, value) {
    if (Object.is(this.held[i], value)) return;
    this.held[i] = value;
    this.places[this.first + i].fill(value);
  }

  /** The numbers of one index, lane by lane, to be written by the caller; then `number` is not for this index. */
  own(i) {
    return this.places[this.first + i];
  }

  /** Make the calls. */
  run() {
    const { kernels, rows, lanes } = this;
    for (let k = 0; k < kernels.length; k++) {
      const row = rows[k];
      kernels[k](lanes, row[0], row[1], row[2], row[3]);
    }
  }
}
