let termSerial = 0;
const TERM_MARKS = new Set(["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]);

/** A value in a formula: an argument, a number, or what a call makes of other values (optimlab/notation/symbols.py). */
export class Term {
  constructor({ op = null, operands = [], value = null, mark = false } = {}) {
    this.op = op;
    this.operands = operands;
    this.value = value;
    this.mark = mark;
    this.serial = termSerial++;
  }
}

/** A number as a term; a term as it is. */
export function lift(given) {
  return given instanceof Term ? given : new Term({ value: given });
}

/** True as 1 and false as 0; a number as it is. */
export function asNumber(term) {
  return term.mark ? call("where", term, 1, 0) : term;
}

/** The term of a call, by NumPy's name of the function. */
export function call(op, ...operands) {
  const terms = operands.map(lift);
  const given = terms.map((term, i) => (op === "where" && i === 0 ? termMark(term) : asNumber(term)));
  return new Term({ op, operands: given, mark: TERM_MARKS.has(op) });
}

function termMark(term) {
  return term.mark ? term : call("not_equal", term, 0);
}

/** The calls that lead to the results, in the order in which the formula makes them. */
export function called(results) {
  const found = new Set();
  const waiting = [...results];
  while (waiting.length) {
    const term = waiting.pop();
    if (term.op === null || found.has(term)) continue;
    found.add(term);
    waiting.push(...term.operands);
  }
  return [...found].sort((a, b) => a.serial - b.serial);
}

/** Run a list of operations, as atoms and surfaces come from Python, on terms: its results. */
export function replay({ calls, outputs }, given) {
  const values = [...given];
  const at = (place) => (typeof place === "number" ? values[place] : lift(place[0]));
  for (const [op, ...places] of calls) values.push(call(op, ...places.map(at)));
  return outputs.map(at);
}

/** A program: calls on places of a list of arrays, numbers, constants, buffers; exactly optimlab/engine/program.py. */
export function plan(terms, outputs, arrays) {
  return new TermPlan(terms, termOutputs(terms.slice(1, arrays), outputs)).program(arrays);
}

/** The program of a function of terms that returns what becomes of all arrays but the first. */
export function traced(formula, arrays, numbers) {
  const terms = Array.from({ length: arrays + numbers }, () => new Term());
  return plan(terms, formula(...terms), arrays);
}

function termOutputs(terms, results) {
  const found = [];
  results.forEach((result, i) => {
    const output = asNumber(lift(result));
    const kept = output === terms[i] || (output.op !== null && !found.includes(output));
    found.push(kept ? output : call("positive", output));
  });
  return found;
}

class TermPlan {
  constructor(terms, outputs) {
    Object.assign(this, { terms, outputs, calls: called(outputs), last: new Map(), buffers: [] });
    this.calls.forEach((term, k) => term.operands.forEach((operand) => this.last.set(operand, k)));
    this.home = new Map(terms.map((term, place) => [term, place]));
    const numbers = this.calls.flatMap((term) => term.operands.filter((x) => x.op === null && !this.home.has(x)));
    numbers.forEach((x, i) => this.home.set(x, terms.length + i));
    this.constants = numbers.map((x) => x.value);
    this.free = { false: [], true: [] };
  }

  program(arrays) {
    const calls = this.calls.map((term, k) => {
      const places = term.operands.map((operand) => this.home.get(operand));
      this.release(term, k);
      this.home.set(term, this.argument(term, k) ?? this.buffer(term));
      return [term.op, places, this.home.get(term)];
    });
    const homes = this.outputs.map((output) => this.home.get(output));
    const copies = homes.map((home, k) => [home, k + 1]).filter(([home, k]) => home !== k);
    const { constants, buffers, terms } = this;
    return { arrays, numbers: terms.length - arrays, constants, buffers, calls, copies };
  }

  release(term, k) {
    const places = new Map(term.operands.filter((x) => this.last.get(x) === k).map((x) => [this.home.get(x), x]));
    for (const [place, x] of places) {
      if (x.op !== null && !this.outputs.includes(x)) this.free[x.mark].push(place);
    }
  }

  argument(term, k) {
    const place = this.outputs.findIndex((output, i) => output === term && this.idle(this.terms[i + 1], k));
    return place < 0 ? null : place + 1;
  }

  idle(term, k) {
    return (this.last.get(term) ?? -1) <= k;
  }

  buffer(term) {
    const free = this.free[term.mark];
    if (!free.length) {
      this.buffers.push(term.mark ? "bool" : "float64");
      free.push(this.terms.length + this.constants.length + this.buffers.length - 1);
    }
    return free.pop();
  }
}
