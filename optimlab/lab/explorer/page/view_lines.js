import { followed, targetsOf } from "./arena.js";
import { chart, extent } from "./charts.js";
import { element, figure } from "./controls.js";
import { MAP_CROWD, styleOf } from "./view_paths.js";

/** Charts over steps. of() gives {surface, start, runs: [{run, style, label, chosen}], chosen: one or null, at}. */
export function linesPanel(of) {
  const cache = new WeakMap();
  const facts = (run, surface, start) => {
    if (!cache.has(run)) cache.set(run, followed(run, surface, targetsOf(surface, start).at));
    return cache.get(run);
  };
  const lines = (pick, setting) => (pen, look) => {
    const { surface, start, runs, at } = of();
    const series = runs.map(({ run, style, chosen }) => {
      const width = runs.length > MAP_CROWD && !chosen ? 1.2 : 2.5;
      return { ...style, width, ys: pick(run, facts(run, surface, start)) };
    });
    const last = Math.max(0, ...runs.map(({ run }) => run.steps));
    chart(pen, look, { series, marks: at < last ? [{ x: at }] : [], xLabel: "step", ...setting(surface, start) });
  };
  const legend = () => of().runs.map(({ style, label }) => ({ color: style.color, dash: style.dash, name: label }));
  const made = [
    ["Loss", lines((_, { loss }) => loss, linesLoss)],
    ["Distance", lines((_, { distance }) => distance, linesDistance)],
    ["Effective step", lines(linesSize, linesStep)],
    ["Moments", (pen, look) => linesMoments(pen, look, of())],
  ].map(([title, paint], i) =>
    figure({ title, file: title.toLowerCase().replace(" ", "-"), height: 300, paint, ...(i < 3 && { legend }) }),
  );
  return {
    root: element("div", { class: "charts" }, ...made.map((one) => one.root)),
    draw: () => made.forEach((one) => one.draw()),
  };
}

/** What a run that leaves the picture for good may take of a chart: some times what is seen in the picture. */
function linesLoss(surface, start) {
  const [x0, x1, y0, y1] = surface.box;
  const seen = [start, [x0, y0], [x0, y1], [x1, y0], [x1, y1]].map(([x, y]) => Float64Array.of(surface.value(x, y)));
  const most = 30 * Math.max(...extent(seen).map(Math.abs)) || 1;
  return surface.minima.length ? { most, logY: true, yLabel: "Loss above the least" } : { most, yLabel: "Loss" };
}

function linesDistance(surface) {
  return { ...linesStep(surface), yLabel: `Distance to ${targetsOf(surface).name}` };
}

function linesStep({ box: [x0, x1] }) {
  return { most: 3 * (x1 - x0), logY: true, yLabel: "Effective step |Δw|" };
}

function linesSize({ size, lanes, steps }) {
  return Float64Array.from({ length: steps + 1 }, (_, k) => (k ? size[k * lanes] : NaN));
}

/** The state of the chosen contestant along x, slot by slot. */
function linesMoments(pen, look, { chosen, at }) {
  const slots = chosen ? Object.entries(chosen.run.state) : [];
  if (slots.length === 0) {
    const text = chosen ? `${chosen.label} keeps no moments` : "There are no moments to show";
    pen.text(pen.width / 2, pen.height / 2, text, { color: look.soft, size: 18, align: "middle" });
    return;
  }
  const series = slots.map(([name, values], i) => ({ name, ys: linesSlot(values), ...styleOf(i, look) }));
  const placed = chart(pen, look, {
    series,
    yLabel: "Moments along x",
    xLabel: "step",
    marks: at < chosen.run.steps ? [{ x: at }] : [],
  });
  const [left, top, width] = placed.inner;
  series.forEach(({ name, color }, i) => {
    pen.text(left + width - 4, top + 40 + 20 * i, name, { color, size: 16, align: "end", halo: look.paper });
  });
}

/** The x of pairs x, y. */
function linesSlot(values) {
  return Float64Array.from({ length: values.length / 2 }, (_, k) => values[2 * k]);
}
