// How each coefficient of a rule follows from t, as optimlab/export/coefficients.py has it: a number, terms, a table.

import { twoSum } from "./elementary.js";
import { Term, call, lift } from "./symbols.js";

const STEP_TERM = new Term({ value: "t" });
const RATE_TERM = new Term({ value: "lr" });

/** The coefficients of a rule as terms of t and lr, which also call "debiased" and "table" of so many steps. */
export function coefficientTerms(rule, steps) {
  let first = 0;
  return rule.graph.rules.flatMap(({ atom }) => {
    const places = atom.coefficients.map((_, i) => first + i);
    first += places.length;
    const forms = places.map((i) => coefficientForm(rule.held[i])); // all before the first table, as Python makes them
    return forms.map((form, i) => (form === null ? coefficientTable(rule, places[i], steps) : lift(form)));
  });
}

function coefficientForm(held) {
  if (typeof held === "number") return held;
  if (held.rate) return RATE_TERM;
  const make = held.atom ? undefined : COEFFICIENT_FORMS[held.kind];
  return make && typeof (held.values.beta ?? 0) === "number" ? make(held.values) : null;
}

/** The numbers of steps 1, 2, ...; one, where a gain stays the same. */
function coefficientTable(rule, place, steps) {
  const rows = rule.coefficientRows(steps);
  const numbers = Array.from({ length: steps }, (_, k) => rows[k * rule.numbers + place]);
  const gain = rule.held[place].family === "gain";
  if (gain && numbers.every((x) => Object.is(x, numbers[0]))) return lift(numbers[0]);
  return new Term({ op: "table", operands: [STEP_TERM], value: numbers });
}

function shareTerm(beta, t = STEP_TERM) {
  return new Term({ op: "debiased", operands: [t], value: twoSum(1, -beta) });
}

function massTerm(beta, t = STEP_TERM) {
  return call("divide", 1 - beta, shareTerm(beta, t));
}

/** ρₜ and ρ∞ of RAdam. */
function lengthTerm(beta) {
  const most = 2 / (1 - beta) - 1;
  const mass = massTerm(beta);
  const rest = call("divide", call("multiply", call("multiply", 2, STEP_TERM), call("subtract", 1, mass)), mass);
  return [call("subtract", most, rest), most];
}

function rectifiedTerm({ beta, threshold }) {
  const [length, most] = lengthTerm(beta);
  const there = call("greater", length, threshold);
  const rho = call("where", there, length, 5);
  const end = call("where", there, most, 5);
  const above = call("multiply", call("multiply", call("subtract", end, 4), call("subtract", end, 2)), rho);
  const below = call("multiply", call("multiply", call("subtract", rho, 4), call("subtract", rho, 2)), end);
  return call("where", there, call("sqrt", call("divide", above, below)), 0);
}

function withinTerm({ beta }) {
  const rest = call("subtract", 1, shareTerm(beta));
  const some = call("greater", rest, 0);
  const whole = call("where", call("greater", rest, 0), rest, 1);
  return call("where", some, call("divide", 1, whole), 0);
}

// Gains and corrections that have an expression, in the order of operations of their classes.
const COEFFICIENT_FORMS = {
  UniformGain: () => call("divide", 1, STEP_TERM),
  TailGain: ({ start }) => call("divide", 1, call("maximum", call("subtract", STEP_TERM, start), 1)),
  DebiasedGain: ({ beta }) => shareTerm(beta),
  FirstValueGain: ({ beta }) => call("where", call("equal", STEP_TERM, 1), 1, 1 - beta),
  WarmUpGain: ({ beta }) => {
    const first = call("equal", STEP_TERM, 1);
    return call("where", first, 1, call("maximum", 1 - beta, call("divide", 9, call("add", 9, STEP_TERM))));
  },
  ConstantGain: ({ beta }) => 1 - beta,
  After: ({ steps, number }) => call("where", call("less", call("subtract", STEP_TERM, 1), steps), 0, number),
  FourthRoot: ({ factor }) => {
    return call("multiply", factor, call("sqrt", call("sqrt", call("subtract", STEP_TERM, 1))));
  },
  SquareRoot: () => call("sqrt", STEP_TERM),
  Mass: ({ beta }) => massTerm(beta),
  EpsHat: ({ eps, beta }) => call("divide", eps, call("sqrt", massTerm(beta))),
  GradientShare: ({ beta }) => shareTerm(beta),
  MeanShare: ({ beta }) => call("divide", 1 - (1 - beta), massTerm(beta, call("add", STEP_TERM, 1))),
  WithinMean: withinTerm,
  Rectified: rectifiedTerm,
  Unrectified: ({ beta, threshold }) => call("where", call("greater", lengthTerm(beta)[0], threshold), 0, 1),
};
