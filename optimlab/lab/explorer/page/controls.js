import { LOOKS, legendBelow, short } from "./charts.js";
import { CanvasPen, SvgPen } from "./pen.js";

const TEXT_MOST = 3000; // characters that are looked at; a formula may have 2000

const FIGURE_FONT = 18; // pixels of the page's letters at which a figure is drawn in its own size

/** An element with attributes (a function listens, true is an empty attribute) and children (strings become text). */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

/** The colours of the page as it is now, light or dark. */
export function look() {
  return LOOKS[document.documentElement.dataset.look] ?? LOOKS.light;
}

/**
 * A slider with its number beside it. log: true, or "complement" (equal steps in log(1 - value), for β).
 * on(value) at each move. → {root, set(value), mark(value or null, text)}
 */
export function slider({ name, low, high, value, log, whole, on, title }) {
  const map = sliderMap(low, high, log, whole);
  const range = element("input", { type: "range", min: 0, max: 1000, step: 1, "aria-label": name });
  const box = element("input", { type: "text", inputmode: "decimal", "aria-label": `${name}, as a number`, size: 7 });
  const tick = element("span", { class: "mark", hidden: true });
  const track = element("span", { class: "track" }, range, tick);
  const root = element("div", { class: "slider", title }, element("span", { class: "name" }, name), track, box);
  const show = (now) => {
    range.value = String(Math.round(map.position(now) * 1000));
    range.style.setProperty("--part", `${range.value / 10}%`);
    range.setAttribute("aria-valuetext", short(now, 6));
    box.value = String(now);
  };
  const take = (now) => {
    show(now);
    on(now);
  };
  range.addEventListener("input", () => take(map.value(range.value / 1000)));
  box.addEventListener("change", () => {
    const typed = Number(box.value.replace(",", "."));
    const inside = box.value.trim() !== "" && typed >= low && typed <= high;
    const good = inside && (!whole || Number.isInteger(typed));
    box.setAttribute("aria-invalid", String(!good));
    box.title = good ? "" : `a number from ${low} to ${high}`;
    if (good) take(typed);
  });
  show(value);
  const mark = (at, text = "") => {
    tick.hidden = !(at >= low && at <= high);
    tick.title = text;
    tick.style.left = `calc(11px + (100% - 22px) * ${tick.hidden ? 0 : map.position(at)})`;
  };
  return { root, set: show, mark };
}

/** Positions 0 .. 1 of a slider to values rounded to three digits, and back. */
function sliderMap(low, high, log, whole) {
  const [to, from] = {
    true: [Math.log, Math.exp],
    complement: [(value) => -Math.log(1 - value), (part) => 1 - Math.exp(-part)],
  }[log] ?? [Number, Number];
  const [a, b] = [to(low), to(high)];
  const step = 10 ** Math.floor(Math.log10((high - low) / 200));
  const round = (value) => {
    if (whole) return Math.round(value);
    if (log === "complement") return Number((1 - Number((1 - value).toPrecision(2))).toPrecision(12));
    if (log) return Number(value.toPrecision(3));
    return Number((Math.round(value / step) * step).toPrecision(12));
  };
  const clip = (value) => Math.min(high, Math.max(low, value));
  return {
    position: (value) => Math.min(1, Math.max(0, (to(clip(value)) - a) / (b - a))),
    value: (part) => clip(round(from(a + part * (b - a)))),
  };
}

/** A list to choose from; options are strings or [value, text]. → {root, set(value)} */
export function choice({ name, options, value, on }) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  const select = element(
    "select",
    { "aria-label": name, change: () => on(select.value) },
    ...pairs.map(([key, text]) => element("option", { value: key }, text)),
  );
  select.value = value;
  const root = element("label", { class: "choice" }, element("span", { class: "name" }, name), select);
  return { root, set: (now) => (select.value = now) };
}

/** A whole or decimal number. on(value) if it is from low to high. → {root, set(value)} */
export function numberField({ name, low, high, value, on }) {
  const input = element("input", {
    type: "number", min: low, max: high, step: "any", value, "aria-label": name,
    change: () => {
      const typed = input.valueAsNumber;
      const good = typed >= low && typed <= high;
      input.setAttribute("aria-invalid", String(!good));
      if (good) on(typed);
    },
  });
  const root = element("label", { class: "choice" }, element("span", { class: "name" }, name), input);
  return { root, set: (now) => (input.value = String(now)) };
}

