import { DASHES, scale, short, ticks } from "./charts.js";
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
 * The map of a surface with paths. `of` gives {scene(), start(), runs() → [{run, style}], at()};
 * move(x, y) is called when the start is moved. → {root, draw(), drawOver(), handle}
 */
export function pathsMap(of, move) {
  let place = null;
  const handle = element("button", { type: "button", class: "handle" });
  const made = figure({
    title: "Paths",
    file: "paths",
    label: "Contours of the surface, with the paths of all contestants",
    height: (width) => Math.max(260, Math.min(Math.round(0.7 * width), 660, 0.68 * innerHeight)),
    paint: (pen, colours) => {
      place = mapPlace(of.scene().box, pen);
      mapSurface(pen, colours, of.scene(), place);
    },
    paintOver: (pen, colours) => {
      const shown = of.runs();
      for (const { run, style } of shown) mapPath(pen, colours, run, style, place, { at: of.at(), many: shown.length > 8 });
      mapStart(pen, colours, of.start(), place);
      handle.style.left = `${place.x(of.start()[0])}px`;
      handle.style.top = `${place.y(of.start()[1])}px`;
      handle.setAttribute("aria-label", `Start at ${of.start().map((value) => short(value)).join(", ")}: drag it, or move it with the arrow keys`);
    },
  });
  made.stage.append(handle);
  made.root.classList.add("map");
  mapDragging(made.stage, handle, (x, y) => move(place.backX(x), place.backY(y)));
  mapKeys(handle, (right, up) => {
    const step = (place.box[1] - place.box[0]) / 100;
    move(of.start()[0] + right * step, of.start()[1] + up * step);
  });
  return { ...made, handle };
}

function mapPlace(box, pen) {
  const whole = fitted(box, pen.width, pen.height);
  return {
    box: whole,
    x: scale(whole[0], whole[1], 0, pen.width),
    y: scale(whole[2], whole[3], pen.height, 0),
    backX: scale(0, pen.width, whole[0], whole[1]),
    backY: scale(pen.height, 0, whole[2], whole[3]),
  };
}

function mapSurface(pen, colours, scene, place) {
  const [nx, ny] = [Math.round(pen.width / 4), Math.round(pen.height / 4)];
  const grid = gridOf((xs, ys, out) => scene.values(xs, ys, out), place.box, nx, ny);
  const levels = levelsOf(grid, 18);
  const picture = bands(grid, levels, { wide: Math.round(pen.width), high: Math.round(pen.height), deep: colours.deep, top: colours.high });
  pen.image(0, 0, pen.width, pen.height, picture, true);
  const column = scale(0, nx - 1, 0, pen.width);
  const row = scale(0, ny - 1, pen.height, 0);
  for (const level of levels) pen.line(contour(grid, level, column, row), { color: colours.contour, width: 0.8, opacity: 0.7 });
  mapTicks(pen, colours, place);
  for (const { at } of scene.minima) {
    pen.dot(place.x(at[0]), place.y(at[1]), 8, { color: colours.ink, edge: colours.paper, shape: "cross" });
  }
}

function mapTicks(pen, colours, { box, x, y }) {
  const style = { color: colours.soft, size: 16, halo: colours.paper };
  for (const value of ticks(box[0], box[1], pen.width / 130)) {
    if (x(value) > 60 && x(value) < pen.width - 30) pen.text(x(value), pen.height - 10, short(value), { ...style, align: "middle" });
  }
  for (const value of ticks(box[2], box[3], pen.height / 90)) {
    if (y(value) > 20 && y(value) < pen.height - 40) pen.text(10, y(value) + 5, short(value), style);
  }
}

let mapBuffer = new Float64Array(1 << 15);

/** Points of a run up to step `at` in pixels; a point less than a pixel and a half from the last one is left out. */
export function pixelPath({ x, y, lanes }, at, place) {
  if (mapBuffer.length < 2 * lanes * (at + 3)) mapBuffer = new Float64Array(2 * lanes * (at + 3));
  const out = mapBuffer;
  const [x0, y0] = [place.x(0), place.y(0)];
  const [dx, dy] = [place.x(1) - x0, place.y(1) - y0];
  let n = 0;
  for (let lane = 0; lane < lanes; lane += 1) {
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

function mapPath(pen, colours, run, style, place, { at, many }) {
  const end = Math.min(at, run.steps);
  const points = pixelPath(run, end, place);
  const width = run.lanes > 1 ? 1.3 : 3;
  if (!many && run.lanes === 1) pen.line(points, { color: colours.paper, width: width + 2.5, opacity: 0.75 });
  pen.line(points, { color: style.color, width, opacity: run.lanes > 1 ? 0.75 : 1 });
  const marks = many ? [end] : [0.02, 0.08, 0.25, 1].map((part) => Math.round(part * end));
  for (let lane = 0; lane < run.lanes; lane += 1) {
    for (const k of lane === 0 ? marks : [end]) {
      const i = k * run.lanes + lane;
      const radius = k === end ? (lane === 0 ? 8 : 4) : 5;
      pen.dot(place.x(run.x[i]), place.y(run.y[i]), radius, { ...style, edge: colours.paper });
    }
  }
}

function mapStart(pen, colours, [x, y], place) {
  pen.dot(place.x(x), place.y(y), 11, { color: colours.paper, edge: colours.ink, width: 3, shape: "circle" });
  pen.dot(place.x(x), place.y(y), 4, { color: colours.ink, shape: "circle" });
}

/** A mouse drags from anywhere on the stage; a finger drags the handle, or taps elsewhere, so that it can still scroll. */
function mapDragging(stage, handle, go) {
  const to = (event) => {
    const box = stage.getBoundingClientRect();
    go(event.clientX - box.left, event.clientY - box.top);
  };
  let held = false;
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

function mapKeys(handle, go) {
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const size = event.shiftKey ? 5 : 1;
    go(size * way[0], size * way[1]);
  });
}
