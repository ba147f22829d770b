import { Arena, startOf } from "./arena.js";
import { basins, rateRows, startRows } from "./basins.js";
import { axes, short } from "./charts.js";
import { choice, element, figure, fillLegend, slider } from "./controls.js";
import { RULES, readRule, ruleText } from "./rules.js";
import { surfaceChoice } from "./view_conditions.js";
import { BASIN_ORDER, BASIN_SIDE, basinAdvance, basinItem, basinPicture } from "./view_basin_map.js";
import { contestantValues, ruleOptions, symbolOf } from "./view_contestants.js";
import { fitted, minimaMarks, startHandle } from "./view_paths.js";

const BASINS_BUDGET = 12; // milliseconds of work in a frame
const BASINS_RATES = [1e-4, 1]; // lr of the second map, times the scale of the slider
let basinsNow = null;

/** Which start ends in which minimum, and how that depends on lr and β. */
export const basinsView = {
  name: "basins",
  title: "Basins",
  defaults: {
    surface: "himmelblau",
    formula: "(x**2 - 1)**2 + y**2 + 0.3*x*y",
    rule: "heavy_ball",
    values: {},
    lr: 0.01,
    steps: 300,
    start: [],
  },
  limits: { lr: [1e-5, 10], steps: [20, 2000, "whole"] },
  build: (root, state, changed) => (basinsNow = basinsBuilt(root, state, changed)),
  draw: () => basinsNow.begin(),
  pause: () => basinsNow?.stop(),
};

function basinsBuilt(root, state, changed) {
  const view = { state, arena: new Arena(), maps: [], items: [], waiting: 0 };
  view.stop = () => cancelAnimationFrame(view.waiting);
  view.begin = () => basinsBegin(view);
  const request = () => {
    changed();
    view.stop();
    view.waiting = requestAnimationFrame(view.begin);
  };
  view.request = request;
  view.surface = surfaceChoice(state, request);
  view.legend = element("ul", { class: "legend", "aria-label": "Where paths end" });
  view.note = element("p", { class: "note", role: "status" });
  view.maps = [basinsStarts(view, request), basinsRates(view, request)];
  const controls = element("div", { class: "panel columns" });
  view.fill = () => controls.replaceChildren(view.surface.root, ...basinsControls(view, request));
  view.fill();
  const figures = element("div", { class: "charts wide" }, ...view.maps.map((map) => map.figure.root));
  root.replaceChildren(controls, figures, view.legend, view.note);
  return view;
}

function basinsEntry({ state }) {
  return RULES.find((one) => one.name === state.rule) ?? RULES.find((one) => one.name === "heavy_ball");
}

/** The parameter that the second map varies: the first that is a β. */
function basinsAxis(view) {
  return basinsEntry(view).parameters.find((one) => one.log === "complement");
}

function basinsControls(view, request) {
  const { state } = view;
  const entry = basinsEntry(view);
  const pick = (name) => {
    Object.assign(state, { rule: name, values: {} });
    view.fill();
    request();
  };
  const rule = choice({ name: "Rule", options: ruleOptions(), value: entry.name, on: pick });
  const number = (name, low, high, whole) =>
    slider({ name, low, high, whole, log: true, value: state[name], on: (value) => request((state[name] = value)) });
  const rate = number("lr", 1e-5, 10, false);
  const axis = basinsAxis(view);
  const value = () => contestantValues(entry, state.values)[axis.name];
  const turn = (beta) => request((state.values[axis.name] = beta));
  const beta = axis && slider({ ...axis, name: symbolOf(axis.name), value: value(), on: turn });
  view.tell = () => {
    rate.set(state.lr);
    beta?.set(value());
  };
  return [rule, rate, ...(beta ? [beta] : []), number("steps", 20, 2000, true)].map((made) => made.root);
}

/** A map that fills row by row: paint(pen, look) places it, rows() says what a row is. */
function basinsMap(view, { title, file, range, rows, axis, handle }) {
  const map = { rows, ends: null, when: null, source: null, place: null };
  map.figure = figure({
    title,
    file,
    legend: () => view.items,
    height: (width, screen) => Math.min(0.9 * width, 0.65 * screen),
    paint: (pen, colours) => {
      map.place = axes(pen, colours, { box: [0, 0, pen.width, pen.height], range: range(pen), ...axis() });
      if (map.wide && map.wide !== pen.width) view.request(); // other starts lie under the cells
      map.wide = pen.width;
      if (map.source) pen.image(...map.place.inner, basinPicture(map, colours, view.state.steps), false);
      minimaMarks(pen, colours, { minima: axis().logX ? [] : view.arena.surface.minima }, map.place);
    },
    paintOver: (pen, colours) => map.handle.draw(pen, colours),
  });
  map.handle = startHandle(map.figure, { ...handle, place: () => map.place });
  return map;
}