/** A line of text with room for a message under it. on(text) at each key. → {root, set(text), say(message or "")} */
export function textField({ name, value, on }) {
  const message = element("p", { class: "message", role: "status" });
  const input = element("input", {
    type: "text", value, "aria-label": name,
    spellcheck: "false", autocomplete: "off", autocapitalize: "off",
    input: () => on(input.value.slice(0, TEXT_MOST)),
  });
  const root = element("div", { class: "text" }, element("span", { class: "name" }, name), input, message);
  const say = (text) => {
    message.textContent = text.length > 300 ? `${text.slice(0, 300)} …` : text;
    input.setAttribute("aria-invalid", String(text !== ""));
  };
  return { root, say, set: (now) => (input.value = now) };
}

/** A button. */
export function button(text, on, attributes = {}) {
  return element("button", { type: "button", click: on, ...attributes }, text);
}

/** A switch that is on or off. → {root, set(on)} */
export function toggle({ name, value, on }) {
  const input = element("input", { type: "checkbox", change: () => on(input.checked) });
  input.checked = value;
  return { root: element("label", { class: "toggle" }, input, name), set: (now) => (input.checked = now) };
}

/** Gives the user a file. */
export function save(file, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: address, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** A button that copies what `text()` says. */
export function copyButton(label, text) {
  const made = button(
    label,
    async () => {
      try {
        await navigator.clipboard.writeText(text());
        made.textContent = "Copied";
      } catch {
        made.textContent = "Copying is not allowed here";
      }
      setTimeout(() => (made.textContent = label), 1500);
    },
    { class: "quiet" },
  );
  return made;
}

/**
 * A figure that `paint(pen, look)` draws on a canvas as wide as its place and `height` high, or height(width, of the
 * window); larger where the page's letters are. What paintOver draws is on a second canvas over it. A button saves it
 * as SVG, with a legend: legend() → [{name, color, dash, shape}]. → {root, stage, zoom(), draw(), over, drawOver()}
 */
export function figure({ title, file, height, paint, paintOver, label, legend = () => [] }) {
  const canvas = element("canvas", { role: "img", "aria-label": label ?? title });
  const over = paintOver ? element("canvas", { "aria-hidden": "true", class: "over" }) : null;
  const stage = element("div", { class: "stage" }, canvas, ...(over ? [over] : []));
  const zoom = () => Math.max(1, parseFloat(getComputedStyle(document.documentElement).fontSize) / FIGURE_FONT);
  const size = () => {
    const width = stage.clientWidth / zoom();
    return [width, typeof height === "function" ? Math.round(height(width, innerHeight / zoom())) : height];
  };
  const onto = (target, painter) => {
    const [width, high] = size();
    if (width === 0) return;
    stage.style.height = target.style.height = `${high * zoom()}px`;
    painter(new CanvasPen(target, width, high, zoom()), look());
  };
  const drawOver = () => over && onto(over, paintOver);
  const draw = () => {
    onto(canvas, paint);
    drawOver();
  };
  const svg = () => {
    const [width, high] = size();
    const pen = new SvgPen(width, high);
    paint(pen, look());
    paintOver?.(pen, look());
    pen.page(high + legendBelow(pen, look(), legend()), look().paper);
    save(`${file}.svg`, "image/svg+xml", pen.file());
  };
  const bar = element("figcaption", {}, element("span", {}, title), saveButton("SVG", title, svg));
  let wide = 0;
  new ResizeObserver(() => {
    if (stage.clientWidth !== wide) draw();
    wide = stage.clientWidth;
  }).observe(stage);
  return { root: element("figure", {}, bar, stage), stage, zoom, over, draw, drawOver };
}

/** A list of entries {name, color}, each with its colour before it. */
export function fillLegend(list, entries) {
  const item = ({ name, color }) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = color;
    return element("li", {}, swatch, name);
  };
  list.replaceChildren(...entries.map(item));
}

/** A table with a button that saves it as CSV. fill(head, rows of strings or numbers). → {root, fill} */
export function table({ title, file }) {
  const body = element("table");
  let lines = [];
  const csv = () => save(`${file}.csv`, "text/csv", lines.map((line) => `${line.map(csvCell).join(",")}\r\n`).join(""));
  const bar = element("div", { class: "bar" }, element("h3", {}, title), saveButton("CSV", title, csv));
  const fill = (head, rows) => {
    lines = [head, ...rows];
    body.replaceChildren(
      element("thead", {}, element("tr", {}, ...head.map((cell) => element("th", { scope: "col" }, cell)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(tableCell)))),
    );
  };
  return {
    root: element("section", { class: "table" }, bar, element("div", { class: "scroll", tabindex: 0 }, body)),
    fill,
  };
}

function tableCell(cell) {
  return typeof cell === "number" ? element("td", { class: "figures" }, short(cell, 4)) : element("td", {}, cell);
}

function saveButton(kind, title, on) {
  return button(kind, on, { class: "quiet", "aria-label": `Save “${title}” as ${kind}` });
}

function csvCell(cell) {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
