import { choice, element, toggle } from "./controls.js";
import { csvSeries, readCsv } from "./csv.js";
import { FACTS } from "./facts.js";
import { seriesOf } from "./series.js";
import { Said } from "./syntax.js";

const SOURCE_FILE = "file";

/** What a file may leave open. */
export const SOURCE_DIALECT = {
  separator: [["", "as found"], [",", "comma"], [";", "semicolon"], ["\t", "tab"]],
  decimal: [["", "as found"], [".", "point"], [",", "comma"]],
};

/** The series that the state names, made once for each choice. */
export function sourceChosen(view) {
  const { series: name, column, time } = view.state;
  const key = JSON.stringify([name, column, time, view.file?.count]);
  if (view.key === key) return view.series;
  const own = name === SOURCE_FILE;
  if (own && !view.file?.table) throw new Said(view.file?.fault ?? "no file is read yet; open or drop one");
  if (!own && !Object.hasOwn(FACTS.series, name)) throw new Said(`there is no series "${name}"`);
  const found = own ? csvSeries(view.file.table, column, time) : seriesOf(FACTS.series[name]);
  view.key = key;
  return found;
}

/** Which series: one of the page, or a column of a file. */
export function sourcePanel(view) {
  const { state, file } = view;
  const options = Object.entries(FACTS.series).map(([name, { title }]) => [name, title]);
  const which = choice({
    name: "Series",
    options: [...options, [SOURCE_FILE, file?.name ?? "a CSV file …"]],
    value: state.series,
    on: (series) => view.turn({ series, row: -1 }),
  });
  const parts = state.series === SOURCE_FILE ? sourceParts(view) : [];
  return element("section", { class: "panel", "aria-label": "Source" }, which.root, ...parts);
}

function sourceParts(view) {
  const { state, file } = view;
  const open = element("input", {
    type: "file", accept: ".csv,.tsv,.txt,text/csv", "aria-label": "Open a CSV file",
    change: () => open.files[0] && sourceOpen(view, open.files[0]),
  });
  const hint = element("p", { class: "note" }, "or drop a file anywhere; it stays on this computer");
  const reread = (key) => (value) => {
    state[key] = value;
    if (file) sourceRead(view, file.name, file.text);
  };
  const dialect = Object.entries(SOURCE_DIALECT).map(([key, options]) =>
    choice({ name: key, options, value: state[key], on: reread(key) }).root);
  return [open, hint, ...(file?.table ? sourceColumns(view) : []), ...dialect];
}

function sourceColumns(view) {
  const { state } = view;
  const names = view.file.table.columns.map(({ name }) => [name, name]);
  const byTime = toggle({
    name: "β is the decay of one unit of time", value: state.byTime, on: (on) => view.turn({ byTime: on }),
  });
  const picked = [view.pick("column", "column", names), view.pick("time", "time", [["", "rows"], ...names])];
  return state.time ? [...picked, byTime.root] : picked;
}

/** Files that are dropped on the page are read while its view is shown, and never opened in its place. */
export function sourceDrops(root, view) {
  document.ondragover = (event) => event.preventDefault();
  document.ondrop = (event) => {
    event.preventDefault();
    const file = event.dataTransfer.files[0];
    if (file && !root.hidden) sourceOpen(view, file);
  };
}

async function sourceOpen(view, file) {
  if (file.size > 2e7) view.message.textContent = `${file.name.slice(0, 60)} is larger than the 20 MB that are read`;
  else sourceRead(view, file.name.slice(0, 60), await file.text());
}

/** Take a file's text; one that leaves something open stays, so that a choice can settle it. */
function sourceRead(view, name, text) {
  const { state } = view;
  view.file = { name, text, table: null, count: (view.file?.count ?? 0) + 1 };
  try {
    const { columns } = (view.file.table = readCsv(text, state));
    const numbers = columns.filter(({ values }) => values).map((each) => each.name);
    if (!numbers.includes(state.column)) state.column = numbers[numbers.length - 1];
    const dates = columns.find(({ days }) => days)?.name ?? "";
    if (!columns.some((each) => each.name === state.time)) state.time = dates;
  } catch (error) {
    if (!(error instanceof Said)) throw error;
    view.file.fault = error.message;
  }
  view.turn({ series: SOURCE_FILE, row: -1 });
}
