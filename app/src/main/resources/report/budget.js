// The section in which the reader spends another budget.

function budgetCommand(budget, keep) {
  return budget.command.map(word => word === "{keep}" ? String(keep) : word).map(quoted).join(" ");
}

// Beyond this a prediction says no more than that the model is broken.
const MOST_SHOWN = 6;

const UNIT_WORDS = {parameters: "numbers", bytes: "bytes", "decode-bytes": "bytes read a token"};

function budgetSection(report) {
  const budget = report.budget;
  if (!budget) return null;
  const solver = makeSolver(budget);
  const whole = solver.solve(1);
  const start = Math.max(budget.keep, solver.leastKeep);
  const state = {keep: start, plan: solver.solve(start), dense: budget.reference ? budget.reference.before : null};

  const slider = el("input", {type: "range", id: "keep", min: solver.leastKeep, max: 1, step: 0.001, value: start});
  const typed = el("input", {type: "number", "aria-label": "The same share, typed", min: solver.leastKeep, max: 1,
    step: 0.001, value: start});
  const dense = el("input", {type: "number", id: "dense", min: 1, step: "any", placeholder: "unknown",
    value: state.dense === null ? null : Number(state.dense.toPrecision(6))});
  const onPaper = paragraph("", "on-paper");
  const outputs = {};
  const out = (key, label) => {
    outputs[key] = [el("strong", {}), el("span", {})];
    return el("div", {}, el("dt", {text: label}), el("dd", {}, outputs[key]));
  };
  const shown = el("dl", {class: "figures live", "aria-live": "polite"},
    out("perplexity", "Predicted perplexity"), out("nats", "Predicted divergence"), out("bytes", "Bytes of weights"),
    out("decode", "Decode bytes per token"), out("parameters", "Parameters"), out("cut", "Linears cut"));
  const map = heatMap(budget.sites, "Rank of each linear at this budget; the colour is the share of its numbers that"
    + " stays", ["little stays", "all stays"]);
  const command = commandBlock("", "The command that makes this model");
  const curve = curvePlot(budget, solver, state);

  const say = (key, value, detail) => {
    outputs[key][0].textContent = value;
    outputs[key][1].textContent = detail;
  };
  function show() {
    const {plan} = state;
    const factor = Math.exp(plan.nats);
    say("perplexity", state.dense === null ? "× " + factor.toFixed(factor < 10 ? 3 : 1)
      : (state.dense * factor).toFixed(state.dense * factor < 100 ? 2 : 1),
    state.dense === null ? "of the dense model's" : `× ${factor.toFixed(factor < 10 ? 3 : 1)} of ${plain(state.dense)}`);
    say("nats", plan.nats < 1e-4 && plan.nats > 0 ? plan.nats.toExponential(1) : plan.nats.toFixed(4), "nats a token");
    say("bytes", bytesText(plan.bytes), shareText(plan.bytes / whole.bytes) + " of dense");
    say("decode", bytesText(plan.decodeBytes), shareText(plan.decodeBytes / whole.decodeBytes) + " of dense");
    say("parameters", countText(plan.parameters), shareText(plan.parameters / whole.parameters) + " of dense");
    const cut = plan.choices.filter(choice => choice.form !== "dense").length;
    say("cut", `${cut} of ${plan.choices.length}`, cut < plan.choices.length ? "the others stay dense" : "");
    map.paint(plan.choices.map((choice, i) => rankCell(budget.sites[i], choice.form, choice.rank,
      formNumbers(budget.sites[i], choice.form, choice.rank) / (budget.sites[i].out * budget.sites[i].in))));
    command.say(budgetCommand(budget, state.keep));
    onPaper.textContent = `With ${shareText(state.keep)} of the target linears' ${UNIT_WORDS[budget.unit]}, as lowrank would`
      + " spend them by the curves that were measured:";
    slider.setAttribute("aria-valuetext", `${shareText(state.keep)} of the ${UNIT_WORDS[budget.unit]} stay`);
    curve.redraw();
  }
  function keepAt(value) {
    const keep = Math.min(1, Math.max(solver.leastKeep, value));
    const plan = Number.isFinite(keep) ? solver.solve(keep) : null;
    if (plan === null) return;
    state.keep = keep;
    state.plan = plan;
    show();
  }
  slider.addEventListener("input", () => {
    typed.value = slider.value;
    keepAt(Number(slider.value));
  });
  typed.addEventListener("change", () => {
    keepAt(Number(typed.value));
    typed.value = state.keep;
    slider.value = state.keep;
  });
  dense.addEventListener("input", () => {
    state.dense = Number(dense.value) >= 1 ? Number(dense.value) : null;
    show();
  });
  // For whoever drives the page: the plan of a share, site by site.
  window.planAt = keep => {
    const plan = solver.solve(keep);
    return plan && {...plan, command: budgetCommand(budget, keep),
      sites: plan.choices.map((choice, i) => ({name: budget.sites[i].name, form: choice.form, rank: choice.rank}))};
  };
  show();
  return section("budget", report.kind === "plan" ? "Choose a budget" : "Another budget",
    paragraph("Drag to say how much of the targets stays. The page chooses every rank again, as lowrank would, from the"
      + " curves that were measured.", "lead"),
    el("div", {class: "controls"},
      el("label", {for: "keep", text: `Share of the target linears' ${UNIT_WORDS[budget.unit]} that stays`}), slider, typed,
      el("label", {for: "dense", class: "aside", text: "Perplexity of the dense model"
        + (budget.reference ? " on " + budget.reference.text : "")}), dense),
    onPaper, shown, el("div", {class: "pair maps"}, map, el("div", {}, curve, howPredicted(budget))),
    el("h3", {text: "The command that makes this model"}), command);
}

