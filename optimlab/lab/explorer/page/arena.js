import { descend } from "./descent.js";
import { readRule } from "./rules.js";
import { scheduleOf } from "./schedules.js";
import { readSurface } from "./surfaces.js";

const ARENA_SCHEDULES = 100;

/** A start that was set, or the surface's own. */
export function startOf(set, surface) {
  return set.length === 2 && set.every(Number.isFinite) ? set : surface.start;
}

/** Where every run begins: the start itself, then n × n points of the surface's box. */
function startsOf([x0, x1, y0, y1], start, n) {
  const at = (low, high, i) => low + ((high - low) * (i + 0.5)) / n;
  return [start, ...Array.from({ length: n * n }, (_, i) => [at(x0, x1, i % n), at(y0, y1, Math.floor(i / n))])];
}

/** What a setting means: its surface, and a run of each contestant; what has not changed is not computed again. */
export class Arena {
  constructor() {
    this.kept = new Map();
    this.schedules = new Map();
    this.surface = null;
    this.surfaceText = null;
    this.surfaceError = "";
  }

  /** Of {surface: text, start, grid, ...} and contestants [{text, lr}]: a list of {rule, run, setting} or {error}. */
  update(setting, contestants) {
    this.readSurface(setting.surface);
    const start = startOf(setting.start, this.surface);
    const shared = { ...setting, surface: this.surface.text, start };
    const now = new Map();
    const runs = contestants.map(({ text, lr }) => {
      const key = JSON.stringify([text, lr, shared]);
      now.set(key, this.kept.get(key) ?? this.compute(text, lr, shared));
      return now.get(key);
    });
    this.kept = now;
    if (this.schedules.size > ARENA_SCHEDULES) this.schedules.clear();
    this.start = start;
    return runs;
  }

  /** A surface that cannot be read leaves the last one in place. */
  readSurface(text) {
    if (text === this.surfaceText) return;
    this.surfaceText = text;
    try {
      this.surface = readSurface(text);
      this.surfaceError = "";
    } catch (error) {
      this.surfaceError = error.message;
      this.surface ??= readSurface("rosenbrock");
    }
  }

  /** One function of k for one setting, so that what was computed from it serves again. */
  scheduleAt(name, lr, settings) {
    const key = JSON.stringify([name, lr, settings]);
    if (!this.schedules.has(key)) this.schedules.set(key, scheduleOf(name, lr, settings));
    return this.schedules.get(key);
  }

  compute(text, lr, shared) {
    try {
      const rule = readRule(text);
      const schedule = this.scheduleAt(shared.schedule, lr, shared.settings);
      const starts = startsOf(this.surface.box, shared.start, shared.grid);
      const { steps, noise, seed, clipNorm, clipValue } = shared;
      const clips = { clipNorm: clipNorm || null, clipValue: clipValue || null };
      const conditions = { steps, noise: noise ? { sd: noise, seed } : null, ...clips };
      const run = descend({ rule, surface: this.surface, rate: schedule.at, starts, ...conditions });
      return {
        rule,
        run,
        setting: {
          rule: rule.text,
          surface: shared.surface,
          rate: schedule.python,
          start: shared.start,
          ...conditions,
        },
      };
    } catch (error) {
      return { error: error.message };
    }
  }
}

/** Points that a path is followed against: the minima, else the points where the gradient is zero, else the start. */
export function targetsOf(surface, start) {
  if (surface.minima.length) return { name: "known minima", at: surface.minima.map((one) => one.at) };
  if (surface.points.length) return { name: "critical points", at: surface.points.map((one) => one.at) };
  return { name: "the start", at: [start] };
}

/** Of lane 0 of a run, after each step: loss above the least known one, distance to the nearest of the points. */
export function followed({ x, y, f, steps, lanes }, surface, points) {
  const least = surface.minima.length ? Math.min(...surface.minima.map((one) => one.value)) : 0;
  const loss = new Float64Array(steps + 1);
  const distance = new Float64Array(steps + 1);
  for (let k = 0; k <= steps; k += 1) {
    loss[k] = f[k * lanes] - least;
    distance[k] = Math.min(...points.map(([px, py]) => Math.hypot(x[k * lanes] - px, y[k * lanes] - py)));
  }
  return { loss, distance };
}
