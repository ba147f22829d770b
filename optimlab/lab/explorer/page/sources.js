import { coefficientTerms } from "./coefficients.js";
import { FACTS } from "./facts.js";
import { latexOf } from "./latex.js";
import { called } from "./symbols.js";
import { Said, pythonNumber } from "./syntax.js";

const SNIPPET_NAME = /(?<![\w.])[a-zA-Z_]\w*(?!\s*=|\w)/gu; // not that of an argument, not the e of a number
const SNIPPET_WORDS = ["True", "False", "None", "inf"];

/**
 * A script with optimlab that gives the path of the page, to the last bit: `rule` as its text, `surface` by name or as
 * a formula, `rate` as Python's text; `noise` {sd, seed}, `clipNorm`, `clipValue` are null where there is none.
 */
export function pythonSnippet({ rule, surface, rate, start, steps, noise, clipNorm, clipValue }) {
  const hooks = Object.entries({ ClipValue: clipValue, ClipNorm: clipNorm })
    .filter(([, limit]) => limit !== null)
    .map(([name, limit]) => `${name}(${pythonNumber(limit)})`);
  const names = snippetNames([rule, rate, ...hooks]);
  const own = names.filter((name) => !SNIPPET_WORDS.includes(name));
  const top = [...new Set([...own, "Every", "Optimizer", "descend"])].sort();
  const found = `surface(${JSON.stringify(surface)})`; // JSON's escapes are Python's
  const seen = noise && `TwelveUniforms(${pythonNumber(noise.sd)}), np.random.default_rng(${noise.seed})`;
  const lines = [
    names.includes("inf") && "from math import inf\n",
    "import numpy as np\n",
    snippetImport("optimlab", top),
    "from optimlab.lab.play.surfaces import surface",
    noise && "from optimlab.lab.problems import Noisy, TwelveUniforms",
    "",
    `rule = ${rule}`,
    `problem = ${noise ? `Noisy(${found}, ${seen})` : found}`,
    `optimizer = Optimizer(rule, lr=${rate}${hooks.length ? `, hooks=[${hooks.join(", ")}]` : ""})`,
    `start = np.array([${start.map(pythonNumber).join(", ")}])`,
    `history = descend(problem, optimizer, ${steps}, start=start, record=Every(1, w=np.copy))`,
    'path, values = history["w"], history["value"]  # of steps 0, 1, 2, ...',
    "print(history)",
    "print(path[-1], values[-1])",
  ];
  return `${lines.filter((line) => typeof line === "string").join("\n")}\n`;
}

function snippetNames(texts) {
  return [...new Set(texts.flatMap((text) => text.match(SNIPPET_NAME) ?? []))];
}

function snippetImport(module, names) {
  const line = `from ${module} import ${names.join(", ")}`;
  return line.length <= 100 ? line : `from ${module} import (\n    ${names.join(",\n    ")},\n)`;
}

const TORCH_STEPS = 1000; // of a table, as by default in Python
const TORCH_REMARK = "PyTorch: step moves w and the state in place, in the dtype of w, on any device.";

/** The text of Python's rule.source("torch"). */
export function torchSource(rule) {
  const { calls, bank, constants, rooted } = torchStep(rule);
  const { lines, numbers, tables, debiased } = torchNumbers(coefficientTerms(rule, TORCH_STEPS));
  const held = ["lr", ...numbers, ...constants.map(torchNumber)];
  const start = rule.start.map((x) => `torch.full_like(w, ${torchNumber(x)})`);
  const imports = lines.some((line) => line.includes("math.")) ? ["import math", ""] : [];
  const blocks = [
    torchHead(rule, tables),
    [...imports, ...(rooted ? ["import numpy as np"] : []), "import torch"],
    debiased ? [FACTS.torch.debiased] : [],
    rooted ? [FACTS.torch.sqrt] : [],
    [...TORCH_NUMBERS, ...(tables.length ? TORCH_GUARD : []), ...lines, `    return [${held.join(", ")}]`],
    ["def start(w):", '    """Return the state before the first step."""', `    return [${start.join(", ")}]`],
    [
      ...TORCH_STEP,
      ...torchUnpacked(rule.slots, "state"),
      ...torchUnpacked(bank, "w.new_tensor(numbers(t, lr)).unbind()"),
      ...calls,
    ],
    ...tables.map((table, i) => [`TABLE${i} = [`, ...filledLines(table.split(" "), 118), "]"]),
  ];
  return `${blocks.filter((block) => block.length).map((block) => block.join("\n")).join("\n\n\n")}\n`;
}

