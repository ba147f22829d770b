/** Okabe and Ito's colours, dashes and markers of the contestants; surfaces of the page, light and dark. */
export const LOOKS = {
  light: {
    paper: "#ffffff",
    ink: "#16191d",
    soft: "#59626d",
    grid: "#e4e7eb",
    accent: "#0072b2",
    deep: [199, 211, 224],
    high: [250, 250, 247],
    contour: "#9aa8b8",
    gone: "#16191d",
    palette: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#16191d", "#8c7a00"],
  },
  dark: {
    paper: "#14181d",
    ink: "#f1f3f5",
    soft: "#a6b0bb",
    grid: "#2b323a",
    accent: "#56b4e9",
    deep: [9, 13, 18],
    high: [54, 64, 77],
    contour: "#5d6b7b",
    gone: "#87919c",
    palette: ["#56b4e9", "#ff8a3d", "#2fc79b", "#e3a0c4", "#f0b429", "#5b8def", "#f1f3f5", "#f0e442"],
  },
};
export const DASHES = [[], [10, 5], [3, 4], [12, 4, 3, 4], [18, 6], [6, 3], [2, 6], [14, 4, 3, 4, 3, 4]];

/** A number as a reader says it: 3 digits, powers of ten with a raised exponent. */
export function short(value, digits = 3) {
  if (Number.isNaN(value)) return "–";
  if (value === 0 || !Number.isFinite(value)) return String(value).replace("Infinity", "∞").replace("-", "−");
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(digits))).replace("-", "−");
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const head = String(Number(mantissa));
  return `${head === "1" ? "" : `${head.replace("-", "−")}·`}10${raised(Number(exponent))}`;
}

function raised(exponent) {
  return String(exponent).replace(/./g, (sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[sign]));
}

/** A map from [low, high] to [from, to], linear or logarithmic. */
export function scale(low, high, from, to, log) {
  const [a, b] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  const factor = (to - from) / (b - a || 1);
  return log ? (value) => from + (Math.log10(value) - a) * factor : (value) => from + (value - a) * factor;
}

/** The inverse of such a map. */
function unscale(low, high, from, to, log) {
  const back = scale(from, to, ...(log ? [Math.log10(low), Math.log10(high)] : [low, high]));
  return log ? (place) => 10 ** back(place) : back;
}

/** At most about `count` round values within [low, high]. */
export function ticks(low, high, count, log) {
  return log ? logTicks(low, high, count) : linearTicks(low, high, count);
}

function linearTicks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const found = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.min(found, 100) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) return linearTicks(low, high, count).filter((value) => value > 0);
  const step = Math.ceil((last - first) / count);
  const found = [];
  for (let power = Math.ceil(first / step) * step; power <= last; power += step) found.push(Number(`1e${power}`));
  return found;
}

/**
 * Frame, grid and ticks: {box, range: [x0, x1, y0, y1], logX, logY, xLabel, yLabel, bare}.
 * → {x, y, backX, backY, inner, box}
 */
export function axes(pen, look, { box, range, logX, logY, xLabel, yLabel, bare }) {
  const inner = bare ? box : [box[0] + 64, box[1] + 30, box[2] - 88, box[3] - 84];
  const [left, top, width, height] = inner;
  const x = scale(range[0], range[1], left, left + width, logX);
  const y = scale(range[2], range[3], top + height, top, logY);
  const backX = unscale(range[0], range[1], left, left + width, logX);
  const backY = unscale(range[2], range[3], top + height, top, logY);
  const placed = { x, y, backX, backY, inner, box: range };
  if (bare) return placed;
  const style = { color: look.soft, size: 16 };
  for (const value of ticks(Math.min(range[2], range[3]), Math.max(range[2], range[3]), height / 55, logY)) {
    pen.line([left, y(value), left + width, y(value)], { color: look.grid, width: 1 });
    pen.text(left - 8, y(value) + 5, short(value, 6), { ...style, align: "end" });
  }
  for (const value of ticks(range[0], range[1], width / 90, logX)) {
    pen.line([x(value), top + height, x(value), top + height + 5], { color: look.soft, width: 1 });
    pen.text(x(value), top + height + 22, short(value, 6), { ...style, align: "middle" });
  }
  pen.line([left, top + height, left + width, top + height], { color: look.soft, width: 1 });
  if (xLabel) pen.text(left + width, top + height + 44, xLabel, { ...style, align: "end" });
  if (yLabel) pen.text(box[0] + 4, box[1] + 18, yLabel, { color: look.ink, size: 17, weight: 600 });
  return placed;
}

/**
 * Lines over one axis: {xs?, series: [{ys, color, dash, width, opacity, points (radius: dots, no line)}],
 * bands: [{lower, upper, color}], marks: [{x or y, color, text}], range? or most (of |y| that is shown)}, and axes'.
 */
