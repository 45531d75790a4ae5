// Plots as SVG. A plot is drawn for the width that it has, so that its text stays as large as the page's.

function ticksLinear(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return ticks;
}

function ticksLog(low, high, count) {
  const decades = Math.log10(high / low);
  const marks = decades > count ? [1] : decades > 1 ? [1, 2, 5] : null;
  if (marks === null) return ticksLinear(low, high, count);
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const mark of marks) {
      const value = mark * 10 ** power;
      if (value >= low * 0.999 && value <= high * 1.001) ticks.push(value);
    }
  }
  const every = Math.ceil(ticks.length / (count + 1));
  return ticks.filter((_, i) => i % every === 0);
}

// Maps values to pixels. `log` where the values span more than a plot shows well otherwise.
function scale(values, from, to, options = {}) {
  let low = options.low ?? Math.min(...values);
  let high = options.high ?? Math.max(...values);
  const log = options.log ?? (low > 0 && high / low > 20);
  if (low === high) {
    low = log ? low / 1.1 : low - (Math.abs(low) * 0.1 || 1);
    high = log ? high * 1.1 : high + (Math.abs(high) * 0.1 || 1);
  }
  const pad = options.pad ?? 0.06;
  if (log) {
    const more = (high / low) ** pad;
    if (options.low === undefined) low /= more;
    if (options.high === undefined) high *= more;
  } else {
    const more = (high - low) * pad;
    if (options.low === undefined) low = low >= 0 && low - more < 0 ? 0 : low - more;
    if (options.high === undefined) high += more;
  }
  const position = log ? Math.log : x => x;
  const a = position(low);
  const b = position(high);
  const map = value => from + (position(value) - a) / (b - a) * (to - from);
  map.ticks = count => (log ? ticksLog : ticksLinear)(low, high, count);
  map.low = low;
  return map;
}

// A figure with a caption whose plot is drawn again when its width changes.
function figure(caption, describe, height, draw) {
  const holder = el("div", {class: "plot"});
  let drawn = 0;
  const redraw = () => {
    const width = Math.round(holder.clientWidth) || 640;
    drawn = width;
    const tall = Math.round(typeof height === "function" ? height(width) : height);
    const picture = svg("svg", {viewBox: `0 0 ${width} ${tall}`, role: "img", "aria-label": describe});
    draw(picture, width, tall);
    holder.replaceChildren(picture);
  };
  // In the next frame: what is drawn while sizes are being told would be told again in the same one.
  new ResizeObserver(() => requestAnimationFrame(() => {
    if (Math.abs(holder.clientWidth - drawn) > 1) redraw();
  })).observe(holder);
  const result = el("figure", {}, holder, caption ? el("figcaption", {text: caption}) : null);
  result.redraw = redraw;
  return result;
}

// Axes with light lines behind the data. Returns the two scales.
function axes(picture, width, height, x, y) {
  const left = y.left ?? 52;
  const frame = {left, right: width - 14, top: y.title ? 24 : 10, bottom: height - (x.title ? 40 : 24)};
  const across = scale(x.values, frame.left, frame.right, x);
  const up = scale(y.values, frame.bottom, frame.top, y);
  const grid = svg("g", {class: "grid"});
  for (const tick of up.ticks(y.count ?? 5)) {
    grid.append(svg("line", {x1: frame.left, x2: frame.right, y1: up(tick), y2: up(tick)}),
      svg("text", {x: frame.left - 8, y: up(tick) + 4, "text-anchor": "end", text: y.format(tick)}));
  }
  const room = Math.max(2, Math.floor((frame.right - frame.left) / (x.room ?? 80)));
  for (const tick of across.ticks(x.count ?? room)) {
    const at = across(tick);
    const anchor = at > width - 24 ? "end" : "middle";
    grid.append(svg("line", {class: "tick", x1: at, x2: at, y1: frame.bottom, y2: frame.bottom + 4}),
      svg("text", {x: Math.min(at, width - 2), y: frame.bottom + 17, "text-anchor": anchor, text: x.format(tick)}));
  }
  grid.append(svg("line", {class: "base", x1: frame.left, x2: frame.right, y1: frame.bottom, y2: frame.bottom}));
  if (x.title) {
    grid.append(svg("text", {class: "name", x: frame.right, y: height - 4, "text-anchor": "end", text: x.title}));
  }
  if (y.title) grid.append(svg("text", {class: "name", x: 0, y: 12, text: y.title}));
  picture.append(grid);
  return {across, up, frame};
}

const pathOf = points => points.map(([x, y], i) => (i ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1)).join("");

function line(picture, points, kind, attributes = {}) {
  picture.append(svg("path", {d: pathOf(points), class: "line " + kind, ...attributes}));
}

function dot(picture, x, y, kind, title, radius = 4) {
  const mark = svg("circle", {cx: x.toFixed(1), cy: y.toFixed(1), r: radius, class: "dot " + kind});
  if (title) mark.append(svg("title", {text: title}));
  picture.append(mark);
  return mark;
}
