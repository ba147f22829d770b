// A rule as mathematics: its formula is run on terms, and what it calls is written with the brackets it needs.

import { Said } from "./syntax.js";
import { Term, lift, call, asNumber } from "./symbols.js";

const [TEX_CHOICE, TEX_SUM, TEX_PRODUCT, TEX_POWER, TEX_WHOLE] = [0, 1, 2, 3, 4]; // how close an expression binds
const TEX_MOST = 20000; // characters: values that are written again and again double each time

const texBetween = (sign) => [(a, b) => `${a} ${sign} ${b}`, [TEX_SUM, TEX_SUM], TEX_CHOICE];
const texEither = (name) => [(a, b) => `\\${name}\\left(${a}, ${b}\\right)`, [TEX_CHOICE, TEX_CHOICE], TEX_WHOLE];
const texCases = (yes, x, y) => `\\begin{cases} ${x} & \\text{if } ${yes} \\\\ ${y} & \\text{otherwise} \\end{cases}`;

// How a call is written, how close its operands must bind, and how close it binds itself.
const TEX_FORMS = {
  add: [(a, b) => `${a} + ${b}`, [TEX_SUM, TEX_PRODUCT], TEX_SUM],
  subtract: [(a, b) => `${a} - ${b}`, [TEX_SUM, TEX_PRODUCT], TEX_SUM],
  negative: [(a) => `-${a}`, [TEX_PRODUCT], TEX_SUM],
  divide: [(a, b) => `\\frac{${a}}{${b}}`, [TEX_CHOICE, TEX_CHOICE], TEX_POWER],
  reciprocal: [(a) => `\\frac{1}{${a}}`, [TEX_CHOICE], TEX_POWER],
  square: [(a) => `${a}^2`, [TEX_WHOLE], TEX_POWER],
  sqrt: [(a) => `\\sqrt{${a}}`, [TEX_CHOICE], TEX_POWER],
  absolute: [(a) => `\\left|${a}\\right|`, [TEX_CHOICE], TEX_WHOLE],
  maximum: texEither("max"),
  minimum: texEither("min"),
  less: texBetween("<"),
  less_equal: texBetween("\\le"),
  greater: texBetween(">"),
  greater_equal: texBetween("\\ge"),
  equal: texBetween("="),
  not_equal: texBetween("\\ne"),
  bitwise_and: texBetween("\\land"),
  bitwise_or: texBetween("\\lor"),
  invert: [(a) => `\\lnot ${a}`, [TEX_WHOLE], TEX_CHOICE],
  where: [texCases, [TEX_CHOICE, TEX_CHOICE, TEX_CHOICE], TEX_CHOICE],
};

/** The string of Python's rule.latex(): the equations of the state, then that of the weights. */
export function latexOf(rule) {
  const names = slotLetters(rule.slots);
  const [g, w, eta, ...state] = ["g", "w", "\\eta", ...names].map(texNamed);
  const [step, made] = rule.displacement(eta, g, w, state, rule.held.map((held) => lift(texCoefficient(held))));
  const page = new TexPage();
  const lines = names.flatMap((letter, i) => {
    if (made[i] === state[i]) return [];
    const value = lift(made[i]);
    const line = `${letter} &\\leftarrow ${page.text(asNumber(value)).text}`;
    page.homes.set(state[i], `${letter}'`);
    if (value.op !== null && !page.homes.has(value)) page.homes.set(value, letter);
    return [line];
  });
  lines.push(`w &\\leftarrow ${page.text(call("subtract", w, step)).text}`);
  const before = [...page.wanted].sort().map((name) => `${name} &\\leftarrow ${name.slice(0, -1)}`);
  return [...before, ...lines].join(" \\\\\n");
}

const TEX_SHORT = {
  trace: "v", signedema: "v", tworeadings: "m", runningmax: "u", steprms: "d", stepsize: "s",
};

