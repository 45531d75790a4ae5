// The sections that only show what the record says.

function headSection(report) {
  const kinds = {
    compress: "Compression", plan: "Plan by measurement", compare: "Comparison", explore: "Design space",
    recover: "Recovery training", bench: "Speed",
  };
  const figures = el("dl", {class: "figures"}, (report.figures || []).map(figure =>
    el("div", {}, el("dt", {text: figure.label}),
      el("dd", {}, el("strong", {text: figure.value}), figure.detail ? el("span", {text: figure.detail}) : null))));
  return el("header", {},
    paragraph("Lowrank " + (kinds[report.kind] || report.kind).toLowerCase(), "kind"),
    el("h1", {text: report.title}), paragraph(report.lead, "lead"), figures);
}

function warningsSection(report) {
  if (!report.warnings) return null;
  return section("warnings", "Before you use it",
    el("ul", {class: "warnings"}, report.warnings.map(text => el("li", {text}))));
}

function commandSection(report) {
  if (!report.command) return null;
  const note = report.kind === "compress" || report.kind === "plan"
    ? "Texts and model stand here without their folders; the manifest below holds their hashes."
    : null;
  return section("command", "Command", commandBlock(report.command, "The command"),
    note ? paragraph(note, "note") : null);
}

function gridTable(grid, caption) {
  const head = el("tr", {}, grid.columns.map(column =>
    el("th", {scope: "col", class: column.numeric ? "number" : null}, el("span", {text: column.name}),
      column.detail ? el("small", {text: column.detail}) : null)));
  const rows = grid.rows.map(row => el("tr", {class: row.mark ? "marked" : null}, row.cells.map((cell, i) => {
    const mark = i === 0 && row.mark ? el("span", {class: "mark", text: row.mark}) : null;
    const error = cell.error ? el("span", {class: "error", text: "\u00a0±\u00a0" + cell.error}) : null;
    return el(i === 0 ? "th" : "td", {scope: i === 0 ? "row" : null, class: grid.columns[i].numeric ? "number" : null},
      el("span", {text: cell.text}), error, mark);
  })));
  return el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption},
    el("table", {class: "results"}, el("caption", {class: "hidden", text: caption}), el("thead", {}, head),
      el("tbody", {}, rows)));
}

function resultsSection(report) {
  if (!report.results) return null;
  return section("results", "Results", gridTable(report.results, "Results"),
    report.results.legend.map(text => paragraph(text, "note")));
}

function trainingChart(caption, series, unit) {
  const {name, values} = series;
  const last = values.at(-1);
  return figure(caption, `${caption}: from ${plain(values[0][1])} to ${plain(last[1])}`,
    width => width < 500 ? 210 : 240, (picture, width, height) => {
      const {across, up} = axes(picture, width, height,
        {values: [0, last[0]], low: 0, high: last[0], log: false, format: plain, title: "step"},
        {values: values.map(v => v[1]), log: false, format: plain, title: unit});
      const at = values.map(([step, value]) => [across(step), up(value)]);
      line(picture, at, "series0");
      at.forEach(([x, y], i) => dot(picture, x, y, "series0", `step ${values[i][0]}: ${name} ${plain(values[i][1])}`, 3));
    });
}

function trainingSection(report) {
  const training = report.training;
  if (!training) return null;
  const rounds = training.rounds;
  const take = key => rounds.filter(r => r[key] !== undefined).map(r => [r.step, r[key]]);
  const perplexity = take("perplexity");
  const charts = [];
  for (const [key, caption] of [["text", "Loss on the text, mean over the steps since the look before"],
    ["teacher", "Divergence from the teacher, likewise"]]) {
    const values = take(key);
    if (values.length > 1) charts.push(trainingChart(caption, {name: key, values}, "nats a token"));
  }
  if (perplexity.length > 1) {
    charts.push(trainingChart("Perplexity on the validation text", {name: "perplexity", values: perplexity},
      "perplexity"));
  }
  if (training.blocks.length) charts.push(blocksChart(training.blocks));
  const cell = value => ({text: value === undefined ? "–" : value.toFixed(4)});
  const table = rounds.length ? el("details", {}, el("summary", {text: "The same as a table"}), gridTable({
    columns: [{name: "step", numeric: true}, {name: "text", detail: "nats a token", numeric: true},
      {name: "teacher", detail: "nats a token", numeric: true}, {name: "validation perplexity", numeric: true}],
    rows: rounds.map(r => ({cells: [{text: countText(r.step)}, cell(r.text), cell(r.teacher), cell(r.perplexity)]})),
  }, "Looks at the training")) : null;
  return section("training", "Training", el("div", {class: "charts"}, charts), table);
}

function blocksChart(blocks) {
  return figure("Relative square error of each block before and after its refinement",
    "Relative square error of each block before and after", width => width < 500 ? 220 : 260,
    (picture, width, height) => {
      const {across, up} = axes(picture, width, height,
        {values: blocks.map(b => b.block), log: false, format: plain, title: "block"},
        {values: blocks.flatMap(b => [b.before, b.after]).filter(v => v > 0), format: plain,
          title: "relative square error"});
      for (const block of blocks) {
        const x = across(block.block);
        line(picture, [[x, up(block.before)], [x, up(block.after)]], "thin");
        dot(picture, x, up(block.before), "hollow", `block ${block.block}: ${plain(block.before)} before`);
        dot(picture, x, up(block.after), "series0", `block ${block.block}: ${plain(block.after)} after`);
      }
    });
}

function notesSection(report) {
  if (!report.notes) return null;
  return section("notes", "Notes", el("ul", {class: "notes"}, report.notes.map(text => el("li", {text}))));
}

function manifestSection(report) {
  if (!report.manifest) return null;
  return section("manifest", "Manifest", el("details", {},
    el("summary", {text: "How it was made: hashes of the inputs, recipe, seeds and results of every site"}),
    el("pre", {class: "manifest", tabindex: "0", text: JSON.stringify(report.manifest, null, 1)})));
}
