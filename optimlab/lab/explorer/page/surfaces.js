import { FACTS } from "./facts.js";
import { formulaText, readFormula } from "./formula.js";
import { Machine, padded } from "./machine.js";
import { criticalPoints } from "./points.js";
import { Said, nearest, parse } from "./syntax.js";
import { Term, plan, replay } from "./symbols.js";

const SURFACE_CACHE = new Map();
const SURFACE_CACHED = 64;
const SURFACE_START = [1, 1];
const SURFACE_ROOM = 2.5; // half width of a picture of one's own surface
const SURFACE_TILE = 256;

/** The surface of a name or of a formula in x and y; the same text gives the same object. */
export function readSurface(text) {
  const known = SURFACE_CACHE.get(text);
  if (known) return known;
  const name = text.trim().toLowerCase();
  const fact = FACTS.surfaces.find((found) => found.name === name);
  const surface = fact ? surfaceNamed(fact) : surfaceOwn(text);
  if (SURFACE_CACHE.size >= SURFACE_CACHED) SURFACE_CACHE.clear();
  SURFACE_CACHE.set(text, surface);
  return surface;
}

function surfaceNamed(fact) {
  const { name, label, start, box } = fact;
  const operations = (which) => (x, y) => replay(fact[which], [x, y]);
  return new Surface({ name, label, text: name, start, box, points: surfacePoints(fact) }, operations);
}

function surfaceOwn(text) {
  const tree = parse(text);
  if (tree.kind === "name" && tree.name !== "x" && tree.name !== "y") {
    const remedy = nearest(tree.name, FACTS.surfaces.map((surface) => surface.name));
    throw new Said(`"${tree.name}" is no surface; ${remedy} A formula such as x**2 - y**2 is one, too`, tree.at);
  }
  const written = formulaText(text);
  const operations = (which) => (x, y) => [readFormula(text, x, y)[which]].flat();
  const box = [-SURFACE_ROOM, SURFACE_ROOM, -SURFACE_ROOM, SURFACE_ROOM];
  const surface = new Surface({ name: written, label: written, text: written, start: SURFACE_START, box }, operations);
  surface.place(criticalPoints(surface));
  return surface;
}

function surfacePoints({ points, line }) {
  const beside = ([x, f, h]) => line.map(([y, g, j]) => [x, y, f + g, Math.min(h, j), Math.max(h, j)]);
  const rows = points ?? line.flatMap(beside); // of a sum over coordinates only those of one coordinate are told
  return rows.map(([x, y, value, ...curvatures]) => ({ at: [x, y], value, curvatures }));
}

function surfaceKind([low, high]) {
  if (low === 0 || high === 0) return "degenerate";
  return low > 0 ? "minimum" : high < 0 ? "maximum" : "saddle";
}

/** f(x, y) as programs of its value and its gradient, with its critical points. */
export class Surface {
  constructor({ name, label, text, start, box, points = [] }, operations) {
    Object.assign(this, { name, label, text, start, box });
    this.valueProgram = surfaceProgram(operations("value"), 1);
    this.gradientProgram = surfaceProgram(operations("gradient"), 2);
    this.xs = new Float64Array(SURFACE_TILE);
    this.ys = new Float64Array(SURFACE_TILE);
    this.found = new Float64Array(SURFACE_TILE);
    this.tile = new Machine(this.valueProgram, SURFACE_TILE).bind([this.xs, this.ys, this.found]);
    this.pair = Array.from({ length: 4 }, () => new Float64Array(padded(1)));
    this.slope = new Machine(this.gradientProgram, 1).bind(this.pair);
    this.place(points);
  }

  /** Let these be the critical points. */
  place(points) {
    this.points = points.map((point) => ({ ...point, kind: surfaceKind(point.curvatures) }));
    this.minima = this.points.filter((point) => point.kind === "minimum");
  }

  /** f at a point. */
  value(x, y) {
    return this.values(Float64Array.of(x), Float64Array.of(y), new Float64Array(1))[0];
  }

  /** f at many points, into `out`; all Float64Arrays. */
  values(xs, ys, out) {
    for (let begin = 0; begin < xs.length; begin += SURFACE_TILE) {
      const end = Math.min(begin + SURFACE_TILE, xs.length);
      this.xs.set(xs.subarray(begin, end));
      this.ys.set(ys.subarray(begin, end));
      this.tile.run();
      out.set(this.found.subarray(0, end - begin), begin);
    }
    return out;
  }

  /** [∂f/∂x, ∂f/∂y] at a point. */
  gradient(x, y) {
    this.pair[0][0] = x;
    this.pair[1][0] = y;
    this.slope.run();
    return [this.pair[2][0], this.pair[3][0]];
  }
}

/** The program x, y, results → x, y, new results. */
function surfaceProgram(operations, count) {
  const terms = Array.from({ length: 2 + count }, () => new Term());
  return plan(terms, [terms[1], ...operations(terms[0], terms[1])], terms.length);
}
