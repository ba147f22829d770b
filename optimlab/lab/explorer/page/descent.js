import { Machine } from "./machine.js";
import { noiseOf } from "./noise.js";

const DESCENT_FAR = 1e9; // who is beyond has diverged
const DESCENT_TILE = 128; // lanes whose numbers stay in the first cache
const DESCENT_SAFE = 1e-290; // sums of squares below this have lost digits to underflow

/** The coefficients of a rule and the learning rate at steps t = 1, ..., a row for each: computed once for all lanes. */
export class StepNumbers {
  constructor(rule, rate, steps) {
    this.width = rule.numbers + 1;
    this.rows = new Float64Array(this.width * steps);
    for (let k = 0; k < steps; k++) {
      const lr = rate(k);
      const row = rule.coefficients(k + 1);
      for (const place of rule.rates) row[place] = lr;
      this.rows[k * this.width] = lr;
      this.rows.set(row, k * this.width + 1);
    }
  }
}

/** Lanes of one rule on one surface, all coordinates x before all y. */
export class Lanes {
  constructor({ rule, surface }, starts) {
    const n = starts.length;
    Object.assign(this, { n, rule, surface });
    this.g = new Float64Array(2 * n);
    this.w = Float64Array.from({ length: 2 * n }, (_, i) => (i < n ? starts[i][0] : starts[i - n][1]));
    this.before = new Float64Array(2 * n);
    this.state = rule.start.map((first) => new Float64Array(2 * n).fill(first));
    this.slope = new Machine(surface.gradientProgram, n).bind([...halves(this.w, n), ...halves(this.g, n)]);
    this.update = new Machine(rule.program, 2 * n).bind([this.g, this.w, ...this.state]);
    this.update.number(0, 1);
  }

  /** Find the gradient. */
  look() {
    this.slope.run();
  }

  /** Step k: update the weights by the gradient as it is now. */
  step(numbers, k) {
    const at = k * numbers.width;
    for (let i = 0; i < numbers.width; i++) this.update.number(1 + i, numbers.rows[at + i]);
    this.before.set(this.w);
    this.update.run();
  }
}

function halves(array, n) {
  return [array.subarray(0, n), array.subarray(n)];
}

/** The paths of a rule from several starts; Python's Optimizer takes the same, to the last bit. */
export function descend({ rule, surface, rate, starts, steps, noise = null, clipNorm = null, clipValue = null }) {
  const lanes = starts.length;
  const path = () => new Float64Array((steps + 1) * lanes);
  const found = { steps, lanes, x: path(), y: path(), f: path(), size: path(), state: {} };
  for (const slot of rule.slots) found.state[slot] = new Float64Array(2 * (steps + 1));
  found.diverged = new Int32Array(lanes).fill(-1);
  const numbers = new StepNumbers(rule, rate, steps);
  const draws = noise && noise.sd > 0 ? noiseOf(noise.seed, steps) : null;
  for (let first = 0; first < lanes; first += DESCENT_TILE) {
    const tile = new Lanes({ rule, surface }, starts.slice(first, first + DESCENT_TILE));
    const told = { numbers, draws, sd: noise?.sd, clipNorm, clipValue, first };
    descendTile(tile, told, found);
  }
  surface.values(found.x, found.y, found.f);
  return found;
}

function descendTile(tile, told, found) {
  const { numbers, draws, sd, clipNorm, clipValue, first } = told;
  record(tile, 0, first, found);
  for (let k = 0; k < found.steps; k++) {
    tile.look();
    if (draws) addNoise(tile, sd * draws[2 * k], sd * draws[2 * k + 1]);
    if (clipValue !== null) clipByValue(tile.g, clipValue);
    if (clipNorm !== null) clipByNorm(tile, clipNorm);
    tile.step(numbers, k);
    record(tile, k + 1, first, found);
  }
}

/** Write a step down; a lane that is not finite or too far has diverged, and is NaN from then on. */
function record(tile, k, first, found) {
  const { n, w, before } = tile;
  const at = k * found.lanes + first;
  for (let i = 0; i < n; i++) {
    const x = w[i];
    const y = w[n + i];
    found.x[at + i] = x;
    found.y[at + i] = y;
    if (k === 0) continue;
    const dx = x - before[i];
    const dy = y - before[n + i];
    found.size[at + i] = Math.sqrt(dx * dx + dy * dy);
    if (Math.abs(x) <= DESCENT_FAR && Math.abs(y) <= DESCENT_FAR) continue;
    if (found.diverged[first + i] < 0) found.diverged[first + i] = k;
    w[i] = NaN;
    w[n + i] = NaN;
  }
  if (first === 0) recordState(tile, k, found);
}

function recordState({ n, rule, state }, k, found) {
  rule.slots.forEach((slot, i) => {
    found.state[slot][2 * k] = state[i][0];
    found.state[slot][2 * k + 1] = state[i][n];
  });
}

function addNoise({ g, n }, ex, ey) {
  for (let i = 0; i < n; i++) {
    g[i] += ex;
    g[n + i] += ey;
  }
}

/** g ← min(max(g, -limit), limit); what is infinite stays so (optimlab/hooks/clip.py). */
function clipByValue(g, limit) {
  for (let i = 0; i < g.length; i++) {
    if (Math.abs(g[i]) === Infinity) continue;
    g[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
  }
}

/** The scale of each lane: limit/‖g‖ where the norm is over the limit and finite, else 1. */
function clipByNorm({ g, n, update }, limit) {
  const scale = update.own(0);
  for (let i = 0; i < n; i++) {
    const norm = planeNorm(g[i], g[n + i]);
    const factor = norm > limit && norm < Infinity ? limit / norm : 1;
    scale[i] = factor;
    scale[n + i] = factor;
  }
}

/** √(x² + y²) as optimlab/finite.py has it: once more, divided by the larger, where squares over- or underflow. */
function planeNorm(x, y) {
  const total = x * x + y * y;
  if (total >= DESCENT_SAFE && total < Infinity) return Math.sqrt(total);
  const largest = Math.max(Math.abs(x), Math.abs(y));
  if (!Number.isFinite(largest)) return largest;
  const divisor = largest > 0 ? largest : 1;
  const [a, b] = [x / divisor, y / divisor];
  return divisor * Math.sqrt(a * a + b * b);
}
