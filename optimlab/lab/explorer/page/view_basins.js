import { Arena } from "./arena.js";
import { basins, rateRows, startRows } from "./basins.js";
import { axes, short } from "./charts.js";
import { choice, element, figure, look, slider } from "./controls.js";
import { RULES, readRule, ruleText } from "./rules.js";
import { surfaceChoice } from "./view_conditions.js";
import { fitted, minimaMarks, startHandle } from "./view_paths.js";

const BASINS_SIDE = 100; // starts in a row, and rows
const BASINS_BUDGET = 12; // milliseconds of work in a frame
const BASINS_RATES = [1e-4, 1]; // lr of the second map, times the scale of the slider
const BASINS_FIRST = [32, 16, 8, 4, 2, 1]; // rows far apart come first, then those between
let basinsNow = null;

/** Which start ends in which minimum, and how that depends on lr and β. */
export const basinsView = {
  name: "basins",
  title: "Basins",
  defaults: { surface: "himmelblau", formula: "(x**2 - 1)**2 + y**2 + 0.3*x*y", rule: "heavy_ball", values: {}, lr: 0.01, steps: 300, start: [] },
  build: (root, state, changed) => (basinsNow = basinsBuilt(root, state, changed)),
  draw: () => basinsNow.begin(),
  pause: () => basinsNow?.stop(),
};

function basinsBuilt(root, state, changed) {
  const view = { state, arena: new Arena(), maps: [], waiting: 0 };
  view.stop = () => cancelAnimationFrame(view.waiting);
  view.begin = () => basinsBegin(view);
  const request = () => {
    changed();
    view.stop();
    view.waiting = requestAnimationFrame(view.begin);
  };
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
  const rule = choice({
    name: "Rule", options: RULES.map((one) => [one.name, one.label]), value: entry.name,
    on: (name) => {
      Object.assign(state, { rule: name, values: {} });
      view.fill();
      request();
    },
  });
  const rate = slider({ name: "lr", low: 1e-5, high: 10, log: true, value: state.lr, on: (lr) => request((state.lr = lr)) });
  const steps = slider({
    name: "steps", low: 20, high: 2000, log: true, whole: true, value: state.steps, on: (n) => request((state.steps = n)),
  });
  const axis = basinsAxis(view);
  const beta = axis && slider({
    ...axis, value: state.values[axis.name] ?? axis.value, on: (value) => request((state.values[axis.name] = value)),
  });
  view.tell = () => {
    rate.set(state.lr);
    beta?.set(state.values[axis.name] ?? axis.value);
  };
  return [rule, rate, ...(beta ? [beta] : []), steps].map((made) => made.root);
}

/** A map that fills row by row: paint(pen, look) places it, rows() says what a row is. */
function basinsMap(view, { title, file, range, rows, axis, handle }) {
  const map = { rows, ends: null, when: null, source: null, place: null };
  map.figure = figure({
    title, file, height: (width) => Math.round(Math.min(0.9 * width, 0.7 * innerHeight)),
    paint: (pen, colours) => {
      map.place = axes(pen, colours, { box: [0, 0, pen.width, pen.height], range: range(pen), ...axis() });
      if (map.source) pen.image(...map.place.inner, basinsPicture(map, colours, view), false);
      minimaMarks(pen, colours, { minima: axis().logX ? [] : view.arena.surface.minima }, map.place);
    },
    paintOver: (pen, colours) => map.handle.draw(pen, colours),
  });
  map.handle = startHandle(map.figure, { ...handle, place: () => map.place });
  return map;
}

function basinsStarts(view, request) {
  const box = (pen) => fitted(view.arena.surface.box, pen.width - 80, pen.height - 84);
  return basinsMap(view, {
    title: "Where a start ends", file: "basins", range: box, axis: () => ({ yLabel: "Where a start ends" }),
    rows: ({ place }) => startRows({ rule: view.rule, rate: () => view.state.lr, box: place.box, nx: BASINS_SIDE, ny: BASINS_SIDE }),
    handle: {
      name: "Start", value: () => view.arena.start,
      move: (x, y) => request((view.state.start = [x, y].map((value) => Number(value.toPrecision(4))))),
    },
  });
}

