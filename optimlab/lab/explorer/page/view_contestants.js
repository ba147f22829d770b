import { short } from "./charts.js";
import { button, choice, element, look, slider, textField } from "./controls.js";
import { CanvasPen } from "./pen.js";
import { RULES, ruleText } from "./rules.js";
import { styleOf } from "./view_paths.js";

const CONTESTANTS_MOST = 24;
const CONTESTANTS_OWN = "own";
const CONTESTANTS_TEXTS = 200; // kept, so that a drag does not write them again
const contestantTexts = new Map();
const CONTESTANTS_LR = [1e-5, 10];

/** The text of a contestant's rule in the algebra. */
export function textOf({ rule, text, values }) {
  const entry = RULES.find((one) => one.name === rule);
  if (!entry) return text;
  const key = JSON.stringify([rule, values]);
  if (contestantTexts.size > CONTESTANTS_TEXTS) contestantTexts.clear();
  if (!contestantTexts.has(key)) contestantTexts.set(key, ruleText(entry, contestantValues(entry, values)));
  return contestantTexts.get(key);
}

/** The named rules as a choice offers them. */
export function ruleOptions() {
  return RULES.map(({ name }) => [name, labelOf({ rule: name })]);
}

/** What a contestant is called. */
export function labelOf({ rule, text }) {
  const label = RULES.find((one) => one.name === rule)?.label;
  return label ? label[0].toUpperCase() + label.slice(1) : text.slice(0, 40) || "own rule";
}

/** The parameters of a rule: what is set and allowed, else the default. */
export function contestantValues(entry, values) {
  const allowed = ({ value, low, high }, set) =>
    typeof value === "string" ? RULES.some(({ name }) => name === set) : set >= low && set <= high;
  return Object.fromEntries(
    entry.parameters.map((one) => [one.name, allowed(one, values[one.name]) ? values[one.name] : one.value]),
  );
}

