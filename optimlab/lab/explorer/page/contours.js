import { scale } from "./charts.js";

/** Values of f on nx × ny points of a box [x0, x1, y0, y1]; row 0 is the lowest y. */
export function gridOf(values, [x0, x1, y0, y1], nx, ny) {
  const xs = new Float64Array(nx * ny);
  const ys = new Float64Array(nx * ny);
  for (let i = 0; i < nx * ny; i += 1) {
    xs[i] = x0 + ((x1 - x0) * (i % nx)) / (nx - 1);
    ys[i] = y0 + ((y1 - y0) * Math.floor(i / nx)) / (ny - 1);
  }
  const out = new Float64Array(nx * ny);
  values(xs, ys, out);
  return { out, nx, ny };
}

/** Levels that hold areas growing as squares: dense where f is low, whatever f's scale is. */
export function levelsOf({ out }, count) {
  const sorted = out.filter(Number.isFinite).sort();
  if (sorted.length === 0) return [];
  const at = (k) => sorted[Math.floor((sorted.length - 1) * ((k + 1) / (count + 1)) ** 1.8)];
  const levels = Array.from({ length: count }, (_, k) => at(k));
  return levels.filter((level, k) => k === 0 || level > levels[k - 1]);
}

/** A picture of the bands between the levels, `wide` × `high` pixels, from colour `deep` to `top`. */
export function bands({ out, nx, ny }, levels, { wide, high, deep, top }) {
  const data = new Uint8ClampedArray(4 * wide * high);
  const column = scale(0, wide - 1, 0, nx - 1.000001);
  for (let row = 0; row < high; row += 1) {
    const v = ((high - 1 - row) * (ny - 1.000001)) / (high - 1);
    const low = Math.floor(v) * nx;
    for (let i = 0; i < wide; i += 1) {
      const u = column(i);
      const at = low + Math.floor(u);
      const value = bandMean(out, at, nx, u % 1, v % 1);
      const share = bandOf(levels, value) / levels.length;
      const place = 4 * (row * wide + i);
      for (let c = 0; c < 3; c += 1) data[place + c] = deep[c] + (top[c] - deep[c]) * share;
      data[place + 3] = 255;
    }
  }
  return { width: wide, height: high, data };
}

function bandMean(out, at, nx, u, v) {
  return (1 - v) * ((1 - u) * out[at] + u * out[at + 1]) + v * ((1 - u) * out[at + nx] + u * out[at + nx + 1]);
}

function bandOf(levels, value) {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (levels[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return Number.isNaN(value) ? levels.length : low;
}

/** The contour f = level by marching squares: flat segments x, y, x, y, NaN, NaN in the pen's units. */
export function contour({ out, nx, ny }, level, x, y) {
  const points = [];
  for (let j = 0; j + 1 < ny; j += 1) {
    for (let i = 0; i + 1 < nx; i += 1) {
      const at = j * nx + i;
      const corners = [out[at], out[at + 1], out[at + nx + 1], out[at + nx]];
      const above = corners.map((value) => value >= level);
      if (above[0] === above[1] && above[1] === above[2] && above[2] === above[3]) continue;
      contourCell(points, corners, above, level, (u, v) => [x(i + u), y(j + v)]);
    }
  }
  return points;
}

function contourCell(points, corners, above, level, place) {
  const crossings = [];
  for (let side = 0; side < 4; side += 1) {
    const next = (side + 1) % 4;
    if (above[side] === above[next]) continue;
    const part = (level - corners[side]) / (corners[next] - corners[side]);
    if (!Number.isFinite(part)) return;
    crossings.push([place(part, 0), place(1, part), place(1 - part, 1), place(0, 1 - part)][side]);
  }
  const swap = crossings.length === 4 && above[0] !== corners.reduce((sum, value) => sum + value, 0) / 4 >= level;
  const order = swap ? [1, 2, 3, 0] : [0, 1, 2, 3];
  for (let k = 0; k < crossings.length; k += 2) {
    points.push(...crossings[order[k]], ...crossings[order[k + 1]], NaN, NaN);
  }
}
