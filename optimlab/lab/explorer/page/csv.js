import { axisOf } from "./series.js";
import { Said } from "./syntax.js";

const CSV_CHARACTERS = 5e6;
const CSV_ROWS = 200000;
const CSV_COLUMNS = 500;
const CSV_SEPARATORS = [",", ";", "\t"];
const SEPARATOR_WORDS = { ",": "commas", ";": "semicolons", "\t": "tabs" };
const CSV_GAPS = new Set(["", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none"]);
const POINT_NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const COMMA_NUMBER = /^[+-]?(?:\d+(?:,\d*)?|,\d+)(?:[eE][+-]?\d+)?$/;
const PERHAPS_GROUPED = /^[+-]?[1-9]\d{0,2},\d{3}$/;
const ISO_DATE = /^(\d{4})([-/])(\d\d)\2(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?(Z|[+-]\d\d:\d\d)?)?$/;
const DIGIT_DATE = /^(\d{4})(\d\d)(\d\d)$/;

/**
 * Read a CSV text: {columns: [{name, texts, values, days, fault}], lines, separator, decimal}.
 *
 * `values` are numbers with NaN in the gaps, `days` days since 1970 of a column of dates, or null; `fault` says which
 * cell is neither. Nothing is guessed: what leaves the separator or the decimal mark open is refused with its line, and
 * choosing one (separator, decimal) settles it.
 */
export function readCsv(text, { separator = "", decimal = "" } = {}) {
  checkText(text);
  const plain = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  const table = separator ? splitCsv(plain, separator) : onlyTable(plain);
  if (table.bad) throw new Said(`line ${table.bad.line}${table.bad.why}`);
  const [header, ...rows] = table.rows;
  checkHeader(header, rows);
  const columns = header.map((name, j) => ({ name: name || `column ${j + 1}`, texts: rows.map((row) => row[j]) }));
  const mark = decimal || onlyDecimal(columns, table.lines);
  for (const column of columns) readColumn(column, mark, table.lines);
  if (columns.every((column) => !column.values)) throw new Said(`no column holds numbers: ${columns[0].fault}`);
  return { columns, lines: table.lines, separator: table.separator, decimal: mark };
}

/** A column of a table as a series, with the times of another column, or null for rows. */
export function csvSeries(table, name, timeName) {
  const column = table.columns.find((each) => each.name === name);
  if (!column) throw new Said(`the table has no column "${shortCell(name)}"`);
  if (!column.values) throw new Said(`column "${shortCell(name)}" is no series of numbers: ${column.fault}`);
  if (column.values.reduce((n, x) => n + Number.isFinite(x), 0) < 3) {
    throw new Said(`column "${shortCell(name)}" must hold at least 3 numbers`);
  }
  const time = table.columns.find((each) => each.name === timeName);
  const times = time ? timesOf(time, table.lines) : null;
  const label = time ? (i) => time.texts[i] : (i) => String(i);
  const axis = axisOf(times ?? column.values.map((_, i) => i), Boolean(time?.days), time ? time.name : "row");
  return { name, unit: "", source: "your file", values: column.values, times, label, ...axis };
}

function checkText(text) {
  const size = text.length;
  if (size > CSV_CHARACTERS) throw new Said(`the file has ${size} characters; at most ${CSV_CHARACTERS} are read`);
  const odd = text.search(/[\u0000-\u0008\u000e-\u001f\ufffd]/);
  if (odd >= 0) throw new Said(`the file is no text in UTF-8: line ${lineAt(text, odd)} is binary`);
  if (!text.trim()) throw new Said("the file is empty; it needs a line of names and lines of numbers");
}

function lineAt(text, end) {
  return text.slice(0, end).split("\n").length;
}

function onlyTable(text) {
  const tables = CSV_SEPARATORS.map((sep) => splitCsv(text, sep)).filter((table) => table.width > 1);
  const even = tables.filter((table) => !table.bad);
  if (even.length > 1) {
    const words = even.map((table) => SEPARATOR_WORDS[table.separator]).join(" and ");
    throw new Said(`${words} both cut line 1 and all others alike; choose the separator`);
  }
  if (even.length === 1) return even[0];
  if (tables.length) return tables.reduce((one, other) => (other.bad.line > one.bad.line ? other : one));
  return splitCsv(text, "");
}

/** Cells by RFC 4180: {rows, lines (from 1), width, separator, bad: {line, why} of the first that is no row}. */
function splitCsv(text, separator) {
  const table = { rows: [], lines: [], width: 0, separator, bad: null };
  const place = { at: 0, line: 1, fault: "" };
  while (place.at < text.length && !table.bad) {
    const line = place.line;
    const cells = csvRow(text, separator, place);
    const blank = cells.length === 1 && !cells[0] && !place.fault;
    if (blank && table.width !== 1) continue;
    table.width = table.width || cells.length;
    const why = place.fault || (cells.length !== table.width && unevenRow(table, cells.length));
    if (why) table.bad = { line, why };
    table.rows.push(cells);
    table.lines.push(line);
    if (table.rows.length > CSV_ROWS + 1) throw new Said(`at most ${CSV_ROWS} rows are read; the file has more`);
    if (cells.length > CSV_COLUMNS) throw new Said(`line ${line} has more than the ${CSV_COLUMNS} cells that are read`);
  }
  table.lines.shift();
  return table;
}

function csvRow(text, separator, place) {
  const cells = [];
  for (;;) {
    cells.push(text[place.at] === '"' ? quotedCell(text, place) : plainCell(text, separator, place));
    const next = text[place.at];
    if (next === undefined || place.fault) return cells;
    place.at += next === "\r" && text[place.at + 1] === "\n" ? 2 : 1;
    if (next === "\n" || next === "\r") {
      place.line += 1;
      return cells;
    }
    if (next !== separator) place.fault = `: a quote ends before the cell does; double it, "", or quote no cell`;
  }
}

function plainCell(text, separator, place) {
  const begin = place.at;
  let c;
  while ((c = text[place.at]) !== undefined && c !== separator && c !== "\n" && c !== "\r") place.at += 1;
  return text.slice(begin, place.at).trim();
}

function quotedCell(text, place) {
  const parts = [];
  for (;;) {
    const end = text.indexOf('"', place.at + 1);
    if (end < 0) place.fault = `: a quote opens here and never closes; add the closing "`;
    if (end < 0) return "";
    const part = text.slice(place.at + 1, end);
    place.line += part.split("\n").length - 1;
    parts.push(part);
    place.at = end + 1;
    if (text[place.at] !== '"') return parts.join('"').trim();
  }
}

function unevenRow({ separator, width }, cells) {
  const sign = separator === "\t" ? "a tab" : `"${separator}"`;
  return ` has ${cells} cells, the line of names ${width}; put cells that hold ${sign} in quotes, ` +
    "or choose another separator";
}

function checkHeader(header, rows) {
  if (!rows.length) throw new Said("the file has a line of names and no other; add lines of numbers");
  if (header.every((name) => POINT_NUMBER.test(name) || COMMA_NUMBER.test(name))) {
    throw new Said(`the first line must name the columns; it holds numbers, "${shortCell(header[0])}"; add names`);
  }
  const twice = header.find((name, j) => name && header.indexOf(name) !== j);
  if (twice) throw new Said(`the first line names "${shortCell(twice)}" twice; rename one of the columns`);
}

/** The one decimal mark that reads the columns; a point unless only a comma does. */
function onlyDecimal(columns, lines) {
  const commas = columns.filter(({ texts }) => !texts.every(isPoint) && texts.every(isComma));
  if (!commas.length) return ".";
  const points = columns.find(({ texts }) => texts.every(isPoint) && !texts.every(isComma));
  if (points) {
    const [row, other] = [points.texts.findIndex((t) => !isComma(t)), commas[0].texts.findIndex((t) => !isPoint(t))];
    throw new Said(`"${shortCell(points.texts[row])}" in line ${lines[row]} has a decimal point and ` +
      `"${shortCell(commas[0].texts[other])}" in line ${lines[other]} a comma; choose the decimal mark`);
  }
  const marked = commas.flatMap(({ texts }) => texts.filter((t) => t.includes(",")));
  if (marked.every((t) => PERHAPS_GROUPED.test(t))) {
    const row = commas[0].texts.indexOf(marked[0]);
    throw new Said(`"${marked[0]}" in line ${lines[row]} may be ${marked[0].replace(",", ".")} or ` +
      `${marked[0].replace(",", "")}; choose a decimal comma, or leave out the commas of thousands`);
  }
  return ",";
}

function isGap(cell) {
  return CSV_GAPS.has(cell.toLowerCase());
}

function isPoint(cell) {
  return POINT_NUMBER.test(cell) || isGap(cell);
}

function isComma(cell) {
  return COMMA_NUMBER.test(cell) || isGap(cell);
}

function readColumn(column, decimal, lines) {
  const { texts } = column;
  const fits = decimal === "," ? isComma : isPoint;
  column.days = daysOf(texts);
  const bad = texts.findIndex((cell) => !fits(cell));
  column.values = bad < 0 ? Float64Array.from(texts, (t) => (isGap(t) ? NaN : Number(t.replace(",", ".")))) : null;
  column.fault = bad < 0 ? "" : `"${shortCell(texts[bad])}" in line ${lines[bad]} is no number with a decimal ` +
    `${decimal === "," ? "comma" : "point"}${column.days ? ", but a date" : " and no date like 2020-12-31"}`;
}

/** Days since 1970 of a column whose every cell is a date in one form, else null. */
function daysOf(texts) {
  const form = [ISO_DATE, DIGIT_DATE].find((each) => each.test(texts[0]));
  if (!form) return null;
  const zoned = Boolean(form.exec(texts[0])[8]);
  const days = Float64Array.from(texts, (cell) => dayOf(form.exec(cell), form === ISO_DATE, zoned));
  return days.includes(NaN) ? null : days;
}

function dayOf(parts, iso, zoned) {
  if (!parts || (iso && Boolean(parts[8]) !== zoned)) return NaN;
  const [year, month, day] = (iso ? [parts[1], parts[3], parts[4]] : parts.slice(1)).map(Number);
  const date = Date.UTC(year, month - 1, day);
  const [hour, minute, second] = (iso ? parts.slice(5, 8) : []).map((part) => Number(part ?? 0));
  const real = year >= 1700 && year < 2200 && new Date(date).getUTCDate() === day && month >= 1 && month <= 12;
  if (!real || hour > 23 || minute > 59 || second >= 60) return NaN;
  return date / 864e5 + ((hour ?? 0) - offsetOf(parts[8])) / 24 + (minute ?? 0) / 1440 + (second ?? 0) / 86400;
}

function offsetOf(zone) {
  if (!zone || zone === "Z") return 0;
  return Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) + Number(zone.slice(4)) / 60);
}

function timesOf(column, lines) {
  const times = column.days || column.values;
  if (!times) throw new Said(`column "${shortCell(column.name)}" has no times: ${column.fault}`);
  const bad = times.findIndex((t, i) => !Number.isFinite(t) || t < times[i - 1]);
  if (bad < 0) return times;
  const before = shortCell(column.texts[bad - 1] ?? "");
  const why = Number.isFinite(times[bad]) ? `comes after "${before}"; sort the rows by time` : "is no time";
  throw new Said(`"${shortCell(column.texts[bad])}" in line ${lines[bad]}, "${shortCell(column.name)}", ${why}`);
}

function shortCell(cell) {
  return cell.length > 60 ? `${cell.slice(0, 60)}…` : cell;
}