export function chart(pen, look, setting) {
  const range = setting.range ?? chartRange(setting);
  const { box = [0, 0, pen.width, pen.height], series, xs, marks = [] } = setting;
  const placed = axes(pen, look, { ...setting, box, range });
  const { x, y, inner } = placed;
  pen.group(inner, () => {
    for (const { lower, upper, color } of setting.bands ?? []) {
      pen.area(bandPoints(xs, lower, upper, x, y), { color, opacity: 0.18 });
    }
    for (const one of series) {
      if (one.points) one.ys.forEach((value, i) => pen.dot(x(xs ? xs[i] : i), y(value), one.points, { ...one }));
      else pen.line(thinned(xs, one.ys, x, y), { width: 2.5, ...one });
    }
    for (const mark of marks) chartMark(pen, look, mark, x, y, inner);
  });
  return placed;
}

function chartMark(pen, look, mark, x, y, [left, top, width, height]) {
  const style = { color: mark.color ?? look.soft, width: 1.5, dash: mark.dash ?? [4, 4] };
  if (mark.x !== undefined) pen.line([x(mark.x), top, x(mark.x), top + height], style);
  else pen.line([left, y(mark.y), left + width, y(mark.y)], style);
  if (!mark.text) return;
  const at = mark.x === undefined ? [left + width - 6, y(mark.y) - 6, "end"] : [x(mark.x) + 6, top + 16, "start"];
  pen.text(at[0], at[1], mark.text, { color: style.color, size: 16, align: at[2], halo: look.paper });
}

function bandPoints(xs, lower, upper, x, y) {
  const points = [];
  for (let i = 0; i < upper.length; i += 1) points.push(x(xs ? xs[i] : i), y(upper[i]));
  for (let i = lower.length - 1; i >= 0; i -= 1) points.push(x(xs ? xs[i] : i), y(lower[i]));
  return points;
}

function chartRange({ xs, series, logX, logY, most = Infinity }) {
  const length = Math.max(2, ...series.map((one) => one.ys.length));
  const [x0, x1] = xs ? extent([xs], logX) : [logX ? 1 : 0, length - 1];
  const [least, largest] = extent(
    series.map((one) => one.ys),
    logY,
  );
  const [low, high] = [Math.max(least, -most), Math.min(largest, Math.max(most, least))];
  if (logY) return [x0, x1, Math.max(low, high * 1e-18), high * 1.2];
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [x0, x1, low - margin, high + margin];
}

/** The least and the largest finite value of lists of numbers (positive ones only for a logarithmic axis). */
export function extent(lists, log) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (let i = 0; i < list.length; i += 1) {
      const value = list[i];
      if (!(Math.abs(value) < 1e300) || (log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return log ? [1e-3, 1] : [0, 1];
  return log && low === high ? [low / 2, high * 2] : [low, high];
}

/** A line with at most four points to a pixel column: first, least, largest, last, so that no spike is lost. */
function thinned(xs, ys, x, y) {
  const points = [];
  let column = NaN;
  let held = [];
  const flush = () => {
    if (held.length > 4) held = columnPoints(held);
    for (const point of held) points.push(point[0], point[1]);
    held = [];
  };
  for (let i = 0; i < ys.length; i += 1) {
    const at = [x(xs ? xs[i] : i), y(ys[i])];
    if (Math.round(at[0]) !== column || !Number.isFinite(at[1])) flush();
    column = Math.round(at[0]);
    held.push(Number.isFinite(at[1]) ? at : [NaN, NaN]);
  }
  flush();
  return points;
}

function columnPoints(held) {
  let least = 0;
  let largest = 0;
  held.forEach((point, i) => {
    if (point[1] < held[least][1]) least = i;
    if (point[1] > held[largest][1]) largest = i;
  });
  return [0, Math.min(least, largest), Math.max(least, largest), held.length - 1].map((i) => held[i]);
}

/** Entries [{name, color, dash, shape}] in rows under a drawing; returns how high they are. */
export function legendBelow(pen, look, entries) {
  let [x, row] = [8, 0];
  for (const { name, ...style } of entries) {
    const wide = 70 + 9.5 * name.length;
    if (x > 8 && x + wide > pen.width) [x, row] = [8, row + 1];
    const y = pen.height + 20 + 30 * row;
    pen.line([x, y, x + 40, y], { ...style, width: 2.5 });
    if (style.shape) pen.dot(x + 20, y, 7, style);
    pen.text(x + 48, y + 5, name, { color: look.ink });
    x += wide;
  }
  return entries.length ? 30 * (row + 1) + 10 : 0;
}
