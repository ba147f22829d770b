const SYNTAX_LONGEST = 2000;
const SYNTAX_DEEPEST = 60;
const SYNTAX_LONGEST_NAME = 60;
const SYNTAX_TOKEN = /\s*(?:((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|(\*\*|[-+*/|()[\],=]))/uy;
const SYNTAX_BINDING = { "|": 1, "+": 2, "-": 2, "*": 3, "/": 3, "**": 5 };
const SYNTAX_MINUS = 4; // looser than **, as in Python: -x**2 is -(x**2)

/** An error in plain words, for the user; `at` is the place in the text. */
export class Said extends Error {
  constructor(message, at = 0) {
    super(message);
    this.name = "Said";
    this.at = at;
  }
}

/** The tree of an expression in Python's syntax: numbers, names, calls, lists and signs; nothing is executed. */
export function parse(text) {
  if (!text.trim()) throw new Said("an expression is empty; write a rule such as adam, or a formula such as x**2");
  if (text.length > SYNTAX_LONGEST) {
    throw new Said(`an expression must have at most ${SYNTAX_LONGEST} characters; this one has ${text.length}`);
  }
  const reader = new SyntaxReader(syntaxTokens(text));
  const tree = reader.expression(0);
  if (reader.token.kind !== "end") {
    const { text: found, at } = reader.token;
    throw new Said(`"${found}" does not belong here; an operator or the end must come first`, at);
  }
  return tree;
}

function syntaxTokens(text) {
  const tokens = [];
  SYNTAX_TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  for (let at = 0; at < end; at = SYNTAX_TOKEN.lastIndex) {
    const found = SYNTAX_TOKEN.exec(text);
    if (!found) {
      const space = text.slice(at).length - text.slice(at).trimStart().length;
      const sign = String.fromCodePoint(text.codePointAt(at + space));
      throw new Said(`"${sign}" has no meaning here; names, numbers, calls and + - * / ** | are allowed`, at + space);
    }
    const [all, number, name, sign] = found;
    const kind = number ? "number" : name ? "name" : "sign";
    const written = number ?? name ?? sign;
    tokens.push({ kind, text: syntaxShort(kind, written, at), at: at + all.length - written.length });
  }
  return [...tokens, { kind: "end", text: "the end", at: end }];
}

function syntaxShort(kind, text, at) {
  if (kind !== "name" || text.length <= SYNTAX_LONGEST_NAME) return text;
  throw new Said(`a name must have at most ${SYNTAX_LONGEST_NAME} letters; this one has ${text.length}`, at);
}

class SyntaxReader {
  constructor(tokens) {
    this.tokens = tokens;
    this.place = 0;
    this.level = 0;
  }

  get token() {
    return this.tokens[this.place];
  }

  take(sign) {
    const there = this.token.kind === "sign" && this.token.text === sign;
    if (there) this.place += 1;
    return there;
  }

  must(sign, opened) {
    if (this.take(sign)) return;
    const place = `what opens at character ${opened.at + 1}`;
    throw new Said(`"${sign}" is missing before ${this.shown()}; it must close ${place}`, this.token.at);
  }

  shown() {
    return this.token.kind === "end" ? "the end" : `"${this.token.text}"`;
  }

  /** An expression whose signs bind closer than the least. */
  expression(least) {
    this.level += 1;
    let left = this.operand();
    for (let sign = this.token; SYNTAX_BINDING[sign.text] > least && sign.kind === "sign"; sign = this.token) {
      this.place += 1;
      const binding = SYNTAX_BINDING[sign.text];
      const right = this.expression(sign.text === "**" ? SYNTAX_MINUS : binding);
      left = this.node({ kind: "binary", sign: sign.text, at: sign.at, parts: [left, right] });
    }
    this.level -= 1;
    return left;
  }

  node(tree) {
    tree.depth = 1 + Math.max(0, ...tree.parts.map((part) => part.depth));
    return this.shallow(tree, tree.depth);
  }

  shallow(tree, depth) {
    if (depth <= SYNTAX_DEEPEST) return tree;
    throw new Said(`an expression must not nest deeper than ${SYNTAX_DEEPEST} levels; write a shorter one`, tree.at);
  }

  operand() {
    const token = this.shallow(this.token, this.level);
    this.place += 1;
    if (token.kind === "number") return { kind: "number", value: this.finite(token), at: token.at, depth: 1 };
    if (token.kind === "name") return this.named(token);
    if (token.text === "-") {
      return this.node({ kind: "unary", at: token.at, parts: [this.expression(SYNTAX_MINUS - 0.5)] });
    }
    if (token.text === "(") return this.bracketed(token);
    if (token.text === "[") return this.node({ kind: "list", at: token.at, parts: this.several("]", token) });
    this.place -= 1;
    throw new Said(`a number, a name or a bracket must stand here; there is ${this.shown()}`, token.at);
  }

  finite(token) {
    const value = Number(token.text);
    if (Number.isFinite(value)) return value;
    throw new Said(`${token.text} is too large for a number; the largest is 1.8e308`, token.at);
  }

  bracketed(token) {
    const inside = this.expression(0);
    if (!this.take(",")) {
      this.must(")", token);
      return inside;
    }
    const others = this.several(")", token);
    return this.node({ kind: "list", at: token.at, parts: [inside, ...others] });
  }

  several(close, opened) {
    const parts = [];
    while (!this.take(close)) {
      parts.push(this.expression(0));
      if (!this.take(",")) {
        this.must(close, opened);
        break;
      }
    }
    return parts;
  }

  named(token) {
    const name = { kind: "name", name: token.text, at: token.at, depth: 1 };
    const opened = this.token;
    if (!this.take("(")) return name;
    const args = [];
    const words = Object.create(null); // a word may be __proto__
    while (!this.take(")")) {
      this.argument(args, words);
      if (!this.take(",")) {
        this.must(")", opened);
        break;
      }
    }
    const parts = [...args, ...Object.values(words)];
    return this.node({ kind: "call", name: token.text, at: token.at, args, words, parts });
  }

  argument(args, words) {
    const token = this.token;
    if (token.kind === "name" && this.tokens[this.place + 1].text === "=") {
      this.place += 2;
      if (Object.hasOwn(words, token.text)) throw new Said(`${token.text} is given twice; leave one out`, token.at);
      words[token.text] = this.expression(0);
      return;
    }
    if (Object.keys(words).length) {
      throw new Said("arguments by name come last; put this one first, or name it", token.at);
    }
    args.push(this.expression(0));
  }
}

/** A float as Python writes it: 0.9, 1e-08, 5.0, inf. */
export function pythonNumber(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
  if (x === 0) return Object.is(x, -0) ? "-0.0" : "0.0";
  const [digits, exponent] = x.toExponential().split("e");
  const e = Number(exponent);
  if (e < -4 || e >= 16) return `${digits}e${e < 0 ? "-" : "+"}${String(Math.abs(e)).padStart(2, "0")}`;
  if (e < 0) return `${x < 0 ? "-" : ""}0.${"0".repeat(-e - 1)}${digits.replace(/[-.]/g, "")}`;
  const text = String(x);
  return text.includes(".") ? text : `${text}.0`;
}

/** What an error says of a name that is not there: the one that was meant, or all. */
export function nearest(name, allowed) {
  const all = [...allowed];
  const distances = all.map((other) => syntaxDistance(name.toLowerCase(), other.toLowerCase()));
  const least = Math.min(...distances);
  if (least <= Math.max(1, name.length / 3)) return `did you mean ${all[distances.indexOf(least)]}?`;
  return `there are ${all.sort().join(", ")}`;
}

function syntaxDistance(a, b) {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
