// The twins of optimlab/schedules: each maker (args, words) returns s(k), and the forms that the page offers.

import { cosPi, logarithm, power, rint } from "./elementary.js";
import { bound } from "./gains.js";
import { pythonNumber } from "./syntax.js";

function schedulesMaker(parameters, make) {
  return (args, words) => make(...bound(parameters, args, words));
}

function schedulesMixed(initial, final, share) {
  return initial * share + final * (1 - share);
}

function schedulesPart(given) {
  return typeof given === "function" ? given : (k) => given + 0 * k;
}

function schedulesPolynomial(initial, steps, exponent, final) {
  return (k) => schedulesMixed(initial, final, power(1 - Math.min(k / steps, 1), exponent));
}

function schedulesLine(initial, steps, final) {
  return schedulesPolynomial(initial, steps, 1, final);
}

function schedulesHalfWave(x) {
  return 0.5 * (1 + cosPi(x));
}

function schedulesCosine(initial, steps, exponent, final) {
  return (k) => schedulesMixed(initial, final, power(schedulesHalfWave(Math.min(k / steps, 1)), exponent));
}

/** The run and the part of it that is over; the time is in lengths of run 0. */
function schedulesRun(time, growth) {
  const excess = growth - 1;
  const start = (run, length) => (excess === 0 ? run : (length - 1) / excess);
  const about = Math.floor((excess === 0 ? time : logarithm(1 + time * excess) / logarithm(growth)) - 0.5);
  const run = about + Number(start(about + 1, power(growth, about + 1)) <= time);
  const length = power(growth, run);
  return [run, (time - start(run, length)) / length];
}

function schedulesRestarts(initial, steps, growth, factor, final) {
  return (k) => {
    const [run, x] = schedulesRun(k / steps, growth);
    return schedulesMixed(initial, final, power(factor, run) * schedulesHalfWave(x));
  };
}

function schedulesCyclic(low, high, up, down, factor, fade) {
  const fall = down === null ? up : down;
  return (k) => {
    const cycle = Math.floor(k / (up + fall));
    const now = k - cycle * (up + fall);
    const share = Math.min(now / up, (up + fall - now) / fall);
    return schedulesMixed(high, low, share * power(factor, cycle) * power(fade, k));
  };
}

function schedulesRates(initial, rate, steps) {
  return (k) => initial * power(rate, k / steps);
}

function schedulesTime(initial, rate, steps, exponent) {
  return (k) => initial / power(1 + rate * (k / steps), exponent);
}

function schedulesStairs(of, steps) {
  return (k) => of(Math.floor(k / steps) * steps);
}

function schedulesJoined(parts, at) {
  const all = parts.map(schedulesPart);
  return (k) => {
    let i = 0;
    while (i < at.length && k >= at[i]) i++;
    return all[i](i === 0 ? k : k - at[i - 1]);
  };
}

function schedulesOneCycle(initial, peak, steps, final, rise) {
  const top = rint(rise * steps);
  return schedulesJoined([schedulesCosine(initial, top, 1, peak), schedulesCosine(peak, steps - top, 1, final)], [top]);
}

function schedulesTriangle(initial, peak, steps, final, phases) {
  const [top, back] = phases.map((phase) => rint(phase * steps));
  const ends = [[initial, top, peak], [peak, back - top, initial], [initial, steps - back, final]];
  return schedulesJoined(ends.map(([from, length, to]) => schedulesLine(from, length, to)), [top, back]);
}

function schedulesRamp(to, steps, initial) {
  return schedulesJoined([schedulesLine(initial, steps, schedulesPart(to)(0)), to], [steps]);
}

/** The product from left to right; factors that are products are taken apart first. */
function schedulesProduct(given) {
  const factors = given.flatMap((factor) => factor.factors || [schedulesPart(factor)]);
  return Object.assign((k) => factors.map((factor) => factor(k)).reduce((a, b) => a * b), { factors });
}

/** Python's schedules: each (args, words) → s(k). */
export const SCHEDULES = {
  constant: schedulesMaker({ value: 0 }, schedulesPart),
  linear: schedulesMaker({ initial: 0, steps: 1, final: 0 }, schedulesLine),
  polynomial_decay: schedulesMaker({ initial: 0, steps: 1, power: 1, final: 0 }, schedulesPolynomial),
  cosine_decay: schedulesMaker({ initial: 0, steps: 1, exponent: 1, final: 0 }, schedulesCosine),
  cosine_restarts: schedulesMaker({ initial: 0, steps: 1, growth: 1, factor: 1, final: 0 }, schedulesRestarts),
  cosine_wave: schedulesMaker({ initial: 0, steps: 1, final: 0 }, (initial, steps, final) => (k) =>
    schedulesMixed(initial, final, schedulesHalfWave(k / steps))),
  cyclic: schedulesMaker({ low: 0, high: 0, up: 1, down: null, factor: 1, fade: 1 }, schedulesCyclic),
  one_cycle: schedulesMaker({ initial: 0, peak: 0, steps: 2, final: 0, rise: 0.3 }, schedulesOneCycle),
  linear_one_cycle: schedulesMaker({ initial: 0, peak: 0, steps: 3, final: 0, phases: [0.3, 0.85] }, schedulesTriangle),
  exponential_decay: schedulesMaker({ initial: 0, rate: 1, steps: 1 }, schedulesRates),
  inverse_time_decay: schedulesMaker({ initial: 0, rate: 0, steps: 1, power: 1 }, schedulesTime),
  step_decay: schedulesMaker({ initial: 0, rate: 1, steps: 1 }, (initial, rate, steps) =>
    schedulesStairs(schedulesRates(initial, rate, steps), steps)),
  staircase: schedulesMaker({ of: 0, steps: 1 }, (of, steps) => schedulesStairs(schedulesPart(of), steps)),
  join: (args, words) => schedulesJoined(args, words.at),
  piecewise: schedulesMaker({ values: [], at: [] }, schedulesJoined),
  warm_up: schedulesMaker({ to: 0, steps: 1, initial: 0 }, schedulesRamp),
  product: (args) => schedulesProduct(args),
};

