// The twins of optimlab/recurrence/{gains,growing}.py and optimlab/schedules/corrections.py, for numbers.

import { complement, joined, logOf, logarithm, power, quotient, spent, twoSum } from "./elementary.js";

const GAINS_BLOCK = 256;

/** The arguments, given in order or by name, as a list in the order of the parameters {name: default}. */
export function bound(parameters, args, words) {
  return Object.keys(parameters).map((name, i) => {
    if (i < args.length) return args[i];
    return name in words ? words[name] : parameters[name];
  });
}

/** A maker (...args, {words}?) of what make(...) returns. */
function gainsMaker(parameters, make) {
  return (...args) => {
    const last = args[args.length - 1];
    const words = last !== null && typeof last === "object" && !Array.isArray(last) ? args.pop() : {};
    return make(...bound(parameters, args, words));
  };
}

/** 1 - β at step t as a double. */
function gainsAlpha(beta, t) {
  return twoSum(1, -(typeof beta === "function" ? beta(t - 1) : beta));
}

/** 1 - β^t for t = 1, ..., 256, by doubling. */
function gainsTable(alpha) {
  const table = [alpha];
  while (table.length < GAINS_BLOCK) {
    const last = table[table.length - 1];
    table.push(...table.map((entry) => joined(last, entry)));
  }
  return table;
}

/** t → 1 - β1 β2 ... βt of a β that is a function, each from that before. */
function gainsGrown(beta) {
  const masses = [[0, 0]];
  return (t) => {
    for (let u = masses.length; u <= t; u++) masses.push(joined(masses[u - 1], gainsAlpha(beta, u)));
    return masses[t];
  };
}

function gainsDebiased(beta) {
  if (typeof beta === "function") {
    const grown = gainsGrown(beta);
    return (t) => quotient(gainsAlpha(beta, t), grown(t));
  }
  const alpha = gainsAlpha(beta, 1);
  const table = gainsTable(alpha);
  let [block, before] = [0, [0, 0]];
  return (t) => {
    const place = (t - 1) % GAINS_BLOCK;
    const first = t - 1 - place;
    if (first !== block) [block, before] = [first, spent(alpha, first)];
    return quotient(alpha, joined(before, table[place]));
  };
}

function gainsPower(gamma) {
  return (t) => {
    if (t === 1) return 1;
    const [high, low] = logOf(twoSum(1, -1 / t));
    return complement((gamma + 1) * -(high + low));
  };
}

function gainsInverse(exponent, least, lag, rate) {
  return (t) => (t === 1 ? 1 : Math.max(least, Math.min(1, power(lag + rate * t, -exponent))));
}

function gainsFound(parameters, make) {
  return gainsMaker(parameters, (...values) => ({ at: make(...values) }));
}

/** Gains k of m ← m + k (x - m): each makes {at(t)} for t = 1, 2, .... */
export const GAINS = {
  ConstantGain: gainsFound({ beta: 0 }, (beta) => (t) => gainsAlpha(beta, t)[0]),
  DebiasedGain: gainsFound({ beta: 0 }, gainsDebiased),
  FirstValueGain: gainsFound({ beta: 0 }, (beta) => (t) => (t === 1 ? 1 : gainsAlpha(beta, t)[0])),
  WarmUpGain: gainsFound({ beta: 0 }, (beta) => (t) => (t === 1 ? 1 : Math.max(gainsAlpha(beta, t)[0], 9 / (9 + t)))),
  UniformGain: gainsFound({}, () => (t) => 1 / t),
  TailGain: gainsFound({ start: 0 }, (start) => (t) => 1 / Math.max(t - start, 1)),
  PowerGain: gainsFound({ gamma: 0 }, gainsPower),
  ShareGain: gainsFound({ share: 1 }, (share) => (t) =>
    t === 1 ? 1 : complement(0.6931471805599453 / Math.max(share * t, 1e-3))),
  InversePowerGain: gainsFound({ power: 1, least: 0, lag: 0, rate: 1 }, gainsInverse),
};

function numbersMass(beta) {
  const [constant, debiased] = [GAINS.ConstantGain(beta), GAINS.DebiasedGain(beta)];
  return (k) => constant.at(k + 1) / debiased.at(k + 1);
}

function numbersHalfLife(beta1, beta3, steps) {
  const half = logarithm(0.5);
  const [first, last] = [half / logarithm(beta1) - 1, half / logarithm(beta3) - 1];
  return (k) => {
    const share = Math.min(k / steps, 1);
    return power(0.5, 1 / ((1 - share) * first + share * last + 1));
  };
}

function numbersMeanShare(beta) {
  const [constant, mass] = [GAINS.ConstantGain(beta), numbersMass(beta)];
  return (k) => (1 - constant.at(k + 2)) / mass(k + 1);
}

function numbersWithinMean(beta) {
  const debiased = GAINS.DebiasedGain(beta);
  return (k) => {
    const rest = 1 - debiased.at(k + 1);
    return rest > 0 ? 1 / rest : 0;
  };
}

/** Lengths of plain means of the EMA's variance, now and in the end (RAdam). */
function numbersLength(beta) {
  const [mass, most] = [numbersMass(beta), 2 / (1 - beta) - 1];
  return (k) => [most - (2 * (k + 1) * (1 - mass(k))) / mass(k), most];
}

function numbersRectified(beta, threshold) {
  const length = numbersLength(beta);
  return (k) => {
    const [rho, end] = length(k);
    if (!(rho > threshold)) return 0;
    return Math.sqrt(((end - 4) * (end - 2) * rho) / ((rho - 4) * (rho - 2) * end));
  };
}

function numbersUnrectified(beta, threshold) {
  const length = numbersLength(beta);
  return (k) => (length(k)[0] > threshold ? 0 : 1);
}

/** Corrections: each makes s(k) for k = 0, 1, .... */
export const NUMBERS = {
  Mass: gainsMaker({ beta: 0 }, numbersMass),
  EpsHat: gainsMaker({ eps: 0, beta: 0 }, (eps, beta) => {
    const mass = numbersMass(beta);
    return (k) => eps / Math.sqrt(mass(k));
  }),
  After: gainsMaker({ steps: 0, number: 0 }, (steps, number) => (k) => (k < steps ? 0 : number)),
  Next: gainsMaker({ of: null }, (of) => (k) => of(k + 1)),
  FourthRoot: gainsMaker({ factor: 1 }, (factor) => (k) => factor * Math.sqrt(Math.sqrt(k))),
  SquareRoot: gainsMaker({}, () => (k) => Math.sqrt(k + 1)),
  HalfLife: gainsMaker({ beta1: 0, beta3: 0, steps: 1 }, numbersHalfLife),
  PowerDecay: gainsMaker({ exponent: 1 }, (exponent) => (k) => 1 - power(k + 1, -exponent)),
  Dozat: gainsMaker({ beta: 0, psi: 0.004 }, (beta, psi) => (k) => beta * (1 - 0.5 * power(0.96, (k + 1) * psi))),
  GradientShare: gainsMaker({ beta: 0 }, (beta) => {
    const debiased = GAINS.DebiasedGain(beta);
    return (k) => debiased.at(k + 1);
  }),
  MeanShare: gainsMaker({ beta: 0 }, numbersMeanShare),
  WithinMean: gainsMaker({ beta: 0 }, numbersWithinMean),
  Rectified: gainsMaker({ beta: 0, threshold: 5 }, numbersRectified),
  Unrectified: gainsMaker({ beta: 0, threshold: 5 }, numbersUnrectified),
};
