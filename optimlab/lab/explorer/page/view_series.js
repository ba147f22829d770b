import { short } from "./charts.js";
import { button, choice, element, save, slider, table, toggle } from "./controls.js";
import { bestBeta, emaOf, forecastError, logBeta } from "./series.js";
import { Said } from "./syntax.js";
import { seriesFigures, seriesStyle } from "./view_series_figures.js";
import { SOURCE_DIALECT, sourceChosen, sourceDrops, sourcePanel } from "./view_series_source.js";

const SERIES_MOST = 4; // averages at once
const SERIES_CHOICES = {
  start: [["debiased", "nothing: debiased"], ["zero", "zero"], ["first", "the first value"]],
  gaps: [["decay", "the past fades"], ["skip", "no row at all"]],
  band: [["none", "none"], ["mean", "95 % of the mean"], ["values", "95 % of the values"]],
  response: [["step", "a step"], ["ramp", "a ramp"], ["sine", "a wave"]],
};
let seriesNow = null;

/** The EMA of a series: what β does to it, what it weighs, how it answers, and which β forecasts best. */
export const seriesView = {
  name: "series",
  title: "EMA of a series",
  defaults: {
    series: "classic", column: "", time: "", byTime: false, separator: "", decimal: "", betas: [0.5, 0.9, 0.98],
    start: "debiased", gaps: "decay", band: "none", beside: true, best: false, zoom: 1, row: -1,
    response: "step", period: 50,
  },
  limits: { zoom: [1, 50], row: [-1, 200000, "whole"], period: [2, 400] },
  build: (root, state, changed) => (seriesNow = seriesBuilt(root, state, changed)),
  draw: () => seriesNow.draw(),
};

function seriesBuilt(root, state, changed) {
  state.betas = state.betas.filter((beta) => beta >= 0 && beta < 1).slice(0, SERIES_MOST);
  for (const [key, options] of Object.entries({ ...SERIES_CHOICES, ...SOURCE_DIALECT })) {
    if (!options.some(([word]) => word === state[key])) state[key] = seriesView.defaults[key];
  }
  const view = { state, file: seriesNow?.file ?? null, fits: new WeakMap(), kinds: SERIES_CHOICES.response };
  view.changed = seriesFrames(changed, () => view.draw());
  view.moved = seriesFrames(changed, () => view.series && view.figures.drawRow());
  view.turn = (change) => {
    Object.assign(state, change);
    view.fill();
    view.changed();
  };
  view.pick = (name, key, options) =>
    choice({ name, options, value: state[key], on: (value) => view.turn({ [key]: value }) }).root;
  view.message = element("p", { class: "message", role: "status" });
  view.side = element("div", { class: "side" });
  view.figures = seriesFigures(view);
  view.table = table({ title: "The averages", file: "averages" });
  const rows = button("All rows as CSV", () => view.runs && seriesRows(view), { class: "quiet" });
  view.fill = () => view.side.replaceChildren(sourcePanel(view), seriesDecays(view), seriesOptions(view));
  view.draw = () => seriesDraw(view);
  view.fill();
  const main = element("div", { class: "main" }, view.message, view.figures.top);
  const rest = element("div", { class: "rest" }, view.figures.charts, view.table.root, rows);
  root.replaceChildren(element("div", { class: "layout" }, main, view.side, rest));
  sourceDrops(root, view);
  return view;
}

/** One drawing a frame, however often there was a change. */
function seriesFrames(changed, draw) {
  let waiting = false;
  const frame = () => {
    waiting = false;
    draw();
  };
  return () => {
    changed();
    if (!waiting) requestAnimationFrame(frame);
    waiting = true;
  };
}

/** Redraw everything; what cannot be averaged is said, and the last good picture stays. */
function seriesDraw(view) {
  try {
    view.series = sourceChosen(view);
    view.runs = seriesRuns(view);
    view.message.textContent = "";
  } catch (error) {
    if (!(error instanceof Said)) throw error;
    view.message.textContent = error.message;
    if (!view.runs) return;
  }
  view.tint();
  view.figures.draw();
  seriesTable(view);
}

