import { measured } from "./arena.js";
import { theoryOf } from "./theory.js";

/** The point of a surface that a run ends nearest to, of those whose curvatures are known. */
function nearestPoint({ x, y, steps, lanes }, points) {
  const last = steps * lanes;
  const far = ({ at }) => Math.hypot(x[last] - at[0], y[last] - at[1]);
  return points.filter((point) => point.curvatures).sort((a, b) => (far(a) || 0) - (far(b) || 0))[0] ?? null;
}

/** What theory says of a run near that point, with what the run did: {limit, facts: [[what, predicted, measured]]}. */
export function theoryFacts({ rule, run, surface, lr, noise }) {
  const point = nearestPoint(run, surface.points);
  const theory = point && theoryOf({ rule, curvatures: point.curvatures, lr, noise });
  if (!theory) return { limit: null, facts: [] };
  const facts = [];
  if (theory.limit) facts.push(["largest stable lr", theory.limit, `lr = ${lr}`]);
  const slowest = Math.max(...theory.modes.map((mode) => mode.contraction));
  const { loss, distance } = measured(run, surface, [point.at]);
  if (noise === 0) facts.push(["distance × per step", slowest, measuredFactor(distance)]);
  else if (theory.floor !== null) facts.push(["noise floor of f", theory.floor, meanOfHalf(loss)]);
  return { limit: theory.limit, facts };
}

/** The mean factor a step of a distance over the later half of what lies above rounding. */
function measuredFactor(distance) {
  let end = distance.length - 1;
  while (end > 2 && !(distance[end] > 1e-12 && distance[end] < 1e12)) end -= 1;
  const half = Math.floor(end / 2);
  return (distance[end] / distance[half]) ** (1 / (end - half));
}

function meanOfHalf(values) {
  const half = values.subarray(Math.floor(values.length / 2));
  return half.reduce((sum, value) => sum + value, 0) / half.length;
}