function basinsStarts(view, request) {
  const box = (pen) => fitted(view.arena.surface.box, pen.width - 88, pen.height - 84);
  return basinsMap(view, {
    title: "Where a start leads",
    file: "basins",
    range: box,
    axis: () => ({ yLabel: "Where a start leads" }),
    rows: ({ place }) =>
      startRows({ rule: view.rule, rate: () => view.state.lr, box: place.box, nx: BASIN_SIDE, ny: BASIN_SIDE }),
    handle: {
      name: "Start",
      value: () => view.arena.start,
      move: (x, y) => request((view.state.start = [x, y].map((value) => Number(value.toPrecision(4))))),
    },
  });
}

function basinsRates(view, request) {
  const { state } = view;
  const part = (i) => 1e-4 ** ((i + 0.5) / BASIN_SIDE);
  const entry = () => basinsEntry(view);
  const at = (beta) => readRule(ruleText(entry(), { ...state.values, [basinsAxis(view).name]: beta }));
  const factors = Float64Array.from({ length: BASIN_SIDE }, (_, i) => part(BASIN_SIDE - 1 - i));
  const axis = () => ({
    logX: true,
    logY: true,
    xLabel: "lr",
    yLabel: basinsAxis(view)
      ? `Where lr and 1 − ${symbolOf(basinsAxis(view).name)} lead`
      : "Where lr leads: this rule has no β",
  });
  return basinsMap(view, {
    title: "lr and β",
    file: "rates",
    range: () => [...BASINS_RATES, 1, 1e-4],
    axis,
    rows: () => {
      const rules = Array.from({ length: BASIN_SIDE }, (_, j) => (basinsAxis(view) ? at(1 - part(j)) : view.rule));
      return rateRows({ rules, rate: () => 1, factors, start: view.arena.start });
    },
    handle: {
      name: "lr and 1 − β",
      value: () => [state.lr, 1 - (contestantValues(entry(), state.values)[basinsAxis(view)?.name] ?? 0)],
      move: (lr, rest) => {
        state.lr = Number(Math.min(BASINS_RATES[1], Math.max(BASINS_RATES[0], lr)).toPrecision(3));
        const beta = Number((1 - Number(Math.min(1, Math.max(1e-4, rest)).toPrecision(2))).toPrecision(12));
        if (basinsAxis(view)) state.values[basinsAxis(view).name] = beta;
        view.tell();
        request();
      },
    },
  });
}

/** Start anew: the surface, the rule, both maps; then work in frames until all rows are there. */
function basinsBegin(view) {
  view.stop();
  const { state, arena } = view;
  arena.readSurface(state.surface === "own" ? state.formula : state.surface);
  arena.start = startOf(state.start, arena.surface);
  view.surface.say(arena.surfaceError);
  view.rule = readRule(ruleText(basinsEntry(view), contestantValues(basinsEntry(view), state.values)));
  view.began = performance.now();
  for (const map of view.maps) {
    map.figure.draw();
    if (!map.place) return;
    const row = map.rows(map);
    const cells = BASIN_SIDE * BASIN_SIDE;
    Object.assign(map, {
      done: 0,
      ends: new Int8Array(cells),
      when: new Int16Array(cells),
      source: new Int16Array(BASIN_SIDE).fill(-1),
    });
    map.work = basins({
      surface: arena.surface,
      steps: state.steps,
      ny: BASIN_SIDE,
      row: (j) => row(BASIN_ORDER[j].row),
    });
  }
  basinsFrame(view);
}

function basinsFrame(view) {
  const until = performance.now() + BASINS_BUDGET;
  let open = view.maps.filter((map) => map.done < BASIN_SIDE);
  while (open.length && performance.now() < until) {
    open.forEach(basinAdvance);
    open = open.filter((map) => map.done < BASIN_SIDE);
  }
  for (const map of view.maps) map.figure.draw();
  basinsLegend(view);
  if (open.length) view.waiting = requestAnimationFrame(() => basinsFrame(view));
}

function basinsLegend(view) {
  const counts = new Map(); // of the starts; what the other map has besides is named, too
  view.maps.forEach(({ ends, done }, i) => {
    for (const { row } of BASIN_ORDER.slice(0, done)) {
      for (const end of ends.subarray(row * BASIN_SIDE, (row + 1) * BASIN_SIDE))
        counts.set(end, (counts.get(end) ?? 0) + Number(i === 0));
    }
  });
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  view.items = sorted.map(([end, count]) => basinItem(view, end, count / (view.maps[0].done * BASIN_SIDE)));
  fillLegend(view.legend, view.items);
  const all = view.maps.every((map) => map.done === BASIN_SIDE);
  view.note.textContent = all
    ? `2 × 10 000 paths in ${short((performance.now() - view.began) / 1000, 2)} s. Fainter: later. Shares: of starts.`
    : "";
}
