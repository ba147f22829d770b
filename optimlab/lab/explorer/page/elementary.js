// The twins of optimlab/recurrence/{elementary,powers}.py: the same operations in the same order, so the same bits.
// A "double" is a pair [high, low], a number of 106 bits.

const ELEMENTARY_LN2 = [0.6931471803691238, 1.9082149292705877e-10];
const ELEMENTARY_THIRD = [0.3333333333333333, 1.850371707708594e-17];
const ELEMENTARY_INVERSE = elementaryInverses(20);
const ELEMENTARY_FLOAT = new Float64Array(1);
const ELEMENTARY_WORDS = new Uint32Array(ELEMENTARY_FLOAT.buffer);
const ELEMENTARY_HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0]; // where the word with the exponent lies

function elementaryInverses(count) {
  const found = [1];
  for (let j = 1, factorial = 1; j < count; j++) found.push(1 / (factorial *= j));
  return found;
}

/** The nearest whole number, of two the even one. */
export function rint(x) {
  if (!(Math.abs(x) < 4503599627370496)) return x;
  const whole = Math.floor(x);
  const rest = x - whole;
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 !== 0);
  return up ? whole + 1 : whole;
}

/** [m, e] of x = m 2^e with m in [1/2, 1). */
export function frexp(x) {
  if (x === 0 || !Number.isFinite(x)) return [x, 0];
  const tiny = Math.abs(x) < 2.2250738585072014e-308;
  ELEMENTARY_FLOAT[0] = tiny ? x * 18014398509481984 : x;
  const word = ELEMENTARY_WORDS[ELEMENTARY_HIGH];
  ELEMENTARY_WORDS[ELEMENTARY_HIGH] = (word & 0x800fffff) | 0x3fe00000;
  return [ELEMENTARY_FLOAT[0], ((word >>> 20) & 2047) - (tiny ? 1076 : 1022)];
}

/** x 2^n, rounded once. */
export function ldexp(x, n) {
  if (n >= -1022 && n <= 1023) return x * elementaryTwoTo(n);
  if (n > 1023) return x * elementaryTwoTo(1023) * elementaryTwoTo(Math.min(n - 1023, 1023));
  return x * elementaryTwoTo(Math.max(n + 100, -1022)) * elementaryTwoTo(-100);
}

function elementaryTwoTo(n) {
  ELEMENTARY_WORDS[1 - ELEMENTARY_HIGH] = 0;
  ELEMENTARY_WORDS[ELEMENTARY_HIGH] = (n + 1023) << 20;
  return ELEMENTARY_FLOAT[0];
}

/** a + b without an error. */
export function twoSum(a, b) {
  const total = a + b;
  const late = total - a;
  return [total, (a - (total - late)) + (b - late)];
}

function elementaryTwoProduct(a, b) {
  const product = a * b;
  let a1 = 134217729 * a;
  let b1 = 134217729 * b;
  a1 = a1 - (a1 - a);
  b1 = b1 - (b1 - b);
  const a2 = a - a1;
  const b2 = b - b1;
  return [product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2];
}

/** x y of doubles. */
export function times(x, y) {
  const product = elementaryTwoProduct(x[0], y[0]);
  return [product[0], product[1] + (x[0] * y[1] + x[1] * y[0])];
}

/** x / y of doubles. */
export function divided(x, y) {
  const first = x[0] / y[0];
  const near = elementaryTwoProduct(first, y[0]);
  return [first, ((x[0] - near[0]) - near[1] - first * y[1] + x[1]) / y[0]];
}

/** x / y of doubles as a number. */
export function quotient(x, y) {
  const found = divided(x, y);
  return found[0] + found[1];
}

/** 1 - b^(s+t) from x = 1 - b^s and y = 1 - b^t. */
export function joined(x, y) {
  const rest = twoSum(1, -x[0]);
  const product = elementaryTwoProduct(y[0], rest[0]);
  const total = twoSum(x[0], product[0]);
  return twoSum(total[0], total[1] + (x[1] + (product[1] + y[0] * (rest[1] - x[1]) + y[1] * rest[0])));
}

/** 1 - b^t by squaring, from the double 1 - b. */
export function spent(alpha, t) {
  let result = [0, 0];
  for (; t > 0; t = Math.floor(t / 2)) {
    if (t % 2 === 1) result = joined(result, alpha);
    alpha = joined(alpha, alpha);
  }
  return result;
}

