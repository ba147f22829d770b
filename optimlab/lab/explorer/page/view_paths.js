import { DASHES, axes, scale, short, ticks } from "./charts.js";
import { bands, contour, gridOf, levelsOf } from "./contours.js";
import { element, figure } from "./controls.js";
import { MARKERS } from "./pen.js";

/** Colour, dash and marker number `index`: no two of the first 24 share all three. */
export function styleOf(index, colours) {
  const round = Math.floor(index / colours.palette.length);
  return {
    color: colours.palette[index % colours.palette.length],
    dash: DASHES[(index + round) % DASHES.length],
    shape: MARKERS[(index + 2 * round) % MARKERS.length],
  };
}

/** A box made wider or higher until a unit is as long in x as in y. */
export function fitted([x0, x1, y0, y1], width, height) {
  const unit = Math.max((x1 - x0) / width, (y1 - y0) / height);
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  return [x - (unit * width) / 2, x + (unit * width) / 2, y - (unit * height) / 2, y + (unit * height) / 2];
}

/**
 * The map of a surface with paths. `of` gives {scene(), start(), runs() → [{run, style, label, chosen}], at()};
 * move(x, y) is called when the start is moved. → {root, draw(), drawOver(), over}
 */
export function pathsMap(of, move) {
  let place = null;
  const made = figure({
    title: "Paths",
    file: "paths",
    label: "Contours of the surface, with the paths of all contestants",
    legend: () => of.runs().map(({ style, label }) => ({ ...style, name: label })),
    height: (width, screen) => Math.max(260, Math.min(0.7 * width, 0.7 * screen)),
    paint: (pen, colours) => {
      const box = [0, 0, pen.width, pen.height];
      place = axes(pen, colours, { box, range: fitted(of.scene().box, pen.width, pen.height), bare: true });
      mapSurface(pen, colours, of.scene(), place);
    },
    paintOver: (pen, colours) => {
      const shown = of.runs();
      const crowd = shown.length > MAP_CROWD;
      for (const one of shown) mapPath(pen, colours, { ...one, place, at: of.at(), thin: crowd && !one.chosen });
      handle.draw(pen, colours);
    },
  });
  const handle = startHandle(made, { name: "Start", value: of.start, place: () => place, move });
  made.root.classList.add("map");
  return made;
}

function mapSurface(pen, colours, scene, place) {
  const cell = pen.width < 600 ? 2 : 3;
  const [nx, ny] = [Math.round(pen.width / cell), Math.round(pen.height / cell)];
  const grid = gridOf((xs, ys, out) => scene.values(xs, ys, out), place.box, nx, ny);
  const levels = levelsOf(grid, 18);
  const size = { wide: Math.round(pen.width), high: Math.round(pen.height) };
  const picture = bands(grid, levels, { ...size, deep: colours.deep, top: colours.high });
  pen.image(0, 0, pen.width, pen.height, picture, true);
  const column = scale(0, nx - 1, 0, pen.width);
  const row = scale(0, ny - 1, pen.height, 0);
  const line = { color: colours.contour, width: 0.8, opacity: 0.7 };
  for (const level of levels) pen.line(contour(grid, level, column, row), line);
  mapTicks(pen, colours, place);
  minimaMarks(pen, colours, scene, place);
}

/** A cross at each minimum. */
export function minimaMarks(pen, colours, { minima }, place) {
  const style = { color: colours.ink, edge: colours.paper, shape: "cross" };
  for (const { at } of minima) pen.dot(place.x(at[0]), place.y(at[1]), minima.length > 9 ? 5 : 8, style);
}

function mapTicks(pen, colours, { box, x, y }) {
  const style = { color: colours.soft, size: 16, halo: colours.paper };
  for (const value of ticks(box[0], box[1], pen.width / 130)) {
    if (x(value) > 60 && x(value) < pen.width - 30)
      pen.text(x(value), pen.height - 10, short(value, 6), { ...style, align: "middle" });
  }
  for (const value of ticks(box[2], box[3], pen.height / 90)) {
    if (y(value) > 20 && y(value) < pen.height - 40) pen.text(10, y(value) + 5, short(value, 6), style);
  }
}

