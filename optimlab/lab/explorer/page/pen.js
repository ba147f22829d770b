/** A pen on a canvas, sharp at any pixel ratio. Points are flat: x, y, x, y, ...; a NaN lifts the pen. */
export class CanvasPen {
  constructor(canvas, width, height, zoom = 1) {
    const ratio = zoom * (globalThis.devicePixelRatio || 1);
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
    this.width = width;
    this.height = height;
    this.context = canvas.getContext("2d");
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.context.clearRect(0, 0, width, height);
  }

  /** A polyline: style {color, width, dash, opacity}. */
  line(points, style) {
    const { context } = this;
    penTrace(context, points);
    context.globalAlpha = style.opacity ?? 1;
    context.strokeStyle = style.color;
    context.lineWidth = style.width ?? 1.5;
    context.lineJoin = "bevel";
    context.setLineDash(style.dash ?? []);
    context.stroke();
    context.globalAlpha = 1;
  }

  /** A filled polygon: style {color, opacity}. */
  area(points, style) {
    const { context } = this;
    penTrace(context, points);
    context.globalAlpha = style.opacity ?? 1;
    context.fillStyle = style.color;
    context.fill();
    context.globalAlpha = 1;
  }

  /** A marker of one of MARKERS: style {color, edge, shape}. */
  dot(x, y, radius, style) {
    const outline = markerPoints(style.shape, x, y, radius);
    this.area(outline, style);
    if (style.edge) this.line(outline, { color: style.edge, width: style.width ?? 1.5 });
  }

  /** A string at x, y: style {color, size, align: start|middle|end, weight, turn in degrees, halo}. */
  text(x, y, string, style) {
    const { context } = this;
    context.save();
    context.translate(x, y);
    context.rotate(((style.turn ?? 0) * Math.PI) / 180);
    context.font = `${style.weight ?? 400} ${style.size ?? 16}px ${PEN_FONT}`;
    context.textAlign = { middle: "center" }[style.align] ?? style.align ?? "start";
    if (style.halo) {
      context.strokeStyle = style.halo;
      context.lineWidth = 4;
      context.lineJoin = "round";
      context.setLineDash([]);
      context.strokeText(string, 0, 0);
    }
    context.fillStyle = style.color;
    context.fillText(string, 0, 0);
    context.restore();
  }

  /** A picture {width, height, data: RGBA bytes} stretched over a box; smooth or in blocks. */
  image(x, y, width, height, picture, smooth) {
    this.context.imageSmoothingEnabled = smooth === true;
    this.context.drawImage(penBitmap(picture), x, y, width, height);
  }

  /** What `draw` draws, cut off at the box x, y, width, height. */
  group([x, y, width, height], draw) {
    this.context.save();
    this.context.beginPath();
    this.context.rect(x, y, width, height);
    this.context.clip();
    draw();
    this.context.restore();
  }
}

