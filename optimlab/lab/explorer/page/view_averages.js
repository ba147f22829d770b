import { averagedVariance, lrOfAverage, mergeCrossover, mergeOverDecay, sgdVariance } from "./averages.js";
import { bitNoise, decayedFrom, exactLoss, exactSquares, lagOf, lossParts, measuredLoss, waysOf } from "./averages.js";
import { chart, DASHES, short } from "./charts.js";
import { element, figure, look, slider, table, toggle } from "./controls.js";

const AVERAGES_WORK = 200000; // updates of all runs together, so that a slider stays live
const AVERAGES_SEED = 1;
const AVERAGES_PLACES = 16; // updates at which runs are measured
const AVERAGES_SLIDERS = [
  { key: "lr", name: "lr", low: 0.001, high: 2.2, log: true, title: "learning rate; the stiff mode has h = 1" },
  { key: "slow", name: "slow h", low: 0.001, high: 1, log: true, title: "curvature of the slow mode" },
  { key: "noise", name: "noise", low: 0, high: 4, title: "variance of the gradient's noise, in units of h" },
  { key: "start", name: "start", low: 0, high: 10, title: "√ of E w² at the start, of both modes" },
  { key: "now", name: "now", low: 50, high: 2000, log: true, whole: true, title: "updates before the end begins" },
  { key: "window", name: "window", low: 5, high: 1000, log: true, whole: true, title: "updates of the end" },
  { key: "beta1", name: "β₁", low: 0, high: 0.9999, log: "complement", title: "a short EMA" },
  { key: "beta2", name: "β₂", low: 0, high: 0.9999, log: "complement", title: "a long EMA" },
  { key: "gamma", name: "γ", low: 0, high: 40, title: "exponent of the power profile" },
];
let averagesNow = null;

/** Averages of the weights and decays of the rate on the noisy quadratic: what each way to end a run leaves. */
export const averagesView = {
  name: "averages",
  title: "Averages and decay",
  defaults: {
    lr: 0.1, slow: 0.01, noise: 1, start: 2, now: 800, window: 200, beta1: 0.9, beta2: 0.99, gamma: 6.94, hidden: [],
  },
  limits: Object.fromEntries(AVERAGES_SLIDERS.map(({ key, low, high, whole }) => [key, [low, high, whole && "whole"]])),
  build: (root, state, changed) => (averagesNow = averagesBuilt(root, state, changed)),
  draw: () => averagesNow.draw(),
};

function averagesBuilt(root, state, changed) {
  const view = { state, noise: null };
  let waiting = false;
  const frame = () => {
    waiting = false;
    view.draw();
  };
  view.changed = () => {
    changed();
    if (!waiting) requestAnimationFrame(frame);
    waiting = true;
  };
  const sliders = AVERAGES_SLIDERS.map(({ key, ...form }) =>
    slider({ ...form, value: state[key], on: (value) => view.changed((state[key] = value)) }));
  sliders[0].mark(2, "the limit: lr h = 2");
  view.answer = element("p", { role: "status" });
  view.note = element("p", { class: "note", role: "status" });
  view.figure = figure({
    title: "Loss above the minimum", file: "averages", height: (width) => Math.min(560, 0.4 * width + 260),
    legend: () => averagesShown(view).map(({ way, i }) => ({ ...averagesStyle(way, i), name: way.name })),
    paint: (pen) => averagesPaint(pen, view),
  });
  view.table = table({ title: "What each way leaves", file: "averages" });
  view.theory = table({ title: "Theory, for each mode", file: "averages-theory" });
  view.legend = averagesLegend(view);
  view.draw = () => averagesDraw(view);
  const panel = element("section", { class: "panel", "aria-label": "Setting" }, ...sliders.map((made) => made.root));
  const side = element("div", { class: "side" }, panel);
  const picture = element("div", { class: "charts" }, view.figure.root);
  const main = element("div", { class: "main" }, view.answer, picture, view.legend.root, view.note);
  const rest = element("div", { class: "rest" }, view.table.root, view.theory.root);
  root.replaceChildren(element("div", { class: "layout" }, main, side, rest));
  return view;
}

/** The two modes: noise of the gradient in proportion to the curvature, as that of a loss of examples is. */
function averagesModes({ slow, noise, start }) {
  return [1, slow].map((h) => ({ h, noise: noise * h, start: start * start }));
}

/** All that follows from the sliders, exact and measured. */
function averagesDraw(view) {
  const { state } = view;
  const begin = performance.now();
  const { lr, now, window: more } = state;
  const modes = averagesModes(state);
  const setting = { lr, now, window: more, betas: [state.beta1, state.beta2], gamma: state.gamma, curvature: 1 };
  const runs = Math.min(400, Math.round(AVERAGES_WORK / (now + more)));
  const noise = averagesNoise(view, runs * modes.length * (now + more));
  const seen = { runs, times: averagesTimes(now, more), noise };
  view.ways = waysOf(setting).map((way) => ({
    ...way, loss: exactLoss(way, modes), parts: lossParts(way, modes), lag: lagOf(way.gains),
    found: measuredLoss(way, modes, seen),
  }));
  view.from = decayedFrom(view.ways[0], modes, setting);
  const took = performance.now() - begin;
  view.figure.draw();
  view.legend.draw();
  averagesSay(view);
  averagesTable(view);
  averagesTold(view, modes);
  view.note.textContent = `Lines are exact, dots are means of ${runs} runs. ` +
    `Dotted in ink: what a linear decay would give that began there. Computed in ${short(took, 2)} ms.`;
}

function averagesTimes(now, more) {
  const part = (now + more) / AVERAGES_PLACES;
  return Array.from({ length: AVERAGES_PLACES }, (_, i) => Math.round((i + 1) * part));
}

