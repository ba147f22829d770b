import { Said, nearest, parse } from "./syntax.js";
import { Term, call, lift } from "./symbols.js";

const FORMULA_NUMBERS = { pi: Math.PI, e: Math.E };
const FORMULA_SIGNS = { "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "**": "power" };
const FORMULA_ALIASES = { min: "minimum", max: "maximum" };
const FORMULA_POWERS = 8; // whole powers up to this are products

/** The slopes of each function by its arguments, from the arguments and the value; made of `f`, a FormulaTerms. */
const FORMULA_SLOPES = {
  add: (f) => [f.number(1), f.number(1)],
  subtract: (f) => [f.number(1), f.number(-1)],
  multiply: (f, a, b) => [b, a],
  divide: (f, a, b, v) => [f.of("divide", f.number(1), b), f.of("negative", f.of("divide", v, b))],
  negative: (f) => [f.number(-1)],
  square: (f, a) => [f.of("multiply", f.number(2), a)],
  sqrt: (f, a, v) => [f.of("divide", f.number(0.5), v)],
  absolute: (f, a) => [f.of("sign", a)],
  exp: (f, a, v) => [v],
  log: (f, a) => [f.of("divide", f.number(1), a)],
  sin: (f, a) => [f.of("cos", a)],
  cos: (f, a) => [f.of("negative", f.of("sin", a))],
  tanh: (f, a, v) => [f.of("subtract", f.number(1), f.of("square", v))],
  maximum: (f, a, b) => formulaChoice(f, f.of("greater_equal", a, b)),
  minimum: (f, a, b) => formulaChoice(f, f.of("less_equal", a, b)),
  power: (f, a, b, v) => [
    f.of("multiply", b, f.of("power", a, f.of("subtract", b, f.number(1)))),
    f.of("multiply", v, f.of("log", a)),
  ],
};
const FORMULA_NAMES = ["sqrt", "exp", "log", "sin", "cos", "tanh", "abs", "minimum", "maximum", "square"];

function formulaChoice(f, first) {
  const [one, zero] = [f.number(1), f.number(0)];
  return [f.of("where", first, one, zero), f.of("where", first, zero, one)];
}

/** f(x, y) of a text, made of + - * / **, numbers and functions, and its gradient: {value, gradient: [fx, fy]}. */
export function readFormula(text, x, y) {
  const tree = parse(text);
  const terms = new FormulaTerms({ x, y });
  const value = terms.value(tree);
  const [fx, fy] = terms.slopes.get(value) ?? [null, null];
  if (!terms.used) throw new Said("a formula must contain x or y; write one such as x**2 - y**2", tree.at);
  return { value, gradient: [fx, fy].map((slope) => slope ?? terms.number(0)) };
}

/** Terms of which equal ones are one, each with its slopes in x and y by forward differentiation; null is 0. */
class FormulaTerms {
  constructor({ x, y }) {
    this.known = new Map();
    this.slopes = new Map([[x, [this.number(1), null]], [y, [null, this.number(1)]]]);
    this.variables = { x, y };
    this.used = false;
  }

  number(value) {
    return this.kept(`${value}`, () => lift(value));
  }

  kept(key, make) {
    if (!this.known.has(key)) this.known.set(key, make());
    return this.known.get(key);
  }

  /** The term of a call, without its slopes. */
  of(op, ...terms) {
    const [a, b] = terms.map((term) => (term instanceof Term && term.op === null ? term.value : null));
    if (op === "multiply" && a === 1) return terms[1];
    if ((op === "multiply" || op === "power") && b === 1) return terms[0];
    if (op === "power" && b === 0) return this.number(1);
    if (op === "subtract" && a !== null && b !== null) return this.number(a - b);
    if (op === "power" && b === 2) return this.of("square", terms[0]);
    if (op === "power" && Number.isInteger(b) && b > 2 && b <= FORMULA_POWERS) {
      return this.of("multiply", this.of("power", terms[0], this.number(b - 1)), terms[0]);
    }
    return this.kept(`${op} ${terms.map((term) => term.serial)}`, () => call(op, ...terms));
  }

  /** The term of a call, and its slopes by the chain rule. */
  made(op, ...terms) {
    const value = this.of(op, ...terms);
    const given = terms.map((term) => this.slopes.get(term) ?? [null, null]);
    if (this.slopes.has(value) || given.every(([dx, dy]) => !dx && !dy)) return value;
    const outer = FORMULA_SLOPES[op](this, ...terms, value);
    const along = (i) => given.reduce((sum, slopes, place) => this.added(sum, outer[place], slopes[i]), null);
    this.slopes.set(value, [along(0), along(1)]);
    return value;
  }

  added(sum, outer, inner) {
    if (!inner) return sum;
    const part = this.of("multiply", outer, inner);
    return sum ? this.of("add", sum, part) : part;
  }

  value(tree) {
    if (tree.kind === "number") return this.number(tree.value);
    if (tree.kind === "unary") return this.made("negative", this.value(tree.parts[0]));
    if (tree.kind === "binary") {
      const op = FORMULA_SIGNS[tree.sign];
      if (!op) throw new Said(`${tree.sign} has no meaning in a formula; + - * / ** have`, tree.at);
      return this.made(op, ...tree.parts.map((part) => this.value(part)));
    }
    if (tree.kind === "name") return this.named(tree);
    if (tree.kind === "list") throw new Said("a list has no meaning in a formula; write x and y one by one", tree.at);
    return this.called(tree);
  }

  named({ name, at }) {
    if (Object.hasOwn(this.variables, name)) {
      this.used = true;
      return this.variables[name];
    }
    if (Object.hasOwn(FORMULA_NUMBERS, name)) return this.number(FORMULA_NUMBERS[name]);
    const all = ["x", "y", ...Object.keys(FORMULA_NUMBERS), ...FORMULA_NAMES];
    throw new Said(`"${name}" is not known in a formula; ${nearest(name, all)}`, at);
  }

  called({ name, args, words, at }) {
    const full = Object.hasOwn(FORMULA_ALIASES, name) ? FORMULA_ALIASES[name] : name;
    if (!FORMULA_NAMES.includes(full)) {
      throw new Said(`"${name}" is no function of a formula; ${nearest(name, FORMULA_NAMES)}`, at);
    }
    const wanted = full === "minimum" || full === "maximum" ? 2 : 1;
    if (args.length !== wanted || Object.keys(words).length) {
      throw new Said(`${name} takes ${wanted} argument${wanted > 1 ? "s" : ""}, without names; got ${args.length}`, at);
    }
    return this.made(full === "abs" ? "absolute" : full, ...args.map((part) => this.value(part)));
  }
}

/** The formula as optimlab writes it: min and max are minimum and maximum. */
export function formulaText(text) {
  return text.trim().replace(/\s+/g, " ").replace(/\b(min|max)\b/g, (name) => FORMULA_ALIASES[name]);
}
