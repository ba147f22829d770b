const POINTS_GRID = 15;
const POINTS_ITERATIONS = 40;
const POINTS_STEP = 1e-5; // of the box, in the differences that make the Hessian
const POINTS_SMALL = 1e-9;
const POINTS_APART = 1e-4; // of the box: nearer ones are one
const POINTS_MOST = 60;

/** The critical points inside a surface's box, by Newton's method from a grid: [{at, value, curvatures}]. */
export function criticalPoints(surface) {
  const [x0, x1, y0, y1] = surface.box;
  const size = Math.max(x1 - x0, y1 - y0);
  const found = [];
  for (let i = 0; i < POINTS_GRID * POINTS_GRID && found.length < POINTS_MOST; i++) {
    const x = x0 + ((x1 - x0) * (0.5 + (i % POINTS_GRID))) / POINTS_GRID;
    const y = y0 + ((y1 - y0) * (0.5 + Math.floor(i / POINTS_GRID))) / POINTS_GRID;
    const point = pointsNewton(surface, x, y, size);
    const near = ({ at }) => Math.hypot(at[0] - point.at[0], at[1] - point.at[1]) < POINTS_APART * size;
    if (point && !found.some(near)) found.push(point);
  }
  return found;
}

function pointsNewton(surface, x, y, size) {
  for (let i = 0; i < POINTS_ITERATIONS; i++) {
    const [gx, gy] = surface.gradient(x, y);
    const [a, b, c] = pointsHessian(surface, x, y, POINTS_STEP * size);
    const determinant = a * c - b * b;
    if (gx === 0 && gy === 0 && !(determinant === 0)) return pointsInside(surface, x, y, [a, b, c]);
    const [dx, dy] = [(c * gx - b * gy) / determinant, (a * gy - b * gx) / determinant];
    if (!(Math.hypot(dx, dy) < size)) return null;
    x -= dx;
    y -= dy;
    if (Math.hypot(dx, dy) < POINTS_SMALL * size) return pointsInside(surface, x, y, [a, b, c]);
  }
  return null;
}

function pointsHessian(surface, x, y, h) {
  const [ex, ey] = surface.gradient(x + h, y);
  const [wx, wy] = surface.gradient(x - h, y);
  const [nx, ny] = surface.gradient(x, y + h);
  const [sx, sy] = surface.gradient(x, y - h);
  return [(ex - wx) / (2 * h), (ey - wy + nx - sx) / (4 * h), (ny - sy) / (2 * h)];
}

function pointsInside(surface, x, y, [a, b, c]) {
  const [x0, x1, y0, y1] = surface.box;
  if (!(x >= x0 && x <= x1 && y >= y0 && y <= y1)) return null;
  const middle = (a + c) / 2;
  const half = Math.hypot((a - c) / 2, b);
  return { at: [x, y], value: surface.value(x, y), curvatures: [middle - half, middle + half] };
}
