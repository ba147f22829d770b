import { Said } from "./syntax.js";

const LEAST_MASS = 1e-300;
const SERIES_GAP = -32768;
const DECAY_NAMES = {
  beta: { from: 0, below: 1, of: (b) => [1 - b, b] },
  alpha: { from: 2 ** -1074, to: 1, of: (a) => [a, 1 - a] },
  span: { from: 1, of: (n) => [2 / (n + 1), (n - 1) / (n + 1)] },
  com: { from: 0, of: (c) => [1 / (1 + c), c / (1 + c)] },
  window: { from: 1, of: (n) => [1 / n, (n - 1) / n] },
  halflife: { from: 2 ** -1074, of: (h) => [-Math.expm1(-Math.LN2 / h), 2 ** (-1 / h)] },
};

/** A decay {beta, alpha} from one of its names; the smaller of the two is right to the last digit. */
export function decayOf(given) {
  const names = Object.keys(DECAY_NAMES).filter((name) => given[name] !== undefined);
  if (names.length !== 1) throw new Said(`give exactly one of ${Object.keys(DECAY_NAMES).join(", ")}`);
  const value = given[names[0]];
  const { from, below, to, of } = DECAY_NAMES[names[0]];
  if (!(value >= from && !(value >= below) && !(value > to) && value < Infinity)) {
    const end = below ? `, below ${below}` : to ? `, at most ${to}` : "";
    throw new Said(`${names[0]} must be at least ${from}${end}; got ${value}`);
  }
  const [alpha, beta] = of(value);
  return { beta: alpha <= 0.5 ? 1 - alpha : beta, alpha: alpha <= 0.5 ? alpha : 1 - beta };
}

/** ln β. */
export function logBeta({ beta, alpha }) {
  return beta >= 0.5 ? Math.log1p(-alpha) : Math.log(beta);
}

/** The state of an EMA before its first row; `prior` is the number that it starts from, null for none. */
export function emaState(prior) {
  return { mass: prior === null ? 0 : 1, m: prior ?? 0, rest: 0, n: 0, b: 0, u: 0, k: 0, a: 1, prior };
}

/** Take a value: optimlab/recurrence/step.py for one series whose weights are all 1. */
export function emaStep(state, x, q, share, floor) {
  if (state.n === 0 && state.prior === null) state.m = x;
  const old = q * state.mass;
  const total = old + share;
  const over = total > 0 ? total : 1;
  const k = share / over;
  const a = old / over;
  const d = x - state.m;
  state.mass = Math.max(total, floor);
  emaMove(state, x, d, k, a);
  state.b = a * (state.b + k * (d * d));
  state.u = a * (a * state.u + 2 * k);
  state.n += 1;
  state.k = k;
  state.a = a;
}

function emaMove(state, x, d, k, a) {
  const close = k <= a;
  const mean = state.m;
  const change = (close ? k : -a) * d + (close ? state.rest : 0);
  const near = close ? mean : x;
  state.m = near + change;
  state.rest = change - (state.m - near);
  if (Math.abs(state.m) < Infinity) return;
  const both = Math.abs(x) < Infinity && Math.abs(mean) < Infinity;
  state.m = a === 0 ? x : both ? a * mean + k * x : mean + x;
  state.rest = 0;
}

/** Pass a row without a value: the past fades, and something of it is left. */
export function emaGap(state, q) {
  state.mass = state.mass > 0 && q > 0 ? Math.max(q * state.mass, LEAST_MASS) : 0;
  state.k = 0;
  state.a = 1;
}

/**
 * The EMA of a series: {decay, mean, sd, error, k, a}, arrays with one entry for each row.
 *
 * how: one name of β (see decayOf), start "debiased", "zero", "first" or a number, gaps "decay" or "skip", times.
 * sd is the weighted deviation of the values, error that of their mean; k and a are the shares of value and past.
 */
export function emaOf(values, how) {
  const decay = decayOf(how);
  const { start = "debiased", gaps = "decay", times = null } = how;
  if (times && start !== "debiased") throw new Said(`with times the start must be "debiased"; got "${start}"`);
  const plain = start === "debiased" ? 0 : 1;
  const share = plain ? decay.alpha : 1;
  const prior = start === "zero" ? 0 : typeof start === "number" ? start : null;
  const state = emaState(prior);
  const run = { decay };
  for (const name of ["mean", "sd", "error", "k", "a"]) run[name] = new Float64Array(values.length);
  const rate = times && logBeta(decay);
  for (let i = 0; i < values.length; i++) {
    const q = times ? fadeOver(rate, i ? times[i] - times[i - 1] : 0) : decay.beta;
    const there = values[i] === values[i];
    if (there) emaStep(state, values[i], q, share, plain);
    else if (gaps === "skip" && !times) state.k = 1 - (state.a = 1);
    else emaGap(state, q);
    record(run, i, state);
  }
  return run;
}

