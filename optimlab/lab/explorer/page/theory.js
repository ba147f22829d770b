// What a linear rule does on a quadratic, found from its own program: each value in it is a form of g, w and the state.

const THEORY_LATE = 1e9; // a step at which gains have settled
const THEORY_ROUNDING = 1e-12; // of a spectral radius: nearer to 1 nothing is said of its side
const THEORY_STEPS = 10000; // after which an escape is no longer awaited
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
    const { matrix, input } = modeOf(forms, curvature);
    const contraction = spectralRadius(matrix);
    const variance = contraction < 1 - THEORY_ROUNDING ? noise ** 2 * stationaryVariance(matrix, input) : null;
    const leaves = starts !== null && curvature < 0 && contraction > 1 + THEORY_ROUNDING;
    const start = starts?.[i];
    const escape = leaves ? escapeOf({ rule, lr, curvature, start, radius, noise, growth: contraction, late }) : null;
    return { curvature, contraction, variance, escape };
  });
  const settles = modes.every((mode) => mode.variance !== null);
  const floor = settles ? modes.reduce((sum, mode) => sum + 0.5 * mode.curvature * mode.variance, 0) : null;
  return { limit: stabilityLimit(rule, late, Math.max(...curvatures)), modes, floor };
}

/** The coefficients in the end, if there is one. */
function settledCoefficients(rule) {
  const plain = rule.held.every(({ args = [], words = {} }) =>
    [...args, ...Object.values(words)].every((x) => typeof x === "number"));
  if (!plain) return null; // the product of a schedule takes as long as its steps
  const [early, late] = [THEORY_LATE, 2 * THEORY_LATE].map((t) => [...rule.coefficients(t)]);
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

/** A and b of s ← A s + b e, s = (w, state...), where the gradient is h w + e. */
function modeOf(forms, curvature) {
  const matrix = forms.map(([g, w, ...state]) => [w + curvature * g, ...state]);
  return { matrix, input: forms.map(([g]) => g) };
}

function matrixProduct(a, b) {
  return a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
}

function transposed(a) {
  return a[0].map((_, j) => a.map((row) => row[j]));
}

function largestOf(matrix) {
  return Math.max(...matrix.flat().map(Math.abs));
}

/** lim |Aⁿ|^(1/n), n = 1, 2, 4, ..., each power scaled to 1. */
function spectralRadius(matrix) {
  let [power, log] = [matrix, 0];
  for (let share = 1; share > 1e-17; share /= 2) {
    const size = largestOf(power);
    if (size === 0 || !Number.isFinite(size)) return size && Infinity;
    log += share * Math.log(size);
    const unit = power.map((row) => row.map((x) => x / size));
    power = matrixProduct(unit, unit);
  }
  return Math.exp(log);
}

/** P₀₀ of P = A P Aᵀ + b bᵀ, the sum over Aᵏ b: twice as many terms each time. */
function stationaryVariance(matrix, input) {
  let [power, sum] = [matrix, input.map((x) => input.map((y) => x * y))];
  while (largestOf(power) > 1e-30) {
    const more = matrixProduct(matrixProduct(power, sum), transposed(power));
    sum = sum.map((row, i) => row.map((x, j) => x + more[i][j]));
    power = matrixProduct(power, power);
  }
  return sum[0][0];
}

/** The lr at which the rule first loses its stability; null if none does. */
function stabilityLimit(rule, late, curvature) {
  if (!(curvature > 0)) return null;
  const stable = (lr) => spectralRadius(modeOf(linearForms(rule, lr, late), curvature).matrix) <= 1 + THEORY_ROUNDING;
  let [low, high] = [0, 1e-6 / curvature];
  for (; stable(high); high *= 1.5) {
    if (high > 1e9 / curvature) return null;
    low = high;
  }
  if (low === 0) return 0;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    [low, high] = stable(middle) ? [middle, high] : [low, middle];
  }
  return low;
}

/**
 * `steps`: the first t with |w| ≥ radius, by the map of each step from the start, null if it takes too long;
 * `predicted`: t of |w| = radius on the mode that grows, ln(radius/(a |w₀|))/ln z; from w₀ = 0 its mean over the noise.
 */
function escapeOf({ rule, lr, curvature, start, radius, noise, growth, late }) {
  const rows = (c) => modeOf(linearForms(rule, lr, c), curvature).matrix;
  if (start === 0) return { steps: null, predicted: pushedOff({ rule, lr, curvature, radius, noise, growth, late }) };
  const state = [start, ...rule.start];
  const found = grownFrom(state, (t) => rows([...rule.coefficients(t)]), { radius, growth });
  return { steps: found.steps, predicted: found.t + Math.log(radius / found.size) / Math.log(growth) };
}

/** E t of gradients whose noise alone pushes w off: w → zᵗ q N(0, 1), E ln|N(0, 1)| = -(γ + ln 2)/2. */
function pushedOff({ rule, lr, curvature, radius, noise, growth, late }) {
  if (noise === 0) return null;
  const { matrix, input } = modeOf(linearForms(rule, lr, late), curvature);
  const found = grownFrom(input, () => matrix, { radius: 0, growth });
  const log = Math.log(found.size) - found.t * Math.log(growth);
  const q = Math.exp(log) * noise / Math.sqrt(growth ** 2 - 1);
  return (Math.log(radius / q) + (EULER_GAMMA + Math.LN2) / 2) / Math.log(growth);
}

/** Iterate until |w| has passed the radius and grows as its mode does. */
function grownFrom(first, matrixAt, { radius, growth }) {
  let state = first;
  let steps = Math.abs(first[0]) >= radius ? 0 : null;
  for (let t = 1; t <= THEORY_STEPS; t++) {
    const next = matrixProduct(matrixAt(t), state.map((x) => [x])).flat();
    const size = Math.abs(next[0]);
    if (steps === null && size >= radius) steps = t;
    const settled = Math.abs(size / Math.abs(state[0]) / growth - 1) < 1e-14 || size > 1e100;
    if ((steps !== null && settled) || t === THEORY_STEPS) return { steps, t, size };
    state = next;
  }
}
