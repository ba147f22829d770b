// The mathematics that rules are written in, as a plain tree of MathML elements.

const TEX_TOKEN = /\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\s+|[^]/gu;
const TEX_DEPTH = 50; // beyond it what is left is shown as text
const TEX_LENGTH = 40000;
const TEX_SIGNS = {
  "\\cdot": "⋅", "\\leftarrow": "←", "\\le": "≤", "\\ge": "≥", "\\ne": "≠", "\\land": "∧", "\\lor": "∨", "\\lnot": "¬",
  "\\infty": "∞", "\\pm": "±", "\\to": "→", "\\{": "{", "\\}": "}", "-": "−",
};
const TEX_WORDS = { "\\max": "max", "\\min": "min", "\\exp": "exp", "\\log": "log", "\\sin": "sin", "\\cos": "cos" };
const TEX_LETTERS = {
  "\\alpha": "α", "\\beta": "β", "\\gamma": "γ", "\\delta": "δ", "\\epsilon": "ε", "\\varepsilon": "ε", "\\eta": "η",
  "\\lambda": "λ", "\\mu": "μ", "\\nu": "ν", "\\rho": "ρ", "\\sigma": "σ", "\\theta": "θ", "\\nabla": "∇",
};

/** The tree {tag, text?, children?, attributes?} of a text in LaTeX: any text has one, what is unknown is shown. */
export function mathml(latex) {
  const reader = new TexReader(latex);
  return { tag: "math", attributes: { display: "block" }, children: [reader.table(["right", "left"], "")] };
}

class TexReader {
  constructor(text) {
    this.tokens = text.slice(0, TEX_LENGTH).match(TEX_TOKEN) ?? [];
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
    const cells = (row) => row.map((cell, i) => texNode("mtd", [cell], { class: sides[i % sides.length] }));
    return texNode("mtable", rows.map((row) => texNode("mtr", cells(row))), { displaystyle: "true" });
  }

  /** What stands before one of these tokens. */
  row(ends) {
    const found = [];
    while (this.at < this.tokens.length && !ends.includes(this.tokens[this.at])) {
      if (/^[\s]/u.test(this.tokens[this.at])) this.at += 1;
      else if (/^[\^_']$/u.test(this.tokens[this.at])) found.push(this.marked(found.pop() ?? texNode("mrow", [])));
      else found.push(this.one());
    }
    return found.length === 1 ? found[0] : texNode("mrow", found);
  }

  /** A base with a mark, or with what is above or below it. */
  marked(base) {
    const mark = this.tokens[this.at++];
    if (mark === "'") return texNode("mrow", [base, texText("mo", "′", { lspace: "0", rspace: "0" })]);
    if (mark === "_") return texNode(base.text === "∏" ? "munder" : "msub", [base, this.argument()]);
    const both = { msub: "msubsup", munder: "munderover" }[base.tag];
    return both ? texNode(both, [...base.children, this.argument()]) : texNode("msup", [base, this.argument()]);
  }

  /** One argument of a command: a group, or the next token. */
  argument() {
    while (/^\s/u.test(this.tokens[this.at] ?? "")) this.at += 1;
    return this.at < this.tokens.length ? this.one() : texNode("mrow", []);
  }

  /** One thing: a number, letter or sign, a group, or a command with its arguments. */
  one() {
    if (this.depth >= TEX_DEPTH) return texText("mtext", this.tokens.splice(this.at).join(""));
    this.depth += 1;
    const token = this.tokens[this.at++];
    const made = this.command(token);
    this.depth -= 1;
    return made;
  }

  command(token) {
    switch (token) {
      case "{": return this.closed("}");
      case "\\frac": return texNode("mfrac", [this.argument(), this.argument()]);
      case "\\sqrt": return texNode("msqrt", [this.argument()]);
      case "\\left": return this.fenced();
      case "\\mathrm": return texUpright(this.words());
      case "\\text": return texText("mtext", this.words());
      case "\\begin": return this.cases(this.words());
      case "\\prod": return texText("mo", "∏");
      case "\\,": return texNode("mspace", [], { width: "0.17em" });
      default: return texAtom(token);
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
    const fence = (sign) => texFence(sign, texTall(inside));
    return texNode("mrow", [fence(open), inside, fence(this.tokens[this.at++] ?? "")]);
  }

  cases(name) {
    if (name !== "cases") return texText("mtext", `\\begin{${name}}`);
    const table = this.table(["left"], "\\end");
    this.at += 1;
    this.words();
    return texNode("mrow", [texFence("{", true), table]);
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

function texNode(tag, children, attributes) {
  return attributes ? { tag, children, attributes } : { tag, children };
}

function texText(tag, text, attributes) {
  return attributes ? { tag, text, attributes } : { tag, text };
}

function texUpright(text) {
  return texText("mi", text, { mathvariant: "normal" });
}

function texFence(sign, stretchy) {
  return texText("mo", sign, { fence: "true", stretchy: String(stretchy) });
}

function texTall(node) {
  return ["mfrac", "msqrt", "mtable"].includes(node.tag) || (node.children ?? []).some(texTall);
}

function texAtom(token) {
  if (/^[()|]$/u.test(token)) return texFence(token, false);
  if (/^\d/u.test(token)) return texText("mn", token);
  if (Object.hasOwn(TEX_LETTERS, token)) return texText("mi", TEX_LETTERS[token]);
  if (Object.hasOwn(TEX_WORDS, token)) return texText("mi", TEX_WORDS[token]);
  if (/^[a-zA-Z]$/u.test(token)) return texText("mi", token);
  return texText(token.length > 1 && !TEX_SIGNS[token] ? "mtext" : "mo", TEX_SIGNS[token] ?? token);
}
