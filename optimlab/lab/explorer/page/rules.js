import { Rule, constantRule } from "./algebra.js";
import { FACTS } from "./facts.js";
import { Made, boundArguments, makeMade, pythonText } from "./makers.js";
import { Said, nearest, parse, pythonNumber } from "./syntax.js";

/** The rules that have a name: [{name, label, template, parameters: [{name, value, low, high, log}]}]. */
export const RULES = FACTS.rules;

const RULE_NUMBERS = { "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b };
const RULE_WORDS = { inf: Infinity, True: true, False: false };
const RULE_CACHE = new Map();
const RULE_CACHED = 256;

/** The rule that a text such as "0.5 * momentum | Sign()" describes; a name alone is the call without arguments. */
export function readRule(text) {
  const known = RULE_CACHE.get(text);
  if (known) return known;
  const tree = parse(text);
  const rule = ruleValue(tree, null);
  if (!(rule instanceof Rule)) {
    throw new Said(`a rule such as adam must stand here; this is ${pythonText(rule)}`, tree.at);
  }
  if (RULE_CACHE.size >= RULE_CACHED) RULE_CACHE.clear();
  RULE_CACHE.set(text, rule.complete());
  return rule;
}

/** The expression of a named rule with numbers for its parameters: {beta1: 0.9, ...}; a missing one is the default. */
export function ruleText(entry, values) {
  return rulePlaced(() => ruleNamed(entry, [], values), 0).text;
}

/** A rule's template with these arguments; a rule among them may be a text. */
function ruleNamed({ name, template, parameters }, args, words) {
  const given = Object.entries(boundArguments(name, parameters, args, words));
  const values = given.map(([key, x]) => [key, typeof x === "string" ? ruleValue(parse(x), null) : x]);
  return ruleValue(parse(template), Object.fromEntries(values));
}

function ruleValue(tree, given) {
  if (tree.kind === "number") return tree.value;
  if (tree.kind === "list") return tree.parts.map((part) => ruleValue(part, given));
  if (tree.kind === "unary") return ruleNegative(tree, ruleValue(tree.parts[0], given));
  if (tree.kind === "binary") {
    const [a, b] = tree.parts.map((part) => ruleValue(part, given));
    return rulePlaced(() => ruleJoined(tree.sign, a, b), tree.at);
  }
  if (tree.kind === "name" && given && Object.hasOwn(given, tree.name)) return given[tree.name];
  if (tree.kind === "name" && Object.hasOwn(RULE_WORDS, tree.name)) return RULE_WORDS[tree.name];
  const args = (tree.args ?? []).map((part) => ruleValue(part, given));
  const words = Object.entries(tree.words ?? {}).map(([name, part]) => [name, ruleValue(part, given)]);
  return rulePlaced(() => ruleMade(tree.name, args, Object.fromEntries(words)), tree.at);
}

/** Return what is made, or its error with the place in the user's text. */
function rulePlaced(make, at) {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof Said)) throw error;
    throw new Said(error.message, at);
  }
}

function ruleNegative(tree, value) {
  if (typeof value === "number") return -value;
  return rulePlaced(() => ruleJoined("*", -1, value), tree.at);
}

function ruleJoined(sign, a, b) {
  if (typeof a === "number" && typeof b === "number") return ruleNumber(sign, a, b);
  if (!(a instanceof Rule) && !(b instanceof Rule)) return ruleProduct(sign, a, b);
  if (sign === "|") return rulePipe(a, b);
  return new Rule({ sign, parts: [ruleLifted(sign, a), ruleLifted(sign, b)] });
}

function ruleNumber(sign, a, b) {
  if (!Object.hasOwn(RULE_NUMBERS, sign)) throw new Said(`${sign} does not join two numbers here; + - * / do`);
  const value = RULE_NUMBERS[sign](a, b);
  if (Number.isFinite(value)) return value;
  throw new Said(`this is no finite number: ${pythonNumber(a)} ${sign} ${pythonNumber(b)}`);
}

function ruleProduct(sign, a, b) {
  const parts = [a, b].flatMap((x) => (x.kind === "product" ? x.args : [x]));
  if (sign === "*" && parts.some((part) => part.family === "schedule")) {
    const constants = parts.map((part) => (typeof part === "number" ? makeMade("constant", [part], {}) : part));
    return makeMade("product", constants, {});
  }
  throw new Said(`${sign} does not join ${pythonText(a)} and ${pythonText(b)}; one of them must be a rule`);
}

function rulePipe(a, b) {
  const wrong = [a, b].find((part) => !(part instanceof Rule));
  if (wrong !== undefined) throw new Said(`| feeds one rule into the next; ${pythonText(wrong)} is no rule`);
  const parts = [a, b].flatMap((part) => (part.sign === "|" ? part.parts : [part]));
  return new Rule({ sign: "|", parts });
}

function ruleLifted(sign, given) {
  if (given instanceof Rule) return given;
  if (!Object.hasOwn(RULE_NUMBERS, sign)) throw new Said(`${sign} does not join rules; | + - * / do`);
  return constantRule(FACTS.atoms.Constant, given);
}

function ruleMade(name, args, words) {
  if (name === "Ema") return ruleEma(args, words);
  if (Object.hasOwn(FACTS.atoms, name)) {
    const atom = FACTS.atoms[name];
    return new Rule({ name, atom, values: ruleChecked(name, boundArguments(name, atom.fields, args, words)) });
  }
  const entry = RULES.find((rule) => rule.name === name);
  if (entry) return ruleNamed(entry, args, words);
  if (!Object.hasOwn(FACTS.makers, name)) throw new Said(`"${name}" is not known; ${nearest(name, ruleNames())}`);
  const { template, fields } = FACTS.makers[name];
  return template ? ruleNamed({ name, template, parameters: fields }, args, words) : makeMade(name, args, words);
}

function ruleNames() {
  return [...RULES.map((rule) => rule.name), ...Object.keys(FACTS.atoms), ...Object.keys(FACTS.makers)];
}

function ruleChecked(name, values) {
  if (name !== "Clip" || !(values.low > values.high)) return values;
  throw new Said(`low must be at most high; got low=${pythonNumber(values.low)}, high=${pythonNumber(values.high)}`);
}

function ruleEma(args, words) {
  const atom = FACTS.atoms.Ema;
  const { gain, debias, first } = boundArguments("Ema", atom.fields, args, words);
  const own = gain instanceof Made && gain.family === "gain";
  if (own && debias) throw new Said(`debias=True goes with a β; a gain says itself how it starts; leave it out`);
  const made = own ? gain : makeMade(debias ? "DebiasedGain" : "ConstantGain", [gain], {});
  if (first !== 0 && made.kind !== "ConstantGain") {
    throw new Said(`first must be 0 with ${made.text}, which starts from nothing; leave it out`);
  }
  return new Rule({ name: "Ema", atom, values: { gain: made, first } });
}
