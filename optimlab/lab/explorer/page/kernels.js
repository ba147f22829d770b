import { cosPi, sinPi, tangentH } from "./elementary.js";

/**
 * What each function makes of n numbers, n a multiple of four: NumPy's meaning, also of NaN and of zeros; comparisons
 * give 1 and 0. The loops that most of the time goes to take four at once: all are read before one is written, which
 * takes half as long in V8.
 */
export const KERNELS = {
  add(n, out, a, b) {
    for (let i = 0; i < n; i += 4) {
      const x = a[i] + b[i];
      const y = a[i + 1] + b[i + 1];
      const z = a[i + 2] + b[i + 2];
      const u = a[i + 3] + b[i + 3];
      out[i] = x;
      out[i + 1] = y;
      out[i + 2] = z;
      out[i + 3] = u;
    }
  },
  subtract(n, out, a, b) {
    for (let i = 0; i < n; i += 4) {
      const x = a[i] - b[i];
      const y = a[i + 1] - b[i + 1];
      const z = a[i + 2] - b[i + 2];
      const u = a[i + 3] - b[i + 3];
      out[i] = x;
      out[i + 1] = y;
      out[i + 2] = z;
      out[i + 3] = u;
    }
  },
  multiply(n, out, a, b) {
    for (let i = 0; i < n; i += 4) {
      const x = a[i] * b[i];
      const y = a[i + 1] * b[i + 1];
      const z = a[i + 2] * b[i + 2];
      const u = a[i + 3] * b[i + 3];
      out[i] = x;
      out[i + 1] = y;
      out[i + 2] = z;
      out[i + 3] = u;
    }
  },
  divide(n, out, a, b) {
    for (let i = 0; i < n; i += 4) {
      const x = a[i] / b[i];
      const y = a[i + 1] / b[i + 1];
      const z = a[i + 2] / b[i + 2];
      const u = a[i + 3] / b[i + 3];
      out[i] = x;
      out[i + 1] = y;
      out[i + 2] = z;
      out[i + 3] = u;
    }
  },
  /** m + k (x - m): three calls in one. */
  mean(n, out, m, k, x) {
    for (let i = 0; i < n; i += 4) {
      const a = m[i] + k[i] * (x[i] - m[i]);
      const b = m[i + 1] + k[i + 1] * (x[i + 1] - m[i + 1]);
      const c = m[i + 2] + k[i + 2] * (x[i + 2] - m[i + 2]);
      const d = m[i + 3] + k[i + 3] * (x[i + 3] - m[i + 3]);
      out[i] = a;
      out[i + 1] = b;
      out[i + 2] = c;
      out[i + 3] = d;
    }
  },
  negative(n, out, a) { for (let i = 0; i < n; i++) out[i] = -a[i]; },
  positive(n, out, a) { for (let i = 0; i < n; i++) out[i] = a[i]; },
  reciprocal(n, out, a) { for (let i = 0; i < n; i++) out[i] = 1 / a[i]; },
  square(n, out, a) { KERNELS.multiply(n, out, a, a); },
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
  where(n, out, a, b, c) { for (let i = 0; i < n; i++) out[i] = a[i] !== 0 ? b[i] : c[i]; },
  power(n, out, a, b) { for (let i = 0; i < n; i++) out[i] = a[i] ** b[i]; },
  exp(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.exp(a[i]); },
  log(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.log(a[i]); },
  sin(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.sin(a[i]); },
  cos(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.cos(a[i]); },
  tanh(n, out, a) { for (let i = 0; i < n; i++) out[i] = Math.tanh(a[i]); },
  cos_pi(n, out, a) { for (let i = 0; i < n; i++) out[i] = cosPi(a[i]); },
  sin_pi(n, out, a) { for (let i = 0; i < n; i++) out[i] = sinPi(a[i]); },
  tangent_h(n, out, a) { for (let i = 0; i < n; i++) out[i] = tangentH(a[i]); },
};
