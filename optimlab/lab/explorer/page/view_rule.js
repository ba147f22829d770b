import { short } from "./charts.js";
import { copyButton, element } from "./controls.js";
import { latexOf } from "./latex.js";
import { mathml } from "./mathml.js";
import { pythonSnippet, torchSource } from "./sources.js";

/** A tree {tag, text?, attributes?, children?} as elements of MathML. */
function mathElement({ tag, text, attributes = {}, children = [] }) {
  const made = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children.map(mathElement));
  return made;
}

/** The rule as a formula, as text of LaTeX, Python and PyTorch, and what theory says of it. → {root, show(...)} */
export function rulePanel() {
  const title = element("h2");
  const formula = element("div", { class: "formula", tabindex: 0, "aria-label": "Formula of the rule" });
  const texts = {
    "Python that walks this path": element("pre", { tabindex: 0 }),
    "PyTorch optimizer": element("pre", { tabindex: 0 }),
    LaTeX: element("pre", { tabindex: 0 }),
  };
  const theory = element("div");
  const folds = Object.entries(texts).map(([name, pre]) =>
    element(
      "details",
      {},
      element("summary", {}, name),
      copyButton("Copy", () => pre.textContent),
      pre,
    ),
  );
  const root = element("section", { class: "rule", "aria-label": "The rule" }, title, formula, theory, ...folds);
  const show = ({ label, rule, setting, facts }) => {
    title.textContent = label;
    const latex = ruleSaid(() => latexOf(rule));
    formula.replaceChildren(mathElement(mathml(latex)));
    const [python, torch, tex] = Object.values(texts);
    python.textContent = ruleSaid(() => pythonSnippet(setting));
    torch.textContent = ruleSaid(() => torchSource(rule));
    tex.textContent = latex;
    theory.replaceChildren(...ruleFacts(facts));
  };
  return { root, show };
}

function ruleSaid(make) {
  try {
    return make();
  } catch (error) {
    return error.message;
  }
}

/** Predictions with what was measured beside them: [[what, predicted, measured]]. */
function ruleFacts(facts) {
  if (facts.length === 0) return [element("p", { class: "note" }, "No linear theory for this rule here.")];
  const head = element("tr", {}, ...["", "theory", "measured"].map((name) => element("th", { scope: "col" }, name)));
  const cell = (value) => (typeof value === "number" ? short(value, 4) : value);
  const lines = facts.map(([what, predicted, measured]) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, what),
      element("td", {}, cell(predicted)),
      element("td", {}, cell(measured)),
    ),
  );
  return [
    element(
      "div",
      { class: "scroll" },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)),
    ),
  ];
}
