// What a linear rule does on a quadratic, found from its own program: each value in it is a form of g, w and the state.

const THEORY_LATE = [1e9, 2000000007]; // steps at which gains have settled, a prime apart: no cycle is the same at both
const THEORY_ROUNDING = 1e-12; // of a spectral radius: nearer to 1 nothing is said of its side
const THEORY_STEPS = 2000; // after which gains are no longer awaited
const THEORY_LIMITS = new WeakMap(); // of rules, by curvature: a drag of lr asks for the same again and again
const EULER_GAMMA = 0.5772156649015329;

/**
 * What is known of a linear rule where a surface has these curvatures; null of any other rule. `limit` is the largest
 * stable lr at the largest curvature. Of each curvature: `contraction`, the spectral radius of a step; `variance`, the
 * stationary E w² under noise of this standard deviation; `escape` from a start at a saddle. `floor` is Σ ½ h E w².
 */
export function theoryOf({ rule, curvatures, lr, noise = 0, starts = null, radius = 1 }) {
  const late = settledCoefficients(rule);
  const forms = late && linearForms(rule, lr, late);
  if (!forms) return null;
  const modes = curvatures.map((curvature, i) => {
    const mode = modeOf(forms, curvature);
    const contraction = spectralRadius(mode);
    const variance = contraction < 1 - THEORY_ROUNDING ? noise ** 2 * stationaryVariance(mode) : null;
    const leaves = starts !== null && curvature < 0 && contraction > 1 + THEORY_ROUNDING;
    const start = starts?.[i];
    const escape = leaves ? escapeOf({ rule, lr, curvature, start, radius, noise, growth: contraction, late }) : null;
    return { curvature, contraction, variance, escape };
  });
  const settles = modes.every((mode) => mode.variance !== null);
  const floor = settles ? modes.reduce((sum, mode) => sum + 0.5 * mode.curvature * mode.variance, 0) : null;
  return { limit: knownLimit(rule, late, Math.max(...curvatures)), modes, floor };
}

/** The coefficients in the end, if there is one. */
function settledCoefficients(rule) {
  const plain = rule.held.every(({ args = [], words = {} }) =>
    [...args, ...Object.values(words)].every((x) => typeof x === "number"));
  if (!plain) return null; // the product of a schedule takes as long as its steps
  const [early, late] = THEORY_LATE.map((t) => [...rule.coefficients(t)]);
  return late.every((c, i) => Math.abs(c - early[i]) <= THEORY_ROUNDING * Math.abs(c)) ? late : null;
}

const LINEAR_CALLS = {
  positive: (a) => a,
  negative: (a) => scaledForm(a, -1),
  add: (a, b) => addedForms(a, b),
  subtract: (a, b) => addedForms(a, scaledForm(b, -1)),
  multiply: (a, b) => (typeof b === "number" ? scaledForm(a, b) : typeof a === "number" ? scaledForm(b, a) : null),
  divide: (a, b) => (typeof b === "number" ? scaledForm(a, 1 / b) : null),
};

function scaledForm(a, factor) {
  return typeof a === "number" ? a * factor : a.map((x) => x * factor);
}

function addedForms(a, b) {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0 || b === 0) return a === 0 ? b : a;
  return typeof a === "number" || typeof b === "number" ? null : a.map((x, i) => x + b[i]);
}

/** The new w and state as forms of (g, w, state...): rows of factors; null if they are none. */
function linearForms(rule, lr, coefficients) {
  const { arrays, constants, calls, copies } = rule.program;
  const units = Array.from({ length: arrays }, (_, i) => Array.from({ length: arrays }, (_, j) => Number(i === j)));
  const numbers = coefficients.map((c, i) => (rule.rates.includes(i) ? lr : c));
  const at = [...units, 1, lr, ...numbers, ...constants];
  for (const [op, places, out] of calls) {
    const operands = places.map((place) => at[place]);
    at[out] = Object.hasOwn(LINEAR_CALLS, op) ? LINEAR_CALLS[op](...operands) : null;
    if (at[out] === null) return null;
  }
  for (const [from, to] of copies) at[to] = at[from];
  const rows = at.slice(1, arrays).map((row) => (row === 0 ? units[0].map(() => 0) : row));
  return rows.every(Array.isArray) ? rows : null;
}

/** A and b of s ← A s + b e, s = (w, state...), where the gradient is h w + e; A row after row. */
function modeOf(forms, curvature) {
  const rows = forms.flatMap(([g, w, ...state]) => [w + curvature * g, ...state]);
  return { matrix: Float64Array.from(rows), input: Float64Array.from(forms, ([g]) => g) };
}

/** A B, or A Bᵀ, of square matrices of n rows. */
function squareProduct(a, b, n, { turned = false, out = new Float64Array(n * n) } = {}) {
  const [down, right] = turned ? [1, n] : [n, 1];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += a[i * n + k] * b[k * down + j * right];
      out[i * n + j] = sum;
    }
  }
  return out;
}