/** The same pen, writing the text of an SVG file. */
export class SvgPen {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.parts = [];
    this.clips = 0;
  }

  line(points, style) {
    const dash = style.dash?.length ? ` stroke-dasharray="${style.dash.join(" ")}"` : "";
    this.parts.push(
      `<path d="${penPath(points)}" fill="none" stroke="${style.color}" stroke-width="${style.width ?? 1.5}"` +
        ` opacity="${style.opacity ?? 1}"${dash}/>`,
    );
  }

  area(points, style) {
    this.parts.push(`<path d="${penPath(points)}Z" fill="${style.color}" opacity="${style.opacity ?? 1}"/>`);
  }

  dot(x, y, radius, style) {
    const outline = markerPoints(style.shape, x, y, radius);
    this.area(outline, style);
    if (style.edge) this.line(outline, { color: style.edge, width: style.width ?? 1.5 });
  }

  text(x, y, string, style) {
    const turn = style.turn ? ` transform="rotate(${style.turn} ${penRound(x)} ${penRound(y)})"` : "";
    const halo = style.halo ? ` stroke="${style.halo}" stroke-width="4" paint-order="stroke"` : "";
    this.parts.push(
      `<text x="${penRound(x)}" y="${penRound(y)}" font-family="${PEN_FONT}" font-size="${style.size ?? 16}"` +
        ` font-weight="${style.weight ?? 400}" text-anchor="${style.align ?? "start"}" fill="${style.color}"` +
        `${turn}${halo}>${penEscape(string)}</text>`,
    );
  }

  image(x, y, width, height, picture, smooth) {
    const rendering = smooth === true ? "auto" : "pixelated";
    this.parts.push(
      `<image x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none"` +
        ` image-rendering="${rendering}" href="${penBitmap(picture).toDataURL("image/png")}"/>`,
    );
  }

  group([x, y, width, height], draw) {
    const name = `clip${(this.clips += 1)}`;
    this.parts.push(
      `<clipPath id="${name}"><rect x="${x}" y="${y}" width="${width}" height="${height}"/></clipPath>` +
        `<g clip-path="url(#${name})">`,
    );
    draw();
    this.parts.push("</g>");
  }

  /** Makes the page so high, on paper of a colour. */
  page(height, color) {
    this.height = height;
    this.parts.unshift(`<rect width="${this.width}" height="${height}" fill="${color}"/>`);
  }

  /** The whole file. */
  file() {
    const size = `width="${this.width}" height="${this.height}" viewBox="0 0 ${this.width} ${this.height}"`;
    return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>\n${this.parts.join("\n")}\n</svg>\n`;
  }
}

/** Shapes of markers, so that no contestant is told by its colour alone. */
export const MARKERS = ["circle", "square", "triangle", "diamond", "cross", "wedge"];

const PEN_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const penBitmaps = new WeakMap();
const PEN_CORNERS = {
  square: [-1, -1, 1, -1, 1, 1, -1, 1, -1, -1],
  triangle: [0, -1.25, 1.15, 0.9, -1.15, 0.9, 0, -1.25],
  diamond: [0, -1.35, 1.35, 0, 0, 1.35, -1.35, 0, 0, -1.35],
  wedge: [0, 1.25, 1.15, -0.9, -1.15, -0.9, 0, 1.25],
  cross: [
    -1.3, -0.45, -0.45, -0.45, -0.45, -1.3, 0.45, -1.3, 0.45, -0.45, 1.3, -0.45, 1.3, 0.45, 0.45, 0.45, 0.45, 1.3,
    -0.45, 1.3, -0.45, 0.45, -1.3, 0.45, -1.3, -0.45,
  ],
  circle: Array.from({ length: 50 }, (_, i) => (i % 2 ? Math.sin : Math.cos)((Math.floor(i / 2) * Math.PI) / 12)),
};

function markerPoints(shape, x, y, radius) {
  return (PEN_CORNERS[shape] ?? PEN_CORNERS.circle).map((corner, i) => (i % 2 ? y : x) + 0.9 * radius * corner);
}

function penTrace(context, points) {
  context.beginPath();
  let down = false;
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i];
    const y = points[i + 1];
    if (!(Math.abs(x) < 1e5 && Math.abs(y) < 1e5)) down = false;
    else if (down) context.lineTo(x, y);
    else {
      context.moveTo(x, y);
      down = true;
    }
  }
}

function penPath(points) {
  const parts = [];
  let down = false;
  for (let i = 0; i < points.length; i += 2) {
    if (!(Math.abs(points[i]) < 1e5 && Math.abs(points[i + 1]) < 1e5)) down = false;
    else {
      parts.push(`${down ? "L" : "M"}${penRound(points[i])} ${penRound(points[i + 1])}`);
      down = true;
    }
  }
  return parts.join("");
}

function penRound(value) {
  return Math.round(value * 100) / 100;
}

function penEscape(string) {
  return String(string).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}

function penBitmap(picture) {
  if (!penBitmaps.has(picture)) {
    const canvas = document.createElement("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
    penBitmaps.set(picture, canvas);
  }
  return penBitmaps.get(picture);
}