function howPredicted(budget) {
  const fit = budget.reference && budget.reference.after
    ? ` The cross is what was measured on ${budget.reference.text}: × ${(budget.reference.after
      / budget.reference.before).toFixed(3)} at ${shareText(budget.keep)}.` : "";
  const packing = budget.thinned ? ` To keep this page small, ranks are multiples of ${budget.rankMultiple} here, as the`
    + " command says." : "";
  const rounding = budget.wide ? "" : " The curves stand here in 32 bits; where two choices are all but equal, lowrank may"
    + " choose the other.";
  return paragraph("Predicted: the divergence is the sum of what each linear, cut alone, was estimated to change the"
    + " predictions (KL at the logits, to second order, on calibration text); perplexity is the dense model's times its"
    + " exponential. What linears do to one another is not in it, nor what an update wins back, so it can be off by half"
    + " and more, most where much is cut. It ranks budgets; measure what you choose." + fit + packing + rounding, "note");
}

function curvePlot(budget, solver, state) {
  const count = 48;
  const plans = Array.from({length: count + 1}, (_, i) => solver.leastKeep + (1 - solver.leastKeep) * i / count)
    .map(keep => solver.solve(keep)).filter(plan => plan !== null && Math.exp(plan.nats) < MOST_SHOWN);
  const measured = budget.reference && budget.reference.after ? budget.reference.after / budget.reference.before : null;
  return figure("Predicted perplexity over the dense model's, by size",
    "Predicted perplexity over the dense model's, falling as more bytes stay", width => width < 500 ? 240 : 280,
    (picture, width, height) => {
      const factors = plans.map(plan => Math.exp(plan.nats));
      const {across, up, frame} = axes(picture, width, height,
        {values: plans.map(plan => plan.bytes), log: false, pad: 0.02, format: bytesText, title: "bytes of weights"},
        {values: measured ? [...factors, measured] : factors, log: true, format: v => "×" + plain(v), left: 48});
      line(picture, plans.map((plan, i) => [across(plan.bytes), up(factors[i])]), "series0");
      if (measured) {
        const at = solver.solve(Math.max(budget.keep, solver.leastKeep));
        const [x, y] = [across(at.bytes), up(measured)];
        picture.append(svg("path", {class: "line cross", d: `M${x - 5} ${y - 5}L${x + 5} ${y + 5}M${x - 5} ${y + 5}L${x + 5} ${y - 5}`}));
      }
      const factor = Math.exp(state.plan.nats);
      const x = Math.min(Math.max(across(state.plan.bytes), frame.left), frame.right);
      const y = Math.min(Math.max(up(factor), frame.top), frame.bottom);
      line(picture, [[x, frame.bottom], [x, y]], "thin");
      dot(picture, x, y, "series1", `${bytesText(state.plan.bytes)}: × ${factor.toFixed(3)}`, 6);
    });
}