/** A letter for each slot: m, v of a trace or the mean of a square, else its name. */
export function slotLetters(slots) {
  const taken = ["g", "w", "t", "k", "j"];
  for (const slot of slots) {
    const name = slot.replace(/_\d+$/u, "");
    const last = name.split("_").at(-1);
    const short = last === "ema" ? (name.includes("square") ? "v" : "m") : (TEX_SHORT[last] ?? last);
    const letter = short.length === 1 ? short : texRoman(short);
    const count = taken.filter((other) => other.split("_")[0] === letter).length + 1;
    taken.push(count === 1 ? letter : `${letter}_{${count}}`);
  }
  return taken.slice(5);
}

// What has been written so far: where each value is.
class TexPage {
  constructor() {
    this.homes = new Map();
    this.wanted = new Set();
  }

  text(term) {
    const home = this.homes.get(term);
    if (home?.endsWith("'")) this.wanted.add(home);
    if (home !== undefined) return texPiece(home);
    if (term.op === null) return typeof term.value === "number" ? texDecimal(term.value) : texPiece(String(term.value));
    const [a, b] = term.operands;
    if (term.op === "multiply" && a === b) return texCall("square", [this.text(a)]);
    return texCall(term.op, term.operands.map((operand) => this.text(operand)));
  }
}

function texNamed(text) {
  return new Term({ value: text });
}

function texPiece(text, binds = TEX_WHOLE) {
  if (text.length > TEX_MOST) throw new Said("This rule is too long to be written out: its formula repeats itself.");
  return { text, binds };
}

function texInside(part, least) {
  return part.binds >= least ? part.text : `\\left(${part.text}\\right)`;
}

function texRoman(name) {
  return `\\mathrm{${name}}`.replaceAll("_", "\\_");
}

/** A number as LaTeX, with the digits of Python's "%.12g": 0.9, 10^{-8}. */
function texDecimal(number) {
  if (!Number.isFinite(number)) return number > 0 ? texPiece("\\infty") : texPiece("-\\infty", TEX_SUM);
  const [digits, exponent] = texDigits(number);
  if (exponent >= -4 && exponent < 12) {
    const plain = texTrimmed(Number(`${digits}e${exponent}`).toFixed(11 - exponent));
    return texPiece(Object.is(number, -0) ? "-0" : plain, number < 0 ? TEX_SUM : TEX_WHOLE);
  }
  const power = `10^{${exponent}}`;
  if (texTrimmed(digits) === "1") return texPiece(power, TEX_POWER);
  return texPiece(`${texTrimmed(digits)} \\cdot ${power}`, number < 0 ? TEX_SUM : TEX_PRODUCT);
}

/** "d.ddddddddddd" and the exponent; of two equally near decimals Python takes the even one, JavaScript the larger. */
function texDigits(number) {
  const exact = number.toExponential(60);
  const cut = exact.indexOf(".") + 12;
  const tie = /^50*e/u.test(exact.slice(cut)) && "02468".includes(exact[cut - 1]);
  const [digits, exponent] = number.toExponential(11).split("e");
  return [tie ? exact.slice(0, cut) : digits, Number(exponent)];
}

function texTrimmed(digits) {
  return digits.includes(".") ? digits.replace(/\.?0+$/u, "") : digits;
}

function texCall(op, parts) {
  const [a, b] = [parts[0], parts.at(-1)];
  if (op === "multiply") return texProduct(a, b);
  if (op === "power") {
    return texPiece(`${texInside(a, TEX_WHOLE)}^${b.text.length === 1 ? b.text : `{${b.text}}`}`, TEX_POWER);
  }
  const unbounded = (op === "minimum" || op === "maximum") && b.text.endsWith("\\infty");
  if (op === "positive" || (op === "add" && b.text === "0") || unbounded) return a;
  if (!Object.hasOwn(TEX_FORMS, op)) {
    return texPiece(`${texRoman(op)}\\left(${parts.map((part) => part.text).join(", ")}\\right)`);
  }
  const [form, least, binds] = TEX_FORMS[op];
  return texPiece(form(...parts.map((part, i) => texInside(part, least[i]))), binds);
}

