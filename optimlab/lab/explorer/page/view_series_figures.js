import { chart, DASHES, extent, short } from "./charts.js";
import { choice, element, figure, fillLegend, look, slider } from "./controls.js";
import { responseOf } from "./responses.js";
import { weightsOf } from "./series.js";

const FIGURE_DOTS = 400; // rows up to which the data are dots, beyond them a thin line
const FIGURE_AGES = 100;

/** Colour and dash of the i-th average; "best" is in ink. */
export function seriesStyle(i) {
  const { palette, ink } = look();
  return i === "best" ? { color: ink, dash: [2, 3] } : { color: palette[i], dash: DASHES[i] };
}

/** The figures of a view that has {state, series, runs, changed(), moved()}. → {top, charts, draw(), drawRow()} */
export function seriesFigures(view) {
  const legend = () => seriesLegend(view);
  const averages = () => legend().slice(1);
  const small = (title, file, painter) =>
    figure({ title, file, height: 320, legend: averages, paint: (pen) => view.series && painter(pen, view) });
  const main = figure({
    title: "The series and its averages", file: "ema", height: (width) => Math.min(460, 0.35 * width + 220),
    legend: () => legend().map((one) => ({ ...one, dash: [] })),
    paint: (pen) => view.series && paintSeries(pen, view),
    paintOver: (pen) => view.place && paintCursor(pen, view),
  });
  const weights = small("Weights", "weights", paintWeights);
  const errors = small("Error over β", "error", paintErrors);
  const response = small("Response", "response", paintResponse);
  const [row, list, told] = [element("div"), element("ul", { class: "legend" }), element("dl", { class: "facts" })];
  const answers = element("section", { class: "group" }, ...responseControls(view), told);
  const charts = element("div", { class: "charts" }, weights.root, errors.root, response.root, answers);
  const picture = element("div", { class: "charts" }, main.root);
  figureCursor(main.stage, view);
  const drawRow = () => {
    fillCursor(row, view);
    const { window: shown, state } = view;
    if (shown && state.row >= 0 && (state.row < shown[0] || state.row > shown[1])) main.draw();
    else main.drawOver();
    weights.draw();
  };
  const draw = () => {
    fillLegend(list, legend());
    for (const one of [main, errors, response]) one.draw();
    fillTold(told, view);
    drawRow();
  };
  return { top: element("div", {}, picture, list, row), charts, draw, drawRow };
}

function seriesLegend({ series, runs }) {
  const name = ({ beta, place }) => (place === "best" ? `best β = ${short(beta)}` : `β = ${beta}`);
  const entry = (line) => ({ ...seriesStyle(line.place), name: name(line) });
  return series ? [{ color: look().soft, dash: [], name: series.name }, ...runs.lines.map(entry)] : [];
}

/** The data, the averages, what is beside them, and a band. */
function paintSeries(pen, view) {
  const { series, runs, state } = view;
  const colours = look();
  const style = series.values.length <= FIGURE_DOTS ? { points: 2.5, opacity: 0.6 } : { width: 1, opacity: 0.5 };
  const data = { ys: series.values, color: colours.soft, ...style };
  const lines = runs.lines.flatMap(({ mean, beside, place }) => [
    ...(beside ? [{ ys: beside, color: seriesStyle(place).color, dash: [2, 5], width: 1.8 }] : []),
    { ys: mean, color: seriesStyle(place).color, width: 2.6, ...(place === "best" && { dash: [8, 4] }) },
  ]);
  view.place = chart(pen, colours, {
    xs: series.xs, series: [data, ...lines], bands: seriesBands(runs.lines, state.band), range: shownRange(view),
    xLabel: series.xLabel, yLabel: series.unit || series.name,
  });
}

/** The rows that the zoom shows, with the row in question among them, and their values with a margin. */
function shownRange(view) {
  const { series: { values, xs }, state } = view;
  const size = Math.max(10, Math.round(values.length / Math.max(1, state.zoom)));
  const [row, last] = [rowShown(view), values.length - 1];
  const [from, to] = view.window ?? [0, -1];
  if (to - from !== size || row < from || row > to) {
    const begin = Math.max(0, Math.min(last - size, Math.round(row - size / 2)));
    view.window = [begin, begin + size];
  }
  const [first, end] = [view.window[0], Math.min(last, view.window[1])];
  const [low, high] = extent([values.subarray(first, end + 1)]);
  const margin = 0.05 * (high - low) || 1;
  return [xs[first], xs[end], low - margin, high + margin];
}

function seriesBands(lines, kind) {
  if (kind === "none") return [];
  return lines.filter(({ place }) => place !== "best").map(({ mean, sd, error, place }) => {
    const half = (kind === "mean" ? error : sd).map((one) => 1.96 * one);
    const [lower, upper] = [-1, 1].map((sign) => mean.map((m, i) => m + sign * half[i]));
    return { lower, upper, color: seriesStyle(place).color };
  });
}

function rowShown({ state, series }) {
  const last = series.values.length - 1;
  return state.row < 0 ? last : Math.min(Math.round(state.row), last);
}

/** The weights of the past, each average's at its own scale, behind a line at the row. */
function paintCursor(pen, view) {
  const { series, runs, place: { x, inner } } = view;
  const row = rowShown(view);
  const [, top, , height] = inner;
  const at = x(series.xs[row]);
  pen.group(inner, () => {
    for (const run of runs.lines) {
      const { color } = seriesStyle(run.place);
      const points = hangingWeights(weightsOf(run, row), series.xs, x, [top + height, 0.24 * height]);
      pen.area([...points, at, top + height], { color, opacity: 0.22 });
      pen.line(points, { color, width: 1.5 });
    }
    pen.line([at, top, at, top + height], { color: look().ink, width: 1.5 });
  });
  sidedText(pen, inner, at, `${series.label(row)}: ${short(series.values[row], 4)}`);
}