function fadeOver(rate, passed) {
  return passed === 0 ? 1 : Math.exp(rate * passed);
}

function record(run, i, state) {
  const begun = state.n > 0 || state.prior !== null;
  const enough = state.n > (state.prior === null ? 1 : 0);
  run.mean[i] = begun ? state.m : NaN;
  run.sd[i] = enough ? Math.sqrt(state.b / state.u) : NaN;
  run.error[i] = enough ? Math.sqrt((1 - state.u) * (state.b / state.u)) : NaN;
  run.k[i] = state.k;
  run.a[i] = state.a;
}

/** The weights of rows 0 to `at` in the mean of row `at`; what they lack of 1 is the start's. */
export function weightsOf(run, at) {
  const weights = new Float64Array(at + 1);
  let kept = 1;
  for (let i = at; i >= 0; i--) {
    weights[i] = run.k[i] * kept;
    kept *= run.a[i];
  }
  return weights;
}

/** The mean squared error of a mean as a forecast of the next value: that of optimlab.fit_decay. */
export function forecastError(values, mean) {
  let [sum, count] = [0, 0];
  for (let i = 1; i < values.length; i++) {
    const e = values[i] - mean[i - 1];
    if (e !== e) continue;
    sum += e * e;
    count += 1;
  }
  return sum / count;
}

/** The β that forecasts best: {betas, errors, best: {beta, error}}, from a grid and golden sections within it. */
export function bestBeta(values, how = {}, points = 41) {
  const least = 0.1 / values.length;
  const betas = [0];
  for (let i = 0; i < points - 1; i++) betas.push(1 - 0.95 * (least / 0.95) ** (i / (points - 2)));
  const errorAt = (beta) => forecastError(values, emaOf(values, { ...how, beta }).mean);
  const errors = Float64Array.from(betas, errorAt);
  const at = errors.indexOf(errors.reduce((low, error) => Math.min(low, error), Infinity));
  if (at < 0) throw new Said("the series needs at least two finite values for an error");
  const found = goldenSection(errorAt, betas[Math.max(at - 1, 0)], betas[Math.min(at + 1, points - 1)]);
  return { betas, errors, best: found.error < errors[at] ? found : { beta: betas[at], error: errors[at] } };
}

function goldenSection(errorAt, low, high) {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [a, b] = [low, high];
  while (b - a > 1e-6 * (1 - low)) {
    const [c, d] = [b - ratio * (b - a), a + ratio * (b - a)];
    if (errorAt(c) < errorAt(d)) b = d;
    else a = c;
  }
  return { beta: (a + b) / 2, error: errorAt((a + b) / 2) };
}

/** A series of the facts as the views use it: {name, unit, source, values, label(i), xs, xLabel}; gaps are NaN. */
export function seriesOf(fact) {
  const [kind, first, step] = fact.time;
  const values = unpacked(...fact.values);
  const dated = typeof first === "string";
  const at = values.map((_, i) => (dated ? Date.parse(first) / 864e5 : first) + step * i);
  const label = dated ? (i) => dayLabel(at[i]) : (i) => String(at[i]);
  const { title: name, unit, source } = fact;
  return { name, unit, source, values, times: null, label, ...axisOf(at, dated, kind) };
}

function unpacked(type, text, divisor) {
  const { buffer } = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const whole = type === "Int16Array";
  return Float64Array.from(whole ? new Int16Array(buffer) : new Float64Array(buffer), (x) =>
    whole && x === SERIES_GAP ? NaN : x / divisor);
}

/** Where rows lie on an axis, and its label: dates in years, or in days where there are less than two years. */
export function axisOf(at, dated, kind) {
  const span = at[at.length - 1] - at[0];
  if (dated && span >= 730) return { xs: at.map((days) => 1970 + days / 365.2425), xLabel: "year" };
  if (!dated) return { xs: at, xLabel: kind };
  return { xs: at.map((days) => days - at[0]), xLabel: `days since ${dayLabel(at[0])}` };
}

/** A number of days since 1970 as YYYY-MM-DD. */
export function dayLabel(days) {
  return new Date(864e5 * days).toISOString().slice(0, 10);
}
