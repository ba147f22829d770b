import { theoryOf } from "./theory.js";

const FACTS_RADIUS = 1; // a path has left a saddle at this distance along the way down

/** The point of a surface that a run ends nearest to, of those whose curvatures are known. */
function nearestPoint({ x, y, steps, lanes }, points) {
  const last = steps * lanes;
  const far = ({ at }) => Math.hypot(x[last] - at[0], y[last] - at[1]);
  return points.filter((point) => point.curvatures).sort((a, b) => (far(a) || 0) - (far(b) || 0))[0] ?? null;
}

/** Unit vectors along which a surface is most and least curved at a point, the lower curvature first. */
function axesAt(surface, [x, y]) {
  const h = 1e-4;
  const difference = (dx, dy) => {
    const [up, down] = [surface.gradient(x + dx, y + dy), surface.gradient(x - dx, y - dy)];
    return [up[0] - down[0], up[1] - down[1]];
  };
  const [[a, b], [, d]] = [difference(h, 0), difference(0, h)];
  const turn = Math.atan2(2 * b, a - d) / 2; // of the higher curvature
  return [
    [-Math.sin(turn), Math.cos(turn)],
    [Math.cos(turn), Math.sin(turn)],
  ];
}

/**
 * What theory says of a run near that point, with what the run did: {limit, facts: [[what, predicted, measured]]}.
 * Where the rate falls or gradients are clipped, which is not `steady`, theory has the limit alone.
 */
export function theoryFacts({ rule, run, surface, lr, noise, steady = true }) {
  const point = nearestPoint(run, surface.points);
  if (!point || point.kind === "degenerate") return { limit: null, facts: [] };
  const along = axesAt(surface, point.at).map(([u, v]) => (k) => {
    return u * (run.x[k * run.lanes] - point.at[0]) + v * (run.y[k * run.lanes] - point.at[1]);
  });
  const starts = along.map((axis) => axis(0));
  const theory = theoryOf({ rule, curvatures: point.curvatures, lr, noise, starts, radius: FACTS_RADIUS });
  if (!theory) return { limit: null, facts: [] };
  const facts = theory.limit ? [[`largest stable lr at the ${point.kind}`, theory.limit, `now ${lr}`]] : [];
  if (!steady) return { limit: theory.limit, facts };
  if (theory.floor !== null && noise > 0) facts.push(["noise floor of f", theory.floor, laterMean(run) - point.value]);
  const factors = theory.modes.map((mode) => mode.contraction);
  const slowest = Math.max(...factors);
  const path = Float64Array.from({ length: run.steps + 1 }, (_, k) => Math.abs(along[factors.indexOf(slowest)](k)));
  if (noise === 0) facts.push([`${slowest > 1 ? "growth" : "contraction"} per step`, slowest, measuredFactor(path)]);
  theory.modes.forEach(({ escape }, i) => {
    if (!escape) return;
    const all = Array.from({ length: run.steps + 1 }, (_, k) => k);
    const left = all.find((k) => !(Math.abs(along[i](k)) < FACTS_RADIUS)) ?? `more than ${run.steps}`;
    facts.push(["steps to leave the saddle", escape.steps ?? escape.predicted ?? NaN, left]);
  });
  return { limit: theory.limit, facts };
}

/** The mean factor a step of a distance over the later half of what lies above rounding. */
function measuredFactor(distance) {
  let end = distance.length - 1;
  while (end > 2 && !(distance[end] > 1e-12 && distance[end] < 1e12)) end -= 1;
  const half = Math.floor(end / 2);
  return (distance[end] / distance[half]) ** (1 / (end - half));
}

/** The mean f of lane 0 over the later half of a run. */
function laterMean({ f, steps, lanes }) {
  const half = f.filter((_, i) => i % lanes === 0 && 2 * i > steps * lanes);
  return half.reduce((sum, value) => sum + value, 0) / half.length;
}
