import { short } from "./charts.js";
import { look } from "./controls.js";

/** Cells in a row of a map, and rows. */
export const BASIN_SIDE = 100;

/** Rows in the order in which they are filled, those far apart first; each stands for `gap` rows until they come. */
export const BASIN_ORDER = [32, 16, 8, 4, 2, 1].flatMap((gap, level) => {
  const rows = Array.from({ length: Math.ceil(BASIN_SIDE / gap) }, (_, k) => k * gap);
  return rows.filter((row) => level === 0 || row % (2 * gap)).map((row) => ({ row, gap }));
});

/** Fill the next row of a map. */
export function basinAdvance(map) {
  const { value } = map.work.next();
  const { row, gap } = BASIN_ORDER[map.done];
  map.ends.set(value.end, row * BASIN_SIDE);
  map.when.set(value.when, row * BASIN_SIDE);
  map.source.fill(row, row, Math.min(row + gap, BASIN_SIDE));
  map.done += 1;
}

/** Colours of the ends, paler the later they were reached. */
export function basinPicture({ ends, when, source }, colours, steps) {
  const data = new Uint8ClampedArray(4 * BASIN_SIDE * BASIN_SIDE);
  const table = new Map();
  const late = Float64Array.from({ length: steps + 1 }, (_, k) => (0.6 * Math.log(k + 1)) / Math.log(steps + 1));
  for (let row = 0; row < BASIN_SIDE; row += 1) {
    for (let i = 0; i < BASIN_SIDE && source[row] >= 0; i += 1) {
      const from = source[row] * BASIN_SIDE + i;
      const end = ends[from];
      if (!table.has(end)) table.set(end, basinTone(end, colours));
      const colour = table.get(end);
      const part = end === -2 ? 0 : late[when[from]];
      const place = 4 * ((BASIN_SIDE - 1 - row) * BASIN_SIDE + i);
      for (let c = 0; c < 3; c += 1) data[place + c] = colour[c] + (colours.high[c] - colour[c]) * part;
      data[place + 3] = 255;
    }
  }
  return { width: BASIN_SIDE, height: BASIN_SIDE, data };
}

function basinTone(end, colours) {
  const hex = end === -1 ? colours.gone : end === -2 ? colours.grid : colours.palette[end % 6];
  return [1, 3, 5].map((place) => parseInt(hex.slice(place, place + 2), 16));
}

/** What an end is called, with its colour and its share of all starts, as a legend has it. */
export function basinItem({ arena }, end, share) {
  const where = arena.surface.minima[end]?.at.map((value) => short(value)).join(", ");
  const name = end >= 0 ? `minimum at (${where})` : end === -1 ? "escaped or diverged" : "still under way";
  const color = `rgb(${basinTone(end, look()).join(",")})`;
  return { name: `${name}  ${short(100 * share, 2)} %`, color, shape: "square", dash: [] };
}
