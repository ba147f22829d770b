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
  const start = (run) => (excess === 0 ? run : (power(growth, run) - 1) / excess);
  let run = Math.floor(excess === 0 ? time : logarithm(1 + time * excess) / logarithm(growth));
  run = run + Number(start(run + 1) <= time) - Number(start(run) > time);
  return [run, (time - start(run)) / power(growth, run)];
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

function formCall(name, args, words = {}) {
  return { name, args, words };
}

/** What a tree of calls, numbers and lists is: made by ``call`` of names and arguments. */
function formFold(tree, number, list, call) {
  const fold = (part) => formFold(part, number, list, call);
  if (typeof tree === "number") return number(tree);
  if (Array.isArray(tree)) return list(tree.map(fold));
  const words = Object.entries(tree.words).map(([name, value]) => [name, fold(value)]);
  return call(tree.name, tree.args.map(fold), words);
}

const FORM_STEPS = { name: "steps", low: 1, high: 10000, value: 1000, log: true, whole: true };
const FORM_END = { name: "end", low: 0, high: 1, value: 0, log: false };

function formSlider(name, low, high, value, more = {}) {
  return { name, low, high, value, log: false, ...more };
}

const FORM_WHOLE = { log: true, whole: true };
const FORM_POWER = formSlider("power", 0.1, 5, 1, { log: true });
const FORM_RATE = formSlider("rate", 0, 1, 0.5);
const FORM_FACTOR = formSlider("factor", 0, 1, 1);

/** [name, sliders, the call with the learning rate lr and the sliders' values v]; ends and starts are shares of lr. */
const FORM_OFFERED = [
  ["constant", [], (lr) => formCall("constant", [lr])],
  ["linear", [FORM_STEPS, FORM_END], (lr, v) => formCall("linear", [lr], { steps: v.steps, final: lr * v.end })],
  ["polynomial_decay", [FORM_STEPS, { ...FORM_POWER, value: 2 }, FORM_END], (lr, v) =>
    formCall("polynomial_decay", [lr], { steps: v.steps, power: v.power, final: lr * v.end })],
  ["cosine_decay", [FORM_STEPS, { ...FORM_POWER, name: "exponent" }, FORM_END], (lr, v) =>
    formCall("cosine_decay", [lr], { steps: v.steps, exponent: v.exponent, final: lr * v.end })],
  ["cosine_restarts", [{ ...FORM_STEPS, value: 100 }, formSlider("growth", 1, 4, 2), FORM_FACTOR, FORM_END], (lr, v) =>
    formCall("cosine_restarts", [lr], { steps: v.steps, growth: v.growth, factor: v.factor, final: lr * v.end })],
  ["cosine_wave", [{ ...FORM_STEPS, value: 100 }, FORM_END], (lr, v) =>
    formCall("cosine_wave", [lr], { steps: v.steps, final: lr * v.end })],
  ["cyclic", [formSlider("low", 0, 1, 0.1), formSlider("up", 1, 1000, 100, FORM_WHOLE),
    formSlider("down", 1, 1000, 100, FORM_WHOLE), FORM_FACTOR, formSlider("fade", 0.9, 1, 1)], (lr, v) =>
    formCall("cyclic", [lr * v.low, lr], { up: v.up, down: v.down, factor: v.factor, fade: v.fade })],
  ["one_cycle", [formSlider("start", 0, 1, 0.04), { ...FORM_STEPS, low: 10 }, FORM_END,
    formSlider("rise", 0.1, 0.9, 0.3)], (lr, v) =>
    formCall("one_cycle", [lr * v.start, lr], { steps: v.steps, final: lr * v.end, rise: v.rise })],
  ["linear_one_cycle", [formSlider("start", 0, 1, 0.04), { ...FORM_STEPS, low: 20 }, FORM_END,
    formSlider("rise", 0.1, 0.45, 0.3), formSlider("back", 0.55, 0.9, 0.85)], (lr, v) =>
    formCall("linear_one_cycle", [lr * v.start, lr],
      { steps: v.steps, final: lr * v.end, phases: [v.rise, v.back] })],
  ["exponential_decay", [FORM_RATE, { ...FORM_STEPS, value: 500 }], (lr, v) =>
    formCall("exponential_decay", [lr, v.rate], { steps: v.steps })],
  ["inverse_time_decay", [formSlider("rate", 0, 10, 1), { ...FORM_STEPS, value: 100 }, FORM_POWER], (lr, v) =>
    formCall("inverse_time_decay", [lr, v.rate], { steps: v.steps, power: v.power })],
  ["step_decay", [FORM_RATE, { ...FORM_STEPS, value: 250 }], (lr, v) =>
    formCall("step_decay", [lr, v.rate], { steps: v.steps })],
  ["staircase", [FORM_STEPS, formSlider("stair", 1, 1000, 100, FORM_WHOLE), FORM_END], (lr, v) =>
    formCall("staircase", [formCall("cosine_decay", [lr], { steps: v.steps, final: lr * v.end })],
      { steps: v.stair })],
  ["piecewise", [formSlider("first", 1, 5000, 300, FORM_WHOLE), formSlider("second", 1, 5000, 300, FORM_WHOLE),
    formSlider("factor", 0, 1, 0.1)], (lr, v) =>
    formCall("piecewise", [[lr, lr * v.factor, lr * v.factor * v.factor]], { at: [v.first, v.first + v.second] })],
  ["warm_up", [formSlider("ramp", 1, 1000, 100, FORM_WHOLE), { ...FORM_STEPS, value: 900 }, FORM_END], (lr, v) =>
    formCall("warm_up", [formCall("cosine_decay", [lr], { steps: v.steps, final: lr * v.end })],
      { steps: v.ramp })],
];

/** The fifteen kinds with their sliders. */
export const SCHEDULE_FORMS = FORM_OFFERED.map(([name, parameters]) => ({ name, parameters }));

/** {at: s(k), python: its source} of an offered kind with a learning rate; values that are not given are defaults. */
export function scheduleOf(name, lr, values = {}) {
  const [, parameters, call] = FORM_OFFERED.find((offered) => offered[0] === name);
  const defaults = Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter.value]));
  const tree = call(lr, { ...defaults, ...values });
  const text = (maker, args, words) => `${maker}(${[...args, ...words.map((word) => word.join("="))].join(", ")})`;
  return {
    at: formFold(tree, (x) => x, (x) => x, (maker, args, words) => SCHEDULES[maker](args, Object.fromEntries(words))),
    python: formFold(tree, formNumber, (x) => `(${x.join(", ")})`, text),
  };
}