function basinsRates(view, request) {
  const { state } = view;
  const part = (i) => 1e-4 ** ((i + 0.5) / BASINS_SIDE);
  const entry = () => basinsEntry(view);
  const at = (beta) => readRule(ruleText(entry(), { ...state.values, [basinsAxis(view).name]: beta }));
  const factors = Float64Array.from({ length: BASINS_SIDE }, (_, i) => part(BASINS_SIDE - 1 - i));
  const axis = () => ({ logX: true, logY: true, xLabel: "lr", yLabel: `1 − ${basinsAxis(view)?.name ?? "β"}` });
  return basinsMap(view, {
    title: "lr and β", file: "rates", range: () => [...BASINS_RATES, 1, 1e-4], axis,
    rows: () => {
      const rules = Array.from({ length: BASINS_SIDE }, (_, j) => (basinsAxis(view) ? at(1 - part(j)) : view.rule));
      return rateRows({ rules, rate: () => 1, factors, start: view.arena.start });
    },
    handle: {
      name: "lr and 1 − β", value: () => [state.lr, 1 - (state.values[basinsAxis(view)?.name] ?? basinsAxis(view)?.value ?? 0)],
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
  arena.start = state.start.length === 2 ? state.start : arena.surface.start;
  view.surface.say(arena.surfaceError);
  view.rule = readRule(ruleText(basinsEntry(view), state.values));
  view.began = performance.now();
  const order = BASINS_FIRST.flatMap((gap, level) => basinsRows(gap, level === 0));
  for (const map of view.maps) {
    map.figure.draw();
    if (!map.place) return;
    const row = map.rows(map);
    const cells = BASINS_SIDE * BASINS_SIDE;
    Object.assign(map, { order, done: 0, ends: new Int8Array(cells), when: new Int16Array(cells), source: new Int16Array(BASINS_SIDE).fill(-1) });
    map.work = basins({ surface: arena.surface, steps: state.steps, ny: BASINS_SIDE, row: (j) => row(order[j].row) });
  }
  basinsFrame(view);
}

/** Rows of a level: every `gap`, without those of the coarser levels. */
function basinsRows(gap, first) {
  const rows = Array.from({ length: Math.ceil(BASINS_SIDE / gap) }, (_, k) => k * gap);
  return rows.filter((row) => first || row % (2 * gap)).map((row) => ({ row, gap }));
}

function basinsFrame(view) {
  const until = performance.now() + BASINS_BUDGET;
  let open = view.maps.filter((map) => map.done < BASINS_SIDE);
  while (open.length && performance.now() < until) {
    open.forEach(basinsAdvance);
    open = open.filter((map) => map.done < BASINS_SIDE);
  }
  for (const map of view.maps) map.figure.draw();
  basinsLegend(view);
  if (open.length) view.waiting = requestAnimationFrame(() => basinsFrame(view));
}

function basinsAdvance(map) {
  const { value } = map.work.next();
  const { row, gap } = map.order[map.done];
  map.ends.set(value.end, row * BASINS_SIDE);
  map.when.set(value.when, row * BASINS_SIDE);
  map.source.fill(row, row, Math.min(row + gap, BASINS_SIDE));
  map.done += 1;
}

/** Colours of the ends, paler the later they were reached. */
function basinsPicture({ ends, when, source }, colours, { state }) {
  const data = new Uint8ClampedArray(4 * BASINS_SIDE * BASINS_SIDE);
  const table = new Map();
  const late = Float64Array.from({ length: state.steps + 1 }, (_, k) => (0.6 * Math.log(k + 1)) / Math.log(state.steps + 1));
  for (let row = 0; row < BASINS_SIDE; row += 1) {
    for (let i = 0; i < BASINS_SIDE && source[row] >= 0; i += 1) {
      const from = source[row] * BASINS_SIDE + i;
      const end = ends[from];
      if (!table.has(end)) table.set(end, basinsColour(end, colours));
      const colour = table.get(end);
      const part = end < 0 ? 0 : late[when[from]];
      const place = 4 * ((BASINS_SIDE - 1 - row) * BASINS_SIDE + i);
      for (let c = 0; c < 3; c += 1) data[place + c] = colour[c] + (colours.high[c] - colour[c]) * part;
      data[place + 3] = 255;
    }
  }
  return { width: BASINS_SIDE, height: BASINS_SIDE, data };
}

function basinsColour(end, colours) {
  const hex = end === -1 ? colours.ink : end === -2 ? colours.grid : colours.palette[end % 6];
  return [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
}

function basinsLegend(view) {
  const { ends, done } = view.maps[0];
  const counts = new Map();
  for (const { row } of view.maps[0].order.slice(0, done)) {
    for (const end of ends.subarray(row * BASINS_SIDE, (row + 1) * BASINS_SIDE)) counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 8);
  view.legend.replaceChildren(...sorted.map(([end, count]) => basinsItem(view, end, count / (done * BASINS_SIDE))));
  const all = view.maps.every((map) => map.done === BASINS_SIDE);
  view.note.textContent = all ? `2 × 10 000 paths in ${short((performance.now() - view.began) / 1000, 2)} s. Paler: later.` : "";
}

function basinsItem({ arena }, end, share) {
  const swatch = element("span", { class: "swatch" });
  swatch.style.background = `rgb(${basinsColour(end, look()).join(" ")})`;
  const where = arena.surface.minima[end]?.at.map((value) => short(value)).join(", ");
  const name = end >= 0 ? `minimum at (${where})` : end === -1 ? "escaped or diverged" : "still under way";
  return element("li", {}, swatch, `${name}  ${short(100 * share, 2)} %`);
}
