// SGD on the noisy quadratic: each mode has the loss ½ h w² and sees the gradient h w + e, E e² = noise.
// A way to use a run is a gain for each update and a learning rate for each: the iterate itself has the gain 1.

import { GAINS } from "./gains.js";
import { Pcg64 } from "./noise.js";
import { SCHEDULES } from "./schedules.js";

/** The gains of updates 1 to `steps` as an array. */
export function gainsOf(gain, steps) {
  return Float64Array.from({ length: steps }, (_, i) => gain.at(i + 1));
}

/**
 * The ways to end a run of `now` updates at the rate lr, followed by `window` more:
 * [{name, kind: "iterate" | "average" | "decay", begin: the update from which it has a life of its own, gains, rates}].
 */
export function waysOf({ lr, now, window: more, betas, gamma, curvature }) {
  const steps = now + more;
  const rates = new Float64Array(steps).fill(lr);
  const still = new Float64Array(steps).fill(1);
  const mean = (name, gain, begin = 0) => ({ name, kind: "average", begin, gains: gainsOf(gain, steps), rates });
  const falling = (at) => rates.map((rate, i) => (i < now ? rate : at(i - now)));
  const decay = (name, at) => ({ name, kind: "decay", begin: now, gains: still, rates: falling(at) });
  return [
    { name: "the iterate", kind: "iterate", begin: 0, gains: still, rates },
    ...betas.map((beta, i) => mean(`EMA β${"₁₂₃"[i]}`, GAINS.DebiasedGain(beta))),
    mean("mean of all", GAINS.UniformGain()),
    mean("merge", GAINS.TailGain(now), now),
    mean("power profile γ", GAINS.PowerGain(gamma)),
    ...Object.entries(decaysOf({ lr, window: more, curvature })).map(([name, at]) => decay(name, at)),
  ];
}

/** Learning rates that fall from lr over a window, as functions of its updates 0, 1, ...; the next one would be 0. */
export function decaysOf({ lr, window: more, curvature }) {
  const [line, half] = [SCHEDULES.linear, SCHEDULES.cosine_decay].map((kind) => kind([lr], { steps: more + 1 }));
  const inverse = SCHEDULES.inverse_time_decay([lr / 2], { rate: (lr * curvature) / 2 });
  return { "linear decay": (i) => line(i + 1), "cosine decay": (i) => half(i + 1), "1/t decay": inverse };
}

/**
 * E w̄² after 0, 1, ... updates, exact: w ← (1 - lr h) w - lr e, w̄ ← w̄ + k (w - w̄), from E w² = `start`.
 * The end is optimlab.lab.theory.averaged_square of the gains' weights.
 */
export function exactSquares({ gains, rates }, { h, noise, start }) {
  const squares = new Float64Array(gains.length + 1);
  let [own, both, mean] = [start, start, start];
  squares[0] = start;
  for (let i = 0; i < gains.length; i++) {
    const [k, r] = [gains[i], 1 - rates[i] * h];
    own = r * r * own + rates[i] * rates[i] * noise;
    mean = (1 - k) * (1 - k) * mean + 2 * k * (1 - k) * r * both + k * k * own;
    both = (1 - k) * r * both + k * own;
    squares[i + 1] = mean;
  }
  return squares;
}

/** Σ ½ h E w̄² over the modes, after each update. */
export function exactLoss(way, modes) {
  const loss = new Float64Array(way.gains.length + 1);
  for (const mode of modes) exactSquares(way, mode).forEach((square, i) => (loss[i] += 0.5 * mode.h * square));
  return loss;
}

/** The loss at the end in two parts: {lag: what is left of the start, noise: what the noise has added}. */
export function lossParts(way, modes) {
  const without = (part) => exactLoss(way, modes.map((mode) => ({ ...mode, ...part }))).at(-1);
  return { lag: without({ noise: 0 }), noise: without({ start: 0 }) };
}

/** wᵢ = kᵢ Π(1-kⱼ): the share of each iterate in the mean after all updates. */
export function gainWeights(gains) {
  const weights = new Float64Array(gains.length);
  let kept = 1;
  for (let i = gains.length - 1; i >= 0; i--) {
    weights[i] = gains[i] * kept;
    kept *= 1 - gains[i];
  }
  return weights;
}

/** Mean age of the weights in updates: how far the mean is behind a steady drift. */
export function lagOf(gains) {
  const weights = gainWeights(gains);
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.reduce((sum, w, i) => sum + w * (gains.length - 1 - i), 0) / total;
}

/** So much noise of variance 1: four random bits counted, less 2; sixteen of them from each number of PCG64. */
export function bitNoise(seed, size) {
  const generator = new Pcg64(seed);
  const noise = new Int8Array(size);
  for (let i = 0; i < size; i += 16) {
    const word = generator.raw();
    for (const [from, half] of [[i, Number(word & 0xffffffffn)], [i + 8, Number(word >> 32n)]]) {
      for (let j = 0; j < 8; j++) if (from + j < size) noise[from + j] = BIT_COUNTS[(half >>> (4 * j)) & 15] - 2;
    }
  }
  return noise;
}