/** ln x of a double that is greater than 0. */
export function logOf(x) {
  const parts = frexp(x[0]);
  const small = parts[0] < 0.7071067811865476;
  const m = small ? 2 * parts[0] : parts[0];
  const e = small ? parts[1] - 1 : parts[1];
  const low = ldexp(x[1], -e);
  const above = twoSum(1, m);
  const s = divided(twoSum(m - 1, low), [above[0], above[1] + low]);
  const z = times(s, s);
  let odd = 0;
  for (let j = 27; j > 3; j -= 2) odd = z[0] * (1 / j + odd);
  const third = twoSum(ELEMENTARY_THIRD[0], odd);
  const cubic = times(s, times(z, [third[0], third[1] + ELEMENTARY_THIRD[1]]));
  const part = twoSum(s[0], cubic[0]);
  const total = twoSum(e * ELEMENTARY_LN2[0], 2 * part[0]);
  return [total[0], total[1] + (2 * (part[1] + (s[1] + cubic[1])) + e * ELEMENTARY_LN2[1])];
}

/** n, y and r of e^(high + low) = 2^n (1 + y + r). */
function elementaryGrown(high, low) {
  const n = rint(high * 1.4426950408889634);
  const part = twoSum(high - n * ELEMENTARY_LN2[0], low - n * ELEMENTARY_LN2[1]);
  const y = part[0];
  const late = part[1];
  let c = ELEMENTARY_INVERSE[15];
  for (let j = 14; j > 1; j--) c = c * y + ELEMENTARY_INVERSE[j];
  return [n, y, late + y * late + y * y * c];
}

function elementaryRaised(high, low) {
  if (Number.isNaN(high)) return NaN;
  const inside = Math.abs(high) < 800;
  const grown = elementaryGrown(Math.min(Math.max(high, -800), 800), inside ? low : 0);
  const total = twoSum(1, grown[1]);
  return ldexp(total[0] + (total[1] + grown[2]), grown[0]);
}

/** e^x. */
export function exponential(x) {
  return elementaryRaised(x, 0);
}

/** ln x; -Infinity at 0, NaN below. */
export function logarithm(x) {
  if (!(x > 0 && x < Infinity)) return x === 0 ? -Infinity : x > 0 ? x : NaN;
  const found = logOf([x, 0]);
  return found[0] + found[1];
}

/** base^exponent for a base of at least 0. */
export function power(base, exponent) {
  const p = Math.min(Math.max(exponent, -1e20), 1e20);
  if (p === 0) return 1;
  if (!(base >= 0) || Number.isNaN(p)) return NaN;
  if (p === 1) return base + 0;
  if (base === 0 || base === Infinity) return p > 0 ? base + 0 : 1 / (base + 0);
  const product = times(logOf([base, 0]), [p, 0]);
  return elementaryRaised(product[0], product[1]);
}

/** 1 - e^-x for x of at least 0. */
export function complement(x) {
  const grown = elementaryGrown(-Math.min(x, 800), 0);
  const scale = ldexp(1, grown[0]);
  const total = twoSum(1 - scale, -scale * grown[1]);
  return total[0] + (total[1] - scale * grown[2]);
}

/** tanh x. */
export function tangentH(x) {
  const below = x < 0;
  const c = complement(2 * (below ? -x : x));
  return (below ? -c : c) / (2 - c);
}

function elementaryWave(x, quarters) {
  const turn = x - 2 * rint(0.5 * x);
  const n = rint(2 * turn);
  const y = Math.PI * (turn - 0.5 * n);
  const z = y * y;
  const quarter = (n + quarters + 4) % 4;
  const odd = quarter % 2;
  let series = 0;
  for (let j = 19; j > 2; j -= 2) series = z * ((2 - (j % 4)) * ELEMENTARY_INVERSE[j - odd] + series);
  const wave = odd === 1 ? 1 + series : y + y * series;
  return (quarter >= 2 ? -wave : wave) + 0;
}

/** cos πx, exact at multiples of 1/2. */
export function cosPi(x) {
  return elementaryWave(x, 1);
}

/** sin πx, exact at multiples of 1/2. */
export function sinPi(x) {
  return elementaryWave(x, 0);
}
