import { Made, allowed, pythonText } from "./makers.js";
import { pythonNumber } from "./syntax.js";
import { call, replay, traced } from "./symbols.js";

const ALGEBRA_SIGNS = { "|": 0, "+": 1, "-": 1, "*": 2, "/": 2 };
const ALGEBRA_CALLS = { "+": "add", "-": "subtract", "*": "multiply", "/": "divide" };

/** A rule: an atom with its fields' values, or an expression of parts (optimlab/rules/algebra.py). */
export class Rule {
  constructor({ name = "", atom = null, values = {}, sign = "", parts = [] }) {
    Object.assign(this, { name, atom, values, sign, parts });
    this.precedence = atom ? 3 : ALGEBRA_SIGNS[sign];
    this.text = atom ? algebraCall(name, atom, values) : algebraJoined(this);
  }

  /** Take the expression apart, and find its programs; made once, of what is the whole rule. */
  complete() {
    const graph = new AlgebraGraph(this);
    this.graph = graph;
    this.python = this.text;
    this.slots = distinct(graph.nodes.flatMap((node) => node.slots));
    this.start = graph.rules.flatMap(({ atom, values }) => atom.start.map((x) => algebraGiven(x, values)));
    this.sources = graph.rules.flatMap(algebraSources);
    this.held = this.sources.map((source) => source.held);
    this.numbers = this.sources.length;
    this.rates = this.sources.flatMap((source, i) => (source.held.rate ? [i] : []));
    this.program = this.updated(true);
    this.plainProgram = this.updated(false); // for a scale of 1, which changes no bit
    this.averageProgram = this.followed();
    return this;
  }

  /** The numbers in the formula at step t = 1, 2, ... */
  coefficients(t) {
    return Float64Array.from(this.sources, (source) => source.at(t));
  }

  /** η y and the new state, on terms. */
  displacement(lr, x, w, state, c) {
    return this.graph.run(x, w, state, c, lr);
  }

  /** The coefficients at the steps 1, 2, ..., row by row; found once, since they do not change with the start or lr. */
  coefficientRows(steps) {
    if ((this.rows?.length ?? -1) < steps * this.numbers) {
      this.rows = new Float64Array(steps * this.numbers);
      for (let k = 0; k < steps; k++) this.rows.set(this.coefficients(k + 1), k * this.numbers);
    }
    return this.rows;
  }

  /** g, w, state; scale, lr, coefficients → w - lr y, new state. */
  updated(scaled) {
    const slots = this.slots.length;
    const update = (g, w, ...rest) => {
      const [scale, lr, ...c] = rest.slice(slots);
      const [step, kept] = this.displacement(lr, scaled ? call("multiply", scale, g) : g, w, rest.slice(0, slots), c);
      return [call("subtract", w, step), ...kept];
    };
    return traced(update, 2 + slots, 2 + this.numbers);
  }

  /** w, average; coefficients → new average. */
  followed() {
    const slots = this.slots.length;
    const follow = (w, ...rest) => this.graph.run(w, w, rest.slice(0, slots), rest.slice(slots), null)[1];
    return traced(follow, 1 + slots, this.numbers);
  }
}

/** A number in the place of a rule. */
export function constantRule(atom, number) {
  return new Rule({ name: "Constant", atom, values: { number: allowed(atom.fields[0], number) } });
}

function algebraGiven(start, values) {
  return typeof start === "string" ? values[start] : start;
}

/** What each coefficient holds, and its value at step t; what is computed of what is made has no form but its name. */
function algebraSources({ name, atom, values }) {
  const made = Object.values(values).some((value) => value instanceof Made);
  const computed = made && atom.coefficients.some(({ from }) => from !== undefined);
  return atom.coefficients.map((told, i) => {
    const at = algebraNumber(told, atom, values);
    if (atom.rates.includes(i)) return { held: { rate: true }, at };
    if (computed) return { held: { atom: name, index: i + 1 }, at };
    return { held: values[told.field] instanceof Made ? values[told.field] : at(1), at };
  });
}

/** The function of t that a coefficient is: a field's value, or what is left of a number without it. */
function algebraNumber({ number, field, from = null }, { fields }, values) {
  const given = values[field] ?? number;
  const told = fields.find((x) => x.name === field);
  const now = algebraNow(given, told);
  if (from === null) return now;
  return (t) => from - now(t);
}

function algebraNow(given, told) {
  if (typeof given === "number") return () => given;
  return given.family === "gain" ? (t) => given.at(t) : (t) => allowed(told, given.at(t));
}

