import { element } from "./controls.js";
import { FACTS } from "./facts.js";

const ABOUT_TEXT = [
  "Paths, curves and maps are computed here, by the formulas of optimlab; a path has the bits of Python’s.",
  "Only where a formula of your own has exp, log, sin, cos, tanh or a broken power may the last bits differ.",
  "Nothing is sent or loaded. What you type is read as a formula; it is never run as a program.",
  "“Copy link” keeps what you have set. “SVG” and “CSV” save a figure or a table.",
];
const ABOUT_KEYS = [
  [["Space"], "play or pause"],
  [["←", "→", "↑", "↓"], "move the start, when it has the focus (with Shift: further)"],
  [["←", "→"], "on a slider: a little less or more; on the tabs: the next view"],
  [["Tab"], "go to the next control"],
  [["Enter"], "on “Add”: add the rule that is shown"],
];

/** What the page is, and its keys. */
export const aboutView = {
  name: "about",
  title: "About",
  defaults: {},
  build: (root) => {
    const keys = ABOUT_KEYS.map(([names, what]) =>
      element("tr", {}, element("td", {}, ...names.map((name) => element("kbd", {}, name))), element("td", {}, what)),
    );
    root.append(
      element(
        "div",
        { class: "prose" },
        element("h2", {}, "One formula, live"),
        ...ABOUT_TEXT.map((text) => element("p", {}, text)),
        element("h2", {}, "Keys"),
        element("table", { class: "wraps" }, element("tbody", {}, ...keys)),
        element("p", { class: "note" }, `optimlab ${FACTS.version}`),
      ),
    );
  },
  draw: () => {},
};
