import { short } from "./charts.js";
import { button, choice, element, save, slider, table, toggle } from "./controls.js";
import { csvSeries, readCsv } from "./csv.js";
import { FACTS } from "./facts.js";
import { bestBeta, emaOf, logBeta, seriesOf } from "./series.js";
import { Said } from "./syntax.js";
import { seriesFigures, seriesStyle } from "./view_series_figures.js";

const SERIES_FILE = "file";
const SERIES_MOST = 4; // averages at once
const SERIES_CHOICES = {
  start: [["debiased", "nothing: debiased"], ["zero", "zero"], ["first", "the first value"]],
  gaps: [["decay", "the past fades"], ["skip", "no row at all"]],
  band: [["none", "none"], ["mean", "95 % of the mean"], ["values", "95 % of the values"]],
  separator: [["", "as found"], [",", "comma"], [";", "semicolon"], ["\t", "tab"]],
  decimal: [["", "as found"], [".", "point"], [",", "comma"]],
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
  const view = { state, file: seriesNow?.file ?? null, fits: new WeakMap() };
  view.changed = seriesFrames(changed, () => view.draw());
  view.moved = seriesFrames(changed, () => view.series && view.figures.drawRow());
  view.message = element("p", { class: "message", role: "status" });
  view.side = element("div", { class: "side" });
  view.figures = seriesFigures(view);
  view.table = table({ title: "The averages", file: "averages" });
  const rows = button("All rows as CSV", () => view.runs && seriesRows(view), { class: "quiet" });
  view.fill = () => view.side.replaceChildren(...seriesSource(view), seriesDecays(view), seriesOptions(view));
  view.draw = () => seriesDraw(view);
  view.fill();
  const main = element("div", { class: "main" }, view.message, view.figures.top);
  const rest = element("div", { class: "rest" }, view.figures.charts, view.table.root, rows);
  root.replaceChildren(element("div", { class: "layout" }, main, view.side, rest));
  seriesDrops(root, view);
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
    view.series = seriesChosen(view);
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

/** The series that the state names, made once for each choice. */
function seriesChosen(view) {
  const { series: name, column, time } = view.state;
  const key = JSON.stringify([name, column, time, view.file?.count]);
  if (view.key === key) return view.series;
  if (name === SERIES_FILE && !view.file?.table) throw new Said("no file is read yet; open or drop one");
  if (name !== SERIES_FILE && !Object.hasOwn(FACTS.series, name)) throw new Said(`there is no series "${name}"`);
  const found = name === SERIES_FILE ? csvSeries(view.file.table, column, time) : seriesOf(FACTS.series[name]);
  view.key = key;
  return found;
}

/** One average for each β, what is beside it, and the best β for the next value. */
function seriesRuns(view) {
  const { state, series } = view;
  const how = { start: state.start, gaps: state.gaps, times: state.byTime ? series.times : null };
  const fit = seriesFit(view, how);
  const wanted = [...state.betas, ...(state.best ? [fit.best.beta] : [])];
  const other = { ...how, start: state.start === "zero" ? "debiased" : "zero", times: null };
  const lines = wanted.map((beta, i) => ({
    beta, place: i < state.betas.length ? i : "best", ...emaOf(series.values, { ...how, beta }),
    beside: state.beside && i < state.betas.length && !how.times ? emaOf(series.values, { ...other, beta }).mean : null,
  }));
  return { lines, fit, how };
}

function seriesFit(view, how) {
  const key = JSON.stringify([how.start, how.gaps, Boolean(how.times)]);
  if (!view.fits.has(view.series)) view.fits.set(view.series, new Map());
  const known = view.fits.get(view.series);
  if (!known.has(key)) known.set(key, bestBeta(view.series.values, how));
  return known.get(key);
}

/** Which series: one of the page, or a column of a file. */
function seriesSource(view) {
  const { state } = view;
  const options = Object.entries(FACTS.series).map(([name, { title }]) => [name, title]);
  const which = choice({
    name: "Series", options: [...options, [SERIES_FILE, view.file?.name ?? "a CSV file …"]], value: state.series,
    on: (name) => seriesTurn(view, { series: name, row: -1 }),
  });
  const open = element("input", {
    type: "file", accept: ".csv,.tsv,.txt,text/csv", "aria-label": "Open a CSV file",
    change: () => open.files[0] && seriesOpen(view, open.files[0]),
  });
  const hint = element("p", { class: "note" }, "or drop a file anywhere; it stays on this computer");
  const parts = [which.root, ...(state.series === SERIES_FILE ? [open, hint, ...seriesColumns(view)] : [])];
  return [element("section", { class: "panel", "aria-label": "Series" }, ...parts)];
}

function seriesColumns(view) {
  const { state, file } = view;
  const pick = (name, key, options) =>
    choice({ name, options, value: state[key], on: (value) => seriesTurn(view, { [key]: value }) }).root;
  const dialect = ["separator", "decimal"].map((key) => choice({
    name: key, options: SERIES_CHOICES[key], value: state[key],
    on: (value) => {
      state[key] = value;
      if (file) seriesRead(view, file.name, file.text);
    },
  }).root);
  if (!file?.table) return dialect;
  const names = file.table.columns.map(({ name }) => name);
  const byTime = toggle({
    name: "β is the decay of one unit of time", value: state.byTime, on: (on) => seriesTurn(view, { byTime: on }),
  });
  return [
    pick("column", "column", names),
    pick("time", "time", [["", "rows"], ...names.map((name) => [name, name])]),
    ...(state.time ? [byTime.root] : []),
    ...dialect,
  ];
}

function seriesTurn(view, change) {
  Object.assign(view.state, change);
  view.fill();
  view.changed();
}

function seriesDrops(root, view) {
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file && !root.hidden) seriesOpen(view, file);
  };
}