/** Words at a line of the figure, on the side that has room. */
function sidedText(pen, [left, top, width], at, words) {
  const [dx, align] = at > left + 0.6 * width ? [-8, "end"] : [8, "start"];
  pen.text(at + dx, top + 16, words, { color: look().ink, size: 16, align, halo: look().paper });
}

function hangingWeights(weights, xs, x, [bottom, height]) {
  const most = weights.reduce((a, b) => Math.max(a, b), 1e-300);
  const first = weights.findIndex((weight) => weight > 1e-3 * most);
  const points = [x(xs[first]), bottom];
  for (let i = first; i < weights.length; i++) points.push(x(xs[i]), bottom - (height * weights[i]) / most);
  return points;
}

/** The pointer on the figure sets the row. */
function figureCursor(stage, view) {
  stage.style.touchAction = "pan-y";
  const move = (event) => {
    if (!view.place || (event.type === "pointermove" && event.pointerType !== "mouse" && !event.buttons)) return;
    const at = view.place.backX(event.clientX - stage.getBoundingClientRect().left);
    view.moved((view.state.row = nearestRow(view.series.xs, at)));
  };
  stage.addEventListener("pointermove", move);
  stage.addEventListener("pointerdown", move);
}

function nearestRow(xs, at) {
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= at) low = middle;
    else high = middle;
  }
  return at - xs[low] < xs[high] - at ? low : high;
}

/** A slider over the rows, made anew when the series is another. */
function fillCursor(root, view) {
  const size = view.series.values.length;
  if (view.cursor?.size !== size) {
    const on = (row) => view.moved((view.state.row = row));
    view.cursor = { size, ...slider({ name: "row", low: 0, high: size - 1, whole: true, value: rowShown(view), on }) };
    root.replaceChildren(view.cursor.root);
  }
  view.cursor.set(rowShown(view));
}

/** Weights over age, as the row sees them. */
function paintWeights(pen, view) {
  const { series, runs } = view;
  const row = rowShown(view);
  const ages = Math.min(row + 1, FIGURE_AGES);
  const of = (run) => Float64Array.from(weightsOf(run, row).reverse().subarray(0, ages), (w) => w || NaN);
  const lines = runs.lines.map((run) => ({ ys: of(run), ...seriesStyle(run.place) }));
  const range = [0, Math.max(ages - 1, 10), 1e-5, 1.5];
  chart(pen, look(), { series: lines, range, logY: true, xLabel: "age, rows", yLabel: "Weight of a past value" });
}

/** The error of the next value over β, with the best and the chosen ones. */
function paintErrors(pen, view) {
  const { fit, lines } = view.runs;
  const xs = fit.betas.map((beta) => 1 / (1 - beta));
  const own = lines.filter(({ place }) => place !== "best");
  const ys = fit.errors.map(Math.sqrt);
  const best = 1 / (1 - fit.best.beta);
  const marks = [{ x: best, color: look().ink }];
  const { x, y, inner } = chart(pen, look(), {
    xs, series: [{ ys, color: look().soft }], marks, logX: true,
    xLabel: "window 1/(1−β), rows", yLabel: "RMS error of the next value",
  });
  sidedText(pen, inner, x(best), `best: β = ${short(fit.best.beta)}`);
  pen.group(inner, () => own.forEach(({ beta, rmse, place }) =>
    pen.dot(x(1 / (1 - beta)), y(rmse), 8, { color: seriesStyle(place).color, edge: look().paper })));
}

function responseControls({ state, kinds, changed }) {
  const period = slider({
    name: "period", low: 2, high: 400, log: true, value: state.period, on: (rows) => changed((state.period = rows)),
  });
  const show = () => (period.root.hidden = state.response !== "sine");
  const kind = choice({
    name: "Response to", options: kinds, value: state.response,
    on: (value) => {
      state.response = value;
      show();
      changed();
    },
  });
  show();
  return [kind.root, period.root];
}

/** The answers of all averages; a wave goes on until no start is left in what is measured of it. */
function responsesOf({ state, runs }) {
  const omega = (2 * Math.PI) / responsePeriod(state);
  const steps = ({ alpha }) => (state.response === "sine" ? Math.min(40000, Math.ceil(500 + 40 / alpha)) : 120);
  return runs.lines.map(({ beta, decay, place }) => ({
    beta, place, ...responseOf(state.response, { beta, start: state.start, omega, steps: steps(decay) }),
  }));
}

function responsePeriod({ period }) {
  return Math.min(400, Math.max(2, period));
}

function paintResponse(pen, view) {
  const found = responsesOf(view);
  const rows = view.state.response === "sine" ? Math.max(60, 4 * responsePeriod(view.state)) : 120;
  const lines = found.map(({ mean, place }) => ({ ys: mean.subarray(0, rows), ...seriesStyle(place) }));
  const input = { ys: found[0].input.subarray(0, rows), color: look().soft, width: 1.5 };
  const [, what] = view.kinds.find(([kind]) => kind === view.state.response);
  chart(pen, look(), { series: [input, ...lines], xLabel: "row", yLabel: `Response to ${what}` });
}

/** What is measured of the responses beside theory. */
function fillTold(list, view) {
  const cells = (name, ...values) => [element("dt", {}, name), ...values.map((value) => element("dd", {}, value))];
  const rows = responsesOf(view).flatMap(({ beta, told }) => told.map(({ name, measured, theory }) =>
    cells(`β = ${short(beta, 4)}: ${name}`, short(measured, 4), short(theory, 4))));
  list.replaceChildren(...cells("", "measured", "theory"), ...rows.flat());
}