/** The name of a parameter as a formula writes it: beta1 is β₁, weight_decay is weight decay. */
export function symbolOf(name) {
  const greek = {
    alpha: "α",
    beta: "β",
    gamma: "γ",
    eps: "ε",
    nu: "ν",
    rho: "ρ",
    lambda: "λ",
    kappa: "κ",
    psi: "ψ",
    xi: "ξ",
  };
  const [, word, digit] = name.match(/^(.*?)(\d?)$/);
  return (greek[word] ?? word.replaceAll("_", " ")) + (digit && "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

/** A list as a link may give it, mended: what is no contestant is left out, what is missing is filled in. */
export function contestantsOf(list) {
  const good = list.filter((one) => typeof one === "object" && one !== null && typeof one.rule === "string");
  return good.slice(0, CONTESTANTS_MOST).map((one, i) => ({
    rule: one.rule,
    text: typeof one.text === "string" ? one.text : "",
    values: { ...one.values },
    lr: one.lr >= CONTESTANTS_LR[0] && one.lr <= CONTESTANTS_LR[1] ? one.lr : 0.01,
    style: Number.isInteger(one.style) && one.style >= 0 ? one.style : i,
  }));
}

/**
 * The list of contestants, one of which is chosen and shows its sliders.
 * changed(contestant) at each move of a slider, chosen(index) when another is looked at. → {root, tell(i, {...})}
 */
export function contestantsPanel(state, changed) {
  const rows = element("div", { class: "group" });
  let parts = [];
  const again = () => {
    parts = state.contestants.map((_, i) => contestantRow(state, i, { changed, again }));
    rows.replaceChildren(...parts.map((part) => part.root));
    changed();
  };
  const insert = (rule) => {
    add.set("");
    if (rule === "" || state.contestants.length >= CONTESTANTS_MOST) return;
    state.contestants.push(contestantNew(state, rule));
    state.chosen = state.contestants.length - 1;
    again();
  };
  const options = [["", "a rule …"], [CONTESTANTS_OWN, "one of your own …"], ...ruleOptions()];
  let keyed = false; // keys pass other rules on their way: Enter adds the one that is shown
  const add = choice({ name: "Add", options, value: "", on: (rule) => keyed || insert(rule) });
  add.root.addEventListener("pointerdown", () => (keyed = false));
  add.root.addEventListener("keydown", ({ key, target }) => {
    keyed = key !== "Enter";
    if (!keyed) insert(target.value);
  });
  again();
  return {
    root: element("section", { class: "panel", "aria-label": "Contestants" }, rows, add.root),
    tell: (i, facts) => parts[i]?.tell(facts),
    draw: () => parts.forEach((part) => part.draw()),
  };
}

function contestantNew(state, rule) {
  const used = new Set(state.contestants.map((one) => one.style));
  const style = Array.from({ length: CONTESTANTS_MOST + 1 }, (_, i) => i).find((i) => !used.has(i));
  const entry = RULES.find((one) => one.name === rule);
  return {
    rule,
    text: entry ? "" : "Ema(0.9) / (Square() | Ema(0.999) | Root(1e-8))",
    values: {},
    lr: entry?.lr ?? 0.01,
    style,
  };
}

function contestantRow(state, i, { changed, again }) {
  const one = state.contestants[i];
  const chosen = state.chosen === i;
  const badge = element("canvas", { class: "badge", "aria-hidden": "true" });
  const end = element("span", { class: "end" });
  const title = button(labelOf(one), () => again((state.chosen = i)), {
    class: "title",
    "aria-expanded": String(chosen),
  });
  const remove = button("×", () => again(contestantRemoved(state, i)), {
    class: "quiet",
    "aria-label": `Remove ${labelOf(one)}`,
  });
  const set = (lr) => changed((one.lr = lr));
  const rate = slider({
    name: "lr",
    low: CONTESTANTS_LR[0],
    high: CONTESTANTS_LR[1],
    log: true,
    value: one.lr,
    on: set,
  });
  const inner = chosen ? contestantInner(one, { changed, again }) : { parts: [] };
  const bar = element("div", { class: "bar" }, badge, title, end, remove);
  const root = element("div", { class: `contestant${chosen ? " chosen" : ""}` }, bar, rate.root, ...inner.parts);
  const draw = () => root.style.setProperty("--accent", contestantBadge(badge, one));
  const tell = ({ value, error, limit }) => {
    title.textContent = labelOf(one);
    end.textContent = error ? "cannot run" : value;
    inner.say?.(error ?? "");
    rate.mark(limit ?? NaN, limit ? `near where it ends, stable up to lr = ${short(limit)}` : "");
  };
  draw();
  return { root, tell, draw };
}

function contestantRemoved(state, i) {
  state.contestants.splice(i, 1);
  state.chosen = Math.max(0, Math.min(state.chosen - (i <= state.chosen ? 1 : 0), state.contestants.length - 1));
}

/** Draw a piece of the contestant's line with its marker; returns its colour. */
function contestantBadge(canvas, one) {
  const style = styleOf(one.style, look());
  const pen = new CanvasPen(canvas, 46, 26);
  pen.line([0, 13, 46, 13], { ...style, width: 3 });
  pen.dot(23, 13, 9, { ...style, edge: look().paper });
  return style.color;
}

/** The sliders of the chosen contestant's rule, or the field for one's own. */
function contestantInner(one, { changed, again }) {
  const entry = RULES.find((rule) => rule.name === one.rule);
  if (!entry) {
    const field = textField({ name: "Rule", value: one.text, on: (text) => changed((one.text = text)) });
    field.root.querySelector("input").maxLength = 2000;
    return { parts: [field.root], say: field.say };
  }
  const names = ruleOptions();
  const kind = choice({
    name: "Rule",
    options: names,
    value: one.rule,
    on: (rule) => again(Object.assign(one, { rule, values: {} })),
  });
  const values = contestantValues(entry, one.values);
  const inputs = entry.parameters.map((parameter) => {
    const set = {
      ...parameter,
      name: symbolOf(parameter.name),
      value: values[parameter.name],
      on: (value) => changed((one.values[parameter.name] = value)),
    };
    return typeof parameter.value === "string" ? choice({ ...set, options: names }) : slider(set);
  });
  const own = button(
    "Edit as text",
    () => again(Object.assign(one, { text: textOf(one), rule: CONTESTANTS_OWN, values: {} })),
    { class: "quiet" },
  );
  return { parts: [kind.root, ...inputs.map((made) => made.root), element("div", { class: "row" }, own)] };
}