/** Return the shortest call that rebuilds an atom. */
function algebraCall(name, atom, values) {
  if (name === "Ema") return algebraEma(values);
  const parts = atom.fields.map((field, i) => {
    const value = values[field.name];
    if (value === field.value) return null;
    return i || field.keyword ? `${field.name}=${pythonText(value)}` : pythonText(value);
  });
  return `${name}(${parts.filter((part) => part !== null).join(", ")})`;
}

function algebraEma({ gain, first }) {
  const plain = gain.kind === "ConstantGain" || gain.kind === "DebiasedGain";
  const words = [pythonText(plain ? gain.values.beta : gain)];
  if (gain.kind === "DebiasedGain") words.push("debias=True");
  if (first) words.push(`first=${pythonNumber(first)}`);
  return `Ema(${words.join(", ")})`;
}

function algebraJoined({ sign, parts, precedence }) {
  const constant = (part) => part.name === "Constant";
  const plain = sign !== "|" && !parts.every(constant);
  const sides = parts.map((part, i) => {
    if (plain && constant(part)) return pythonText(part.values.number);
    return part.precedence >= precedence + (i > 0) ? part.text : `(${part.text})`;
  });
  return sides.join(` ${sign} `);
}

/** Number the second, third, ... of equal names. */
function distinct(names) {
  const found = [];
  for (const name of names) {
    let choice = name;
    for (let i = 2; found.includes(choice); i++) choice = `${name.replace(/_[0-9]+$/, "")}_${i}`;
    found.push(choice);
  }
  return found;
}

/** The values of an expression in the order in which they are computed, each once (optimlab/rules/graph.py). */
class AlgebraGraph {
  constructor(rule) {
    this.nodes = [];
    this.known = new Map();
    this.out = this.place(rule, 0, "");
    this.rules = this.nodes.flatMap((node) => node.rule ?? []);
  }

  /** The place of the value of a rule that sees a signal; `way`: names of those on the way to it. */
  place(rule, signal, way) {
    if (rule.atom) {
      const key = `${rule.text.replace(/-0\.0(?![\d])/g, "0.0")} of ${signal}`; // -0.0 equals 0.0
      return this.kept(key, { rule, sources: [signal], slots: rule.atom.slots.map((slot) => way + slot) });
    }
    if (rule.sign === "|") return this.pipe(rule.parts, signal, way);
    const sources = rule.parts.map((part) => this.place(part, signal, way));
    return this.kept(`${rule.sign} ${sources}`, { rule: null, sign: rule.sign, sources, slots: [] });
  }

  pipe(parts, signal, way) {
    for (const part of parts) {
      signal = this.place(part, signal, way);
      way += part.atom ? `${part.name.toLowerCase()}_` : "";
    }
    return signal;
  }

  kept(key, node) {
    if (!this.known.has(key)) {
      this.nodes.push(node);
      this.known.set(key, this.nodes.length);
    }
    return this.known.get(key);
  }

  /** The value, or a learning rate times the value, and the new state. */
  run(x, w, state, c, lr) {
    const values = [x];
    const kept = [];
    let [slot, number] = [0, 0];
    for (const { rule, sign, sources, slots } of this.nodes) {
      const given = sources.map((place) => values[place]);
      if (!rule) {
        values.push(call(ALGEBRA_CALLS[sign], ...given));
        continue;
      }
      const { formula, coefficients } = rule.atom;
      const own = [...state.slice(slot, slot + slots.length), ...c.slice(number, number + coefficients.length)];
      const [y, ...next] = replay(formula, [given[0], w, ...own]);
      slot += slots.length;
      number += coefficients.length;
      kept.push(...next);
      values.push(y);
    }
    return [lr === null ? values[this.out] : this.displaced(values, lr), kept];
  }

  displaced(values, lr) {
    const rates = this.rules.some((rule) => rule.atom.rates.length);
    return (rates && this.moved(this.out, values, lr)) || call("multiply", lr, values[this.out]);
  }

  /** η times a value that is divided by the learning rate, perhaps in a sum or product; null of others. */
  moved(place, values, lr) {
    const node = this.nodes[place - 1];
    if (!place || node.rule) return null;
    const [a, b] = node.sources;
    if (b && node.sign === "/" && this.nodes[b - 1].rule?.atom.rates.length) return values[a];
    const x = this.moved(a, values, lr);
    const y = node.sign === "/" ? null : this.moved(b, values, lr);
    if (x === null && y === null) return null;
    const sum = node.sign === "+" || node.sign === "-";
    const left = x ?? (sum ? call("multiply", lr, values[a]) : values[a]);
    const right = y === null || (!sum && x) ? (sum ? call("multiply", lr, values[b]) : values[b]) : y;
    return call(ALGEBRA_CALLS[node.sign], left, right);
  }
}