function largestOf(matrix) {
  let most = 0;
  for (const x of matrix) most = Math.max(most, Math.abs(x));
  return most;
}

/** lim |Aⁿ|^(1/n), n = 1, 2, 4, ..., each power scaled to 1. */
function spectralRadius({ matrix, input }) {
  let [power, next, log] = [matrix.slice(), matrix.slice(), 0];
  for (let share = 1; share > 1e-17; share /= 2) {
    const size = largestOf(power);
    if (size === 0 || !Number.isFinite(size)) return size && Infinity;
    log += share * Math.log(size);
    for (let i = 0; i < power.length; i++) power[i] /= size;
    [power, next] = [squareProduct(power, power, input.length, { out: next }), power];
  }
  return Math.exp(log);
}

/** P₀₀ of P = A P Aᵀ + b bᵀ, the sum over Aᵏ b: twice as many terms each time. */
function stationaryVariance({ matrix, input }) {
  const n = input.length;
  let power = matrix;
  const sum = Float64Array.from(matrix, (_, i) => input[Math.floor(i / n)] * input[i % n]);
  while (largestOf(power) > 1e-30) {
    const more = squareProduct(squareProduct(power, sum, n), power, n, { turned: true });
    more.forEach((x, i) => { sum[i] += x; });
    power = squareProduct(power, power, n);
  }
  return sum[0];
}

function knownLimit(rule, late, curvature) {
  if (!THEORY_LIMITS.has(rule)) THEORY_LIMITS.set(rule, new Map());
  const known = THEORY_LIMITS.get(rule);
  if (!known.has(curvature)) known.set(curvature, stabilityLimit(rule, late, curvature));
  return known.get(curvature);
}

/** The lr at which the rule first loses its stability; null if none does. */
function stabilityLimit(rule, late, curvature) {
  if (!(curvature > 0)) return null;
  const stable = (lr) => spectralRadius(modeOf(linearForms(rule, lr, late), curvature)) <= 1 + THEORY_ROUNDING;
  let [low, high] = [0, 1e-6 / curvature];
  for (; stable(high); high *= 2) {
    if (high > 1e9 / curvature) return null;
    low = high;
  }
  for (let i = 0; i < 46 && low > 0; i++) {
    const middle = (low + high) / 2;
    [low, high] = stable(middle) ? [middle, high] : [low, middle];
  }
  return low;
}

/**
 * `steps`: the first t with |w| ≥ radius, by the map of each step from the start; `predicted`: t of |w| = radius on the
 * mode that grows, ln(radius/(a |w₀|))/ln z. From w₀ = 0 there is only the mean of t over the noise.
 */
function escapeOf({ rule, lr, curvature, start, radius, noise, growth, late }) {
  const mode = (c) => modeOf(linearForms(rule, lr, c), curvature);
  if (start === 0) return { steps: null, predicted: noise ? pushedOff(mode(late), { radius, noise, growth }) : null };
  const settled = mode(late).matrix;
  const matrixAt = (t) => {
    const now = [...rule.coefficients(t)];
    return now.every((c, i) => c === late[i]) ? settled : mode(now).matrix;
  };
  const { steps, t, size } = grownFrom(Float64Array.of(start, ...rule.start), matrixAt, { radius, growth });
  const predicted = t === null ? null : t + Math.log(radius / size) / Math.log(growth);
  return { steps: steps ?? (predicted === null ? null : Math.ceil(predicted)), predicted };
}

/** E t of a w that noise alone pushes off: w → zᵗ q N(0, 1), E ln|N(0, 1)| = -(γ + ln 2)/2. */
function pushedOff({ matrix, input }, { radius, noise, growth }) {
  const { t, size } = grownFrom(input, () => matrix, { radius: Infinity, growth });
  if (t === null) return null;
  const q = (size / growth ** t) * noise / Math.sqrt(growth ** 2 - 1);
  return (Math.log(radius / q) + (EULER_GAMMA + Math.LN2) / 2) / Math.log(growth);
}

/** Iterate until |w| grows as its mode does, at t and of this size; `steps` if it has passed the radius by then. */
function grownFrom(first, matrixAt, { radius, growth }) {
  const n = first.length;
  let state = first;
  let steps = Math.abs(first[0]) >= radius ? 0 : null;
  for (let t = 1; t <= THEORY_STEPS; t++) {
    const matrix = matrixAt(t);
    const before = state;
    state = before.map((_, i) => before.reduce((sum, x, k) => sum + matrix[i * n + k] * x, 0));
    const size = Math.abs(state[0]);
    if (steps === null && size >= radius) steps = t;
    if (Math.abs(size / Math.abs(before[0]) / growth - 1) < 1e-14) return { steps, t, size };
  }
  return { steps, t: null };
}
