import { Arena, followed, targetsOf } from "./arena.js";
import { short } from "./charts.js";
import { element, look, table } from "./controls.js";
import { FACTS } from "./facts.js";
import { RULES } from "./rules.js";
import { theoryFacts } from "./theory_facts.js";
import { conditionsPanel } from "./view_conditions.js";
import { contestantsOf, contestantsPanel, labelOf, textOf } from "./view_contestants.js";
import { linesPanel } from "./view_lines.js";
import { pathsMap, styleOf } from "./view_paths.js";
import { Player } from "./view_player.js";
import { rulePanel } from "./view_rule.js";

let optimizersNow = null;

/** Paths of optimizers over a surface, and all that follows from them. */
export const optimizersView = {
  name: "optimizers",
  title: "Optimizers on surfaces",
  defaults: {
    surface: "rosenbrock",
    formula: "(x**2 - 1)**2 + y**2 + 0.3*x*y",
    start: [],
    chosen: 1,
    steps: 500,
    grid: 0,
    noise: 0,
    seed: 0,
    schedule: "constant",
    settings: {},
    clipNorm: 0,
    clipValue: 0,
    contestants: [
      { rule: "sgd", text: "", values: {}, lr: 0.001, style: 0 },
      { rule: "heavy_ball", text: "", values: {}, lr: 0.0005, style: 1 },
      { rule: "adam", text: "", values: {}, lr: 0.05, style: 2 },
    ],
    ...optimizersOpening(FACTS.opening ?? {}),
  },
  limits: {
    chosen: [0, 23, "whole"],
    steps: [10, 5000, "whole"],
    grid: [0, 14, "whole"],
    noise: [0, 5],
    seed: [0, 4294967295, "whole"],
    clipNorm: [0, 20],
    clipValue: [0, 20],
  },
  build: (root, state, changed) => {
    optimizersNow?.player.pause();
    optimizersNow = optimizersBuilt(root, state, changed);
  },
  draw: () => optimizersNow.draw(),
  pause: () => optimizersNow?.player.pause(),
  key: (event) => optimizersNow.player.key(event),
};

/** What the command line asked for, as a state. */
function optimizersOpening({ rules, surface }) {
  const known = FACTS.surfaces.some((one) => one.name === surface);
  const named = (text) => RULES.some((one) => one.name === text);
  const contestants = rules?.map((text, style) => {
    return { rule: named(text) ? text : "own", text, values: {}, lr: 0.01, style };
  });
  return {
    ...(contestants && { contestants }),
    ...(surface && (known ? { surface } : { surface: "own", formula: surface })),
  };
}

function optimizersBuilt(root, state, changed) {
  state.contestants = contestantsOf(state.contestants);
  state.chosen = Math.min(state.chosen, Math.max(0, state.contestants.length - 1));
  const view = { arena: new Arena(), runs: [], state };
  const request = optimizersFrames(view, changed);
  view.player = new Player({
    steps: () => state.steps,
    moved: () => view.map.drawOver(),
    rested: () => optimizersRest(view),
  });
  view.conditions = conditionsPanel(state, request);
  view.contestants = contestantsPanel(state, request);
  optimizersUpdate(view);
  optimizersFigures(view, request);
  view.rule = rulePanel();
  view.table = table({ title: "End of each path", file: "ends" });
  const top = element("div", { class: "main" }, view.map.root, view.player.root);
  const side = element("div", { class: "side" }, view.contestants.root, view.conditions.root);
  const rest = element("div", { class: "rest" }, view.lines.root, view.table.root, view.rule.root);
  root.replaceChildren(element("div", { class: "layout" }, element("div", { class: "pair" }, top, side), rest));
  view.draw = () => {
    optimizersUpdate(view);
    view.map.draw();
    view.contestants.draw();
    optimizersRest(view);
  };
  return view;
}

function optimizersFigures(view, request) {
  const { state, arena, player } = view;
  const entry = ({ run }, i) => ({
    run,
    chosen: i === state.chosen,
    style: styleOf(state.contestants[i].style, look()),
    label: labelOf(state.contestants[i]),
  });
  const above = (one, other) => one.chosen - other.chosen; // the chosen one is drawn last
  const runs = () =>
    view.runs
      .map(entry)
      .filter(({ run }) => run)
      .sort(above);
  const at = () => player.at();
  view.map = pathsMap({ scene: () => arena.surface, start: () => arena.start, runs, at }, (x, y) => {
    state.start = [x, y].map((value) => Number(value.toPrecision(4)));
    request();
  });
  view.lines = linesPanel(() => ({ ...arena, runs: runs(), chosen: optimizersChosen(view), at: at() }));
}

/** One frame for all changes since the last: paths at once, charts and words when there is time. */
function optimizersFrames(view, changed) {
  const later = globalThis.requestIdleCallback ?? ((call) => setTimeout(call, 30));
  let waiting = false;
  let resting = false;
  const rest = () => {
    resting = false;
    optimizersRest(view);
  };
  const frame = () => {
    waiting = false;
    const before = view.arena.surface;
    optimizersUpdate(view);
    if (view.arena.surface === before) view.map.drawOver();
    else view.map.draw();
    if (!resting) later(rest, { timeout: 150 });
    resting = true;
  };
  return () => {
    changed();
    if (!waiting && view.draw) requestAnimationFrame(frame);
    waiting = view.draw !== undefined;
  };
}

function optimizersUpdate(view) {
  const { contestants, chosen, surface, formula, ...shared } = view.state;
  const wanted = contestants.map((one) => ({ text: textOf(one), lr: one.lr }));
  view.runs = view.arena.update({ ...shared, surface: surface === "own" ? formula : surface }, wanted);
}

function optimizersChosen({ runs, state }) {
  const found = runs[state.chosen];
  if (!found?.run) return null;
  const one = state.contestants[state.chosen];
  return { ...found, label: labelOf(one), style: styleOf(one.style, look()) };
}

/** Charts, words and tables: what may come a moment after the paths. */
function optimizersRest(view) {
  view.conditions.say(view.arena.surfaceError);
  view.player.show();
  view.lines.draw();
  view.rule.root.hidden = optimizersChosen(view) === null;
  const rows = view.runs.map((entry, i) => optimizersRow(view, entry, i));
  view.table.fill(["rule", "lr", "f", "distance", "|Δw|", "what happened"], rows);
}

/** Say what is to be said of a contestant; a row of the table. */
function optimizersRow(view, { rule, run, error }, i) {
  const { arena, state } = view;
  const one = state.contestants[i];
  if (error) {
    view.contestants.tell(i, { error });
    return [labelOf(one), one.lr, "–", "–", "–", error];
  }
  const { distance } = followed(run, arena.surface, targetsOf(arena.surface, arena.start).at);
  const steady = state.schedule === "constant" && !state.clipNorm && !state.clipValue;
  const theory = theoryFacts({ rule, run, surface: arena.surface, lr: one.lr, noise: state.noise, steady });
  const at = view.player.at();
  const left = run.diverged[0];
  const how = Number.isNaN(run.x[left * run.lanes] + run.y[left * run.lanes]) ? "no gradient" : "diverged";
  view.contestants.tell(i, {
    value: left >= 0 && left <= at ? how : `f ${short(run.f[at * run.lanes])}`,
    limit: theory.limit,
  });
  if (i === state.chosen) view.rule.show({ ...optimizersChosen(view), facts: theory.facts });
  const last = run.steps * run.lanes;
  const note = left >= 0 ? `${how} at step ${left}` : "";
  return [labelOf(one), one.lr, run.f[last], distance[run.steps], run.size[last], note];
}
