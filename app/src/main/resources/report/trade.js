// Configurations in a plane of two measures that the reader chooses.

// Configurations that no other beats in both measures, by rising first measure.
function frontOf(configurations, x, y) {
  const sign = measure => measure.lower ? 1 : -1;
  const value = (c, m) => sign(m) * c.values[m.key];
  const sorted = configurations.slice().sort((a, b) => value(a, x) - value(b, x) || value(a, y) - value(b, y));
  const front = [];
  for (const one of sorted) {
    if (!front.length || value(one, y) < value(front.at(-1), y)) front.push(one);
  }
  return front;
}

function chooser(label, measures, chosen, change) {
  const select = el("select", {}, measures.map((m, i) => el("option", {value: i, selected: i === chosen, text: m.name})));
  select.addEventListener("change", () => change(Number(select.value)));
  return el("label", {class: "choice"}, el("span", {text: label}), select);
}

function configurationText(c, measures) {
  return c.name + "\n" + measures.filter(m => c.values[m.key] !== undefined)
    .map(m => m.name + ": " + measureText(m.unit, c.values[m.key])).join("\n");
}

// Labels beside points, as many as have room.
function labels(picture, points, width) {
  const taken = [];
  for (const {x, y, text, kind} of points) {
    const wide = text.length * 6.4;
    const right = x + 10 + wide < width;
    const box = {left: right ? x + 8 : x - 8 - wide, top: y - 15, right: right ? x + 8 + wide : x - 8, bottom: y + 1};
    if (box.left < 0 || taken.some(t => t.left < box.right && t.right > box.left && t.top < box.bottom
        && t.bottom > box.top)) {
      continue;
    }
    taken.push(box);
    picture.append(svg("text", {x: right ? x + 8 : x - 8, y: y - 4, "text-anchor": right ? "start" : "end",
      class: "label " + kind, text}));
  }
}

function tradeSection(report) {
  const trade = report.trade;
  if (!trade) return null;
  let x = trade.measures[0];
  let y = trade.measures[1] || x;
  const shown = () => trade.configurations.filter(
    c => c.values[x.key] !== undefined && c.values[y.key] !== undefined);
  const better = m => m.lower ? "less is better" : "more is better";
  const plot = figure("", "Configurations by two measures; the table below has the same numbers",
    width => width < 600 ? 320 : 420, (picture, width, height) => {
      const all = shown();
      if (!all.length) return;
      const error = (c, m) => (c.errors || {})[m.key] || 0;
      const spread = all.flatMap(c => [c.values[y.key] - error(c, y), c.values[y.key] + error(c, y)]);
      const {across, up} = axes(picture, width, height,
        {values: all.map(c => c.values[x.key]), format: v => measureText(x.unit, v), title: `${x.name}, ${better(x)}`},
        {values: spread, format: v => measureText(y.unit, v), title: `${y.name}, ${better(y)}`, left: 62});
      const place = c => [across(c.values[x.key]), up(c.values[y.key])];
      const front = frontOf(all, x, y);
      line(picture, front.map(place), "front");
      for (const c of all) {
        const [px, py] = place(c);
        const off = error(c, y);
        if (off) line(picture, [[px, up(c.values[y.key] - off)], [px, up(c.values[y.key] + off)]], "thin");
        dot(picture, px, py, c.reference ? "reference" : front.includes(c) ? "series0" : "hollow",
          configurationText(c, trade.measures), c.reference ? 6 : 4.5);
      }
      const wanted = [...all.filter(c => c.reference), ...front.filter(c => !c.reference),
        ...(all.length <= 12 ? all.filter(c => !c.reference && !front.includes(c)) : [])];
      labels(picture, wanted.map(c => ({x: place(c)[0], y: place(c)[1], text: c.name, kind: front.includes(c)
        || c.reference ? "strong" : ""})), width);
    });
  const choose = trade.measures.length < 3 ? null : el("div", {class: "choices"},
    chooser("Across", trade.measures, 0, i => {
      x = trade.measures[i];
      plot.redraw();
    }),
    chooser("Up", trade.measures, 1, i => {
      y = trade.measures[i];
      plot.redraw();
    }));
  return section("trade", "What each choice costs and buys", choose, plot,
    paragraph("Filled points on the line are the Pareto front of the two measures: none of the others is better in one"
      + " of them without being worse in the other.", "note"),
    report.results ? null : configurationsTable(trade));
}

function configurationsTable(trade) {
  const settings = [...new Set(trade.configurations.flatMap(c => Object.keys(c.settings || {})))];
  const rows = trade.configurations.map(c => ({
    mark: c.reference ? "reference" : c.front ? "front" : "",
    cells: [{text: c.name}, ...settings.map(key => ({text: (c.settings || {})[key] || "–"})),
      ...trade.measures.map(m => ({
        text: c.values[m.key] === undefined ? "–" : measureText(m.unit, c.values[m.key]),
        error: (c.errors || {})[m.key] ? measureText(m.unit, c.errors[m.key]) : "",
      }))],
  }));
  const table = gridTable({columns: [{name: "configuration"}, ...settings.map(name => ({name})),
    ...trade.measures.map(m => ({name: m.name, detail: m.unit === "bytes" ? "" : m.unit, numeric: true}))], rows},
  "All configurations");
  return rows.length <= 12 ? table
    : el("details", {}, el("summary", {text: `All ${rows.length} configurations as a table`}), table);
}