function texProduct(a, b) {
  if (b.text.startsWith("\\frac{1}{") && b.binds === TEX_POWER) {
    return texCall("divide", [a, texPiece(b.text.slice(9, -1))]);
  }
  const minus = a.binds === TEX_SUM && /^-[\d.]+$/u.test(a.text);
  const left = minus ? a.text : texInside(a, TEX_PRODUCT);
  const right = texInside(b, TEX_PRODUCT);
  return texPiece(left + (/^\d/u.test(right) ? " \\cdot " : "\\,") + right, minus ? TEX_SUM : TEX_PRODUCT);
}

/** A coefficient as a number or term: of a gain its formula, of a schedule its name. */
function texCoefficient(held) {
  if (held.rate) return texNamed("\\eta");
  if (held.atom) return texNamed(`${texRoman(held.atom)}_{${held.index}}(t)`);
  return Object.hasOwn(TEX_GAINS, held.kind) ? TEX_GAINS[held.kind](held.values) : texNumber(held);
}

function texNumber(held, k = "k") {
  if (typeof held === "number") return held;
  const { eps, beta, factor } = held.values;
  if (held.kind === "Mass") return call("subtract", 1, texPower(beta));
  if (held.kind === "EpsHat") return call("divide", eps, call("sqrt", call("subtract", 1, texPower(beta))));
  if (held.kind === "FourthRoot") return call("multiply", factor, call("power", texNamed(k), 0.25));
  const factors = texFactors(held).map((name) => texNamed(`${texRoman(name)}(${k})`));
  return factors.reduce((a, b) => call("multiply", a, b));
}

function texFactors(held) {
  if (typeof held === "number") return ["constant"];
  return held.kind === "product" ? held.args.flatMap(texFactors) : [held.kind];
}

const texFirstThen = (k) => call("where", call("equal", texNamed("t"), 1), 1, k);
const texShare = (beta) => (typeof beta === "number" ? 1 - beta : call("subtract", 1, texNumber(beta)));

// k as a function of t.
const TEX_GAINS = {
  UniformGain: () => call("divide", 1, texNamed("t")),
  PowerGain: ({ gamma }) => {
    const rest = call("subtract", 1, call("divide", 1, texNamed("t")));
    return call("subtract", 1, call("power", rest, 1 + gamma));
  },
  ShareGain: ({ share }) => {
    const halvings = call("divide", -1, call("multiply", share, texNamed("t")));
    return texFirstThen(call("subtract", 1, call("power", 2, halvings)));
  },
  DebiasedGain: ({ beta }) => call("divide", texShare(beta), call("subtract", 1, texPower(beta))),
  FirstValueGain: ({ beta }) => texFirstThen(texShare(beta)),
  WarmUpGain: ({ beta }) => {
    const short = call("divide", 9, call("add", 9, texNamed("t")));
    return texFirstThen(call("maximum", texShare(beta), short));
  },
  ConstantGain: ({ beta }) => texShare(beta),
  TailGain: ({ start }) => call("divide", 1, call("maximum", 1, call("subtract", texNamed("t"), start))),
  InversePowerGain: ({ power, least, lag, rate }) => {
    const base = call("add", lag, call("multiply", rate, texNamed("t")));
    const falling = call("minimum", 1, call("divide", 1, call("power", base, power)));
    return texFirstThen(call("maximum", least, falling));
  },
};

/** βᵗ; of a schedule the product of its values so far. */
function texPower(beta) {
  if (typeof beta === "number") return call("power", beta, texNamed("t"));
  return texNamed(`\\prod_{j=0}^{k} ${texInside(new TexPage().text(texNumber(beta, "j")), TEX_POWER)}`);
}
