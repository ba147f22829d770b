import { KERNELS } from "./kernels.js";

const MACHINE_SHORT = 64; // lanes up to which a loop takes less time than a call of fill
const MACHINE_ROW = 4; // numbers that a kernel takes at once

/** How long arrays must be for so many lanes. */
export function padded(lanes) {
  return Math.ceil(lanes / MACHINE_ROW) * MACHINE_ROW;
}

/** A program on so many lanes: bind arrays and numbers, then run the calls as often as needed, all in place. */
export class Machine {
  constructor(program, lanes) {
    this.lanes = padded(lanes);
    const { arrays, numbers, constants, buffers, calls, copies } = program;
    this.first = arrays;
    const count = numbers + constants.length + buffers.length;
    const rows = Array.from({ length: count }, () => new Float64Array(this.lanes));
    constants.forEach((value, i) => rows[numbers + i].fill(value));
    this.places = [...new Array(arrays).fill(null), ...rows];
    this.held = new Float64Array(numbers); // rows of numbers begin with zeros
    this.calls = machineMeans([...calls, ...copies.map(([from, to]) => ["positive", [from], to])]);
    this.kernels = this.calls.map(([op]) => KERNELS[op]);
  }

  /** Let the program work on these arrays, in its order, each as long as `padded` says. */
  bind(arrays) {
    arrays.forEach((array, place) => (this.places[place] = array));
    this.rows = this.calls.map(([, places, out]) => [this.places[out], ...places.map((place) => this.places[place])]);
    return this;
  }

  /** Give one of the numbers to all lanes. */
  number(i, value) {
    if (Object.is(this.held[i], value)) return;
    this.held[i] = value;
    const row = this.places[this.first + i];
    if (this.lanes > MACHINE_SHORT) row.fill(value);
    else for (let lane = 0; lane < this.lanes; lane++) row[lane] = value;
  }

  /** A number's row, lane by lane, to be written by the caller. */
  own(i) {
    return this.places[this.first + i];
  }

  /** Make the calls. */
  run() {
    const { kernels, rows, lanes } = this;
    for (let k = 0; k < kernels.length; k++) {
      const row = rows[k];
      kernels[k](lanes, row[0], row[1], row[2], row[3]);
    }
  }
}

/** Join the three calls of each m + k (x - m) whose differences nobody else reads. */
function machineMeans(calls) {
  const found = [];
  for (let i = 0; i < calls.length; i++) {
    const mean = machineMean(calls, i);
    found.push(mean ?? calls[i]);
    i += mean ? 2 : 0;
  }
  return found;
}

function machineMean(calls, i) {
  const [one, two, three] = calls.slice(i, i + 3);
  if (one[0] !== "subtract" || two?.[0] !== "multiply" || three?.[0] !== "add") return null;
  const [[x, m], [k, d], [n, e], out] = [one[1], two[1], three[1], three[2]];
  const same = d === one[2] && e === two[2] && n === m && ![one[2], two[2]].includes(m) && k !== one[2];
  const spare = [one[2], two[2]].every((place) => place === out || !machineRead(calls, i + 3, place));
  return same && spare ? ["mean", [m, k, x], out] : null;
}

/** Whether a place is read, from a call on, before it is written. */
function machineRead(calls, from, place) {
  for (let i = from; i < calls.length; i++) {
    if (calls[i][1].includes(place)) return true;
    if (calls[i][2] === place) return false;
  }
  return false;
}
