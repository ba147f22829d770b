import { short } from "./charts.js";
import { choice, element, numberField, slider, textField } from "./controls.js";
import { FACTS } from "./facts.js";
import { SCHEDULE_FORMS } from "./schedules.js";

const CONDITIONS_OWN = "own";

/** What all contestants share: surface, noise, schedule, clipping, steps, starts. → {root, say(error)} */
export function conditionsPanel(state, changed) {
  const { root, say } = surfaceChoice(state, changed);
  const folds = [conditionsNoise, conditionsSchedule, conditionsClipping, conditionsStarts].map((make) =>
    make(state, changed),
  );
  return { root: element("section", { class: "group", "aria-label": "Conditions" }, root, ...folds), say };
}

/** The choice of the surface, or a formula of one's own. → {root, say(error)} */
export function surfaceChoice(state, changed) {
  const field = textField({ name: "f(x, y) =", value: state.formula, on: (text) => changed((state.formula = text)) });
  field.root.querySelector("input").maxLength = 2000;
  const known = FACTS.surfaces.map((one) => one.name);
  const show = () => (field.root.hidden = known.includes(state.surface));
  const kind = choice({
    name: "Surface",
    options: [...FACTS.surfaces.map(({ name, label }) => [name, label]), [CONDITIONS_OWN, "one of your own …"]],
    value: state.surface,
    on: (name) => {
      state.surface = name;
      state.start = [];
      show();
      changed();
    },
  });
  show();
  return {
    root: element("div", { class: "panel" }, kind.root, field.root),
    say: (text) => {
      field.say(text);
      show();
    },
  };
}

/** A fold whose summary says what is set inside. */
function conditionsFold(title, said, make) {
  const now = element("span", { class: "now" }, said());
  const parts = make(() => (now.textContent = said()));
  return element("details", {}, element("summary", {}, title, now), element("div", { class: "group" }, ...parts));
}

function conditionsNoise(state, changed) {
  const said = () => (state.noise === 0 ? "none" : `sd ${short(state.noise)}`);
  return conditionsFold("Noise", said, (tell) => [
    slider({ name: "sd", low: 0, high: 5, value: state.noise, on: (sd) => tell(changed((state.noise = sd))) }).root,
    numberField({
      name: "seed",
      low: 0,
      high: 4294967295,
      value: state.seed,
      on: (seed) => changed((state.seed = Math.round(seed))),
    }).root,
  ]);
}

function conditionsSchedule(state, changed) {
  const said = () => state.schedule.replaceAll("_", " ");
  return conditionsFold("Schedule", said, (tell) => {
    const sliders = element("div", { class: "group" });
    const fill = () => {
      const form = SCHEDULE_FORMS.find((one) => one.name === state.schedule) ?? SCHEDULE_FORMS[0];
      state.schedule = form.name;
      const made = form.parameters.map((parameter) =>
        slider({
          ...parameter,
          value: state.settings[parameter.name] ?? parameter.value,
          on: (value) => changed((state.settings[parameter.name] = value)),
        }),
      );
      sliders.replaceChildren(...made.map((one) => one.root));
    };
    fill();
    const kind = choice({
      name: "lr over steps",
      options: SCHEDULE_FORMS.map(({ name }) => [name, name.replaceAll("_", " ")]),
      value: state.schedule,
      on: (name) => {
        state.schedule = name;
        state.settings = {};
        fill();
        tell(changed());
      },
    });
    return [kind.root, sliders];
  });
}

function conditionsClipping(state, changed) {
  const said = () =>
    [state.clipNorm && `norm ${short(state.clipNorm)}`, state.clipValue && `value ${short(state.clipValue)}`]
      .filter(Boolean)
      .join(", ") || "none";
  const part = (name, key, tell) =>
    slider({
      name,
      low: 0,
      high: 20,
      value: state[key],
      title: "0: no clipping",
      on: (limit) => tell(changed((state[key] = limit))),
    }).root;
  return conditionsFold("Clip gradients", said, (tell) => [
    part("by norm", "clipNorm", tell),
    part("by value", "clipValue", tell),
  ]);
}

function conditionsStarts(state, changed) {
  const said = () => `${state.steps} steps${state.grid ? `, ${state.grid} × ${state.grid} more starts` : ""}`;
  return conditionsFold("Steps and starts", said, (tell) => [
    slider({
      name: "steps",
      low: 10,
      high: 5000,
      log: true,
      whole: true,
      value: state.steps,
      on: (steps) => tell(changed((state.steps = steps))),
    }).root,
    slider({
      name: "grid n × n",
      low: 0,
      high: 14,
      whole: true,
      value: state.grid,
      on: (n) => tell(changed((state.grid = n))),
    }).root,
  ]);
}
