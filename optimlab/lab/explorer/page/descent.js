import { Machine, padded } from "./machine.js";
import { noiseOf } from "./noise.js";

const DESCENT_FAR = 1e9; // who is beyond has diverged
const DESCENT_TILE = 128; // lanes whose numbers stay in the first cache
const DESCENT_RATES = new WeakMap();
const DESCENT_DRAWS = { seed: null, all: [] };
const DESCENT_SAFE = 1e-290; // sums of squares below this have lost digits to underflow

/** Lanes of one rule on one surface, all coordinates x before all y; each may have a factor of the learning rate. */
export class Lanes {
  constructor({ rule, surface, scaled = false }, starts, factors = null) {
    const n = padded(starts.length);
    Object.assign(this, { n, count: starts.length, rule, surface, scaled, factors });
    this.names = Int32Array.from(starts, (_, i) => i);
    this.g = new Float64Array(2 * n);
    this.w = new Float64Array(2 * n);
    starts.forEach(([x, y], i) => this.w.set([x], i) ?? this.w.set([y], n + i));
    this.state = rule.start.map((first) => new Float64Array(2 * n).fill(first));
    this.slope = new Machine(surface.gradientProgram, n).bind([...descentHalves(this.w), ...descentHalves(this.g)]);
    const program = scaled ? rule.program : rule.plainProgram;
    this.update = new Machine(program, 2 * n).bind([this.g, this.w, ...this.state]);
  }

  /** Find the gradient. */
  look() {
    this.slope.run();
  }

  /** Step k, by the gradient as it is now; `numbers` are the rule's coefficients in rows. */
  step(numbers, lr, k) {
    const { rule, update } = this;
    for (let i = 0; i < rule.numbers; i++) update.number(2 + i, numbers[k * rule.numbers + i]);
    this.setRate(1, lr);
    for (const place of rule.rates) this.setRate(2 + place, lr);
    update.run();
  }

  setRate(i, lr) {
    if (!this.factors) {
      this.update.number(i, lr);
      return;
    }
    const own = this.update.own(i);
    for (let lane = 0; lane < this.count; lane++) own[lane] = own[this.n + lane] = lr * this.factors[lane];
  }

  /** The lanes at these places alone, in the state in which they are. */
  kept(places) {
    const { n, w, factors, state } = this;
    const lanes = new Lanes(this, places.map((i) => [w[i], w[n + i]]), factors && places.map((i) => factors[i]));
    lanes.names = Int32Array.from(places, (i) => this.names[i]);
    state.forEach((slot, s) => {
      lanes.state[s].set(places.map((i) => slot[i]));
      lanes.state[s].set(places.map((i) => slot[n + i]), lanes.n);
    });
    return lanes;
  }
}

function descentHalves(array) {
  return [array.subarray(0, array.length / 2), array.subarray(array.length / 2)];
}

/** The paths of a rule from several starts; Python's Optimizer takes the same, to the last bit. */
export function descend({ rule, surface, rate, starts, steps, noise = null, clipNorm = null, clipValue = null }) {
  const lanes = starts.length;
  const path = () => new Float64Array((steps + 1) * lanes);
  const slots = rule.slots.map(() => new Float64Array(2 * (steps + 1)));
  const found = { steps, lanes, x: path(), y: path(), f: path(), size: path(), slots };
  found.state = Object.fromEntries(rule.slots.map((slot, i) => [slot, slots[i]]));
  found.diverged = new Int32Array(lanes).fill(-1);
  const told = { rates: descentRates(rate, steps), clipNorm, clipValue };
  told.draws = noise && noise.sd > 0 ? descentNoise(noise, steps) : null;
  for (let first = 0; first < lanes; first += DESCENT_TILE) {
    const own = starts.slice(first, first + DESCENT_TILE);
    descentTile(new Lanes({ rule, surface, scaled: clipNorm !== null }, own), first, told, found);
  }
  surface.values(found.x, found.y, found.f);
  return found;
}

function descentTile(tile, first, { rates, draws, clipNorm, clipValue }, found) {
  const numbers = tile.rule.coefficientRows(found.steps);
  descentRecord(tile, 0, first, found);
  for (let k = 0; k < found.steps; k++) {
    tile.look();
    if (draws) addNoise(tile, draws[2 * k], draws[2 * k + 1]);
    if (clipValue !== null) clipByValue(tile.g, clipValue);
    if (clipNorm !== null) clipByNorm(tile, clipNorm);
    tile.step(numbers, rates[k], k);
    descentRecord(tile, k + 1, first, found);
  }
}

/** Write a step down; a lane that is not finite or too far has diverged, and is NaN from then on. */
function descentRecord(tile, k, first, found) {
  const { n, count, w } = tile;
  const at = k * found.lanes + first;
  for (let i = 0; i < count; i++) {
    const x = w[i];
    const y = w[n + i];
    found.x[at + i] = x;
    found.y[at + i] = y;
    if (k === 0) continue;
    const dx = x - found.x[at - found.lanes + i];
    const dy = y - found.y[at - found.lanes + i];
    found.size[at + i] = Math.sqrt(dx * dx + dy * dy);
    if (Math.abs(x) <= DESCENT_FAR && Math.abs(y) <= DESCENT_FAR) continue;
    if (found.diverged[first + i] < 0) found.diverged[first + i] = k;
    w[i] = NaN;
    w[n + i] = NaN;
  }
  if (first === 0) descentState(tile, k, found);
}

function descentState({ n, state }, k, { slots }) {
  for (let i = 0; i < slots.length; i++) {
    slots[i][2 * k] = state[i][0];
    slots[i][2 * k + 1] = state[i][n];
  }
}

/** s(0), s(1), ...: found once for each function s. */
function descentRates(rate, steps) {
  const known = DESCENT_RATES.get(rate);
  if (known?.length >= steps) return known;
  const rates = new Float64Array(steps);
  for (let k = 0; k < steps; k++) rates[k] = rate(k);
  DESCENT_RATES.set(rate, rates);
  return rates;
}

/** sd times the draws of a seed, which are found once: a step takes 7 µs. */
function descentNoise({ sd, seed }, steps) {
  if (DESCENT_DRAWS.seed !== seed || DESCENT_DRAWS.all.length < 2 * steps) {
    Object.assign(DESCENT_DRAWS, { seed, all: noiseOf(seed, steps) });
  }
  return DESCENT_DRAWS.all.map((draw) => sd * draw);
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