function formNumber(x) {
  return Number.isSafeInteger(x) ? String(x) : pythonNumber(x);
}

/** The tree of a call with a learning rate: what a slider says is an argument by its name, and shares of lr are. */
function formCall(name, lr, { start, rate, end, ...words }) {
  const args = [start === undefined ? [] : [lr * start], lr, rate === undefined ? [] : [rate]].flat();
  return { name, args, words: end === undefined ? words : { ...words, final: lr * end } };
}

const FORM_TREES = {
  linear_one_cycle: (lr, { rise, back, ...words }) =>
    formCall("linear_one_cycle", lr, { ...words, phases: [rise, back] }),
  staircase: (lr, { stair, ...inner }) =>
    ({ name: "staircase", args: [formCall("cosine_decay", lr, inner)], words: { steps: stair } }),
  piecewise: (lr, { first, second, factor }) => ({
    name: "piecewise", args: [[lr, lr * factor, lr * factor * factor]], words: { at: [first, first + second] },
  }),
  warm_up: (lr, { ramp, ...inner }) =>
    ({ name: "warm_up", args: [formCall("cosine_decay", lr, inner)], words: { steps: ramp } }),
};

/** What a tree of calls, numbers and lists is: made by ``call`` of names and arguments. */
function formFold(tree, number, list, call) {
  const fold = (part) => formFold(part, number, list, call);
  if (typeof tree === "number") return number(tree);
  if (Array.isArray(tree)) return list(tree.map(fold));
  const words = Object.entries(tree.words).map(([name, value]) => [name, fold(value)]);
  return call(tree.name, tree.args.map(fold), words);
}

const FORM_SLIDERS = {
  steps: [20, 10000, 1000], up: [1, 1000, 100], down: [1, 1000, 100], stair: [1, 1000, 100], ramp: [1, 1000, 100],
  first: [1, 5000, 300], second: [1, 5000, 300], start: [0, 1, 0.04], end: [0, 1, 0], rate: [0, 1, 0.5],
  power: [0.1, 5, 1], exponent: [0.1, 5, 1], growth: [1, 4, 2], factor: [0, 1, 0.5], fade: [0.9, 1, 1],
  rise: [0.1, 0.45, 0.3], back: [0.55, 0.9, 0.85],
};

function formSlider(text) {
  const [name, given] = text.split("=");
  const [low, high, value] = FORM_SLIDERS[name];
  const log = low > 0.05 && high / low > 5;
  return { name, low, high, value: given === undefined ? value : Number(given), log, whole: high >= 1000 };
}

/** The fifteen kinds with their sliders; ends and starts are shares of the learning rate. */
export const SCHEDULE_FORMS = Object.entries({
  constant: "",
  linear: "steps end",
  polynomial_decay: "steps power=2 end",
  cosine_decay: "steps exponent end",
  cosine_restarts: "steps=100 growth factor=1 end",
  cosine_wave: "steps=100 end",
  cyclic: "start up down factor=1 fade",
  one_cycle: "start steps end rise",
  linear_one_cycle: "start steps end rise back",
  exponential_decay: "rate steps=500",
  inverse_time_decay: "rate=1 steps=100 power",
  step_decay: "rate steps=250",
  staircase: "steps stair end",
  piecewise: "first second factor=0.1",
  warm_up: "ramp steps=900 end",
}).map(([name, sliders]) => ({ name, parameters: sliders.split(" ").filter(Boolean).map(formSlider) }));

/** {at: s(k), python: its source} of an offered kind with a learning rate; values that are not given are defaults. */
export function scheduleOf(name, lr, values = {}) {
  const { parameters } = SCHEDULE_FORMS.find((form) => form.name === name);
  const all = Object.fromEntries(parameters.map((one) => [one.name, values[one.name] ?? one.value]));
  const tree = name in FORM_TREES ? FORM_TREES[name](lr, all) : formCall(name, lr, all);
  const same = (x) => x;
  return {
    at: formFold(tree, same, same, (maker, args, words) => SCHEDULES[maker](args, Object.fromEntries(words))),
    python: formFold(tree, formNumber, (x) => `(${x.join(", ")})`, (maker, args, words) =>
      `${maker}(${[...args, ...words.map((word) => word.join("="))].join(", ")})`),
  };
}
