import { Lanes } from "./descent.js";

const BASIN_FAR = 10; // half widths of the box: who is beyond does not come back
const BASIN_NEAR = 0.02; // half widths: who is nearer to a minimum, twice in a row, has arrived
const BASIN_CHECK = 10; // steps between two looks
const BASIN_OPEN = -2;
const BASIN_GONE = -1;

/**
 * Where rows of lanes end: yields {row0, row1, end, when} row by row; `end` is the index of a minimum of the surface,
 * -1 of a lane that escaped or diverged, -2 of one that is still under way; `when` the step at which that was seen.
 */
export function* basins({ surface, steps, ny, row }) {
  for (let j = 0; j < ny; j++) {
    yield { row0: j, row1: j + 1, ...basinRow({ surface, steps, factors: null, ...row(j) }) };
  }
}

/** Rows of starts over a box, from below: the basins of a rule. */
export function startRows({ rule, rate, box: [x0, x1, y0, y1], nx, ny }) {
  const at = (low, high, i, n) => low + ((high - low) * (i + 0.5)) / n;
  return (j) => ({
    rule,
    rate,
    starts: Array.from({ length: nx }, (_, i) => [at(x0, x1, i, nx), at(y0, y1, j, ny)]),
  });
}

/** Rows of rules, such as one for each β, in which each lane has its factor of the learning rate. */
export function rateRows({ rules, rate, factors, start }) {
  return (j) => ({ rule: rules[j], rate, factors, starts: Array.from(factors, () => start) });
}

function basinRow({ rule, surface, rate, starts, factors, steps }) {
  const numbers = rule.coefficientRows(steps);
  const end = new Int8Array(starts.length).fill(BASIN_OPEN);
  const when = new Int16Array(starts.length).fill(steps);
  const last = new Int8Array(starts.length).fill(BASIN_OPEN);
  let lanes = new Lanes({ rule, surface }, starts, factors);
  for (let k = 0; k < steps; k++) {
    lanes.look();
    lanes.step(numbers, rate(k), k);
    if ((k + 1) % BASIN_CHECK && k + 1 < steps) continue;
    const open = basinOpen(lanes, { end, when, last }, k + 1);
    if (!open.length) break;
    if (2 * open.length <= lanes.count) lanes = lanes.kept(open);
  }
  for (const lane of lanes.names) if (end[lane] === BASIN_OPEN) end[lane] = last[lane]; // near at the last look
  return { end, when };
}

/** Note which lanes have ended; return the places of the others. */
function basinOpen({ n, count, w, names, surface }, { end, when, last }, step) {
  const open = [];
  for (let i = 0; i < count; i++) {
    const lane = names[i];
    if (end[lane] !== BASIN_OPEN) continue;
    const now = basinOf(surface, w[i], w[n + i]);
    if (now === BASIN_GONE || (now >= 0 && now === last[lane])) {
      end[lane] = now;
      when[lane] = step;
    } else {
      last[lane] = now;
      open.push(i);
    }
  }
  return open;
}

function basinOf({ box: [x0, x1, y0, y1], minima }, x, y) {
  const [a, b] = [(x1 - x0) / 2, (y1 - y0) / 2];
  const inside = Math.abs(x - (x0 + x1) / 2) <= BASIN_FAR * a && Math.abs(y - (y0 + y1) / 2) <= BASIN_FAR * b;
  if (!inside) return BASIN_GONE;
  let found = BASIN_OPEN;
  let least = BASIN_NEAR;
  for (let i = 0; i < minima.length; i++) {
    const distance = Math.max(Math.abs(x - minima[i].at[0]) / a, Math.abs(y - minima[i].at[1]) / b);
    if (distance < least) [found, least] = [i, distance];
  }
  return found;
}
