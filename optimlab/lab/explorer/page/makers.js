import { FACTS } from "./facts.js";
import { GAINS, NUMBERS } from "./gains.js";
import { SCHEDULES } from "./schedules.js";
import { Said, nearest, pythonNumber } from "./syntax.js";

const MAKER_FAMILIES = {
  gain: (name, args, words) => makerOf(GAINS, name)(...args, ...makerWords(words)),
  number: (name, args, words) => makerOf(NUMBERS, name)(...args, ...makerWords(words)),
  schedule: (name, args, words) => makerOf(SCHEDULES, name)(args, words),
};

/** A gain, a correction or a schedule: what stands in the place of a number and depends on the step. */
export class Made {
  constructor(kind, { family, fields }, values) {
    Object.assign(this, { kind, family, fields, values });
    const many = fields.find((field) => field.many);
    const plain = fields.filter((field) => !field.keyword && !field.many);
    this.args = [...plain.map((field) => values[field.name]), ...(many ? values[many.name] : [])];
    this.words = Object.fromEntries(
      fields.filter((field) => field.keyword && values[field.name] !== null).map(({ name }) => [name, values[name]]),
    );
    const entries = Object.entries(this.words).map(([name, value]) => [name, madePlain(value)]);
    this.made = MAKER_FAMILIES[family](kind, this.args.map(madePlain), Object.fromEntries(entries));
  }

  /** The number at step t = 1, 2, ... */
  at(t) {
    return this.family === "gain" ? this.made.at(t) : this.made(t - 1);
  }

  /** The call that makes it in Python, as its repr. */
  get text() {
    if (this.kind === "product") return this.args.map(pythonText).join(" * ");
    const named = this.family !== "schedule"; // dataclasses name all fields, schedules what is no default
    const parts = this.fields.map((field) => madeWritten(field, this.values[field.name], named));
    return `${this.kind}(${parts.filter((part) => part !== null).join(", ")})`;
  }
}

function makerOf(table, name) {
  if (Object.hasOwn(table, name)) return table[name];
  throw new Said(`${name} is known to Python, but not to this page; leave it out`);
}

function makerWords(words) {
  return Object.keys(words).length ? [words] : [];
}

/** A number, or a function of k = 0, 1, ...; a gain as it is; lists of these. */
function madePlain(value) {
  if (Array.isArray(value)) return value.map(madePlain);
  return value instanceof Made ? value.made : value;
}

function madeWritten(field, value, named) {
  if (field.many) return value.map(pythonText).join(", ");
  if (!named && field.keyword && value === field.value) return null;
  const text = field.whole && Number.isInteger(value) ? String(value) : pythonText(value);
  return named || field.keyword ? `${field.name}=${text}` : text;
}

/** A value as Python writes it. */
export function pythonText(value) {
  if (typeof value === "number") return pythonNumber(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  return value.text;
}

/** The values of all fields from a call's arguments, as Python would bind them: {name: value}. */
export function boundArguments(name, fields, args, words) {
  const values = {};
  const many = fields.find((field) => field.many);
  const places = fields.filter((field) => !field.keyword && !field.many);
  if (args.length > places.length && !many) {
    throw new Said(`${name} takes at most ${places.length} arguments without a name; got ${args.length}`);
  }
  places.slice(0, args.length).forEach((field, i) => (values[field.name] = args[i]));
  if (many) values[many.name] = args.slice(places.length);
  for (const [word, value] of Object.entries(words)) {
    const known = fields.map((field) => field.name);
    if (!known.includes(word)) {
      const remedy = known.length ? nearest(word, known) : "it takes no arguments";
      throw new Said(`${name} has no argument ${word}; ${remedy}`);
    }
    if (Object.hasOwn(values, word)) throw new Said(`${name} is given ${word} twice; leave one out`);
    values[word] = value;
  }
  const found = fields.map((field) => [field.name, boundField(name, field, values)]);
  return Object.fromEntries(found);
}

function boundField(name, field, values) {
  const given = Object.hasOwn(values, field.name) ? values[field.name] : field.value;
  if (given === undefined) throw new Said(`${name} needs ${field.name}; write ${name}(${field.name}=...)`);
  return given !== null && field.range ? allowed(field, given) : given;
}

/** A field's value, if it is a number in its range, or something that depends on the step. */
export function allowed({ name, range }, given) {
  if (given instanceof Made && given.family !== "gain") return given;
  if (typeof given !== "number") {
    throw new Said(`${name} must be ${range.words}; got ${pythonText(given)}`);
  }
  const { low = -Infinity, high = Infinity, above, below } = range;
  const inside = (above ? given > low : given >= low) && (below ? given < high : given <= high);
  const kind = (!range.finite || Number.isFinite(given)) && (!range.whole || Number.isInteger(given));
  if (inside && kind) return given;
  throw new Said(`${name} must be ${range.words}; got ${pythonNumber(given)}`);
}

/** The gain, correction or schedule of a call. */
export function makeMade(name, args, words) {
  const maker = FACTS.makers[name];
  return new Made(name, maker, boundArguments(name, maker.fields, args, words));
}
