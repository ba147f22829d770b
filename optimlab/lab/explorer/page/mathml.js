// The mathematics that rules are written in, as a plain tree of MathML elements.

const MATH_TOKEN = /\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\s+|[^]/gu;
const MATH_DEPTH = 50; // beyond it what is left is shown as text
const MATH_LENGTH = 40000;
const MATH_SIGNS = {
  "\\cdot": "⋅", "\\leftarrow": "←", "\\le": "≤", "\\ge": "≥", "\\ne": "≠", "\\land": "∧", "\\lor": "∨", "\\lnot": "¬",
  "\\infty": "∞", "\\prod": "∏", "-": "−",
};
const MATH_WORDS = { "\\max": "max", "\\min": "min", "\\eta": "η", "\\beta": "β" };

/** The tree {tag, text?, children?, attributes?} of a text in LaTeX: any text has one, what is unknown is shown. */
export function mathml(latex) {
  const reader = new MathReader(latex);
  return { tag: "math", attributes: { display: "block" }, children: [reader.table(["right", "left"], "")] };
}

class MathReader {
  constructor(text) {
    this.tokens = text.slice(0, MATH_LENGTH).match(MATH_TOKEN) ?? [];
    this.at = 0;
    this.depth = 0;
  }

  /** Rows and cells up to a token: a table, or the one cell that there is. */
  table(sides, end) {
    const rows = [[this.row(["&", "\\\\", end])]];
    while (["&", "\\\\"].includes(this.tokens[this.at])) {
      if (this.tokens[this.at++] === "\\\\") rows.push([]);
      rows.at(-1).push(this.row(["&", "\\\\", end]));
    }
    if (rows.length === 1 && rows[0].length === 1) return rows[0][0];
    const cells = (row) => row.map((cell, i) => mathNode("mtd", [cell], { class: sides[i % sides.length] }));
    return mathNode("mtable", rows.map((row) => mathNode("mtr", cells(row))), { displaystyle: "true" });
  }

  /** What stands before one of these tokens. */
  row(ends) {
    const found = [];
    let marks = 0; // of the last base
    while (this.at < this.tokens.length && !ends.includes(this.tokens[this.at])) {
      const token = this.tokens[this.at];
      if (/^\s/u.test(token)) this.at += 1;
      else if (/^[\^_']$/u.test(token) && marks < MATH_DEPTH) {
        found.push(this.marked(found.pop() ?? mathNode("mrow", [])));
        marks += 1;
      } else {
        found.push(this.one());
        marks = 0;
      }
    }
    return found.length === 1 ? found[0] : mathNode("mrow", found);
  }

  /** A base with a mark, or with what is above or below it. */
  marked(base) {
    const mark = this.tokens[this.at++];
    if (mark === "'") return mathNode("mrow", [base, mathText("mo", "′", { lspace: "0", rspace: "0" })]);
    if (mark === "_") return mathNode(base.text === "∏" ? "munder" : "msub", [base, this.argument()]);
    const both = { msub: "msubsup", munder: "munderover" }[base.tag];
    return both ? mathNode(both, [...base.children, this.argument()]) : mathNode("msup", [base, this.argument()]);
  }

  /** One argument of a command: a group, or the next token. */
  argument() {
    while (/^\s/u.test(this.tokens[this.at] ?? "")) this.at += 1;
    return this.at < this.tokens.length ? this.one() : mathNode("mrow", []);
  }

  /** One thing: a number, letter or sign, a group, or a command with its arguments. */
  one() {
    if (this.depth >= MATH_DEPTH) return mathText("mtext", this.tokens.splice(this.at).join(""));
    this.depth += 1;
    const token = this.tokens[this.at++];
    const made = this.command(token);
    this.depth -= 1;
    return made;
  }

  command(token) {
    switch (token) {
      case "{": return this.closed("}");
      case "\\frac": return mathNode("mfrac", [this.argument(), this.argument()]);
      case "\\sqrt": return mathNode("msqrt", [this.argument()]);
      case "\\left": return this.fenced();
      case "\\mathrm": return mathUpright(this.words());
      case "\\text": return mathText("mtext", this.words());
      case "\\begin": return this.cases(this.words());
      case "\\,": return mathNode("mspace", [], { width: "0.17em" });
      default: return mathAtom(token);
    }
  }

  closed(end) {
    const inside = this.row([end]);
    this.at += 1;
    return inside;
  }

  fenced() {
    const open = this.tokens[this.at++] ?? "";
    const inside = this.closed("\\right");
    const fence = (sign) => mathFence(sign, mathTall(inside));
    return mathNode("mrow", [fence(open), inside, fence(this.tokens[this.at++] ?? "")]);
  }

  cases(name) {
    if (name !== "cases") return mathText("mtext", `\\begin{${name}}`);
    const table = this.table(["left"], "\\end");
    this.at += 1;
    this.words();
    return mathNode("mrow", [mathFence("{", true), table]);
  }

  /** The text of a group as it stands, without backslashes. */
  words() {
    if (this.tokens[this.at] !== "{") return "";
    const end = this.tokens.indexOf("}", this.at);
    const inside = this.tokens.slice(this.at + 1, end < 0 ? undefined : end);
    this.at += inside.length + 2;
    return inside.join("").replace(/\\/gu, "").replace(/^ | $/gu, "\u00a0");
  }
}

function mathNode(tag, children, attributes) {
  return attributes ? { tag, children, attributes } : { tag, children };
}

function mathText(tag, text, attributes) {
  return attributes ? { tag, text, attributes } : { tag, text };
}

function mathUpright(text) {
  return mathText("mi", text, { mathvariant: "normal" });
}

function mathFence(sign, stretchy) {
  return mathText("mo", sign, { fence: "true", stretchy: String(stretchy) });
}

function mathTall(node) {
  return ["mfrac", "msqrt", "mtable"].includes(node.tag) || (node.children ?? []).some(mathTall);
}

function mathAtom(token) {
  if (/^[()|]$/u.test(token)) return mathFence(token, false);
  if (/^\d/u.test(token)) return mathText("mn", token);
  if (Object.hasOwn(MATH_WORDS, token)) return mathText("mi", MATH_WORDS[token]);
  if (/^[a-zA-Z]$/u.test(token)) return mathText("mi", token);
  return mathText(token.length > 1 && !MATH_SIGNS[token] ? "mtext" : "mo", MATH_SIGNS[token] ?? token);
}