/** One average for each β, what is beside it, and the best β for the next value. */
function seriesRuns(view) {
  const { state, series } = view;
  const how = { start: state.start, gaps: state.gaps, times: state.byTime ? series.times : null };
  const fit = seriesFit(view, how);
  const wanted = [...state.betas, ...(state.best ? [fit.best.beta] : [])];
  const other = { ...how, start: state.start === "zero" ? "debiased" : "zero", times: null };
  const lines = wanted.map((beta, i) => {
    const run = emaOf(series.values, { ...how, beta });
    const place = i < state.betas.length ? i : "best";
    const both = state.beside && place !== "best" && !how.times;
    const beside = both ? emaOf(series.values, { ...other, beta }).mean : null;
    return { ...run, beta, place, beside, rmse: Math.sqrt(forecastError(series.values, run.mean)) };
  });
  return { lines, fit };
}

function seriesFit(view, how) {
  const key = JSON.stringify([how.start, how.gaps, Boolean(how.times)]);
  if (!view.fits.has(view.series)) view.fits.set(view.series, new Map());
  const known = view.fits.get(view.series);
  if (!known.has(key)) known.set(key, bestBeta(view.series.values, how));
  return known.get(key);
}

/** Sliders of β, in the colours of their lines. */
function seriesDecays(view) {
  const { state } = view;
  const sliders = state.betas.map((beta, i) => {
    const made = slider({
      name: `β${"₁₂₃₄"[i]}`, low: 0, high: 0.9999, log: "complement", value: beta,
      on: (value) => view.changed((state.betas[i] = value)),
    });
    return made.root;
  });
  view.tint = () => sliders.forEach((root, i) => root.style.setProperty("--accent", seriesStyle(i).color));
  const fewer = button("Remove", () => view.turn({ betas: state.betas.slice(0, -1) }), { class: "quiet" });
  const more = button("Add a β", () => view.turn({ betas: [...state.betas, 0.99] }), { class: "quiet" });
  fewer.disabled = state.betas.length === 1;
  more.disabled = state.betas.length === SERIES_MOST;
  const best = toggle({
    name: "the best β for the next value", value: state.best, on: (on) => view.changed((state.best = on)),
  });
  const row = element("div", { class: "row" }, more, fewer);
  return element("section", { class: "panel", "aria-label": "Averages" }, ...sliders, row, best.root);
}

function seriesOptions(view) {
  const { state } = view;
  const pick = (name, key) => view.pick(name, key, SERIES_CHOICES[key]);
  const zoom = slider({
    name: "zoom", low: 1, high: 50, log: true, value: state.zoom, on: (value) => view.changed((state.zoom = value)),
  });
  const beside = toggle({
    name: state.start === "zero" ? "debiased beside it (dotted)" : "from zero beside it (dotted)",
    value: state.beside,
    on: (on) => view.changed((state.beside = on)),
  });
  return element("section", { class: "panel", "aria-label": "Options" },
    pick("Starts from", "start"), beside.root, pick("In a gap", "gaps"), pick("Band", "band"), zoom.root);
}

function seriesTable(view) {
  const { runs } = view;
  const rows = runs.lines.map(({ beta, decay, mean, rmse, place }) => [
    place === "best" ? `${short(beta, 4)} (best)` : String(beta),
    1 / decay.alpha,
    decay.beta / decay.alpha,
    -Math.LN2 / logBeta(decay),
    Math.sqrt(decay.alpha / (1 + decay.beta)),
    rmse,
    mean.at(-1),
  ]);
  const head = ["β", "window", "lag", "half-life", "noise left", "RMS error, next value", "last mean"];
  view.table.fill(head, rows);
}

/** All rows with their averages, as a file. */
function seriesRows({ series, runs }) {
  const head = [series.xLabel, series.name, ...runs.lines.map(({ beta }) => `ema_${short(beta, 6)}`)];
  const cell = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const line = (i) => [cell(series.label(i)), series.values[i], ...runs.lines.map(({ mean }) => mean[i])].join(",");
  const lines = Array.from(series.values, (_, i) => `${line(i)}\r\n`);
  save("series.csv", "text/csv", `${head.map(cell).join(",")}\r\n${lines.join("")}`);
}