/** Paths that can be told apart as thick lines. */
export const MAP_CROWD = 8;
let mapBuffer = new Float64Array(1 << 15);

/** Points of lanes of a run up to step `at` in pixels; one nearer than a pixel and a half to the last is left out. */
function pixelPath({ x, y, lanes }, { at, place, from, to }) {
  if (mapBuffer.length < 2 * lanes * (at + 2)) mapBuffer = new Float64Array(2 * lanes * (at + 2));
  const out = mapBuffer;
  const [x0, y0] = [place.x(0), place.y(0)];
  const [dx, dy] = [place.x(1) - x0, place.y(1) - y0];
  let n = 0;
  for (let lane = from; lane < to; lane += 1) {
    let [lastX, lastY] = [NaN, NaN];
    for (let k = 0, i = lane; k <= at; k += 1, i += lanes) {
      const px = x0 + dx * x[i];
      const py = y0 + dy * y[i];
      if (Math.abs(px - lastX) + Math.abs(py - lastY) < 1.5) continue;
      out[n] = lastX = px;
      out[n + 1] = lastY = py;
      n += 2;
    }
    out[n] = out[n + 1] = NaN;
    n += 2;
  }
  return out.subarray(0, n);
}

/** Other starts, and all that are not chosen of a crowd, as hairlines, which are the quickest to draw. */
function mapPath(pen, colours, { run, style, place, at, thin }) {
  const end = Math.min(at, run.steps);
  const points = (from, to) => pixelPath(run, { at: end, place, from, to });
  const dot = (k, lane, radius, edge) => {
    const i = k * run.lanes + lane;
    pen.dot(place.x(run.x[i]), place.y(run.y[i]), radius, { ...style, edge });
  };
  if (run.lanes > 1) pen.line(points(1, run.lanes), { color: style.color, width: 1 });
  for (let lane = 1; lane < run.lanes; lane += 1) dot(end, lane, 3.5);
  const line = points(0, 1);
  if (!thin) pen.line(line, { color: colours.paper, width: 5.5, opacity: 0.75 });
  pen.line(line, { color: style.color, width: thin ? 1 : 3 });
  for (const part of thin ? [] : [0.02, 0.08, 0.25]) dot(Math.round(part * end), 0, 5, colours.paper);
  dot(end, 0, 8, colours.paper);
}

/**
 * A point on a figure that is dragged, or moved with the arrow keys: value() → [x, y], place() → what axes returns.
 * A mouse drags from anywhere; a finger drags the point itself, or taps elsewhere, so that it can still scroll.
 */
export function startHandle({ stage, zoom }, { name, value, place, move }) {
  const handle = element("button", { type: "button", class: "handle" });
  stage.append(handle);
  const go = (x, y) => move(place().backX(x), place().backY(y));
  mapDragging(stage, handle, (x, y) => go(x / zoom(), y / zoom()));
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const size = ((event.shiftKey ? 5 : 1) * place().inner[2]) / 100;
    go(place().x(value()[0]) + size * way[0], place().y(value()[1]) + size * way[1]);
  });
  const draw = (pen, colours) => {
    const [x, y] = [place().x(value()[0]), place().y(value()[1])];
    pen.dot(x, y, 11, { color: colours.paper, edge: colours.ink, width: 3, shape: "circle" });
    pen.dot(x, y, 4, { color: colours.ink, shape: "circle" });
    handle.style.left = `${x * zoom()}px`;
    handle.style.top = `${y * zoom()}px`;
    const said = value()
      .map((number) => short(number))
      .join(", ");
    handle.setAttribute("aria-label", `${name} at ${said}: drag it, or move it with the arrow keys`);
  };
  return { draw };
}

function mapDragging(stage, handle, go) {
  let held = false;
  const to = (event) => {
    const box = stage.getBoundingClientRect();
    go(event.clientX - box.left, event.clientY - box.top);
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.pointerType === "touch" && event.target !== handle)) return;
    held = true;
    stage.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus({ preventScroll: true });
    to(event);
  });
  stage.addEventListener("pointermove", (event) => held && to(event));
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => (held = false));
  stage.addEventListener("click", (event) => event.detail > 0 && event.target !== handle && to(event));
}