/** The noise of all runs: the same numbers for every setting, more of them when they do not suffice. */
function averagesNoise(view, size) {
  if (!(view.noise?.length >= size)) view.noise = bitNoise(AVERAGES_SEED, size);
  return view.noise;
}

/** Colours by way: the iterate in soft ink, averages solid, decays dashed. */
function averagesStyle({ kind }, i) {
  const { palette, soft } = look();
  return { color: i ? palette[i - 1] : soft, dash: kind === "decay" ? DASHES[1] : [] };
}

function averagesShown({ ways, state }) {
  return ways.map((way, i) => ({ way, i })).filter(({ way }) => !state.hidden.includes(way.name));
}

/** A switch for each way, with its colour. */
function averagesLegend(view) {
  const root = element("ul", { class: "legend", "aria-label": "Ways to end the run" });
  const flip = (name, on) => {
    const others = view.state.hidden.filter((one) => one !== name);
    view.changed((view.state.hidden = on ? others : [...others, name]));
  };
  const item = ({ name }) => {
    const swatch = element("span", { class: "swatch" });
    const on = !view.state.hidden.includes(name);
    return { swatch, root: element("li", {}, swatch, toggle({ name, value: on, on: (now) => flip(name, now) }).root) };
  };
  const draw = () => {
    view.items ??= view.ways.map(item);
    if (!root.firstChild) root.append(...view.items.map((one) => one.root));
    view.items.forEach(({ swatch }, i) => (swatch.style.background = averagesStyle(view.ways[i], i).color));
  };
  return { root, draw };
}

function averagesPaint(pen, view) {
  const { ways, state, from } = view;
  if (!ways) return;
  const { now, window: more } = state;
  const colours = look();
  const shown = averagesShown(view);
  const own = ({ begin, loss }) => loss.map((one, i) => (i < begin ? NaN : one));
  const lines = shown.map(({ way, i }) => ({ ys: own(way), width: 2.5, ...averagesStyle(way, i) }));
  const { x, y, inner } = chart(pen, colours, {
    series: [{ ys: from, color: colours.ink, dash: [2, 5], width: 2 }, ...lines],
    range: [0, now + more, ...averagesRange(ways)],
    marks: [{ x: now, text: "now", color: colours.ink }],
    logY: true, xLabel: "update", yLabel: "Loss above the minimum",
  });
  pen.group(inner, () => shown.forEach(({ way, i }) => way.found.times.forEach((t, at) => {
    const style = { color: averagesStyle(way, i).color, edge: colours.paper };
    if (t > way.begin) pen.dot(x(t), y(way.found.mean[at]), 5, style);
  })));
}

/** From below the lowest end to above the start, or where a run that is not stable leaves the picture. */
function averagesRange(ways) {
  const later = ({ loss }) => loss.subarray(Math.ceil(loss.length / 50));
  const least = Math.min(...ways.map((way) => later(way).reduce((a, b) => Math.min(a, b), Infinity)));
  const [begin, end] = [ways[0].loss[0], ways[0].loss.at(-1)];
  const low = Math.max(0.6 * least, 1e-12);
  return [low, Math.max(Math.min(2 * Math.max(begin, end), 100 * Math.max(begin, 1)), 10 * low)];
}

/** What decaying now would give, and what merging gives. */
function averagesSay({ answer, ways, state }) {
  const end = (name) => ways.find((way) => way.name === name).loss.at(-1);
  const [decay, merge] = [end("linear decay"), end("merge")];
  const better = merge < decay ? "the merge is lower" : "the decay is lower";
  const stable = state.lr < 2 ? "" : "From lr h = 2 on a mode is not stable. ";
  answer.textContent = `${stable}Decaying now, linearly over ${state.window} updates, would leave ${short(decay)}. ` +
    `Going on and merging these ${state.window} leaves ${short(merge)}: ${better}.`;
}

function averagesTable({ table: made, ways }) {
  const rows = ways.map(({ name, lag, loss, parts, found }) =>
    [name, lag, loss.at(-1), found.mean.at(-1), 1.96 * found.error.at(-1), parts.lag, parts.noise]);
  made.fill(["at the end", "lag", "loss, exact", "measured", "± 95 %", "by lag", "by noise"], rows);
}

/** Closed forms for both modes. */
function averagesTold({ theory, ways, state }, modes) {
  const { lr, now, window: more, beta2 } = state;
  const floors = modes.map(({ h, noise }) => sgdVariance(lr, h, noise));
  const ends = (name) => modes.map((mode) => exactSquares(ways.find((way) => way.name === name), mode).at(-1));
  const [merged, decayed] = [ends("merge"), ends("linear decay")];
  const stable = (value, j) => (floors[j] < Infinity ? value : NaN);
  const excess = modes.map((mode, j) => stable(exactSquares(ways[0], mode)[now] / floors[j], j));
  const x = modes.map(({ h }) => Math.max(lr * h * more, 0.01));
  const rows = [
    ["floor of E w²", floors],
    ["… of the EMA β₂", modes.map(({ h, noise }) => averagedVariance(lr, h, { beta: beta2, noise }))],
    ["lr with that floor", modes.map(({ h }, j) => stable(lrOfAverage(lr, h, beta2), j))],
    ["now: E w² over its floor", excess],
    ["window, time constants", x],
    ["merge over decay, exact", merged.map((square, j) => square / decayed[j])],
    ["… in the limit of small lr h", x.map((one, j) => mergeOverDecay(one, excess[j]))],
    ["decay wins above", x.map(mergeCrossover)],
  ];
  theory.fill(["", ...modes.map(({ h }) => `h = ${short(h)}`)], rows.map(([name, values]) => [name, ...values]));
}