function torchHead(rule, tables) {
  const ends = tables.length ? [`Its tables end at t = ${TORCH_STEPS}.`] : [];
  const last = [TORCH_REMARK, ...ends, `Written for float64 by optimlab ${FACTS.version}.`];
  return [rule.text, "", ...latexOf(rule).split("\n"), "", ...last].map((line) => `# ${line}`.trimEnd());
}

const TORCH_NUMBERS = [
  "def numbers(t, lr):",
  '    """Return the numbers of step t = 1, 2, ...: the learning rate, coefficients, constants."""',
];
const TORCH_STEP = [
  "@torch.no_grad()",
  "def step(w, g, state, t, lr):",
  '    """Move w by its gradient g, in place, at step t = 1, 2, ... with a learning rate."""',
];
const TORCH_GUARD = [
  `    if not 1 <= t <= ${TORCH_STEPS}:`,
  `        raise ValueError(f"t must be from 1 to ${TORCH_STEPS}, where the tables end; got {t}")`,
];

/** The lines of the step, the names of its numbers, and the formula's own numbers. */
function torchStep(rule) {
  const { arrays, constants, buffers, calls, copies } = rule.plainProgram;
  const numbered = (letter, { length }) => Array.from({ length }, (_, i) => letter + i);
  const bank = ["eta", ...numbered("c", rule.held), ...numbered("k", constants)];
  const names = ["g", "w", ...rule.slots, "scale", ...bank, ...numbered("b", buffers)];
  const lines = [...calls, ...copies.map(([from, to]) => ["positive", [from], to])].map(([op, places, out]) => {
    const text = torchCall("step", op, places.map((place) => names[place]));
    return out < arrays ? `    ${names[out]}.copy_(${text})` : `    ${names[out]} = ${text}`;
  });
  return { calls: lines, bank, constants, rooted: calls.some(([op]) => op === "sqrt") };
}

/** The lines that follow from t, equal ones once, the coefficients, the tables, and whether a gain is debiased. */
function torchNumbers(terms) {
  const [known, names, tables] = [new Map(), new Map(), []];
  const written = (x) => known.get(x) ?? (typeof x.value === "string" ? x.value : torchNumber(x.value));
  const calls = called(terms);
  for (const x of calls) {
    const text = torchText(x, x.operands.map(written), tables);
    if (!names.has(text)) names.set(text, `a${names.size}`);
    known.set(x, names.get(text));
  }
  const lines = [...names].map(([text, name]) => `    ${name} = ${text}`);
  return { lines, numbers: terms.map(written), tables, debiased: calls.some((x) => x.op === "debiased") };
}

function torchText({ op, value }, operands, tables) {
  if (op === "debiased") return `debiased(${value.map(torchNumber).join(", ")}, ${operands[0]})`;
  if (op !== "table") return torchCall("numbers", op, operands);
  const table = value.map(torchNumber).join(", ");
  if (!tables.includes(table)) tables.push(table);
  return `TABLE${tables.indexOf(table)}[t - 1]`;
}

/** A call in Python's words for it, "{}" or "{0}" in the place of each operand. */
function torchCall(where, op, operands) {
  const form = FACTS.torch[where][op];
  if (form === undefined) throw new Said(`${op} has no counterpart with the same bits in torch; leave it out`);
  let next = 0;
  return form.replace(/\{(\d*)\}/gu, (_, place) => operands[place === "" ? next++ : place]);
}

function torchNumber(x) {
  if (Number.isFinite(x)) return pythonNumber(x);
  return Number.isNaN(x) ? 'float("nan")' : `${x < 0 ? "-" : ""}float("inf")`;
}

function torchUnpacked(names, given) {
  if (!names.length) return [];
  return [`    ${names.length > 1 ? names.join(", ") : `(${names[0]},)`} = ${given}`];
}

/** Words in lines of at most so many characters. */
function filledLines(words, width) {
  const lines = [words[0]];
  for (const word of words.slice(1)) {
    if (lines.at(-1).length + 1 + word.length <= width) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
}