async function seriesOpen(view, file) {
  if (file.size > 2e7) view.message.textContent = `${file.name.slice(0, 60)} is larger than the 20 MB that are read`;
  else seriesRead(view, file.name.slice(0, 60), await file.text());
}

/** Take a file's text; a file that leaves something open stays, so that a choice can settle it. */
function seriesRead(view, name, text) {
  const { state } = view;
  view.file = { name, text, table: null, count: (view.file?.count ?? 0) + 1 };
  state.series = SERIES_FILE;
  try {
    const { columns } = (view.file.table = readCsv(text, state));
    const numbers = columns.filter(({ values }) => values).map((each) => each.name);
    if (!numbers.includes(state.column)) state.column = numbers[numbers.length - 1];
    const dates = columns.find(({ days }) => days)?.name ?? "";
    if (!columns.some((each) => each.name === state.time)) state.time = dates;
    seriesTurn(view, { row: -1 });
  } catch (error) {
    if (!(error instanceof Said)) throw error;
    view.fill();
    view.message.textContent = error.message;
  }
}

/** Sliders of β, in the colours of their lines. */
function seriesDecays(view) {
  const { state } = view;
  const sliders = state.betas.map((beta, i) => {
    const made = slider({
      name: `β${"₁₂₃₄"[i]}`, low: 0, high: 0.9999, log: "near one", value: beta,
      on: (value) => view.changed((state.betas[i] = value)),
    });
    return made.root;
  });
  view.tint = () => sliders.forEach((root, i) => root.style.setProperty("--accent", seriesStyle(i).color));
  const fewer = button("Remove", () => seriesTurn(view, { betas: state.betas.slice(0, -1) }), { class: "quiet" });
  const more = button("Add a β", () => seriesTurn(view, { betas: [...state.betas, 0.99] }), { class: "quiet" });
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
  const pick = (name, key) => {
    const on = (value) => seriesTurn(view, { [key]: value });
    return choice({ name, options: SERIES_CHOICES[key], value: state[key], on }).root;
  };
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
  const { runs, series } = view;
  const rows = runs.lines.map(({ beta, decay, mean, place }) => [
    place === "best" ? `${short(beta, 4)} (best)` : String(beta),
    1 / decay.alpha,
    decay.beta / decay.alpha,
    -Math.LN2 / logBeta(decay),
    Math.sqrt(decay.alpha / (1 + decay.beta)),
    seriesError(series.values, mean),
    mean.at(-1),
  ]);
  const head = ["β", "window", "lag", "half-life", "noise left", "RMS error, next value", "last mean"];
  view.table.fill(head, rows);
}

function seriesError(values, mean) {
  const errors = values.slice(1).map((x, i) => (x - mean[i]) ** 2).filter((e) => e === e);
  return Math.sqrt(errors.reduce((sum, e) => sum + e, 0) / errors.length);
}

/** All rows with their averages, as a file. */
function seriesRows({ series, runs }) {
  const head = [series.xLabel, series.name, ...runs.lines.map(({ beta }) => `ema_${short(beta, 6)}`)];
  const cell = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const line = (i) => [cell(series.label(i)), series.values[i], ...runs.lines.map(({ mean }) => mean[i])].join(",");
  const lines = Array.from(series.values, (_, i) => `${line(i)}\r\n`);
  save("series.csv", "text/csv", `${head.map(cell).join(",")}\r\n${lines.join("")}`);
}