const BIT_COUNTS = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];

/**
 * What so many runs give: {times, mean, error (of the mean)}, the loss after the updates in `times`.
 * Run r takes the noise of update i in mode j from place (i modes + j) runs + r.
 */
export function measuredLoss(way, modes, { runs, times, noise }) {
  const losses = times.map(() => new Float64Array(runs));
  const by = modes.length * runs;
  modes.forEach((mode, j) => addRuns(way, mode, { runs, times, noise, losses, from: j * runs, by }));
  const mean = losses.map((loss) => loss.reduce((sum, one) => sum + one, 0) / runs);
  const spread = losses.map((loss, i) => loss.reduce((sum, one) => sum + (one - mean[i]) ** 2, 0) / runs);
  return { times, mean, error: spread.map((variance) => Math.sqrt(variance / (runs - 1))) };
}

function addRuns({ gains, rates }, { h, noise: variance, start }, { runs, times, noise, losses, from, by }) {
  const size = Math.sqrt(variance);
  const w = new Float64Array(runs).fill(Math.sqrt(start));
  const mean = w.slice();
  for (let i = 0, t = 0; t < times.length; i++) {
    for (; times[t] === i; t++) for (let r = 0; r < runs; r++) losses[t][r] += 0.5 * h * mean[r] * mean[r];
    if (i < gains.length) moveRuns(w, mean, { gain: gains[i], rate: rates[i], h, size }, noise, from + i * by);
  }
}

function moveRuns(w, mean, { gain, rate, h, size }, noise, from) {
  for (let r = 0; r < w.length; r++) {
    w[r] -= rate * (h * w[r] + size * noise[from + r]);
    mean[r] += gain * (w[r] - mean[r]);
  }
}

/** E f after decaying linearly from each update on, over the window: what decaying now would give. */
export function decayedFrom(iterate, modes, { lr, window: more }) {
  const line = decaysOf({ lr, window: more, curvature: 1 })["linear decay"];
  const way = { gains: new Float64Array(more).fill(1), rates: Float64Array.from({ length: more }, (_, i) => line(i)) };
  const loss = new Float64Array(iterate.gains.length + 1);
  for (const mode of modes) {
    const kept = exactSquares(way, { ...mode, start: 1, noise: 0 })[more];
    const added = exactSquares(way, { ...mode, start: 0 })[more];
    exactSquares(iterate, mode).forEach((square, i) => (loss[i] += 0.5 * mode.h * (kept * square + added)));
  }
  return loss;
}

/** lr · noise / (h (2 - lr h)): where SGD at a constant rate ends; infinite where it is not stable. */
export function sgdVariance(lr, h, noise) {
  return lr * h < 2 ? (lr * noise) / (h * (2 - lr * h)) : Infinity;
}

/** The same for the EMA of the iterates: times (1-β)/(1+β) · (1+rβ)/(1-rβ), r = 1 - lr h. */
export function averagedVariance(lr, h, { beta, noise }) {
  return sgdVariance(lr, h, noise) * averagedShare(lr, h, beta);
}

/** The lower learning rate whose floor is that of the EMA at lr. */
export function lrOfAverage(lr, h, beta) {
  const q = (lr * h * averagedShare(lr, h, beta)) / (2 - lr * h);
  return (2 * q) / (h * (1 + q));
}

function averagedShare(lr, h, beta) {
  const r = Math.max(1 - lr * h, -1);
  return (((1 - beta) / (1 + beta)) * (1 + r * beta)) / (1 - r * beta);
}

/** Merge over decay in the limit of small lr h: x = lr h k time constants, from E w² = `excess` times the floor. */
export function mergeOverDecay(x, excess) {
  const { left, merged, decayed } = windowNoises(x);
  return (excess * left * left + merged) / (excess * Math.exp(-x) + decayed);
}

/** The excess above which a linear decay ends lower than the merge. */
export function mergeCrossover(x) {
  const { left, merged, decayed } = windowNoises(x);
  return (decayed - merged) / (left * left - Math.exp(-x));
}

function windowNoises(x) {
  const merged = (2 * (x + 2 * Math.expm1(-x) - 0.5 * Math.expm1(-2 * x))) / x ** 2;
  const decayed = 0.5 * Math.sqrt(Math.PI / x) * errorFunction(Math.sqrt(x)) - Math.exp(-x);
  return { left: -Math.expm1(-x) / x, merged, decayed };
}

/** erf for z ≥ 0 by Kummer's series, whose terms are all positive. */
function errorFunction(z) {
  if (z > 6) return 1;
  let [term, sum] = [z, 0];
  for (let n = 1; sum + term !== sum; n++) {
    sum += term;
    term *= (2 * z * z) / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}
