import { pythonNumber } from "./syntax.js";

const SNIPPET_NAME = /(?<![\w.])[a-zA-Z_]\w*(?!\s*=|\w)/gu; // not that of an argument, not the e of a number
const SNIPPET_WORDS = ["True", "False", "None", "inf"];

/**
 * A script with optimlab that gives the path of the page, to the last bit: `rule` as its text, `surface` by name or as
 * a formula, `rate` as Python's text; `noise` {sd, seed}, `clipNorm`, `clipValue` are null where there is none.
 */
export function pythonSnippet({ rule, surface, rate, start, steps, noise, clipNorm, clipValue }) {
  const hooks = Object.entries({ ClipNorm: clipNorm, ClipValue: clipValue })
    .filter(([, limit]) => limit !== null)
    .map(([name, limit]) => `${name}(${pythonNumber(limit)})`);
  const names = snippetNames([rule, rate, ...hooks]);
  const top = [...new Set([...names, "Every", "Optimizer", "descend"])].filter((name) => !SNIPPET_WORDS.includes(name)).sort();
  const found = `surface(${snippetText(surface)})`;
  const noisy = noise && `Noisy(${found}, TwelveUniforms(${pythonNumber(noise.sd)}), np.random.default_rng(${noise.seed}))`;
  const lines = [
    names.includes("inf") && "from math import inf\n",
    "import numpy as np\n",
    snippetImport("optimlab", top),
    "from optimlab.lab.play.surfaces import surface",
    noise && "from optimlab.lab.problems import Noisy, TwelveUniforms",
    "",
    `rule = ${rule}`,
    `problem = ${noisy || found}`,
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

/** A text as Python writes it in quotes; JSON's escapes are Python's. */
function snippetText(text) {
  return JSON.stringify(text);
}

function snippetImport(module, names) {
  const line = `from ${module} import ${names.join(", ")}`;
  return line.length <= 100 ? line : `from ${module} import (\n    ${names.join(",\n    ")},\n)`;
}
